//! A run of a whole design with real keys: none of them is in what is kept of it, or printed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use hardway_design::example::{facts, supplied};
use hardway_design::{Await, Catalog, Design, Drain, EncryptionKey, Inputs, Object, Observed, Resource};
use hardway_machine::Machine;
use hardway_machine::fake::FakeMachine;
use hardway_pki::Bundle;
use hardway_plan::{Plan, Sight, plan};
use hardway_run::{ApiError, ClusterApi, Entry, Event, Journal, LocalBlob, Runner, read_run};
use hardway_spec::{Cluster, KeyAlgorithm};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

const SPEC: &str = "\
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  machines:
    - {name: lb,  address: 192.0.2.10, roles: [load-balancer]}
    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}
    - {name: w1,  address: 192.0.2.21, roles: [worker]}
";

/// The operator's side of a cluster.
struct Example {
    cluster: Cluster,
    bundle: Bundle,
    encryption_key: EncryptionKey,
}

impl Example {
    fn new() -> Self {
        let mut cluster = hardway_spec::parse(SPEC, "cluster.yaml").unwrap();
        // RSA keys would take the test seconds.
        cluster.spec.pki.algorithm = KeyAlgorithm::EcdsaP256;
        let mut bundle = Bundle::default();
        hardway_pki::complete(&cluster, &mut bundle, hardway_pki::FormerNames::Kept, Timestamp::now()).unwrap();
        let bytes: Vec<u8> = (0..32).map(|number| number * 7 + 13).collect();
        let encryption_key = EncryptionKey::from_bytes(&bytes.try_into().unwrap());
        Self { cluster, bundle, encryption_key }
    }

    fn design(&self) -> Design {
        let facts = |machine: &hardway_spec::Machine| (machine.name.clone(), facts(machine.name.as_str()));
        let inputs = Inputs {
            cluster: &self.cluster,
            bundle: &self.bundle,
            encryption_key: &self.encryption_key,
            catalog: &Catalog::default(),
            facts: &self.cluster.spec.machines.iter().map(facts).collect(),
        };
        supplied(&inputs, |_| digest(), BLOB.len() as u64).unwrap().1
    }

    /// Every line of every private key, as it is and as kubeconfigs and encryption configurations hold it.
    fn secrets(&self) -> BTreeSet<String> {
        let mut secrets = BTreeSet::from([self.encryption_key.as_base64().to_owned()]);
        for pair in self.bundle.key_pairs.values() {
            // A short last line might be anywhere.
            let body = pair.key.lines().filter(|line| !line.starts_with("-----") && line.len() > 20);
            secrets.extend(body.map(str::to_owned));
            // Without its first line, which is the same in all keys, and its last, which padding may change.
            let encoded = BASE64_STANDARD.encode(pair.key.as_bytes());
            secrets.insert(encoded[60..encoded.len() - 60].to_owned());
        }
        secrets
    }
}

/// What stands for every component.
const BLOB: &[u8] = b"a component";

fn digest() -> String {
    hex::encode(Sha256::digest(BLOB))
}

struct WillingCluster;

impl ClusterApi for WillingCluster {
    fn apply<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn delete<'a>(&'a self, _: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn wait<'a>(&'a self, _: &'a Await) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn cordon<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn uncordon<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ApiError>> {
        async { Ok(true) }.boxed()
    }

    fn drain<'a>(&'a self, _: &'a Drain) -> BoxFuture<'a, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }
}

/// Runs the plan on machines that do as they are told, and records it in `folder`.
async fn record(cluster: &Cluster, plan: &Plan, folder: &Path) {
    let (events, mut incoming) = mpsc::unbounded_channel();
    let opened = Event::RunOpened {
        format_version: hardway_run::FORMAT_VERSION,
        id: "20261123T170000Z".to_owned(),
        command: "hardway apply".to_owned(),
        user: "ann".to_owned(),
        host: "desk".to_owned(),
        process: 1,
        version: "0.1.0".to_owned(),
    };
    events.send(opened).unwrap();
    let machine = |name: &hardway_spec::MachineName| Arc::new(FakeMachine::new(name.clone())) as Arc<dyn Machine>;
    let blob = folder.join("blob");
    std::fs::write(&blob, BLOB).unwrap();
    let blobs = plan.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| step.action.blob());
    let runner = Arc::new(Runner {
        machines: cluster.spec.machines.iter().map(|one| (one.name.clone(), machine(&one.name))).collect(),
        cluster: Some(Arc::new(WillingCluster)),
        blobs: blobs.map(|wanted| (wanted.sha256.clone(), LocalBlob { path: blob.clone(), packed: None })).collect(),
        uploads: Arc::new(Semaphore::new(8)),
        events,
        cancel: CancellationToken::new(),
    });
    let mut journal = Journal::create(folder).unwrap();
    let report = runner.run(plan).await;
    assert!(report.succeeded(), "{:?}", report.failures);
    while let Some(entry) = incoming.recv().await {
        journal.write(&Entry { time: Timestamp::now(), entry }).unwrap();
    }
}

#[tokio::test]
async fn no_secret_is_in_the_record_of_a_run() {
    let example = Example::new();
    let design = example.design();
    let bare = example.cluster.spec.machines.iter().map(|machine| (machine.name.clone(), Observed::default()));
    let plan = plan("test", &design, &Sight { machines: bare.collect(), ..Sight::default() }).unwrap();
    let secrets = example.secrets();

    // They are in what is written to the machines, as this test understands them.
    let written: String = design
        .groups
        .iter()
        .flat_map(|group| &group.resources)
        .filter_map(|resource| match resource {
            Resource::File(file) => Some(String::from_utf8_lossy(file.content.bytes())),
            _ => None,
        })
        .collect();
    assert!(secrets.iter().filter(|secret| written.contains(*secret)).count() > 20);

    let folder = tempfile::tempdir().unwrap();
    record(&example.cluster, &plan, folder.path()).await;
    let mut kept: String = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned())
        .collect();
    let shown = read_run(folder.path()).unwrap().expect("it was recorded");
    assert_eq!(shown.run.steps_done, plan.step_count());
    kept.push_str(&serde_json::to_string(&shown).unwrap());
    kept.push_str(&format!("{shown:?}"));
    assert!(kept.contains("secret, sha256 "));
    for secret in &secrets {
        assert!(!kept.contains(secret), "a secret is in the record");
    }
}
