//! Files of the host distribution's packages, without installing anything.
//!
//! Of the packages that [`Apt`](crate::apt::Apt) downloaded only the named files and the shared
//! libraries that they need are taken: no maintainer script runs, and an image holds no package
//! manager, no documentation and no second shell.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::recipe::Keep;
use super::tree::{Content, Node, Tree, normalize};
use crate::Error;
use crate::cache::failed;

/// Folders of packages that no image needs, and that are large.
const SKIPPED: [&str; 6] = [
    "usr/share/bash-completion",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
];

/// Everything in `archives`, with the root's folders merged into `/usr`.
pub(crate) fn unpack(archives: &[Utf8PathBuf]) -> Result<Tree, Error> {
    let mut tree = Tree::default();
    for archive in archives {
        let mut child = Command::new("dpkg-deb")
            .args(["--fsys-tarfile", archive.as_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start { program: "dpkg-deb", source })?;
        let output = child.stdout.take().expect("standard output is piped");
        let read = read_archive(output, &mut tree);
        let status = child.wait().map_err(|source| failed("read", archive, source))?;
        read.map_err(|source| failed("read", archive, source))?;
        if !status.success() {
            return Err(Error::Program {
                operation: format!("unpack {archive}"),
                program: "dpkg-deb",
                status,
                output: Vec::new(),
            });
        }
    }
    Ok(tree)
}

fn read_archive(reader: impl Read, tree: &mut Tree) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let Ok(path) = Utf8PathBuf::try_from(entry.path()?.into_owned()) else {
            // No file that an image keeps has such a name.
            continue;
        };
        let path = normalize(&path);
        if SKIPPED.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let target = entry.link_name()?.and_then(|target| Utf8PathBuf::try_from(target.into_owned()).ok());
        let node = match (entry.header().entry_type(), target) {
            (tar::EntryType::Symlink, Some(target)) => Node::Symlink { target },
            (tar::EntryType::Link, Some(target)) => match tree.get(&normalize(&target)) {
                Some(node) => node.clone(),
                None => continue,
            },
            (tar::EntryType::Regular, _) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                let runnable = entry.header().mode()? & 0o111 != 0;
                Node::file(Content::Bytes(Arc::from(bytes)), runnable)
            }
            _ => continue,
        };
        tree.insert(&path, node);
    }
    // The last blocks are padding; a reader that stops before them breaks the writer's pipe.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(())
}

/// Copies from `packages` what `keep` names, with the targets of links and the shared libraries
/// that any of it needs.
pub(crate) fn pick(
    packages: &Tree,
    keep: &[Keep],
    image: &'static str,
    names: &[&'static str],
    into: &mut Tree,
) -> Result<(), Error> {
    let missing = |path: &Utf8Path| Error::MissingInPackages {
        image,
        path: path.to_owned(),
        packages: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let libraries = libraries(packages);
    let mut queue = Vec::new();
    for wanted in keep {
        queue.extend(wanted.paths(packages).map_err(|path| missing(&path))?);
    }
    let mut taken = BTreeSet::new();
    while let Some(path) = queue.pop() {
        if !taken.insert(path.clone()) {
            continue;
        }
        let node = packages.get(&path).ok_or_else(|| missing(&path))?;
        match node {
            Node::Directory => {}
            Node::Symlink { target } => {
                let folder = path.parent().unwrap_or(Utf8Path::new(""));
                // An absolute target replaces the folder.
                queue.push(normalize(&folder.join(target)));
            }
            Node::File { content, .. } => {
                for library in needed(content).map_err(|source| Error::Elf { image, path: path.clone(), source })? {
                    let name = library.rsplit('/').next().unwrap_or(&library);
                    match libraries.get(name) {
                        Some(found) => queue.push((*found).to_owned()),
                        None => return Err(missing(Utf8Path::new(&library))),
                    }
                }
            }
        }
        into.insert(&path, node.clone());
    }
    Ok(())
}

impl Keep {
    /// The paths that this stands for, or the path that should be there.
    fn paths(self, tree: &Tree) -> Result<Vec<Utf8PathBuf>, Utf8PathBuf> {
        let all = |wanted: &dyn Fn(&Utf8Path) -> bool| {
            tree.iter().map(|(path, _)| path).filter(|path| wanted(path)).map(Utf8Path::to_owned).collect::<Vec<_>>()
        };
        let command = |path: &Utf8Path| path.parent().is_some_and(|folder| folder == "usr/bin" || folder == "usr/sbin");
        let some = |found: Vec<Utf8PathBuf>, name: String| {
            if found.is_empty() { Err(name.into()) } else { Ok(found) }
        };
        match self {
            Self::Command(name) => {
                some(all(&|path| command(path) && path.file_name() == Some(name)), format!("usr/bin/{name}"))
            }
            Self::CommandsNamed(part) => some(
                all(&|path| command(path) && path.file_name().is_some_and(|name| name.contains(part))),
                format!("usr/sbin/*{part}*"),
            ),
            // A folder that has moved from one release to another is named twice.
            Self::Folder(pattern) => Ok(all(&|path| lies_below(path, pattern))),
            Self::File(name) => some(all(&|path| path == name), name.to_owned()),
        }
    }
}

/// Whether `path` lies below the folder `pattern`, in which `*` stands for one part.
fn lies_below(path: &Utf8Path, pattern: &str) -> bool {
    let mut parts = path.components();
    pattern.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || part.as_str() == wanted))
        && parts.next().is_some()
}

/// Shared libraries by their file name, from the folders that the dynamic linker searches.
fn libraries(tree: &Tree) -> BTreeMap<&str, &Utf8Path> {
    tree.iter()
        .filter_map(|(path, _)| {
            let folder = path.parent()?;
            let searched = folder == "usr/lib"
                || folder == "usr/lib64"
                || (folder.parent()? == "usr/lib" && folder.file_name()?.ends_with("-linux-gnu"));
            let name = path.file_name()?;
            (searched && name.contains(".so")).then_some((name, path))
        })
        .collect()
}

/// The shared libraries and the interpreter that a file needs, if it is an ELF file.
fn needed(content: &Content) -> Result<Vec<String>, goblin::error::Error> {
    let Content::Bytes(bytes) = content else {
        return Ok(Vec::new());
    };
    if !bytes.starts_with(goblin::elf::header::ELFMAG) {
        return Ok(Vec::new());
    }
    let elf = goblin::elf::Elf::parse(bytes)?;
    Ok(elf.libraries.iter().copied().chain(elf.interpreter).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: &str) -> Node {
        Node::file(Content::Bytes(Arc::from(text.as_bytes())), true)
    }

    fn packages() -> Tree {
        let mut tree = Tree::default();
        tree.insert("sbin/xtables-nft-multi".into(), file("#!"));
        for name in ["iptables-nft", "ip6tables-nft"] {
            let target = "/sbin/xtables-nft-multi".into();
            tree.insert(&Utf8Path::new("usr/sbin").join(name), Node::Symlink { target });
        }
        tree.insert("usr/lib/x86_64-linux-gnu/xtables/libxt_tcp.so".into(), file("so"));
        tree.insert("usr/lib/x86_64-linux-gnu/libc.so.6".into(), file("so"));
        tree.insert("etc/services".into(), file("ssh 22"));
        tree
    }

    fn picked(keep: &[Keep]) -> Result<Vec<String>, Error> {
        let mut tree = Tree::default();
        pick(&packages(), keep, "test", &["iptables"], &mut tree)?;
        Ok(tree.iter().filter(|(_, node)| !matches!(node, Node::Directory)).map(|(path, _)| path.to_string()).collect())
    }

    #[test]
    fn a_link_brings_what_it_leads_to() {
        assert_eq!(
            picked(&[Keep::Command("iptables-nft")]).unwrap(),
            ["usr/sbin/iptables-nft", "usr/sbin/xtables-nft-multi"]
        );
    }

    #[test]
    fn only_what_is_named_is_taken() {
        assert_eq!(
            picked(&[Keep::Folder("usr/lib/*/xtables"), Keep::File("etc/services")]).unwrap(),
            ["etc/services", "usr/lib/x86_64-linux-gnu/xtables/libxt_tcp.so"]
        );
        assert_eq!(picked(&[Keep::CommandsNamed("tables")]).unwrap().len(), 3);
    }

    #[test]
    fn a_command_that_no_package_has_is_an_error_that_names_both() {
        let error = picked(&[Keep::Command("ipset")]).unwrap_err().to_string();
        assert_eq!(error, "the image test needs usr/bin/ipset, and none of its packages (iptables) has it");
    }

    #[test]
    fn a_program_brings_the_libraries_and_the_interpreter_that_it_names() {
        // The test program itself is a dynamically linked ELF file.
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let content = Content::Bytes(Arc::from(program));
        let needed = needed(&content).unwrap();
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{needed:?}");
        assert!(needed.iter().any(|name| name.contains("ld-linux")), "{needed:?}");
    }
}
