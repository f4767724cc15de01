//! The operator's side of artifacts: which source, what is locked, what this machine lacks.

use std::collections::BTreeMap;

use hardway_artifacts::{Catalog, Credentials, Difference, Lock, LockError, OsPackages, Selection, Store, Supply};
use hardway_design::Content;
use hardway_plan::WorkspaceChange;
use hardway_ui::{ArtifactProgress, Output};
use hardway_workspace::{ARTIFACT_LOCK, Held};

use super::{Session, workspace_error};
use crate::error::{CommandError, Message};

/// The environment variables with what a mirror asks for.
const MIRROR_USERNAME: &str = "HARDWAY_MIRROR_USERNAME";
const MIRROR_PASSWORD: &str = "HARDWAY_MIRROR_PASSWORD";

/// Of artifacts that are not as locked, so many are shown.
const DIFFERENCES_SHOWN: usize = 10;

/// Which artifacts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those of the lock, where there is one.
    Locked,
    /// Those that the source has now.
    Current,
}

/// What a cluster is made of.
pub struct Obtained {
    pub catalog: Catalog,
    /// See [`Store::packages`].
    pub packages: Option<BTreeMap<String, OsPackages>>,
}

impl Session {
    /// What the cluster is locked to; `None` before its first apply.
    pub fn artifact_lock(&self) -> Result<Option<Lock>, CommandError> {
        let Some(text) = self.workspace.read_artifact_lock().map_err(workspace_error)? else { return Ok(None) };
        Lock::parse(&text).map(Some).map_err(|source| {
            CommandError::input(UnusableLock { source })
                .with_help("take it from your repository again, or remove it and make it anew with `hardway lock`")
        })
    }

    /// Obtains artifacts, installing what this machine lacks to build them.
    ///
    /// What differs from the lock is refused.
    pub async fn obtain(&self, output: Output, selection: &Selection, wanted: Wanted) -> Result<Catalog, CommandError> {
        self.take(output, selection, wanted).await.map(|(catalog, _)| catalog)
    }

    /// Obtains all that a cluster is made of, as [`Session::obtain`] does.
    pub async fn obtain_cluster(&self) -> Result<Obtained, CommandError> {
        let (catalog, store) = self.take(self.output, &Selection::cluster(), Wanted::Locked).await?;
        let progress = ArtifactProgress::new(self.output);
        let packages = store.packages(&|event| progress.show(&event)).await;
        progress.finish();
        Ok(Obtained { catalog, packages: packages.map_err(CommandError::failed)? })
    }

    async fn take(
        &self,
        output: Output,
        selection: &Selection,
        wanted: Wanted,
    ) -> Result<(Catalog, Store), CommandError> {
        let lock = match wanted {
            Wanted::Locked => self.artifact_lock()?,
            Wanted::Current => None,
        };
        let store = Store::open(self.supply(lock.clone())?).await.map_err(CommandError::input)?;
        install_missing(output, &store, selection).await?;
        let progress = ArtifactProgress::new(output);
        let catalog = store.obtain(selection, &|event| progress.show(&event)).await;
        progress.finish();
        let catalog = catalog.map_err(CommandError::failed)?;
        if let Some(lock) = lock {
            let differences = lock.differences(&Lock::of(&catalog));
            if !differences.is_empty() {
                return Err(not_as_locked(&differences));
            }
        }
        Ok((catalog, store))
    }

    /// Where artifacts come from, as spec, environment and command line say.
    fn supply(&self, lock: Option<Lock>) -> Result<Supply, CommandError> {
        let artifacts = self.cluster.spec.artifacts.clone();
        let authority = artifacts.mirror.as_ref().and_then(|mirror| mirror.authority.as_ref());
        let authority = authority.map(|file| self.read_named(file, "spec.artifacts.mirror.authority")).transpose()?;
        let digests = match &artifacts.digests {
            Some(file) => known_digests(file, &self.read_named(file, "spec.artifacts.digests")?)?,
            None => BTreeMap::new(),
        };
        let credentials = match (std::env::var(MIRROR_USERNAME), std::env::var(MIRROR_PASSWORD)) {
            (Ok(username), Ok(password)) => Some(Credentials { username, password: password.into() }),
            _ => None,
        };
        let kubernetes = self.cluster.spec.kubernetes.version.clone();
        Ok(Supply { artifacts, authority, credentials, digests, kubernetes, lock, bundle: self.bundle.clone() })
    }

    /// A file that the spec names.
    fn read_named(&self, file: &str, field: &str) -> Result<Vec<u8>, CommandError> {
        let path = self.workspace.root().join(file);
        std::fs::read(&path).map_err(|source| {
            let message = format!("cannot read {}: {source}", path.display());
            CommandError::input(Message(message)).with_help(format!("{field} names it"))
        })
    }

    /// What [`Session::keep_artifact_lock`] would write.
    pub fn artifact_lock_changes(&self, catalog: &Lock) -> Result<Option<WorkspaceChange>, CommandError> {
        let content = Content::text(catalog.render());
        match self.workspace.held(ARTIFACT_LOCK, &content).map_err(workspace_error)? {
            Held::Nothing => {
                Ok(Some(WorkspaceChange { title: format!("Write {ARTIFACT_LOCK}"), reason: "missing".to_owned() }))
            }
            // What stands there was compared already.
            Held::Same | Held::Other => Ok(None),
        }
    }

    /// Locks the cluster to these artifacts, unless it is locked already. For the lock's holder only.
    pub fn keep_artifact_lock(&self, lock: &Lock) -> Result<(), CommandError> {
        if self.artifact_lock_changes(lock)?.is_some() {
            self.write_artifact_lock(lock)?;
        }
        Ok(())
    }

    /// Locks the cluster to these artifacts, whatever it was locked to before.
    pub fn write_artifact_lock(&self, lock: &Lock) -> Result<(), CommandError> {
        self.workspace.write(ARTIFACT_LOCK, &Content::text(lock.render())).map_err(workspace_error)
    }
}

/// The workspace's lock of artifacts, where it cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {ARTIFACT_LOCK}")]
struct UnusableLock {
    source: LockError,
}

const RELOCK: &str = "`hardway lock` takes what the source has now and says what changes";

fn not_as_locked(differences: &[Difference]) -> CommandError {
    let mut lines: Vec<String> =
        differences.iter().take(DIFFERENCES_SHOWN).map(|difference| format!("  {difference}")).collect();
    if differences.len() > DIFFERENCES_SHOWN {
        lines.push(format!("  and {} more", differences.len() - DIFFERENCES_SHOWN));
    }
    let message =
        format!("what the source has is not what {ARTIFACT_LOCK} says; nothing was done\n{}", lines.join("\n"));
    CommandError::input(Message(message)).with_help(RELOCK)
}

/// Lines of a digest and an address.
fn known_digests(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>, CommandError> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [digest, url]
                if matches!(digest.len(), 64 | 128)
                    && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && url.starts_with("https://") =>
            {
                Ok((url.to_owned(), digest.to_ascii_lowercase()))
            }
            _ => Err(CommandError::input(Message(format!("{file}:{}: this is no digest with an address", number + 1)))
                .with_help(
                    "write a SHA-256 or SHA-512 in hexadecimal, a space, and upstream's https address of the file",
                )),
        })
        .collect()
}

async fn install_missing(output: Output, store: &Store, selection: &Selection) -> Result<(), CommandError> {
    let missing = store.missing_host_packages(selection).map_err(CommandError::failed)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|package| package.name.to_owned()).collect();
    let reasons: Vec<String> = missing.iter().map(ToString::to_string).collect();
    output.note(&format!("this machine lacks, to build the components: {}", reasons.join(", ")));
    if !rustix::process::geteuid().is_root() {
        let message = format!("packages are missing: {}", names.join(", "));
        return Err(
            CommandError::failed(Message(message)).with_help(format!("sudo apt-get install -y {}", names.join(" ")))
        );
    }
    tokio::task::spawn_blocking(move || {
        hardway_lab::install_host_packages(&names, &|event| output.note(&hardway_ui::lab_line(&event)))
    })
    .await
    .expect("installing packages does not panic")
    .map_err(CommandError::failed)
}
