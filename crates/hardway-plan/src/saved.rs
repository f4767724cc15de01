//! A plan in a file: exactly that is done later, or nothing is.
//!
//! The file holds no actions, only digests of them. To carry it out, the same plan is made again from the machines as
//! they are by then; where anything differs, it is refused, with all that moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hardway_design::Inputs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ActionKind, Plan, StageView, StepView};

/// The version of [`SavedPlan`]'s format; a file of another one is refused.
const FORMAT_VERSION: u32 = 1;

/// What `hardway plan --out` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedPlan {
    format_version: u32,
    /// The version of the hardway that made it.
    hardway: String,
    cluster: String,
    created: Timestamp,
    /// Places that it is narrowed to, by name; absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    inputs: Fingerprints,
    stages: Vec<StageView>,
}

/// What a plan was made from on the operator's side, as SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fingerprints {
    /// Of `cluster.yaml`, byte by byte.
    pub spec: String,
    /// Of each key and certificate, by its file's name without `.pem`.
    pub keys: BTreeMap<String, String>,
    /// Of each binary, image and archive of packages, by name.
    pub components: BTreeMap<String, String>,
}

/// A file that is no saved plan of this hardway.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    #[error("it is not a saved plan")]
    Malformed(#[source] serde_json::Error),
    #[error("it has format version {found}; this hardway reads {FORMAT_VERSION}")]
    Version { found: u64 },
    #[error("it is a plan for the cluster \"{found}\", not for \"{expected}\"")]
    OtherCluster { found: String, expected: String },
}

/// Something that is not as it was when the plan was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    Hardway { saved: String, now: String },
    Spec,
    Keys(Vec<String>),
    Components(Vec<String>),
    StepGone { place: String, title: String },
    StepNew { place: String, title: String, reason: String },
    StepDiffers { place: String, title: String, saved: String, now: String },
    Order { stage: String },
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hardway { saved, now } => write!(f, "the plan was made by hardway {saved}, and this is {now}"),
            Self::Spec => f.write_str("cluster.yaml changed since"),
            Self::Keys(names) => write!(f, "keys or certificates changed since: {}", names.join(", ")),
            Self::Components(names) => write!(f, "components changed since: {}", names.join(", ")),
            Self::StepGone { place, title } => write!(f, "{place}: no longer needed: {title}"),
            Self::StepNew { place, title, reason } => write!(f, "{place}: needed now: {title} ({reason})"),
            Self::StepDiffers { place, title, saved, now } if saved == now => {
                write!(f, "{place}: what it is about changed since: {title} ({now})")
            }
            Self::StepDiffers { place, title, saved, now } => {
                write!(f, "{place}: what it is about changed since: {title} (was: {saved}; is: {now})")
            }
            Self::Order { stage } => write!(f, "what waits for what changed: {stage}"),
        }
    }
}

impl Fingerprints {
    /// `spec` is the text of `cluster.yaml`.
    pub fn of(spec: &str, inputs: &Inputs<'_>) -> Self {
        let digest = |parts: &[&str]| {
            let mut hash = Sha256::new();
            parts.iter().for_each(|part| hash.update(part));
            hex::encode(hash.finalize())
        };
        let pairs = &inputs.bundle.key_pairs;
        let mut keys: BTreeMap<String, String> =
            pairs.iter().map(|(identity, pair)| (identity.slug(), digest(&[&pair.certificate, &pair.key]))).collect();
        keys.insert("encryption-key".to_owned(), digest(&[inputs.encryption_key.as_base64()]));
        let (binaries, images) = (&inputs.catalog.binaries, &inputs.catalog.images);
        let components = binaries.iter().map(|(name, binary)| (name.clone(), binary.sha256.clone()));
        let images = images.iter().map(|(name, image)| (format!("image {name}"), image.sha256.clone()));
        let packages = inputs.catalog.packages.iter().flatten();
        let packages = packages.map(|(os, archive)| (format!("packages for {os}"), archive.sha256.clone()));
        Self { spec: digest(&[spec]), keys, components: components.chain(images).chain(packages).collect() }
    }
}

impl SavedPlan {
    pub fn new(
        hardway: &str,
        cluster: &str,
        created: Timestamp,
        only: Option<Vec<String>>,
        inputs: Fingerprints,
        plan: &Plan,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            hardway: hardway.to_owned(),
            cluster: cluster.to_owned(),
            created,
            only,
            inputs,
            stages: plan.stages.iter().map(StageView::from).collect(),
        }
    }

    /// # Errors
    /// Where the text is no saved plan, one of another format, or another cluster's.
    pub fn parse(text: &str, cluster: &str) -> Result<Self, SavedPlanError> {
        let document: serde_json::Value = serde_json::from_str(text).map_err(SavedPlanError::Malformed)?;
        // Looked at first: a newer format may have fields that this one lacks.
        if let Some(found) = document.get("formatVersion").and_then(serde_json::Value::as_u64)
            && found != u64::from(FORMAT_VERSION)
        {
            return Err(SavedPlanError::Version { found });
        }
        let saved: Self = serde_json::from_str(text).map_err(SavedPlanError::Malformed)?;
        if saved.cluster != cluster {
            return Err(SavedPlanError::OtherCluster { found: saved.cluster, expected: cluster.to_owned() });
        }
        Ok(saved)
    }

    /// As the file holds it: JSON, indented, with a last line end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a saved plan is plain strings and numbers");
        text.push('\n');
        text
    }

    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Places that it is narrowed to, by name.
    pub fn only(&self) -> Option<&[String]> {
        self.only.as_deref()
    }

    /// Everything in which `now`, the same plan made again, differs: causes before what follows from them.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        let mut moved = Vec::new();
        if self.hardway != now.hardway {
            moved.push(Moved::Hardway { saved: self.hardway.clone(), now: now.hardway.clone() });
        }
        if self.inputs.spec != now.inputs.spec {
            moved.push(Moved::Spec);
        }
        let keys = differing(&self.inputs.keys, &now.inputs.keys);
        if !keys.is_empty() {
            moved.push(Moved::Keys(keys));
        }
        let components = differing(&self.inputs.components, &now.inputs.components);
        if !components.is_empty() {
            moved.push(Moved::Components(components));
        }
        moved.extend(moved_steps(&self.stages, &now.stages));
        moved
    }
}

fn differing(saved: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let changed = saved.iter().filter(|(name, digest)| now.get(*name) != Some(digest)).map(|(name, _)| name);
    let new = now.keys().filter(|name| !saved.contains_key(*name));
    changed.chain(new).cloned().collect()
}

/// A step's name among all steps of a plan: place, stage, title, and how many before it have the same.
type StepName<'a> = (&'a str, &'a str, &'a str, usize);

/// Steps that change something: what is only waited for follows from them.
fn named(stages: &[StageView]) -> BTreeMap<StepName<'_>, &StepView> {
    let mut steps = BTreeMap::new();
    for stage in stages {
        for step in stage.steps.iter().filter(|step| step.action != ActionKind::Wait) {
            let name = |number| (stage.place.as_str(), stage.name.as_str(), step.title.as_str(), number);
            let number = (0..).find(|number| !steps.contains_key(&name(*number))).expect("a plan ends");
            steps.insert(name(number), step);
        }
    }
    steps
}

fn moved_steps(saved: &[StageView], now: &[StageView]) -> Vec<Moved> {
    let (old, new) = (named(saved), named(now));
    let mut moved = Vec::new();
    for (name @ (place, _, title, _), step) in &old {
        let (place, title) = ((*place).to_owned(), (*title).to_owned());
        match new.get(name) {
            None => moved.push(Moved::StepGone { place, title }),
            Some(found) if found == step => {}
            Some(found) => {
                moved.push(Moved::StepDiffers { place, title, saved: step.reason.clone(), now: found.reason.clone() })
            }
        }
    }
    for ((place, _, title, _), step) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        let (place, title) = ((*place).to_owned(), (*title).to_owned());
        moved.push(Moved::StepNew { place, title, reason: step.reason.clone() });
    }
    if moved.is_empty() {
        // The same steps may still be tied together otherwise, or wait for other things.
        let of = |stages: &[StageView]| -> BTreeMap<String, StageView> {
            stages.iter().map(|stage| (format!("{}@{}", stage.name, stage.place), stage.clone())).collect()
        };
        let (old, new) = (of(saved), of(now));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        moved.extend(differing.map(|stage| Moved::Order { stage: stage.clone() }));
    }
    moved
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardway_design::{Condition, Content, File, GroupId, ResourceId};
    use hardway_spec::MachineName;

    use super::*;
    use crate::{Action, Change, Stage, Step};

    fn write(path: &str, old: Option<&str>, new: &str) -> Step {
        let content = Content::text(new);
        let file = File { path: path.to_owned(), mode: 0o600, owner: "root:root".to_owned(), content };
        Step {
            title: format!("Write {path}"),
            reason: if old.is_some() { "content differs" } else { "missing" }.to_owned(),
            resource: ResourceId(format!("file:{path}")),
            change: Some(Change::of_file(path, old, None, &file.content)),
            disruption: None,
            action: Action::WriteFile { file, keep_original: false },
        }
    }

    fn stage(name: &str, after: &[&str], steps: Vec<Step>) -> Stage {
        let id = |name: &str| GroupId::on(&MachineName::from("w1"), name);
        Stage { id: id(name), after: after.iter().map(|name| id(name)).collect(), steps }
    }

    fn inputs() -> Fingerprints {
        let keys = [("api/kubernetes", "1"), ("ca/ca", "2")];
        Fingerprints {
            spec: "a".to_owned(),
            keys: keys.map(|(name, digest)| (name.to_owned(), digest.to_owned())).into(),
            components: [("kubelet".to_owned(), "3".to_owned())].into(),
        }
    }

    fn saved(inputs: Fingerprints, stages: Vec<Stage>) -> SavedPlan {
        let created = "2026-11-23T20:00:00Z".parse().unwrap();
        SavedPlan::new("0.1.0", "test", created, None, inputs, &Plan { stages })
    }

    fn of_steps(steps: Vec<Step>) -> SavedPlan {
        saved(inputs(), vec![stage("files", &[], steps)])
    }

    fn told(saved: &SavedPlan, now: &SavedPlan) -> Vec<String> {
        saved.moved(now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plan_read_back_and_made_again_has_not_moved() {
        let plan = of_steps(vec![write("/a", None, "x\n")]);
        let read = SavedPlan::parse(&plan.text(), "test").unwrap();
        assert_eq!(read, plan);
        assert_eq!(told(&read, &of_steps(vec![write("/a", None, "x\n")])), [""; 0]);
    }

    #[test]
    fn a_file_that_changed_on_the_machine_meanwhile_is_named() {
        let plan = of_steps(vec![write("/a", Some("1\n"), "x\n")]);
        let now = of_steps(vec![write("/a", Some("2\n"), "x\n")]);
        assert_eq!(told(&plan, &now), ["w1: what it is about changed since: Write /a (content differs)"]);
        let now = of_steps(vec![write("/a", None, "x\n")]);
        assert_eq!(
            told(&plan, &now),
            ["w1: what it is about changed since: Write /a (was: content differs; is: missing)"]
        );
    }

    #[test]
    fn steps_that_came_and_went_are_named() {
        let plan = of_steps(vec![write("/a", None, "x")]);
        let now = of_steps(vec![write("/b", None, "x")]);
        assert_eq!(told(&plan, &now), ["w1: no longer needed: Write /a", "w1: needed now: Write /b (missing)"]);
    }

    #[test]
    fn the_same_title_twice_in_a_stage_is_two_steps() {
        let twice = || vec![write("/a", None, "x"), write("/a", None, "y")];
        assert_eq!(told(&of_steps(twice()), &of_steps(twice())), [""; 0]);
        let now = of_steps(vec![write("/a", None, "x")]);
        assert_eq!(told(&of_steps(twice()), &now), ["w1: no longer needed: Write /a"]);
    }

    #[test]
    fn a_secret_that_moved_is_found_by_its_digest_alone() {
        let with = |content: &str| {
            let mut step = write("/k", None, "");
            let Action::WriteFile { file, .. } = &mut step.action else { panic!("it writes a file") };
            file.content = Content::secret(content);
            step.change = None;
            of_steps(vec![step])
        };
        assert_eq!(told(&with("one"), &with("two")).len(), 1);
    }

    #[test]
    fn another_order_of_the_same_steps_is_found() {
        let stages = |after: &[&str]| vec![stage("a", &[], Vec::new()), stage("b", after, Vec::new())];
        let (plan, now) = (saved(inputs(), stages(&["a"])), saved(inputs(), stages(&[])));
        assert_eq!(told(&plan, &now), ["what waits for what changed: b@w1"]);
    }

    #[test]
    fn waits_are_told_only_where_nothing_else_moved() {
        let wait = || {
            let condition =
                Condition { title: "it is up".to_owned(), check: "true".to_owned(), timeout: Duration::ZERO };
            Step { action: Action::WaitOnMachine(condition), ..write("/a", None, "x") }
        };
        let plan = saved(inputs(), vec![stage("b", &[], vec![write("/b", None, "x"), wait()])]);
        let now = saved(inputs(), vec![stage("b", &[], vec![write("/b", None, "x")])]);
        assert_eq!(told(&plan, &now), ["what waits for what changed: b@w1"]);
        let now = saved(inputs(), Vec::new());
        assert_eq!(told(&plan, &now), ["w1: no longer needed: Write /b"]);
    }

    #[test]
    fn what_the_operator_changed_is_told_before_what_follows_from_it() {
        let mut changed = inputs();
        changed.spec = "b".to_owned();
        changed.keys.insert("api/kubernetes".to_owned(), "9".to_owned());
        changed.keys.insert("clients/w9".to_owned(), "9".to_owned());
        changed.components.remove("kubelet");
        let plan = saved(inputs(), Vec::new());
        let now = saved(changed, vec![stage("files", &[], vec![write("/a", None, "x")])]);
        assert_eq!(
            told(&plan, &now),
            [
                "cluster.yaml changed since",
                "keys or certificates changed since: api/kubernetes, clients/w9",
                "components changed since: kubelet",
                "w1: needed now: Write /a (missing)",
            ]
        );
    }

    #[test]
    fn another_hardway_is_told() {
        let mut plan = saved(inputs(), Vec::new());
        plan.hardway = "0.0.9".to_owned();
        let now = saved(inputs(), Vec::new());
        assert_eq!(told(&plan, &now), ["the plan was made by hardway 0.0.9, and this is 0.1.0"]);
    }

    #[test]
    fn files_that_are_no_plan_of_ours_are_refused() {
        let refusal = |text: &str, cluster: &str| SavedPlan::parse(text, cluster).unwrap_err().to_string();
        let text = saved(inputs(), Vec::new()).text();
        assert_eq!(refusal("", "test"), "it is not a saved plan");
        assert_eq!(refusal("[1]", "test"), "it is not a saved plan");
        assert_eq!(refusal(&text[..text.len() / 2], "test"), "it is not a saved plan");
        let newer = text.replace("\"formatVersion\": 1", "\"formatVersion\": 2, \"more\": 1");
        assert_eq!(refusal(&newer, "test"), "it has format version 2; this hardway reads 1");
        assert_eq!(refusal(&text, "prod"), "it is a plan for the cluster \"test\", not for \"prod\"");
    }
}
