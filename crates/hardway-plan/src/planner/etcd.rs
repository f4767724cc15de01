//! etcd's members come and go one at a time, and never so that the quorum is at risk.
//!
//! What is dead goes before anything joins, since the members count on those that are connected; what is alive goes when
//! all others have joined and nobody calls it any more.

use std::collections::BTreeMap;

use hardway_design::landmarks::ETCD;
use hardway_design::{EtcdCall, EtcdChange, EtcdRebuild, GroupId, ResourceId};
use hardway_spec::MachineName;

use super::record;
use super::rolling::{add_safe_edge, goes_last, stages_where};
use crate::etcd::{Member, Members, State};
use crate::{Action, Entry, Plan, Stage, Step};

/// The stage that takes dead members out.
const FORGET: &str = "etcd-forget";
/// The stage that lets live members go.
const LEAVE: &str = "etcd-leave";

/// The stage that takes a member off its machine, and all that was there before it.
const MEMBER_REMOVAL: &str = "removal-of-etcd";

/// What this plan changes of the members, in its order.
#[derive(Default)]
pub(super) struct Changes<'a> {
    dead: Vec<Member<'a>>,
    /// Groups of machines that join, or are given their vote.
    joins: Vec<&'a GroupId>,
    alive: Vec<Member<'a>>,
}

/// How a machine becomes a member.
enum Way {
    Found,
    /// Its data are those that all go on from.
    Rebuild(EtcdRebuild),
    /// `former`: the members may know one by its name that it no longer is.
    Join {
        former: bool,
    },
    Promote,
    /// The members know it at another address.
    Move,
}

/// Adds to their groups the steps by which machines become members.
pub(super) fn add_steps<'a>(members: &Members<'a>, steps: &mut BTreeMap<&'a GroupId, Vec<Step>>) -> Changes<'a> {
    let mut changes = Changes::default();
    let listed = members.leaving.iter().filter(|member| member.listed.is_some()).copied();
    (changes.alive, changes.dead) = listed.partition(Member::answers);
    let mut voters = members.voters().saturating_sub(changes.dead.len());

    let mut ways = Vec::new();
    for member in &members.staying {
        let own = steps.get(member.group).map(Vec::as_slice).unwrap_or_default();
        ways.extend(way(member, members, own).map(|way| (member, way)));
    }
    // Who is nearly done goes first; a former member counts as one that is down until it is taken out.
    ways.sort_by_key(|(_, way)| match way {
        Way::Found | Way::Rebuild(_) | Way::Promote | Way::Move => 0,
        Way::Join { former: true } => 1,
        Way::Join { former: false } => 2,
    });
    for (member, way) in ways {
        let own = steps.entry(member.group).or_default();
        match way {
            Way::Found => before_start(own, vec![found()]),
            Way::Rebuild(data) => {
                voters = 1;
                rebuild(own, data);
            }
            Way::Join { former } => {
                let call = call(member, members.to_ask(member.machine));
                if former {
                    voters = voters.saturating_sub(1);
                }
                voters += 1;
                join(own, member, &call, former, voters);
                changes.joins.push(member.group);
            }
            Way::Move => move_to(own, member, members),
            Way::Promote => {
                voters += 1;
                own.push(promote(&call(member, members.to_ask(member.machine)), voters));
                changes.joins.push(member.group);
            }
        }
    }
    changes
}

/// `steps`: what is done to the member anyway.
fn way(member: &Member<'_>, members: &Members<'_>, steps: &[Step]) -> Option<Way> {
    let seen = member.seen?;
    if let Some(recovery) = members.recovery {
        let (name, peer_url) = (member.designed.name.clone(), member.designed.peer_url.clone());
        let is_source = recovery.source == name;
        let rebuild = || Way::Rebuild(EtcdRebuild { name, peer_url, token: recovery.token.clone() });
        return Some(if is_source { rebuild() } else { Way::Join { former: false } });
    }
    match (members.state(), member.listed) {
        (State::New, _) => (!seen.has_data).then_some(Way::Found),
        (State::Up, None) => Some(Way::Join { former: false }),
        (State::Up, Some(listed)) if !seen.has_data => Some(Way::Join { former: !listed.name.is_empty() }),
        (State::Up, Some(listed)) if listed.is_learner => Some(Way::Promote),
        (State::Up, Some(listed)) => (!listed.peer_urls.contains(&member.designed.peer_url)).then_some(Way::Move),
        (State::Down, _) if !seen.has_data => Some(Way::Join { former: true }),
        // Nobody says where they know it; its own address is among its flags.
        (State::Down, _) => steps.iter().any(writes_unit).then_some(Way::Move),
        (State::Lost | State::Recovered, _) => None,
    }
}

fn call(member: &Member<'_>, through: Vec<String>) -> EtcdCall {
    let (name, peer_url) = (member.designed.name.clone(), member.designed.peer_url.clone());
    EtcdCall { name, peer_url, through }
}

fn step(title: String, reason: &str, meaning: Option<String>, change: EtcdChange) -> Step {
    Step {
        title,
        reason: reason.to_owned(),
        resource: ResourceId("etcd-member".to_owned()),
        change: None,
        disruption: meaning,
        action: Action::ChangeEtcd(change),
    }
}

fn found() -> Step {
    step(
        "Let etcd's first start found the cluster".to_owned(),
        "there has never been a member",
        None,
        EtcdChange::Found,
    )
}

fn rebuild(steps: &mut Vec<Step>, data: EtcdRebuild) {
    let title = format!("Make the data of {} those of a new cluster of etcd", data.name);
    let reason = "too few members are left, and the operator chose these data";
    let first = step(title, reason, Some(survives(1)), EtcdChange::Rebuild(data));
    starts_anew(steps, vec![first]);
}

/// Puts steps that stop etcd before its start. What would be a restart is none then: there is nobody to do without it.
fn starts_anew(steps: &mut Vec<Step>, first: Vec<Step>) {
    for step in steps.iter_mut() {
        if let Action::RestartUnit { unit, reads, ready } = &step.action
            && unit == ETCD
        {
            step.title = format!("Start {unit}");
            step.action = Action::StartUnit { unit: unit.clone(), reads: reads.clone(), ready: ready.clone() };
        }
    }
    before_start(steps, first);
}

fn promote(call: &EtcdCall, voters: usize) -> Step {
    let title = format!("Give {} its vote in etcd, once it has all data", call.name);
    step(title, "it is a learner", Some(survives(voters)), EtcdChange::Promote(call.clone()))
}

/// `reason`: why it goes. `voters`: how many are left.
fn remove(call: EtcdCall, reason: &str, voters: usize) -> Step {
    let title = format!("Remove {} from etcd's members", call.name);
    step(title, reason, Some(survives(voters)), EtcdChange::Remove(call))
}

fn survives(voters: usize) -> String {
    let members = if voters == 1 { "member" } else { "members" };
    let loss = match voters.saturating_sub(1) / 2 {
        0 => "no loss".to_owned(),
        1 => "the loss of one".to_owned(),
        several => format!("the loss of {several}"),
    };
    format!("etcd has {voters} voting {members} then and survives {loss}")
}

/// Members that answer learn of the new address before it is used, so that they find it there. Where none does, it tells
/// itself, and with it the others, once it has started.
fn move_to(steps: &mut Vec<Step>, member: &Member<'_>, members: &Members<'_>) {
    let own = member.designed.own_url.clone();
    let title = format!("Tell etcd's members that {} is at {}", member.machine, member.designed.peer_url);
    let told = |through| step(title, "they know it at another address", None, EtcdChange::Move(call(member, through)));
    if members.state() == State::Up {
        let mut through = members.to_ask(member.machine);
        through.splice(0..0, member.answers().then_some(own));
        before_start(steps, vec![told(through)]);
    } else {
        steps.push(told(vec![own]));
    }
}

/// A start among the others, as a learner: it votes when it has what they have.
fn join(steps: &mut Vec<Step>, member: &Member<'_>, call: &EtcdCall, former: bool, voters: usize) {
    let mut first = Vec::new();
    if former {
        first.push(remove(call.clone(), "its data are gone, and with them who it was", voters - 1));
    }
    let title = format!("Add {} to etcd's members, as a learner", member.machine);
    first.push(step(title, "not a member", None, EtcdChange::Join(call.clone())));
    let mut ready = None;
    for step in steps.iter_mut() {
        // A learner answers no requests, so that it is asked when it votes.
        if let Action::StartUnit { unit, ready: own, .. } | Action::RestartUnit { unit, ready: own, .. } =
            &mut step.action
            && unit == ETCD
        {
            ready = own.take();
        }
    }
    let starts = steps.iter().any(|step| starts(&step.action));
    starts_anew(steps, first);
    if !starts {
        // It runs without its data.
        steps.push(Step {
            title: format!("Start {ETCD}"),
            reason: "it is to start as a new member".to_owned(),
            resource: ResourceId(format!("unit:{ETCD}")),
            change: None,
            disruption: None,
            action: Action::StartUnit { unit: ETCD.to_owned(), reads: Vec::new(), ready: None },
        });
    }
    steps.push(promote(call, voters));
    steps.extend(ready.map(|condition| Step {
        title: format!("Wait until {}", condition.title),
        reason: "it has joined the others".to_owned(),
        resource: ResourceId(format!("wait:{}", condition.title)),
        change: None,
        disruption: None,
        action: Action::WaitOnMachine(condition),
    }));
}

fn writes_unit(step: &Step) -> bool {
    matches!(&step.action, Action::WriteFile { file, .. } if file.path.ends_with(&format!("/{ETCD}")))
}

fn starts(action: &Action) -> bool {
    matches!(action, Action::StartUnit { unit, .. } | Action::RestartUnit { unit, .. } if unit == ETCD)
}

fn before_start(steps: &mut Vec<Step>, first: Vec<Step>) {
    let unit = format!("unit:{ETCD}");
    let at = steps.iter().position(|step| step.resource.0 == unit).unwrap_or(steps.len());
    steps.splice(at..at, first);
}

/// Adds the stages that take members out.
pub(super) fn add_removals(plan: &mut Plan, members: &Members<'_>, changes: &Changes<'_>) {
    // One that stays does it: it has the programs and the keys, also where it has just joined.
    let may_act = || members.staying.iter().filter(|member| member.seen.is_some());
    let Some(actor) = may_act().find(|member| member.may_vote()).or_else(|| may_act().next()) else { return };
    let mut voters = members.voters();
    for (name, leaving) in [(FORGET, &changes.dead), (LEAVE, &changes.alive)] {
        if leaving.is_empty() {
            continue;
        }
        if name == LEAVE {
            voters = members.staying.len() + changes.alive.len();
        }
        let mut steps = Vec::new();
        for member in leaving {
            voters = voters.saturating_sub(1);
            let mut through = vec![actor.designed.client_url.clone()];
            through.extend(members.to_ask(member.machine).into_iter().filter(|url| *url != actor.designed.client_url));
            let reason =
                if name == LEAVE { "it leaves the cluster" } else { "it leaves the cluster and does not answer" };
            steps.push(remove(call(member, through), reason, voters));
        }
        plan.stages.push(Stage { id: GroupId::on(actor.machine, name), after: Vec::new(), steps });
    }
}

/// Adds the edges by which members come and go one at a time. They never lead in a circle.
pub(super) fn put_in_order(plan: &mut Plan, changes: &Changes<'_>) {
    let stage = |plan: &Plan, name: &str| plan.stages.iter().find(|stage| stage.id.name == name).map(|s| s.id.clone());
    let (forget, leave) = (stage(plan, FORGET), stage(plan, LEAVE));
    let joins: Vec<GroupId> = changes.joins.iter().map(|id| (*id).clone()).collect();
    let running = stages_where(plan, starts).into_iter().filter(|id| !joins.contains(id)).collect::<Vec<_>>();

    let mut row: Vec<GroupId> = forget.iter().cloned().collect();
    row.extend(joins.iter().cloned());
    for pair in row.windows(2) {
        add_safe_edge(plan, &pair[1], &pair[0]);
    }
    let interrupted = stages_where(plan, |action| action.interrupts() == Some(ETCD));
    for other in &running {
        // Who is down comes up before anybody joins; who runs restarts when all have joined.
        let restarts = interrupted.contains(other);
        for change in &row {
            if restarts { add_safe_edge(plan, other, change) } else { add_safe_edge(plan, change, other) }
        }
    }
    if let Some(forget) = &forget {
        let removals = changes.dead.iter().map(|member| GroupId::on(member.machine, record::REMOVAL));
        removals.for_each(|removal| add_safe_edge(plan, &removal, forget));
    }
    if let Some(leave) = &leave {
        changes.alive.iter().for_each(|member| member_goes_last(plan, member.machine, leave));
    }
    // An API server without its member answers its clients with errors instead of leaving them to others, so that what is
    // waited for elsewhere, Calico's pods on their nodes among it, would not come about while it runs.
    if let Some(leave) = &leave {
        goes_last(plan, leave);
    }
}

/// Splits what is removed of a machine: its member ends after `leave`, and what calls it ends before.
///
/// An API server that lost its member takes a minute and a half to end: it waits for answers of etcd until systemd kills it.
fn member_goes_last(plan: &mut Plan, machine: &MachineName, leave: &GroupId) {
    let removal = GroupId::on(machine, record::REMOVAL);
    let is_member = |step: &Step| matches!(&step.action, Action::Remove(Entry::Unit { name }) if name == ETCD);
    let Some(stage) = plan.stages.iter_mut().find(|stage| stage.id == removal) else { return };
    match stage.steps.iter().position(is_member) {
        Some(member) if member > 0 => {
            let steps = stage.steps.split_off(member);
            let id = GroupId::on(machine, MEMBER_REMOVAL);
            plan.stages.push(Stage { id, after: vec![removal.clone(), leave.clone()], steps });
            add_safe_edge(plan, leave, &removal);
        }
        _ => add_safe_edge(plan, &removal, leave),
    }
}
