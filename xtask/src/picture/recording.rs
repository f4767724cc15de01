//! What script(1) wrote down, played to a terminal in memory.

use std::path::Path;

use super::{COLUMNS, ROWS};
use crate::run::Failure;

/// All that was printed, after a line of script's own.
pub(super) const OUTPUT: &str = "output";
/// For each piece of it, the seconds since the last one and its length in bytes.
pub(super) const TIMING: &str = "timing";

/// Seconds of the run between two pictures of the terminal: lines that change several times a second are not read anyway.
const INTERVAL: f64 = 1.0;
/// Seconds without output after which a screen is whole: what is drawn at once comes in pieces closer together.
const SETTLED: f64 = 0.02;

/// A piece of output, and when it came.
struct Piece<'a> {
    /// Seconds since the piece before.
    after: f64,
    bytes: &'a [u8],
}

/// The terminal as it looked for a while.
pub(super) struct Frame {
    pub(super) screen: vt100::Screen,
    /// In seconds of the run.
    pub(super) lasts: f64,
}

pub(super) struct Recording {
    pub(super) frames: Vec<Frame>,
}

impl Recording {
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        Ok(Self { frames: frames(&pieces(&read(OUTPUT)?, &String::from_utf8(read(TIMING)?)?)?) })
    }
}

fn pieces<'a>(output: &'a [u8], timing: &str) -> Result<Vec<Piece<'a>>, Failure> {
    // The first line says when the recording began.
    let mut rest = output.iter().position(|byte| *byte == b'\n').map_or(&[][..], |end| &output[end + 1..]);
    let mut pieces = Vec::new();
    for line in timing.lines() {
        let (after, length) = line.split_once(' ').ok_or("the timing is not script's: SECONDS BYTES")?;
        let (bytes, more) = rest.split_at(length.trim().parse::<usize>()?.min(rest.len()));
        pieces.push(Piece { after: after.parse()?, bytes });
        rest = more;
    }
    Ok(pieces)
}

/// The terminal at regular moments, and at the end. What did not change is one frame.
fn frames(pieces: &[Piece<'_>]) -> Vec<Frame> {
    let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
    let mut frames: Vec<Frame> = Vec::new();
    let mut waited = 0.0;
    for (number, piece) in pieces.iter().enumerate() {
        terminal.process(piece.bytes);
        let next = pieces.get(number + 1).map(|next| next.after);
        waited += next.unwrap_or(INTERVAL);
        let settled = next.is_none_or(|after| after >= SETTLED);
        if settled && (waited >= INTERVAL || next.is_none()) {
            let screen = terminal.screen().clone();
            match frames.last_mut() {
                Some(last) if last.screen.contents_formatted() == screen.contents_formatted() => last.lasts += waited,
                _ => frames.push(Frame { screen, lasts: waited }),
            }
            waited = 0.0;
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_taken_once_a_second_and_only_when_it_is_whole() {
        let output = b"Script started\none\r\ntwo\r\nthree";
        let pieces = pieces(output, "0.5 5\n1.5 3\n0.001 2\n4.0 5\n").unwrap();
        let frames = frames(&pieces);
        let contents: Vec<String> = frames.iter().map(|frame| frame.screen.contents()).collect();
        assert_eq!(contents, ["one", "one\ntwo", "one\ntwo\nthree"]);
        let times: Vec<f64> = frames.iter().map(|frame| frame.lasts).collect();
        assert!((times[0] - 1.5).abs() < 1e-9 && (times[1] - 4.001).abs() < 1e-9, "{times:?}");
    }
}
