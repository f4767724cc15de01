//! The host's apt, with folders of its own: neither root nor the host's package state is needed.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cache::failed;
use crate::process::{self, Line};
use crate::{Error, Progress, Report};

/// Where packages are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sources {
    /// As apt is configured on this host.
    Host,
    /// deb822 sources, and packages of this architecture, whatever the host's own are.
    Other { text: String, architecture: String },
}

/// apt with state of its own below a folder.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: Utf8PathBuf,
    /// What this apt does otherwise than the host's: `NAME=VALUE`.
    settings: Vec<String>,
}

impl Apt {
    /// Fetches the package lists into `folder`.
    pub(crate) async fn update(folder: Utf8PathBuf, sources: &Sources, report: Report<'_>) -> Result<Self, Error> {
        for name in ["lists/partial", "cache"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(|source| failed("create", &path, source))?;
        }
        write(&folder.join("status"), "")?;
        let settings = match sources {
            Sources::Host => Vec::new(),
            Sources::Other { text, architecture } => {
                // apt tells the format by the name's end.
                let list = folder.join("list.sources");
                write(&list, text)?;
                other_settings(&list, architecture)
            }
        };
        let apt = Self { folder, settings };
        report(Progress::Downloading { what: "the distribution's package lists".to_owned() });
        let mut command = apt.command(&apt.folder.join("cache"));
        command.arg("update");
        process::run("apt-get", "fetch the package lists", &mut command, |_| Line::Message).await?;
        Ok(apt)
    }

    /// Downloads `packages` and what they depend on for `purpose`, into a folder called `name`, and
    /// returns the archives' paths.
    pub(crate) async fn download<P: AsRef<str>>(
        &self,
        name: &str,
        purpose: &str,
        packages: &[P],
        report: Report<'_>,
    ) -> Result<Vec<Utf8PathBuf>, Error> {
        let packages: Vec<&str> = packages.iter().map(AsRef::as_ref).collect();
        report(Progress::Downloading { what: format!("packages for {purpose}: {}", packages.join(", ")) });
        let cache = self.folder.join("packages").join(name);
        let archives = cache.join("archives");
        let partial = archives.join("partial");
        fs::create_dir_all(&partial).map_err(|source| failed("create", &partial, source))?;
        let mut command = self.command(&cache);
        command.args(["--yes", "--download-only", "install"]).args(packages);
        let operation = format!("download the packages of {purpose}");
        process::run("apt-get", &operation, &mut command, |_| Line::Message).await?;
        let mut found = Vec::new();
        for entry in archives.read_dir_utf8().map_err(|source| failed("read", &archives, source))? {
            let entry = entry.map_err(|source| failed("read", &archives, source))?;
            if entry.path().extension() == Some("deb") {
                found.push(entry.into_path());
            }
        }
        found.sort();
        Ok(found)
    }

    fn command(&self, cache: &Utf8Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("apt-get");
        command
            .args(["-o", &format!("Dir::State::lists={}/lists", self.folder)])
            .args(["-o", &format!("Dir::State::status={}/status", self.folder)])
            .args(["-o", &format!("Dir::Cache={cache}")])
            // With an empty status apt would add every essential package.
            .args(["-o", "pkgCacheGen::Essential=none"])
            .args(["-o", "pkgCacheGen::ForceEssential=,"])
            .args(["-o", "APT::Install-Recommends=false"])
            .args(["-o", "Debug::NoLocking=true"])
            // The folder is only its owner's, so apt's unprivileged user could not write there.
            .args(["-o", "APT::Sandbox::User=root"])
            .args(self.settings.iter().flat_map(|setting| ["-o", setting]))
            .arg("-q")
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// What takes packages from `list` alone, for another release than the host's.
fn other_settings(list: &Utf8Path, architecture: &str) -> Vec<String> {
    let mut settings = vec![
        format!("Dir::Etc::SourceList={list}"),
        format!("APT::Architecture={architecture}"),
        format!("APT::Architectures={architecture}"),
    ];
    let fixed = [
        "Dir::Etc::SourceParts=/dev/null",
        // Preferences and the default release are meant for the host's own.
        "Dir::Etc::Preferences=/dev/null",
        "Dir::Etc::PreferencesParts=/dev/null",
        "APT::Default-Release=",
        "APT::Install-Suggests=false",
        // The packages leave this host, so the archive's signature must hold whatever the host allows itself.
        "APT::Get::AllowUnauthenticated=false",
        "Acquire::AllowInsecureRepositories=false",
        "Acquire::AllowWeakRepositories=false",
        "Acquire::AllowDowngradeToInsecureRepositories=false",
        // One list that does not come is no reason to go on with half of the archive.
        "APT::Update::Error-Mode=any",
        // Nobody reads descriptions in other languages.
        "Acquire::Languages=none",
    ];
    settings.extend(fixed.map(str::to_owned));
    settings
}

fn write(path: &Utf8Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| failed("write", path, source))
}
