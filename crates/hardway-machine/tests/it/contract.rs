//! What every machine promises, checked against the fake and against a real sshd.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hardway_machine::fake::FakeMachine;
use hardway_machine::{
    Blob, Claim, Fault, Hold, KnownHosts, Machine, Output, Script, ScriptEvent, ScriptFile, SshMachine, settle,
};
use sha2::{Digest, Sha256};

use crate::sshd::Sshd;

const STEPS: &str = r"
printf '\036 begin 0\n'
cat file-0
echo two lines >&2
printf 'no end'
printf '\036 done 0\n'
printf '\036 begin 1\n'
echo gone wrong
printf '\036 fail 1 7\n'
exit 1
";

fn stage() -> Script {
    Script {
        text: STEPS.to_owned(),
        files: vec![ScriptFile { name: "file-0".to_owned(), content: b"hello\n".to_vec() }],
    }
}

fn stage_events() -> Vec<ScriptEvent> {
    let output = |line: &str| ScriptEvent::Output(line.to_owned());
    vec![
        ScriptEvent::Begin(0),
        output("hello"),
        output("two lines"),
        output("no end"),
        ScriptEvent::Done(0),
        ScriptEvent::Begin(1),
        output("gone wrong"),
        ScriptEvent::Failed(1, 7),
    ]
}

fn blob(folder: &Path, name: &str, content: &[u8]) -> Blob {
    let local = folder.join(format!("{name}.local"));
    std::fs::write(&local, content).unwrap();
    Blob {
        local,
        packed: None,
        dest: folder.join(name).to_str().unwrap().to_owned(),
        sha256: hex::encode(Sha256::digest(content)),
        size: content.len() as u64,
        mode: 0o755,
    }
}

async fn keeps_the_contract(machine: &dyn Machine, folder: &Path) {
    let mut events = Vec::new();
    let error = machine.run(&stage(), &mut |event| events.push(event)).await.unwrap_err();
    assert_eq!(events, stage_events());
    assert_eq!(error.machine, *machine.name());
    let Fault::StepFailed { step: 1, code: 7, output } = error.fault else { panic!("{error:?}") };
    assert_eq!(output, ["gone wrong"]);

    let good = blob(folder, "good", b"content");
    let mut bytes = 0;
    machine.copy(&good, &mut |count| bytes += count).await.unwrap();
    assert_eq!(bytes, 7);

    let wrong = Blob { sha256: "00".repeat(32), ..blob(folder, "wrong", b"content") };
    let fault = machine.copy(&wrong, &mut |_| {}).await.unwrap_err().fault;
    assert!(matches!(fault, Fault::DigestMismatch { actual, .. } if actual == good.sha256));

    let short = Blob { size: 100, ..blob(folder, "short", b"content") };
    let fault = machine.copy(&short, &mut |_| {}).await.unwrap_err().fault;
    assert!(matches!(fault, Fault::LocalSize { expected: 100, actual: 7, .. }));

    let missing = Blob { local: folder.join("nowhere"), ..good };
    let fault = machine.copy(&missing, &mut |_| {}).await.unwrap_err().fault;
    assert!(matches!(fault, Fault::LocalFile { .. }));

    let output = machine.exec("cat\necho no >&2\nexit 3", b"in").await.unwrap();
    assert_eq!(output, Output { stdout: b"in".to_vec(), stderr: b"no\n".to_vec(), code: 3 });

    let mut first = held(machine, "it's {\"first\"}").await;
    let Claim::Taken(by) = machine.hold("second").await.unwrap() else { panic!("two have it") };
    assert_eq!(by.as_deref(), Some("it's {\"first\"}"));
    machine.exec("true", b"").await.unwrap();
    assert!(futures::FutureExt::now_or_never(first.lost()).is_none());
    first.release().await;
    drop(held(machine, "second").await);
    // Of what is dropped, the machine learns a moment later.
    let third = async {
        loop {
            if let Claim::Held(hold) = machine.hold("third").await.unwrap() {
                return hold;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), third).await.unwrap().release().await;
}

async fn held(machine: &dyn Machine, holder: &str) -> Hold {
    match machine.hold(holder).await.unwrap() {
        Claim::Held(hold) => hold,
        Claim::Taken(by) => panic!("{by:?} has it"),
    }
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let machine = FakeMachine::new("cp1").on_run(|_| stage_events()).on_exec(|_, stdin| Output {
        stdout: stdin.to_vec(),
        stderr: b"no\n".to_vec(),
        code: 3,
    });
    keeps_the_contract(&machine, folder.path()).await;
    assert!(machine.has(folder.path().join("good").to_str().unwrap()));
    assert!(!machine.has(folder.path().join("wrong").to_str().unwrap()));
}

#[tokio::test]
async fn ssh_keeps_the_contract() {
    let Some(sshd) = Sshd::start() else { return };
    keeps_the_contract(&sshd.machine(), sshd.folder()).await;

    let names = |suffix: &str| {
        let entries = std::fs::read_dir(sshd.folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(suffix)).collect::<Vec<_>>()
    };
    assert_eq!(std::fs::read(sshd.folder().join("good")).unwrap(), b"content");
    assert!(!sshd.folder().join("wrong").exists());
    // Nothing half-written is left; of a copy that was given up, the machine learns a moment later.
    wait_until(|| names(".part").is_empty()).await;
}

#[tokio::test]
async fn what_is_sent_packed_arrives_unpacked_and_is_checked() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    let content = vec![b'x'; 1_000_000];
    let packed = sshd.folder().join("program.zst");
    std::fs::write(&packed, zstd::encode_all(&content[..], 0).unwrap()).unwrap();
    let good = Blob { packed: Some(packed.clone()), ..blob(sshd.folder(), "program", &content) };
    let mut bytes = 0;
    machine.copy(&good, &mut |count| bytes += count).await.unwrap();
    assert_eq!(bytes, good.size);
    assert!(std::fs::read(sshd.folder().join("program")).unwrap() == content);

    std::fs::write(&packed, zstd::encode_all(&b"another program"[..], 0).unwrap()).unwrap();
    let other = Blob { packed: Some(packed.clone()), ..blob(sshd.folder(), "other", &content) };
    let fault = machine.copy(&other, &mut |_| {}).await.unwrap_err().fault;
    assert!(matches!(fault, Fault::DigestMismatch { .. }), "{fault:?}");

    std::fs::write(&packed, b"cut off or never packed").unwrap();
    let fault = machine.copy(&other, &mut |_| {}).await.unwrap_err().fault;
    assert!(matches!(fault, Fault::WriteFailed { .. }), "{fault:?}");
    assert!(!sshd.folder().join("other").exists());
}

#[tokio::test]
async fn a_host_that_is_not_known_is_refused_with_its_key() {
    let Some(sshd) = Sshd::start() else { return };
    let settings = sshd.settings();
    let unknown = SshMachine::new(
        "cp1".into(),
        hardway_machine::SshSettings { known_hosts: KnownHosts::default(), ..settings.clone() },
    );
    let Fault::HostKeyUnknown { host, port, offered } = unknown.connect().await.unwrap_err().fault else { panic!() };
    assert!(offered.fingerprint.starts_with("SHA256:"));

    // Pinning what was shown is enough.
    let mut known_hosts = KnownHosts::default();
    known_hosts.pin(&host, port, &offered);
    assert_eq!(known_hosts, settings.known_hosts);
    SshMachine::new("cp1".into(), hardway_machine::SshSettings { known_hosts, ..settings }).connect().await.unwrap();
}

#[tokio::test]
async fn a_host_with_another_key_is_never_accepted() {
    let Some(sshd) = Sshd::start() else { return };
    let mut settings = sshd.settings();
    let line = format!("[127.0.0.1]:{} {}", settings.port, sshd.user_public_key());
    settings.known_hosts = KnownHosts::parse(&line).unwrap();
    let fault = SshMachine::new("cp1".into(), settings).connect().await.unwrap_err().fault;
    assert!(matches!(fault, Fault::HostKeyMismatch { pinned, .. } if pinned.len() == 1));
}

#[tokio::test]
async fn a_key_that_the_machine_does_not_know_is_refused() {
    let Some(sshd) = Sshd::start() else { return };
    let mut settings = sshd.settings();
    settings.identities.files[0].path = sshd.folder().join("host_key");
    let fault = SshMachine::new("cp1".into(), settings).connect().await.unwrap_err().fault;
    assert!(matches!(&fault, Fault::AuthenticationRefused { user, tried, .. } if user == "root" && tried.len() == 1));
}

#[tokio::test]
async fn an_encrypted_key_is_left_to_the_agent() {
    let Some(sshd) = Sshd::start() else { return };
    let mut settings = sshd.settings();
    settings.identities.files[0].path = sshd.encrypted_key();
    let fault = SshMachine::new("cp1".into(), settings.clone()).connect().await.unwrap_err().fault;
    assert!(matches!(fault, Fault::IdentityEncrypted { .. }));

    let agent = sshd.agent();
    settings.identities.agent = Some(agent.socket().to_owned());
    SshMachine::new("cp1".into(), settings).connect().await.unwrap();
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let Some(sshd) = Sshd::start() else { return };
    let mut settings = sshd.settings();
    drop(sshd);
    settings.known_hosts = KnownHosts::default();
    let fault = SshMachine::new("cp1".into(), settings).connect().await.unwrap_err().fault;
    assert!(matches!(fault, Fault::Unreachable { .. }));
}

#[tokio::test]
async fn a_machine_is_reached_through_a_jump_host() {
    let Some(sshd) = Sshd::start() else { return };
    let settings = hardway_machine::SshSettings { jump: Some(Box::new(sshd.settings())), ..sshd.settings() };
    let output = SshMachine::new("cp1".into(), settings).exec("id -u", b"").await.unwrap();
    assert_eq!(output.stdout, b"0\n");
}

async fn runs_forty_commands_at_once(sshd: &Sshd) {
    let machine = sshd.machine();
    let commands: Vec<String> = (0..40).map(|number| format!("echo {number}")).collect();
    let outputs = futures::future::join_all(commands.iter().map(|command| machine.exec(command, b""))).await;
    for (number, output) in outputs.into_iter().enumerate() {
        assert_eq!(output.unwrap().stdout, format!("{number}\n").into_bytes());
    }
}

#[tokio::test]
async fn more_commands_than_sshd_has_sessions_wait_for_their_turn() {
    let Some(sshd) = Sshd::start() else { return };
    runs_forty_commands_at_once(&sshd).await;
}

#[tokio::test]
async fn a_stage_that_ended_makes_room_for_others() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    for _ in 0..20 {
        machine.run(&stage(), &mut |_| {}).await.unwrap_err();
    }
    // A process that a step leaves behind holds the stage's streams, but nobody waits for it.
    let script = Script { text: "sleep 5 &\n".to_owned(), files: Vec::new() };
    let started = Instant::now();
    for _ in 0..10 {
        machine.run(&script, &mut |_| {}).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_sshd_that_allows_few_sessions_is_asked_for_no_more() {
    let Some(sshd) = Sshd::start_with("MaxSessions 2") else { return };
    runs_forty_commands_at_once(&sshd).await;
}

#[tokio::test]
async fn an_sshd_that_allows_no_session_is_an_error() {
    let Some(sshd) = Sshd::start_with("MaxSessions 0") else { return };
    let fault = sshd.machine().exec("true", b"").await.unwrap_err().fault;
    assert!(matches!(fault, Fault::ChannelRefused { .. }), "{fault:?}");
}

#[tokio::test]
async fn an_sshd_that_turns_some_away_is_asked_again() {
    let Some(sshd) = Sshd::start_with("MaxStartups 8") else { return };
    let machines: Vec<_> = (0..20).map(|_| sshd.machine()).collect();
    for answer in join_all(machines.iter().map(|machine| machine.exec("true", b""))).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_dropped_stage_finishes_its_step_begins_no_other_and_leaves_no_folder() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    let path = |name| sshd.folder().join(name);
    // As a rendered stage does, it runs its step in a subshell.
    let text = format!(
        "echo $$\npwd\nprintf '\\036 begin 0\\n'\n\
         ( while [ ! -e {} ]; do echo working; sleep 0.01; done; echo >{} )\n\
         printf '\\036 done 0\\n'\necho >{}\n",
        path("go").display(),
        path("first").display(),
        path("second").display()
    );
    let script = Script { text, files: Vec::new() };
    let mut lines = Vec::new();
    let (begun, wait_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    {
        let mut on_event = |event| match event {
            ScriptEvent::Output(line) => lines.push(line),
            ScriptEvent::Begin(0) => begun.take().unwrap().send(()).unwrap(),
            _ => {}
        };
        let running = machine.run(&script, &mut on_event);
        tokio::select! {
            result = running => panic!("{result:?}"),
            _ = wait_begun => {}
        }
    }
    let shell = Path::new("/proc").join(&lines[0]);
    let folder = sshd.run_folder().join(Path::new(&lines[1]).strip_prefix("/run").unwrap());
    assert!(folder.exists());
    wait_until(|| !shell.exists()).await;
    std::fs::write(path("go"), "").unwrap();
    wait_until(|| path("first").exists() && !folder.exists()).await;
    assert!(!path("second").exists());
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_the_next_operation_connects_anew() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    // The parent of a session's shell is the connection's own sshd.
    let fault = machine.exec("kill -9 $PPID; sleep 5", b"").await.unwrap_err().fault;
    assert!(matches!(fault, Fault::ConnectionLost { .. }), "{fault:?}");
    assert_eq!(machine.exec("echo again", b"").await.unwrap().stdout, b"again\n");
}

#[tokio::test]
async fn a_machine_is_let_go_with_the_connection_of_its_holder() {
    let Some(sshd) = Sshd::start() else { return };
    let (first, second) = (sshd.machine(), sshd.machine());
    let mut hold = held(&first, "first").await;
    assert!(matches!(second.hold("second").await.unwrap(), Claim::Taken(Some(by)) if by == "first"));
    first.exec("kill -9 $PPID", b"").await.unwrap_err();
    hold.lost().await;
    held(&second, "second").await.release().await;
    assert!(!sshd.run_folder().join("hardway.lock").exists());
}

#[tokio::test]
async fn of_many_who_want_a_machine_one_has_it() {
    let Some(sshd) = Sshd::start() else { return };
    let machines: Vec<SshMachine> = (0..5).map(|_| sshd.machine()).collect();
    let claims = futures::future::join_all(machines.iter().map(|machine| machine.hold("me"))).await;
    let held = claims.into_iter().filter(|claim| matches!(claim, Ok(Claim::Held(_)))).count();
    assert_eq!(held, 1);
}

#[tokio::test]
async fn a_hold_leaves_room_where_sshd_allows_two_sessions() {
    let Some(sshd) = Sshd::start_with("MaxSessions 2") else { return };
    let machine = sshd.machine();
    let hold = held(&machine, "first").await;
    for _ in 0..5 {
        machine.exec("true", b"").await.unwrap();
    }
    hold.release().await;
}

#[tokio::test]
async fn how_fast_it_is() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    let started = Instant::now();
    machine.connect().await.unwrap();
    println!("connect: {:?}", started.elapsed());

    let mut best = Duration::MAX;
    for _ in 0..10 {
        let started = Instant::now();
        machine.exec("true", b"").await.unwrap();
        best = best.min(started.elapsed());
    }
    println!("exec, best of 10: {best:?}");

    let started = Instant::now();
    machine.run(&stage(), &mut |_| {}).await.unwrap_err();
    println!("stage: {:?}", started.elapsed());

    let content: Vec<u8> = (0..100u32 << 18).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = blob(sshd.folder(), "large", &content);
    let started = Instant::now();
    machine.copy(&large, &mut |_| {}).await.unwrap();
    println!("copy of {} MiB: {:.0} MB/s", large.size >> 20, large.size as f64 / 1e6 / started.elapsed().as_secs_f64());
}

async fn wait_until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it comes about within 10 s");
}

#[tokio::test]
async fn a_step_that_outlives_its_run_is_waited_for() {
    let Some(sshd) = Sshd::start() else { return };
    let (first, second) = (sshd.machine(), sshd.machine());
    let path = |name| sshd.folder().join(name);
    let text = format!(
        "( echo >{}; while [ ! -e {} ]; do echo working; sleep 0.01; done )\n",
        path("begun").display(),
        path("go").display()
    );
    let script = Script { text, files: Vec::new() };
    {
        let mut unheard = |_| {};
        tokio::select! {
            result = first.run(&script, &mut unheard) => panic!("{result:?}"),
            () = wait_until(|| path("begun").exists()) => {}
        }
    }
    drop(first);
    let settling = settle(&second);
    tokio::pin!(settling);
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut settling).await.is_err());
    std::fs::write(path("go"), "").unwrap();
    settling.await.unwrap();
}
