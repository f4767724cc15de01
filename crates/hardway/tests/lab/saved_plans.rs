//! Saved, narrowed and refused plans, and what a look leaves behind: on a cluster that another test brought up.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{LabWorkspace, files_below};

/// A file that nothing restarts for.
const FILE: &str = "/etc/modules-load.d/kubernetes.conf";

pub fn plans_are_kept_to(lab: &LabWorkspace) {
    the_workspace_is_looked_at_and_left_alone(lab);
    a_saved_plan_is_done_or_refused(lab);
    a_narrowed_plan_says_what_it_leaves(lab);
    apply_asks_on_a_terminal(lab);
}

/// Every file of the workspace that a command could have written; the lab's own and past runs are none.
fn workspace(lab: &LabWorkspace) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = lab.root();
    let files = files_below(&root).into_iter().filter(|path| !path.starts_with(".hardway"));
    files.map(|path| (path.clone(), std::fs::read(root.join(path)).expect("the file can be read"))).collect()
}

/// A certificate that is missing and a kubeconfig that is damaged are said by all that look, and put right by apply.
fn the_workspace_is_looked_at_and_left_alone(lab: &LabWorkspace) {
    let kubeconfig = lab.root().join("configs/admin/admin.kubeconfig");
    let whole = std::fs::read_to_string(&kubeconfig).expect("apply wrote it");
    std::fs::write(&kubeconfig, whole.replace("client-key-data: ", "client-key-data: AAAA"))
        .expect("it can be written");
    for name in ["calico-cni.pem", "calico-cni-key.pem"] {
        std::fs::remove_file(lab.root().join("pki/clients").join(name)).expect("the file can be removed");
    }
    let before = workspace(lab);
    let (code, plan) = lab.run(&["plan", "--no-diff"]);
    assert_eq!(code, 3);
    for line in
        ["Issue pki/clients/calico-cni.pem  (missing)", "Write configs/admin/admin.kubeconfig  (content differs)"]
    {
        assert!(plan.contains(line), "the plan does not say {line:?}");
    }
    lab.ok(&["status"]);
    let (code, checks) = lab.run(&["verify"]);
    assert_eq!(code, 3);
    assert!(checks.lines().any(|line| line.starts_with("FAIL") && line.contains("kubeconfig")), "{checks}");
    assert!(before == workspace(lab), "a command that only looks wrote into the workspace");

    lab.ok(&["apply", "--yes"]);
    assert_eq!(std::fs::read_to_string(&kubeconfig).expect("it is there"), whole);
    assert_eq!(lab.json(&["plan", "-o", "json"])["workspace"], serde_json::json!([]));
}

fn a_saved_plan_is_done_or_refused(lab: &LabWorkspace) {
    let file = lab.root().join("change.json");
    let file = file.to_str().expect("the path is text");
    lab.ssh("w1", &format!("echo '# by hand' >>{FILE}"));
    let (code, _) = lab.run(&["plan", "--out", file]);
    assert_eq!(code, 3);

    // The machine moves: the same file again, otherwise, and another thing.
    lab.ssh("w1", &format!("echo '# again' >>{FILE}; chmod 644 /var/lib/kubelet/kubelet-config.yaml"));
    let (code, said) = lab.refused(&["apply", file]);
    assert_eq!(code, 2);
    assert!(said.contains(&format!("w1: what it is about changed since: Write {FILE}")), "{said}");
    assert!(said.contains("w1: needed now: ") && said.contains("/var/lib/kubelet/kubelet-config.yaml"), "{said}");
    assert!(lab.ssh("w1", &format!("cat {FILE}")).contains("# again"), "a refused plan did something");

    // The spec moves.
    let (code, _) = lab.run(&["plan", "--out", file]);
    assert_eq!(code, 3);
    let text = lab.spec();
    lab.write_spec(&format!("{text}# a remark\n"));
    let (code, said) = lab.refused(&["apply", file]);
    assert_eq!(code, 2);
    assert!(said.contains("cluster.yaml changed since"), "{said}");
    lab.write_spec(&text);

    // Nothing moves, and just that is done; a second time it is no longer needed.
    lab.ok(&["apply", file]);
    assert!(!lab.ssh("w1", &format!("cat {FILE}")).contains("# by hand"));
    let (code, said) = lab.refused(&["apply", file]);
    assert_eq!(code, 2);
    assert!(said.contains(&format!("w1: no longer needed: Write {FILE}")), "{said}");
}

fn a_narrowed_plan_says_what_it_leaves(lab: &LabWorkspace) {
    for machine in ["cp1", "w1"] {
        lab.ssh(machine, &format!("echo '# by hand' >>{FILE}"));
    }
    let (code, plan) = lab.run(&["plan", "--only", "w1", "-o", "json"]);
    assert_eq!(code, 3);
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("-o json prints JSON");
    assert_eq!(plan["only"], serde_json::json!(["w1"]));
    assert!(plan["stages"].as_array().expect("a list").iter().all(|stage| stage["place"] != "cp1"), "{plan:#}");
    assert_eq!(plan["leftOut"][0]["place"], "cp1");

    lab.ok(&["apply", "--yes", "--only-role", "worker"]);
    assert!(!lab.ssh("w1", &format!("cat {FILE}")).contains("# by hand"));
    assert!(lab.ssh("cp1", &format!("cat {FILE}")).contains("# by hand"));
    lab.ok(&["apply", "--yes"]);
}

/// On a terminal of script(1): "no" leaves everything as it is.
fn apply_asks_on_a_terminal(lab: &LabWorkspace) {
    lab.ssh("w1", &format!("echo '# by hand' >>{FILE}"));
    let apply = format!("{} -C {} apply", env!("CARGO_BIN_EXE_hardway"), lab.root().display());
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &apply, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("util-linux is there");
    terminal.stdin.take().expect("it is piped").write_all(b"n\n").expect("it reads");
    let output = terminal.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("Write {FILE}")) && said.contains("apply this? [y/N]"), "{said}");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(lab.ssh("w1", &format!("cat {FILE}")).contains("# by hand"), "it was done without a yes");
    lab.ok(&["apply", "--yes"]);
}
