//! Certificates with cfssl, as the hard way makes them.

use hardway_pki::{CertificateProfile, Identity, Signer, table};

use super::Source;
use super::openssl;
use super::page::{Page, code};
use crate::files::CA_CONFIG;

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let profiles = table(source.inputs.cluster);
    page.chapter("Certificates");
    page.paragraph(
        "Every component proves who it is with a certificate, and checks all others against an authority. Kubernetes \
         reads the user's name from CN and the group from O; etcd reads its user from CN. Each identity has a \
         certificate of its own with no more usages than it needs, so that a stolen key is worth as little as possible.",
    );
    let rows: Vec<[String; 5]> = profiles.iter().map(row).collect();
    page.table(["certificate", "CN", "O", "signed by", "why"], &rows);
    page.paragraph(&format!(
        "`NAME-csr.json` is the request, `NAME.pem` the certificate, `NAME-key.pem` its private key. `{CA_CONFIG}` \
         says what a certificate of each kind may be used for: `client`, `server`, `kubernetes` (both ends of a \
         connection) and `signing`. With cfssl, authorities first:",
    ));
    page.shell(&commands(source, &profiles));
    page.paragraph(
        "The chapter at the end does the same with openssl alone. Whichever you take, keys are nobody else's business:",
    );
    page.shell("chmod 600 pki/*/*-key.pem");
    page.paragraph("What a certificate says, and that its authority signed it:");
    page.shell(
        "openssl x509 -in pki/api/kubernetes.pem -noout -subject -issuer -enddate -ext subjectAltName\n\
         openssl verify -CAfile pki/ca/ca.pem pki/api/kubernetes.pem",
    );
}

fn row(profile: &CertificateProfile) -> [String; 5] {
    let signer = match &profile.signer {
        Signer::Itself => "itself".to_owned(),
        Signer::Authority(authority) => code(&authority.slug()),
    };
    [
        code(&profile.identity.slug()),
        code(&profile.common_name),
        code(&profile.organization),
        signer,
        why(&profile.identity).to_owned(),
    ]
}

fn commands(source: &Source<'_>, profiles: &[CertificateProfile]) -> String {
    profiles.iter().map(|profile| command(source, profile)).collect::<Vec<_>>().join("\n")
}

fn command(source: &Source<'_>, profile: &CertificateProfile) -> String {
    let stem = format!("pki/{}", profile.identity);
    match &profile.signer {
        Signer::Itself if profile.is_authority() => {
            format!("cfssl gencert -initca {stem}-csr.json | cfssljson -bare {stem}\n")
        }
        // cfssl makes no certificate that signs itself and is no authority.
        Signer::Itself => openssl::self_signed(source, profile),
        Signer::Authority(authority) => format!(
            "cfssl gencert \\\n    -ca=pki/{authority}.pem \\\n    -ca-key=pki/{authority}-key.pem \\\n    \
             -config={CA_CONFIG} \\\n    -profile={} \\\n    {stem}-csr.json | cfssljson -bare {stem}\n",
            profile.usage.cfssl_profile().expect("only authorities have no profile, and they sign themselves"),
        ),
    }
}

fn why(identity: &Identity) -> &'static str {
    match identity {
        Identity::ClusterAuthority => {
            "The root of trust of the cluster: who holds a certificate of it is known to the API."
        }
        Identity::EtcdAuthority => {
            "etcd trusts this authority alone, so that no certificate of Kubernetes opens the store behind the API's back."
        }
        Identity::FrontProxyAuthority => {
            "Whoever it signs may speak to extension API servers in any user's name, which no other authority may grant."
        }
        Identity::Admin => "You. The group `system:masters` may do everything.",
        Identity::Kubelet(_) => {
            "A kubelet as a client. By this name the Node authorizer limits it to its own node and its own pods' secrets."
        }
        Identity::KubeletServer(_) => {
            "The kubelet's HTTPS endpoint, so that `logs`, `exec` and metrics reach the node they mean, and no other."
        }
        Identity::ControllerManager => "kube-controller-manager as a client; RBAC's default roles know this name.",
        Identity::ControllerManagerServer => "Its health and metrics endpoint.",
        Identity::Scheduler => "kube-scheduler as a client; RBAC's default roles know this name.",
        Identity::SchedulerServer => "Its health and metrics endpoint.",
        Identity::KubeProxy => "kube-proxy as a client; `system:node-proxier` may read Services and endpoints.",
        Identity::CalicoCni => "Calico's CNI plugin as a client, which may only look up pods and namespaces.",
        Identity::ApiServer => {
            "The API itself, under every name and address that clients call it by, in the cluster and outside."
        }
        Identity::ApiServerKubeletClient => {
            "kube-apiserver as a client of kubelets. It has no group; a ClusterRole says what it may do there."
        }
        Identity::ApiServerEtcdClient => "kube-apiserver as a client of etcd.",
        Identity::FrontProxyClient => "kube-apiserver when it hands a request on to an extension API server.",
        Identity::EtcdServer(_) => "What an etcd member shows its clients.",
        Identity::EtcdPeer(_) => "What an etcd member shows the others. It is both ends of a connection, as peers are.",
        Identity::EtcdRoot => "etcd's administrator, used on the members only.",
        Identity::EtcdCalico => {
            "Calico as a client of etcd. Every node holds it, so etcd gives it `/calico/` and nothing else."
        }
        Identity::ServiceAccount => {
            "Its key signs service accounts' tokens, and the public half checks them. It is no end of a connection."
        }
        Identity::MetricsServer => {
            "metrics-server's endpoint, which the API server checks before it hands requests on."
        }
        Identity::LoadBalancer => {
            "HTTPS on the load balancer's port 443. It signs itself: who calls it knows the load balancer, not the cluster."
        }
    }
}
