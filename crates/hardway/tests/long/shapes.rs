//! A cluster of seven machines changes its shape: control planes that move, die and are replaced, machines that change
//! their roles, and a first control plane that is dead while it leaves and comes back later.

use crate::moving::{elsewhere, leave_old, move_to};
use crate::support::LabWorkspace;

#[test]
fn control_planes_move_die_and_leave_and_machines_change_their_roles() {
    let lab = LabWorkspace::new("hardway-shapes");
    lab.ok(&["lab", "up", "--control-planes", "3", "--workers", "2"]);
    // A machine that the spec does not have yet.
    lab.ok(&["lab", "up", "--control-planes", "3", "--workers", "3", "--machines-only"]);

    two_of_three_members_move_in_one_plan(&lab);
    a_new_machine_takes_a_dead_control_planes_place(&lab);
    a_worker_becomes_a_load_balancer_and_a_worker_again(&lab);
    the_first_control_plane_leaves_dead(&lab);
    lab.ok(&["lab", "down"]);
}

fn peers(lab: &LabWorkspace, machine: &str) -> Vec<(String, String)> {
    lab.etcd_members(machine).into_iter().map(|member| (member.name, member.peer_url)).collect()
}

fn peer(machine: &str, address: &str) -> (String, String) {
    (machine.to_owned(), format!("https://{address}:2380"))
}

fn two_of_three_members_move_in_one_plan(lab: &LabWorkspace) {
    for machine in ["cp2", "cp3"] {
        move_to(lab, machine);
    }
    lab.ok(&["apply", "--yes"]);
    for machine in ["cp2", "cp3"] {
        leave_old(lab, machine);
    }
    lab.settles();
    let expected =
        [peer("cp1", &lab.address("cp1")), peer("cp2", &elsewhere(lab, "cp2")), peer("cp3", &elsewhere(lab, "cp3"))];
    assert_eq!(peers(lab, "cp1"), expected);
    lab.eventually(&["verify"]);
    lab.ok(&["apply", "--yes", "--finish"]);
    lab.settles();
}

/// w3 is bare: it becomes another cp3.
fn a_new_machine_takes_a_dead_control_planes_place(lab: &LabWorkspace) {
    lab.ok(&["lab", "kill", "cp3"]);
    let new = lab.address("w3");
    lab.change_lines("name: cp3,", |line| line.replace(&elsewhere(lab, "cp3"), &new));
    lab.ok(&["apply", "--yes"]);
    assert_eq!(lab.voters("cp1"), ["cp1", "cp2", "cp3"]);
    assert!(peers(lab, "cp1").contains(&peer("cp3", &new)));
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);
}

fn a_worker_becomes_a_load_balancer_and_a_worker_again(lab: &LabWorkspace) {
    lab.change_lines("name: w2,", |line| line.replace("worker", "load-balancer"));
    lab.ok(&["apply", "--yes"]);
    lab.ssh("w2", "systemctl is-active haproxy && ! systemctl is-active kubelet && test ! -e /var/lib/kubelet");
    assert_eq!(lab.nodes(), ["cp1", "cp2", "cp3", "w1"]);
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);

    lab.change_lines("name: w2,", |line| line.replace("load-balancer", "worker"));
    lab.ok(&["apply", "--yes"]);
    lab.ssh("w2", "systemctl is-active kubelet && ! systemctl is-active haproxy");
    assert_eq!(lab.nodes(), ["cp1", "cp2", "cp3", "w1", "w2"]);
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);
}

fn the_first_control_plane_leaves_dead(lab: &LabWorkspace) {
    lab.ok(&["lab", "kill", "cp1"]);
    lab.change_lines("name: cp1,", |line| line.replace('}', ", removed: {force: true}}"));
    let (code, said) = lab.refused(&["apply", "--yes"]);
    assert_eq!(code, 2, "two members are no better than one: {said}");
    lab.change_lines("name: cp2,", |line| line.replace('}', ", removed: {}}"));
    lab.ok(&["apply", "--yes"]);
    assert_eq!(lab.voters("cp3"), ["cp3"]);
    lab.nothing_is_left_to_do();

    // It still has its certificates, and its data.
    lab.ok(&["lab", "start", "cp1"]);
    lab.ok(&["apply", "--yes"]);
    lab.ssh("cp1", "! systemctl is-active etcd kube-apiserver kubelet && test ! -e /var/lib/etcd");
    assert_eq!(lab.voters("cp3"), ["cp3"]);
    assert_eq!(lab.nodes(), ["cp3", "w1", "w2"]);
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);
}
