//! A real sshd for one test.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hardway_machine::{Handshakes, Identities, IdentityFile, KnownHosts, SshMachine, SshSettings};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

pub(crate) struct Sshd {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Sshd {
    /// Nothing where sshd cannot be run here.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same, with further lines of sshd_config(5).
    pub(crate) fn start_with(lines: &str) -> Option<Self> {
        let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if !root || !Path::new(SSHD).exists() {
            eprintln!("skipped: needs root and {SSHD}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        keygen(&folder.path().join("host_key"));
        keygen(&folder.path().join("user_key"));
        std::fs::copy(folder.path().join("user_key.pub"), folder.path().join("authorized_keys")).unwrap();
        // sshd's own fixed place for its unprivileged half.
        let unprivileged = folder.path().join("run/sshd");
        std::fs::create_dir_all(&unprivileged).unwrap();
        std::fs::set_permissions(unprivileged, PermissionsExt::from_mode(0o755)).unwrap();

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.path().display();
        // SHLVL: bash takes itself for a shell inside another one, and leaves the developer's own .bashrc alone.
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_key\nAuthorizedKeysFile {path}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             SetEnv SHLVL=2\n{lines}\n"
        );
        std::fs::write(folder.path().join("sshd_config"), config).unwrap();
        // Its sessions get a /opt, a /var/lib and a /run of their own: what hardway writes there is gone with them.
        let script = "mount --bind \"$1\" /run && shift && mount -t tmpfs none /opt && mount -t tmpfs none /var/lib \
                      && exec \"$@\"";
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(folder.path().join("run"))
            .args([SSHD, "-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sshd = Self { child, folder, port };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(sshd)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its sessions' /run, as seen from here.
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.folder().join("run")
    }

    pub(crate) fn settings(&self) -> SshSettings {
        let host_key = std::fs::read_to_string(self.folder().join("host_key.pub")).unwrap();
        SshSettings {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "root".to_owned(),
            identities: Identities {
                files: vec![IdentityFile { path: self.folder().join("user_key"), required: true }],
                agent: None,
            },
            known_hosts: KnownHosts::parse(&format!("[127.0.0.1]:{} {host_key}", self.port)).unwrap(),
            host_key_alias: None,
            sudo_password: None,
            jump: None,
            handshakes: Handshakes::default(),
        }
    }

    pub(crate) fn machine(&self) -> SshMachine {
        SshMachine::new("cp1".into(), self.settings())
    }

    /// Another key's public half, as `TYPE KEY`.
    pub(crate) fn user_public_key(&self) -> String {
        std::fs::read_to_string(self.folder().join("user_key.pub")).unwrap()
    }

    /// The user's key, behind a passphrase.
    pub(crate) fn encrypted_key(&self) -> PathBuf {
        let path = self.folder().join("encrypted_key");
        std::fs::copy(self.folder().join("user_key"), &path).unwrap();
        let status = Command::new("ssh-keygen")
            .args(["-q", "-p", "-P", "", "-N", "secret", "-f"])
            .arg(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        path
    }

    /// An agent that holds the user's key.
    pub(crate) fn agent(&self) -> Agent {
        let socket = self.folder().join("agent");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let agent = Agent { child, socket };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !agent.socket.exists() {
            assert!(Instant::now() < deadline, "ssh-agent does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = Command::new("ssh-add")
            .arg("-q")
            .arg(self.folder().join("user_key"))
            .env("SSH_AUTH_SOCK", &agent.socket)
            .status()
            .unwrap();
        assert!(status.success());
        agent
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(status.success());
}
