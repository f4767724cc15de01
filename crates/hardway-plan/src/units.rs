//! Units of several machines, as the design has them and as they were seen.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, Disruption, Observation, Place, Resource, ResourceId, Shared, Unit};
use hardway_spec::MachineName;

use crate::Sight;

/// The units that machines share, by name.
pub(crate) fn shared(design: &Design) -> BTreeMap<&str, &Shared> {
    let shared = all(design).filter_map(|(_, unit)| match &unit.disruption {
        Some(Disruption::Shared(shared)) => Some((unit.name.as_str(), shared)),
        _ => None,
    });
    shared.collect()
}

/// Every machine that is to have the unit.
pub(crate) fn machines<'a>(design: &'a Design, name: &str) -> BTreeSet<&'a MachineName> {
    all(design).filter(|(_, unit)| unit.name == name).map(|(machine, _)| machine).collect()
}

/// Every machine that runs the unit, as far as was seen.
pub(crate) fn running<'a>(sight: &'a Sight, name: &str) -> BTreeSet<&'a MachineName> {
    let id = ResourceId(format!("unit:{name}"));
    let runs = |seen: Option<&Observation>| matches!(seen, Some(Observation::Unit(unit)) if unit.is_active());
    sight.machines.iter().filter(|(_, seen)| runs(seen.resources.get(&id))).map(|(machine, _)| machine).collect()
}

/// Every machine that is to have the unit and was seen without its running. One that was not seen may well run it.
pub(crate) fn down<'a>(design: &'a Design, sight: &Sight, name: &str) -> BTreeSet<&'a MachineName> {
    let running = running(sight, name);
    let mut machines = machines(design, name);
    machines.retain(|machine| sight.machines.contains_key(*machine) && !running.contains(machine));
    machines
}

/// Every unit of the design, with its machine.
pub(crate) fn all(design: &Design) -> impl Iterator<Item = (&MachineName, &Unit)> {
    design.groups.iter().flat_map(|group| {
        let machine = match &group.id.place {
            Place::Machine(name) => Some(name),
            Place::Cluster => None,
        };
        let units = group.resources.iter().filter_map(|resource| match resource {
            Resource::Unit(unit) => Some(unit),
            _ => None,
        });
        machine.into_iter().flat_map(move |machine| units.clone().map(move |unit| (machine, unit)))
    })
}
