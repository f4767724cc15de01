//! A run as a person follows it.
//!
//! On a terminal one line for each busy machine and a total, redrawn in place; otherwise one plain line for each finished
//! step. Where the time went comes at the end. As JSON, the events themselves.

mod board;
mod report;
mod screen;

use std::collections::BTreeMap;
use std::time::Instant;

use hardway_run::{Entry, Event, StageRef, StageTime};

use crate::Output;
use crate::printable::printable;
use crate::size::seconds;
use crate::style::{BAD, DIM, paint};
pub(crate) use report::where_the_time_went;

use board::Board;
use screen::Screen;

/// Shows a run's events.
pub struct RunProgress {
    output: Output,
    board: Board,
    screen: Screen,
    /// What each stage waits for, and when those that are done went.
    after: BTreeMap<StageRef, Vec<StageRef>>,
    times: Vec<StageTime>,
    /// Of the longest place's name.
    width: usize,
}

impl RunProgress {
    pub fn new(output: Output) -> Self {
        Self::on(output, Screen::new(output))
    }

    fn on(output: Output, screen: Screen) -> Self {
        Self { output, board: Board::default(), screen, after: BTreeMap::new(), times: Vec::new(), width: 0 }
    }

    /// Takes an event in. On a terminal, what changed is seen with the next [`RunProgress::draw`].
    pub fn show(&mut self, entry: &Entry) {
        if self.output.is_json() {
            if !entry.entry.is_passing() {
                self.output.json_line(entry);
            }
            return;
        }
        if let Some(line) = self.line(&entry.entry) {
            self.screen.print(&line);
        }
        self.board.take(&entry.entry, Instant::now());
        if let Event::RunDone { .. } = &entry.entry {
            self.screen.clear();
            self.output.note(&report::report(&self.board.count(), &entry.entry, &self.times));
        }
    }

    /// Draws what is new. To be called several times a second, also when nothing happens: times go on.
    pub fn draw(&mut self) {
        self.screen.draw(&mut self.board, Instant::now());
    }

    /// Says something beside the events, once.
    pub fn note(&self, text: &str) {
        self.screen.print(text);
    }

    /// What is worth a line that stays. Keeps what the end's report needs.
    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::StagePlanned { place, stage, after, .. } => {
                self.width = self.width.max(console::measure_text_width(place));
                self.after.insert(StageRef { place: place.clone(), stage: stage.clone() }, after.clone());
                None
            }
            Event::StepOutput { step, line } if self.output.verbose => {
                Some(self.of(&step.place, &paint(DIM, printable(line))))
            }
            Event::StepDone { step, title, elapsed } if self.output.verbose || !self.screen.is_live() => {
                Some(self.of(&step.place, &format!("{title}  {}", paint(DIM, seconds(*elapsed)))))
            }
            Event::StepRetried { step, title, cause, attempt } => {
                let cause = printable(cause);
                Some(self.of(&step.place, &format!("{title}: {cause}; attempt {attempt} follows")))
            }
            Event::StepFailed { step, title, cause, .. } => {
                let cause = printable(cause);
                Some(self.of(&step.place, &format!("{title}: {} {cause}", paint(BAD, "failed:"))))
            }
            Event::StageDone { place, stage, waited, elapsed } => {
                let stage = StageRef { place: place.clone(), stage: stage.clone() };
                let after = self.after.get(&stage).cloned().unwrap_or_default();
                self.times.push(StageTime { stage, after, began: *waited, ended: *waited + *elapsed });
                None
            }
            Event::StageSkipped { place, stage, because } if self.output.verbose => {
                Some(self.of(place, &format!("{stage}: not done: {because}")))
            }
            Event::NodeUncordoned { node } => Some(format!("{node} is uncordoned again: the run did not come so far")),
            Event::NodeLeftCordoned { node, because } => Some(format!("{node} stays cordoned: {}", printable(because))),
            Event::RunOpened { .. }
            | Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepOutput { .. }
            | Event::StepProgress { .. }
            | Event::StepDone { .. }
            | Event::StageSkipped { .. }
            | Event::RunDone { .. } => None,
        }
    }

    /// A line of a place, after its name.
    fn of(&self, place: &str, text: &str) -> String {
        format!("{}  {text}", console::pad_str(place, self.width, console::Alignment::Left, None))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardway_run::StepRef;
    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};
    use jiff::Timestamp;

    use super::*;
    use crate::Format;

    const ROWS: u16 = 24;
    const COLUMNS: u16 = 80;

    /// A terminal of 80×24 and a run's progress on it.
    fn on_a_terminal(color: bool) -> (InMemoryTerm, RunProgress) {
        let term = InMemoryTerm::new(ROWS, COLUMNS);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        let output = Output { format: Format::Text, quiet: false, verbose: false };
        let screen = Screen::live(target, color, || (ROWS, COLUMNS));
        (term, RunProgress::on(output, screen))
    }

    fn show(progress: &mut RunProgress, entry: Event) {
        progress.show(&Entry { time: Timestamp::UNIX_EPOCH, entry });
    }

    fn step(machine: usize) -> StepRef {
        StepRef { place: format!("w{machine}"), stage: "kubelet".to_owned(), number: 0 }
    }

    fn title(machine: usize) -> String {
        format!("Copy a binary with a name that is far too long for the {machine}th line 日本語 ").repeat(3)
    }

    /// Twenty machines that copy, fail and end, drawn after every event.
    fn fleet(progress: &mut RunProgress, mut look: impl FnMut()) {
        let machines = 20;
        show(progress, Event::RunStarted { stages: machines, steps: machines, bytes: 0 });
        for machine in 0..machines {
            let StepRef { place, stage, .. } = step(machine);
            show(progress, Event::StagePlanned { place, stage, after: Vec::new(), steps: Vec::new() });
        }
        let mut happen = |event| {
            show(progress, event);
            progress.draw();
            look();
        };
        for machine in 0..machines {
            happen(Event::StepStarted { step: step(machine), title: title(machine) });
            happen(Event::StepOutput { step: step(machine), line: "out\u{1b}[2Jput\r\n".to_owned() });
        }
        for machine in 0..machines {
            let (step, title, elapsed) = (step(machine), title(machine), Duration::ZERO);
            let StepRef { place, stage, .. } = step.clone();
            if machine == 7 {
                let (title, cause) = ("Copy etcd".to_owned(), "no space left".to_owned());
                happen(Event::StepFailed { step, title, cause, output: Vec::new() });
                continue;
            }
            happen(Event::StepDone { step, title, elapsed });
            happen(Event::StageDone { place, stage, waited: elapsed, elapsed });
        }
    }

    /// The board's lines are those above and with the total; the rest was printed to stay.
    fn board_of(contents: &str) -> Vec<&str> {
        let lines: Vec<&str> = contents.lines().collect();
        let begin = lines.iter().rposition(|line| line.contains("failed: no space left")).map_or(0, |line| line + 1);
        lines[begin..].to_vec()
    }

    #[test]
    fn the_board_never_takes_more_than_ten_lines_of_a_terminal() {
        let (term, mut progress) = on_a_terminal(true);
        let (mut most, mut frames) = (0, 0);
        fleet(&mut progress, || {
            let contents = term.contents();
            let board = board_of(&contents);
            let total = board.last().copied().unwrap_or_default();
            assert!(total.starts_with('[') && total.contains(" of 20 steps"), "{contents}");
            // A wrapped line would leave a row that is no machine's.
            for line in &board[..board.len() - 1] {
                assert!(line.starts_with('w') || line.starts_with("and "), "{line:?} in\n{contents}");
            }
            most = most.max(board.len());
            frames += 1;
        });
        assert_eq!(most, 10);
        assert!(frames > 60);
    }

    #[test]
    fn a_failure_stays_above_the_board() {
        let (term, mut progress) = on_a_terminal(false);
        fleet(&mut progress, || {});
        assert!(term.contents().contains("failed: no space left"));
        let elapsed = Duration::ZERO;
        show(&mut progress, Event::RunDone { elapsed, failed: 1, skipped: 0, stopped: false });
        let contents = term.contents();
        assert!(contents.trim_end().ends_with("failed: no space left"), "{contents}");
        assert!(!contents.contains(" of 20 steps"), "{contents}");
    }

    #[test]
    fn without_a_terminal_each_finished_step_is_one_plain_line() {
        let output = Output { format: Format::Text, quiet: false, verbose: false };
        let mut progress = RunProgress::on(output, Screen::Plain(output));
        let place = |place: &str| Event::StagePlanned {
            place: place.to_owned(),
            stage: "etcd".to_owned(),
            after: Vec::new(),
            steps: Vec::new(),
        };
        let (step, elapsed) = (step(1), Duration::from_millis(340));
        let title = "Start etcd.service".to_owned();
        let events = [
            place("w1"),
            place("cp10"),
            Event::StepStarted { step: step.clone(), title: title.clone() },
            Event::StepOutput { step: step.clone(), line: "Created symlink".to_owned() },
            Event::StepDone { step: step.clone(), title: title.clone(), elapsed },
            Event::StepRetried { step: step.clone(), title: title.clone(), cause: "lost".to_owned(), attempt: 2 },
            Event::StepFailed { step, title, cause: "exit\nstatus 1".to_owned(), output: Vec::new() },
        ];
        let lines: Vec<String> = events.iter().filter_map(|event| progress.line(event)).collect();
        let plain: Vec<_> = lines.iter().map(|line| console::strip_ansi_codes(line)).collect();
        assert_eq!(
            plain,
            [
                "w1    Start etcd.service  0.3 s",
                "w1    Start etcd.service: lost; attempt 2 follows",
                "w1    Start etcd.service: failed: exit status 1",
            ]
        );
    }

    #[test]
    fn nothing_is_sent_while_nothing_changes() {
        let (term, mut progress) = on_a_terminal(false);
        show(&mut progress, Event::RunStarted { stages: 1, steps: 1, bytes: 0 });
        let StepRef { place, stage, .. } = step(1);
        show(&mut progress, Event::StagePlanned { place, stage, after: Vec::new(), steps: Vec::new() });
        for number in 0..1000 {
            show(&mut progress, Event::StepOutput { step: step(1), line: number.to_string() });
        }
        assert_eq!(term.contents(), "");
        progress.draw();
        let drawn = term.moves_since_last_check();
        assert_ne!(drawn, "");
        assert_eq!(term.width(), COLUMNS);
        for _ in 0..100 {
            progress.draw();
        }
        // A second may begin meanwhile, which is one change.
        let again = term.moves_since_last_check();
        assert!(again.matches("Flush").count() <= 1, "{again}");
    }
}
