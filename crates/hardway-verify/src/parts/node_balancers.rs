//! Each node's own balancer: its way to the API without the load balancers.

use std::collections::BTreeMap;

use hardway_design::landmarks::{BALANCER_STATE_SOCKET, KUBE_API_BALANCER};
use hardway_spec::Machine;

use crate::Part;
use crate::fault::{Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell;

/// Its port on loopback.
const PORT: u16 = 6444;

pub(crate) fn probes<'a>(scene: Scene<'a>, part: Part) -> Vec<Probe<'a>> {
    let probe = |node: &'a Machine| {
        let title = format!("the balancer of {} leads to the API and knows every control plane", node.name);
        Probe::new(part, title, leads_to_the_api(scene, node))
    };
    scene.cluster().nodes().map(probe).collect()
}

async fn leads_to_the_api(scene: Scene<'_>, node: &Machine) -> Verdict {
    let wanted: BTreeMap<String, &str> =
        scene.cluster().control_planes().map(|machine| (machine.name.to_string(), "UP")).collect();
    let expected = format!("ok, and of its servers {}", told(&wanted));
    let hint = format!("hardway ssh {} -- journalctl -u {KUBE_API_BALANCER}", node.name);
    let script = format!(
        "curl --silent --show-error --fail --max-time 5 --cacert /etc/kubernetes/pki/ca.pem https://127.0.0.1:{PORT}/readyz\n\
         echo\n\
         curl --silent --show-error --fail --max-time 5 --unix-socket {BALANCER_STATE_SOCKET} 'http://localhost/;csv'"
    );
    let answer = shell::read(scene.context, &node.name, &script, &expected, &hint).await?;
    let (ready, state) = answer.split_once('\n').unwrap_or((&answer, ""));
    let found = servers(state);
    ensure(ready == "ok" && found == wanted, || format!("{ready:?}, and {}", told(&found)), &expected, &hint)
}

fn told(servers: &BTreeMap<String, &str>) -> String {
    servers.iter().map(|(name, status)| format!("{name} {status}")).collect::<Vec<_>>().join(", ")
}

/// The servers and the state of each, from HAProxy's statistics (its management guide, 9.1: "CSV format").
fn servers(csv: &str) -> BTreeMap<String, &str> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.find(|line| line.first() == Some(&"# pxname")).unwrap_or_default();
    let column = |name: &str| heading.iter().position(|field| *field == name);
    let (Some(server), Some(status)) = (column("svname"), column("status")) else { return BTreeMap::new() };
    let rows = lines.filter_map(|row| Some(((*row.get(server)?).to_owned(), state(row.get(status)?))));
    rows.filter(|(name, _)| name != "FRONTEND" && name != "BACKEND").collect()
}

/// While the last check says otherwise than the one before, it is `UP 1/2`.
fn state(status: &str) -> &str {
    status.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_their_states() {
        let csv = "# pxname,svname,qcur,status,weight,\nkubernetes-api,FRONTEND,,OPEN,,\n\
                   kube-apiservers,cp1,0,UP 1/2,1,\nkube-apiservers,cp2,0,DOWN,1,\nkube-apiservers,BACKEND,0,UP,2,\n";
        assert_eq!(servers(csv), BTreeMap::from([("cp1".to_owned(), "UP"), ("cp2".to_owned(), "DOWN")]));
        assert!(servers("<html>").is_empty());
    }
}
