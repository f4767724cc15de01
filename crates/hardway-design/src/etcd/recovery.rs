//! How etcd goes on when too few members are left: from the data of one of them, as a new cluster.
//!
//! Restoring resets who the members are and keeps keys, users and leases (`snapshot/v3_snapshot.go` in etcdutl):
//! <https://etcd.io/docs/latest/op-guide/recovery/>.

use super::{DATA, SERVICE, USER};
use crate::EtcdRebuild;

/// Where a member keeps its keys.
const DATABASE: &str = "/var/lib/etcd/member/snap/db";
/// Says, among the data, which recovery they come from: so none is done twice.
const RECOVERED: &str = "/var/lib/etcd/member/recovered";

/// By so much the revision grows: clients may have seen newer ones than those that are left, and must not take what
/// comes now for what they know. More than etcd's busiest users write in the time between two sights of a revision
/// (etcd's own recommendation, in its page on recovery).
const REVISION_BUMP: u64 = 1_000_000_000;

/// POSIX sh, which changes nothing: prints what [`crate::EtcdData::parse`] reads, up to the newest revision or to `at`.
///
/// A member without a quorum answers nobody when it has been restarted (`serve` in etcd's `embed/serve.go` waits for
/// `ReadyNotify`), and keeps its database locked. So a copy is looked at, which has no lock.
pub fn etcd_data(at: Option<u64>) -> String {
    let revision = at.map(|revision| format!(" --rev={revision}")).unwrap_or_default();
    format!(
        "copy=$(mktemp -d {DATA}/inventory.XXXXXX)\n\
         trap 'rm -rf \"$copy\"' EXIT\n\
         cp --reflink=auto --sparse=auto {DATABASE} \"$copy/db\"\n\
         etcdutl hashkv{revision} --write-out=json \"$copy/db\""
    )
}

pub(super) fn rebuild(rebuild: &EtcdRebuild) -> String {
    let EtcdRebuild { name, peer_url, token } = rebuild;
    // What was there stands beside the new data, and stays: nobody but the operator knows when it is needed no more.
    let before = format!("{DATA}/before-{token}");
    format!(
        "if ! grep -qxF {token} {RECOVERED} 2>/dev/null; then\n\
         \x20   systemctl stop {SERVICE}\n\
         \x20   if [ ! -e {DATA}/member ]; then\n\
         \x20       mv -T {before} {DATA}/member\n\
         \x20   fi\n\
         \x20   rm -rf {DATA}/rebuilt\n\
         \x20   etcdutl snapshot restore {DATABASE} --skip-hash-check=true --data-dir={DATA}/rebuilt --name={name} \
         --initial-cluster={name}={peer_url} --initial-advertise-peer-urls={peer_url} --initial-cluster-token={token} \
         --bump-revision={REVISION_BUMP} --mark-compacted=true\n\
         \x20   echo {token} >{DATA}/rebuilt/member/recovered\n\
         \x20   chown -R {USER}:{USER} {DATA}/rebuilt\n\
         \x20   mv -T {DATA}/member {before}\n\
         \x20   mv -T {DATA}/rebuilt/member {DATA}/member\n\
         \x20   rm -rf {DATA}/rebuilt\n\
         fi"
    )
}
