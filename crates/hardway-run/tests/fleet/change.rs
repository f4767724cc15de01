//! A change of one machine of a fleet.

use hardway_design::{Content, Design, GroupId, Resource};

pub(crate) const MACHINE: &str = "w7";

/// Gives the kubelet of one worker another configuration.
pub(crate) fn change_one(design: &mut Design) {
    let kubelet = GroupId::on(&MACHINE.into(), "kubelet");
    let group = design.groups.iter_mut().find(|group| group.id == kubelet).expect("workers run a kubelet");
    let file = group.resources.iter_mut().find_map(|resource| match resource {
        Resource::File(file) if file.path.ends_with(".yaml") => Some(file),
        _ => None,
    });
    file.expect("it has a configuration").content = Content::text("changed: true\n");
}
