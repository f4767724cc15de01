//! A flat apt repository in one tar: the index, and the packages beside it.
//!
//! The form is that of the Debian wiki's page "DebianRepository/Format", section "Flat Repository Format", and of
//! sources.list(5), where a suite that ends in a slash is an exact path. There is no signature: whoever uses the
//! archive knows its digest.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use camino::{Utf8Path, Utf8PathBuf};

use super::OsPackage;
use crate::cache::failed;
use crate::image::tar_header;
use crate::{Error, digest};

/// What apt demands of a `Release` file, and never looks at where nothing expires.
const DATE: &str = "Thu, 01 Jan 1970 00:00:00 +0000";

/// A package, and what `dpkg-deb --field` says of it.
pub(super) struct Deb {
    pub(super) path: Utf8PathBuf,
    pub(super) control: String,
}

/// One that is described as the index and the result do it.
struct Described {
    path: Utf8PathBuf,
    size: u64,
    file: String,
    stanza: String,
    package: OsPackage,
}

/// Writes the repository to `archive`: the same packages give the same bytes.
pub(super) fn write(debs: Vec<Deb>, archive: &Utf8Path) -> Result<Vec<OsPackage>, Error> {
    let mut described = debs.into_iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    described.sort_by(|one, other| one.file.cmp(&other.file));
    let index: String = described.iter().map(|deb| deb.stanza.as_str()).collect();
    write_tar(&index, &described, archive).map_err(|source| failed("write", archive, source))?;
    Ok(described.into_iter().map(|deb| deb.package).collect())
}

fn write_tar(index: &str, debs: &[Described], archive: &Utf8Path) -> io::Result<()> {
    let mut tar = tar::Builder::new(BufWriter::new(File::create(archive)?));
    // Without it apt would ask for the index in every form that it may be compressed in.
    let release = format!("Date: {DATE}\nSHA256:\n {} {} Packages\n", digest::of_bytes(index.as_bytes()), index.len());
    for (name, text) in [("Packages", index), ("Release", release.as_str())] {
        tar.append_data(&mut tar_header(text.len() as u64), name, text.as_bytes())?;
    }
    for deb in debs {
        tar.append_data(&mut tar_header(deb.size), &deb.file, File::open(&deb.path)?)?;
    }
    let mut file = tar.into_inner()?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn describe(deb: Deb) -> Result<Described, Error> {
    let Deb { path, control } = deb;
    let (sha256, size) = digest::of_file(&path).map_err(|source| failed("read", &path, source))?;
    let field = |name: &'static str| {
        field(&control, name).ok_or_else(|| Error::PackageField { path: path.clone(), field: name }).map(str::to_owned)
    };
    let package =
        OsPackage { name: field("Package")?, version: field("Version")?, architecture: field("Architecture")?, sha256 };
    let file = file_name(&package);
    let stanza = format!("{}\nFilename: ./{file}\nSize: {size}\nSHA256: {}\n\n", control.trim_end(), package.sha256);
    Ok(Described { path, size, file, stanza, package })
}

/// The name that the package has in Debian's own archive: without the epoch, whose colon would have to be escaped.
fn file_name(package: &OsPackage) -> String {
    let OsPackage { name, version, architecture, .. } = package;
    let version = version.split_once(':').map_or(version.as_str(), |(_, version)| version);
    format!("{name}_{version}_{architecture}.deb")
}

/// The value of a field of one line.
fn field<'a>(control: &'a str, name: &str) -> Option<&'a str> {
    control.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read;

    use super::*;

    const CONNTRACK: &str = "Package: conntrack\nVersion: 1:1.4.7-1+b2\nArchitecture: amd64\nDepends: libc6 (>= 2.34)\n\
                             Description: Program to modify the conntrack tables\n It shows Filename: too.\n";
    const ADDUSER: &str = "Package: adduser\nVersion: 3.134\nArchitecture: all\nDescription: add and remove users\n";

    fn debs(folder: &Utf8Path) -> Vec<Deb> {
        [("b.deb", "content", CONNTRACK), ("a.deb", "more content", ADDUSER)]
            .map(|(name, content, control)| {
                let path = folder.join(name);
                fs::write(&path, content).unwrap();
                Deb { path, control: control.to_owned() }
            })
            .into()
    }

    fn written(debs: Vec<Deb>, archive: &Utf8Path) -> BTreeMap<String, String> {
        write(debs, archive).unwrap();
        let mut tar = tar::Archive::new(File::open(archive).unwrap());
        let entries = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 0);
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), text)
        });
        entries.collect()
    }

    #[test]
    fn every_package_has_its_stanza_with_place_size_and_digest() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let files = written(debs(folder), &folder.join("x.tar"));
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["Packages", "Release", "adduser_3.134_all.deb", "conntrack_1.4.7-1+b2_amd64.deb"]);
        assert_eq!(files["conntrack_1.4.7-1+b2_amd64.deb"], "content");
        let index = &files["Packages"];
        assert!(files["Release"].ends_with(&format!(
            " {} {} Packages\n",
            digest::of_bytes(index.as_bytes()),
            index.len()
        )));
        let stanzas: Vec<&str> = index.split("\n\n").collect();
        assert_eq!(stanzas.len(), 3, "{index}");
        assert!(stanzas[0].starts_with("Package: adduser\n") && stanzas[2].is_empty(), "{index}");
        assert_eq!(
            stanzas[1],
            format!(
                "{}\nFilename: ./conntrack_1.4.7-1+b2_amd64.deb\nSize: 7\nSHA256: {}",
                CONNTRACK.trim_end(),
                digest::of_bytes(b"content")
            )
        );
    }

    #[test]
    fn the_same_packages_in_another_order_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let (one, other) = (folder.join("one.tar"), folder.join("other.tar"));
        let packages = write(debs(folder), &one).unwrap();
        assert_eq!(packages.len(), 2);
        let mut reversed = debs(folder);
        reversed.reverse();
        assert_eq!(write(reversed, &other).unwrap(), packages);
        assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
    }

    #[test]
    fn a_file_that_says_nothing_of_itself_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let mut debs = debs(folder);
        debs[0].control = "Package: x\nArchitecture: all\n".to_owned();
        let error = write(debs, &folder.join("x.tar")).unwrap_err().to_string();
        assert_eq!(error, format!("the package {folder}/b.deb has no field Version"));
        assert!(!folder.join("x.tar").exists());
    }
}
