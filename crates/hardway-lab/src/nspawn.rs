//! How a machine is run: the scripts beside its disk, and systemd-nspawn's arguments.
//!
//! The scripts, not the operator's process, keep a machine alive, so that it outlives the command
//! that started it. They need nothing but util-linux and systemd-nspawn, and can be read where
//! they lie.
//!
//! Invariant: a machine's disk is mounted in a mount namespace of its own, so the host's mount
//! table never shows it and nothing has to be unmounted after a crash.

use std::path::Path;

use crate::cgroup::Place;

/// systemd-nspawn's exit code when the machine rebooted and `--keep-unit` is given: whoever
/// started it is asked to start it again (nspawn's `EXIT_FORCE_RESTART`).
const REBOOTED: u8 = 133;

/// What is needed to run one machine.
pub(crate) struct Boot<'a> {
    /// The folder with the machine's disk.
    pub(crate) dir: &'a Path,
    pub(crate) name: &'a str,
    /// nspawn's name for it, unique on the host.
    pub(crate) nspawn_machine: &'a str,
    pub(crate) bridge: &'a str,
    pub(crate) veth: &'a str,
    /// The machine's group, in every hierarchy.
    pub(crate) groups: Vec<Place>,
    /// The group of the process that starts it again.
    pub(crate) watch_groups: Vec<Place>,
    /// The host's kernel modules, if it has any.
    pub(crate) kernel_modules: bool,
}

impl Boot<'_> {
    /// systemd-nspawn's arguments, after its name.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "--quiet".to_owned(),
            "--register=no".to_owned(),
            "--keep-unit".to_owned(),
            format!("--machine={}", self.nspawn_machine),
            format!("--hostname={}", self.name),
            "--directory=root".to_owned(),
            "--boot".to_owned(),
            format!("--network-bridge={}", self.bridge),
            // Container runtimes in the machine make namespaces, mounts and devices.
            "--capability=all".to_owned(),
            "--system-call-filter=@known".to_owned(),
            "--bind=/dev/kmsg".to_owned(),
            // Snapshots of containers are overlays, and an overlay cannot lie on an overlay.
            format!("--bind={}:/var/lib/containerd", self.dir.join("containerd").display()),
            "--link-journal=no".to_owned(),
            "--resolv-conf=off".to_owned(),
            "--timezone=off".to_owned(),
            "--console=read-only".to_owned(),
        ];
        if self.kernel_modules {
            arguments.push("--bind-ro=/lib/modules".to_owned());
        }
        arguments
    }

    /// Boots the machine once, in the mount namespace that it finds itself in.
    pub(crate) fn boot_script(&self) -> String {
        let arguments: Vec<String> = self.arguments().iter().map(|a| quote(a)).collect();
        format!(
            "#!/bin/sh\n\
             # Boots machine {name} once; made by the lab.\n\
             set -eu\n\
             {clear}\
             {join}\
             cd {dir}\n\
             mount -t overlay -o lowerdir=base,upperdir=disk,workdir=work overlay root\n\
             mkdir -p /run/systemd/nspawn\n\
             mount -t tmpfs -o mode=0755 nspawn /run/systemd/nspawn\n\
             ip link delete {veth} 2>/dev/null || :\n\
             export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1\n\
             exec systemd-nspawn \\\n  {arguments}\n",
            name = self.name,
            clear = clear(&self.groups),
            join = join(&self.groups),
            dir = quote(&self.dir.to_string_lossy()),
            veth = self.veth,
            arguments = arguments.join(" \\\n  "),
        )
    }

    /// Boots the machine again each time it reboots; ends when it is off and says how in `ended`.
    pub(crate) fn watch_script(&self) -> String {
        format!(
            "#!/bin/sh\n\
             # Keeps machine {name} running until it is switched off; made by the lab.\n\
             set -eu\n\
             {join}\
             cd {dir}\n\
             while :; do\n\
             \x20 code=0\n\
             \x20 unshare --mount --propagation private /bin/sh ./boot || code=$?\n\
             \x20 [ \"$code\" = {REBOOTED} ] || break\n\
             done\n\
             echo \"$code\" >ended\n",
            name = self.name,
            join = join(&self.watch_groups),
            dir = quote(&self.dir.to_string_lossy()),
        )
    }
}

/// Removes the groups that the last boot left. Version 2 takes no process into a group that has
/// handed its controllers on, as nspawn's has: there the group itself is made anew.
fn clear(groups: &[Place]) -> String {
    groups
        .iter()
        .map(|place| {
            let folder = quote(&place.folder.to_string_lossy());
            if place.unified {
                format!("find {folder} -depth -type d -exec rmdir {{}} +\nmkdir {folder}\n")
            } else {
                format!("find {folder} -mindepth 1 -depth -type d -exec rmdir {{}} + || :\n")
            }
        })
        .collect()
}

/// Moves the shell into the groups, or ends it where they are gone: a lab that is being taken down
/// removes them first, so that no process can slip in behind its back.
fn join(groups: &[Place]) -> String {
    groups.iter().map(|place| format!("echo $$ >{}\n", quote(&place.procs().to_string_lossy()))).collect()
}

/// A word that sh takes as it is.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tree: &str, name: &str, unified: bool) -> Place {
        Place { folder: format!("/sys/fs/cgroup/{tree}/hardway-lab/abc123/cp1/{name}").into(), unified }
    }

    fn boot() -> Boot<'static> {
        Boot {
            dir: Path::new("/var/lib/hardway-lab/abc123/machines/cp1"),
            name: "cp1",
            nspawn_machine: "abc123-11",
            bridge: "hw-abc123",
            veth: "vb-abc123-11",
            groups: vec![place("pids", "machine", false), place("unified", "machine", true)],
            watch_groups: vec![place("pids", "watch", false), place("unified", "watch", true)],
            kernel_modules: false,
        }
    }

    #[test]
    fn the_boot_script_is_as_expected() {
        assert_eq!(boot().boot_script(), include_str!("../tests/golden/boot"));
    }

    #[test]
    fn the_watch_script_is_as_expected() {
        assert_eq!(boot().watch_script(), include_str!("../tests/golden/watch"));
    }

    #[test]
    fn a_quote_in_a_path_is_no_end_of_the_word() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
