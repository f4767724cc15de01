//! Tests that are run: their output is passed on, their results are added up, and why some failed is said again at the
//! end, where it is found.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

use crate::run::Failure;

/// Of a panic's message, in lines.
const SHOWN: usize = 40;

#[derive(Default)]
pub struct Outcome {
    passed: u32,
    failed: u32,
}

impl Outcome {
    /// Runs a `cargo test`.
    pub fn add(&mut self, mut command: Command) -> Result<(), Failure> {
        eprintln!("+ {command:?}");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let panics = thread::spawn(|| pass_on(stderr.expect("it was asked for")));
        for line in BufReader::new(stdout.expect("it was asked for")).lines() {
            let line = line?;
            println!("{line}");
            if let Some(rest) = line.strip_prefix("test result: ") {
                self.passed += number_before(rest, " passed");
                self.failed += number_before(rest, " failed");
            }
        }
        let panics = panics.join().map_err(|_| "the output could not be read")?;
        let status = child.wait()?;
        if status.success() {
            return Ok(());
        }
        self.failed = self.failed.max(1);
        panics.iter().for_each(|panic| println!("\n{panic}"));
        self.print();
        Err(format!("{command:?} ended with {status}").into())
    }

    pub fn print(&self) {
        println!("{} passed, {} failed", self.passed, self.failed);
    }
}

/// Returns the messages of panics in it.
fn pass_on(stderr: impl Read) -> Vec<String> {
    let mut panics = Panics::default();
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        panics.add(&line);
    }
    panics.messages
}

#[derive(Default)]
struct Panics {
    messages: Vec<String>,
    /// Lines of the last message that are still to come, at the most.
    open: usize,
}

impl Panics {
    fn add(&mut self, line: &str) {
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.messages.push(String::new());
            self.open = SHOWN;
        } else if line.starts_with("stack backtrace:") || line.starts_with("note: run with `RUST_BACKTRACE") {
            self.open = 0;
        }
        if let (Some(message), Some(left)) = (self.messages.last_mut(), self.open.checked_sub(1)) {
            *message += line;
            *message += "\n";
            self.open = left;
        }
    }
}

fn number_before(text: &str, word: &str) -> u32 {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_panics_are_told_from_what_is_around_them() {
        let text = "$ hardway plan: exit status: 0\n\nthread 'a::b' (21) panicked at tests/a.rs:4:5:\nleft: 0\nright: 3\n\
            stack backtrace:\n   0: panic\nlb: stopping\nthread 'c' (22) panicked at tests/c.rs:1:1:\nno";
        let messages = pass_on(text.as_bytes());
        let expected = [
            "thread 'a::b' (21) panicked at tests/a.rs:4:5:\nleft: 0\nright: 3\n",
            "thread 'c' (22) panicked at tests/c.rs:1:1:\nno\n",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_long_message_is_cut() {
        let text = format!("thread 'a' (1) panicked at a.rs:1:1:\n{}", "line\n".repeat(500));
        assert_eq!(pass_on(text.as_bytes())[0].lines().count(), SHOWN);
    }

    #[test]
    fn results_are_numbers_before_words() {
        let rest = "FAILED. 7 passed; 2 failed; 0 ignored";
        assert_eq!((number_before(rest, " passed"), number_before(rest, " failed")), (7, 2));
    }
}
