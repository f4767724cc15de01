//! What was changed behind hardway's back: each alone, then all of it together.
//!
//! A row makes its drift as an administrator would. The plan must name it, with the reason, and must start, restart and
//! reload exactly the units that the row says; after apply the plan is empty again and the row's own look at the machine
//! finds it repaired.

use serde_json::Value;

use crate::support::LabWorkspace;

struct Drift {
    machine: &'static str,
    /// Shell that makes it.
    make: &'static str,
    /// What the plan names: resources, each with a part of its reason.
    named: &'static [(&'static str, &'static str)],
    /// Units that apply starts, restarts or reloads.
    units: &'static [&'static str],
    /// Shell that succeeds once it is repaired.
    repaired: &'static str,
}

/// In the cluster: arguments of kubectl that make it, the object, and a part of the reason.
struct ObjectDrift {
    make: &'static [&'static str],
    named: (&'static str, &'static str),
}

/// Nothing of this is drift: it is the administrator's own, or makes no difference.
const NO_DRIFT: [(&str, &str); 6] = [
    ("w2", "touch /etc/containerd/config.toml /var/lib/kubelet/kubeconfig /usr/local/bin/kubelet"),
    ("w2", "cp -p /etc/kubernetes/pki/ca.pem /root/ca.pem; mv /root/ca.pem /etc/kubernetes/pki/ca.pem"),
    ("lb", "rm -r /var/lib/hardway/started"),
    ("w2", "echo '192.0.2.7 printer' >>/etc/hosts; echo 'vm.swappiness = 10' >/etc/sysctl.d/50-own.conf"),
    (
        "w2",
        "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\nNice=1\n' >/etc/systemd/system/ssh.service.d/own.conf",
    ),
    ("w1", "systemctl restart kube-proxy"),
];

const ON_MACHINES: [Drift; 38] = [
    // Files.
    Drift {
        machine: "w1",
        make: "echo '# by hand' >>/etc/containerd/config.toml",
        named: &[("file:/etc/containerd/config.toml", "content differs")],
        // It runs with what it read when the file was right.
        units: &[],
        repaired: "! grep 'by hand' /etc/containerd/config.toml",
    },
    Drift {
        machine: "w1",
        make: "chmod 644 /var/lib/kubelet/kubelet-config.yaml",
        named: &[("file:/var/lib/kubelet/kubelet-config.yaml", "mode is 644, should be 600")],
        units: &[],
        repaired: "test \"$(stat -c %a /var/lib/kubelet/kubelet-config.yaml)\" = 600",
    },
    Drift {
        machine: "w1",
        make: "chown nobody /etc/cni/net.d/10-calico.conflist",
        named: &[("file:/etc/cni/net.d/10-calico.conflist", "owner is nobody:root, should be root:root")],
        units: &[],
        repaired: "test \"$(stat -c %U /etc/cni/net.d/10-calico.conflist)\" = root",
    },
    Drift {
        machine: "w1",
        make: "rm /etc/modules-load.d/kubernetes.conf",
        named: &[("file:/etc/modules-load.d/kubernetes.conf", "missing")],
        units: &[],
        repaired: "grep -x br_netfilter /etc/modules-load.d/kubernetes.conf",
    },
    Drift {
        machine: "cp1",
        make: "mv /etc/kubernetes/audit-policy.yaml /root/; ln -s /root/audit-policy.yaml /etc/kubernetes/",
        named: &[("file:/etc/kubernetes/audit-policy.yaml", "a link to /root/audit-policy.yaml stands in its place")],
        units: &[],
        repaired: "test ! -L /etc/kubernetes/audit-policy.yaml",
    },
    Drift {
        machine: "cp1",
        make: "chmod 755 /etc/kubernetes/pki",
        named: &[("directory:/etc/kubernetes/pki", "mode is 755, should be 700")],
        units: &[],
        repaired: "test \"$(stat -c %a /etc/kubernetes/pki)\" = 700",
    },
    Drift {
        machine: "cp1",
        make: "chown nobody /etc/etcd/pki",
        named: &[("directory:/etc/etcd/pki", "owner is nobody:etcd, should be root:etcd")],
        units: &[],
        repaired: "test \"$(stat -c %U /etc/etcd/pki)\" = root",
    },
    // Certificates and kubeconfigs.
    Drift {
        machine: "w2",
        make: "cp /var/lib/kube-proxy/kubeconfig /var/lib/kubelet/kubeconfig; systemctl restart kubelet",
        named: &[("file:/var/lib/kubelet/kubeconfig", "content differs")],
        units: &["kubelet.service"],
        repaired: "! cmp -s /var/lib/kube-proxy/kubeconfig /var/lib/kubelet/kubeconfig",
    },
    Drift {
        machine: "cp1",
        make: "cp /etc/kubernetes/pki/ca.pem /etc/etcd/pki/root.pem",
        named: &[("file:/etc/etcd/pki/root.pem", "content differs")],
        units: &[],
        repaired: "! cmp -s /etc/kubernetes/pki/ca.pem /etc/etcd/pki/root.pem",
    },
    // Another pair was served, and the right one is on disk again with its old times.
    Drift {
        machine: "cp1",
        make: "cd /etc/kubernetes/pki; for f in '' -key; do cp -p kube-scheduler$f.pem /root/s$f.pem; \
               cp -p kube-controller-manager$f.pem kube-scheduler$f.pem; done; systemctl restart kube-scheduler; \
               for f in '' -key; do cp -p /root/s$f.pem kube-scheduler$f.pem; done",
        named: &[("unit:kube-scheduler.service", "kube-scheduler.pem is newer than what its process has read")],
        units: &["kube-scheduler.service"],
        repaired: "openssl s_client -connect 127.0.0.1:10259 </dev/null 2>/dev/null | openssl x509 -noout -subject | \
                   grep -v controller || ! command -v openssl",
    },
    // Units.
    Drift {
        machine: "cp1",
        make: "systemctl stop kube-controller-manager",
        named: &[("unit:kube-controller-manager.service", "is inactive")],
        units: &["kube-controller-manager.service"],
        repaired: "systemctl is-active kube-controller-manager",
    },
    Drift {
        machine: "w2",
        make: "systemctl disable containerd",
        named: &[("unit:containerd.service", "is disabled")],
        units: &[],
        repaired: "systemctl is-enabled containerd",
    },
    Drift {
        machine: "w2",
        make: "rm /etc/systemd/system/kube-proxy.service; systemctl mask --now kube-proxy",
        named: &[
            ("file:/etc/systemd/system/kube-proxy.service", "a link to /dev/null stands in its place"),
            ("unit:kube-proxy.service", "is masked"),
        ],
        units: &["kube-proxy.service"],
        repaired: "systemctl is-active kube-proxy && systemctl is-enabled kube-proxy",
    },
    Drift {
        machine: "cp1",
        make: "systemctl mask --now nginx",
        named: &[("unit:nginx.service", "is masked")],
        units: &["nginx.service"],
        repaired: "systemctl is-active nginx && systemctl is-enabled nginx",
    },
    Drift {
        machine: "lb",
        make: "systemctl mask --runtime haproxy",
        named: &[("unit:haproxy.service", "is masked-runtime")],
        units: &[],
        repaired: "systemctl is-enabled haproxy",
    },
    Drift {
        machine: "cp1",
        make: "sed -i 's/^Restart=.*/Restart=no/' /etc/systemd/system/kube-scheduler.service; systemctl daemon-reload",
        named: &[("file:/etc/systemd/system/kube-scheduler.service", "content differs")],
        units: &[],
        repaired: "systemctl show -p Restart kube-scheduler | grep -x Restart=always",
    },
    Drift {
        machine: "w1",
        make: "mkdir -p /etc/systemd/system/kube-proxy.service.d; cd /etc/systemd/system/kube-proxy.service.d; \
               printf '[Service]\nEnvironment=BY=HAND\n' >x.conf; systemctl daemon-reload; systemctl restart kube-proxy",
        named: &[("unit:kube-proxy.service", "it changes kube-proxy.service and is not hardway's")],
        units: &["kube-proxy.service"],
        repaired: "! grep -z BY=HAND /proc/$(systemctl show -p MainPID --value kube-proxy)/environ",
    },
    // systemd has not read this one yet.
    Drift {
        machine: "w1",
        make: "mkdir -p /run/systemd/system/kubelet.service.d; \
               printf '[Service]\nNice=5\n' >/run/systemd/system/kubelet.service.d/nice.conf",
        named: &[("unit:kubelet.service", "it changes kubelet.service and is not hardway's")],
        units: &["kubelet.service"],
        repaired: "test ! -e /run/systemd/system/kubelet.service.d/nice.conf",
    },
    Drift {
        machine: "cp1",
        make: "systemctl set-property kube-scheduler.service TasksMax=77",
        named: &[("unit:kube-scheduler.service", "it changes kube-scheduler.service and is not hardway's")],
        units: &["kube-scheduler.service"],
        repaired: "! systemctl show -p TasksMax kube-scheduler | grep -x TasksMax=77",
    },
    // On a part of the name.
    Drift {
        machine: "w2",
        make: "mkdir -p /etc/systemd/system/kube-.service.d; \
               printf '[Service]\nNice=5\n' >/etc/systemd/system/kube-.service.d/nice.conf; systemctl daemon-reload",
        named: &[
            ("unit:kube-proxy.service", "it changes kube-proxy.service and is not hardway's"),
            ("unit:kube-api-balancer.service", "it changes kube-api-balancer.service and is not hardway's"),
        ],
        units: &["kube-proxy.service", "kube-api-balancer.service"],
        repaired: "test ! -e /etc/systemd/system/kube-.service.d/nice.conf",
    },
    // Processes that are not what the files say.
    Drift {
        machine: "cp1",
        make: "d=/run/systemd/system/kube-controller-manager.service.d; mkdir -p $d; \
               printf '[Service]\nExecStart=\n' >$d/x.conf; \
               sed -n '/^ExecStart=/,/[^\\]$/p' /etc/systemd/system/kube-controller-manager.service | \
               sed '$s/$/ --v=3/' >>$d/x.conf; systemctl daemon-reload; \
               systemctl restart kube-controller-manager; rm -r $d; systemctl daemon-reload",
        named: &[("unit:kube-controller-manager.service", "--v=3")],
        units: &["kube-controller-manager.service"],
        repaired: "! grep -z -e --v=3 /proc/$(systemctl show -p MainPID --value kube-controller-manager)/cmdline",
    },
    Drift {
        machine: "w1",
        make: "cd /var/lib/kube-proxy; cp -p kube-proxy-config.yaml /root/; \
               sed -i 's/^mode:.*/mode: iptables/' kube-proxy-config.yaml; systemctl restart kube-proxy; \
               mv /root/kube-proxy-config.yaml .",
        named: &[("unit:kube-proxy.service", "kube-proxy-config.yaml is newer than what its process has read")],
        units: &["kube-proxy.service"],
        repaired: "test -z \"$(find /var/lib/kube-proxy -newerct \
                   \"$(systemctl show -p ExecMainStartTimestamp --value kube-proxy)\")\"",
    },
    // Programs and links.
    Drift {
        machine: "w1",
        make: "p=$(readlink /opt/cni/bin/portmap); cp -p $p /root/portmap; \
               printf X | dd of=$p bs=1 seek=100 conv=notrunc; touch -r /root/portmap $p",
        named: &[("binary:/opt/cni/bin/portmap", "its digest is wrong")],
        units: &[],
        repaired: "cmp /root/portmap /opt/cni/bin/portmap",
    },
    Drift {
        machine: "cp1",
        make: "p=$(readlink /usr/local/bin/kube-scheduler); cp -p $p /root/kube-scheduler; cp -p $p $p.new; \
               echo >>$p.new; mv $p.new $p; systemctl restart kube-scheduler",
        named: &[("binary:/usr/local/bin/kube-scheduler", "its digest is wrong")],
        units: &["kube-scheduler.service"],
        repaired: "cmp /root/kube-scheduler /proc/$(systemctl show -p MainPID --value kube-scheduler)/exe",
    },
    // It was put back, but the process still runs the other one.
    Drift {
        machine: "w1",
        make: "p=$(readlink /usr/local/bin/kube-proxy); cp -p $p $p.other; ln -sfn $p.other /usr/local/bin/kube-proxy; \
               systemctl restart kube-proxy; ln -sfn $p /usr/local/bin/kube-proxy",
        named: &[("unit:kube-proxy.service", "its process runs /opt/hardway/store/")],
        units: &["kube-proxy.service"],
        repaired: "readlink /proc/$(systemctl show -p MainPID --value kube-proxy)/exe | grep -v other",
    },
    Drift {
        machine: "cp1",
        make: "chmod 775 $(readlink /usr/local/bin/etcdctl)",
        named: &[("binary:/usr/local/bin/etcdctl", "mode is 775, should be 755")],
        units: &[],
        repaired: "test \"$(stat -Lc %a /usr/local/bin/etcdctl)\" = 755",
    },
    Drift {
        machine: "w2",
        make: "ln -sfn /bin/true /usr/local/bin/kube-proxy",
        named: &[("binary:/usr/local/bin/kube-proxy", "leads to /bin/true")],
        units: &[],
        repaired: "readlink /usr/local/bin/kube-proxy | grep /opt/hardway/store",
    },
    Drift {
        machine: "w1",
        make: "rm /etc/systemd/system/swap.target; cp /bin/true /opt/cni/bin/x; mv /opt/cni/bin/x /opt/cni/bin/calico-ipam",
        named: &[("link:/etc/systemd/system/swap.target", "missing"), ("link:/opt/cni/bin/calico-ipam", "missing")],
        units: &[],
        repaired: "test \"$(readlink /etc/systemd/system/swap.target)\" = /dev/null && test -L /opt/cni/bin/calico-ipam",
    },
    // The operating system.
    Drift {
        machine: "w2",
        make: "dpkg --remove --force-depends conntrack",
        named: &[("package:conntrack", "missing")],
        units: &[],
        repaired: "command -v conntrack",
    },
    Drift {
        machine: "cp1",
        make: "apt-get -q -y purge nginx nginx-common",
        named: &[("package:nginx", "missing"), ("file:/etc/nginx/nginx.conf", "missing")],
        units: &["nginx.service"],
        repaired: "systemctl is-active nginx",
    },
    Drift {
        machine: "w2",
        make: "sysctl -w net.ipv4.ip_forward=0",
        named: &[("sysctl:net.ipv4.ip_forward", "is 0")],
        units: &[],
        repaired: "grep 1 /proc/sys/net/ipv4/ip_forward",
    },
    Drift {
        machine: "w2",
        make: "sed -i /ip_forward/d /etc/sysctl.d/99-kubernetes.conf",
        named: &[("file:/etc/sysctl.d/99-kubernetes.conf", "content differs")],
        units: &[],
        repaired: "grep ip_forward /etc/sysctl.d/99-kubernetes.conf",
    },
    Drift {
        machine: "w2",
        make: "ctr -n k8s.io images rm $(ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:)",
        named: &[("image:", "missing")],
        units: &[],
        repaired: "ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:",
    },
    Drift {
        machine: "cp1",
        make: "sed 's/ w1$/ w9/' /etc/hosts >/root/hosts; cat /root/hosts >/etc/hosts",
        named: &[("hosts:/etc/hosts", "lines differ")],
        units: &[],
        repaired: "grep ' w1$' /etc/hosts",
    },
    // Without the end of hardway's lines, what follows must not be taken for them.
    Drift {
        machine: "w1",
        make: "echo '192.0.2.7 printer' >>/etc/hosts; grep -vx '# hardway end' /etc/hosts >/root/hosts; \
               cat /root/hosts >/etc/hosts; sed 's/ w2$/ w9/' /root/hosts >/etc/hosts",
        named: &[("hosts:/etc/hosts", "lines differ")],
        units: &[],
        repaired: "grep ' w2$' /etc/hosts && grep ' printer$' /etc/hosts && test $(grep -c ' cp1$' /etc/hosts) = 1",
    },
    // The load balancer.
    Drift {
        machine: "lb",
        make: "cp -p /etc/haproxy/haproxy.cfg /root/; sed -i '/server cp1/d' /etc/haproxy/haproxy.cfg; \
               systemctl reload haproxy; cp -p /root/haproxy.cfg /etc/haproxy/",
        named: &[("unit:haproxy.service", "haproxy.cfg is newer than what its process has read")],
        units: &["haproxy.service"],
        repaired: "curl -sk --retry 20 --retry-connrefused --retry-delay 1 https://127.0.0.1:6443/readyz | grep ok",
    },
    Drift {
        machine: "lb",
        make: "sed -i '/server cp1/d' /etc/haproxy/haproxy.cfg",
        named: &[("file:/etc/haproxy/haproxy.cfg", "content differs")],
        units: &[],
        repaired: "grep 'server cp1' /etc/haproxy/haproxy.cfg",
    },
    Drift {
        machine: "lb",
        make: "dpkg --purge haproxy",
        named: &[("package:haproxy", "missing"), ("file:/etc/haproxy/haproxy.cfg", "missing")],
        units: &["haproxy.service"],
        repaired: "systemctl is-active haproxy",
    },
];

const IN_THE_CLUSTER: [ObjectDrift; 8] = [
    ObjectDrift {
        make: &["delete", "clusterrolebinding", "system:coredns"],
        named: ("object:rbac.authorization.k8s.io/v1/ClusterRoleBinding//system:coredns", "missing"),
    },
    ObjectDrift {
        make: &["patch", "clusterrole", "calico-node", "--type=json", "-p", r#"[{"op":"remove","path":"/rules/0"}]"#],
        named: ("object:rbac.authorization.k8s.io/v1/ClusterRole//calico-node", "differs"),
    },
    ObjectDrift {
        make: &["-n", "kube-system", "delete", "service", "kube-dns"],
        named: ("object:v1/Service/kube-system/kube-dns", "missing"),
    },
    ObjectDrift {
        make: &[
            "-n",
            "kube-system",
            "patch",
            "configmap",
            "coredns",
            "-p",
            r#"{"data":{"Corefile":".:53 {\n errors\n}\n"}}"#,
        ],
        named: ("object:v1/ConfigMap/kube-system/coredns", "differs"),
    },
    ObjectDrift {
        make: &["-n", "kube-system", "scale", "deployment", "calico-kube-controllers", "--replicas=0"],
        named: ("object:apps/v1/Deployment/kube-system/calico-kube-controllers", "differs"),
    },
    // What server-side apply alone would leave there: nobody but the editor says anything of these fields.
    ObjectDrift {
        make: &["-n", "kube-system", "patch", "configmap", "coredns", "-p", r#"{"data":{"extra":"x"}}"#],
        named: ("object:v1/ConfigMap/kube-system/coredns", "differs"),
    },
    ObjectDrift {
        make: &["-n", "kube-system", "set", "env", "deployment/coredns", "GOGC=50"],
        named: ("object:apps/v1/Deployment/kube-system/coredns", "differs"),
    },
    ObjectDrift {
        make: &["-n", "kube-system", "patch", "daemonset", "calico-node", "-p", r#"{"spec":{"minReadySeconds":1}}"#],
        named: ("object:apps/v1/DaemonSet/kube-system/calico-node", "differs"),
    },
];

const MACHINES: [&str; 4] = ["lb", "cp1", "w1", "w2"];

/// Every drift, on a lab whose plan is empty.
pub fn is_found_and_repaired(lab: &LabWorkspace) {
    for (machine, make) in NO_DRIFT {
        lab.ssh(machine, make);
    }
    assert_no_drift(lab, "what is no drift");

    for drift in &ON_MACHINES {
        make(lab, drift.machine, &[drift]);
        let plan = differing_plan(lab);
        assert_named(&plan, drift);
        assert_eq!(units(&plan), places_of_units(drift), "{}: other units\n{plan:#}", drift.make);
        repair(lab, drift.make);
        lab.ssh(drift.machine, &format!("set -e; {}", drift.repaired));
    }
    for drift in &IN_THE_CLUSTER {
        lab.kubectl(drift.make);
        assert_step(&differing_plan(lab), "cluster", drift.named);
        repair(lab, &drift.make.join(" "));
    }
    swap_is_turned_off(lab);
    the_encryption_key_is_never_overwritten(lab);

    // Together, but for what undoes or hides another.
    for machine in MACHINES {
        let drifts: Vec<&Drift> = together().filter(|drift| drift.machine == machine).collect();
        make(lab, machine, &drifts);
    }
    for drift in &IN_THE_CLUSTER {
        lab.kubectl(drift.make);
    }
    let plan = differing_plan(lab);
    for drift in together() {
        // Of several reasons to restart a unit, the plan says one.
        let reason = |(resource, reason): &(&'static str, &'static str)| {
            (*resource, if resource.starts_with("unit:") { "" } else { *reason })
        };
        drift.named.iter().for_each(|named| assert_step(&plan, drift.machine, reason(named)));
    }
    IN_THE_CLUSTER.iter().for_each(|drift| assert_step(&plan, "cluster", drift.named));
    repair(lab, "all together");
    together().for_each(|drift| _ = lab.ssh(drift.machine, &format!("set -e; {}", drift.repaired)));
    lab.eventually(&["verify"]);
}

/// Without the load balancer kubectl reaches nothing; a package that is gone says nothing of its unit; and of two
/// drifts of one file or unit, one hides the other.
fn together() -> impl Iterator<Item = &'static Drift> {
    let alone = ["dpkg --purge haproxy", "systemctl reload haproxy", "systemctl mask --now nginx"];
    let mut taken = std::collections::BTreeSet::new();
    ON_MACHINES.iter().filter(move |drift| {
        let free = drift.named.iter().all(|(resource, _)| taken.insert((drift.machine, *resource)));
        free && !alone.iter().any(|words| drift.make.contains(words))
    })
}

fn make(lab: &LabWorkspace, machine: &str, drifts: &[&Drift]) {
    let script: String =
        drifts.iter().map(|drift| format!("( set -e; {} ) >/dev/null 2>&1 || exit\n", drift.make)).collect();
    lab.ssh(machine, &script);
}

fn differing_plan(lab: &LabWorkspace) -> Value {
    let (code, text) = lab.run_quietly(&["plan", "-o", "json"]);
    assert_eq!(code, 3, "{text}");
    serde_json::from_str(&text).expect("-o json prints JSON")
}

/// Applies, and has nothing left to do.
fn repair(lab: &LabWorkspace, drift: &str) {
    lab.ok(&["apply", "--yes"]);
    assert_no_drift(lab, drift);
}

fn assert_no_drift(lab: &LabWorkspace, drift: &str) {
    let (code, text) = lab.run_quietly(&["plan"]);
    assert_eq!(code, 0, "{drift}: still\n{text}");
}

/// Place and step of everything that the plan does.
fn steps(plan: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let stages = plan["stages"].as_array().expect("stages are a list");
    stages.iter().flat_map(|stage| {
        let place = stage["place"].as_str().expect("a stage has its place");
        stage["steps"].as_array().expect("steps are a list").iter().map(move |step| (place, step))
    })
}

fn assert_named(plan: &Value, drift: &Drift) {
    drift.named.iter().for_each(|named| assert_step(plan, drift.machine, *named));
}

fn assert_step(plan: &Value, place: &str, (resource, reason): (&str, &str)) {
    let names = |(at, step): (&str, &Value)| {
        let text = |key: &str| step[key].as_str().expect("a step has it").to_owned();
        let is_it = text("resource") == resource || (resource.ends_with(':') && text("resource").starts_with(resource));
        at == place && is_it && text("reason").contains(reason)
    };
    assert!(steps(plan).any(names), "no step on {place} for {resource} because {reason:?}\n{plan:#}");
}

/// Units that are started, restarted or reloaded.
fn units(plan: &Value) -> Vec<(String, String)> {
    let mut units: Vec<_> = steps(plan)
        .filter(|(_, step)| {
            ["start-unit", "restart-unit", "reload-unit"].contains(&step["action"].as_str().unwrap_or(""))
        })
        .map(|(place, step)| (place.to_owned(), step["resource"].as_str().unwrap_or("").to_owned()))
        .collect();
    units.sort();
    units
}

fn places_of_units(drift: &Drift) -> Vec<(String, String)> {
    let mut units: Vec<_> = drift.units.iter().map(|unit| (drift.machine.to_owned(), format!("unit:{unit}"))).collect();
    units.sort();
    units
}

/// On one machine alone: the kernel is all machines', but the file is this one's.
fn swap_is_turned_off(lab: &LabWorkspace) {
    let file = "/var/lib/containerd/swap";
    lab.ssh("w1", &format!("dd if=/dev/zero of={file} bs=1M count=8 2>&1; chmod 600 {file}; mkswap {file}"));
    let (code, _) = lab.run(&["ssh", "w1", "--", &format!("swapon {file}")]);
    if code == 0 {
        assert_step(&differing_plan(lab), "w1", ("swap", "/var/lib/containerd/swap in use"));
        lab.ok(&["apply", "--yes", "--only", "w1"]);
        assert_no_drift(lab, "swap");
    } else {
        eprintln!("this host's file system has no swap files: no drift of swap was made");
    }
    lab.ssh("w1", &format!("rm {file}"));
}

/// What is stored with the key on the machine could never be read again: the operator must decide.
fn the_encryption_key_is_never_overwritten(lab: &LabWorkspace) {
    let file = "/etc/kubernetes/encryption-config.yaml";
    lab.ssh("cp1", &format!("cp -p {file} /root/encryption; sed -i 's/\\(secret: \\)..../\\1AAAA/' {file}"));
    let (code, text) = lab.run_quietly(&["plan"]);
    assert_ne!(code, 0, "{text}");
    let before = lab.ssh("cp1", &format!("sha256sum {file}"));
    let (code, _) = lab.run(&["apply", "--yes"]);
    assert_ne!(code, 0, "a key that data may be encrypted with was overwritten");
    assert_eq!(lab.ssh("cp1", &format!("sha256sum {file}")), before);
    lab.ssh("cp1", &format!("mv /root/encryption {file}"));
    assert_no_drift(lab, "the encryption key is the workspace's again");
}
