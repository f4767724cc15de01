//! What a change means: what the operator would notice while a unit is away.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, Disruption, Place, Shared};
use hardway_spec::MachineName;

use super::Sight;
use crate::graph::Graph;
use crate::{Action, Plan, units};

/// Says at each step that ends a process what is noticed of it, from the shape of the cluster and what runs of it.
pub(super) fn fill(plan: &mut Plan, design: &Design, sight: &Sight) {
    let graph = Graph::of(plan);
    let said = disruptions(design);
    let mut texts = Vec::new();
    for (stage_index, stage) in plan.stages.iter().enumerate() {
        let Place::Machine(machine) = &stage.id.place else { continue };
        for (step_index, step) in stage.steps.iter().enumerate() {
            let Some(unit) = step.action.interrupts() else { continue };
            let verb = if matches!(step.action, Action::Remove(_)) { "stops" } else { "restarts" };
            let meanwhile = match said.get(unit) {
                Some(Disruption::Local(meanwhile)) => (*meanwhile).to_owned(),
                Some(Disruption::Shared(shared)) => {
                    let mut others = units::running(sight, unit);
                    others.extend(started_before(plan, &graph.before(&stage.id), unit));
                    others.remove(machine);
                    sharing(shared, units::machines(design, unit).len(), others.len())
                }
                None => continue,
            };
            let name = unit.strip_suffix(".service").unwrap_or(unit);
            texts.push((stage_index, step_index, format!("{name} {verb} on {machine}: {meanwhile}")));
        }
    }
    for (stage, step, text) in texts {
        plan.stages[stage].steps[step].disruption = Some(text);
    }
}

/// What the design says of each unit, by name: the same on all machines, also on one that is to lose it.
fn disruptions(design: &Design) -> BTreeMap<&str, &Disruption> {
    units::all(design).filter_map(|(_, unit)| Some((unit.name.as_str(), unit.disruption.as_ref()?))).collect()
}

/// Machines whose unit this plan brings up before.
fn started_before<'a>(
    plan: &'a Plan,
    before: &BTreeSet<&hardway_design::GroupId>,
    name: &str,
) -> impl Iterator<Item = &'a MachineName> {
    plan.stages.iter().filter_map(move |stage| {
        let starts = |action: &Action| matches!(action, Action::StartUnit { unit, .. } if unit == name);
        match &stage.id.place {
            Place::Machine(machine) if before.contains(&stage.id) => {
                stage.steps.iter().any(|step| starts(&step.action)).then_some(machine)
            }
            _ => None,
        }
    })
}

/// `total` machines do it together; `others` of them run besides the one in question.
fn sharing(shared: &Shared, total: usize, others: usize) -> String {
    let Shared { role, among_others, alone, .. } = shared;
    if total <= 1 && others == 0 {
        format!("the only {role}, so {alone}")
    } else if others >= shared.needs.of(total) {
        format!("one of {} {role}s, {among_others}", number(total.max(others + 1)))
    } else if others == 0 {
        format!("one of {} {role}s, and none of the others runs, so {alone}", number(total))
    } else {
        format!("one of {} {role}s, and the others that run are too few to go on, so {alone}", number(total))
    }
}

/// In words up to ten, as text has it.
fn number(count: usize) -> String {
    const WORDS: [&str; 11] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}
