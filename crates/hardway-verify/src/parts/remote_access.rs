//! Remote access: the operator's kubeconfig works from here, through the endpoint's name.

use std::net::IpAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hardway_cluster::{Access, Credentials};
use tokio::process::Command;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, ensure, within};
use crate::parts::kubeconfigs;
use crate::probe::Probe;
use crate::scene::{Scene, connect};

const PART: Part = Part::RemoteAccess;

/// kubectl asks for the API's groups first; on a busy machine that takes a second.
const KUBECTL_LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let path = kubeconfigs::admin_remote();
    let endpoint = &scene.cluster().spec.endpoint;
    let mut probes = vec![
        Probe::new(PART, format!("this machine resolves {endpoint}"), async move { resolve(scene).await.map(drop) }),
        Probe::new(PART, format!("configs/{path} leads to the API"), leads_to_the_api(scene)),
    ];
    let title = "kubectl lists the nodes with it";
    probes.push(match scene.context.kubectl {
        Some(kubectl) => Probe::new(PART, title, kubectl_works(scene, kubectl)),
        None => Probe::not_applicable(PART, title, "this machine has no kubectl"),
    });
    probes
}

/// The endpoint's address, as this machine resolves its name.
pub(crate) async fn resolve(scene: Scene<'_>) -> Verdict<IpAddr> {
    let cluster = scene.cluster();
    let endpoint = &cluster.spec.endpoint;
    let machines = cluster.load_balancers().chain(cluster.control_planes()).map(|it| it.address);
    let wanted: Vec<_> = cluster.endpoint_address().into_iter().chain(machines).collect();
    let example = wanted.first().map(ToString::to_string).unwrap_or_default();
    let expected = format!("{endpoint} as a name of {example}");
    let hint = format!("add the line \"{example} {endpoint}\" to /etc/hosts here, or the name to your DNS");

    let found: Vec<_> =
        tokio::net::lookup_host((endpoint.as_str(), 0)).await.expecting(&expected, &hint)?.map(|it| it.ip()).collect();
    let ours = found.iter().find(|address| wanted.contains(address));
    ours.copied().ok_or_else(|| {
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        Fault::new(format!("it is {}", found.join(", ")), expected, hint)
    })
}

async fn leads_to_the_api(scene: Scene<'_>) -> Verdict {
    let config = kubeconfigs::read(scene.context.configs, &kubeconfigs::admin_remote()).await?;
    let endpoint = &scene.cluster().spec.endpoint;
    let expected = format!("the API at {endpoint} answers");
    ensure(config.host == *endpoint, || format!("it leads to {}", config.host), &expected, "hardway kubeconfig")?;
    let access = Access {
        server: (resolve(scene).await?, config.port).into(),
        server_name: config.host,
        authority: config.authority,
    };
    let live = connect(&access, &Credentials::Certificate(config.client))?;
    let answer = live.get_text("/readyz").await.expecting(&expected, "hardway status")?;
    ensure(answer.trim() == "ok", || answer.clone(), expected, "hardway status")
}

async fn kubectl_works(scene: Scene<'_>, kubectl: &Path) -> Verdict {
    let expected = "a line per node";
    let hint = "hardway kubectl -- get nodes";
    let listing = async {
        Command::new(kubectl)
            .arg("--kubeconfig")
            .arg(scene.context.configs.join(kubeconfigs::admin_remote()))
            .args(["get", "nodes", "--output=name", "--request-timeout=10s"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expecting(expected, hint)
    };
    let output = within(KUBECTL_LIMIT, listing, expected, hint).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure(output.status.success(), || text(&output.stderr), expected, hint)?;
    let listed = text(&output.stdout);
    let is_listed = |name: &str| listed.lines().any(|line| line.strip_prefix("node/") == Some(name));
    let lacking: Vec<_> =
        scene.cluster().nodes().map(|node| node.name.as_str()).filter(|name| !is_listed(name)).collect();
    ensure(lacking.is_empty(), || format!("no {}", lacking.join(", ")), expected, hint)
}
