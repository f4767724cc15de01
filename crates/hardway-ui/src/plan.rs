//! A plan as a person reads it.

use std::collections::BTreeMap;

use hardway_design::Place;
use hardway_plan::{Action, LeftOut, Plan, Proposal, Step};

use crate::size::bytes;
use crate::style::{BOLD, CHANGE, DIM, GOOD, paint};

/// Digits of a component's digest that are shown: 48 bits tell any two components apart.
const DIGEST: usize = 12;

/// What would be done, place by place, each step with its reason and, where `diffs`, what changes.
pub fn plan_text(proposal: &Proposal, diffs: bool) -> String {
    let mut lines = Vec::new();
    if !proposal.workspace.is_empty() {
        lines.push(paint(BOLD, "workspace"));
        lines.extend(proposal.workspace.iter().map(|change| step_line(&change.title, "", &change.reason)));
    }
    for (place, steps) in by_place(&proposal.plan) {
        lines.push(paint(BOLD, place));
        for step in steps {
            lines.push(step_line(&step.title, &details(&step.action), &step.reason));
            if let Some(disruption) = &step.disruption {
                lines.push(format!("    {}", paint(CHANGE, disruption)));
            }
            if let (true, Some(change)) = (diffs, &step.change) {
                lines.extend(change.to_string().lines().map(|line| format!("    {line}")));
            }
        }
    }
    lines.join("\n")
}

fn step_line(title: &str, details: &str, reason: &str) -> String {
    format!("  {title}{details}  {}", paint(DIM, format!("({reason})")))
}

/// What a step's title leaves open: which bytes are copied, and how many.
fn details(action: &Action) -> String {
    match action.blob() {
        Some(blob) => format!(", sha256 {}…, {}", &blob.sha256[..DIGEST.min(blob.sha256.len())], bytes(blob.size)),
        None => String::new(),
    }
}

/// Steps that change something, by place, places in the plan's order.
fn by_place(plan: &Plan) -> Vec<(&Place, Vec<&Step>)> {
    let mut places: Vec<(&Place, Vec<&Step>)> = Vec::new();
    let mut index: BTreeMap<&Place, usize> = BTreeMap::new();
    for stage in &plan.stages {
        let steps = stage.steps.iter().filter(|step| !step.action.only_waits()).peekable();
        let at = *index.entry(&stage.id.place).or_insert_with(|| {
            places.push((&stage.id.place, Vec::new()));
            places.len() - 1
        });
        places[at].1.extend(steps);
    }
    places.retain(|(_, steps)| !steps.is_empty());
    places
}

/// How much there is to do, and what is left as it is.
pub fn summary(proposal: &Proposal) -> String {
    let mut lines = vec![amount(proposal)];
    if !proposal.left_out.is_empty() {
        lines.push(format!("left as it is, though it differs: {}", left_out(&proposal.left_out)));
    }
    if !proposal.not_looked_at.is_empty() {
        let names: Vec<String> = proposal.not_looked_at.iter().map(ToString::to_string).collect();
        lines.push(format!("not looked at, since it could not be reached: {}", names.join(", ")));
    }
    if !proposal.waiting.is_empty() {
        lines.push(format!("has to wait for what could not be reached: {}", left_out(&proposal.waiting)));
    }
    if !proposal.strangers.is_empty() {
        lines.push(format!(
            "nodes that cluster.yaml does not list, and that are left alone: {}; to remove one properly, put its entry back \
             with `removed: {{}}`",
            proposal.strangers.join(", ")
        ));
    }
    lines.join("\n")
}

/// `cp1 (3 steps), cluster (1 step)`.
fn left_out(places: &[LeftOut]) -> String {
    let places = places.iter().map(|left| format!("{} ({})", left.place, count(left.steps, "step")));
    places.collect::<Vec<_>>().join(", ")
}

fn amount(proposal: &Proposal) -> String {
    if proposal.is_empty() {
        let nothing = match &proposal.only {
            None if !proposal.not_looked_at.is_empty() => {
                "nothing to do on the machines that could be reached".to_owned()
            }
            None => "nothing to do: the machines and the cluster are as the spec says".to_owned(),
            Some(only) => format!("nothing to do on {}", only.join(", ")),
        };
        return paint(GOOD, nothing);
    }
    let mut parts = Vec::new();
    if !proposal.workspace.is_empty() {
        parts.push(format!("{} in the workspace", count(proposal.workspace.len(), "file")));
    }
    let places = by_place(&proposal.plan);
    let steps = |in_cluster: bool| -> usize {
        let places = places.iter().filter(|(place, _)| (**place == Place::Cluster) == in_cluster);
        places.map(|(_, steps)| steps.len()).sum()
    };
    if steps(false) > 0 {
        let machines = places.iter().filter(|(place, _)| **place != Place::Cluster).count();
        parts.push(format!("{} on {}", count(steps(false), "step"), count(machines, "machine")));
    }
    if steps(true) > 0 {
        parts.push(format!("{} in the cluster", count(steps(true), "step")));
    }
    let copies = proposal.plan.bytes_to_copy();
    if copies > 0 {
        parts.push(format!("{} to copy", bytes(copies)));
    }
    parts.join(", ")
}

/// `1 step`, `12 steps`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use hardway_design::{GroupId, ResourceId};
    use hardway_plan::{Blob, Change, Stage, WorkspaceChange};
    use hardway_spec::MachineName;

    use super::*;

    fn step(title: &str, reason: &str, action: Action) -> Step {
        Step {
            title: title.to_owned(),
            reason: reason.to_owned(),
            resource: ResourceId("r".to_owned()),
            change: None,
            disruption: None,
            action,
        }
    }

    fn proposal() -> Proposal {
        let blob = Blob {
            artifact: "etcd".to_owned(),
            sha256: "0123456789abcdef".to_owned(),
            size: 24_000_000,
            destination: "/opt/x".to_owned(),
        };
        let restart = Step {
            disruption: Some("etcd is away for a moment".to_owned()),
            ..step("Restart etcd.service", "/etc/x changes", Action::ReloadSystemd)
        };
        let write = Step {
            change: Some(Change::diff("/etc/x", "1\n", "2\n")),
            ..step("Write /etc/x", "content differs", Action::RemoveFile("/etc/x".to_owned()))
        };
        let steps = vec![step("Copy etcd 3.7.3", "missing", Action::CopyBinary(blob)), write, restart];
        let stage = Stage { id: GroupId::on(&MachineName::from("cp1"), "etcd"), after: Vec::new(), steps };
        Proposal {
            workspace: vec![WorkspaceChange {
                title: "Issue pki/etcd/root.pem".to_owned(),
                reason: "it expires in 20 days, on 2026-12-13T20:00:00Z".to_owned(),
            }],
            plan: Plan { stages: vec![stage] },
            ..Proposal::default()
        }
    }

    /// Without colour, as `NO_COLOR` has it.
    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn every_step_stands_with_its_place_reason_and_change() {
        let expected = "\
workspace
  Issue pki/etcd/root.pem  (it expires in 20 days, on 2026-12-13T20:00:00Z)
cp1
  Copy etcd 3.7.3, sha256 0123456789ab…, 24 MB  (missing)
  Write /etc/x  (content differs)
    --- /etc/x
    +++ /etc/x
    @@ -1 +1 @@
    -1
    +2
  Restart etcd.service  (/etc/x changes)
    etcd is away for a moment";
        assert_eq!(plain(&plan_text(&proposal(), true)), expected);
        assert!(!plain(&plan_text(&proposal(), false)).contains("@@"));
    }

    #[test]
    fn the_summary_says_how_much_and_what_is_left_out() {
        assert_eq!(plain(&summary(&proposal())), "1 file in the workspace, 3 steps on 1 machine, 24 MB to copy");
        let narrowed = Proposal {
            only: Some(vec!["w1".to_owned()]),
            left_out: vec![
                LeftOut { place: Place::Machine("lb".into()), steps: 1 },
                LeftOut { place: Place::Cluster, steps: 2 },
            ],
            not_looked_at: vec!["w2".into()],
            waiting: vec![LeftOut { place: Place::Machine("cp1".into()), steps: 4 }],
            ..Proposal::default()
        };
        assert_eq!(
            plain(&summary(&narrowed)),
            "nothing to do on w1\nleft as it is, though it differs: lb (1 step), cluster (2 steps)\n\
             not looked at, since it could not be reached: w2\n\
             has to wait for what could not be reached: cp1 (4 steps)"
        );
    }
}
