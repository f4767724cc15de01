//! Looking at all of a machine's resources: one command, and a second one for the text of files that differ.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hardway_design::{File, Observation, Observed, Resource, ResourceId};

use super::observation::Answer;
use super::script::{observe_script, texts_script};
use super::sections::Sections;
use crate::{Fault, Machine, MachineError};

/// How binaries are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Reads those whose size, times or inode changed since hardway last read them.
    Changed,
    /// Reads every one: half a gigabyte on a machine.
    Deep,
}

/// The largest file whose text is fetched to be compared, in bytes: nobody reads a longer diff.
const LONGEST_TEXT: u64 = 64 * 1024;

/// What stands on the machine of these resources, and its inventory. Resources of the cluster are left out.
///
/// # Errors
/// Where the machine is not reached, or its answer breaks off.
pub async fn observe(machine: &dyn Machine, resources: &[&Resource], depth: Depth) -> Result<Observed, MachineError> {
    let output = machine.exec(&observe_script(resources, depth), b"").await?;
    let sections = complete(machine, &output)?;
    let answer = Answer::parse(&sections, &output.stderr);
    let seen = |resource: &&Resource| Some((resource.id(), answer.observation(resource)?));
    let mut observed =
        Observed { resources: resources.iter().filter_map(seen).collect(), inventory: sections.text("inventory") };

    let differing: Vec<&File> = resources
        .iter()
        .filter_map(|resource| match resource {
            Resource::File(file) if wants_text(file, &answer, &observed.resources, resource) => Some(file),
            _ => None,
        })
        .collect();
    if !differing.is_empty() {
        add_texts(machine, &differing, &mut observed.resources).await?;
    }
    Ok(observed)
}

fn complete(machine: &dyn Machine, output: &crate::Output) -> Result<Sections, MachineError> {
    let sections = Sections::parse(&output.stdout);
    if sections.is_complete() {
        return Ok(sections);
    }
    let fault = Fault::ProbeFailed { code: output.code, output: crate::lines::of(&output.stderr) };
    Err(MachineError { machine: machine.name().clone(), fault })
}

fn wants_text(file: &File, answer: &Answer, seen: &BTreeMap<ResourceId, Observation>, resource: &Resource) -> bool {
    let differs = match seen.get(&resource.id()) {
        Some(Observation::File { sha256, .. }) => *sha256 != file.content.sha256(),
        _ => false,
    };
    differs && !file.content.is_secret() && answer.size(&file.path).is_some_and(|size| size < LONGEST_TEXT)
}

async fn add_texts(
    machine: &dyn Machine,
    files: &[&File],
    observed: &mut BTreeMap<ResourceId, Observation>,
) -> Result<(), MachineError> {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let output = machine.exec(&texts_script(&paths), b"").await?;
    let sections = complete(machine, &output)?;
    for file in files {
        let base64: String = sections.lines(&file.path).collect();
        let found = STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(Observation::File { text, .. }) = observed.get_mut(&Resource::File((*file).clone()).id()) {
            *text = found;
        }
    }
    Ok(())
}
