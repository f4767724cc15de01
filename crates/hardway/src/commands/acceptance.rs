//! The option that lets a plan do what would hurt.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use hardway_plan::{Finding, Obstacle, RULES};

use crate::error::CommandError;

#[derive(Debug, Default, Args)]
pub struct Acceptance {
    /// Do what one of these rules refuses; `hardway plan` says where one does
    #[arg(long, value_name = "RULE,…", value_delimiter = ',', value_parser = rules())]
    accept: Vec<String>,
}

fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().map(|rule| PossibleValue::new(rule.name).help(rule.refuses)))
}

impl Acceptance {
    /// Refuses what was found, unless all of it is accepted.
    pub fn of(&self, findings: &[Finding]) -> Result<(), CommandError> {
        let refused: Vec<Obstacle> = findings
            .iter()
            .filter(|finding| !self.accept.iter().any(|accepted| accepted == finding.rule))
            .map(|finding| Obstacle {
                cause: finding.harm.clone(),
                help: finding.way_out(),
                machines: finding.machines.iter().cloned().collect(),
            })
            .collect();
        if refused.is_empty() { Ok(()) } else { Err(CommandError::Obstacles(refused)) }
    }
}
