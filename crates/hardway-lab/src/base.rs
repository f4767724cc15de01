//! Base images: the root file systems that machines start from, made once and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use hardway_artifacts::{debian_sources, mirror_options};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::command::finish;
use crate::config::Base;
use crate::error::{FileContext, LabError, Result};
use crate::event::{Event, OnEvent};
use crate::lock::DirLock;

/// What a minimal Debian server has beyond the essential packages.
const SERVER_PACKAGES: [&str; 13] = [
    "apt",
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "kmod",
    "netbase",
    "openssh-server",
    "procps",
    "systemd",
    "systemd-sysv",
    "tzdata",
    // Its kernel package brings it, for the initramfs.
    "zstd",
];

/// Raised when the way an image is made changes in a manner that its recipe does not show.
const RECIPE_VERSION: u32 = 1;

/// Runs in the new root file system: keys and ids belong to a machine, not to an image, and
/// nothing but the operator takes apt's lock.
const CUSTOMIZE: &str = r#"rm -f "$1"/etc/ssh/ssh_host_*; mkdir -p "$1/lib/modules" "$1/var/lib/containerd"; : > "$1/etc/machine-id"; for unit in apt-daily.timer apt-daily-upgrade.timer; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done"#;

/// Everything that decides what is in an image.
#[derive(Debug, Serialize)]
struct Recipe {
    version: u32,
    suite: &'static str,
    packages: Vec<String>,
    sources: Option<String>,
    apt_options: String,
    customize: &'static str,
    /// The host's own certificate authorities, which an HTTPS mirror may need.
    authorities: Vec<(PathBuf, String)>,
}

impl Recipe {
    fn of_host(base: Base, extra_packages: &[String]) -> Result<Self> {
        let mut packages: Vec<String> =
            SERVER_PACKAGES.iter().map(|&name| name.to_owned()).chain(extra_packages.iter().cloned()).collect();
        packages.sort();
        packages.dedup();
        let sources = debian_sources(base.codename()).map_err(LabError::DebianArchive)?;
        let over_https = sources.as_deref().is_some_and(|text| text.contains("URIs: https://"));
        Ok(Self {
            version: RECIPE_VERSION,
            suite: base.codename(),
            packages,
            apt_options: mirror_options().map_err(LabError::DebianArchive)?,
            customize: CUSTOMIZE,
            authorities: if over_https { authorities()? } else { Vec::new() },
            sources,
        })
    }

    /// Names the image: the same recipe gives the same key.
    fn key(&self, base: Base) -> String {
        let recipe = serde_json::to_vec(self).expect("a recipe is plain strings and numbers");
        format!("{}-{}", base.name(), &hex::encode(Sha256::digest(recipe))[..16])
    }
}

fn authorities() -> Result<Vec<(PathBuf, String)>> {
    let Ok(folder) = fs::read_dir("/usr/local/share/ca-certificates") else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<_> = folder
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "crt"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).at("read", &path)?;
            Ok((path, text))
        })
        .collect()
}

/// `$HARDWAY_CACHE/lab`, or `hardway/lab` in the user's cache folder.
fn cache_dir() -> PathBuf {
    let from = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let cache = from("HARDWAY_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        from("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(from("HOME").unwrap_or("/root".into())).join(".cache"))
            .join("hardway")
    });
    cache.join("lab")
}

/// The root file system of a base, made now if it is not in the cache. It is never written to.
pub(crate) fn ensure(base: Base, extra_packages: &[String], on_event: OnEvent<'_>) -> Result<PathBuf> {
    let recipe = Recipe::of_host(base, extra_packages)?;
    let cache = cache_dir();
    let path = cache.join(recipe.key(base));
    if path.exists() {
        return Ok(path);
    }
    let _lock = DirLock::acquire(&cache)?;
    // Another operator may have made it while this one waited for the lock.
    if path.exists() {
        return Ok(path);
    }
    remove_partial(&cache)?;
    on_event(Event::BuildingBase { base, extra_packages: extra_packages.to_vec() });
    let start = Instant::now();
    let partial = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(&cache).at("write", &cache)?;
    build(&recipe, partial.path())?;
    fs::rename(partial.path().join("root"), &path).at("write", &path)?;
    on_event(Event::BaseBuilt { base, path: path.clone(), took: start.elapsed() });
    Ok(path)
}

const PARTIAL: &str = "partial-";

/// Whoever holds the lock is the only builder, so that others' partial images are from the dead.
fn remove_partial(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache).at("read", cache)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            fs::remove_dir_all(entry.path()).at("remove", entry.path())?;
        }
    }
    Ok(())
}

fn build(recipe: &Recipe, dir: &Path) -> Result<()> {
    let write = |name: &str, text: &str| -> Result<PathBuf> {
        let path = dir.join(name);
        fs::write(&path, text).at("write", &path)?;
        Ok(path)
    };
    let options = write("apt.conf", &format!("{}Acquire::Languages \"none\";\n", recipe.apt_options))?;
    let hook = write("customize", &format!("set -eu\n{}\n", recipe.customize))?;

    // The tool has many children and mounts: in namespaces of their own all end with the operator.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"])
        .args(["--kill-child=KILL", "--mount-proc", "mmdebstrap"])
        .args(["--mode=root", "--format=directory", "--variant=minbase"])
        // A server has package lists, so that a first install needs no update before it.
        .arg("--skip=cleanup/apt/lists")
        .arg(format!("--include={}", recipe.packages.join(",")))
        .arg(format!("--aptopt={}", options.display()));
    for (path, _) in &recipe.authorities {
        command.arg(format!("--customize-hook=copy-in {} /usr/local/share/ca-certificates", path.display()));
    }
    if !recipe.authorities.is_empty() {
        command.arg("--customize-hook=chroot \"$1\" update-ca-certificates");
    }
    command.arg(format!("--customize-hook=sh {} \"$1\"", hook.display())).arg(recipe.suite).arg(dir.join("root"));
    if let Some(sources) = &recipe.sources {
        command.arg(write("debian.sources", sources)?);
    }
    finish(&mut command)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(packages: &[&str]) -> Recipe {
        Recipe {
            version: RECIPE_VERSION,
            suite: "bookworm",
            packages: packages.iter().map(|&p| p.to_owned()).collect(),
            sources: None,
            apt_options: String::new(),
            customize: CUSTOMIZE,
            authorities: Vec::new(),
        }
    }

    #[test]
    fn other_packages_make_another_image() {
        let key = |packages: &[&str]| recipe(packages).key(Base::Debian12);
        assert_eq!(key(&["apt"]), key(&["apt"]));
        assert_ne!(key(&["apt"]), key(&["apt", "haproxy"]));
        assert!(key(&["apt"]).starts_with("debian-12-"));
    }
}
