//! Conditions that a test pod waits for itself: one exec, however often it has to look.
//!
//! A pod that has just started may wait for what others do meanwhile: the pod network lets its traffic through,
//! kube-proxy learns of a Service, a policy takes hold.

use std::time::Duration;

use crate::fault::{Expecting, Fault, Verdict};
use crate::scene::Scene;
use crate::testbed::TestPod;

/// How long a condition may take from inside a pod, in seconds: all of them come within one on a healthy cluster.
const PATIENCE: u32 = 15;
/// Longer than the shell waits, so that what it found is told.
const EXEC_LIMIT: Duration = Duration::from_secs(30);

/// Repeats `$@` until it succeeds, and prints what it then wrote.
const UNTIL: &str = "\
end=$(($(date +%s) + $1))
shift
until out=$(\"$@\" 2>&1); do
    if [ \"$(date +%s)\" -ge \"$end\" ]; then
        printf '%s\\n' \"$out\"
        exit 1
    fi
    sleep 0.1
done
printf '%s\\n' \"$out\"
";

/// What a command in a pod writes once it succeeds.
pub(crate) async fn until(
    scene: Scene<'_>,
    pod: &TestPod,
    command: &[&str],
    expected: &str,
    hint: &str,
) -> Verdict<String> {
    let patience = PATIENCE.to_string();
    let words: Vec<_> = ["sh", "-c", UNTIL, "sh", &patience].into_iter().chain(command.iter().copied()).collect();
    let output = scene.live().exec(&scene.bed.namespace, &pod.name, &words, EXEC_LIMIT).await;
    let output = output.expecting(expected, hint)?;
    if output.exit_code == 0 {
        return Ok(output.stdout);
    }
    let said = output.stdout.trim().lines().last().unwrap_or_default().to_owned();
    let said = if said.is_empty() { "nothing".to_owned() } else { said };
    Err(Fault::new(format!("for {PATIENCE} s: {said}"), expected, hint))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn sh(script: &str, patience: &str, command: &[&str]) -> (i32, String) {
        let output = Command::new("sh").args(["-c", script, "sh", patience]).args(command).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn a_command_is_repeated_until_it_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen");
        let twice = format!("[ -e '{0}' ] && echo found || {{ touch '{0}'; exit 1; }}", file.display());
        assert_eq!(sh(UNTIL, "5", &["sh", "-c", &twice]), (0, "found\n".to_owned()));
        assert_eq!(sh(UNTIL, "0", &["sh", "-c", "echo why >&2; false"]), (1, "why\n".to_owned()));
    }
}
