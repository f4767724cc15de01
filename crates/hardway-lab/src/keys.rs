//! SSH keys: the operator's, and each machine's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::run;
use crate::error::{FileContext, Result};

/// The operator's private key inside the workspace's lab folder.
pub(crate) fn identity_file(dir: &Path) -> PathBuf {
    dir.join("id_ed25519")
}

/// Makes the operator's key pair unless it is there, and returns the public line.
pub(crate) fn ensure_identity(dir: &Path) -> Result<String> {
    let private = identity_file(dir);
    let public = private.with_extension("pub");
    if !(private.exists() && public.exists()) {
        generate(&private, "hardway lab")?;
    }
    read_line(&public)
}

/// Makes an ed25519 key pair at `private` and `private`.pub, mode 0600 and 0644.
pub(crate) fn generate(private: &Path, comment: &str) -> Result<()> {
    let public = private.with_extension("pub");
    for half in [private, &public] {
        match fs::remove_file(half) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).at("remove", half);
            }
            _ => {}
        }
    }
    let path = private.to_string_lossy();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", &path])?;
    Ok(())
}

/// A public key file's line without its newline.
pub(crate) fn read_line(public: &Path) -> Result<String> {
    Ok(fs::read_to_string(public).at("read", public)?.trim_end().to_owned())
}
