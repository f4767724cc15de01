//! The folder as a whole.

use hardway_design::{Content, Design, DesignError, Inputs};

use crate::{files, order, runbook};

/// A file of the exported folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Relative to the folder, with `/` between its parts: `machines/cp1/etc/kubernetes/pki/ca.pem`.
    pub path: String,
    pub content: Content,
}

impl ExportedFile {
    pub(crate) fn new(path: impl Into<String>, content: Content) -> Self {
        Self { path: path.into(), content }
    }
}

/// Keeps the folder out of Git: it holds the cluster's private keys.
const GITIGNORE: &str = "# Private keys of the whole cluster are in here.\n*\n";

/// Every file of the exported folder, each path once, `.gitignore` first.
///
/// | path | is |
/// |---|---|
/// | `machines/NAME/…` | what `apply` writes on the machine, byte for byte, at the absolute path after the name |
/// | `pki/…` | cfssl's certificate requests and signing policy, certificates and keys |
/// | `configs/…` | kubeconfigs |
/// | `data-encryption/…` | the API server's EncryptionConfiguration |
/// | `manifests/NN-GROUP.yaml` | the cluster's objects, in the order in which they are applied |
/// | `RUNBOOK.md` | how to build the same cluster from these files by hand, and why each of them is there |
///
/// # Errors
/// [`DesignError`] where the inputs lack something that the design needs.
///
/// # Panics
/// Where the design's groups wait for each other in a circle, which no design does.
pub fn export(inputs: &Inputs<'_>, design: &Design) -> Result<Vec<ExportedFile>, DesignError> {
    let groups = order::by_hand(design);
    let workspace = files::workspace(inputs)?;
    let manifests = files::manifests(inputs)?;
    let source = runbook::Source { inputs, groups: &groups, workspace: &workspace, manifests: &manifests };
    let runbook = runbook::write(&source);

    let mut exported = vec![ExportedFile::new(".gitignore", Content::text(GITIGNORE))];
    exported.push(ExportedFile::new("RUNBOOK.md", Content::text(runbook)));
    exported.extend(workspace);
    exported.extend(files::machines(design));
    exported.extend(manifests.into_iter().map(|(_, file)| file));
    Ok(exported)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hardway_design::{Place, Resource};

    use super::*;
    use crate::example::Example;

    fn exported(example: &Example) -> Vec<ExportedFile> {
        export(&example.inputs(), &example.design()).unwrap()
    }

    fn text<'a>(files: &'a [ExportedFile], path: &str) -> &'a str {
        let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
        std::str::from_utf8(file.content.bytes()).unwrap()
    }

    #[test]
    fn every_file_of_every_machine_is_there_byte_for_byte() {
        for example in Example::of_every_shape() {
            let files = exported(&example);
            for group in &example.design().groups {
                let Place::Machine(machine) = &group.id.place else { continue };
                for resource in &group.resources {
                    let Resource::File(file) = resource else { continue };
                    let path = format!("machines/{machine}{}", file.path);
                    let copy = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
                    assert_eq!(copy.content, file.content, "{path}");
                }
            }
        }
    }

    #[test]
    fn the_hard_ways_own_files_are_where_it_has_them() {
        let files = exported(&Example::small());
        for path in [
            "RUNBOOK.md",
            "pki/ca/ca-config.json",
            "pki/ca/ca-csr.json",
            "pki/controller/kube-controller-manager-csr.json",
            "pki/etcd/ca.pem",
            "pki/service-account/service-account-key.pem",
            "configs/admin/admin-remote.kubeconfig",
            "configs/clients/w1.kubeconfig",
            "configs/proxy/kube-proxy.kubeconfig",
            "data-encryption/encryption-config.yaml",
            "manifests/01-rbac.yaml",
            "machines/lb/etc/haproxy/haproxy.cfg",
            "machines/cp1/etc/systemd/system/kube-apiserver.service",
            "machines/w1/var/lib/kubelet/kubelet-config.yaml",
        ] {
            text(&files, path);
        }
    }

    #[test]
    fn no_path_is_there_twice_or_leads_out_of_the_folder() {
        for example in Example::of_every_shape() {
            let mut paths = BTreeSet::new();
            for file in exported(&example) {
                assert!(!file.path.starts_with('/') && !file.path.contains(".."), "{}", file.path);
                assert!(paths.insert(file.path.clone()), "{} is there twice", file.path);
            }
        }
    }

    #[test]
    fn manifests_are_what_the_design_holds() {
        let example = Example::small();
        let files = exported(&example);
        for (index, (group, _)) in files::manifests(&example.inputs()).unwrap().iter().enumerate() {
            let text = text(&files, &format!("manifests/{:02}-{group}.yaml", index + 1));
            let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
            let design = example.design();
            let resources = design.in_cluster().filter(|of| of.id.name == *group).flat_map(|group| &group.resources);
            let objects: Vec<serde_json::Value> = resources
                .filter_map(|resource| match resource {
                    Resource::Object(object) => Some(object.value.clone()),
                    _ => None,
                })
                .collect();
            assert_eq!(read, objects, "{group}");
        }
    }

    #[test]
    fn the_runbook_has_every_group_and_every_file() {
        for example in Example::of_every_shape() {
            let files = exported(&example);
            let runbook = text(&files, "RUNBOOK.md");
            for group in &example.design().groups {
                let heading = match &group.id.place {
                    Place::Machine(machine) => format!("\n### {} on {machine}\n", group.id.name),
                    Place::Cluster => format!("\n### {}\n", group.id.name),
                };
                assert!(runbook.contains(&heading), "no section{heading}");
                for resource in &group.resources {
                    if let Resource::File(file) = resource {
                        assert!(runbook.contains(&format!(" {}\n", file.path)), "{} is never installed", file.path);
                    }
                }
            }
        }
    }

    #[test]
    fn manifests_are_applied_in_the_order_of_their_numbers() {
        for example in Example::of_every_shape() {
            let files = exported(&example);
            let applied: Vec<&str> = text(&files, "RUNBOOK.md")
                .lines()
                .filter_map(|line| line.strip_prefix("kubectl apply --server-side -f manifests/"))
                .collect();
            assert!(applied.is_sorted(), "{applied:?}");
            let manifests = files.iter().filter(|file| file.path.starts_with("manifests/"));
            assert_eq!(applied.len(), manifests.count());
        }
    }

    #[test]
    fn the_runbook_shows_no_secret() {
        for example in Example::of_every_shape() {
            let files = exported(&example);
            let runbook = text(&files, "RUNBOOK.md");
            for file in files.iter().filter(|file| file.content.is_secret()) {
                let secret = std::str::from_utf8(file.content.bytes()).unwrap();
                // Longer than any path or name: keys and certificates in PEM or base64.
                for word in secret.split_whitespace().filter(|word| word.len() >= 40 && !word.contains("://")) {
                    assert!(!runbook.contains(word), "a word of {} is in the runbook", file.path);
                }
            }
        }
    }
}
