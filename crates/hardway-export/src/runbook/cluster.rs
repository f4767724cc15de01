//! A group of the cluster: objects to apply, states to wait for.

use hardway_design::{Await, Group, Resource};

use super::Source;
use super::page::{Page, code};

/// Where commands for the cluster are typed.
pub(super) fn enter(page: &mut Page) {
    page.paragraph("On your own machine, as the administrator:");
    page.shell("export KUBECONFIG=$PWD/configs/admin/admin-remote.kubeconfig");
}

/// What is waited for between objects comes before all of them: by hand, a manifest is applied as a whole.
pub(super) fn write(source: &Source<'_>, group: &Group, page: &mut Page) {
    let last_object = group.resources.iter().rposition(|resource| matches!(resource, Resource::Object(_)));
    let (before, after) = group.resources.split_at(last_object.unwrap_or(0));
    let waits: Vec<String> = before.iter().filter_map(wait).collect();
    if !waits.is_empty() {
        page.paragraph("First, wait:");
        page.shell(&waits.join("\n"));
    }
    let manifest = source.manifests.iter().find(|(name, _)| *name == group.id.name);
    if let Some((_, file)) = manifest {
        page.paragraph("Then tell the API:");
        page.shell(&format!("kubectl apply --server-side -f {}", file.path));
        page.items(group.resources.iter().filter_map(object));
        carried(source, group, page);
    }
    let waits: Vec<String> = after.iter().filter_map(wait).collect();
    if !waits.is_empty() {
        page.paragraph("And wait until it works:");
        page.shell(&waits.join("\n"));
    }
}

fn object(resource: &Resource) -> Option<String> {
    let Resource::Object(object) = resource else { return None };
    let namespace = object.namespace().map(|namespace| format!(" in `{namespace}`")).unwrap_or_default();
    Some(format!("{} {}{namespace}", object.kind(), code(object.name())))
}

/// What someone who made certificates anew has to put in.
fn carried(source: &Source<'_>, group: &Group, page: &mut Page) {
    let mut paths: Vec<&str> = group
        .resources
        .iter()
        .filter_map(|resource| match resource {
            Resource::Object(object) => Some(source.origins().inside(object)),
            _ => None,
        })
        .flatten()
        .collect();
    paths.dedup();
    if !paths.is_empty() {
        let paths: Vec<String> = paths.into_iter().map(code).collect();
        page.paragraph(&format!(
            "The manifest carries {}. If you made those anew, put yours in first; `base64 -w0 FILE` writes what a \
             Secret's `data` and a `caBundle` hold.",
            paths.join(", ")
        ));
    }
}

fn wait(resource: &Resource) -> Option<String> {
    let Resource::Await(condition) = resource else { return None };
    Some(match condition {
        Await::ApiReady => "until kubectl get --raw /readyz; do sleep 1; done".to_owned(),
        Await::NodeReady(node) => format!(
            "kubectl wait --for=create node/{node} --timeout=2m\nkubectl wait --for=condition=Ready node/{node} --timeout=2m"
        ),
        Await::ServiceAccount { namespace } => {
            format!("kubectl wait --for=create serviceaccount/default -n {namespace} --timeout=2m")
        }
        Await::RolledOut { kind, namespace, name } => {
            format!("kubectl rollout status {}/{name} -n {namespace} --timeout=5m", kind.to_lowercase())
        }
    })
}
