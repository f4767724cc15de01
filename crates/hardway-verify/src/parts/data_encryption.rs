//! Data encryption: etcd holds no secret that it could read.

use hardway_machine::Output;
use hardway_spec::MachineName;

use crate::Part;
use crate::etcd;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::complaint;
use crate::testbed::{SECRET, SECRET_TEXT};

const PART: Part = Part::DataEncryption;

/// What a value begins with that the `aescbc` provider encrypted under the key `key1`.
const PREFIX: &[u8] = b"k8s:enc:aescbc:v1:key1:";

const HINT: &str = "look at --encryption-provider-config of kube-apiserver";

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let mut probes: Vec<_> = scene
        .cluster()
        .etcd_members()
        .map(|member| {
            let title = format!("etcd on {} holds a secret encrypted by aescbc under key1", member.name);
            Probe::new(PART, title, is_encrypted(scene, &member.name))
        })
        .collect();
    probes.push(Probe::new(PART, "the secret reads back through the API", reads_back(scene)));
    probes
}

async fn is_encrypted(scene: Scene<'_>, member: &MachineName) -> Verdict {
    scene.bed.secret().await?;
    let key = format!("/registry/secrets/{}/{SECRET}", scene.bed.namespace);
    judge(&etcd::as_root(scene, member, &format!("get --print-value-only {key}")).await?)
}

fn judge(output: &Output) -> Verdict {
    let expected = format!("a value that begins {}", String::from_utf8_lossy(PREFIX));
    let value = &output.stdout;
    let found = if !output.success() {
        complaint(output)
    } else if value.is_empty() {
        "nothing under the secret's key".to_owned()
    } else if value.windows(SECRET_TEXT.len()).any(|window| window == SECRET_TEXT.as_bytes()) {
        "the secret's text as it is".to_owned()
    } else if value.starts_with(PREFIX) {
        return Ok(());
    } else {
        let start: Vec<u8> = value.iter().copied().take_while(u8::is_ascii_graphic).take(PREFIX.len()).collect();
        format!("a value that begins {}", String::from_utf8_lossy(&start))
    };
    Err(Fault::new(found, expected, HINT))
}

async fn reads_back(scene: Scene<'_>) -> Verdict {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let expected = "the text that was written";
    let path = scene.bed.secret().await?;
    let secret = scene.live().get_json(&path).await.expecting(expected, HINT)?;
    let text = secret.pointer("/data/text").and_then(serde_json::Value::as_str).unwrap_or_default();
    ensure(text == STANDARD.encode(SECRET_TEXT), || "another text".to_owned(), expected, HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &[u8]) -> Option<String> {
        judge(&Output { stdout: value.to_vec(), ..Output::default() }).err().map(|fault| fault.found)
    }

    #[test]
    fn only_a_value_under_key1_passes() {
        assert_eq!(found(b"k8s:enc:aescbc:v1:key1:\x01\x02\n"), None);
        assert_eq!(found(b"k8s:enc:aescbc:v1:key2:\x01").unwrap(), "a value that begins k8s:enc:aescbc:v1:key2:");
        assert_eq!(found(b"").unwrap(), "nothing under the secret's key");
    }

    #[test]
    fn plain_text_in_a_value_is_told_without_being_shown() {
        let value = format!("k8s\0\n\x0c\n\x02v1\x12\x06Secret text {SECRET_TEXT}");
        assert_eq!(found(value.as_bytes()).unwrap(), "the secret's text as it is");
    }

    #[test]
    fn a_failed_etcdctl_is_told() {
        let output = Output { stderr: b"permission denied\n".to_vec(), code: 1, ..Output::default() };
        assert_eq!(judge(&output).unwrap_err().found, "exit status 1: permission denied");
    }
}
