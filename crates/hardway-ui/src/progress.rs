//! A run as a person follows it.
//!
//! On a terminal one line for each busy place and a total; otherwise one plain line for each finished step.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use hardway_run::{Event, StepRef};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::Output;
use crate::size::{bytes, seconds};
use crate::style::{BAD, DIM, GOOD, paint};

/// Lines for busy places: more do not fit beside the total and what was there before on 80×24.
const MAX_LINES: usize = 8;

pub struct RunProgress {
    output: Output,
    lines: MultiProgress,
    total: ProgressBar,
    places: BTreeMap<String, ProgressBar>,
    running: HashMap<StepRef, Running>,
    /// How long each stage took, for the summary at the end.
    stages: Vec<(String, Duration, Duration)>,
    width: usize,
}

struct Running {
    title: String,
    began: Instant,
    note: String,
}

impl RunProgress {
    pub fn new(output: Output) -> Self {
        let lines = MultiProgress::new();
        if !output.is_live() {
            lines.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let total = lines.add(ProgressBar::no_length());
        total.set_style(
            ProgressStyle::with_template("[{bar:24}] {pos}/{len} steps, {elapsed}")
                .expect("the template is a constant")
                .progress_chars("=> "),
        );
        Self { output, lines, total, places: BTreeMap::new(), running: HashMap::new(), stages: Vec::new(), width: 0 }
    }

    pub fn show(&mut self, event: &Event) {
        if self.output.is_json() {
            if !matches!(event, Event::StepProgress { .. }) {
                self.output.json_line(event);
            }
            return;
        }
        match event {
            Event::RunStarted { steps, .. } => self.total.set_length(*steps as u64),
            Event::StepStarted { step, title } => {
                let running = Running { title: title.clone(), began: Instant::now(), note: String::new() };
                self.running.insert(step.clone(), running);
                self.redraw(&step.place);
            }
            Event::StepOutput { step, line } => {
                if self.output.verbose {
                    self.print(&format!("{}  {}", self.column(&step.place), paint(DIM, line)));
                }
                self.annotate(step, line.trim());
            }
            Event::StepProgress { step, bytes: sent, total } => {
                self.annotate(step, &format!("{} of {}", bytes(*sent), bytes(*total)));
            }
            Event::StepDone { step, title, elapsed } => {
                self.running.remove(step);
                self.total.inc(1);
                self.width = self.width.max(step.place.chars().count());
                if !self.output.is_live() || self.output.verbose {
                    self.print(&format!("{}  {title}  {}", self.column(&step.place), paint(DIM, seconds(*elapsed))));
                }
                self.redraw(&step.place);
            }
            Event::StepRetried { step, title, cause, attempt } => {
                self.print(&format!("{}  {title}: {cause}; attempt {attempt} follows", self.column(&step.place)))
            }
            Event::StepFailed { step, title, cause, .. } => {
                self.running.remove(step);
                self.print(&format!("{}  {title}: {} {cause}", self.column(&step.place), paint(BAD, "failed:")));
                self.redraw(&step.place);
            }
            Event::StageDone { place, stage, waited, elapsed } => {
                self.stages.push((format!("{stage}@{place}"), *waited, *elapsed));
            }
            Event::StageSkipped { place, stage, because } => {
                if self.output.verbose {
                    self.print(&format!("{}  {stage}: not done: {because}", self.column(place)));
                }
            }
            Event::RunDone { elapsed, failed, skipped } => self.finish(*elapsed, *failed, *skipped),
        }
    }

    fn finish(&mut self, elapsed: Duration, failed: usize, skipped: usize) {
        for bar in self.places.values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
        let word = if failed + skipped == 0 { paint(GOOD, "applied") } else { paint(BAD, "not applied in full") };
        self.output.note(&format!("{word} in {}", seconds(elapsed)));
        self.stages.sort_by_key(|(_, _, took)| std::cmp::Reverse(*took));
        let longest: Vec<String> = self
            .stages
            .iter()
            .take(4)
            .filter(|(_, _, took)| *took >= Duration::from_secs(1))
            .map(|(stage, _, took)| format!("{stage} {}", seconds(*took)))
            .collect();
        if !longest.is_empty() {
            self.output.note(&format!("most time went to: {}", longest.join(", ")));
        }
    }

    fn annotate(&mut self, step: &StepRef, note: &str) {
        if let Some(running) = self.running.get_mut(step) {
            note.clone_into(&mut running.note);
            self.redraw(&step.place);
        }
    }

    /// Shows the longest running step of a place, or frees its line.
    fn redraw(&mut self, place: &str) {
        if !self.output.is_live() {
            return;
        }
        let busy =
            self.running.iter().filter(|(step, _)| step.place == place).min_by_key(|(_, running)| running.began).map(
                |(_, running)| {
                    let note = if running.note.is_empty() { String::new() } else { format!(": {}", running.note) };
                    format!("{}{note}", running.title)
                },
            );
        let Some(busy) = busy else {
            if let Some(bar) = self.places.remove(place) {
                bar.finish_and_clear();
                self.lines.remove(&bar);
            }
            return;
        };
        if !self.places.contains_key(place) {
            if self.places.len() == MAX_LINES {
                return;
            }
            let bar = self.lines.insert_before(&self.total, ProgressBar::new_spinner());
            bar.set_style(ProgressStyle::with_template("{prefix:>8}  {wide_msg}").expect("the template is a constant"));
            bar.set_prefix(place.to_owned());
            self.places.insert(place.to_owned(), bar);
        }
        if let Some(bar) = self.places.get(place) {
            bar.set_message(busy);
        }
    }

    fn column(&self, place: &str) -> String {
        format!("{place:<width$}", width = self.width)
    }

    fn print(&self, line: &str) {
        self.lines.suspend(|| self.output.note(line));
    }
}
