//! The file system of an image while it is being put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::recipe::Capability;

/// Paths, without a leading slash, and what is there. Sorted, so that equal trees make equal
/// layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(BTreeMap<Utf8PathBuf, Node>);

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Directory,
    File { content: Content, mode: u32, owner: u64, capability: Option<Capability> },
    Symlink { target: Utf8PathBuf },
}

/// Bytes in memory for what is small, a path for what is not.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Arc<[u8]>),
    Path(Utf8PathBuf),
}

impl Node {
    /// A file of root's, 0755 or 0644.
    pub(crate) fn file(content: Content, runnable: bool) -> Self {
        Self::File { content, mode: if runnable { 0o755 } else { 0o644 }, owner: 0, capability: None }
    }
}

/// The folders that live in `/usr` and are linked from the root, as in every current distribution.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Where a path really is once the folders of the root are merged into `/usr`.
///
/// Leading slashes and `.` are dropped, `..` is resolved by its text, and `/var/run` is `/run`.
pub(crate) fn normalize(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_str().split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.first().is_some_and(|first| MERGED.contains(first)) {
        parts.insert(0, "usr");
    }
    if parts.starts_with(&["var", "run"]) {
        parts.remove(0);
    }
    parts.iter().collect()
}

impl Tree {
    /// Puts `node` at `path`, replacing what is there, with the directories above it.
    pub(crate) fn insert(&mut self, path: &Utf8Path, node: Node) {
        let path = normalize(path);
        for parent in path.ancestors().skip(1) {
            if !parent.as_str().is_empty() {
                self.0.entry(parent.to_owned()).or_insert(Node::Directory);
            }
        }
        self.0.insert(path, node);
    }

    pub(crate) fn get(&self, path: &Utf8Path) -> Option<&Node> {
        self.0.get(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Utf8Path, &Node)> {
        self.0.iter().map(|(path, node)| (path.as_path(), node))
    }

    /// Adds the links and mount points that any root file system has.
    pub(crate) fn finish(mut self) -> Self {
        for folder in MERGED {
            let target = Utf8PathBuf::from("usr").join(folder);
            if self.0.contains_key(&target) {
                self.0.insert(folder.into(), Node::Symlink { target });
            }
        }
        if self.0.contains_key(Utf8Path::new("run")) {
            self.insert("var".into(), Node::Directory);
            self.0.insert("var/run".into(), Node::Symlink { target: "/run".into() });
        }
        for folder in ["dev", "etc", "proc", "sys"] {
            self.0.entry(folder.into()).or_insert(Node::Directory);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_root_are_merged_into_usr() {
        for (path, expected) in [
            ("./bin/ip", "usr/bin/ip"),
            ("/sbin/../lib/x.so", "usr/lib/x.so"),
            ("usr/bin/ip", "usr/bin/ip"),
            ("/var/run/calico", "run/calico"),
            ("binary", "binary"),
            ("./", ""),
        ] {
            assert_eq!(normalize(path.into()), expected);
        }
    }

    #[test]
    fn directories_above_come_with_a_file_and_links_with_the_end() {
        let mut tree = Tree::default();
        let content = Content::Bytes(Arc::from(*b"x"));
        tree.insert("/bin/sh".into(), Node::file(content, true));
        tree.insert("var/run/calico".into(), Node::Directory);
        let tree = tree.finish();
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            ["bin", "dev", "etc", "proc", "run", "run/calico", "sys", "usr", "usr/bin", "usr/bin/sh", "var", "var/run"]
        );
    }
}
