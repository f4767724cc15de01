//! What hardway put on a machine: the only things that it will ever take away again.

use hardway_spec::MachineName;
use serde::{Deserialize, Serialize};

/// Where a machine keeps its inventory.
pub const INVENTORY: &str = "/var/lib/hardway/inventory.json";

const FORMAT_VERSION: u32 = 1;

/// The list, in the order in which things were put there; removal goes backwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    pub format_version: u32,
    pub cluster: String,
    pub machine: MachineName,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Entry {
    /// Not there before; its own dependencies are recorded on the machine at install time.
    Package {
        name: String,
    },
    User {
        name: String,
    },
    /// Not there before.
    Directory {
        path: String,
    },
    /// `original`: something stood there before and was set aside, to be put back.
    File {
        path: String,
        sha256: String,
        original: bool,
    },
    Link {
        path: String,
        target: String,
    },
    Binary {
        link: String,
        store: String,
    },
    Image {
        reference: String,
    },
    Hosts,
    Module {
        name: String,
    },
    Sysctl {
        key: String,
        previous: Option<String>,
    },
    Swap {
        devices: Vec<String>,
    },
    Unit {
        name: String,
    },
    /// `title` is imperative, `clean` POSIX sh.
    Remains {
        name: String,
        title: String,
        clean: String,
    },
}

/// An inventory on a machine that this hardway cannot read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("{machine}: {INVENTORY} is not an inventory")]
    Malformed { machine: MachineName, source: serde_json::Error },
    #[error("{machine}: {INVENTORY} has format version {found}; this hardway reads {FORMAT_VERSION}")]
    Version { machine: MachineName, found: u32 },
    #[error("{machine} belongs to the cluster \"{found}\", not to \"{expected}\"")]
    OtherCluster { machine: MachineName, found: String, expected: String },
    #[error(
        "the machine at {machine}'s address is {found}; give {machine} an address of its own, or let {found} leave first: \
         put its entry back with `removed: {{}}` and apply"
    )]
    OtherMachine { machine: MachineName, found: MachineName },
}

impl Inventory {
    pub fn new(cluster: &str, machine: &MachineName) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            cluster: cluster.to_owned(),
            machine: machine.clone(),
            entries: Vec::new(),
        }
    }

    /// # Errors
    /// Where the text is not an inventory, of a newer format, or another cluster's.
    pub fn parse(text: &str, machine: &MachineName, cluster: &str) -> Result<Self, InventoryError> {
        let inventory: Self = serde_json::from_str(text)
            .map_err(|source| InventoryError::Malformed { machine: machine.clone(), source })?;
        if inventory.format_version != FORMAT_VERSION {
            return Err(InventoryError::Version { machine: machine.clone(), found: inventory.format_version });
        }
        if inventory.cluster != cluster {
            return Err(InventoryError::OtherCluster {
                machine: machine.clone(),
                found: inventory.cluster,
                expected: cluster.to_owned(),
            });
        }
        if inventory.machine != *machine {
            return Err(InventoryError::OtherMachine { machine: machine.clone(), found: inventory.machine });
        }
        Ok(inventory)
    }

    /// As the machine keeps it: JSON, indented, with a last line end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an inventory is plain strings and numbers");
        text.push('\n');
        text
    }

    pub fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            let (kind, name) = entry.parts();
            key.strip_prefix(kind) == Some(name)
        })
    }
}

impl Entry {
    /// Equal to the [`hardway_design::ResourceId`] of the resource that it records.
    pub fn key(&self) -> String {
        let (kind, name) = self.parts();
        format!("{kind}{name}")
    }

    /// The two halves of the key: a list is searched for each resource of each machine of a fleet.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Package { name } => ("package:", name),
            Self::User { name } => ("user:", name),
            Self::Directory { path } => ("directory:", path),
            Self::File { path, .. } => ("file:", path),
            Self::Link { path, .. } => ("link:", path),
            Self::Binary { link, .. } => ("binary:", link),
            Self::Image { reference } => ("image:", reference),
            Self::Hosts => ("hosts:", "/etc/hosts"),
            Self::Module { name } => ("module:", name),
            Self::Sysctl { key, .. } => ("sysctl:", key),
            Self::Swap { .. } => ("swap", ""),
            Self::Unit { name } => ("unit:", name),
            Self::Remains { name, .. } => ("remains:", name),
        }
    }
}
