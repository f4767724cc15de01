//! Screens as an SVG that plays them, one after the other: a strip of frames behind a window.

use std::collections::HashMap;
use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

use super::recording::Recording;
use super::{COLUMNS, ROWS};

/// How much faster than the run the picture is.
const SPEED: f64 = 4.0;
/// Seconds that the end stands before it begins again.
const END: f64 = 6.0;

/// Of a character cell, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;
const FONT: f64 = 14.0;

const BACKGROUND: &str = "#15191f";
const FOREGROUND: &str = "#d5dae1";
const FAINT: &str = "#838c99";
/// The sixteen colours of a terminal, on a dark background.
const COLORS: [&str; 16] = [
    "#3b424d", "#f0717a", "#7fcf8f", "#e3b95f", "#72a7f0", "#c58af0", "#5cc8cf", "#d5dae1", "#838c99", "#f78f96",
    "#9be0a8", "#f0cd82", "#94bff7", "#d6abf7", "#82dce2", "#ffffff",
];

/// How a piece of a line looks.
#[derive(Clone, PartialEq)]
struct Look {
    color: &'static str,
    bold: bool,
}

/// Draws the recording. Without animation, as in print, the last frame is seen.
pub(super) fn draw(recording: &Recording) -> String {
    let width = f64::from(COLUMNS) * WIDTH + 2.0 * MARGIN;
    let height = f64::from(ROWS) * HEIGHT + 2.0 * MARGIN;
    // Most lines stay as they are from frame to frame, so each is written once.
    let mut lines: HashMap<String, usize> = HashMap::new();
    let (mut defined, mut strip) = (String::new(), String::new());
    for (number, frame) in recording.frames.iter().enumerate() {
        let top = number as f64 * height;
        for row in 0..ROWS {
            let line = line(&frame.screen, row);
            if line.is_empty() {
                continue;
            }
            let next = lines.len();
            let id = *lines.entry(line.clone()).or_insert(next);
            if id == next {
                let _ = writeln!(defined, "<g id=\"l{id}\">{line}</g>");
            }
            let y = top + MARGIN + (f64::from(row) + 0.75) * HEIGHT;
            let _ = writeln!(strip, "<use href=\"#l{id}\" x=\"{MARGIN}\" y=\"{y:.1}\"/>");
        }
    }
    let last = recording.frames.len().saturating_sub(1) as f64 * height;
    let (keyframes, total) = keyframes(recording, height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"a terminal in which hardway builds a cluster\">\n<style>\n\
         text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; \
         fill: {FOREGROUND}; white-space: pre }}\n.b {{ font-weight: bold }}\n\
         #strip {{ animation: play {total:.2}s steps(1, end) infinite }}\n\
         @keyframes play {{\n{keyframes}}}\n\
         @media (prefers-reduced-motion: reduce) {{ #strip {{ animation: none }} }}\n</style>\n<defs>\n\
         <clipPath id=\"window\"><rect width=\"{width}\" height=\"{height}\"/></clipPath>\n{defined}</defs>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g clip-path=\"url(#window)\"><g id=\"strip\" transform=\"translate(0 -{last})\">\n{strip}</g></g>\n</svg>\n"
    )
}

/// When each frame is in the window, and the seconds that all of them last.
fn keyframes(recording: &Recording, height: f64) -> (String, f64) {
    let last = recording.frames.len().saturating_sub(1);
    let lasts = |number: usize, seconds: f64| if number == last { END } else { seconds / SPEED };
    let total: f64 = recording.frames.iter().enumerate().map(|(number, frame)| lasts(number, frame.lasts)).sum();
    let (mut text, mut at) = (String::new(), 0.0);
    for (number, frame) in recording.frames.iter().enumerate() {
        let _ = writeln!(text, "{:.3}% {{ transform: translateY(-{}px) }}", 100.0 * at / total, number as f64 * height);
        at += lasts(number, frame.lasts);
    }
    let _ = writeln!(text, "100% {{ transform: translateY(-{}px) }}", last as f64 * height);
    (text, total)
}

/// A line's pieces, each of one look. Each says how wide it is, so that any font keeps the columns.
fn line(screen: &Screen, row: u16) -> String {
    let mut pieces: Vec<(u16, Look, String)> = Vec::new();
    for column in 0..COLUMNS {
        let Some(cell) = screen.cell(row, column) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match pieces.last_mut() {
            Some((_, look, piece)) if *look == Look::of(cell) => piece.push_str(text),
            _ => pieces.push((column, Look::of(cell), text.to_owned())),
        }
    }
    let mut line = String::new();
    for (column, look, piece) in pieces {
        for (offset, text) in words(&piece) {
            let x = (f64::from(column) + offset as f64) * WIDTH;
            let length = text.chars().count() as f64 * WIDTH;
            let bold = if look.bold { " class=\"b\"" } else { "" };
            // As a style, since the sheet's own colour would win over an attribute.
            let style =
                if look.color == FOREGROUND { String::new() } else { format!(" style=\"fill:{}\"", look.color) };
            let text = escaped(text);
            let _ = write!(line, "<text x=\"{x:.1}\" textLength=\"{length:.1}\"{style}{bold}>{text}</text>");
        }
    }
    line
}

/// The parts of a text between two blanks or more, which not every viewer keeps, and the column of each.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let word = part.trim_start();
        if !word.trim_end().is_empty() {
            found.push((column + part.chars().count() - word.chars().count(), word.trim_end()));
        }
        column += part.chars().count() + 2;
    }
    found
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let color = match cell.fgcolor() {
            Color::Idx(index) => COLORS.get(usize::from(index)).copied().unwrap_or(FOREGROUND),
            _ if cell.dim() => FAINT,
            _ => FOREGROUND,
        };
        Self { color, bold: cell.bold() }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::recording::Frame;
    use super::*;

    fn frame(text: &str) -> Frame {
        let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
        terminal.process(text.as_bytes());
        Frame { screen: terminal.screen().clone(), lasts: 1.0 }
    }

    #[test]
    fn columns_are_kept_without_their_blanks() {
        assert_eq!(words("cp1         6 s  Start etcd "), [(0, "cp1"), (12, "6 s"), (17, "Start etcd")]);
        assert_eq!(words("    "), []);
        assert_eq!(words("a   b"), [(0, "a"), (4, "b")]);
    }

    #[test]
    fn a_line_that_stays_is_written_once() {
        let frames = vec![frame("$ a <b>"), frame("$ a <b>\r\n\u{1b}[32mdone\u{1b}[0m in 2 s")];
        let svg = draw(&Recording { frames });
        assert_eq!(svg.matches("$ a &lt;b&gt;").count(), 1);
        assert_eq!(svg.matches("href=\"#l0\"").count(), 2);
        assert!(svg.contains(&format!("style=\"fill:{}\">done</text>", COLORS[2])));
    }
}
