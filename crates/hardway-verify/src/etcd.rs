//! `etcdctl` on an etcd member, as its root.

use hardway_design::{Design, Resource};
use hardway_machine::Output;
use hardway_pki::Identity;
use hardway_spec::MachineName;

use crate::fault::{Fault, Verdict};
use crate::scene::Scene;
use crate::shell::{self, quote};

/// The member's port for clients, on loopback: what is asked concerns this member.
pub(crate) const LOCAL: &str = "https://127.0.0.1:2379";

/// Runs `etcdctl ARGUMENTS` with the root certificate that the design put on the member.
pub(crate) async fn as_root(scene: Scene<'_>, member: &MachineName, arguments: &str) -> Verdict<Output> {
    let place = |identity: Identity, key: bool| -> Verdict<String> {
        let pair = scene.key_pair(&identity)?;
        let content = if key { pair.key.as_bytes() } else { pair.certificate.as_bytes() };
        let place = place(scene.context.design, member, content).map(quote);
        place.ok_or_else(|| {
            let found = format!("the design puts no {identity} on {member}");
            Fault::new(found, "etcd's administrator on every member", "hardway apply")
        })
    };
    let script = format!(
        "etcdctl --endpoints={LOCAL} --cacert={} --cert={} --key={} {arguments}",
        place(Identity::EtcdAuthority, false)?,
        place(Identity::EtcdRoot, false)?,
        place(Identity::EtcdRoot, true)?,
    );
    shell::exec(scene.context, member, &script, &[]).await
}

/// Runs `etcdctl ARGUMENTS` as an identity whose key the machine does not have: it comes over standard input and
/// stands in memory there (/run) until the command is done.
pub(crate) async fn as_guest(
    scene: Scene<'_>,
    member: &MachineName,
    identity: &Identity,
    arguments: &str,
) -> Verdict<Output> {
    let pair = scene.key_pair(identity)?;
    let authority = scene.key_pair(&Identity::EtcdAuthority)?;
    let script = format!(
        "umask 077\n\
         folder=$(mktemp -d /run/hardway-verify.XXXXXX) || exit 1\n\
         trap 'rm -rf \"$folder\"' EXIT\n\
         trap 'exit 1' HUP INT TERM\n\
         cat >\"$folder/client.pem\"\n\
         cat >\"$folder/ca.pem\" <<'END'\n{}\nEND\n\
         etcdctl --endpoints={LOCAL} --cacert=\"$folder/ca.pem\" --cert=\"$folder/client.pem\" \
         --key=\"$folder/client.pem\" {arguments}",
        authority.certificate.trim_end(),
    );
    let material = zeroize::Zeroizing::new(format!("{}\n{}", pair.certificate, pair.key.as_str()));
    shell::exec(scene.context, member, &script, material.as_bytes()).await
}

/// The path of the file in the design that holds exactly these bytes.
fn place<'a>(design: &'a Design, machine: &'a MachineName, content: &[u8]) -> Option<&'a str> {
    design.on_machine(machine).flat_map(|group| &group.resources).find_map(|resource| match resource {
        Resource::File(file) if file.content.bytes() == content => Some(file.path.as_str()),
        _ => None,
    })
}
