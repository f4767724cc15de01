//! Reads a tree by the schema: unknown, missing and repeated fields, and values of the wrong kind, all at once.
//!
//! What cannot be used is replaced by a stand-in, and its path remembered as damaged, so that the rules can judge the
//! rest of the spec.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value as Json, json};

use crate::problem::{Place, Problem};
use crate::schema::{ADDRESS, CIDR};
use crate::suggest;
use crate::tree::{Entry, Node, Value};

/// A spec's text, read as far as it could be.
pub(crate) struct Shape {
    /// Fits the schema, whatever the text held.
    pub(crate) json: Json,
    pub(crate) problems: Vec<Problem>,
    pub(crate) places: Places,
}

/// Where fields stand, and which of them could not be read.
#[derive(Default)]
pub(crate) struct Places {
    places: BTreeMap<String, Place>,
    /// Of the keys of maps, by the paths of their values.
    keys: BTreeMap<String, Place>,
    damaged: BTreeSet<String>,
}

impl Places {
    /// The place of a field, or of the nearest one around it that the text has.
    pub(crate) fn of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        }
    }

    /// The place of a map's key, by its value's path.
    pub(crate) fn of_key(&self, path: &str) -> Place {
        self.keys.get(path).copied().unwrap_or_else(|| self.of(path))
    }

    /// Whether the text has the field.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Whether everything at and below a path could be read, and everything around it.
    pub(crate) fn is_sound(&self, path: &str) -> bool {
        !self.damaged.iter().any(|damaged| is_within(damaged, path) || is_within(path, damaged))
    }
}

fn is_within(path: &str, outer: &str) -> bool {
    outer.is_empty() || path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Reads `root` by `schema`.
pub(crate) fn read(root: &Node, schema: &Json) -> Shape {
    let mut reader = Reader { root: schema, problems: Vec::new(), places: Places::default() };
    reader.places.places.insert(String::new(), root.place);
    let json = reader.required(root, schema, "");
    Shape { json, problems: reader.problems, places: reader.places }
}

struct Reader<'a> {
    root: &'a Json,
    problems: Vec<Problem>,
    places: Places,
}

impl<'a> Reader<'a> {
    fn report(&mut self, path: &str, problem: Problem) {
        self.problems.push(problem.in_field(path));
        self.places.damaged.insert(path.to_owned());
    }

    /// The value, or a stand-in.
    fn required(&mut self, node: &Node, schema: &'a Json, path: &str) -> Json {
        self.value(node, schema, path).unwrap_or_else(|| self.stand_in(schema))
    }

    /// `None` where the value is of no use, which was reported.
    fn value(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        let schema = self.resolve(schema);
        if let Value::Unsupported { what } = node.value {
            self.report(
                path,
                Problem::at(node.place, format!("{what} is not understood here")).with_help("write the value itself"),
            );
            return None;
        }
        if let Some(variants) = variants(schema) {
            return self.variant(node, variants, path);
        }
        if let Some(words) = choices(schema) {
            return self.choice(node, &words, path);
        }
        match kind(schema) {
            "object" => self.object(node, schema, path),
            "array" => self.array(node, schema, path),
            "integer" => self.integer(node, schema, path),
            "boolean" => self.boolean(node, path),
            "string" => self.string(node, schema, path),
            other => unreachable!("the spec has no fields of type {other}"),
        }
    }

    fn object(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            return self.map(node, values, path);
        }
        let Value::Mapping(entries) = &node.value else {
            let fields = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            let help = format!("its fields are {}", suggest::list(&fields.collect::<Vec<_>>()));
            let problem = Problem::at(node.place, format!("expected fields, found {}", name_of(node)));
            self.report(path, problem.with_help(help));
            return None;
        };
        let properties = schema.get("properties").and_then(Json::as_object);
        let fields = |name: &str| properties.and_then(|properties| properties.get(name));
        let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let entries = self.known_and_single(entries, &known, path);
        let mut object = Map::new();
        for entry in &entries {
            let field_path = join(path, &entry.key);
            self.places.places.insert(field_path.clone(), entry.value.place);
            let schema = fields(&entry.key).expect("only known fields are left");
            // Nothing is as good as no field: `ssh:` with all of its fields commented out.
            if matches!(entry.value.value, Value::Null) {
                continue;
            }
            if let Some(value) = self.value(&entry.value, schema, &field_path) {
                object.insert(entry.key.clone(), value);
            }
        }
        for name in required(schema) {
            if object.contains_key(name) {
                continue;
            }
            let field_path = join(path, name);
            if self.places.is_sound(&field_path) {
                self.places.places.entry(field_path.clone()).or_insert(node.place);
                self.report(&field_path, Problem::at(self.places.of(&field_path), "this field is missing"));
            }
            let schema = fields(name).expect("a required field is a known one");
            object.insert(name.to_owned(), self.stand_in(schema));
        }
        Some(Json::Object(object))
    }

    /// Values by keys of the operator's own choice.
    fn map(&mut self, node: &Node, values: &'a Json, path: &str) -> Option<Json> {
        let Value::Mapping(entries) = &node.value else {
            let problem = Problem::at(node.place, format!("expected names and values, found {}", name_of(node)));
            self.report(path, problem.with_help("write `{name: value}`"));
            return None;
        };
        let mut map = Map::new();
        for entry in entries {
            let path = entry_path(path, &entry.key);
            if let Some(first) = self.places.keys.get(&path) {
                let problem = Problem::at(entry.place, format!("`{}` is here twice", entry.key))
                    .with_help(format!("the first is on line {}: keep one of them", first.line));
                self.report(&path, problem);
                continue;
            }
            self.places.keys.insert(path.clone(), entry.place);
            self.places.places.insert(path.clone(), entry.value.place);
            if matches!(entry.value.value, Value::Null) {
                let problem = Problem::at(entry.place, format!("`{}` has no value", entry.key));
                self.report(&path, problem.with_help("write `\"\"` for an empty text"));
            } else if let Some(value) = self.value(&entry.value, values, &path) {
                map.insert(entry.key.clone(), value);
            }
        }
        Some(Json::Object(map))
    }

    fn known_and_single<'e>(&mut self, entries: &'e [Entry], known: &[&str], path: &str) -> Vec<&'e Entry> {
        let mut kept: Vec<&Entry> = Vec::new();
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let help = if known.is_empty() {
                    "nothing can be set here: write `{}`".to_owned()
                } else {
                    suggest::did_you_mean(&entry.key, known)
                };
                let problem = Problem::at(entry.place, format!("there is no field `{}` here", entry.key));
                self.problems.push(problem.in_field(path).with_help(help));
                // The field that was meant is not missing as well.
                if let Some(meant) = suggest::nearest(&entry.key, known.iter().copied()) {
                    self.places.damaged.insert(join(path, meant));
                }
            } else if let Some(first) = kept.iter().find(|other| other.key == entry.key) {
                let problem = Problem::at(entry.place, format!("`{}` is here twice", entry.key))
                    .with_help(format!("the first is on line {}: keep one of them", first.place.line));
                self.report(&join(path, &entry.key), problem);
            } else {
                kept.push(entry);
            }
        }
        kept
    }

    fn array(&mut self, node: &Node, schema: &'a Json, path: &str) -> Option<Json> {
        let Value::Sequence(items) = &node.value else {
            let problem = Problem::at(node.place, format!("expected a list, found {}", name_of(node)));
            self.report(
                path,
                match &node.value {
                    Value::Scalar { text, .. } if kind(self.resolve(&schema["items"])) == "string" => {
                        problem.with_help(format!("write `[{text}]`"))
                    }
                    _ => problem,
                },
            );
            return None;
        };
        let schema = &schema["items"];
        let mut array = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.places.places.insert(path.clone(), item.place);
            // A stand-in keeps the indices of the items behind it.
            array.push(self.required(item, schema, &path));
        }
        Some(Json::Array(array))
    }

    /// One of several kinds of settings, told apart by their one field: `calico: {…}`.
    fn variant(&mut self, node: &Node, variants: &'a [Json], path: &str) -> Option<Json> {
        let names: Vec<&'a str> = variants.iter().flat_map(required).collect();
        let forms = || names.iter().map(|name| format!("`{{{name}: {{}}}}`")).collect::<Vec<_>>().join(" or ");
        let entries = match &node.value {
            Value::Mapping(entries) => {
                let problems = self.problems.len();
                let known = self.known_and_single(entries, &names, path);
                if known.is_empty() && self.problems.len() > problems {
                    return None;
                }
                known
            }
            Value::Scalar { text, .. } if names.contains(&text.as_str()) => {
                let problem = Problem::at(node.place, "expected fields, found a word");
                self.report(path, problem.with_help(format!("write `{{{text}: {{}}}}`")));
                return None;
            }
            _ => {
                let problem = Problem::at(node.place, format!("expected fields, found {}", name_of(node)));
                self.report(path, problem.with_help(format!("write {}", forms())));
                return None;
            }
        };
        let [entry] = entries[..] else {
            let problem = Problem::at(node.place, "exactly one kind is needed");
            self.report(path, problem.with_help(format!("write {}", forms())));
            return None;
        };
        let path = join(path, &entry.key);
        self.places.places.insert(path.clone(), entry.value.place);
        let variant = variants.iter().find(|variant| required(variant).any(|name| name == entry.key));
        let schema = &variant.expect("only known fields are left")["properties"][&entry.key];
        let value = match entry.value.value {
            Value::Null => Json::Object(Map::new()),
            _ => self.required(&entry.value, schema, &path),
        };
        Some(json!({ entry.key.as_str(): value }))
    }

    fn choice(&mut self, node: &Node, words: &[&str], path: &str) -> Option<Json> {
        let text = self.text(node, path)?;
        if words.contains(&text) {
            return Some(text.into());
        }
        let problem = Problem::at(node.place, format!("`{text}` is not one of the choices"));
        self.report(path, problem.with_help(suggest::did_you_mean(text, words)));
        None
    }

    fn string(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let text = self.text(node, path)?;
        let problem = match schema["format"].as_str() {
            Some(ADDRESS) if text.parse::<IpAddr>().is_err() => {
                Problem::at(node.place, format!("`{text}` is not an IP address"))
                    .with_help("an address looks like 192.0.2.10")
            }
            Some(CIDR) if text.parse::<IpNet>().is_err() => {
                Problem::at(node.place, format!("`{text}` is not a range of addresses"))
                    .with_help("a range looks like 10.200.0.0/16: an address, a slash and the number of fixed bits")
            }
            _ => return Some(text.into()),
        };
        self.report(path, problem);
        None
    }

    fn integer(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let bound = |name: &str, default: i64| schema[name].as_i64().unwrap_or(default);
        let (minimum, maximum) = (bound("minimum", 0), bound("maximum", u32::MAX.into()));
        let number = match &node.value {
            Value::Scalar { text, plain: true } => text.parse::<i64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if (minimum..=maximum).contains(&number) => Some(number.into()),
            Some(number) => {
                let problem = Problem::at(node.place, format!("{number} is out of range"));
                self.report(path, problem.with_help(format!("it can be from {minimum} to {maximum}")));
                None
            }
            None => {
                self.wrong_kind(node, path, "a whole number");
                None
            }
        }
    }

    fn boolean(&mut self, node: &Node, path: &str) -> Option<Json> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true.into()),
            Value::Scalar { text, plain: true } if text == "false" => Some(false.into()),
            _ => {
                self.wrong_kind(node, path, "`true` or `false`");
                None
            }
        }
    }

    fn text<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, .. } => Some(text),
            _ => {
                self.wrong_kind(node, path, "a word");
                None
            }
        }
    }

    fn wrong_kind(&mut self, node: &Node, path: &str, expected: &str) {
        self.report(path, Problem::at(node.place, format!("expected {expected}, found {}", name_of(node))));
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        // An optional section is `anyOf` its own schema and null.
        let schema = schema.get("anyOf").and_then(|either| either.get(0)).unwrap_or(schema);
        let reference = schema.get("$ref").and_then(Json::as_str);
        let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(schema, |pointer| self.root.pointer(pointer).expect("the schema refers to its own definitions"))
    }

    /// The least value that fits, for what could not be read.
    fn stand_in(&self, schema: &'a Json) -> Json {
        let schema = self.resolve(schema);
        if let Some(word) = choices(schema).and_then(|words| words.into_iter().next()) {
            return word.into();
        }
        match kind(schema) {
            "object" => required(schema)
                .map(|name| (name.to_owned(), self.stand_in(&schema["properties"][name])))
                .collect::<Map<_, _>>()
                .into(),
            "array" => Json::Array(Vec::new()),
            "integer" => 1.into(),
            "boolean" => false.into(),
            _ => match schema["format"].as_str() {
                Some(ADDRESS) => "0.0.0.0".into(),
                Some(CIDR) => "0.0.0.0/0".into(),
                _ => "".into(),
            },
        }
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The path of a map's value: `labels.disk`, `labels[example.com/disk]`.
pub(crate) fn entry_path(path: &str, key: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(is_word) { join(path, key) } else { format!("{path}[{key}]") }
}

fn kind(schema: &Json) -> &str {
    // An optional field's type is `["string", "null"]`; a text that may look like a number has several, too.
    schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default()
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// The schemas of an enum whose variants hold settings.
fn variants(schema: &Json) -> Option<&[Json]> {
    let variants = schema.get("oneOf")?.as_array()?;
    variants.iter().all(|variant| kind(variant) == "object").then_some(variants)
}

/// The words of an enum without settings; schemars lists those that have a description apart from the others.
fn choices(schema: &Json) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(word.as_str().into_iter().collect());
    }
    if let Some(words) = schema.get("enum") {
        return Some(words.as_array()?.iter().filter_map(Json::as_str).collect());
    }
    let variants = schema.get("oneOf")?.as_array()?;
    variants.iter().map(choices).collect::<Option<Vec<_>>>().map(|words| words.into_iter().flatten().collect())
}

fn name_of(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "nothing",
        Value::Scalar { plain: false, .. } => "a quoted text",
        Value::Scalar { text, .. } if text.parse::<f64>().is_ok() => "a number",
        Value::Scalar { .. } => "a word",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "fields",
        Value::Unsupported { what } => what,
    }
}
