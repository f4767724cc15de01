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
    let mut steps = removal_steps(inventory.entries.into_iter().rev());
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

/// Takes entries back, in their order. Packages go together, where the first of them stands: what came along with them
/// can only be told for all at once, and the package manager is slow to start.
pub(crate) fn removal_steps(entries: impl Iterator<Item = Entry>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut packages: Option<(usize, Vec<String>)> = None;
    for entry in entries {
        match entry {
            Entry::Package { name } => packages.get_or_insert((steps.len(), Vec::new())).1.push(name),
            entry => steps.push(removal_step(entry)),
        }
    }
    if let Some((position, names)) = packages {
        let resource = ResourceId(Entry::Package { name: names[0].clone() }.key());
        let title = format!("Remove {}", names.join(", "));
        steps.insert(position, step(title, resource, Action::RemovePackages(names)));
    }
    steps
}

fn removal_step(entry: Entry) -> Step {
    let title = match &entry {
        Entry::Package { name } => format!("Remove {name}"),
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
    step(title, ResourceId(entry.key()), Action::Remove(entry))
}

fn step(title: String, resource: ResourceId, action: Action) -> Step {
    let reason = "in the machine's inventory, and no longer wanted".to_owned();
    Step { title, reason, resource, change: None, disruption: None, action }
}
