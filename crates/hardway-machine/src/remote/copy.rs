//! Copying: what the machine is told before the bytes, and what it answers after them.

use hardway_design::STORE;

use super::{INDEX, STAT, quote};
use crate::{Blob, Fault};

/// The script that takes `blob` from stdin, compressed with zstd if `packed`.
pub(crate) fn copy_script(blob: &Blob, packed: bool) -> String {
    let index = index_path(blob).unwrap_or_default();
    format!(
        "dest={}\nsum={}\nsize={}\nmode={:o}\nindex={}\nstat='{STAT}'\npacked={packed}\n{}",
        quote(&blob.dest),
        quote(&blob.sha256),
        blob.size,
        blob.mode,
        quote(&index),
        include_str!("copy.sh"),
    )
}

/// Only what stays is worth remembering: an image's archive goes once it is imported.
fn index_path(blob: &Blob) -> Option<String> {
    let name = blob.dest.strip_prefix(STORE)?.rsplit('/').next()?;
    Some(format!("{INDEX}/{}-{name}", blob.sha256))
}

/// The machine's last word on a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyAnswer {
    Ok,
    Full,
    Mismatch(String),
    Failed,
}

impl CopyAnswer {
    pub(crate) fn parse(stdout: &[u8]) -> Self {
        match String::from_utf8_lossy(stdout).trim() {
            "ok" => Self::Ok,
            "full" => Self::Full,
            answer => match answer.strip_prefix("mismatch ") {
                Some(digest) => Self::Mismatch(digest.to_owned()),
                None => Self::Failed,
            },
        }
    }

    /// `stderr`: what the machine's own tools said.
    pub(crate) fn into_result(self, blob: &Blob, stderr: &[u8]) -> Result<(), Fault> {
        let dest = blob.dest.clone();
        match self {
            Self::Ok => Ok(()),
            Self::Full => Err(Fault::DiskFull { dest }),
            Self::Mismatch(actual) => Err(Fault::DigestMismatch { dest, expected: blob.sha256.clone(), actual }),
            Self::Failed => Err(Fault::WriteFailed { dest, output: crate::lines::of(stderr) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(dest: &str) -> Blob {
        Blob {
            local: "/nowhere".into(),
            packed: None,
            dest: dest.to_owned(),
            sha256: "ab".repeat(32),
            size: 3,
            mode: 0o755,
        }
    }

    #[test]
    fn the_script_is_plain_posix_sh() {
        for packed in [true, false] {
            super::super::check(&copy_script(&blob("/opt/hardway/store/ab/it's"), packed));
        }
    }

    #[test]
    fn only_the_store_is_indexed() {
        let sum = "ab".repeat(32);
        assert_eq!(
            index_path(&blob(&format!("{STORE}/{sum}/etcd"))).unwrap(),
            format!("/var/lib/hardway/index/{sum}-etcd")
        );
        assert_eq!(index_path(&blob("/var/lib/hardway/images/pause.tar")), None);
    }

    #[test]
    fn an_answer_nobody_knows_is_a_failure() {
        assert_eq!(CopyAnswer::parse(b"ok\n"), CopyAnswer::Ok);
        assert_eq!(CopyAnswer::parse(b"mismatch 00ff\n"), CopyAnswer::Mismatch("00ff".to_owned()));
        assert_eq!(CopyAnswer::parse(b""), CopyAnswer::Failed);
        assert_eq!(CopyAnswer::parse(b"okay"), CopyAnswer::Failed);
    }
}
