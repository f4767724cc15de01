//! Runs all checks side by side.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::probe::Probe;
use crate::scene::Scene;
use crate::testbed::TestBed;
use crate::{Check, Context, Options, parts};

/// Verifies the cluster; each check is told as soon as it is known.
///
/// Gives them in the hard way's order. Nothing of it stays in the cluster: its namespace is deleted at the end, and
/// at the start that of an earlier run that was killed. Takes as long as its slowest check: a test pod's start, and
/// what is asked of it.
pub async fn verify(context: Context<'_>, options: Options, on_check: &mut (dyn FnMut(&Check) + Send)) -> Vec<Check> {
    let bed = TestBed::new(context, Timestamp::now());
    let probes = parts::probes(Scene { context, options, bed: &bed });
    let checks = run(probes, on_check).await;
    bed.remove().await;
    checks
}

async fn run(probes: Vec<Probe<'_>>, on_check: &mut (dyn FnMut(&Check) + Send)) -> Vec<Check> {
    let begun = Instant::now();
    let mut running: FuturesUnordered<_> = probes
        .into_iter()
        .enumerate()
        .map(|(index, probe)| async move {
            let outcome = probe.run.await;
            (index, Check { part: probe.part, title: probe.title, outcome, elapsed: begun.elapsed() })
        })
        .collect();
    let mut checks = Vec::with_capacity(running.len());
    while let Some((index, check)) = running.next().await {
        on_check(&check);
        checks.push((index, check));
    }
    checks.sort_by_key(|(index, _)| *index);
    checks.into_iter().map(|(_, check)| check).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::{Outcome, Part};

    #[tokio::test]
    async fn checks_are_told_as_they_end_and_given_in_their_order() {
        let (sender, receiver) = oneshot::channel();
        let probes = vec![
            Probe::new(Part::Certificates, "first", async {
                receiver.await.expect("the second check sends");
                Ok(())
            }),
            Probe::new(Part::Dns, "second", async {
                sender.send(()).expect("the first check waits");
                Ok(())
            }),
            Probe::not_applicable(Part::Dns, "third", "no reason"),
        ];
        let mut told = Vec::new();
        let checks = run(probes, &mut |check| told.push(check.title.clone())).await;

        let titles: Vec<_> = checks.iter().map(|check| check.title.as_str()).collect();
        assert_eq!(titles, ["first", "second", "third"]);
        assert_eq!(told.len(), 3);
        assert!(told.iter().position(|it| it == "second") < told.iter().position(|it| it == "first"));
        assert_eq!(checks[2].outcome, Outcome::NotApplicable { why: "no reason".to_owned() });
    }
}
