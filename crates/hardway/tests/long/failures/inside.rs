//! The client inside the cluster: a pod that calls a Service with a server on each worker, and looks its name up.

use std::time::Duration;

use hardway_cluster::Live;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::record::{Call, seconds};
use super::scene::{NAMESPACE, pod, service};
use crate::support::LabWorkspace;

const SERVER: &str = "server";
const CLIENT: &str = "client";
const PORT: u16 = 8080;

/// The worker that the client runs on, and the other one.
pub(crate) const HOME: &str = "w1";
pub(crate) const AWAY: &str = "w2";

/// For pods whose image is there.
const POD_LIMIT: Duration = Duration::from_secs(90);

pub(crate) struct Inside<'l> {
    lab: &'l LabWorkspace,
}

impl<'l> Inside<'l> {
    /// Begins to call. `domain` is the cluster's.
    pub(crate) fn start(runtime: &Runtime, live: &Live, lab: &'l LabWorkspace, domain: &str) -> Self {
        let image = lab.ssh(HOME, "ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:");
        let image = image.trim();
        let deadline = Instant::now() + POD_LIMIT;
        runtime.block_on(async {
            live.apply(&service(SERVER, PORT), deadline).await.expect("the API takes an object");
            for node in [HOME, AWAY] {
                let server = pod(SERVER, node, image, &[&serve()]);
                live.start_pod(&server, deadline).await.expect("a server runs");
            }
            let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{SERVER}");
            let made = live.get_json(&path).await.expect("it was made");
            let address = made["spec"]["clusterIP"].as_str().expect("a Service has one").to_owned();
            let name = format!("{SERVER}.{NAMESPACE}.svc.{domain}");
            let scripts = [
                repeat("service", &format!("timeout 1 wget -q -O /dev/null http://{address}/")),
                repeat("names", &format!("nslookup -timeout=1 -retry=0 {name}. >/dev/null")),
            ];
            let client = pod(CLIENT, HOME, image, &scripts.each_ref().map(String::as_str));
            live.start_pod(&client, deadline).await.expect("the client runs");
        });
        Self { lab }
    }

    /// Calls of the Service, and look-ups of its name; `None` as long as the pod can't be asked.
    pub(crate) fn calls(&self) -> Option<[Vec<Call>; 2]> {
        let client = format!("{CLIENT}-{HOME}");
        let read = ["kubectl", "--", "exec", "-n", NAMESPACE, &client, "-c", "client-1", "--", "sh", "-c"];
        let read = [&read[..], &["cat /kept/service; echo; cat /kept/names"]].concat();
        let (code, text) = self.lab.run_quietly(&read);
        let (service, names) = text.split_once("\n\n")?;
        (code == 0).then(|| [service, names].map(|text| text.lines().filter_map(call).collect()))
    }
}

/// Upstream's image has agnhost, and a busybox without httpd.
fn serve() -> String {
    format!(
        "if [ -x /agnhost ]; then exec /agnhost serve-hostname --port {PORT}; fi
echo served >/kept/index.html
exec busybox httpd -f -p {PORT} -h /kept"
    )
}

/// Runs a command some four times a second, for ever, and notes when it ended, and how.
fn repeat(file: &str, command: &str) -> String {
    format!(
        "while true; do
    {command} 2>/dev/null
    outcome=$?
    read now idle </proc/uptime
    echo $now $outcome >>/kept/{file}
    sleep 0.2
done"
    )
}

/// A line of the notes; the last one may be half written.
fn call(line: &str) -> Option<Call> {
    let (ended, outcome) = line.split_once(' ')?;
    Some(Call { ended: seconds(ended)?, succeeded: outcome == "0" })
}
