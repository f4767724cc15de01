//! The options that narrow a plan.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use hardway_plan::Selection;
use hardway_spec::Role;

use crate::error::CommandError;
use crate::session::Session;

const ROLES: [Role; 4] = [Role::LoadBalancer, Role::ControlPlane, Role::Etcd, Role::Worker];

#[derive(Debug, Args)]
pub struct Narrowing {
    /// Only on these machines; `cluster` stands for the objects of the API
    #[arg(long, value_name = "MACHINE,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Only on machines with one of these roles
    #[arg(long, value_name = "ROLE,…", value_delimiter = ',', value_parser = role())]
    only_role: Vec<Role>,
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(ROLES.map(role_name))
        .map(|name| *ROLES.iter().find(|role| role_name(**role) == name).expect("clap lets none but these pass"))
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::LoadBalancer => "load-balancer",
        Role::ControlPlane => "control-plane",
        Role::Etcd => "etcd",
        Role::Worker => "worker",
    }
}

impl Narrowing {
    /// The places that are meant; `None` for all.
    pub fn selection(&self, session: &Session) -> Result<Option<Selection>, CommandError> {
        if self.only.is_empty() && self.only_role.is_empty() {
            return Ok(None);
        }
        let selection = Selection::new(&session.cluster, &self.only, &self.only_role);
        selection.map(Some).map_err(|error| {
            let help = error.help().to_owned();
            CommandError::input(error).with_help(help)
        })
    }
}
