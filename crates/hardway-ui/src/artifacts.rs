//! The progress of obtaining the parts: a bar with what is being built and how long that usually takes.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hardway_artifacts::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::Output;
use crate::size::seconds;

/// Shows what a store tells. Shared by the threads that tell it.
pub struct ArtifactProgress {
    output: Output,
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: usize,
    built: usize,
    current: Option<(String, Duration, Instant)>,
}

impl ArtifactProgress {
    pub fn new(output: Output) -> Self {
        let bar = if output.is_live() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        bar.set_style(
            ProgressStyle::with_template("{spinner} [{bar:20}] {pos}/{len} {wide_msg}")
                .expect("the template is a constant")
                .progress_chars("=> "),
        );
        Self { output, bar, state: Mutex::default() }
    }

    pub fn show(&self, progress: &Progress) {
        let mut state = self.state.lock().expect("no thread panics while it holds the lock");
        match progress {
            Progress::Source { kind, reason } => self.line(&format!("components come from {kind}: {reason}")),
            Progress::Held { .. } => state.held += 1,
            Progress::Waiting { lock } => self.line(&format!("another hardway holds {lock}; waiting for it")),
            Progress::Packing { programs } => {
                self.line(&format!("packing {programs} programs for the way to the machines"))
            }
            Progress::Bundling { path, files } => self.line(&format!("writing {files} files to {path}")),
            Progress::Unpacking { path, files } => {
                self.line(&format!("checking and unpacking {files} files of {path}"));
            }
            Progress::Planned { steps, usual } => {
                self.bar.set_length(*steps as u64);
                self.line(&format!("{steps} components and images to build, usually {} together", seconds(*usual)));
            }
            Progress::Downloading { what } => {
                self.bar.set_message(format!("downloading {what}"));
                if self.output.verbose {
                    self.line(&format!("downloading {what}"));
                }
            }
            Progress::Received { what, bytes, of } => {
                let share = of.map(|of| format!(" ({} %)", bytes * 100 / of.max(1))).unwrap_or_default();
                self.bar.set_message(format!("downloading {what}{share}"));
            }
            Progress::Retrying { reason, wait } => self.line(&format!("{reason}; again in {}", seconds(*wait))),
            Progress::Started { step, index, of, usual } => {
                self.bar.set_length(*of as u64);
                self.bar.set_position(*index as u64 - 1);
                self.bar.set_message(format!("{step} (usually {})", seconds(*usual)));
                self.bar.tick();
                state.current = Some((step.to_string(), *usual, Instant::now()));
                if self.bar.is_hidden() {
                    self.line(&format!("[{index}/{of}] {step} (usually {})", seconds(*usual)));
                }
            }
            Progress::Compiling { package } => {
                if let Some((step, usual, began)) = &state.current {
                    self.bar.set_message(format!(
                        "{step} ({} of usually {}) {package}",
                        seconds(began.elapsed()),
                        seconds(*usual)
                    ));
                }
            }
            Progress::Finished { step, elapsed } => {
                state.built += 1;
                self.bar.inc(1);
                self.line(&format!("{step}: done in {}", seconds(*elapsed)));
            }
        }
    }

    /// Takes the bar away and says what came from where.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        let state = self.state.lock().expect("no thread panics while it holds the lock");
        if state.built == 0 {
            self.output.note(&format!("components: all {} in the cache", state.held));
        }
    }

    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            self.output.note(text);
        } else {
            self.bar.suspend(|| self.output.note(text));
        }
    }
}
