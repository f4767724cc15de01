//! The files that an image's layers make together.
//!
//! Rules: `layer.md` of the OCI image specification. A layer replaces what lower ones have at a path, and hides it
//! with an entry `.wh.NAME` beside it; `.wh..wh..opq` hides all that lower layers have in a folder.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::str;

/// As the kernel's own limit for a path.
const MAX_SYMLINKS: u32 = 40;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The tree after some layers, without the files' bytes.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// By the path without a leading slash. Folders that no layer names are not here.
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone)]
struct Node {
    /// The layer that brought it, the lowest being 0.
    layer: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Directory,
    Symlink(String),
    File(Place),
    /// A device or a pipe.
    Special,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) layer: usize,
    /// The number of the entry in the layer's tar.
    pub(super) entry: usize,
}

impl Contents {
    /// Puts the next layer, a tar without compression, on top.
    pub(super) fn apply(&mut self, layer: usize, tar: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(tar);
        for (number, entry) in archive.entries()?.enumerate() {
            let entry = entry?;
            let path = text(&entry.path_bytes())?;
            let (parent, name) = split(&path);
            if name.is_empty() {
                continue;
            }
            let parent = self.resolve(parent, Last::Followed)?;
            if name == OPAQUE {
                self.hide_below(&parent, layer);
            } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                self.hide(&join(&parent, hidden), layer);
            } else {
                let kind = match entry.header().entry_type() {
                    tar::EntryType::Directory => Kind::Directory,
                    tar::EntryType::Symlink => Kind::Symlink(target(&entry)?),
                    tar::EntryType::Link => self.link(&target(&entry)?)?,
                    kind if kind.is_file() || kind.is_gnu_sparse() => Kind::File(Place { layer, entry: number }),
                    _ => Kind::Special,
                };
                self.put(join(&parent, name), Node { layer, kind });
            }
        }
        Ok(())
    }

    /// The file that a path leads to, over symbolic links.
    pub(super) fn file(&self, path: &str) -> io::Result<Option<Place>> {
        let path = self.resolve(path, Last::Followed)?;
        Ok(match self.nodes.get(&path).map(|node| &node.kind) {
            Some(Kind::File(place)) => Some(*place),
            _ => None,
        })
    }

    fn put(&mut self, path: String, node: Node) {
        if !matches!(node.kind, Kind::Directory) {
            let below = Self::below(&path);
            self.nodes.retain(|path, _| !path.starts_with(&below));
        }
        self.nodes.insert(path, node);
    }

    /// What a hard link stands for.
    fn link(&self, target: &str) -> io::Result<Kind> {
        let path = self.resolve(target, Last::Kept)?;
        self.nodes
            .get(&path)
            .map(|node| node.kind.clone())
            .ok_or_else(|| invalid(format!("a hard link leads to {target}, which is not there")))
    }

    /// Takes away what layers below `layer` have at the path and under it.
    fn hide(&mut self, path: &str, layer: usize) {
        if self.nodes.get(path).is_some_and(|node| node.layer < layer) {
            self.nodes.remove(path);
        }
        self.hide_below(path, layer);
    }

    fn hide_below(&mut self, path: &str, layer: usize) {
        let below = Self::below(path);
        self.nodes.retain(|path, node| node.layer >= layer || !path.starts_with(&below));
    }

    /// What the paths under a folder begin with.
    fn below(path: &str) -> String {
        if path.is_empty() { String::new() } else { format!("{path}/") }
    }

    /// The path without symbolic links on the way, and without one at its end where that is followed.
    fn resolve(&self, path: &str, last: Last) -> io::Result<String> {
        let mut left: Vec<&str> = path.split('/').rev().collect();
        let mut real: Vec<&str> = Vec::new();
        let mut followed = 0;
        while let Some(part) = left.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    real.pop();
                    continue;
                }
                _ => real.push(part),
            }
            if left.is_empty() && last == Last::Kept {
                break;
            }
            if let Some(Node { kind: Kind::Symlink(target), .. }) = self.nodes.get(&real.join("/")) {
                followed += 1;
                if followed > MAX_SYMLINKS {
                    return Err(invalid(format!("too many symbolic links on the way to {path}")));
                }
                real.pop();
                if target.starts_with('/') {
                    real.clear();
                }
                left.extend(target.split('/').rev());
            }
        }
        Ok(real.join("/"))
    }
}

/// What happens to a symbolic link at a path's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Followed,
    Kept,
}

fn target<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<String> {
    text(&entry.link_name_bytes().ok_or_else(|| invalid("a link without a target".to_owned()))?)
}

fn text(bytes: &[u8]) -> io::Result<String> {
    str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| invalid(format!("{:?} is not UTF-8", String::from_utf8_lossy(bytes))))
}

fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    (parent, if name == "." { "" } else { name })
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Entry<'a> {
        File(&'a str),
        Folder(&'a str),
        Symlink(&'a str, &'a str),
        HardLink(&'a str, &'a str),
    }
    use Entry::{File, Folder, HardLink, Symlink};

    fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for entry in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(0);
            header.set_mode(0o755);
            match entry {
                File(path) => tar.append_data(&mut header, path, io::empty()).unwrap(),
                Folder(path) => {
                    header.set_entry_type(tar::EntryType::Directory);
                    tar.append_data(&mut header, path, io::empty()).unwrap();
                }
                Symlink(path, target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    tar.append_link(&mut header, path, target).unwrap();
                }
                HardLink(path, target) => {
                    header.set_entry_type(tar::EntryType::Link);
                    tar.append_link(&mut header, path, target).unwrap();
                }
            }
        }
        tar.into_inner().unwrap()
    }

    fn contents(layers: &[&[Entry<'_>]]) -> Contents {
        let mut contents = Contents::default();
        for (number, entries) in layers.iter().enumerate() {
            contents.apply(number, &tar(entries)[..]).unwrap();
        }
        contents
    }

    fn place(layer: usize, entry: usize) -> Option<Place> {
        Some(Place { layer, entry })
    }

    #[test]
    fn the_highest_layer_that_has_a_file_gives_it() {
        let contents = contents(&[&[File("a"), File("b")], &[Folder("d/"), File("b")]]);
        assert_eq!(contents.file("/a").unwrap(), place(0, 0));
        assert_eq!(contents.file("b").unwrap(), place(1, 1));
        assert_eq!(contents.file("/d").unwrap(), None);
        assert_eq!(contents.file("/c").unwrap(), None);
    }

    #[test]
    fn a_whiteout_hides_what_is_below_it_alone() {
        let below: &[Entry<'_>] = &[File("opt/a"), File("opt/dir/b"), File("opt/dir2/c")];
        let gone = contents(&[below, &[File("opt/.wh.a"), File("opt/.wh.dir")]]);
        assert_eq!(gone.file("opt/a").unwrap(), None);
        assert_eq!(gone.file("opt/dir/b").unwrap(), None);
        assert_eq!(gone.file("opt/dir2/c").unwrap(), place(0, 2));
        let again = contents(&[below, &[File("opt/a"), File("opt/.wh.a"), File("opt/dir/n"), File("opt/.wh.dir")]]);
        assert_eq!(again.file("opt/a").unwrap(), place(1, 0));
        assert_eq!(again.file("opt/dir/b").unwrap(), None);
        assert_eq!(again.file("opt/dir/n").unwrap(), place(1, 2));
    }

    #[test]
    fn an_opaque_folder_hides_all_that_was_in_it() {
        let contents = contents(&[&[File("opt/a"), File("etc/b")], &[File("opt/c"), File("opt/.wh..wh..opq")]]);
        assert_eq!(contents.file("opt/a").unwrap(), None);
        assert_eq!(contents.file("opt/c").unwrap(), place(1, 0));
        assert_eq!(contents.file("etc/b").unwrap(), place(0, 1));
    }

    #[test]
    fn links_are_followed() {
        let contents = contents(&[
            &[File("usr/bin/tool"), Symlink("bin", "usr/bin"), Symlink("usr/bin/other", "../../bin/./tool")],
            &[HardLink("usr/bin/third", "bin/tool"), Symlink("abs", "/bin/other"), File("bin/new")],
        ]);
        for path in ["bin/tool", "/bin/other", "usr/bin/third", "abs"] {
            assert_eq!(contents.file(path).unwrap(), place(0, 0), "{path}");
        }
        assert_eq!(contents.file("usr/bin/new").unwrap(), place(1, 2));
    }

    #[test]
    fn a_file_in_a_folders_place_takes_all_of_it_away() {
        let contents = contents(&[&[File("opt/dir/b"), File("opt/dir2/c")], &[File("opt/dir")]]);
        assert_eq!(contents.file("opt/dir/b").unwrap(), None);
        assert_eq!(contents.file("opt/dir").unwrap(), place(1, 0));
        assert_eq!(contents.file("opt/dir2/c").unwrap(), place(0, 1));
    }

    #[test]
    fn links_that_lead_nowhere_are_told() {
        let round = contents(&[&[Symlink("a", "b"), Symlink("b", "a")]]);
        assert!(round.file("a").unwrap_err().to_string().contains("too many symbolic links"));
        let error = Contents::default().apply(0, &tar(&[HardLink("a", "b")])[..]).unwrap_err();
        assert!(error.to_string().contains("hard link leads to b"));
    }
}
