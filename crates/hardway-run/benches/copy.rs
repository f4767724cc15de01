//! The same programs to several machines at once, as a first apply copies them: side by side, digests checked there.
//!
//! Prints one row per line, `NAME VALUE`: seconds, or MiB where the name ends in `mib`.

mod over_ssh;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hardway_design::{Binary, Design, Group, GroupId, Observed, Resource};
use hardway_machine::{Machine, SshMachine};
use hardway_plan::{Plan, Sight, plan};
use hardway_run::LocalBlob;
use hardway_spec::MachineName;
use over_ssh::{carry_out, settings};

const CLUSTER: &str = "copies";
const BYTES_PER_MIB: f64 = 1_048_576.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [name, key, known_hosts, addresses, files @ ..] = arguments.as_slice() else {
        eprintln!("needs NAME KEY KNOWN_HOSTS ADDRESS,… SHA256:FILE[:PACKED]…, which `cargo xtask bench` gives");
        return;
    };
    let files: Vec<(Binary, LocalBlob)> = files.iter().map(|file| program(file)).collect();
    let machines: Vec<SshMachine> = addresses
        .split(',')
        .enumerate()
        .map(|(number, address)| {
            SshMachine::new(format!("w{number}").as_str().into(), settings(address, key, known_hosts))
        })
        .collect();
    let plan = copies(machines.iter().map(|machine| machine.name().clone()), &files);
    let sent: u64 = files.iter().map(|(_, blob)| size(blob.packed.as_ref().unwrap_or(&blob.path))).sum();
    let blobs = files.into_iter().map(|(binary, blob)| (binary.sha256, blob)).collect();

    let read_before = read_from_disk();
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(carry_out(machines, blobs, &plan));
    println!("{name} {:.3}", began.elapsed().as_secs_f64());
    println!("{name}-files-mib {:.1}", sent as f64 / BYTES_PER_MIB);
    println!("{name}-disk-reads-mib {:.1}", (read_from_disk() - read_before) as f64 / BYTES_PER_MIB);
}

/// Of `SHA256:FILE`, or `SHA256:FILE:PACKED` with what is sent instead.
fn program(argument: &str) -> (Binary, LocalBlob) {
    let mut parts = argument.split(':');
    let sha256 = parts.next().expect("there is always a first part").to_owned();
    let path = PathBuf::from(parts.next().expect("`cargo xtask bench` gives a file"));
    let name = path.file_name().and_then(|name| name.to_str()).expect("artifacts have plain names").to_owned();
    let link = format!("/usr/local/bin/{name}");
    let binary = Binary { name, link, version: "1.0.0".to_owned(), sha256, size: size(&path) };
    (binary, LocalBlob { path, packed: parts.next().map(PathBuf::from) })
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("it is in the cache").len()
}

/// A stage for each program, as a design has them.
fn copies(machines: impl Iterator<Item = MachineName>, files: &[(Binary, LocalBlob)]) -> Plan {
    let names: Vec<MachineName> = machines.collect();
    let groups = names.iter().flat_map(|machine| {
        files.iter().map(move |(binary, _)| Group {
            id: GroupId::on(machine, format!("copy-{}", binary.name)),
            after: Vec::new(),
            resources: vec![Resource::Binary(binary.clone())],
        })
    });
    let design = Design { groups: groups.collect(), ..Design::default() };
    let bare = names.iter().map(|name| (name.clone(), Observed::default()));
    let sight = Sight { machines: BTreeMap::from_iter(bare), ..Sight::default() };
    plan(CLUSTER, &design, &sight).expect("a bare machine has no inventory")
}

/// `read_bytes` of proc_pid_io(5): what this process made the disk read, so that bytes from the page cache do not count.
fn read_from_disk() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").expect("a process can read its own figures");
    let line = text.lines().find_map(|line| line.strip_prefix("read_bytes: ")).expect("the kernel says it");
    line.parse().expect("it is a number")
}
