//! What stands at a path, as find(1) prints it.

use std::collections::BTreeMap;

/// For `find -printf`: type, permission bits, owner, size, time of change, a link's target, and the path.
pub(super) const FORMAT: &str = r"%y\t%m\t%u:%g\t%s\t%C@\t%l\t%p\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

/// A point in time: seconds since 1970 and nanoseconds.
pub(super) type Time = (i64, u32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    /// `user:group`.
    pub(super) owner: String,
    /// In bytes.
    pub(super) size: u64,
    /// Of content, mode, owner or name: the time that nobody can set (inode(7), `st_ctime`).
    pub(super) changed: Time,
    /// Empty where it is no link.
    pub(super) target: String,
}

/// Reads find's lines; one that is not of its format says nothing about any path.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Entry> {
    lines.filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(String, Entry)> {
    let mut fields = line.splitn(7, '\t');
    let kind = match fields.next()? {
        "f" => Kind::File,
        "d" => Kind::Directory,
        "l" => Kind::Link,
        _ => Kind::Other,
    };
    let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
    let owner = fields.next()?.to_owned();
    let size = fields.next()?.parse().ok()?;
    let changed = parse_time(fields.next()?)?;
    let target = fields.next()?.to_owned();
    let path = fields.next()?.to_owned();
    Some((path, Entry { kind, mode, owner, size, changed, target }))
}

/// `1795454956.1885992100`: find prints ten digits after the point.
fn parse_time(text: &str) -> Option<Time> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanoseconds = format!("{fraction:0<9}");
    Some((seconds.parse().ok()?, nanoseconds.get(..9)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_is_read() {
        let lines =
            ["f\t600\troot:root\t12\t1795454956.1885992100\t\t/etc/a b", "l\t777\tetcd:etcd\t9\t5.5\t/x\t/y", "?"];
        let entries = parse(lines.into_iter());
        assert_eq!(entries.len(), 2);
        let file = &entries["/etc/a b"];
        assert_eq!((file.kind, file.mode, file.owner.as_str(), file.size), (Kind::File, 0o600, "root:root", 12));
        assert_eq!(file.changed, (1_795_454_956, 188_599_210));
        assert_eq!((entries["/y"].target.as_str(), entries["/y"].changed), ("/x", (5, 500_000_000)));
    }
}
