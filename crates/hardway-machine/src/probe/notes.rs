//! What a process had read when hardway last started it or made it reload, as the machine notes it.

use std::collections::BTreeMap;

/// One start or reload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// systemd's `InvocationID`: another one is another process.
    pub(super) invocation: String,
    /// `StateChangeTimestamp` right after it, as systemctl prints it: another one means another start or reload.
    pub(super) state_change: String,
    /// SHA-256 by path.
    pub(super) read: BTreeMap<String, String>,
}

/// Reads `grep -r ''`: `NOTE:LINE`, by the note's path.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Note> {
    let mut notes: BTreeMap<String, Note> = BTreeMap::new();
    for (path, line) in lines.filter_map(|line| line.split_once(':')) {
        let note = notes.entry(path.to_owned()).or_default();
        if let Some(invocation) = line.strip_prefix("InvocationID=") {
            invocation.clone_into(&mut note.invocation);
        } else if let Some(time) = line.strip_prefix("StateChangeTimestamp=") {
            time.clone_into(&mut note.state_change);
        } else if let Some((digest, path)) = line.split_once("  ") {
            note.read.insert(path.to_owned(), digest.to_owned());
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_the_process_and_what_it_read() {
        let notes = parse(
            "/n/u.service:StateChangeTimestamp=Mon 2026-11-23 20:13:45.123456 UTC\n/n/u.service:InvocationID=ab\n\
             /n/u.service:00ff  /etc/a b\n/n/empty:\nnoise"
                .lines(),
        );
        let note = &notes["/n/u.service"];
        assert_eq!(note.invocation, "ab");
        assert_eq!(note.state_change, "Mon 2026-11-23 20:13:45.123456 UTC");
        assert_eq!(note.read["/etc/a b"], "00ff");
        assert_eq!(notes["/n/empty"], Note::default());
    }
}
