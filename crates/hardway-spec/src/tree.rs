//! YAML as a tree in which every node knows its place.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::problem::{Place, Problem};

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    Scalar {
        text: String,
        /// Written without quotes, so that it may be a number or a boolean.
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something that YAML has and a spec has no use for.
    Unsupported {
        what: &'static str,
    },
}

/// A field of a mapping.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// Reads the one document of a text.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let mut reader = Reader { events: Parser::new_from_str(text), text };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Problem::at(reader.place(&span), "a second document begins here")
                    .with_help("a spec is one document: remove what follows `---`"));
            }
            Event::DocumentStart(..) => {
                let (event, span) = reader.next()?;
                root = Some(reader.node(event, &span)?);
            }
            _ => unreachable!("nodes stand inside of documents"),
        }
    }
    let start = Place { line: 1, column: 1, width: 1 };
    root.filter(|root| !matches!(root.value, Value::Null))
        .ok_or_else(|| Problem::at(start, "the spec is empty").with_help("`hardway init` writes one to start from"))
}

struct Reader<'a> {
    events: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    text: &'a str,
}

impl<'a> Reader<'a> {
    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(next)) => return Ok(next),
                Some(Err(error)) => {
                    let marker = error.marker();
                    let place = Place { line: marker.line(), column: marker.col() + 1, width: 1 };
                    return Err(Problem::at(place, format!("this is not YAML: {}", error.kind())));
                }
                None => unreachable!("the stream's end is an event, after which none is asked for"),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Problem> {
        let place = self.place(span);
        let value = match event {
            Event::Scalar(text, style, _, tag) => scalar(&text, style, tag.as_deref()),
            Event::SequenceStart(_, _, tag) => tagged(tag.as_deref(), self.sequence()?),
            Event::MappingStart(_, _, tag) => tagged(tag.as_deref(), self.mapping()?),
            Event::Alias(_) => Value::Unsupported { what: "an alias" },
            _ => unreachable!("a document, a sequence and a mapping hold nodes"),
        };
        Ok(Node { place, value })
    }

    fn sequence(&mut self) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Sequence(items));
            }
            items.push(self.node(event, &span)?);
        }
    }

    fn mapping(&mut self) -> Result<Value, Problem> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Mapping(entries));
            }
            let key = self.node(event, &span)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(Problem::at(key.place, "this cannot be a field's name")
                    .with_help("names are plain words, such as `machines`"));
            };
            let (event, span) = self.next()?;
            let mut value = self.node(event, &span)?;
            if !matches!(value.value, Value::Scalar { .. } | Value::Unsupported { .. }) {
                // Nothing has no place of its own, and what spans lines is best found by its name.
                value.place = key.place;
            }
            entries.push(Entry { key: text, place: key.place, value });
        }
    }

    fn place(&self, span: &Span) -> Place {
        let (start, end) = (span.start, span.end);
        let rest = self.text.lines().nth(start.line() - 1).map_or(0, |line| line.chars().count());
        let rest = rest.saturating_sub(start.col());
        let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { rest };
        Place { line: start.line(), column: start.col() + 1, width: width.clamp(1, rest.max(1)) }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let plain = style == ScalarStyle::Plain;
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
        _ => Value::Scalar { text: text.to_owned(), plain },
    };
    tagged(tag, value)
}

fn tagged(tag: Option<&Tag>, value: Value) -> Value {
    if tag.is_some() { Value::Unsupported { what: "a tag" } } else { value }
}
