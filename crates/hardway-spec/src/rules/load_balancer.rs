//! Rules of the address that load balancers share.

use super::Checker;

const PATH: &str = "spec.loadBalancer.virtualAddress";

pub(super) fn check(checker: &mut Checker<'_>) {
    let Some(address) = checker.cluster.spec.load_balancer.virtual_address else { return };
    if !checker.is_sound(PATH) || !checker.is_sound("spec.machines") {
        return;
    }
    if checker.cluster.load_balancers().next().is_none() {
        checker.report(
            PATH,
            "no machine is a load balancer, so that nobody would answer at it",
            "give a machine the role `load-balancer`, or take the address out",
        );
    }
    if let Some(machine) = checker.cluster.spec.machines.iter().find(|machine| machine.address == address) {
        let name = machine.name.clone();
        checker.report(
            PATH,
            format!("{address} is the address of {name} already"),
            "use a free address of the load balancers' network, which none of them has by itself",
        );
    }
}
