//! What is known of machines that leave before a plan is made for them, and after it was carried out.

use hardway_design::{Design, Leaving};
use hardway_spec::{Cluster, MachineName};

use crate::planner::waits_for_the_api;
use crate::{Obstacle, Sight};

/// The machines that leave and cannot yet, by cause.
pub fn held_up(design: &Design, sight: &Sight) -> Vec<Obstacle> {
    let waiting = design.leaving.iter().filter(|leaving| {
        let is_there = sight.machines.get(&leaving.machine).is_some_and(|observed| observed.inventory.is_some());
        is_there && waits_for_the_api(leaving, sight)
    });
    Obstacle::grouped(waiting.map(|leaving| {
        let cause = "it leaves, and the API that would move its pods elsewhere does not answer".to_owned();
        let help = "take `removed` out of its entry and apply, so that the API is up again, or write `removed: {force: \
                    true}` to take the machine away without";
        (leaving.machine.clone(), (cause, help.to_owned()))
    }))
}

/// Registered nodes that no machine of the spec is.
pub fn strangers(cluster: &Cluster, sight: &Sight) -> Vec<String> {
    let nodes = sight.nodes.keys();
    nodes.filter(|node| cluster.machine(node).is_none()).cloned().collect()
}

/// The machines that leave, when the plan for this sight is done: those that are clean, and those that nobody saw.
pub fn departed<'a>(design: &'a Design, sight: &Sight) -> (Vec<&'a MachineName>, Vec<&'a MachineName>) {
    let names = |leaving: &'a Leaving| &leaving.machine;
    design.leaving.iter().map(names).partition(|name| sight.machines.contains_key(*name))
}
