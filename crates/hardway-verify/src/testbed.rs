//! The pods, Services and the secret that checks use, in a namespace of their own.
//!
//! All are begun at once, each is waited for only by the checks that need it.

use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use hardway_cluster::Live;
use hardway_design::{Await, Design, Object, Resource};
use hardway_spec::{Cluster, Cni, MachineName};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::Context;
use crate::fault::{Expecting, Fault, Verdict, ensure};

/// What marks a namespace as a verification's.
const LABEL: &str = "app.kubernetes.io/name";
const NAME: &str = "hardway-verify";

/// The image of the test pods: BIND's nslookup, busybox as web client, and busybox or upstream's agnhost as web server.
const IMAGE: &str = "dnsutils";

/// The port that every test pod answers at with its name.
pub(crate) const PORT: u16 = 8080;
/// A second one, which the policy denies without disturbing checks at the first.
pub(crate) const DENIED_PORT: u16 = 8081;

/// Where the kubelet projects a pod's token to.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const POLICY: &str = "first-port-only";

/// The secret that no pod uses, and the text in it.
pub(crate) const SECRET: &str = "unused";
pub(crate) const SECRET_TEXT: &str = "written by hardway verify";

/// For objects, which a ready API accepts within milliseconds.
const OBJECT_LIMIT: Duration = Duration::from_secs(10);
/// For pods, whose image is on their nodes: seconds, more where a node is busy.
const POD_LIMIT: Duration = Duration::from_secs(60);
/// For a `cat` in a container on a busy node.
const EXEC_LIMIT: Duration = Duration::from_secs(20);

/// Something that is under way, and that checks wait for.
type Awaited<T> = Shared<BoxFuture<'static, Verdict<T>>>;

/// Begins something at once, on any thread: the longest chain of a verification starts here.
fn begin<T: Clone + Send + Sync + 'static>(future: impl Future<Output = Verdict<T>> + Send + 'static) -> Awaited<T> {
    let task = AbortOnDropHandle::new(tokio::spawn(future));
    let ended = async { task.await.unwrap_or_else(|error| Err(Fault::new(error.to_string(), "no panic", "a bug"))) };
    ended.boxed().shared()
}

pub(crate) struct TestBed {
    pub(crate) namespace: String,
    /// One per node that runs workloads; two where there is only one, so that there is always another to talk to.
    pub(crate) pods: Vec<TestPod>,
    secret: Awaited<()>,
    token: Option<Awaited<SecretString>>,
    policy: Option<Awaited<()>>,
    live: Live,
}

pub(crate) struct TestPod {
    pub(crate) name: String,
    pub(crate) node: MachineName,
    address: Awaited<IpAddr>,
    service: Awaited<IpAddr>,
}

impl TestPod {
    /// The pod's address, once it is Ready.
    pub(crate) async fn address(&self) -> Verdict<IpAddr> {
        self.address.clone().await
    }

    /// The address of the Service that leads to this pod alone.
    pub(crate) async fn service(&self) -> Verdict<IpAddr> {
        self.service.clone().await
    }
}

impl TestBed {
    /// Begins to make everything.
    pub(crate) fn new(context: Context<'_>, now: Timestamp) -> Self {
        let live = || context.live.clone();
        let network = &context.cluster.spec.network;
        let namespace = format!("{NAME}-{}", now.as_millisecond());

        let made = begin(make_namespace(live(), namespace.clone()));
        let account = begin(default_account(live(), namespace.clone(), made.clone()));
        let pods: Vec<_> = places(context.cluster, context.design)
            .into_iter()
            .zip(1..)
            .map(|((node, image), number)| {
                let name = format!("{IMAGE}-{number}");
                let pod = pod(&namespace, &name, node, image, &network.domain);
                let service = service(&namespace, &name);
                TestPod {
                    node: node.clone(),
                    address: begin(start(live(), pod, account.clone())),
                    service: begin(make_service(live(), service, made.clone())),
                    name,
                }
            })
            .collect();
        let policy = pods.get(1).filter(|_| matches!(network.cni, Cni::Calico(_))).map(|denied| {
            let policy = policy(&namespace, &denied.name);
            begin(apply_after(live(), policy, made.clone()))
        });
        Self {
            secret: begin(apply_after(live(), secret(&namespace), made)),
            token: pods.first().map(|pod| begin(read_token(live(), namespace.clone(), pod))),
            policy,
            pods,
            namespace,
            live: live(),
        }
    }

    /// Waits until the secret exists; gives its path in the API.
    pub(crate) async fn secret(&self) -> Verdict<String> {
        self.secret.clone().await?;
        Ok(format!("/api/v1/namespaces/{}/secrets/{SECRET}", self.namespace))
    }

    /// The token that the kubelet gave the first pod; `None` where there is no pod.
    pub(crate) fn token(&self) -> Option<impl Future<Output = Verdict<SecretString>> + Send + 'static> {
        self.token.clone()
    }

    /// Waits until there is a policy that denies the second pod's [`DENIED_PORT`]; `None` where nothing would
    /// enforce it.
    pub(crate) fn policy(&self) -> Option<impl Future<Output = Verdict> + Send + 'static> {
        self.policy.clone()
    }

    pub(crate) async fn lift_policy(&self) -> Verdict {
        let Some(denied) = self.pods.get(1) else { return Ok(()) };
        let policy = policy(&self.namespace, &denied.name);
        self.live.delete(&policy).await.expecting("the policy can be deleted", "hardway status")
    }

    /// Deletes the namespace and everything in it, without waiting for the end of that. The pods are named: nobody who
    /// asks from now on takes them for pods that stay.
    pub(crate) async fn remove(&self) {
        let pods = self.pods.iter().map(|pod| Object {
            value: json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod.name, "namespace": self.namespace},
            }),
        });
        let objects: Vec<Object> = pods.chain([namespace_object(&self.namespace)]).collect();
        for deleted in join_all(objects.iter().map(|object| self.live.delete(object))).await {
            if let Err(error) = deleted {
                tracing::warn!(namespace = self.namespace, error = crate::fault::chain(&error), "not deleted");
            }
        }
    }

    /// The pod after this one, from which or to which checks go.
    pub(crate) fn neighbour(&self, index: usize) -> &TestPod {
        &self.pods[(index + 1) % self.pods.len()]
    }
}

/// The nodes that the design brings the test image to, a lone one twice, and the image's reference there.
fn places<'a>(cluster: &'a Cluster, design: &'a Design) -> Vec<(&'a MachineName, &'a str)> {
    let mut places: Vec<_> = cluster
        .nodes()
        .filter_map(|machine| {
            let mut resources = design.on_machine(&machine.name).flat_map(|group| &group.resources);
            resources.find_map(|resource| match resource {
                Resource::Image(image) if image.name == IMAGE => Some((&machine.name, image.reference.as_str())),
                _ => None,
            })
        })
        .collect();
    if let [only] = places[..] {
        places.push(only);
    }
    places
}

async fn make_namespace(live: Live, name: String) -> Verdict {
    let expected = "the API makes a namespace for the checks";
    let namespace = namespace_object(&name);
    let (leftovers, made) = futures::join!(delete_leftovers(&live, &name), apply(&live, &namespace, expected));
    leftovers.and(made)
}

/// Takes away what killed verifications left.
async fn delete_leftovers(live: &Live, ours: &str) -> Verdict {
    let expected = "the namespaces of earlier checks can be deleted";
    let path = format!("/api/v1/namespaces?labelSelector={LABEL}={NAME}");
    let list = live.get_json(&path).await.expecting(expected, "hardway status")?;
    for name in leftovers(&list, ours) {
        live.delete(&namespace_object(name)).await.expecting(expected, "hardway status")?;
    }
    Ok(())
}

/// Names of the listed namespaces, but ours, that nobody deletes yet.
fn leftovers<'v>(list: &'v Value, ours: &str) -> Vec<&'v str> {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter(|item| item["metadata"]["deletionTimestamp"].is_null())
        .filter_map(|item| item["metadata"]["name"].as_str())
        .filter(|name| *name != ours)
        .collect()
}

async fn default_account(live: Live, namespace: String, made: Awaited<()>) -> Verdict {
    made.await?;
    let condition = Await::ServiceAccount { namespace };
    live.wait(&condition, Instant::now() + OBJECT_LIMIT)
        .await
        .expecting(condition.title(), "look at kube-controller-manager, which makes it")
}

async fn apply_after(live: Live, object: Object, made: Awaited<()>) -> Verdict {
    made.await?;
    apply(&live, &object, "the API takes an object").await
}

async fn make_service(live: Live, service: Object, made: Awaited<()>) -> Verdict<IpAddr> {
    made.await?;
    let expected = "a Service with an address";
    apply(&live, &service, expected).await?;
    let path = format!("/api/v1/namespaces/{}/services/{}", service.namespace().unwrap_or_default(), service.name());
    address(&live, &path, "/spec/clusterIP", expected).await
}

async fn start(live: Live, pod: Object, account: Awaited<()>) -> Verdict<IpAddr> {
    let expected = "a test pod runs";
    account.await?;
    live.start_pod(&pod, Instant::now() + POD_LIMIT).await.expecting(expected, "hardway status")?;
    let path = format!("/api/v1/namespaces/{}/pods/{}", pod.namespace().unwrap_or_default(), pod.name());
    address(&live, &path, "/status/podIP", expected).await
}

fn read_token(live: Live, namespace: String, pod: &TestPod) -> impl Future<Output = Verdict<SecretString>> + use<> {
    let (name, started) = (pod.name.clone(), pod.address.clone());
    async move {
        let (expected, hint) = ("a token in the pod", "look at kube-controller-manager and the kubelet");
        started.await?;
        let output = live.exec(&namespace, &name, &["cat", TOKEN], EXEC_LIMIT).await.expecting(expected, hint)?;
        ensure(output.exit_code == 0, || output.stderr.trim().to_owned(), expected, hint)?;
        Ok(output.stdout.into())
    }
}

async fn apply(live: &Live, object: &Object, expected: &str) -> Verdict {
    live.apply(object, Instant::now() + OBJECT_LIMIT).await.expecting(expected, "hardway status")
}

async fn address(live: &Live, path: &str, pointer: &str, expected: &str) -> Verdict<IpAddr> {
    let object = live.get_json(path).await.expecting(expected, "hardway status")?;
    let text = object.pointer(pointer).and_then(Value::as_str).unwrap_or("nothing");
    text.parse().map_err(|_| Fault::new(format!("{text} as its address"), expected, "hardway status"))
}

fn namespace_object(name: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels(None)},
        }),
    }
}

fn secret(namespace: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": namespace, "labels": labels(None)},
            "stringData": {"text": SECRET_TEXT},
        }),
    }
}

fn service(namespace: &str, pod: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": pod, "namespace": namespace, "labels": labels(Some(pod))},
            "spec": {"selector": labels(Some(pod)), "ports": [{"port": 80, "targetPort": PORT}]},
        }),
    }
}

/// Denies a pod everything but [`PORT`].
fn policy(namespace: &str, pod: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": POLICY, "namespace": namespace, "labels": labels(None)},
            "spec": {
                "podSelector": {"matchLabels": labels(Some(pod))},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
            },
        }),
    }
}

/// What a test pod runs: upstream's image has agnhost, and a busybox without httpd. agnhost writes to the log, which is
/// to hold the name alone.
fn serve(name: &str) -> String {
    format!(
        "echo {name} | tee /site/index.html
if [ -x /agnhost ]; then
    /agnhost serve-hostname --port {DENIED_PORT} 2>/dev/null &
    exec /agnhost serve-hostname --port {PORT} 2>/dev/null
fi
busybox httpd -p {DENIED_PORT} -h /site
exec busybox httpd -f -p {PORT} -h /site"
    )
}

/// Keeps a test pod from being Ready before it serves, which no probe would tell as soon.
fn serves() -> String {
    format!("until wget -q -O /dev/null http://127.0.0.1:{PORT}/; do sleep 0.05; done")
}

/// A pod that serves its own name. It tolerates everything: a cordoned node is to run it too, one that is not Ready
/// is to be told as such.
fn pod(namespace: &str, name: &str, node: &MachineName, image: &str, domain: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels(Some(name))},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node},
                "tolerations": [{"operator": "Exists"}],
                "terminationGracePeriodSeconds": 0,
                "restartPolicy": "Never",
                "enableServiceLinks": false,
                // As if it were in `default`, so that `kubernetes` alone resolves.
                "dnsConfig": {"searches": [format!("default.svc.{domain}")]},
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534},
                "containers": [{
                    "name": IMAGE,
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", serve(name)],
                    "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", serves()]}}},
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "site", "mountPath": "/site"}],
                }],
                "volumes": [{"name": "site", "emptyDir": {}}],
            },
        }),
    }
}

/// Of everything made here; `pod` tells the pods apart.
fn labels(pod: Option<&str>) -> Value {
    let mut labels = json!({LABEL: NAME, "app.kubernetes.io/managed-by": "hardway"});
    if let Some(pod) = pod {
        labels["app.kubernetes.io/instance"] = pod.into();
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_and_one_that_is_being_deleted_are_no_leftovers() {
        let list = json!({"items": [
            {"metadata": {"name": "hardway-verify-1"}},
            {"metadata": {"name": "hardway-verify-2", "deletionTimestamp": "2026-11-23T00:00:00Z"}},
            {"metadata": {"name": "hardway-verify-3"}},
        ]});
        assert_eq!(leftovers(&list, "hardway-verify-3"), ["hardway-verify-1"]);
    }

    #[test]
    fn a_service_selects_its_own_pod_alone() {
        let (pod, service) =
            (pod("n", "dnsutils-1", &"w1".into(), "image", "cluster.local"), service("n", "dnsutils-1"));
        let selector = service.value.pointer("/spec/selector").unwrap();
        assert_eq!(pod.value.pointer("/metadata/labels").unwrap(), selector);
        assert_ne!(&labels(Some("dnsutils-2")), selector);
    }
}
