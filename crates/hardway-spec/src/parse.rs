//! From a text to a cluster, or to everything that is wrong with it.

use serde::Deserialize;

use crate::{Cluster, SpecErrors, rules, schema, shape, tree};

/// Reads a spec. `file_name` is what problems call it.
///
/// # Errors
/// [`SpecErrors`] with every problem at once; of malformed YAML, where nothing behind the first error can be read, the
/// first.
///
/// # Panics
/// Never: a tree that fits the schema of [`Cluster`] is one.
pub fn parse(text: &str, file_name: &str) -> Result<Cluster, SpecErrors> {
    let root = tree::parse(text).map_err(|problem| SpecErrors::new(file_name, text, vec![problem]))?;
    let shape = shape::read(&root, &schema::value());
    let cluster = Cluster::deserialize(shape.json).expect("what was read by the schema of a type has its shape");
    let mut problems = shape.problems;
    problems.extend(rules::check(&cluster, &shape.places));
    if problems.is_empty() { Ok(cluster) } else { Err(SpecErrors::new(file_name, text, problems)) }
}
