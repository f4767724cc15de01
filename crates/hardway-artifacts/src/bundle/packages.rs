//! The OS packages of a bundle.

use super::blob::Identity;
use super::error::BundleError;
use super::index::Packing;
use super::open::Bundle;
use super::source::{Wanted, key};
use crate::cache::Cache;
use crate::{Error, OsPackages, Report};

impl Bundle {
    /// The packages for machines with this release of an operating system (`debian-12`), their archive in the cache.
    ///
    /// # Errors
    /// [`Error::Bundle`] naming the releases that the bundle has packages for, or that it is damaged, and what writing
    /// to the cache can fail with.
    pub async fn packages(
        &self,
        os: &str,
        architecture: &str,
        cache: &Cache,
        report: Report<'_>,
    ) -> Result<OsPackages, Error> {
        let all = &self.index.packages;
        let Some(found) = all.iter().find(|packages| packages.os == os && packages.architecture == architecture) else {
            let known = all.iter().map(|packages| format!("{} on {}", packages.os, packages.architecture)).collect();
            let (os, architecture) = (os.to_owned(), architecture.to_owned());
            return Err(self.error(BundleError::NoPackages { os, architecture, known }));
        };
        let member = &found.member;
        let wanted = Wanted {
            key: key(&member.sha256),
            file: "packages.tar".to_owned(),
            mode: 0o644,
            packing: Packing::None,
            member: member.clone(),
            unpacked: Identity { sha256: member.sha256.clone(), size: member.size },
            manifest_digest: None,
        };
        let key = wanted.key.clone();
        self.unpack(vec![wanted], cache, report).await?;
        let damaged = || self.error(BundleError::Damaged { member: member.name.clone() });
        let entry = cache.get(&key)?.ok_or_else(damaged)?;
        Ok(OsPackages {
            os: found.os.clone(),
            architecture: found.architecture.clone(),
            archive: entry.path,
            sha256: entry.sha256,
            size: entry.size,
            names: found.names.clone(),
            packages: found.packages.clone(),
        })
    }
}
