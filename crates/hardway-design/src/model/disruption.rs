//! What is noticed when a unit stops and starts again.

/// What the operator would notice of a unit's restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disruption {
    /// The machine's own affair, as a clause: "running pods go on".
    Local(&'static str),
    /// Several machines do the same, so that others can go on meanwhile: they restart one at a time.
    Shared(Shared),
}

/// What machines with the same unit do together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// What each of them is, in the singular: "control plane".
    pub role: &'static str,
    pub needs: Needs,
    /// What is noticed while enough others run, as a clause: "the others answer meanwhile".
    pub among_others: &'static str,
    /// What is noticed where they do not: "the API is away for about 2 s".
    pub alone: &'static str,
    /// A file that all of them must hold alike, since those with another do not talk to each other.
    pub agreement: Option<&'static str>,
}

/// How many of the machines must run for what they do together to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    One,
    /// More than half, as Raft does.
    Majority,
}

impl Needs {
    /// Of `total` machines.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::One => 1,
            Self::Majority => total / 2 + 1,
        }
    }
}
