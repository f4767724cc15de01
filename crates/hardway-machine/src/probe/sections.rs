//! The probe's answer: lines under headings.

use std::collections::BTreeMap;

use hardway_plan::script::EVENT_MARK;

/// Ends every answer that is complete.
pub(crate) const END: &str = "end";

/// Lines by heading, in their order. A heading is a line that begins with the record separator.
#[derive(Debug, Default)]
pub(super) struct Sections(BTreeMap<String, Vec<String>>);

impl Sections {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut lines = None;
        for line in String::from_utf8_lossy(bytes).lines() {
            if let Some(heading) = line.strip_prefix(EVENT_MARK) {
                lines = Some(sections.entry(heading.to_owned()).or_default());
            } else if let Some(lines) = &mut lines {
                lines.push(line.to_owned());
            }
        }
        Self(sections)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.0.contains_key(END)
    }

    pub(super) fn lines(&self, heading: &str) -> impl Iterator<Item = &str> {
        self.0.get(heading).into_iter().flatten().map(String::as_str)
    }

    /// A section's lines with their ends, if it has any.
    pub(super) fn text(&self, heading: &str) -> Option<String> {
        let lines = self.0.get(heading).filter(|lines| !lines.is_empty())?;
        Some(lines.iter().flat_map(|line| [line, "\n"]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_the_heading_above_them() {
        let sections = Sections::parse(b"noise\n\x1ea\n1\n2\n\x1eb\n\x1ea\n3\n");
        assert_eq!(sections.lines("a").collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(sections.text("a").as_deref(), Some("1\n2\n3\n"));
        assert_eq!(sections.text("b"), None);
        assert!(!sections.is_complete());
        assert!(Sections::parse(b"\x1eend\n").is_complete());
    }
}
