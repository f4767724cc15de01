//! A network of a test's own, with documentation addresses (RFC 5737) and an sshd.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sandbox::{BINARY, Ran, Sandbox};

/// The addresses that answer; all others have no route.
const ADDRESSES: [&str; 2] = ["192.0.2.10", "192.0.2.11"];

/// A network namespace, kept by a process that does nothing else.
pub(crate) struct Network {
    keeper: Child,
}

impl Network {
    pub(crate) fn new() -> Self {
        let addresses = ADDRESSES.map(|address| format!("ip address add {address}/32 dev lo && ")).concat();
        let script = format!("ip link set lo up && {addresses}echo up && exec sleep infinity");
        let mut keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux is there");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n", "needs root");
        Self { keeper }
    }

    /// What makes a program run in this network.
    fn prefix(&self) -> [String; 2] {
        ["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.keeper.id())]
    }

    pub(crate) fn run(&self, sandbox: &Sandbox, arguments: &[&str]) -> Ran {
        let [nsenter, net] = self.prefix();
        let mut command = sandbox.program(nsenter);
        command.arg(net).arg(BINARY).args(arguments);
        sandbox.finish(command, arguments)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// An sshd on every address of a network, port 22.
pub(crate) struct Sshd {
    child: Child,
    folder: TempDir,
}

impl Sshd {
    pub(crate) fn start(network: &Network) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["host_key", "user_key", "other_key"] {
            let path = folder.path().join(name);
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
            assert!(made.unwrap().success());
        }
        // sshd's own fixed place for its unprivileged half.
        std::fs::create_dir_all("/run/sshd").unwrap();
        std::fs::set_permissions("/run/sshd", PermissionsExt::from_mode(0o755)).unwrap();
        let path = folder.path().display();
        let config = format!(
            "HostKey {path}/host_key\nAuthorizedKeysFile {path}/user_key.pub\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n"
        );
        std::fs::write(folder.path().join("sshd_config"), config).unwrap();
        let [nsenter, net] = network.prefix();
        let child = Command::new(nsenter)
            .args([&net, "/usr/sbin/sshd", "-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssh-server is there");
        let mut sshd = Self { child, folder };
        sshd.wait_until_it_listens();
        sshd
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        let listens = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("Server listening on 0.0.0.0"));
        assert!(listens && Instant::now() < deadline, "sshd does not listen");
        // Its further words must have a reader.
        std::thread::spawn(move || lines.for_each(drop));
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lines of a known_hosts file that give every address the public key in `name`.
    pub(crate) fn known_hosts(&self, name: &str) -> String {
        let key = std::fs::read_to_string(self.key(name).with_extension("pub")).unwrap();
        ADDRESSES.map(|address| format!("{address} {key}")).concat()
    }

    /// As ssh-keygen shows the host key.
    pub(crate) fn fingerprint(&self) -> String {
        let output = Command::new("ssh-keygen").arg("-lf").arg(self.key("host_key.pub")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().nth(1).expect("SIZE FINGERPRINT COMMENT").to_owned()
    }

    /// A spec that is reached with the key in `name`.
    pub(crate) fn spec(&self, name: &str) -> String {
        spec(&self.key(name))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spec(key: &Path) -> String {
    crate::sandbox::SPEC.replace("spec:\n", &format!("spec:\n  ssh: {{identityFile: {}}}\n", key.display()))
}
