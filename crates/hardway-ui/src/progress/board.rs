//! What a run is at, and the few lines that say so.
//!
//! Invariant: no I/O and no clock. The same events at the same times give the same lines.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hardway_run::{Event, PlannedStep, StageRef, StepRef};

use crate::printable::{fit, printable};
use crate::size::bytes;

/// Lines for machines: with one for the others and the total they leave more than half of 80×24 to what was there before.
const MOST_LINES: usize = 8;
/// Rows that stay free for the total, the others, and the shell's own words.
const KEPT_ROWS: usize = 4;
/// Columns of the total's bar.
const BAR: usize = 24;
/// Columns for a machine's name. Longer ones are cut: what the machine does says more.
const LONGEST_NAME: usize = 20;

/// A line of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Whether it says only that nothing happens here yet.
    pub(super) waits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) steps: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
}

#[derive(Default)]
pub(super) struct Board {
    /// None before the run has begun and after its end.
    began: Option<Instant>,
    count: Count,
    stages: Vec<Stage>,
    /// Places of the plan, in its order.
    places: Vec<Place>,
    place_by_name: HashMap<String, usize>,
    by_name: HashMap<StageRef, usize>,
    /// The places that have a line, by their number. A place keeps its line as long as it can, so that lines do not jump.
    slots: Vec<usize>,
}

struct Stage {
    place: usize,
    name: String,
    after: Vec<StageRef>,
    steps: Vec<PlannedStep>,
    state: State,
}

enum State {
    Waiting,
    Busy(Current),
    Over,
}

/// The step that a stage is at.
struct Current {
    title: String,
    began: Instant,
    note: String,
}

struct Place {
    name: String,
    /// By number.
    stages: Vec<usize>,
}

/// What a place is at.
enum Doing<'a> {
    /// Its longest running step, and how many more run beside it.
    Steps(&'a Current, usize),
    /// The stages elsewhere that its next one waits for.
    Waiting(Vec<&'a Stage>),
    Nothing,
}

impl Board {
    pub(super) fn count(&self) -> Count {
        self.count
    }

    pub(super) fn take(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RunStarted { steps, .. } => {
                self.began = Some(now);
                self.count.steps = *steps;
            }
            Event::StagePlanned { place, stage, after, steps } => self.plan(place, stage, after, steps),
            Event::StepStarted { step, title } => {
                // Copies share a few streams, so that one may stand in line before its first byte.
                let copies = self.stage(&step.place, &step.stage).and_then(|stage| stage.steps.get(step.number)?.bytes);
                let note = if copies.is_some() { "waits for other copies".to_owned() } else { String::new() };
                self.set(step, State::Busy(Current { title: title.clone(), began: now, note }));
            }
            Event::StepOutput { step, line } => self.note(step, printable(line.trim())),
            Event::StepProgress { step, bytes: sent, total } => {
                self.note(step, format!("{} of {}", bytes(*sent), bytes(*total)));
            }
            Event::StepDone { .. } => self.count.done += 1,
            Event::StepRetried { step, title, cause, attempt } => {
                let note = format!("attempt {attempt} follows: {}", printable(cause));
                self.set(step, State::Busy(Current { title: title.clone(), began: now, note }));
            }
            Event::StepFailed { step, .. } => {
                self.count.failed += 1;
                self.set(step, State::Over);
            }
            Event::StageDone { place, stage, .. } | Event::StageSkipped { place, stage, .. } => {
                if let Some(stage) = self.stage(place, stage) {
                    stage.state = State::Over;
                }
            }
            Event::RunDone { .. } => self.began = None,
            Event::RunOpened { .. } | Event::NodeUncordoned { .. } | Event::NodeLeftCordoned { .. } => {}
        }
    }

    /// The lines for a terminal of that many rows and columns; none before the run and after it.
    ///
    /// At most ten lines, none of which a terminal would wrap.
    pub(super) fn lines(&mut self, rows: usize, columns: usize, now: Instant) -> Vec<Line> {
        let Some(began) = self.began else { return Vec::new() };
        let most = rows.saturating_sub(KEPT_ROWS).clamp(1, MOST_LINES);
        let others = self.choose(most);
        // In the last column terminals differ on whether the cursor is on the next line already.
        let columns = columns.saturating_sub(1);
        let names = self.places.iter().map(|place| console::measure_text_width(&place.name)).max().unwrap_or_default();
        let names = names.min(LONGEST_NAME);
        let mut lines: Vec<Line> = self.slots.iter().map(|place| self.line_of(*place, names, now)).collect();
        lines.extend(others);
        lines.push(Line { text: self.total(now.saturating_duration_since(began)), waits: false });
        for line in &mut lines {
            line.text = fit(&line.text, columns);
        }
        lines
    }

    fn plan(&mut self, place: &str, stage: &str, after: &[StageRef], steps: &[PlannedStep]) {
        let number = self.stages.len();
        let at = *self.place_by_name.entry(place.to_owned()).or_insert(self.places.len());
        if at == self.places.len() {
            self.places.push(Place { name: place.to_owned(), stages: Vec::new() });
        }
        self.places[at].stages.push(number);
        self.by_name.insert(StageRef { place: place.to_owned(), stage: stage.to_owned() }, number);
        let (name, after, steps) = (stage.to_owned(), after.to_vec(), steps.to_vec());
        self.stages.push(Stage { place: at, name, after, steps, state: State::Waiting });
    }

    fn stage(&mut self, place: &str, stage: &str) -> Option<&mut Stage> {
        let name = StageRef { place: place.to_owned(), stage: stage.to_owned() };
        self.by_name.get(&name).and_then(|number| self.stages.get_mut(*number))
    }

    fn set(&mut self, step: &StepRef, state: State) {
        if let Some(stage) = self.stage(&step.place, &step.stage) {
            stage.state = state;
        }
    }

    fn note(&mut self, step: &StepRef, note: String) {
        if let Some(Stage { state: State::Busy(current), .. }) = self.stage(&step.place, &step.stage) {
            current.note = note;
        }
    }

    fn doing(&self, place: usize) -> Doing<'_> {
        let stages = || self.places[place].stages.iter().map(|number| &self.stages[*number]);
        let busy: Vec<&Current> = stages()
            .filter_map(|stage| match &stage.state {
                State::Busy(current) => Some(current),
                _ => None,
            })
            .collect();
        if let Some(longest) = busy.iter().min_by_key(|current| current.began) {
            return Doing::Steps(longest, busy.len() - 1);
        }
        let mut waits = false;
        for stage in stages().filter(|stage| matches!(stage.state, State::Waiting)) {
            waits = true;
            let open = stage.after.iter().filter_map(|name| self.stages.get(*self.by_name.get(name)?));
            let elsewhere: Vec<&Stage> =
                open.filter(|other| other.place != place && !matches!(other.state, State::Over)).collect();
            if !elsewhere.is_empty() {
                return Doing::Waiting(elsewhere);
            }
        }
        if waits { Doing::Waiting(Vec::new()) } else { Doing::Nothing }
    }

    /// Gives the lines to places, busy ones first, and says how many are left without one.
    fn choose(&mut self, most: usize) -> Option<Line> {
        let (mut busy, mut waiting) = (Vec::new(), Vec::new());
        for place in 0..self.places.len() {
            match self.doing(place) {
                Doing::Steps(..) => busy.push(place),
                Doing::Waiting(_) => waiting.push(place),
                Doing::Nothing => {}
            }
        }
        self.slots.retain(|place| busy.contains(place) || waiting.contains(place));
        self.slots.truncate(most);
        let mut without: Vec<usize> = busy.iter().copied().filter(|place| !self.slots.contains(place)).collect();
        without.reverse();
        while let Some(place) = without.pop() {
            if self.slots.len() < most {
                self.slots.push(place);
            } else if let Some(slot) = self.slots.iter_mut().find(|slot| waiting.contains(slot)) {
                *slot = place;
            }
        }
        let free = most - self.slots.len();
        let more: Vec<usize> = waiting.iter().copied().filter(|place| !self.slots.contains(place)).take(free).collect();
        self.slots.extend(more);
        let left = |places: &[usize]| places.iter().filter(|place| !self.slots.contains(place)).count();
        let (busy, waiting) = (left(&busy), left(&waiting));
        let text = format!("and {} more: {busy} busy, {waiting} waiting", busy + waiting);
        (busy + waiting > 0).then_some(Line { text, waits: busy == 0 })
    }

    fn line_of(&self, place: usize, names: usize, now: Instant) -> Line {
        let name = fit(&self.places[place].name, names);
        let name = console::pad_str(&name, names, console::Alignment::Left, None);
        let (time, what, waits) = match self.doing(place) {
            Doing::Steps(current, beside) => {
                let note = if current.note.is_empty() { String::new() } else { format!(": {}", current.note) };
                let beside = if beside == 0 { String::new() } else { format!(" (+{beside})") };
                let time = short(now.saturating_duration_since(current.began));
                (time, format!("{}{beside}{note}", current.title), false)
            }
            Doing::Waiting(others) => (String::new(), self.waiting_for(&others), true),
            Doing::Nothing => (String::new(), String::new(), true),
        };
        Line { text: format!("{name}  {time:>6}  {what}"), waits }
    }

    /// Names one of the stages, the one that is under way if any is.
    fn waiting_for(&self, stages: &[&Stage]) -> String {
        let under_way = stages.iter().find(|stage| matches!(stage.state, State::Busy(_)));
        let Some(stage) = under_way.or(stages.first()) else { return "begins".to_owned() };
        let more = match stages.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("waits for {} on {}{more}", stage.name, self.places[stage.place].name)
    }

    fn total(&self, elapsed: Duration) -> String {
        let Count { steps, done, failed } = self.count;
        let full = (done.min(steps) * BAR).checked_div(steps).unwrap_or_default();
        let bar = format!("{:<BAR$}", "=".repeat(full) + if full < BAR { ">" } else { "" });
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        format!("[{bar}] {done} of {steps} steps{failed}, {}", short(elapsed))
    }
}

/// `7 s`, `4:05`: short, and without tenths that would change with every frame.
fn short(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{}:{:02}", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> (String, String) {
        let (stage, place) = id.split_once('@').expect("NAME@PLACE");
        (place.to_owned(), stage.to_owned())
    }

    fn stage(id: &str, after: &[&str]) -> Event {
        let (place, stage) = name(id);
        let after = after.iter().map(|id| name(id)).map(|(place, stage)| StageRef { place, stage }).collect();
        Event::StagePlanned { place, stage, after, steps: Vec::new() }
    }

    fn step(id: &str) -> StepRef {
        let (place, stage) = name(id);
        StepRef { place, stage, number: 0 }
    }

    fn begin(id: &str) -> Event {
        Event::StepStarted { step: step(id), title: format!("Start {}", name(id).1) }
    }

    fn end(id: &str) -> Event {
        let (place, stage) = name(id);
        Event::StageDone { place, stage, waited: Duration::ZERO, elapsed: Duration::ZERO }
    }

    /// A run of these stages, with one step each.
    fn board(stages: &[(&str, &[&str])], now: Instant) -> Board {
        let mut board = Board::default();
        board.take(&Event::RunStarted { stages: stages.len(), steps: stages.len(), bytes: 0 }, now);
        for (id, after) in stages {
            board.take(&stage(id, after), now);
        }
        board
    }

    fn text(board: &mut Board, now: Instant) -> Vec<String> {
        board.lines(24, 80, now).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn each_machine_says_what_it_does_or_waits_for() {
        let began = Instant::now();
        // Also for stages that are planned before what they wait for.
        let stages: [(&str, &[&str]); 4] = [
            ("kubelet@w1", &["containerd@w1", "api@cp1", "etcd@cp1"]),
            ("containerd@w1", &["api@cp1"]),
            ("etcd@cp1", &[]),
            ("api@cp1", &["etcd@cp1"]),
        ];
        let mut board = board(&stages, began);
        board.take(&begin("etcd@cp1"), began);
        let lines = text(&mut board, began + Duration::from_secs(65));
        assert_eq!(
            lines,
            [
                "cp1    1:05  Start etcd",
                "w1           waits for etcd on cp1 and 1 more",
                "[>                       ] 0 of 4 steps, 1:05",
            ]
        );
        board.take(&end("etcd@cp1"), began);
        board.take(&begin("api@cp1"), began);
        board.take(&Event::StepOutput { step: step("api@cp1"), line: "  not yet\u{1b}[31m\n".to_owned() }, began);
        let lines = text(&mut board, began);
        assert_eq!(lines[0], "cp1     0 s  Start api: not yet");
        assert_eq!(lines[1], "w1           waits for api on cp1");
    }

    #[test]
    fn a_finished_machine_gives_its_line_back() {
        let began = Instant::now();
        let mut board = board(&[("a@w1", &[]), ("a@w2", &[])], began);
        board.take(&begin("a@w1"), began);
        board.take(&end("a@w1"), began);
        let lines = text(&mut board, began);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "w2          begins");
    }

    #[test]
    fn a_fleet_takes_ten_lines_and_busy_machines_come_first() {
        let began = Instant::now();
        let ids: Vec<String> = (1..=20).map(|number| format!("kubelet@w{number}")).collect();
        let mut board = board(&ids.iter().map(|id| (id.as_str(), &[][..])).collect::<Vec<_>>(), began);
        assert_eq!(text(&mut board, began).len(), 10);
        for id in &ids[10..15] {
            board.take(&begin(id), began);
        }
        let lines = text(&mut board, began);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines.iter().filter(|line| line.contains("Start kubelet")).count(), 5);
        assert_eq!(lines[8], "and 12 more: 0 busy, 12 waiting");
        for id in &ids {
            board.take(&begin(id), began);
        }
        assert_eq!(text(&mut board, began)[8], "and 12 more: 12 busy, 0 waiting");
    }

    #[test]
    fn a_line_stays_where_it_is_while_others_come_and_go() {
        let began = Instant::now();
        let mut board = board(&[("a@w1", &[]), ("a@w2", &[]), ("a@w3", &[])], began);
        board.take(&begin("a@w3"), began);
        let first = text(&mut board, began);
        assert!(first[0].starts_with("w3"));
        board.take(&begin("a@w1"), began);
        assert!(text(&mut board, began)[0].starts_with("w3"));
    }

    #[test]
    fn no_line_is_wider_or_longer_than_the_terminal() {
        let began = Instant::now();
        let long = format!("{}@{}", "長い段階".repeat(20), "machine-with-a-very-long-name-indeed");
        let stages: Vec<(String, Vec<&str>)> =
            (0..30).map(|number| (format!("s{number}@m{number}"), vec![long.as_str()])).collect();
        let mut plan: Vec<(&str, &[&str])> = vec![(long.as_str(), &[])];
        plan.extend(stages.iter().map(|(id, after)| (id.as_str(), after.as_slice())));
        let mut board = board(&plan, began);
        board.take(&begin(&long), began);
        for (rows, columns) in [(24, 80), (5, 20), (2, 10), (60, 200)] {
            let lines = board.lines(rows, columns, began);
            assert!(lines.len() <= 10 && lines.len() <= rows.max(3), "{rows}: {}", lines.len());
            for line in &lines {
                assert!(console::measure_text_width(&line.text) < columns, "{columns}: {:?}", line.text);
            }
        }
    }

    #[test]
    fn failures_are_counted() {
        let began = Instant::now();
        let mut board = board(&[("a@w1", &[]), ("a@w2", &[])], began);
        board.take(&begin("a@w1"), began);
        let (title, cause) = (String::new(), String::new());
        board.take(&Event::StepFailed { step: step("a@w1"), title, cause, output: Vec::new() }, began);
        let elapsed = Duration::ZERO;
        board.take(&Event::StepDone { step: step("a@w2"), title: String::new(), elapsed }, began);
        let lines = text(&mut board, began);
        assert_eq!(lines.last().map(String::as_str), Some("[============>           ] 1 of 2 steps, 1 failed, 0 s"));
    }
}
