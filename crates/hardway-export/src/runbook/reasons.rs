//! Reasons, each given where its thing is first met.

use std::collections::BTreeSet;

use hardway_design::{File, Group};

use super::page::{Page, code};
use crate::reasons::{self, Topic, why};

/// What the reader has been told already.
#[derive(Default)]
pub(super) struct Explained {
    told: BTreeSet<String>,
}

impl Explained {
    /// The reason, if it was not given before.
    fn once(&mut self, topic: Topic<'_>, name: &str) -> Option<&'static str> {
        self.told.insert(format!("{topic:?} {name}")).then(|| why(topic, name)).flatten()
    }

    /// What a group is for.
    pub(super) fn group(&mut self, group: &Group, page: &mut Page) {
        match self.once(Topic::Groups, &group.id.name) {
            Some(why) => page.paragraph(why),
            None => page.paragraph("As before."),
        }
    }

    /// A list of things and why they are there.
    pub(super) fn items<'a>(&mut self, topic: Topic<'_>, names: impl IntoIterator<Item = &'a str>, page: &mut Page) {
        let items: Vec<String> =
            names.into_iter().filter_map(|name| Some(format!("{}: {}", code(name), self.once(topic, name)?))).collect();
        if !items.is_empty() {
            page.items(items);
        }
    }

    /// The flags, settings and fields inside a file.
    pub(super) fn inside(&mut self, file: &File, page: &mut Page) {
        let mut flags = Vec::new();
        let mut settings = Vec::new();
        let mut program = String::new();
        reasons::inside(file, &mut |subject| {
            let Some(why) = self.once(subject.topic, &subject.name) else { return };
            let name = match subject.topic {
                Topic::Fields(kind) => format!("{}{}", plugin(kind), code(&subject.name)),
                _ => code(&subject.name),
            };
            let row = [name, code(&subject.value.unwrap_or_default()), why.to_owned()];
            match subject.topic {
                Topic::Flags(of) => {
                    program = of.to_owned();
                    flags.push(row);
                }
                _ => settings.push(row),
            }
        });
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        if !flags.is_empty() {
            page.paragraph(&format!("The flags of `{program}`:"));
            page.table(["flag", "value", "why"], &flags);
        }
        if !settings.is_empty() {
            page.paragraph(&format!("What `{name}` sets:"));
            page.table(["setting", "value", "why"], &settings);
        }
    }
}

/// Several plugins share a file, and names of fields.
fn plugin(kind: &str) -> String {
    kind.strip_prefix("CNI plugin ").map(|plugin| format!("{plugin}: ")).unwrap_or_default()
}
