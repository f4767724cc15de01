//! A Markdown page as it grows.

use std::fmt::Write as _;

/// Headings of the second level are chapters and appear in the table of contents.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    chapters: Vec<String>,
}

impl Page {
    pub(super) fn chapter(&mut self, title: &str) {
        let title = format!("{}. {title}", self.chapters.len() + 1);
        let _ = write!(self.text, "\n## {title}\n");
        self.chapters.push(title);
    }

    pub(super) fn section(&mut self, title: &str) {
        let _ = write!(self.text, "\n### {title}\n");
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        let _ = write!(self.text, "\n{}\n", text.trim());
    }

    /// Commands to type, or a file's text.
    pub(super) fn code(&mut self, language: &str, code: &str) {
        let _ = write!(self.text, "\n```{language}\n{}\n```\n", code.trim_end());
    }

    pub(super) fn shell(&mut self, code: &str) {
        self.code("sh", code);
    }

    /// A table, if it has rows.
    pub(super) fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        if rows.is_empty() {
            return;
        }
        let _ = write!(self.text, "\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
            let _ = writeln!(self.text, "| {} |", cells.join(" | "));
        }
    }

    pub(super) fn items(&mut self, items: impl IntoIterator<Item = String>) {
        self.text.push('\n');
        for item in items {
            let _ = writeln!(self.text, "- {item}");
        }
    }

    /// The whole page: title, introduction, contents, chapters.
    pub(super) fn finish(self, title: &str, introduction: &str) -> String {
        let contents: String = self.chapters.iter().map(|title| format!("- [{title}](#{})\n", anchor(title))).collect();
        format!("# {title}\n\n{}\n\n{contents}{}", introduction.trim(), self.text)
    }
}

/// Inline code; an empty text stays empty.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// The name that Git hosts give a heading: lower case, dashes for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_numbered_and_listed() {
        let mut page = Page::default();
        page.chapter("Certificates, by hand");
        assert_eq!(
            page.finish("Title", "Words."),
            "# Title\n\nWords.\n\n- [1. Certificates, by hand](#1-certificates-by-hand)\n\n## 1. Certificates, by hand\n"
        );
    }

    #[test]
    fn a_bar_does_not_end_a_cell() {
        let mut page = Page::default();
        page.table(["a"], &[["x|y".to_owned()]]);
        assert_eq!(page.text, "\n| a |\n|---|\n| x\\|y |\n");
    }
}
