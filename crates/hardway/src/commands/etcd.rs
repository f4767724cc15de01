use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::{Args, Subcommand};
use futures::future::join_all;
use hardway_design::{EtcdData, etcd_data};
use hardway_pki::FormerNames;
use hardway_plan::{EtcdRemains, EtcdSurvey, ProposedRecovery, RecoveryRefused, recover, survivors};
use hardway_spec::MachineName;
use hardway_ui::{Output, Table, plan_text, summary};
use serde::Serialize;

use super::acceptance::Acceptance;
use super::apply::{ask, carry_out};
use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Machines, Prepared, Scope, Session};

/// etcd, where it cannot go on by itself
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Recover(Recover),
}

/// Go on from one member's data when too few members are left for a quorum
///
/// Shows what each machine still has and what would be lost, and asks. The newest data then become those of a new cluster
/// of one member, and the other machines join that one. What was there stays on the machine, below /var/lib/etcd. Machines
/// that are dead must be said to be: `removed: {force: true}` in cluster.yaml.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway etcd recover\n  hardway etcd recover --from cp2 --yes")]
struct Recover {
    /// Keep this machine's data instead of the newest
    #[arg(long, value_name = "MACHINE")]
    from: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    acceptance: Acceptance,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let Command::Recover(arguments) = arguments.command;
    let session = Session::open(common, output)?;
    let lock = session.lock("etcd recover")?;
    let scope = Scope::Plan(None, FormerNames::Kept);
    let (mut prepared, cluster) = session.prepare_alone(scope, lock.holder()).await?;
    cluster.during(recovered(&session, &mut prepared, &arguments)).await?;
    output.note("next: `hardway apply` for what waited for the API, then `hardway verify`");
    Ok(())
}

async fn recovered(session: &Session, prepared: &mut Prepared, arguments: &Recover) -> Result<(), CommandError> {
    let from = arguments.from.as_deref().map(MachineName::from);
    let survey = survey(prepared, from.as_ref()).await?;
    let proposed =
        recover(&session.cluster.metadata.name, &prepared.design, &survey, from.as_ref()).map_err(refused)?;
    show(session.output, &survey, &proposed);
    prepared.design.recovery = Some(proposed.recovery);
    let proposal = prepared.propose(session, None)?;
    arguments.acceptance.of(&proposal.findings)?;
    session.output.note(&summary(&proposal));
    if !arguments.yes {
        if !std::io::stdin().is_terminal() || session.output.is_json() {
            let message = "what is lost is lost for good, and nobody is there to be asked";
            return Err(CommandError::input(Message(message.to_owned())).with_help("say --yes where it is meant"));
        }
        session.output.note(&plan_text(&proposal, false));
        if !ask("recover etcd like this?")? {
            return Err(CommandError::Interrupted);
        }
    }
    carry_out(session, prepared, &proposal, None).await
}

fn refused(refused: RecoveryRefused) -> CommandError {
    let help = refused.help();
    CommandError::input(refused).with_help(help)
}

/// What is left on each machine, in one look at all and a second one at what can be compared.
async fn survey(prepared: &Prepared, from: Option<&MachineName>) -> Result<EtcdSurvey, CommandError> {
    let survivors = survivors(&prepared.design, &prepared.sight, from).map_err(refused)?;
    let with_data = || survivors.iter().filter(|(_, remains)| remains.is_none()).map(|(name, _)| *name);
    let known = survivors.iter().filter_map(|(name, remains)| Some(((*name).clone(), remains.clone()?)));
    let mut survey = EtcdSurvey { members: known.collect(), ..EtcdSurvey::default() };
    survey.members.extend(look(&prepared.machines, with_data(), None).await?);
    if let Some(revision) = survey.shared_revision() {
        let looked = look(&prepared.machines, with_data(), Some(revision)).await?;
        survey.shared = looked
            .into_iter()
            .filter_map(|(name, remains)| match remains {
                EtcdRemains::Data(data) => Some((name, data)),
                // Compacted since, so that it cannot be compared.
                _ => None,
            })
            .collect();
    }
    Ok(survey)
}

async fn look(
    machines: &Machines,
    names: impl Iterator<Item = &MachineName>,
    at: Option<u64>,
) -> Result<BTreeMap<MachineName, EtcdRemains>, CommandError> {
    let script = format!("set -eu\n{}", etcd_data(at));
    let looks = names.filter_map(|name| Some((name, machines.get(name)?))).map(async |(name, machine)| {
        let output = machine.exec(&script, &[]).await.map_err(CommandError::failed)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let remains = match EtcdData::parse(&said) {
            Some(data) if output.success() => EtcdRemains::Data(data),
            _ => EtcdRemains::Unreadable(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        };
        Ok((name.clone(), remains))
    });
    join_all(looks).await.into_iter().collect()
}

/// What `-o json` prints first; field names are part of the command's interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    members: Vec<MemberView<'a>>,
    source: &'a str,
    losses: &'a [String],
    doubts: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberView<'a> {
    name: &'a str,
    /// `there`, `unreadable`, `lost`, or `given up` where the machine does not answer.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    /// Of all keys up to the newest revision that all data have; as `etcdutl hashkv` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compacted: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn show(output: Output, survey: &EtcdSurvey, proposed: &ProposedRecovery) {
    let source = &proposed.recovery.source;
    let members: Vec<MemberView<'_>> =
        survey.members.iter().map(|(name, remains)| member(name, remains, survey)).collect();
    if output.is_json() {
        output.json_line(&View {
            members,
            source: source.as_str(),
            losses: &proposed.losses,
            doubts: &proposed.doubts,
        });
        return;
    }
    let revision = survey.shared_revision().map_or_else(String::new, |revision| format!(" AT {revision}"));
    let hash = format!("HASH{revision}");
    let mut table = Table::new(&["MEMBER", "DATA", "REVISION", &hash]);
    for MemberView { name, state, revision, hash, error, .. } in members {
        let state = error.map_or_else(|| state.to_owned(), |error| format!("{state}: {error}"));
        let revision = revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string());
        let hash = hash.map_or_else(|| "-".to_owned(), |hash| format!("{hash:08x}"));
        table.row([name.to_owned(), state, revision, hash]);
    }
    output.data(&table.text());
    output.note(&format!("etcd would go on from the data of {source}, revision {}", proposed.data.revision));
    for doubt in &proposed.doubts {
        output.note(&format!("doubtful: {doubt}"));
    }
    match &proposed.losses[..] {
        [] => output.note("nothing would be lost: every member was looked at, and none has more"),
        losses => losses.iter().for_each(|loss| output.note(&format!("would be lost: {loss}"))),
    }
}

fn member<'a>(name: &'a MachineName, remains: &'a EtcdRemains, survey: &EtcdSurvey) -> MemberView<'a> {
    let (state, data, error) = match remains {
        EtcdRemains::Data(data) => ("there", Some(data), None),
        EtcdRemains::Unreadable(error) => ("unreadable", None, Some(error.as_str())),
        EtcdRemains::Nothing => ("lost", None, None),
        EtcdRemains::GivenUp => ("given up", None, None),
    };
    let compared = survey.shared.get(name).or(data);
    MemberView {
        name: name.as_str(),
        state,
        revision: data.map(|data| data.revision),
        hash: compared.map(|data| data.hash),
        compacted: data.map(|data| data.compacted),
        error,
    }
}
