//! Collects packages with all that they depend on, down to libc6: what a machine has already is not known.
//!
//! The host's apt resolves and downloads them, from where the host takes its own, for a release that
//! need not be the host's. It checks the archive's signatures.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::process::Command;

use super::OsPackages;
use super::repository::{self, Deb};
use crate::apt::{Apt, Sources};
use crate::cache::failed;
use crate::debian_archive::{KEYRING, debian_sources, default_sources};
use crate::host::in_path;
use crate::process::{self, Line};
use crate::{Error, HostPackage, Report, digest};

/// Releases by `ID` and `VERSION_ID` of os-release(5), with the code names that the archive knows them by.
const RELEASES: [(&str, &str); 2] = [("debian-12", "bookworm"), ("debian-13", "trixie")];
/// Debian's own names, which are Go's too.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Collects the packages called `names` for machines that run `os` (`debian-12`) on `architecture` (`amd64`), and
/// all that they depend on, as one archive in `folder`. What is only recommended is left out.
///
/// # Errors
/// [`Error::NoPackagesFor`] where hardway collects none, [`Error::HostPackages`] where this host lacks a tool or
/// the archive's keys, [`Error::Program`] with apt's own words where a package does not exist, a signature does
/// not hold or the archive cannot be reached. The folder then holds nothing new.
pub async fn collect_packages(
    os: &str,
    architecture: &str,
    names: &[String],
    folder: &Utf8Path,
    report: Report<'_>,
) -> Result<OsPackages, Error> {
    let release = RELEASES.iter().find(|(id, _)| *id == os);
    let (Some((_, codename)), true) = (release, ARCHITECTURES.contains(&architecture)) else {
        return Err(no_packages_for(os, architecture));
    };
    let packages = missing_host_packages();
    if !packages.is_empty() {
        return Err(Error::HostPackages { packages });
    }
    let text = debian_sources(codename)?.unwrap_or_else(|| default_sources(codename));
    collect(text, os, architecture, names, folder, report).await
}

/// `text`: deb822 sources.
async fn collect(
    text: String,
    os: &str,
    architecture: &str,
    names: &[String],
    folder: &Utf8Path,
    report: Report<'_>,
) -> Result<OsPackages, Error> {
    let scratch = tempfile::tempdir_in(folder).map_err(|source| failed("create a folder in", folder, source))?;
    let room = Utf8PathBuf::try_from(scratch.path().to_path_buf()).expect("a random ASCII name below a path in UTF-8");
    // What apt uses where it lies never comes into its cache (sources.list(5)).
    let text = text.replace("URIs: file:", "URIs: copy:");
    let sources = Sources::Other { text, architecture: architecture.to_owned() };
    let apt = Apt::update(room.join("apt"), &sources, report).await?;
    let mut debs = Vec::new();
    for path in apt.download(os, &format!("{os} machines"), names, report).await? {
        debs.push(Deb { control: control(&path).await?, path });
    }
    let name = format!("{os}-{architecture}.tar");
    let unfinished = room.join(&name);
    let written = tokio::task::spawn_blocking({
        let unfinished = unfinished.clone();
        move || repository::write(debs, &unfinished)
    });
    let packages = written.await.expect("writing a file does not panic, and nobody aborts it")?;
    let (sha256, size) = digest::of_file(&unfinished).map_err(|source| failed("read", &unfinished, source))?;
    let archive = folder.join(name);
    fs::rename(&unfinished, &archive).map_err(|source| failed("rename to", &archive, source))?;
    Ok(OsPackages {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        archive,
        sha256,
        size,
        names: names.to_vec(),
        packages,
    })
}

/// What a package says of itself.
async fn control(deb: &Utf8Path) -> Result<String, Error> {
    let mut command = Command::new("dpkg-deb");
    command.args(["--field", deb.as_str()]).env("LC_ALL", "C");
    process::run("dpkg-deb", &format!("read {deb}"), &mut command, |_| Line::Message).await
}

fn missing_host_packages() -> Vec<HostPackage> {
    let needs = [
        (in_path("apt-get"), "apt", "it resolves and downloads machines' packages"),
        (in_path("dpkg-deb"), "dpkg", "it tells what is in a package"),
        (Utf8Path::new(KEYRING).exists(), "debian-archive-keyring", "Debian's signatures are checked with it"),
    ];
    let missing = needs.into_iter().filter(|(present, ..)| !present);
    missing.map(|(_, name, why)| HostPackage { name, why }).collect()
}

fn no_packages_for(os: &str, architecture: &str) -> Error {
    Error::NoPackagesFor {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        known: RELEASES.iter().map(|(id, _)| *id).collect(),
        architectures: ARCHITECTURES.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const APP: &str = "Package: app\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: Ada <ada@example.org>\n\
                       Depends: lib (>= 1)\nRecommends: extra\nDescription: an application\n";
    const LIB: &str = "Package: lib\nVersion: 1.4+b1\nArchitecture: all\nMaintainer: Ada <ada@example.org>\n\
                       Description: a library\n";
    const EXTRA: &str = "Package: extra\nVersion: 1\nArchitecture: all\nMaintainer: Ada <ada@example.org>\n\
                         Description: more\n";
    const ESSENTIAL: &str = "Package: shell\nVersion: 1\nArchitecture: all\nMaintainer: Ada <ada@example.org>\n\
                             Essential: yes\nDescription: every system has it\n";

    /// A flat repository of packages that hold nothing.
    struct Repository {
        folder: tempfile::TempDir,
    }

    impl Repository {
        fn of(controls: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8Path::from_path(folder.path()).unwrap();
            let debs = controls.iter().enumerate().map(|(number, control)| {
                let (tree, deb) = (path.join(format!("tree-{number}")), path.join(format!("{number}.deb")));
                fs::create_dir_all(tree.join("DEBIAN")).unwrap();
                fs::write(tree.join("DEBIAN/control"), control).unwrap();
                let built = std::process::Command::new("dpkg-deb")
                    .args(["--build", "--root-owner-group", tree.as_str(), deb.as_str()])
                    .output()
                    .unwrap();
                assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
                Deb { path: deb, control: (*control).to_owned() }
            });
            let archive = path.join("repository.tar");
            repository::write(debs.collect(), &archive).unwrap();
            Self::unpacked(&archive)
        }

        fn unpacked(archive: &Utf8Path) -> Self {
            let folder = tempfile::tempdir().unwrap();
            tar::Archive::new(File::open(archive).unwrap()).unpack(folder.path()).unwrap();
            Self { folder }
        }

        fn sources(&self, options: &str) -> String {
            format!("Types: deb\nURIs: file:{}\nSuites: ./\n{options}", self.folder.path().display())
        }

        async fn collect(&self, options: &str, name: &str, folder: &Utf8Path) -> Result<OsPackages, Error> {
            collect(self.sources(options), "debian-12", "amd64", &[name.to_owned()], folder, &|_| {}).await
        }
    }

    const TRUSTED: &str = "Trusted: yes\n";

    #[tokio::test]
    async fn what_is_depended_on_comes_along_and_nothing_else() {
        let repository = Repository::of(&[APP, LIB, EXTRA, ESSENTIAL]);
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let collected = repository.collect(TRUSTED, "app", folder).await.unwrap();
        let packages: Vec<_> = collected.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(packages, [("app", "1:2.0-1"), ("lib", "1.4+b1")]);
        assert_eq!(collected.archive, folder.join("debian-12-amd64.tar"));
        assert_eq!(digest::of_file(&collected.archive).unwrap(), (collected.sha256, collected.size));
        // What apt worked with is gone.
        assert_eq!(folder.read_dir_utf8().unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_archive_is_a_repository_that_gives_the_same_bytes_again() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [first, second] = folders.each_ref().map(|folder| Utf8Path::from_path(folder.path()).unwrap());
        let collected = Repository::of(&[LIB, APP]).collect(TRUSTED, "app", first).await.unwrap();
        let again = Repository::unpacked(&collected.archive).collect(TRUSTED, "app", second).await.unwrap();
        assert_eq!(again.sha256, collected.sha256);
        assert_eq!(again.packages, collected.packages);
    }

    #[tokio::test]
    async fn a_repository_without_a_signature_that_holds_is_refused() {
        let repository = Repository::of(&[APP, LIB]);
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let signed_by = format!("Signed-By: {KEYRING}\n");
        let error = repository.collect(&signed_by, "app", folder).await.unwrap_err();
        assert!(error.to_string().contains("Release' is not signed"), "{error}");
        assert_eq!(folder.read_dir_utf8().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_package_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let error = Repository::of(&[APP, LIB]).collect(TRUSTED, "ap", folder).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot download the packages of debian-12 machines"), "{text}");
        assert!(text.contains("Unable to locate package ap"), "{text}");
    }

    async fn refused(os: &str, architecture: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        collect_packages(os, architecture, &["curl".to_owned()], path, &|_| {}).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_is_not_collected_is_said_with_what_is() {
        assert_eq!(
            refused("ubuntu-24.04", "amd64").await,
            "no packages are collected for ubuntu-24.04 on amd64, only for debian-12, debian-13 on amd64, arm64; \
             install them on such machines before"
        );
        assert!(
            refused("debian-12", "riscv64").await.starts_with("no packages are collected for debian-12 on riscv64")
        );
    }
}
