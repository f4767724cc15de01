//! The lab's marked lines in the host's `/etc/hosts`.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::{FileContext, Result};
use crate::id::LabId;

const HOSTS: &str = "/etc/hosts";

/// Makes the lab's block hold exactly these names; without names there is no block.
pub(crate) fn set(id: &LabId, names: &[(Ipv4Addr, String)]) -> Result<()> {
    let before = read()?;
    let after = with_block(&before, id, names);
    if after == before {
        return Ok(());
    }
    write(&after)
}

/// Whether the lab has a block there.
pub(crate) fn has_block(id: &LabId) -> Result<bool> {
    Ok(read()?.lines().any(|line| line == begin(id)))
}

fn read() -> Result<String> {
    fs::read_to_string(HOSTS).at("read", HOSTS)
}

fn write(text: &str) -> Result<()> {
    let hosts = Path::new(HOSTS);
    let replace = || -> std::io::Result<()> {
        let mode = fs::metadata(hosts)?.mode();
        let mut file = tempfile::NamedTempFile::new_in("/etc")?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
        file.as_file().sync_all()?;
        file.persist(hosts)?;
        Ok(())
    };
    // In a container the file is a mount point or its folder is read-only: then it can only be
    // written in place.
    replace().or_else(|_| fs::write(hosts, text)).at("write", hosts)
}

fn begin(id: &LabId) -> String {
    format!("# hardway lab {id} begin")
}

fn end(id: &LabId) -> String {
    format!("# hardway lab {id} end")
}

fn with_block(text: &str, id: &LabId, names: &[(Ipv4Addr, String)]) -> String {
    let (begin, end) = (begin(id), end(id));
    let mut result = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            marker if marker == begin => inside = true,
            marker if marker == end => inside = false,
            _ if inside => {}
            _ => result.push_str(line),
        }
    }
    if names.is_empty() {
        return result;
    }
    if !result.is_empty() && !result.ends_with('\n') {
        result.push('\n');
    }
    result.push_str(&begin);
    result.push('\n');
    for (address, name) in names {
        result.push_str(&format!("{address} {name}\n"));
    }
    result.push_str(&end);
    result.push('\n');
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "127.0.0.1 localhost\n::1 localhost\n";

    fn id(path: &str) -> LabId {
        LabId::of(Path::new(path))
    }

    fn names(last: u8) -> Vec<(Ipv4Addr, String)> {
        vec![(Ipv4Addr::new(172, 30, 1, last), "k8s.example.test".to_owned())]
    }

    #[test]
    fn a_block_is_added_replaced_and_taken_out_again() {
        let once = with_block(HOST, &id("/a"), &names(10));
        assert!(once.starts_with(HOST));
        assert!(once.contains("\n172.30.1.10 k8s.example.test\n"));
        let twice = with_block(&once, &id("/a"), &names(11));
        assert!(!twice.contains("172.30.1.10"));
        assert_eq!(twice.lines().count(), once.lines().count());
        assert_eq!(with_block(&twice, &id("/a"), &[]), HOST);
    }

    #[test]
    fn other_labs_blocks_stay() {
        let both = with_block(&with_block(HOST, &id("/a"), &names(10)), &id("/b"), &names(11));
        let one = with_block(&both, &id("/a"), &[]);
        assert_eq!(one, with_block(HOST, &id("/b"), &names(11)));
    }

    #[test]
    fn a_file_without_a_last_newline_keeps_its_last_line() {
        let text = with_block("127.0.0.1 localhost", &id("/a"), &names(10));
        assert!(text.starts_with("127.0.0.1 localhost\n# hardway lab"));
    }
}
