//! The lines a stage's script speaks in.

use hardway_plan::script::EVENT_MARK;

/// What a running stage says, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptEvent {
    /// Step N of the stage starts.
    Begin(usize),
    /// A line that the running step wrote, to either stream, without its end.
    Output(String),
    Done(usize),
    /// Step N ended with this exit status, which is not 0.
    Failed(usize, i32),
}

impl ScriptEvent {
    /// Reads a line without its end. A marked line that is no event is output: a step may print anything.
    pub fn parse(line: &str) -> Self {
        line.strip_prefix(EVENT_MARK).and_then(Self::parse_marked).unwrap_or_else(|| Self::Output(line.to_owned()))
    }

    fn parse_marked(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let verb = words.next()?;
        let step = words.next()?.parse().ok()?;
        let event = match verb {
            "begin" => Self::Begin(step),
            "done" => Self::Done(step),
            "fail" => Self::Failed(step, words.next()?.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_from_marked_lines() {
        assert_eq!(ScriptEvent::parse("\x1e begin 0"), ScriptEvent::Begin(0));
        assert_eq!(ScriptEvent::parse("\x1e done 12"), ScriptEvent::Done(12));
        assert_eq!(ScriptEvent::parse("\x1e fail 3 127"), ScriptEvent::Failed(3, 127));
    }

    #[test]
    fn anything_else_is_output() {
        for line in
            ["", "begin 1", "\x1e", "\x1e begin", "\x1e begin x", "\x1e fail 1", "\x1e done 1 2", " \x1e done 1"]
        {
            assert_eq!(ScriptEvent::parse(line), ScriptEvent::Output(line.to_owned()), "{line:?}");
        }
    }
}
