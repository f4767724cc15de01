//! The probe against this very machine, through a real sshd.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Instant;

use hardway_design::{
    Binary, Content, Directory, File, Hosts, Link, Module, Observation, Resource, Sysctl, Task, Unit, User,
};
use hardway_machine::{Blob, Depth, Machine, machine_facts, observe};
use sha2::{Digest, Sha256};

use crate::sshd::Sshd;

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn file(folder: &Path, name: &str, content: Content) -> Resource {
    Resource::File(File { path: path(folder, name), mode: 0o644, owner: "root:root".to_owned(), content })
}

fn task(name: &str, check: &str) -> Resource {
    let (title, run) = (String::new(), String::new());
    Resource::Task(Task { name: name.to_owned(), title, check: check.to_owned(), run })
}

#[tokio::test]
async fn a_machine_says_what_it_is() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    machine.connect().await.unwrap();
    let facts = machine_facts(&machine).await.unwrap();
    assert_eq!(facts.hostname, fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    assert!(facts.root && facts.cpus > 0 && facts.memory > 0);
    assert!(facts.disk_free > 0 && facts.disk_free <= facts.disk_total);
    assert!(!facts.os.id.is_empty() && !facts.kernel.is_empty());
    assert!(facts.listening.contains_key(&machine.settings().port));
    assert!(facts.clock_offset_ms.abs() < 5000, "{}", facts.clock_offset_ms);
}

#[tokio::test]
async fn resources_are_seen_as_they_stand() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = sshd.folder();
    for (name, content) in [("same", "same\n"), ("other", "remote\n"), ("secret", "remote\n")] {
        fs::write(folder.join(name), content).unwrap();
        fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o640)).unwrap();
    }
    symlink("same", folder.join("link")).unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    fs::set_permissions(folder.join("folder"), PermissionsExt::from_mode(0o700)).unwrap();

    let resources = [
        file(folder, "same", Content::text("same\n")),
        file(folder, "other", Content::text("local\n")),
        file(folder, "secret", Content::secret("local\n")),
        file(folder, "missing", Content::text("")),
        Resource::Link(Link { path: path(folder, "link"), target: "same".to_owned() }),
        Resource::Directory(Directory { path: path(folder, "folder"), mode: 0o755, owner: "root:root".to_owned() }),
        Resource::Binary(Binary {
            name: "none".to_owned(),
            link: path(folder, "link"),
            version: "1".to_owned(),
            sha256: "00".to_owned(),
            size: 1,
        }),
        Resource::User(User { name: "root".to_owned(), home: "/root".to_owned() }),
        Resource::User(User { name: "nobody-like-that".to_owned(), home: "/".to_owned() }),
        Resource::Hosts(Hosts { lines: vec![] }),
        Resource::Module(Module { name: "no_such_module".to_owned() }),
        Resource::Sysctl(Sysctl { key: "kernel.ostype".to_owned(), value: String::new() }),
        Resource::Unit(Unit {
            name: "no-such-unit.service".to_owned(),
            restart_on: vec![path(folder, "same")],
            reload_on: vec![],
            ready: None,
            disruption: None,
        }),
        task("holds", "test 1 = 1\necho output that nobody needs"),
        task("holds-not", "false\ntrue"),
        task("breaks", "if then"),
    ];
    let wanted: Vec<&Resource> = resources.iter().collect();
    let machine = sshd.machine();
    let observed = observe(&machine, &wanted, Depth::Changed).await.unwrap();

    let seen: Vec<_> = resources.iter().map(|resource| observed.resources.get(&resource.id())).collect();
    let text = |index: usize| match seen[index] {
        Some(Observation::File { mode: 0o640, owner, text, .. }) if owner == "root:root" => text.as_deref(),
        other => panic!("{other:?}"),
    };
    assert_eq!((text(0), text(1), text(2)), (None, Some("remote\n"), None));
    assert_eq!(seen[3], None);
    assert_eq!(seen[4], Some(&Observation::Link { target: "same".to_owned() }));
    assert_eq!(seen[5], Some(&Observation::Directory { mode: 0o700, owner: "root:root".to_owned() }));
    assert_eq!(seen[6], Some(&Observation::Binary { target: Some("same".to_owned()), stored: None }));
    assert_eq!((seen[7], seen[8]), (Some(&Observation::User), None));
    assert!(matches!(seen[9], Some(Observation::Hosts { .. })));
    assert_eq!(seen[10], None);
    assert_eq!(seen[11], Some(&Observation::Sysctl { value: "Linux".to_owned() }));
    assert_eq!(seen[12], None);
    assert_eq!(seen[13], Some(&Observation::Task { holds: true }));
    assert_eq!(seen[14], Some(&Observation::Task { holds: false }));
    assert_eq!(seen[15], Some(&Observation::Task { holds: false }));
}

#[tokio::test]
async fn a_binary_is_read_again_only_where_it_changed_or_where_all_are_read() {
    let Some(sshd) = Sshd::start() else { return };
    let machine = sshd.machine();
    let digest = |content: &str| hex::encode(Sha256::digest(content));
    let binary = Binary {
        name: "tool".to_owned(),
        link: "/opt/tool".to_owned(),
        version: "1".to_owned(),
        sha256: digest("first"),
        size: 5,
    };
    let store_path = binary.store_path();
    let local = sshd.folder().join("tool");
    fs::write(&local, "first").unwrap();
    let blob = Blob { local, packed: None, dest: store_path.clone(), sha256: digest("first"), size: 5, mode: 0o755 };
    machine.copy(&blob, &mut |_| {}).await.unwrap();

    let resource = Resource::Binary(binary);
    let seen =
        async |depth| match observe(&machine, &[&resource], depth).await.unwrap().resources.remove(&resource.id()) {
            Some(Observation::Binary { stored, .. }) => stored.unwrap().sha256,
            other => panic!("{other:?}"),
        };
    let sh = async |script: String| assert!(machine.exec(&script, b"").await.unwrap().success(), "{script}");
    assert_eq!(seen(Depth::Changed).await, digest("first"));
    assert_eq!(seen(Depth::Deep).await, digest("first"));

    // The same size, time of modification and inode, as only somebody who hides would leave it.
    sh(format!("cp -p {store_path} /opt/a && printf other >{store_path} && touch -r /opt/a {store_path}")).await;
    assert_eq!(seen(Depth::Changed).await, digest("other"));

    // And one that the index itself was made to vouch for.
    let index = format!("/var/lib/hardway/index/{}-tool", digest("first"));
    sh(format!("printf '%s %s\\n' {} \"$(stat -c '%s %.9Y %.9Z %i %n' {store_path})\" >{index}", digest("first")))
        .await;
    assert_eq!(seen(Depth::Changed).await, digest("first"));
    assert_eq!(seen(Depth::Deep).await, digest("other"));
}

#[tokio::test]
async fn a_hundred_and_fifty_resources_are_one_command() {
    let Some(sshd) = Sshd::start() else { return };
    let names: Vec<String> = (0..150).map(|number| format!("file-{number}")).collect();
    for name in &names {
        fs::write(sshd.folder().join(name), name).unwrap();
    }
    let resources: Vec<Resource> =
        names.iter().map(|name| file(sshd.folder(), name, Content::text(name.clone()))).collect();
    let wanted: Vec<&Resource> = resources.iter().collect();
    let machine = sshd.machine();
    machine.connect().await.unwrap();
    let started = Instant::now();
    let observed = observe(&machine, &wanted, Depth::Changed).await.unwrap();
    println!("150 files: {:?}", started.elapsed());
    assert_eq!(observed.resources.len(), 150);
}
