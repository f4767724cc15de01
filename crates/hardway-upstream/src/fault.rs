//! What a server does instead of answering well.

/// One answer that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A status without the file.
    Status(u16),
    /// Too many requests (429), with this value of `Retry-After`.
    TryLater(&'static str),
    /// The connection ends after so many bytes of what was asked for.
    Cut(u64),
    /// The body ends after so many bytes, and the head says that this is all.
    Truncated(u64),
    /// No answer for as long as the server lives.
    Silence,
    /// Other bytes of the same length.
    Changed,
    /// A redirect (302).
    Redirect(String),
    /// A login page.
    WebPage,
    /// The whole file, whatever part was asked for, as servers do that know no ranges.
    NoRanges,
}
