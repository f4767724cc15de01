//! A file tree as a layer: a tar whose bytes depend on nothing but the tree.

use std::fs::File;
use std::io::{self, Write};

use super::recipe::Capability;
use super::tree::{Content, Node, Tree};

/// Modification times say nothing, so they all say the same.
const MODIFIED: u64 = 0;

/// Room for a tar writer's many small headers.
const BUFFER: usize = 1024 * 1024;

/// Writes the layer, uncompressed.
pub(crate) fn write<W: Write>(tree: &Tree, out: W) -> io::Result<W> {
    let mut tar = tar::Builder::new(io::BufWriter::with_capacity(BUFFER, out));
    for (path, node) in tree.iter() {
        let mut header = tar::Header::new_ustar();
        header.set_mtime(MODIFIED);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        match node {
            Node::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(if path == "tmp" { 0o1777 } else { 0o755 });
                tar.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Node::Symlink { target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                tar.append_link(&mut header, path, target)?;
            }
            Node::File { content, mode, owner, capability } => {
                if let Some(capability) = capability {
                    tar.append_pax_extensions([(
                        "SCHILY.xattr.security.capability",
                        extended_attribute(*capability).as_slice(),
                    )])?;
                }
                header.set_entry_type(tar::EntryType::Regular);
                header.set_mode(*mode);
                header.set_uid(*owner);
                match content {
                    Content::Bytes(bytes) => {
                        header.set_size(bytes.len() as u64);
                        tar.append_data(&mut header, path, &bytes[..])?;
                    }
                    Content::Path(source) => {
                        let file = File::open(source)?;
                        header.set_size(file.metadata()?.len());
                        tar.append_data(&mut header, path, file)?;
                    }
                }
            }
        }
    }
    tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)
}

/// `struct vfs_cap_data` of linux/capability.h, revision 2 with the effective flag: the
/// capability is permitted and in effect, nothing is inheritable. All words little-endian.
fn extended_attribute(capability: Capability) -> Vec<u8> {
    const VFS_CAP_REVISION_2: u32 = 0x0200_0000;
    const VFS_CAP_FLAGS_EFFECTIVE: u32 = 0x0000_0001;
    let number = match capability {
        Capability::NetBindService => 10,
    };
    let permitted = 1_u32 << number;
    [VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, permitted, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.insert("tmp".into(), Node::Directory);
        tree.insert(
            "coredns".into(),
            Node::File {
                content: Content::Bytes(Arc::from(*b"elf")),
                mode: 0o755,
                owner: 0,
                capability: Some(Capability::NetBindService),
            },
        );
        tree.insert("usr/bin/sh".into(), Node::Symlink { target: "busybox".into() });
        tree.finish()
    }

    #[test]
    fn equal_trees_make_equal_bytes() {
        let bytes = || write(&tree(), Vec::new()).unwrap();
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn entries_are_sorted_roots_and_dated_alike() {
        let bytes = write(&tree(), Vec::new()).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut paths = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), MODIFIED);
            assert_eq!(entry.header().uid().unwrap(), 0);
            assert_eq!(entry.header().gid().unwrap(), 0);
            paths.push(entry.path().unwrap().to_str().unwrap().to_owned());
        }
        assert!(paths.is_sorted());
        assert!(paths.contains(&"bin".to_owned()));
    }

    #[test]
    fn a_capability_travels_as_an_extended_attribute() {
        let bytes = write(&tree(), Vec::new()).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut entry = archive
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .find(|entry| entry.path().unwrap().to_str() == Some("coredns"))
            .unwrap();
        let extensions = entry.pax_extensions().unwrap().unwrap();
        let capability = extensions.map(Result::unwrap).next().unwrap();
        assert_eq!(capability.key().unwrap(), "SCHILY.xattr.security.capability");
        // What `setcap cap_net_bind_service=ep` writes.
        assert_eq!(hex::encode(capability.value_bytes()), "0100000200040000000000000000000000000000");
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!(content, "elf");
    }
}
