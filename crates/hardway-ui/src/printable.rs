//! Text of other programs, made safe to show.

/// The text without escape sequences and control characters: a machine's output must neither move the cursor nor colour
/// what follows.
pub(crate) fn printable(text: &str) -> String {
    let plain = console::strip_ansi_codes(text).trim_end().replace('\t', "    ");
    plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text in at most `width` columns, wide characters counted as terminals do.
pub(crate) fn fit(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_is_taken_out() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\tand\rback\n"), "red    and back");
        assert!(!printable("a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{1b}").contains(char::is_control));
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fit("日本語のログ", 6), "日本…");
        assert_eq!(fit("short", 6), "short");
    }
}
