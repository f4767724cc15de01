//! The cgroups of a lab's machines, in every hierarchy of the host: version 1 controllers each
//! with a tree of their own, version 2's single tree, or both.
//!
//! Each machine has two groups: `watch` holds the process that starts it, `machine` all that runs
//! in it. A process cannot leave its machine's group from inside, so membership is what decides
//! whose a process is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::error::{FileContext, Result};
use crate::process;

const MOUNTINFO: &str = "/proc/self/mountinfo";
const PROCS: &str = "cgroup.procs";
/// How long a dead process may keep its group: until its parent has noticed.
const DEAD_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// One controller, or a named tree without one.
    V1,
    V2,
}

/// One mounted cgroup tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    version: Version,
    /// Version 1: the mount's options, among them the controllers' names.
    options: String,
}

impl Hierarchy {
    fn has(&self, controller: &str) -> bool {
        self.options.split(',').any(|option| option == controller)
    }
}

/// All cgroup trees of the host, and the branch in them that is ours to arrange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchies {
    trees: Vec<Hierarchy>,
    /// Relative to the trees' roots; empty where nobody else owns the trees.
    branch: PathBuf,
}

impl Hierarchies {
    /// As they are mounted now.
    pub(crate) fn of_host() -> Result<Self> {
        Ok(Self::parse(&fs::read_to_string(MOUNTINFO).at("read", MOUNTINFO)?))
    }

    /// proc_pid_mountinfo(5): the fifth word is the mount point, ` - ` ends the optional fields.
    fn parse(mountinfo: &str) -> Self {
        let mut found: Vec<Hierarchy> = Vec::new();
        for line in mountinfo.lines() {
            let Some((left, right)) = line.split_once(" - ") else {
                continue;
            };
            let mut right = right.split_whitespace();
            let version = match right.next() {
                Some("cgroup") => Version::V1,
                Some("cgroup2") => Version::V2,
                _ => continue,
            };
            let options = right.nth(1).unwrap_or_default().to_owned();
            let Some(mount) = left.split_whitespace().nth(4) else {
                continue;
            };
            let again = found.iter().any(|h| h.version == version && (version == Version::V2 || h.options == options));
            if !again {
                found.push(Hierarchy { mount: mount.into(), version, options });
            }
        }
        Self { trees: found, branch: PathBuf::new() }
    }

    /// Whether version 2 is all there is.
    pub(crate) fn unified(&self) -> bool {
        self.trees.iter().all(|h| h.version == Version::V2)
    }

    /// The same trees with a branch that somebody made for us.
    pub(crate) fn below(self, branch: PathBuf) -> Self {
        Self { branch, ..self }
    }

    /// The group `path` of the branch, in every hierarchy.
    pub(crate) fn group(&self, path: &str) -> Group<'_> {
        Group { hierarchies: self, path: path.into() }
    }

    /// Moves the processes in the branch's root one level down, into group `name`.
    pub(crate) fn step_aside(&self, name: &str) -> Result<()> {
        for tree in &self.trees {
            let root = tree.mount.join(&self.branch);
            let procs = fs::read_to_string(root.join(PROCS)).at("read", root.join(PROCS))?;
            let inner = root.join(name);
            fs::create_dir(&inner).at("create", &inner)?;
            for pid in procs.lines() {
                fs::write(inner.join(PROCS), pid).at("write", inner.join(PROCS))?;
            }
        }
        Ok(())
    }
}

/// One group in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// Version 2, where a group has either processes or groups with controllers below it.
    pub(crate) unified: bool,
}

impl Place {
    /// The file to write a process id to, to bring it in.
    pub(crate) fn procs(&self) -> PathBuf {
        self.folder.join(PROCS)
    }
}

/// One path in every hierarchy.
#[derive(Debug, Clone)]
pub(crate) struct Group<'a> {
    hierarchies: &'a Hierarchies,
    /// Relative to the branch.
    path: PathBuf,
}

impl<'a> Group<'a> {
    pub(crate) fn child(&self, name: &str) -> Group<'a> {
        Group { hierarchies: self.hierarchies, path: self.path.join(name) }
    }

    fn full_path(&self) -> PathBuf {
        self.hierarchies.branch.join(&self.path)
    }

    fn folders(&self) -> impl Iterator<Item = (&Hierarchy, PathBuf)> {
        self.hierarchies.trees.iter().map(|tree| (tree, tree.mount.join(self.full_path())))
    }

    /// Its folder in every hierarchy, for scripts.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.folders().map(|(tree, folder)| Place { folder, unified: tree.version == Version::V2 }).collect()
    }

    /// Makes the group in every hierarchy, ready to take processes.
    pub(crate) fn create(&self) -> Result<()> {
        for hierarchy in &self.hierarchies.trees {
            let mut parent = hierarchy.mount.join(&self.hierarchies.branch);
            for part in &self.path {
                if hierarchy.version == Version::V2 {
                    enable_controllers(&parent);
                }
                let dir = parent.join(part);
                match fs::create_dir(&dir) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    made => made.at("create", &dir)?,
                }
                if hierarchy.has("cpuset") {
                    for file in ["cpuset.cpus", "cpuset.mems"] {
                        inherit(&parent, &dir, file)?;
                    }
                }
                parent = dir;
            }
        }
        Ok(())
    }

    /// The host's ids of all processes in the group and below it, in any hierarchy.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        for (_, dir) in self.folders() {
            collect_processes(&dir, &mut pids);
        }
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Whether the process is in the group or below it at this moment.
    fn holds(&self, pid: i32) -> bool {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else {
            return false;
        };
        // Where this process has no cgroup namespace of its own, the path has something before it.
        let inside = format!("/{}/", self.full_path().display());
        text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| format!("{path}/").contains(&inside))
    }

    /// Sends a signal to a process of the group, and to no other.
    pub(crate) fn signal(&self, pid: i32, signal: Signal) -> Result<()> {
        process::signal(pid, signal, |pid| self.holds(pid))
    }

    /// Sends SIGKILL to all processes of the group; they may take a moment to be gone.
    pub(crate) fn kill(&self) -> Result<()> {
        for pid in self.processes() {
            self.signal(pid, Signal::KILL)?;
        }
        Ok(())
    }

    /// Memory charged to the group in bytes, if the host counts it.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.folders().find_map(|(hierarchy, dir)| {
            let file = match hierarchy.version {
                Version::V1 => "memory.usage_in_bytes",
                Version::V2 => "memory.current",
            };
            fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
        })
    }

    /// Whether the group exists in any hierarchy.
    pub(crate) fn exists(&self) -> bool {
        self.folders().any(|(_, dir)| dir.exists())
    }

    /// Removes the group and those below it; they have no processes any more.
    pub(crate) fn remove(&self) -> Result<()> {
        for (_, dir) in self.folders() {
            remove_tree(&dir)?;
        }
        Ok(())
    }

    /// Removes the group unless something is in it.
    pub(crate) fn remove_if_empty(&self) {
        for (_, dir) in self.folders() {
            // Other labs' groups are the reason why it may not go.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// Controllers that cannot be had (held by version 1, say) are done without.
fn enable_controllers(dir: &Path) {
    let Ok(controllers) = fs::read_to_string(dir.join("cgroup.controllers")) else {
        return;
    };
    for controller in controllers.split_whitespace() {
        let _ = fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// A version 1 cpuset starts without CPUs and memory, and takes no process in that state.
fn inherit(parent: &Path, dir: &Path, file: &str) -> Result<()> {
    let path = dir.join(file);
    if fs::read_to_string(&path).at("read", &path)?.trim().is_empty() {
        let value = fs::read_to_string(parent.join(file)).at("read", parent.join(file))?;
        fs::write(&path, value.trim()).at("write", &path)?;
    }
    Ok(())
}

fn collect_processes(dir: &Path, pids: &mut Vec<i32>) {
    // A group that goes away while it is read has no processes.
    if let Ok(text) = fs::read_to_string(dir.join(PROCS)) {
        pids.extend(text.lines().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    for child in subgroups(dir) {
        collect_processes(&child, pids);
    }
}

fn subgroups(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn remove_tree(dir: &Path) -> Result<()> {
    for child in subgroups(dir) {
        remove_tree(&child)?;
    }
    let start = Instant::now();
    loop {
        match fs::remove_dir(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            // Its last process is dead, and the kernel not yet done with it.
            Err(error) if error.kind() == ErrorKind::ResourceBusy && start.elapsed() < DEAD_LIMIT => {
                thread::sleep(Duration::from_millis(10));
            }
            removed => return removed.at("remove", dir),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
24 20 0:21 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
25 24 0:22 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
26 24 0:23 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
27 24 0:24 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
28 24 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
29 99 0:23 / /elsewhere/memory rw,relatime - cgroup cgroup rw,memory
";
    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn every_hierarchy_is_found_once() {
        let found = Hierarchies::parse(HYBRID);
        let mounts: Vec<_> = found.trees.iter().map(|h| h.mount.to_str().unwrap()).collect();
        assert_eq!(
            mounts,
            ["/sys/fs/cgroup/cpuset", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]
        );
        assert!(found.trees[0].has("cpuset"));
        assert!(!found.unified());
    }

    #[test]
    fn version_2_alone_is_unified() {
        let found = Hierarchies::parse(UNIFIED);
        assert!(found.unified());
        assert_eq!(
            found.below("unit".into()).group("a").child("b").places(),
            [Place { folder: "/sys/fs/cgroup/unit/a/b".into(), unified: true }]
        );
    }
}
