//! Which of the operator's own files a machine's file or an object is made from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hardway_design::{Content, Object};
use serde_json::Value;

use crate::ExportedFile;

/// How a file on a machine comes from the operator's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    SameAs(&'a str),
    /// One after the other in one file.
    Joined(&'a str, &'a str),
}

/// The operator's files, to be looked up by what they hold.
#[derive(Clone, Copy)]
pub(crate) struct Origins<'a> {
    files: &'a [ExportedFile],
}

impl<'a> Origins<'a> {
    pub(crate) fn new(files: &'a [ExportedFile]) -> Self {
        Self { files }
    }

    pub(crate) fn of(self, content: &Content) -> Option<Origin<'a>> {
        let whole = self.files.iter().find(|file| file.content.bytes() == content.bytes());
        whole.map(|file| Origin::SameAs(&file.path)).or_else(|| self.joined(content.bytes()))
    }

    fn joined(self, bytes: &[u8]) -> Option<Origin<'a>> {
        self.files.iter().find_map(|first| {
            let rest = bytes.strip_prefix(first.content.bytes())?;
            let second = self.files.iter().find(|second| second.content.bytes() == rest)?;
            Some(Origin::Joined(&first.path, &second.path))
        })
    }

    /// The operator's files that an object carries in its text, as they are or in base64.
    pub(crate) fn inside(self, object: &Object) -> Vec<&'a str> {
        let mut texts = Vec::new();
        collect_texts(&object.value, &mut texts);
        let carried = |file: &&ExportedFile| {
            let bytes = file.content.bytes();
            texts.iter().any(|text| text.as_bytes() == bytes || *text == STANDARD.encode(bytes))
        };
        self.files.iter().filter(carried).map(|file| file.path.as_str()).collect()
    }
}

fn collect_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<ExportedFile> {
        vec![
            ExportedFile::new("pki/a.pem", Content::text("certificate\n")),
            ExportedFile::new("pki/a-key.pem", Content::secret("key\n")),
        ]
    }

    #[test]
    fn a_copy_names_its_original() {
        let files = files();
        assert_eq!(Origins::new(&files).of(&Content::secret("key\n")), Some(Origin::SameAs("pki/a-key.pem")));
    }

    #[test]
    fn two_files_in_one_name_both() {
        let files = files();
        let origin = Origins::new(&files).of(&Content::secret("certificate\nkey\n"));
        assert_eq!(origin, Some(Origin::Joined("pki/a.pem", "pki/a-key.pem")));
    }

    #[test]
    fn other_content_has_no_origin() {
        let files = files();
        assert_eq!(Origins::new(&files).of(&Content::text("port: 80\n")), None);
    }

    #[test]
    fn an_object_names_what_it_carries_in_base64() {
        let files = files();
        let object = Object { value: serde_json::json!({"data": {"key": STANDARD.encode("key\n")}}) };
        assert_eq!(Origins::new(&files).inside(&object), ["pki/a-key.pem"]);
    }
}
