//! Pods of nodes that leave: those that may not end now, and those that nobody would start again.

use std::collections::BTreeMap;

use hardway_design::{Drain, Manner, PodSeen};
use hardway_spec::MachineName;

use super::Harm;
use super::context::{Context, list};
use crate::Action;

/// The nodes whose pods are asked to leave, with those pods.
fn drained<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a str, &'a [PodSeen])> {
    let steps = context.plan.stages.iter().flat_map(|stage| &stage.steps);
    let sight = context.sight;
    steps.filter_map(move |step| match &step.action {
        Action::Drain(Drain { node, manner: Manner::Ask, .. }) => Some((node.as_str(), &*sight.nodes.get(node)?.pods)),
        _ => None,
    })
}

pub(super) fn of_budgets(context: &Context<'_>) -> Vec<Harm> {
    let mut found = Vec::new();
    for (node, pods) in drained(context) {
        let mut held: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for pod in pods {
            let namespace = pod.name.split('/').next().unwrap_or_default();
            match &pod.budgets[..] {
                [] => {}
                [budget] if budget.allowed > 0 => {}
                [budget] => held.entry(format!("{namespace}/{}", budget.name)).or_default().push(&pod.name),
                // The API evicts none of these (pkg/registry/core/pod/storage/eviction.go).
                several => {
                    let names = list(several.iter().map(|budget| format!("{namespace}/{}", budget.name)));
                    held.entry(names).or_default().push(&pod.name);
                }
            }
        }
        found.extend(held.into_iter().map(|(budgets, pods)| Harm {
            machines: vec![MachineName::from(node)],
            harm: format!("{} may not leave {node} now, by PodDisruptionBudget {budgets}", list(pods)),
            help: "let another of its pods become Ready first: more replicas, or a budget that allows one to be away; a \
                   pod must not fall under two budgets. `removed: {force: true}` ends them whatever the budget says"
                .to_owned(),
        }));
    }
    found
}

pub(super) fn of_unmanaged_pods(context: &Context<'_>) -> Vec<Harm> {
    let mut found = Vec::new();
    for (node, pods) in drained(context) {
        let lost: Vec<&str> = pods.iter().filter(|pod| !pod.is_replaced).map(|pod| pod.name.as_str()).collect();
        if !lost.is_empty() {
            found.push(Harm {
                machines: vec![MachineName::from(node)],
                harm: format!("no controller would start {} again elsewhere", list(lost)),
                help: "delete what is no longer needed, and make the rest part of a Deployment or the like; `removed: \
                       {force: true}` ends them all the same"
                    .to_owned(),
            });
        }
    }
    found
}
