//! Taking a cluster off its machines: by their inventories, nothing else.

use hardway_design::{GroupId, ResourceId};
use hardway_spec::MachineName;

use crate::inventory::Entry;
use crate::{Action, Inventory, InventoryError, Plan, Sight, Stage, Step};

/// Plans the removal of everything that the machines' inventories list, last things first.
///
/// # Errors
/// [`InventoryError`] where a machine holds another cluster or a newer hardway's inventory.
pub fn removal(cluster: &str, sight: &Sight) -> Result<Plan, InventoryError> {
    let mut plan = Plan::default();
    for (machine, observed) in &sight.machines {
        let Some(text) = &observed.inventory else { continue };
        let inventory = Inventory::parse(text, machine, cluster)?;
        plan.stages.push(stage(machine, inventory));
    }
    Ok(plan)
}

/// The stage that takes everything of the inventory off its machine.
pub(crate) fn stage(machine: &MachineName, inventory: Inventory) -> Stage {
    let mut steps: Vec<Step> = inventory.entries.into_iter().rev().map(removal_step).collect();
    steps.push(Step {
        title: "Remove hardway's own folders".to_owned(),
        reason: "nothing in the inventory is left".to_owned(),
        resource: ResourceId("hardway".to_owned()),
        change: None,
        disruption: None,
        action: Action::RemoveHardway,
    });
    Stage { id: GroupId::on(machine, "removal"), after: Vec::new(), steps }
}

pub(crate) fn removal_step(entry: Entry) -> Step {
    let title = match &entry {
        Entry::Package { name } => format!("Remove package {name}"),
        Entry::User { name } => format!("Remove user {name}"),
        Entry::Directory { path } => format!("Remove {path}"),
        Entry::File { path, original: true, .. } => format!("Put the original {path} back"),
        Entry::File { path, .. } | Entry::Link { path, .. } => format!("Remove {path}"),
        Entry::Binary { link, .. } => format!("Remove {link}"),
        Entry::Image { reference } => format!("Remove image {reference}"),
        Entry::Hosts => "Remove hardway's lines from /etc/hosts".to_owned(),
        Entry::Module { name } => format!("Unload kernel module {name}"),
        Entry::Sysctl { key, .. } => format!("Put {key} back"),
        Entry::Swap { .. } => "Turn swap on again".to_owned(),
        Entry::Unit { name } => format!("Stop and disable {name}"),
        Entry::Remains { title, .. } => title.clone(),
    };
    Step {
        title,
        reason: "in the machine's inventory, and no longer wanted".to_owned(),
        resource: ResourceId(entry.key()),
        change: None,
        disruption: None,
        action: Action::Remove(entry),
    }
}
