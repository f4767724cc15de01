//! Service accounts: their key pair signs and checks tokens, and no other key does.

use hardway_cluster::Verdict as Review;
use hardway_pki::Identity;
use secrecy::SecretString;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::token::sign_again;

const PART: Part = Part::ServiceAccounts;

const HINT: &str = "look at --service-account-* of kube-apiserver and kube-controller-manager";

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let accepted = "a pod's projected token is accepted";
    let refused = "the same token signed with another key is refused";
    match (scene.bed.token(), scene.bed.token()) {
        (Some(one), Some(other)) => {
            vec![
                Probe::new(PART, accepted, async move { accepts(scene, &one.await?).await }),
                Probe::new(PART, refused, async move { needs_its_key(scene, &other.await?).await }),
            ]
        }
        _ => [accepted, refused].map(|title| Probe::not_applicable(PART, title, "no node runs pods")).into(),
    }
}

/// The user that the pods' tokens stand for.
pub(crate) fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:default")
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

async fn needs_its_key(scene: Scene<'_>, token: &SecretString) -> Verdict {
    let expected = "TokenReview refuses it";
    let sign = |identity: &Identity| -> Verdict<SecretString> {
        sign_again(token, &scene.key_pair(identity)?.key).expecting("a token that can be signed", HINT)
    };
    let (ours, another) = (sign(&Identity::ServiceAccount)?, sign(&Identity::Admin)?);
    // That the right key's signature is accepted shows that only the key is wrong with the other.
    accepts(scene, &ours).await?;
    match scene.live().review_token(&another).await.expecting(expected, HINT)? {
        Review::Rejected(_) => Ok(()),
        Review::Accepted(user) => Err(Fault::new(format!("accepted as {}", user.name), expected, HINT)),
    }
}
