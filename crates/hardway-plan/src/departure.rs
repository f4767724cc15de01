//! What is known of machines that leave before a plan is made for them, and after it was carried out.

use std::collections::BTreeSet;

use hardway_design::landmarks::KUBELET;
use hardway_design::{Design, Leaving};
use hardway_spec::{Cluster, MachineName};

use crate::planner::waits_for_the_api;
use crate::{Entry, Inventory, InventoryError, Obstacle, Sight};

/// The machines that leave, or are to be nodes no more, and cannot yet, by cause.
///
/// # Errors
/// [`InventoryError`] where a machine holds another cluster or a newer hardway's inventory.
pub fn held_up(cluster: &str, design: &Design, sight: &Sight) -> Result<Vec<Obstacle>, InventoryError> {
    if sight.cluster.is_some() {
        return Ok(Vec::new());
    }
    let mut waiting = Vec::new();
    let without_kubelet: BTreeSet<&MachineName> = design.without_kubelet().collect();
    let is_kubelet = |entry: &Entry| matches!(entry, Entry::Unit { name } if name == KUBELET);
    for (name, observed) in &sight.machines {
        let Some(inventory) = observed.inventory.as_deref() else { continue };
        let inventory = Inventory::parse(inventory, name, cluster)?;
        let leaves = design.leaving.iter().any(|leaving| leaving.machine == *name && waits_for_the_api(leaving, sight));
        if leaves {
            let cause = "it leaves, and the API that would move its pods elsewhere does not answer";
            let help = "take `removed` out of its entry and apply, so that the API is up again, or write `removed: {force: \
                        true}` to take the machine away without";
            waiting.push((name.clone(), (cause.to_owned(), help.to_owned())));
        } else if without_kubelet.contains(name) && inventory.entries.iter().any(is_kubelet) {
            let cause = "it is to be no node any more, and the API that would move its pods elsewhere does not answer";
            let help = "give it its former roles and apply, so that the API is up again";
            waiting.push((name.clone(), (cause.to_owned(), help.to_owned())));
        }
    }
    Ok(Obstacle::grouped(waiting))
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
