//! At no moment is a file at its place half-written.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::MACHINES;
use crate::support::{LabWorkspace, files_below};

/// Every file of the design, by machine and path.
pub(crate) struct Expected {
    files: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>,
}

impl Expected {
    pub(crate) fn exported(lab: &LabWorkspace) -> Self {
        let export = lab.root().join("export");
        lab.ok(&["export", export.to_str().expect("the path is text")]);
        let files = MACHINES.map(|machine| {
            let folder = export.join("machines").join(machine);
            let read = |path: std::path::PathBuf| {
                let content = std::fs::read(folder.join(&path)).expect("an exported file can be read");
                (format!("/{}", path.display()), content)
            };
            (machine, files_below(&folder).into_iter().map(read).collect())
        });
        Self { files: files.into() }
    }

    /// A file may be missing, another one of before, or whole; never a beginning of what it is to be.
    pub(crate) fn assert_nothing_half_written(&self, lab: &LabWorkspace, away: Option<&str>) {
        for machine in MACHINES.iter().filter(|machine| Some(**machine) != away) {
            let files = &self.files[machine];
            let paths: Vec<&str> = files.keys().map(String::as_str).collect();
            let script = format!(
                "for f in {}; do [ -f $f ] && echo \"$(sha256sum <$f | cut -c -64) $(stat -c %s $f) $f\"; done; \
                 [ ! -e /var/lib/hardway/inventory.json ] || tail -c 2 /var/lib/hardway/inventory.json",
                paths.join(" ")
            );
            let found = lab.ssh(machine, &script);
            for line in found.lines().filter(|line| line.contains(" /")) {
                let (digest, rest) = line.split_once(' ').expect("digest, size, path");
                let (size, path) = rest.split_once(' ').expect("size, path");
                let (size, whole) = (size.parse::<usize>().expect("a size"), &files[path]);
                let beginning = size < whole.len() && digest == hex::encode(Sha256::digest(&whole[..size]));
                assert!(!beginning, "{path} on {machine} has {size} of {} bytes", whole.len());
            }
        }
    }
}
