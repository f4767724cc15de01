//! Reads configuration files, so that each field and keyword of them can be explained.

use hardway_design::{Content, File};
use serde_json::Value;

/// A configuration document: a KubeletConfiguration, the part of a CNI configuration that one plugin reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// `KubeletConfiguration`, `CNI network`, `CNI plugin portmap`.
    pub(crate) kind: String,
    /// In the order of the alphabet.
    pub(crate) fields: Vec<Field>,
}

/// A leaf; what a list holds is part of its field's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// `authentication.anonymous.enabled`.
    pub(crate) path: String,
    pub(crate) value: String,
}

/// The documents that a file holds: none if it is of another sort, or a kubeconfig, whose fields all say the same.
pub(crate) fn read(file: &File) -> Vec<Document> {
    let Ok(text) = std::str::from_utf8(file.content.bytes()) else { return Vec::new() };
    let extension = file.path.rsplit('.').next().unwrap_or_default();
    match extension {
        "yaml" => of_kind(text).into_iter().collect(),
        // Where kubelets look for what goes over their configuration.
        "conf" if file.path.starts_with("/var/lib/kubelet/") => of_kind(text).into_iter().collect(),
        "conflist" => network_list(text),
        "conf" if file.path.starts_with("/etc/cni/") => plugin(&parse(text)).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_default()
}

/// A document of Kubernetes' own form.
fn of_kind(text: &str) -> Option<Document> {
    let value = parse(text);
    let kind = value.get("kind")?.as_str()?.to_owned();
    Some(Document { kind, fields: fields(&value, &["apiVersion", "kind"]) })
}

/// A CNI network: what concerns all plugins, then each plugin's part (<https://www.cni.dev/docs/spec/>).
fn network_list(text: &str) -> Vec<Document> {
    let value = parse(text);
    let plugins = value.get("plugins").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut documents = vec![Document { kind: "CNI network".to_owned(), fields: fields(&value, &["plugins"]) }];
    documents.extend(plugins.iter().filter_map(plugin));
    documents
}

fn plugin(value: &Value) -> Option<Document> {
    let kind = value.get("type")?.as_str()?;
    Some(Document { kind: format!("CNI plugin {kind}"), fields: fields(value, &["type"]) })
}

fn fields(value: &Value, except: &[&str]) -> Vec<Field> {
    let mut fields = Vec::new();
    collect("", value, &mut fields);
    fields.retain(|field| !except.contains(&field.path.as_str()));
    fields
}

fn collect(path: &str, value: &Value, fields: &mut Vec<Field>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let separator = if path.is_empty() { "" } else { "." };
                collect(&format!("{path}{separator}{name}"), member, fields);
            }
        }
        Value::String(text) => fields.push(Field { path: path.to_owned(), value: text.clone() }),
        _ => fields.push(Field { path: path.to_owned(), value: value.to_string() }),
    }
}

/// Keywords that say nothing without their second word.
const TWO_WORDS: [&str; 5] = ["option", "timeout", "http-check", "http-request", "stats"];

/// The keywords of a file that has one a line, with the rest of their lines: HAProxy's, keepalived's, nginx' and TOML
/// files. Lines that are addresses belong to the keyword before them.
pub(crate) fn keywords(content: &Content) -> Vec<Field> {
    let Ok(text) = std::str::from_utf8(content.bytes()) else { return Vec::new() };
    let lines = text.lines().map(|line| line.trim().trim_end_matches([';', '{']).trim_end());
    lines
        .filter(|line| !line.is_empty() && !line.starts_with(|c: char| "#[}".contains(c) || c.is_ascii_digit()))
        .map(keyword)
        .collect()
}

fn keyword(line: &str) -> Field {
    let words = if TWO_WORDS.iter().any(|first| line.strip_prefix(first).is_some_and(|rest| rest.starts_with(' '))) {
        2
    } else {
        1
    };
    let mut parts = line.splitn(words + 1, ' ');
    let path = parts.by_ref().take(words).collect::<Vec<_>>().join(" ");
    let value = parts.next().unwrap_or_default().trim_start_matches("= ");
    Field { path, value: value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), mode: 0o600, owner: "root:root".to_owned(), content: Content::text(text) }
    }

    fn names(document: &Document) -> Vec<&str> {
        document.fields.iter().map(|field| field.path.as_str()).collect()
    }

    #[test]
    fn fields_are_named_by_their_whole_path() {
        let text = "apiVersion: v1\nkind: Test\na:\n  b:\n    c: true\n  d: [1, 2]\n";
        let documents = read(&file("/etc/test.yaml", text));
        assert_eq!(documents[0].kind, "Test");
        assert_eq!(names(&documents[0]), ["a.b.c", "a.d"]);
    }

    #[test]
    fn each_plugin_of_a_network_is_a_document() {
        let text = r#"{"name": "n", "plugins": [{"type": "bridge", "mtu": 0}, {"type": "portmap", "snat": true}]}"#;
        let documents = read(&file("/etc/cni/net.d/10-bridge.conflist", text));
        let kinds: Vec<&str> = documents.iter().map(|document| document.kind.as_str()).collect();
        assert_eq!(kinds, ["CNI network", "CNI plugin bridge", "CNI plugin portmap"]);
        assert_eq!(names(&documents[1]), ["mtu"]);
    }

    #[test]
    fn a_file_of_another_sort_is_no_document() {
        assert_eq!(read(&file("/etc/hosts", "kind: Test\n")), []);
    }

    #[test]
    fn a_line_is_its_keyword_and_the_rest() {
        let fields = keywords(&Content::text(
            "# note\nfrontend api\n    option httpchk\n  worker_processes 1;\n[a.b]\nx = 'y'\n",
        ));
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
        assert_eq!(fields, [("frontend", "api"), ("option httpchk", ""), ("worker_processes", "1"), ("x", "'y'")]);
    }
}
