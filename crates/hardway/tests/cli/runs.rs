//! Recorded runs: listed, shown, and found by their IDs.

use std::fs::File;

use serde_json::Value;

use crate::sandbox::{Ran, SPEC, Sandbox};

const FIRST: &str = "20261123T170000Z";
const SECOND: &str = "20261123T180000Z";

/// Runs' folders hold what a run with one stage of three steps on cp1, and one that waits for it, would leave.
fn journal(id: &str, rest: &[&str]) -> String {
    let time = format!("{}-{}-{}T{}:00:00Z", &id[..4], &id[4..6], &id[6..8], &id[9..11]);
    let opened = format!(
        r#""event":"runOpened","formatVersion":1,"id":"{id}","command":"hardway apply --yes","user":"ann","host":"desk","process":42,"version":"0.1.0""#
    );
    let head = [
        opened.as_str(),
        r#""event":"runStarted","stages":2,"steps":4,"bytes":9"#,
        r#""event":"stagePlanned","place":"cp1","stage":"etcd","after":[],"steps":[{"title":"Copy etcd 3.7.3","reason":"missing","bytes":9},{"title":"Write /etc/etcd/key.pem","reason":"missing","diff":"secret, sha256 1f0c22a4b1d7…"},{"title":"Start etcd.service","reason":"it is inactive","disruption":"etcd is away for a moment"}]"#,
        r#""event":"stagePlanned","place":"w1","stage":"kubelet","after":[{"place":"cp1","stage":"etcd"}],"steps":[{"title":"Write /etc/kubelet","reason":"content differs","diff":"--- /etc/kubelet\n+++ /etc/kubelet\n@@ -1 +1 @@\n-one\n+two\n"}]"#,
    ];
    let line = |fields: &&str| format!("{{\"time\":\"{time}\",\"entry\":{{{fields}}}}}\n");
    head.iter().chain(rest).map(line).collect()
}

const COPIED: [&str; 2] = [
    r#""event":"stepStarted","step":{"place":"cp1","stage":"etcd","number":0},"title":"Copy etcd 3.7.3""#,
    r#""event":"stepDone","step":{"place":"cp1","stage":"etcd","number":0},"title":"Copy etcd 3.7.3","elapsedSeconds":2.5"#,
];
const WRITTEN: [&str; 4] = [
    r#""event":"stepStarted","step":{"place":"cp1","stage":"etcd","number":1},"title":"Write /etc/etcd/key.pem""#,
    r#""event":"stepDone","step":{"place":"cp1","stage":"etcd","number":1},"title":"Write /etc/etcd/key.pem","elapsedSeconds":0.1"#,
    r#""event":"stepStarted","step":{"place":"cp1","stage":"etcd","number":2},"title":"Start etcd.service""#,
    r#""event":"stepOutput","step":{"place":"cp1","stage":"etcd","number":2},"line":"\u001b[31mno\tquorum""#,
];
const FAILED: [&str; 3] = [
    r#""event":"stepFailed","step":{"place":"cp1","stage":"etcd","number":2},"title":"Start etcd.service","cause":"it ended with exit status 1","output":["no quorum"]"#,
    r#""event":"stageSkipped","place":"w1","stage":"kubelet","because":"etcd@cp1 did not succeed""#,
    r#""event":"runDone","elapsedSeconds":4.0,"failed":1,"skipped":1,"stopped":false"#,
];

fn failed_run() -> String {
    journal(FIRST, &[&COPIED[..], &WRITTEN, &FAILED].concat())
}

/// Killed in the middle of writing a line.
fn dead_run() -> String {
    let text = journal(SECOND, &[&COPIED[..], &WRITTEN].concat());
    text[..text.len() - 20].to_owned()
}

fn record(sandbox: &Sandbox, id: &str, text: &str) {
    sandbox.write(&format!(".hardway/runs/{id}/events.jsonl"), text);
}

/// Times are shown in the operator's own zone.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let mut command = sandbox.hardway();
    command.args(arguments).env("TZ", "UTC");
    sandbox.finish(command, arguments)
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_spec(SPEC);
    record(&sandbox, FIRST, &failed_run());
    record(&sandbox, SECOND, &dead_run());
    sandbox
}

#[test]
fn the_list_says_how_each_run_ended() {
    insta::assert_snapshot!(run(&sandbox(), &["runs"]).to_string(), @r"
    $ hardway runs
    stdout:
        ID                BEGAN                    COMMAND              WHO       ENDED   TOOK   STEPS
        20261123T180000Z  2026-11-23 18:00:00 UTC  hardway apply --yes  ann@desk  died    0.0 s  2 of 4
        20261123T170000Z  2026-11-23 17:00:00 UTC  hardway apply --yes  ann@desk  failed  4.0 s  2 of 4, 1 failed
    exit code 0
    ");
}

#[test]
fn a_run_is_shown_with_each_steps_time_output_and_diff() {
    insta::assert_snapshot!(run(&sandbox(), &["runs", "show", FIRST]).to_string());
}

#[test]
fn the_last_run_is_shown_without_an_id_and_a_journal_that_is_cut_off_is_read() {
    let sandbox = sandbox();
    let ran = run(&sandbox, &["runs", "show", "--no-diff"]);
    assert_eq!(ran.stdout(), run(&sandbox, &["runs", "show", "last", "--no-diff"]).stdout());
    assert!(!ran.stdout().contains("@@"), "{ran}");
    insta::assert_snapshot!(ran.to_string());
}

#[test]
fn a_run_whose_journal_is_held_goes_on() {
    let sandbox = sandbox();
    let held = File::open(sandbox.work().join(format!(".hardway/runs/{SECOND}/events.jsonl"))).unwrap();
    held.lock().unwrap();
    let list: Value = serde_json::from_str(&run(&sandbox, &["runs", "-o", "json"]).stdout()).unwrap();
    assert_eq!(list[0]["outcome"], "running");
    drop(held);
    let list: Value = serde_json::from_str(&run(&sandbox, &["runs", "-o", "json"]).stdout()).unwrap();
    assert_eq!(list[0]["outcome"], "died");
}

#[test]
fn programs_get_the_same() {
    let sandbox = sandbox();
    let list: Value = serde_json::from_str(&run(&sandbox, &["runs", "-o", "json"]).stdout()).unwrap();
    let first = &list[1];
    assert_eq!(first["id"], FIRST);
    assert_eq!(first["outcome"], "failed");
    assert_eq!((&first["steps"], &first["stepsDone"], &first["stepsFailed"]), (&4.into(), &2.into(), &1.into()));
    let shown: Value = serde_json::from_str(&run(&sandbox, &["runs", "show", FIRST, "-o", "json"]).stdout()).unwrap();
    assert_eq!(shown["run"], *first);
    assert_eq!(shown["formatVersion"], 1);
    let step = &shown["stages"][0]["steps"][2];
    assert_eq!(step["state"], "failed");
    assert_eq!(step["cause"], "it ended with exit status 1");
    assert_eq!(shown["stages"][1]["because"], "etcd@cp1 did not succeed");
}

#[test]
fn an_unknown_run_says_which_is_close() {
    let sandbox = sandbox();
    insta::assert_snapshot!(run(&sandbox, &["runs", "show", "20261123T1700OOZ"]).to_string(), @r"
    $ hardway runs show 20261123T1700OOZ
    stderr:
        error: no run has the ID 20261123T1700OOZ
          help: did you mean 20261123T170000Z? `hardway runs` lists them
    exit code 2
    ");
    insta::assert_snapshot!(run(&sandbox, &["runs", "show", "yesterday"]).to_string(), @r"
    $ hardway runs show yesterday
    stderr:
        error: no run has the ID yesterday
          help: `hardway runs` lists them
    exit code 2
    ");
}

#[test]
fn before_the_first_run_it_is_said_how_to_make_one() {
    let sandbox = Sandbox::with_spec(SPEC);
    insta::assert_snapshot!(run(&sandbox, &["runs"]).to_string(), @r"
    $ hardway runs
    stderr:
        there is no run yet; `hardway apply` makes the first
    exit code 0
    ");
    assert_eq!(run(&sandbox, &["-q", "runs", "-o", "json"]).stdout(), "[]\n");
    insta::assert_snapshot!(run(&sandbox, &["runs", "show"]).to_string(), @r"
    $ hardway runs show
    stderr:
        error: there is no run yet
          help: `hardway apply` makes the first
    exit code 2
    ");
}
