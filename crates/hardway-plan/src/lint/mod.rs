//! What a plan must not do without being asked: rules over a finished plan, each able to refuse it.
//!
//! A rule looks at what the plan says and at what was seen, never at how the planner came to it, so that a defect of the
//! planner is found too. The operator may accept a rule's findings by its name.

mod authorities;
mod context;
mod encryption;
mod leaving;
mod members;
mod outage;
mod service_accounts;
mod trust;

use hardway_design::Design;
use hardway_spec::MachineName;

use crate::{InventoryError, Plan, Sight};
use context::Context;
pub(crate) use context::list;

/// A rule that plans are held to.
#[derive(Debug)]
pub struct Rule {
    /// What the operator accepts its findings by: `encryption-key`.
    pub name: &'static str,
    /// What it refuses, as a clause: "a certificate that nobody trusts".
    pub refuses: &'static str,
    check: fn(&Context<'_>) -> Vec<Harm>,
}

/// Every rule, in the order of what is lost.
pub static RULES: [Rule; 10] = [
    Rule {
        name: "encryption-key",
        refuses: "replacing the key that Secrets in etcd are encrypted with",
        check: encryption::check,
    },
    Rule {
        name: "authority",
        refuses: "replacing an authority that certificates in use rest on",
        check: authorities::check,
    },
    Rule {
        name: "service-account-key",
        refuses: "replacing the key that service accounts' tokens are signed with",
        check: service_accounts::check,
    },
    Rule {
        name: "certificate-trust",
        refuses: "writing a certificate that its peers do not trust",
        check: trust::check,
    },
    Rule {
        name: "etcd-members",
        refuses: "going on with members of etcd that the spec does not have, or that lost their data",
        check: members::check,
    },
    Rule { name: "etcd-quorum", refuses: "taking etcd its quorum", check: outage::of_etcd },
    Rule { name: "api-servers", refuses: "taking several API servers away at once", check: outage::of_api_servers },
    Rule {
        name: "load-balancers",
        refuses: "taking several load balancers away at once",
        check: outage::of_load_balancers,
    },
    Rule {
        name: "disruption-budget",
        refuses: "draining a node of pods that a PodDisruptionBudget keeps",
        check: leaving::of_budgets,
    },
    Rule {
        name: "unmanaged-pods",
        refuses: "ending pods that no controller would start again",
        check: leaving::of_unmanaged_pods,
    },
];

/// Something that a plan would do and that hurts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The [`Rule`]'s name.
    pub rule: &'static str,
    /// Where, in their order.
    pub machines: Vec<MachineName>,
    /// What would hurt, as a clause.
    pub harm: String,
    /// What to do instead, imperative.
    pub help: String,
}

impl Finding {
    /// What to do instead, and what to type where it is meant.
    pub fn way_out(&self) -> String {
        format!("{}; where it is meant: hardway apply --accept {}", self.help, self.rule)
    }
}

/// A finding that does not yet know its rule.
struct Harm {
    machines: Vec<MachineName>,
    harm: String,
    help: String,
}

/// Everything that the plan would do and that hurts.
///
/// # Errors
/// [`InventoryError`] where a machine holds another cluster or a newer hardway's inventory.
pub fn lint(cluster: &str, design: &Design, sight: &Sight, plan: &Plan) -> Result<Vec<Finding>, InventoryError> {
    // Nothing is done, so nothing is hurt: a large fleet's inventories need not be read for it.
    if plan.is_empty() {
        return Ok(Vec::new());
    }
    let context = Context::new(cluster, design, sight, plan)?;
    let findings = RULES.iter().flat_map(|rule| {
        (rule.check)(&context).into_iter().map(|Harm { machines, harm, help }| Finding {
            rule: rule.name,
            machines,
            harm,
            help,
        })
    });
    Ok(findings.collect())
}
