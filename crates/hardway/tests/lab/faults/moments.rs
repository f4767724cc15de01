//! When something happens: after so many events of a run, never after so many seconds.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, ChildStdout, Stdio};

use super::MACHINES;
use super::trouble::Trouble;
use crate::support::LabWorkspace;

/// A point of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Steps that began or ended.
    events: usize,
    /// Not before the next copy, which is then cut off in its middle.
    in_a_copy: bool,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events of steps{}", self.events, if self.in_a_copy { ", in a copy" } else { "" })
    }
}

const SEED: u64 = 1_795_472_512;

/// Random choices, the same again with the same seed.
pub(crate) struct Moments {
    state: u64,
}

impl Moments {
    /// `HARDWAY_TEST_SEED`, which may be any number; else one that meets every fault in the middle of runs, so that a
    /// failure can be looked into.
    pub(crate) fn seeded() -> Self {
        let seed = match std::env::var("HARDWAY_TEST_SEED") {
            Ok(seed) => seed.parse().expect("HARDWAY_TEST_SEED is a number"),
            Err(_) => SEED,
        };
        eprintln!("HARDWAY_TEST_SEED={seed}");
        Self { state: seed }
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014), below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).expect("it has 31 bits") % bound
    }

    /// Early enough for every machine to have something to do still.
    pub(crate) fn early(&mut self) -> Moment {
        Moment { events: 1 + self.below(40), in_a_copy: false }
    }

    pub(crate) fn moment(&mut self) -> Moment {
        Moment { events: 1 + self.below(120), in_a_copy: self.below(4) == 0 }
    }

    /// One that is not away.
    pub(crate) fn machine(&mut self, away: Option<&str>) -> &'static str {
        loop {
            let machine = MACHINES[self.below(MACHINES.len())];
            if Some(machine) != away {
                return machine;
            }
        }
    }

    /// What is to happen, last things first, in a random order.
    pub(crate) fn troubles(&mut self) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> =
            Trouble::ALL.iter().flat_map(|(trouble, times)| std::iter::repeat_n(*trouble, *times)).collect();
        for last in (1..troubles.len()).rev() {
            troubles.swap(last, self.below(last + 1));
        }
        troubles
    }
}

/// `hardway apply` as a process of its own.
pub(crate) struct Run {
    child: Child,
    events: BufReader<ChildStdout>,
    stderr: File,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// Its errors, in one line.
    pub(crate) last_words: String,
}

impl Run {
    pub(crate) fn start(lab: &LabWorkspace) -> Self {
        let stderr = tempfile::tempfile().expect("a temporary file can be made");
        let mut child = lab
            .command(&["-o", "json", "apply", "--yes"])
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("a file can be shared"))
            .spawn()
            .expect("the binary under test starts");
        let events = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self { child, events, stderr }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Reads on until the moment has come; not so where the run ends before.
    pub(crate) fn reaches(&mut self, moment: Moment) -> bool {
        let mut events = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if self.events.read_line(&mut line).expect("a pipe can be read") == 0 {
                return false;
            }
            events += usize::from(line.contains("\"stepStarted\"") || line.contains("\"stepDone\""));
            let copies = line.contains("\"stepStarted\"") && line.contains("\"title\":\"Copy ");
            if events >= moment.events && (copies || !moment.in_a_copy) {
                return true;
            }
        }
    }

    /// Reads on until a step fails or is tried again; gives what the run says of it, unless it ends before.
    pub(crate) fn stumbles(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.events.read_line(&mut line).expect("a pipe can be read") == 0 {
                return None;
            }
            if line.contains("\"stepFailed\"") || line.contains("\"stepRetried\"") {
                let event: serde_json::Value = serde_json::from_str(&line).expect("an event is JSON");
                return Some(format!("{}: {}", word(&event, "title"), word(&event, "cause")));
            }
        }
    }

    /// SIGKILL: the process has no say in it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is a child");
    }

    /// Goes on to `moment`, and is killed then: there is no need to wait for a whole cluster.
    pub(crate) fn go_on(mut self, moment: Moment) -> String {
        if self.reaches(moment) {
            self.kill();
            "nothing: it went on".to_owned()
        } else {
            self.end().last_words
        }
    }

    /// Goes on until a step fails or is tried again, and is killed then: the rest may wait for minutes for that step.
    pub(crate) fn stumble(mut self) -> String {
        match self.stumbles() {
            Some(words) => {
                self.kill();
                words
            }
            None => self.end().last_words,
        }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let mut rest = Vec::new();
        self.events.read_to_end(&mut rest).expect("a pipe can be read");
        let status = self.child.wait().expect("it is a child");
        let mut text = String::new();
        self.stderr.rewind().and_then(|()| self.stderr.read_to_string(&mut text)).expect("a file can be read");
        eprint!("{text}");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
        let last_words = if errors.is_empty() { "nothing: it succeeded".to_owned() } else { errors.join("; ") };
        Ended { code: status.code().unwrap_or(-1), last_words }
    }
}

/// A text of an event, or of what is in it.
fn word(event: &serde_json::Value, key: &str) -> String {
    let found = event.get(key).or_else(|| event.get("entry").and_then(|entry| entry.get(key)));
    found.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
