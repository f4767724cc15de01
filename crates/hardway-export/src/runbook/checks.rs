//! Whether the cluster works.

use hardway_design::Resource;

use super::Source;
use super::page::Page;

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let cluster = source.inputs.cluster;
    let endpoint = &cluster.spec.endpoint;
    page.chapter("Does it work?");
    super::cluster::enter(page);
    page.paragraph("The API and all that it rests on, every node, every pod:");
    page.shell("kubectl get --raw '/readyz?verbose'\nkubectl get nodes -o wide\nkubectl get pods -A -o wide");
    page.paragraph("You are who you think you are, and the elected leaders hold their leases:");
    page.shell("kubectl auth whoami\nkubectl get leases -n kube-system");
    if cluster.load_balancers().next().is_some() {
        page.paragraph("The load balancer finds a healthy control plane:");
        page.shell(&format!("curl -k https://{endpoint}/healthz"));
    }
    encryption(source, page);
    if cluster.spec.addons.metrics_server {
        page.paragraph("The aggregated API works, and kubelets are known by certificates of the cluster:");
        page.shell("kubectl top nodes");
    }
    page.paragraph(
        "A pod finds the API by its name, which takes the scheduler, a node, the pod network, kube-proxy and DNS:",
    );
    page.shell(&format!(
        "kubectl run dnsutils --image={} --image-pull-policy=IfNotPresent --command -- sleep infinity\n\
         kubectl wait --for=condition=Ready pod/dnsutils --timeout=2m\n\
         kubectl exec -ti dnsutils -- nslookup kubernetes\n\
         kubectl logs dnsutils\n\
         kubectl delete pod dnsutils --grace-period=1",
        test_image(source)
    ));
}

/// The design's own test image where nodes have it.
fn test_image(source: &Source<'_>) -> String {
    let resources = source.groups.iter().flat_map(|group| &group.resources);
    let mut references = resources.filter_map(|resource| match resource {
        Resource::Image(image) if image.name == "dnsutils" => Some(image.reference.clone()),
        _ => None,
    });
    references.next().or_else(|| super::programs::upstream_image("dnsutils")).unwrap_or_default()
}

fn encryption(source: &Source<'_>, page: &mut Page) {
    let Some(member) = source.inputs.cluster.etcd_members().next() else { return };
    page.paragraph("A secret is encrypted where etcd stores it: the value begins with `k8s:enc:aescbc:v1:key1:`.");
    page.shell("kubectl create secret generic hard-way --from-literal=word=hidden");
    page.paragraph(&format!("On {}, as root:", member.name));
    page.shell(
        "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem \\\n    \
         --cert=/etc/etcd/pki/root.pem --key=/etc/etcd/pki/root-key.pem \\\n    \
         get /registry/secrets/default/hard-way | head -c 120 | cat -v",
    );
    page.paragraph("And back on your own machine:");
    page.shell("kubectl delete secret hard-way");
}
