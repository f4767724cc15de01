//! The figures: medians of several runs, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::run::Failure;

pub(super) const BARE: &str = "bare-to-verified";
pub(super) const PREPARED: &str = "prepared-to-verified";
pub(super) const PREPARED_TO_DNS: &str = "prepared-to-dns";
pub(super) const NOOP: &str = "noop-apply";
pub(super) const KUBEADM: &str = "kubeadm-to-dns";
pub(super) const BUNDLE_CREATE: &str = "bundle-create";
pub(super) const BUNDLE_SIZE: &str = "bundle-size-mib";
pub(super) const BUNDLE: &str = "bundle-to-verified";
pub(super) const MIRROR: &str = "mirror-to-verified";
pub(super) const COPY_PLAIN: &str = "copy-3-plain";
pub(super) const COPY: &str = "copy-3";
pub(super) const COPY_UNPACKED: &str = "copy-3-unpacked";
pub(super) const SSH_PLAIN: &str = "ssh-300-plain";
pub(super) const SSH_PROBE: &str = "ssh-300-probe";
pub(super) const SSH_NOOP: &str = "ssh-300-noop-apply";

/// All that was measured.
pub(super) struct Report {
    /// In the order of the first measurement.
    figures: Vec<Figure>,
    chains: Vec<Chain>,
    /// Bytes, of each apply that had all to do.
    peaks: Vec<u64>,
    /// MiB of memory or of files by name, the most of all runs.
    sizes: BTreeMap<String, f64>,
    loads: Vec<String>,
}

/// One thing that is measured again in every run, in seconds.
struct Figure {
    name: String,
    seconds: Vec<f64>,
}

/// The longest chain of one run, with the seconds of the measurement that it belongs to.
struct Chain {
    name: &'static str,
    total: f64,
    stages: Vec<(String, f64)>,
}

#[derive(Serialize)]
struct TimeRow<'a> {
    name: &'a str,
    median_s: f64,
    min_s: f64,
    max_s: f64,
}

#[derive(Serialize)]
struct ValueRow<'a> {
    name: &'a str,
    value: f64,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { figures: Vec::new(), chains: Vec::new(), peaks: Vec::new(), sizes: BTreeMap::new(), loads: Vec::new() }
    }

    pub(super) fn add(&mut self, name: &str, duration: Duration) {
        eprintln!("{name}: {:.1} s", duration.as_secs_f64());
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.seconds.push(duration.as_secs_f64()),
            None => self.figures.push(Figure { name: name.to_owned(), seconds: vec![duration.as_secs_f64()] }),
        }
    }

    /// A part of a measurement, in the order in which they follow each other.
    pub(super) fn add_part(&mut self, whole: &str, part: &str, duration: Duration) {
        self.add(&format!("{whole}/{part}"), duration);
    }

    pub(super) fn add_chain(&mut self, name: &'static str, total: Duration, stages: Vec<(String, f64)>) {
        self.chains.push(Chain { name, total: total.as_secs_f64(), stages });
    }

    pub(super) fn add_peak(&mut self, bytes: u64) {
        self.peaks.push(bytes);
    }

    /// In MiB.
    pub(super) fn add_size(&mut self, name: &str, mebibytes: f64) {
        eprintln!("{name}: {mebibytes:.0} MiB");
        let most = self.sizes.entry(name.to_owned()).or_default();
        *most = most.max(mebibytes);
    }

    /// Remembers how busy the machine is, since figures of a busy one say little.
    pub(super) fn note_load(&mut self) -> Result<(), Failure> {
        let text = std::fs::read_to_string("/proc/loadavg")?;
        self.loads.push(text.split(' ').next().unwrap_or_default().to_owned());
        Ok(())
    }

    fn median_of(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| median(&figure.seconds))
    }

    /// What ours takes, to what others take for the same; of copies, how many bytes ours moves to how many theirs.
    fn ratios(&self) -> Vec<ValueRow<'static>> {
        let ratios = [
            // The first one compares like with like. The second is harder on us: verify does far more than resolve a name.
            ("ratio-to-kubeadm", PREPARED_TO_DNS, KUBEADM),
            ("ratio-to-kubeadm-verified", PREPARED, KUBEADM),
            // ssh does nothing with its sessions.
            ("ratio-probe-to-ssh", SSH_PROBE, SSH_PLAIN),
            ("ratio-noop-apply-to-ssh", SSH_NOOP, SSH_PLAIN),
            // Of throughputs: the same bytes stand on the machines after each.
            ("ratio-copy-to-ssh", COPY_PLAIN, COPY),
            ("ratio-copy-unpacked-to-ssh", COPY_PLAIN, COPY_UNPACKED),
        ];
        let ratio = |of, to| Some(self.median_of(of)? / self.median_of(to)?);
        ratios.into_iter().filter_map(|(name, of, to)| Some(ValueRow { name, value: ratio(of, to)? })).collect()
    }

    fn peak_mebibytes(&self) -> Option<f64> {
        self.peaks.iter().max().map(|bytes| *bytes as f64 / 1_048_576.0)
    }

    pub(super) fn table(&self) -> String {
        let names = self.figures.iter().map(|figure| figure.name.len());
        let width = names.max().unwrap_or_default().max("ratio-to-kubeadm-verified".len());
        let mut text = format!("{:width$}  {:>8}  {:>8}  {:>8}\n", "", "median", "min", "max");
        for figure in &self.figures {
            let (low, high) = range(&figure.seconds);
            let middle = median(&figure.seconds);
            let name = &figure.name;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:width$}  {middle:>6.1} s  {low:>6.1} s  {high:>6.1} s");
        }
        for ValueRow { name, value } in self.ratios() {
            let _ = writeln!(text, "{name:width$}  {value:>8.2}");
        }
        if let Some(peak) = self.peak_mebibytes() {
            let _ = writeln!(text, "{:width$}  {peak:>4.0} MiB", "peak-memory");
        }
        for (name, mebibytes) in &self.sizes {
            let _ = writeln!(text, "{name:width$}  {mebibytes:>4.0} MiB");
        }
        for chain in self.median_chains() {
            let _ = writeln!(text, "\nlongest chain of {} ({:.1} s in all):", chain.name, chain.total);
            for (stage, seconds) in &chain.stages {
                let _ = writeln!(text, "  {stage:width$}{seconds:>6.1} s");
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let _ = writeln!(text, "\n{cores} cores, load average at the start of each run: {}", self.loads.join(", "));
        text
    }

    /// Of each measurement, the chain of the run whose time is the median.
    fn median_chains(&self) -> Vec<&Chain> {
        let of = |name| {
            let mut chains: Vec<&Chain> = self.chains.iter().filter(|chain| chain.name == name).collect();
            chains.sort_by(|one, other| one.total.total_cmp(&other.total));
            chains.get(chains.len() / 2).copied()
        };
        [BARE, PREPARED, BUNDLE, MIRROR].into_iter().filter_map(of).collect()
    }

    pub(super) fn json(&self) -> String {
        let times = self.figures.iter().map(|figure| {
            let (min_s, max_s) = range(&figure.seconds);
            let row = TimeRow { name: &figure.name, median_s: median(&figure.seconds), min_s, max_s };
            serde_json::to_value(row)
        });
        let peak = self.peak_mebibytes().map(|value| ValueRow { name: "peak-memory-mib", value });
        let sizes = self.sizes.iter().map(|(name, value)| ValueRow { name, value: *value });
        let values = self.ratios().into_iter().chain(peak).chain(sizes).map(serde_json::to_value);
        let rows: Vec<_> = times.chain(values).map(|row| row.expect("a row is a name and numbers")).collect();
        let mut text = serde_json::to_string_pretty(&rows).expect("a list of rows is JSON");
        text.push('\n');
        text
    }
}

/// Of an even number, the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new();
        for seconds in [30, 10, 20] {
            report.add(PREPARED_TO_DNS, Duration::from_secs(seconds));
            report.add(KUBEADM, Duration::from_secs(2 * seconds));
        }
        report
    }

    #[test]
    fn rows_have_median_and_range() {
        let rows: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        let expected = serde_json::json!({"name": PREPARED_TO_DNS, "median_s": 20.0, "min_s": 10.0, "max_s": 30.0});
        assert_eq!(rows[0], expected);
    }

    #[test]
    fn the_ratio_is_of_medians() {
        let rows: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(rows[2], serde_json::json!({"name": "ratio-to-kubeadm", "value": 0.5}));
    }

    #[test]
    fn without_the_other_side_there_is_no_ratio() {
        let mut report = Report::new();
        report.add(PREPARED, Duration::from_secs(1));
        assert!(!report.table().contains("ratio"));
    }

    #[test]
    fn an_even_number_of_runs_has_a_median_between_two() {
        assert!((median(&[1.0, 4.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
