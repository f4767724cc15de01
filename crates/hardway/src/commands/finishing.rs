//! The option that ends a change of the endpoint.

use clap::Args;
use hardway_pki::FormerNames;
use hardway_ui::Output;

#[derive(Debug, Default, Args)]
pub struct Finishing {
    /// Drop the names and addresses that the API had before: from now on it answers to those of cluster.yaml alone
    #[arg(long)]
    finish: bool,
}

impl Finishing {
    pub fn former_names(&self) -> FormerNames {
        if self.finish { FormerNames::Dropped } else { FormerNames::Kept }
    }
}

/// Says what the API still answers to, if anything, and how that ends.
pub fn remind(output: Output, former: &[String]) {
    if !former.is_empty() {
        output.note(&format!(
            "the API still answers to {} as well; when no client calls it so any more: hardway apply --finish",
            former.join(", ")
        ));
    }
}
