//! Which source is taken, and why.

use hardway_spec::{ArtifactSource, Mirror};

use crate::bundle::{Bundle, BundleSource};
use crate::held::Held;
use crate::host::find_in_path;
use crate::{
    Architecture, Error, GoModules, Lock, ReleaseSettings, Releases, ShippedDigests, Source, SourceKind, Supply,
};

/// A source, and why it was chosen.
pub(crate) struct Choice {
    pub(crate) source: Box<dyn Source>,
    pub(crate) reason: String,
    /// The bundle that it takes everything from, if it does.
    pub(crate) bundle: Option<Bundle>,
}

const SPEC: &str = "spec.artifacts.source says so";
const LOCK: &str = "hardway.lock names it";

/// What the operator's choices come to. Only `auto` without a lock asks the network.
pub(crate) async fn choose(supply: Supply) -> Result<Choice, Error> {
    if let Some(path) = &supply.bundle {
        let bundle = Bundle::open(path)?;
        let source = Box::new(BundleSource::new(bundle.clone(), &supply.kubernetes)?);
        return Ok(Choice { source, reason: format!("it is {path}"), bundle: Some(bundle) });
    }
    match (supply.artifacts.source, supply.lock.as_ref().and_then(Lock::source)) {
        (ArtifactSource::Modules, _) => Ok(modules(SPEC)),
        (ArtifactSource::Releases, _) => releases(supply, None, SPEC),
        (ArtifactSource::Mirror, _) => mirror(supply, SPEC),
        (ArtifactSource::Auto, Some(SourceKind::GoModules)) => Ok(modules(LOCK)),
        (ArtifactSource::Auto, Some(SourceKind::Releases)) => releases(supply, None, LOCK),
        (ArtifactSource::Auto, Some(SourceKind::Mirror)) => mirror(supply, LOCK),
        (ArtifactSource::Auto, Some(SourceKind::Bundle)) => {
            let source = Box::new(Held::new(supply.lock.unwrap_or_default()));
            Ok(Choice { source, reason: format!("{LOCK}, and this machine's cache has what it held"), bundle: None })
        }
        (ArtifactSource::Auto, None) => reachable(supply).await,
    }
}

fn modules(reason: &str) -> Choice {
    let reason = format!("{reason}: components are built on this machine and checked against pinned digests");
    Choice { source: Box::new(GoModules), reason, bundle: None }
}

fn releases(supply: Supply, mirror: Option<Mirror>, reason: &str) -> Result<Choice, Error> {
    let source = Releases::new(settings(supply, mirror)?)?;
    Ok(Choice { source: Box::new(source), reason: reason.to_owned(), bundle: None })
}

fn mirror(mut supply: Supply, reason: &str) -> Result<Choice, Error> {
    let mirror = supply.artifacts.mirror.take().ok_or(Error::NoMirror)?;
    let reason = format!("{reason}: {} and {}", mirror.files, mirror.images);
    releases(supply, Some(mirror), &reason)
}

/// Upstream's releases where they can be reached, and else what needs no more than a Go module proxy.
async fn reachable(supply: Supply) -> Result<Choice, Error> {
    let source = Releases::new(settings(supply, None)?)?;
    match source.reach().await {
        Ok(()) => {
            let reason = "upstream's releases can be reached".to_owned();
            Ok(Choice { source: Box::new(source), reason, bundle: None })
        }
        Err(_) => Ok(modules("upstream's releases cannot be reached from here")),
    }
}

fn settings(supply: Supply, mirror: Option<Mirror>) -> Result<ReleaseSettings, Error> {
    let upstream = ReleaseSettings::upstream(Architecture::host()?);
    Ok(ReleaseSettings {
        mirror,
        authority: supply.authority,
        credentials: supply.credentials,
        require: supply.artifacts.require,
        shipped: ShippedDigests::carried().and(supply.digests),
        cosign: find_in_path("cosign"),
        lock: supply.lock,
        ..upstream
    })
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use hardway_spec::{Artifacts, Trust};

    use super::*;
    use crate::Locked;

    fn supply(source: ArtifactSource, locked: Option<SourceKind>) -> Supply {
        let lock = locked.map(|source| {
            let kubelet = Locked {
                version: "1.37.2".to_owned(),
                architecture: "amd64".to_owned(),
                source,
                origin: "somewhere".to_owned(),
                verified: Trust::Checksum,
                size: 1,
                sha256: "aa".repeat(32),
                reference: None,
                manifest: None,
            };
            Lock { artifacts: [("kubelet".to_owned(), kubelet)].into() }
        });
        let mirror = Mirror {
            files: "https://mirror.example/k8s".to_owned(),
            images: "mirror.example/k8s".to_owned(),
            authority: None,
        };
        let artifacts = Artifacts { source, mirror: Some(mirror), ..Artifacts::default() };
        Supply { artifacts, lock, ..Supply::default() }
    }

    async fn chosen(source: ArtifactSource, locked: Option<SourceKind>) -> SourceKind {
        choose(supply(source, locked)).await.unwrap().source.kind()
    }

    #[tokio::test]
    async fn the_spec_chooses_and_asks_nobody() {
        assert_eq!(chosen(ArtifactSource::Modules, None).await, SourceKind::GoModules);
        assert_eq!(chosen(ArtifactSource::Releases, None).await, SourceKind::Releases);
        assert_eq!(chosen(ArtifactSource::Mirror, Some(SourceKind::GoModules)).await, SourceKind::Mirror);
    }

    #[tokio::test]
    async fn without_a_word_of_the_spec_the_source_stays_what_the_lock_says() {
        let kinds = [SourceKind::GoModules, SourceKind::Releases, SourceKind::Mirror, SourceKind::Bundle];
        for kind in kinds {
            assert_eq!(chosen(ArtifactSource::Auto, Some(kind)).await, kind);
        }
    }

    #[tokio::test]
    async fn a_mirror_that_nobody_names_is_an_error() {
        let mut supply = supply(ArtifactSource::Auto, Some(SourceKind::Mirror));
        supply.artifacts.mirror = None;
        assert!(matches!(choose(supply).await.err(), Some(Error::NoMirror)));
    }

    #[tokio::test]
    async fn a_bundle_on_the_command_line_counts_for_more_than_the_spec() {
        let bundle = Some(Utf8PathBuf::from("/nonexistent/cluster.hardway"));
        let supply = Supply { bundle, ..supply(ArtifactSource::Modules, None) };
        assert!(matches!(choose(supply).await.err(), Some(Error::Bundle { .. })));
    }
}
