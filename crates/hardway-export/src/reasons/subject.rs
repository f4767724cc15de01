//! What of a design can be asked about.

use hardway_design::File;

use crate::document::{self, Field};
use crate::unit;

/// The sort of a thing, and with it what its name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic<'a> {
    /// A group's name.
    Groups,
    /// A program's flag, with its dashes.
    Flags(&'a str),
    /// A field of a configuration document of this kind, by its dotted path.
    Fields(&'a str),
    /// The keyword of a line in the file at this path.
    Keywords(&'a str),
    /// A setting of a systemd unit.
    Directives,
    /// A directory, file or link, by its absolute path.
    Paths,
    Packages,
    Modules,
    Sysctls,
    Users,
    /// By the artifact's name.
    Binaries,
    /// By the artifact's name.
    Images,
}

/// One thing to ask about, with what it is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) topic: Topic<'a>,
    pub(crate) name: String,
    /// None where it has none, or a secret one.
    pub(crate) value: Option<String>,
}

/// Where units' own files and their drop-ins are.
const UNITS: &str = "/etc/systemd/system/";

/// Files that have a keyword a line.
const KEYWORD_FILES: [&str; 5] = [
    "/etc/haproxy/haproxy.cfg",
    "/etc/haproxy/kube-api-balancer.cfg",
    "/etc/keepalived/keepalived.conf",
    "/etc/nginx/nginx.conf",
    "/etc/containerd/config.toml",
];

/// Calls `ask` with what stands inside a file: a unit's flags and settings, a document's fields, a line's keyword.
pub(crate) fn inside(file: &File, ask: &mut dyn FnMut(Subject<'_>)) {
    let mut fields = |topic: Topic<'_>, fields: Vec<Field>| {
        for field in fields {
            let value = (!file.content.is_secret()).then_some(field.value);
            ask(Subject { topic, name: field.path, value });
        }
    };
    for document in document::read(file) {
        fields(Topic::Fields(&document.kind), document.fields);
    }
    if KEYWORD_FILES.contains(&file.path.as_str()) {
        fields(Topic::Keywords(&file.path), document::keywords(&file.content));
    }
    if let Some(text) = unit_text(file) {
        for flag in unit::flags(text) {
            ask(Subject { topic: Topic::Flags(&flag.program), name: flag.name, value: Some(flag.value) });
        }
        for directive in unit::directives(text) {
            let value = (directive.name != "ExecStart").then_some(directive.value);
            ask(Subject { topic: Topic::Directives, name: directive.name, value });
        }
    }
}

fn unit_text(file: &File) -> Option<&str> {
    let is_unit = file.path.starts_with(UNITS) && !file.content.is_secret();
    is_unit.then(|| std::str::from_utf8(file.content.bytes()).ok()).flatten()
}
