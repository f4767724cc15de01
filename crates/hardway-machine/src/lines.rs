//! Bytes to lines.

use hardway_plan::script::EVENT_MARK;

/// The longest line that is kept whole, in bytes: what a program prints must not fill the operator's memory.
const LONGEST: usize = 64 * 1024;

/// Every line of a finished output, without ends; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn of(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

/// Cuts a stream into lines as it comes.
///
/// An event mark also begins a line: a step's last output may lack its line end.
#[derive(Default)]
pub(crate) struct LineReader {
    rest: Vec<u8>,
}

impl LineReader {
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on_line: impl FnMut(String)) {
        for &byte in bytes {
            match byte {
                b'\n' => on_line(self.take()),
                _ if byte == EVENT_MARK as u8 => {
                    if !self.rest.is_empty() {
                        on_line(self.take());
                    }
                    self.rest.push(byte);
                }
                _ => self.rest.push(byte),
            }
            if self.rest.len() == LONGEST {
                on_line(self.take());
            }
        }
    }

    /// The line that the stream ended in the middle of.
    pub(crate) fn finish(&mut self, on_line: impl FnOnce(String)) {
        if !self.rest.is_empty() {
            on_line(self.take());
        }
    }

    fn take(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.rest);
        let line = line.strip_suffix('\r').unwrap_or(&line).to_owned();
        self.rest.clear();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = LineReader::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            reader.feed(chunk, |line| lines.push(line));
        }
        reader.finish(|line| lines.push(line));
        lines
    }

    #[test]
    fn lines_survive_any_cut_of_the_stream() {
        assert_eq!(lines(&[b"a", b"b\nc\r\n\n", b"d"]), ["ab", "c", "", "d"]);
    }

    #[test]
    fn an_event_mark_begins_a_line_of_its_own() {
        assert_eq!(lines(&[b"no end\x1e done 1\n"]), ["no end", "\x1e done 1"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let lines = lines(&[&vec![b'x'; 2 * LONGEST + 1]]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, LONGEST, 1]);
    }
}
