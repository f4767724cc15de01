//! Kubeconfigs: each leads to the API as the right user, and a node's sees no more than the node needs.

use std::collections::BTreeSet;
use std::path::Path;

use hardway_cluster::{Access, Credentials, User};
use hardway_pki::{CertificateProfile, Identity, table};
use hardway_spec::MachineName;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::kubeconfig::Kubeconfig;
use crate::probe::Probe;
use crate::scene::{API_PORT, Scene, connect};

const PART: Part = Part::Kubeconfigs;

/// The group of everybody whom the API knows.
const AUTHENTICATED: &str = "system:authenticated";

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let mut probes = Vec::new();
    for profile in table(scene.cluster()) {
        for path in paths(&profile.identity) {
            let title = format!("configs/{path} is {} in {}", profile.common_name, profile.organization);
            probes.push(Probe::new(PART, title, leads_to_its_user(scene, path, profile.clone())));
        }
    }
    for node in scene.cluster().nodes() {
        let title = format!("the kubelet on {} cannot read secrets of others", node.name);
        probes.push(Probe::new(PART, title, is_confined(scene, &node.name)));
    }
    probes
}

/// The kubeconfigs of an identity, by their paths below the workspace's `configs`.
fn paths(identity: &Identity) -> Vec<String> {
    match identity {
        Identity::Admin => vec![path(identity), admin_remote()],
        Identity::ControllerManager
        | Identity::Scheduler
        | Identity::KubeProxy
        | Identity::Kubelet(_)
        | Identity::CalicoCni => vec![path(identity)],
        _ => Vec::new(),
    }
}

fn path(identity: &Identity) -> String {
    format!("{identity}.kubeconfig")
}

pub(crate) fn admin_remote() -> String {
    format!("{}-remote.kubeconfig", Identity::Admin)
}

pub(crate) async fn read(configs: &Path, path: &str) -> Verdict<Kubeconfig> {
    let expected = "a kubeconfig with a current context and certificates embedded";
    let text = tokio::fs::read_to_string(configs.join(path)).await.expecting(expected, "hardway apply")?;
    Kubeconfig::parse(&text).expecting(expected, "hardway apply")
}

async fn leads_to_its_user(scene: Scene<'_>, path: String, profile: CertificateProfile) -> Verdict {
    let config = read(scene.context.configs, &path).await?;
    let cluster = &scene.cluster().metadata.name;
    ensure(
        config.cluster == *cluster,
        || format!("it is for a cluster {:?}", config.cluster),
        format!("the cluster's name {cluster:?} from the spec"),
        "hardway apply",
    )?;

    // Some name the API server or the balancer beside them: the way there is through the endpoint for all.
    let Some(address) = scene.cluster().endpoint_address() else {
        return Err(Fault::new("no address", "a load balancer or control plane", "hardway validate"));
    };
    let access = Access {
        server: (address, API_PORT).into(),
        server_name: config.host.clone(),
        authority: config.authority.clone(),
    };
    let expected = format!("{} in {} and {AUTHENTICATED}", profile.common_name, profile.organization);
    let live = connect(&access, &Credentials::Certificate(config.client))?;
    let user = live.whoami().await.expecting(&expected, "hardway apply")?;
    ensure(is(&user, &profile), || format!("{} in {}", user.name, user.groups.join(", ")), expected, "hardway apply")
}

fn is(user: &User, profile: &CertificateProfile) -> bool {
    let groups: BTreeSet<_> = user.groups.iter().map(String::as_str).collect();
    user.name == profile.common_name && groups == BTreeSet::from([profile.organization.as_str(), AUTHENTICATED])
}

async fn is_confined(scene: Scene<'_>, node: &MachineName) -> Verdict {
    let pair = scene.key_pair(&Identity::Kubelet(node.clone()))?.clone();
    let kubelet = scene
        .live()
        .with_credentials(&Credentials::Certificate(pair))
        .expecting("credentials that a client can use", "hardway apply")?;
    let hint = "look at --authorization-mode of kube-apiserver, which must be Node,RBAC";

    let own = format!("/api/v1/nodes/{node}");
    kubelet.get_text(&own).await.expecting(format!("system:node:{node} may read its own node"), hint)?;

    let expected = "the node authorizer refuses a secret that no pod of the node uses (HTTP 403)";
    let secret = scene.bed.secret().await?;
    let found = match kubelet.get_text(&secret).await {
        Err(error) if error.code() == Some(403) => return Ok(()),
        Err(error) => crate::fault::chain(&error),
        Ok(_) => "it was given the secret".to_owned(),
    };
    Err(Fault::new(found, expected, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeconfigs_are_named_after_their_certificates() {
        assert_eq!(paths(&Identity::Admin), ["admin/admin.kubeconfig", "admin/admin-remote.kubeconfig"]);
        assert_eq!(paths(&Identity::Kubelet("w1".into())), ["clients/w1.kubeconfig"]);
        assert_eq!(paths(&Identity::KubeProxy), ["proxy/kube-proxy.kubeconfig"]);
        assert!(paths(&Identity::ApiServer).is_empty());
    }
}
