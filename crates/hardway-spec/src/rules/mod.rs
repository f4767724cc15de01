//! What a spec must be beyond its shape, one module per part of it.

mod artifacts;
mod extra_args;
mod load_balancer;
mod machines;
mod names;
mod network;
mod nodes;
mod settings;

use crate::Cluster;
use crate::problem::Problem;
use crate::shape::Places;

/// Every rule that the cluster breaks. What could not be read is not judged.
pub(crate) fn check(cluster: &Cluster, places: &Places) -> Vec<Problem> {
    let mut checker = Checker { cluster, places, problems: Vec::new() };
    settings::check(&mut checker);
    artifacts::check(&mut checker);
    network::check(&mut checker);
    machines::check(&mut checker);
    nodes::check(&mut checker);
    extra_args::check(&mut checker);
    load_balancer::check(&mut checker);
    checker.problems
}

struct Checker<'a> {
    cluster: &'a Cluster,
    places: &'a Places,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn is_sound(&self, path: &str) -> bool {
        self.places.is_sound(path)
    }

    fn report(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::at(self.places.of(path), message).in_field(path).with_help(help);
        self.problems.push(problem);
    }

    /// Of a map's key, by its value's path.
    fn report_key(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::at(self.places.of_key(path), message).in_field(path).with_help(help);
        self.problems.push(problem);
    }
}
