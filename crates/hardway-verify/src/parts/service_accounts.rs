//! Service accounts: their key pair signs and checks tokens, and no other key does.

use std::time::Duration;

use hardway_cluster::Verdict as Review;
use hardway_pki::Identity;
use secrecy::SecretString;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::testbed::TestPod;
use crate::token::sign_again;

const PART: Part = Part::ServiceAccounts;

/// Where the kubelet projects a pod's token to.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const HINT: &str = "look at --service-account-* of kube-apiserver and kube-controller-manager";

/// For a `cat` in a container on a busy node.
const EXEC_LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let accepted = "a pod's projected token is accepted";
    let refused = "the same token signed with another key is refused";
    let Some(pod) = scene.bed.pods.first() else {
        return [accepted, refused].map(|title| Probe::not_applicable(PART, title, "no worker runs pods")).into();
    };
    vec![Probe::new(PART, accepted, is_accepted(scene, pod)), Probe::new(PART, refused, needs_its_key(scene, pod))]
}

/// The token that the kubelet gave a test pod.
pub(crate) async fn token(scene: Scene<'_>, pod: &TestPod) -> Verdict<SecretString> {
    let expected = "a token in the pod";
    pod.address().await?;
    let output = scene.live().exec(&scene.bed.namespace, &pod.name, &["cat", TOKEN], EXEC_LIMIT).await;
    let output = output.expecting(expected, HINT)?;
    ensure(output.exit_code == 0, || output.stderr.trim().to_owned(), expected, HINT)?;
    Ok(output.stdout.into())
}

/// The user that the pods' tokens stand for.
pub(crate) fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:default")
}

async fn is_accepted(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    accepts(scene, &token(scene, pod).await?).await
}

async fn accepts(scene: Scene<'_>, token: &SecretString) -> Verdict {
    let expected = format!("TokenReview accepts it as {}", user(&scene.bed.namespace));
    let review = scene.live().review_token(token).await.expecting(&expected, HINT)?;
    let found = match review {
        Review::Accepted(found) if found.name == user(&scene.bed.namespace) => return Ok(()),
        Review::Accepted(found) => format!("accepted as {}", found.name),
        Review::Rejected(why) => format!("rejected: {why}"),
    };
    Err(Fault::new(found, expected, HINT))
}

async fn needs_its_key(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    let expected = "TokenReview refuses it";
    let token = token(scene, pod).await?;
    let sign = |identity: &Identity| -> Verdict<SecretString> {
        sign_again(&token, &scene.key_pair(identity)?.key).expecting("a token that can be signed", HINT)
    };
    let (ours, another) = (sign(&Identity::ServiceAccount)?, sign(&Identity::Admin)?);
    // That the right key's signature is accepted shows that only the key is wrong with the other.
    accepts(scene, &ours).await?;
    match scene.live().review_token(&another).await.expecting(expected, HINT)? {
        Review::Rejected(_) => Ok(()),
        Review::Accepted(user) => Err(Fault::new(format!("accepted as {}", user.name), expected, HINT)),
    }
}
