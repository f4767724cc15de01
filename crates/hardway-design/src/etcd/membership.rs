//! How etcd's members become members and cease to be.
//!
//! Flags and files say only how etcd starts where there is no data: with data it asks those, whatever the flags
//! (`isMemberInitialized` in `server/embed/etcd.go`, `bootstrapClusterWithWAL` in `etcdserver/bootstrap.go`). A member
//! that lost its data must not start under its old ID: it would vote again on what it has already voted on, and panic on
//! what the leader takes it to know. So a start without data happens only where it was prepared.

use std::fmt::Write as _;

use hardway_spec::Cluster;

use super::{DATA, PEER_PORT, SERVICE, administration, administration_through, recovery};
use crate::flags::Command;
use crate::paths::url;
use crate::{EtcdCall, EtcdChange};

/// How the next start without data is meant. It stands beside the data, so that it is lost where those are lost, and goes
/// with the first start that succeeds.
pub(super) const FIRST_START: &str = "/var/lib/etcd/first-start.env";
/// Stands where etcd has been up as a member: what is without data there has lost them.
const WAS_UP: &str = "/etc/etcd/was-member";
/// Where etcd's own log is, from the first moment of a member's life on (`wal.Exist` in `storage/wal/util.go`).
const LOG: &str = "/var/lib/etcd/member/wal";

/// Attempts to change the members, one a second. Others refuse until they have been connected for five seconds
/// (`HealthInterval` in `etcdserver/server.go`).
const ATTEMPTS: u32 = 60;
/// Attempts to promote, one a second: the learner has to take over all data before, at most 8 GiB.
const PROMOTION_ATTEMPTS: u32 = 900;

/// Who the members are, as etcd reads it from its environment. `existing`: without anything prepared, none founds.
pub(super) fn file(cluster: &Cluster) -> String {
    let members: Vec<String> =
        cluster.etcd_members().map(|member| format!("{}={}", member.name, url(member.address, PEER_PORT))).collect();
    format!(
        "ETCD_INITIAL_CLUSTER={}\nETCD_INITIAL_CLUSTER_STATE=existing\nETCD_INITIAL_CLUSTER_TOKEN={}\n",
        members.join(","),
        cluster.metadata.name
    )
}

/// Refuses a start without data that nobody prepared.
pub(super) fn guard() -> Command {
    Command::new("/bin/sh").argument("-c").argument(format!(
        "test -d {LOG} || test -e {FIRST_START} || {{ echo '{DATA} has no data of a member. etcd does not start: \
         without what it once knew it would harm the other members. To put a new member in its place, run: \
         hardway apply' >&2; exit 1; }}"
    ))
}

/// systemd calls it when etcd says that it has joined the others (`startEtcd` in `server/etcdmain/etcd.go`).
pub(super) fn note_success() -> Command {
    // As root: the folder is not etcd's.
    Command::new("+/bin/sh").argument("-c").argument(format!("rm -f {FIRST_START} && touch {WAS_UP}"))
}

/// What [`crate::EtcdMemberObservation`] is read from.
pub(super) fn inquiry() -> String {
    format!(
        "if [ -e {FIRST_START} ]; then echo first-start; fi\n\
         if [ -e {WAS_UP} ]; then echo was-up; fi\n\
         if [ -d {LOG} ]; then\n\
         \x20   echo data\n\
         fi\n\
         if systemctl -q is-active {SERVICE}; then\n\
         \x20   {}\n\
         \x20   etcdctl {IMPATIENT} member list --write-out=simple | sed 's/^/member /'\n\
         fi",
        administration()
    )
}

impl EtcdChange {
    /// POSIX sh, as root on the machine that makes the change; it ends with the first command that fails.
    pub fn script(&self) -> String {
        match self {
            Self::Found => prepare("echo ETCD_INITIAL_CLUSTER_STATE=new"),
            Self::Remove(call) => remove(call),
            Self::Join(call) => join(call),
            Self::Promote(call) => promote(call),
            Self::Move(call) => move_to(call),
            Self::Rebuild(rebuild) => recovery::rebuild(rebuild),
        }
    }

    /// Whom it asks the others about; None where there are no others to ask.
    pub fn member(&self) -> Option<&EtcdCall> {
        match self {
            Self::Found | Self::Rebuild(_) => None,
            Self::Remove(call) | Self::Join(call) | Self::Promote(call) | Self::Move(call) => Some(call),
        }
    }
}

/// Puts what a command prints in the place that the first start reads.
fn prepare(command: &str) -> String {
    format!("{command} >{FIRST_START}.new\nmv -f {FIRST_START}.new {FIRST_START}")
}

/// `listed` prints the members of that address or name, a line each; `name` and `address` are awk's variables.
fn head(call: &EtcdCall) -> String {
    format!(
        "{}\n\
         listed() {{\n\
         \x20   members=$(etcdctl --write-out=simple member list) || return 1\n\
         \x20   printf '%s\\n' \"$members\" | awk -F', ' -v name={} -v address={} \"$1\"\n\
         }}\n",
        administration_through(&call.through),
        call.name,
        call.peer_url
    )
}

/// For shellcheck: what stands in single quotes is not the shell's to expand.
const AWKS_OWN: &str = "# shellcheck disable=SC2016 # these are awk's";

/// Repeats `command` as long as `state` prints something: what was refused, or got lost on its way, may pass next time.
fn until_gone(state: &str, command: &str, attempts: u32) -> String {
    format!(
        "attempt=0\n\
         said=\n\
         {AWKS_OWN}\n\
         until state=$(listed '{state}') && [ -z \"$state\" ]; do\n\
         \x20   # Without a state, the members could not be listed.\n\
         \x20   if [ -z \"$state\" ] || ! said=$({command} 2>&1); then\n\
         \x20       attempt=$((attempt + 1))\n\
         \x20       if [ \"$attempt\" -ge {attempts} ]; then\n\
         \x20           printf '%s\\n' \"$said\"\n\
         \x20           exit 1\n\
         \x20       fi\n\
         \x20       sleep 1\n\
         \x20   fi\n\
         done"
    )
}

/// How long an answer is waited for that may never come: one that is dead answers nobody.
const IMPATIENT: &str = "--dial-timeout=2s --command-timeout=5s";

fn remove(call: &EtcdCall) -> String {
    let mut text = head(call);
    if let Some(successor) = call.through.first() {
        // One that does not lead, or is dead, has nothing to hand over.
        let _ = writeln!(
            text,
            "{AWKS_OWN}\n\
             client=$(listed '$3 == name || $4 == address {{ print $5; exit }}')\n\
             {AWKS_OWN}\n\
             successor=$(listed '$5 == \"{successor}\" && $6 == \"false\" {{ print $1 }}')\n\
             if [ -n \"$client\" ] && [ -n \"$successor\" ]; then\n\
             \x20   ETCDCTL_ENDPOINTS=$client etcdctl {IMPATIENT} move-leader \"$successor\" || true\n\
             fi"
        );
    }
    let is_member = "$3 == name || $4 == address { print $1; exit }";
    text += &until_gone(is_member, "etcdctl member remove \"$state\"", ATTEMPTS);
    text
}

fn join(call: &EtcdCall) -> String {
    let mut text = head(call);
    // Data of a member that the others no longer have, or of a start that did not come far.
    let _ = writeln!(
        text,
        "systemctl stop {SERVICE} 2>/dev/null || true\n\
         if [ -e {DATA}/member ]; then\n\
         \x20   rm -rf {DATA}/former-member\n\
         \x20   mv {DATA}/member {DATA}/former-member\n\
         fi"
    );
    let add = format!("etcdctl member add {} --learner --peer-urls={}", call.name, call.peer_url);
    let is_missing = "$4 == address { found = 1 } END { if (!found) print \"missing\" }";
    text += &until_gone(is_missing, &add, ATTEMPTS);
    let _ = writeln!(
        text,
        "\n{AWKS_OWN}\n\
         members=$(listed '{{ printf \"%s%s=%s\", separator, ($4 == address ? name : $3), $4; separator = \",\" }}')"
    );
    text += &prepare("printf '%s\\n' \"ETCD_INITIAL_CLUSTER=$members\"");
    text
}

fn promote(call: &EtcdCall) -> String {
    let mut text = head(call);
    let is_learner = "$4 == address && $6 == \"true\" { print $1 }";
    text += &until_gone(is_learner, "etcdctl member promote \"$state\"", PROMOTION_ATTEMPTS);
    text
}

fn move_to(call: &EtcdCall) -> String {
    let mut text = head(call);
    let is_elsewhere = "$3 == name && $4 != address { print $1 }";
    let update = format!("etcdctl member update \"$state\" --peer-urls={}", call.peer_url);
    text += &until_gone(is_elsewhere, &update, ATTEMPTS);
    text
}
