//! A plan as other programs read it: `hardway plan -o json`, and what a saved plan holds.
//!
//! Invariant: no secret. What may not be shown is a fingerprint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::script::render;
use crate::{Action, Change, Finding, LeftOut, Proposal, Stage, Step, WorkspaceChange};

/// The version of [`PlanView`]'s format; it grows when a field changes its meaning or goes.
pub const PLAN_FORMAT_VERSION: u32 = 1;

/// What `hardway plan -o json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Of this format: 1. It grows when a field changes its meaning or goes; new fields may come.
    pub format_version: u32,
    /// Steps that change something. Waits are not counted; 0 together with an empty `workspace` means nothing to do.
    pub steps: usize,
    /// What is copied to machines, in bytes.
    pub bytes_to_copy: u64,
    /// Places that the plan is narrowed to: names of machines, `cluster`. Absent where it is not narrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// Files of the workspace that `hardway apply` writes before anything else: certificates, keys, kubeconfigs.
    pub workspace: Vec<WorkspaceChangeView>,
    /// What is done on machines and in the cluster, each stage as soon as those in `after` are done.
    pub stages: Vec<StageView>,
    /// Places that differ too and that a narrowed plan leaves as they are.
    pub left_out: Vec<LeftOutView>,
    /// Machines that could not be reached, and that nothing is planned for.
    pub not_looked_at: Vec<String>,
    /// Registered nodes that no machine of the spec is. They are left alone.
    #[serde(default)]
    pub strangers: Vec<String>,
    /// Places where steps have to wait for machines in `not_looked_at`: too few are left of what they share.
    pub waiting: Vec<LeftOutView>,
    /// What would hurt: `hardway apply` refuses the plan unless each one's rule is accepted.
    pub findings: Vec<FindingView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    /// What `hardway apply --accept` takes: `encryption-key`.
    pub rule: String,
    /// Names of machines.
    pub machines: Vec<String>,
    /// What would hurt.
    pub harm: String,
    /// What to do instead.
    pub help: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceChangeView {
    /// Imperative: `Issue pki/api/kubernetes.pem`.
    pub title: String,
    /// Why.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// The machine's name, or `cluster`.
    pub place: String,
    /// Unique on its place: `etcd`.
    pub name: String,
    /// `NAME@PLACE` of the stages that come before.
    pub after: Vec<String>,
    /// In their order.
    pub steps: Vec<StepView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Imperative, without the place: `Restart etcd.service`.
    pub title: String,
    /// Why: `missing`, `mode is 644, should be 600`.
    pub reason: String,
    /// What it is about, the same in every plan: `file:/etc/hosts`.
    pub resource: String,
    /// What kind of thing is done.
    pub action: ActionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyView>,
    /// What is noticed while it runs: `the API is away for about 2 s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<String>,
    /// SHA-256 of all that the step does, secret contents included: equal digests do the same.
    pub digest: String,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    CopyPackages,
    InstallPackages,
    CreateUser,
    MakeDirectory,
    WriteFile,
    /// Mode and owner of a file whose content is right.
    SetAttributes,
    RemoveFile,
    MakeLink,
    CopyBinary,
    CopyImage,
    ImportImage,
    LoadModule,
    SetSysctl,
    DisableSwap,
    ReloadSystemd,
    EnableUnit,
    StartUnit,
    RestartUnit,
    ReloadUnit,
    RunTask,
    /// Add a member to etcd, remove one, or give one its vote.
    ChangeEtcd,
    Wait,
    /// Take back what an inventory lists.
    Remove,
    ApplyObject,
    DeleteObject,
    /// Make a node take no more pods.
    Cordon,
    Uncordon,
    /// Move a node's pods to other nodes.
    Drain,
}

/// What becomes different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ChangeView {
    /// A unified diff.
    Diff { text: String },
    /// The content is secret, or no text: the first digits of the SHA-256 of the old bytes, where there were any, and
    /// of the new.
    Fingerprint {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<String>,
        new: String,
    },
}

/// A large file that is copied to the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyView {
    /// `kubelet`.
    pub artifact: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    /// Path on the machine.
    pub destination: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutView {
    /// The machine's name, or `cluster`.
    pub place: String,
    /// Steps that would be done there.
    pub steps: usize,
}

/// The JSON Schema of [`PlanView`], as `schema/plan.json` holds it.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(PlanView)).expect("a schema is JSON");
    text.push('\n');
    text
}

impl From<&Proposal> for PlanView {
    fn from(proposal: &Proposal) -> Self {
        let plan = &proposal.plan;
        Self {
            format_version: PLAN_FORMAT_VERSION,
            steps: plan.stages.iter().flat_map(|stage| &stage.steps).filter(|step| !step.action.only_waits()).count(),
            bytes_to_copy: plan.bytes_to_copy(),
            only: proposal.only.clone(),
            workspace: proposal.workspace.iter().map(WorkspaceChangeView::from).collect(),
            stages: plan.stages.iter().map(StageView::from).collect(),
            left_out: proposal.left_out.iter().map(LeftOutView::from).collect(),
            not_looked_at: proposal.not_looked_at.iter().map(ToString::to_string).collect(),
            strangers: proposal.strangers.clone(),
            waiting: proposal.waiting.iter().map(LeftOutView::from).collect(),
            findings: proposal.findings.iter().map(FindingView::from).collect(),
        }
    }
}

impl From<&WorkspaceChange> for WorkspaceChangeView {
    fn from(change: &WorkspaceChange) -> Self {
        Self { title: change.title.clone(), reason: change.reason.clone() }
    }
}

impl From<&LeftOut> for LeftOutView {
    fn from(left_out: &LeftOut) -> Self {
        Self { place: left_out.place.to_string(), steps: left_out.steps }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.to_owned(),
            machines: finding.machines.iter().map(ToString::to_string).collect(),
            harm: finding.harm.clone(),
            help: finding.help.clone(),
        }
    }
}

impl From<&Stage> for StageView {
    fn from(stage: &Stage) -> Self {
        Self {
            place: stage.id.place.to_string(),
            name: stage.id.name.clone(),
            after: stage.after.iter().map(ToString::to_string).collect(),
            steps: stage.steps.iter().map(StepView::from).collect(),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            title: step.title.clone(),
            reason: step.reason.clone(),
            resource: step.resource.to_string(),
            action: ActionKind::from(&step.action),
            change: step.change.as_ref().map(ChangeView::from),
            copy: step.action.blob().map(|blob| CopyView {
                artifact: blob.artifact.clone(),
                sha256: blob.sha256.clone(),
                bytes: blob.size,
                destination: blob.destination.clone(),
            }),
            disruption: step.disruption.clone(),
            digest: digest(step),
        }
    }
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        match change.clone() {
            Change::Diff(text) => Self::Diff { text },
            Change::Fingerprint { old, new } => Self::Fingerprint { old, new },
        }
    }
}

impl From<&Action> for ActionKind {
    fn from(action: &Action) -> Self {
        match action {
            Action::CopyPackages(_) => Self::CopyPackages,
            Action::InstallPackages { .. } => Self::InstallPackages,
            Action::CreateUser(_) => Self::CreateUser,
            Action::MakeDirectory(_) => Self::MakeDirectory,
            Action::WriteFile { .. } | Action::WriteInventory(_) | Action::WriteHosts(_) => Self::WriteFile,
            Action::SetAttributes { .. } => Self::SetAttributes,
            Action::RemoveFile(_) => Self::RemoveFile,
            Action::MakeLink(_) => Self::MakeLink,
            Action::CopyBinary(_) => Self::CopyBinary,
            Action::CopyImage(_) => Self::CopyImage,
            Action::ImportImage(_) => Self::ImportImage,
            Action::LoadModule(_) => Self::LoadModule,
            Action::SetSysctl { .. } => Self::SetSysctl,
            Action::DisableSwap => Self::DisableSwap,
            Action::ReloadSystemd => Self::ReloadSystemd,
            Action::EnableUnit(_) => Self::EnableUnit,
            Action::StartUnit { .. } => Self::StartUnit,
            Action::RestartUnit { .. } => Self::RestartUnit,
            Action::ReloadUnit { .. } => Self::ReloadUnit,
            Action::RunTask(_) => Self::RunTask,
            Action::ChangeEtcd(_) => Self::ChangeEtcd,
            Action::WaitOnMachine(_) | Action::WaitInCluster(_) => Self::Wait,
            Action::Remove(_) | Action::RemovePackages(_) | Action::RemoveHardway => Self::Remove,
            Action::ApplyObject(_) => Self::ApplyObject,
            Action::DeleteObject(_) => Self::DeleteObject,
            Action::Cordon { .. } => Self::Cordon,
            Action::Uncordon(_) => Self::Uncordon,
            Action::Drain(_) => Self::Drain,
        }
    }
}

/// Digests what a step does by what is sent for it: the very script with its files, the blob's digest, the object.
fn digest(step: &Step) -> String {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    match &step.action {
        Action::CopyBinary(blob) | Action::CopyImage(blob) | Action::CopyPackages(blob) => {
            parts.extend([blob.sha256.clone().into_bytes(), blob.destination.clone().into_bytes()]);
        }
        Action::ApplyObject(object) => parts.extend([b"apply".to_vec(), object.value.to_string().into_bytes()]),
        Action::DeleteObject(object) => parts.extend([b"delete".to_vec(), object.value.to_string().into_bytes()]),
        Action::WaitInCluster(condition) => parts.push(condition.title().into_bytes()),
        Action::Cordon { node, .. } => parts.extend([b"cordon".to_vec(), node.clone().into_bytes()]),
        Action::Uncordon(node) => parts.extend([b"uncordon".to_vec(), node.clone().into_bytes()]),
        Action::Drain(drain) => parts.extend([b"drain".to_vec(), format!("{drain:?}").into_bytes()]),
        _ => {
            let script = render(&[(0, step)]);
            parts.push(script.text.into_bytes());
            parts.extend(script.files.into_iter().map(|file| file.content));
        }
    }
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use hardway_design::{Content, File, ResourceId};

    use super::*;

    fn write(content: Content) -> Step {
        let file = File { path: "/k".to_owned(), mode: 0o600, owner: "root:root".to_owned(), content };
        Step {
            title: "Write /k".to_owned(),
            reason: "missing".to_owned(),
            resource: ResourceId("file:/k".to_owned()),
            change: Some(Change::of_file(&file.path, None, None, &file.content)),
            disruption: None,
            action: Action::WriteFile { file, keep_original: false },
        }
    }

    #[test]
    fn a_secret_is_told_apart_and_never_shown() {
        let (one, other) =
            (StepView::from(&write(Content::secret("one"))), StepView::from(&write(Content::secret("two"))));
        assert_ne!(one.digest, other.digest);
        assert!(!serde_json::to_string(&one).unwrap().contains("one"));
    }

    #[test]
    fn what_a_step_does_to_a_file_is_in_its_digest() {
        let step = write(Content::text("x"));
        let mut other = step.clone();
        let Action::WriteFile { file, .. } = &mut other.action else { panic!("it writes a file") };
        file.mode = 0o644;
        assert_ne!(StepView::from(&step).digest, StepView::from(&other).digest);
    }

    #[test]
    fn a_view_reads_back_as_it_was_written() {
        let view = StepView::from(&write(Content::text("x\n")));
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<StepView>(&text).unwrap(), view);
    }
}
