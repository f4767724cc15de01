//! A stage: what is sent, and how the lines that come back are read.

use std::collections::VecDeque;

use hardway_plan::script::{EVENT_MARK, Script};

use crate::lines::LineReader;
use crate::{Fault, ScriptEvent};

/// Takes a stage's tar from stdin.
pub(crate) const STAGE_SCRIPT: &str = include_str!("stage.sh");

/// Lines of a failed step that its error carries: enough for a unit's journal after the message.
const KEPT_LINES: usize = 40;

/// The script and its files as one tar, in memory: they are small.
pub(crate) fn stage_tar(script: &Script) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content).expect("writing to memory succeeds, names are short and relative");
    };
    for file in &script.files {
        add(&format!("files/{}", file.name), &file.content);
    }
    // The last: an archive that was cut off brings no script.
    add("script", script.text.as_bytes());
    tar.into_inner().expect("writing to memory succeeds")
}

/// Turns a stage's output into events, and remembers how it ended.
#[derive(Default)]
pub(crate) struct StageReader {
    lines: LineReader,
    state: State,
}

#[derive(Default)]
struct State {
    last_lines: VecDeque<String>,
    failed: Option<(usize, i32)>,
    exit: Option<i32>,
}

impl StageReader {
    pub(crate) fn feed(&mut self, bytes: &[u8], on_event: &mut (dyn FnMut(ScriptEvent) + Send)) {
        let state = &mut self.state;
        self.lines.feed(bytes, |line| state.line(line, on_event));
    }

    /// The script's exit status, once it has ended.
    pub(crate) fn exit(&self) -> Option<i32> {
        self.state.exit
    }

    /// How the stage ended; `code` is the status of what ran around the script.
    pub(crate) fn finish(
        mut self,
        code: i32,
        stderr: &[u8],
        on_event: &mut (dyn FnMut(ScriptEvent) + Send),
    ) -> Result<(), Fault> {
        let state = &mut self.state;
        self.lines.finish(|line| state.line(line, on_event));
        let mut output: Vec<String> = std::mem::take(&mut state.last_lines).into();
        match (state.failed, state.exit) {
            (Some((step, code)), _) => Err(Fault::StepFailed { step, code, output }),
            (None, Some(0)) => Ok(()),
            (None, exit) => {
                output.extend(crate::lines::of(stderr));
                Err(Fault::ScriptFailed { code: exit.unwrap_or(code), output })
            }
        }
    }
}

impl State {
    fn line(&mut self, line: String, on_event: &mut (dyn FnMut(ScriptEvent) + Send)) {
        if let Some(code) = exit_line(&line) {
            self.exit = Some(code);
            return;
        }
        let event = ScriptEvent::parse(&line);
        match &event {
            ScriptEvent::Begin(_) => self.last_lines.clear(),
            ScriptEvent::Output(line) => {
                if self.last_lines.len() == KEPT_LINES {
                    self.last_lines.pop_front();
                }
                self.last_lines.push_back(line.clone());
            }
            ScriptEvent::Done(_) => {}
            ScriptEvent::Failed(step, code) => self.failed = Some((*step, *code)),
        }
        on_event(event);
    }
}

fn exit_line(line: &str) -> Option<i32> {
    line.strip_prefix(EVENT_MARK)?.strip_prefix(" exit ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> (Vec<ScriptEvent>, Result<(), Fault>) {
        let mut events = Vec::new();
        let mut reader = StageReader::default();
        reader.feed(output.as_bytes(), &mut |event| events.push(event));
        let mut rest = Vec::new();
        let result = reader.finish(1, b"", &mut |event| rest.push(event));
        events.append(&mut rest);
        (events, result)
    }

    #[test]
    fn the_stage_script_is_plain_posix_sh() {
        super::super::check(STAGE_SCRIPT);
    }

    #[test]
    fn a_stage_that_ends_well_is_ok() {
        let (events, result) = read("\x1e begin 0\nhello\n\x1e done 0\n\x1e exit 0\n");
        assert_eq!(events, [ScriptEvent::Begin(0), ScriptEvent::Output("hello".to_owned()), ScriptEvent::Done(0)]);
        assert!(result.is_ok());
    }

    #[test]
    fn a_failed_step_carries_its_own_last_lines() {
        let (_, result) = read("\x1e begin 0\na\n\x1e done 0\n\x1e begin 1\nb\nc\n\x1e fail 1 7\n\x1e exit 1\n");
        let Err(Fault::StepFailed { step: 1, code: 7, output }) = result else { panic!("{result:?}") };
        assert_eq!(output, ["b", "c"]);
    }

    #[test]
    fn a_script_that_breaks_outside_its_steps_is_an_error() {
        let (_, result) = read("sh: syntax error\n\x1e exit 2\n");
        let Err(Fault::ScriptFailed { code: 2, output }) = result else { panic!("{result:?}") };
        assert_eq!(output, ["sh: syntax error"]);
    }

    #[test]
    fn a_stage_that_never_said_how_it_ended_did_not_end_well() {
        let (_, result) = read("\x1e begin 0\n\x1e done 0\n");
        assert!(matches!(result, Err(Fault::ScriptFailed { code: 1, .. })));
    }

    #[test]
    fn the_tar_holds_the_script_and_its_files() {
        let script = Script {
            text: "true".to_owned(),
            files: vec![hardway_plan::script::ScriptFile { name: "file-1".to_owned(), content: b"x".to_vec() }],
        };
        let bytes = stage_tar(&script);
        let mut tar = tar::Archive::new(bytes.as_slice());
        let names: Vec<_> =
            tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["files/file-1", "script"]);
    }
}
