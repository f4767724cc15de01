//! Puts programs where upstream would publish them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256, Sha512};

/// A program's name and where it is.
pub type Program<'a> = (&'a str, &'a Path);

/// Fills a folder with `HOST/PATH`, as upstream's hosts have it. Versions have no leading `v`.
#[derive(Debug, Clone)]
pub struct Publisher {
    root: PathBuf,
    /// As Go calls it: `amd64`, `arm64`.
    architecture: String,
}

impl Publisher {
    #[must_use]
    pub fn new(root: &Path, architecture: &str) -> Self {
        Self { root: root.to_owned(), architecture: architecture.to_owned() }
    }

    /// Kubernetes' `build/lib/release.sh`: a server tarball, and beside it files with nothing but a digest.
    ///
    /// # Errors
    /// Those of files, here and below. Each function returns the file's path below the folder.
    pub fn kubernetes(&self, version: &str, programs: &[Program<'_>]) -> io::Result<String> {
        let path = format!("dl.k8s.io/v{version}/kubernetes-server-linux-{}.tar.gz", self.architecture);
        self.archive(&path, "kubernetes/server/bin/", programs)?;
        fs::write(self.at(&format!("{path}.sha512"))?, hex::encode(Sha512::digest(fs::read(self.at(&path)?)?)))?;
        fs::write(self.at(&format!("{path}.sha256"))?, self.sha256(&path)?)?;
        Ok(path)
    }

    /// etcd's `scripts/release.sh`.
    ///
    /// # Errors
    /// Those of files.
    pub fn etcd(&self, version: &str, programs: &[Program<'_>]) -> io::Result<String> {
        let folder = format!("etcd-v{version}-linux-{}", self.architecture);
        let path = format!("github.com/etcd-io/etcd/releases/download/v{version}/{folder}.tar.gz");
        self.archive(&path, &format!("{folder}/"), programs)?;
        self.list(&path, "SHA256SUMS")?;
        Ok(path)
    }

    /// containerd's `make static-release`.
    ///
    /// # Errors
    /// Those of files.
    pub fn containerd(&self, version: &str, programs: &[Program<'_>]) -> io::Result<String> {
        let name = format!("containerd-static-{version}-linux-{}.tar.gz", self.architecture);
        let path = format!("github.com/containerd/containerd/releases/download/v{version}/{name}");
        self.archive(&path, "bin/", programs)?;
        fs::write(self.at(&format!("{path}.sha256sum"))?, format!("{}  {name}\n", self.sha256(&path)?))?;
        Ok(path)
    }

    /// runc's `script/release_build.sh` and `script/release_sign.sh`.
    ///
    /// # Errors
    /// Those of files.
    pub fn runc(&self, version: &str, program: &Path) -> io::Result<String> {
        let name = format!("runc.{}", self.architecture);
        let path = format!("github.com/opencontainers/runc/releases/download/v{version}/{name}");
        fs::copy(program, self.at(&path)?)?;
        let sums = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{}  {name}\n-----BEGIN PGP SIGNATURE-----\n\n\
             -----END PGP SIGNATURE-----\n",
            self.sha256(&path)?
        );
        let folder = path.trim_end_matches(name.as_str());
        fs::write(self.at(&format!("{folder}runc.sha256sum"))?, sums)?;
        Ok(path)
    }

    /// The CNI plugins' `.github/workflows/release.yaml`, whose members begin with `./`.
    ///
    /// # Errors
    /// Those of files.
    pub fn cni_plugins(&self, version: &str, programs: &[Program<'_>]) -> io::Result<String> {
        let name = format!("cni-plugins-linux-{}-v{version}.tgz", self.architecture);
        let path = format!("github.com/containernetworking/plugins/releases/download/v{version}/{name}");
        self.archive(&path, "./", programs)?;
        let sha512 = hex::encode(Sha512::digest(fs::read(self.at(&path)?)?));
        fs::write(self.at(&format!("{path}.sha512"))?, format!("{sha512}  {name}\n"))?;
        fs::write(self.at(&format!("{path}.sha256"))?, format!("{}  {name}\n", self.sha256(&path)?))?;
        Ok(path)
    }

    /// Calico's `hack/release/pkg/builder/builder.go`.
    ///
    /// # Errors
    /// Those of files.
    pub fn calicoctl(&self, version: &str, program: &Path) -> io::Result<String> {
        let path = format!(
            "github.com/projectcalico/calico/releases/download/v{version}/calicoctl-linux-{}",
            self.architecture
        );
        fs::copy(program, self.at(&path)?)?;
        self.list(&path, "SHA256SUMS")?;
        Ok(path)
    }

    /// A path below the folder, whose parent is there.
    fn at(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(path)
    }

    fn archive(&self, path: &str, prefix: &str, programs: &[Program<'_>]) -> io::Result<()> {
        let file = io::BufWriter::new(File::create(self.at(path)?)?);
        let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        // Upstream's archives have more in them than programs.
        let readme = b"nothing to run\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(readme.len() as u64);
        header.set_mode(0o644);
        set_path(&mut header, &format!("{prefix}README.md"));
        header.set_cksum();
        archive.append(&header, &readme[..])?;
        for (name, program) in programs {
            let mut program = File::open(program)?;
            let mut header = tar::Header::new_gnu();
            header.set_size(program.metadata()?.len());
            header.set_mode(0o755);
            set_path(&mut header, &format!("{prefix}{name}"));
            header.set_cksum();
            archive.append(&header, &mut program)?;
        }
        archive.into_inner()?.finish()?.flush()
    }

    /// Writes a list of checksums into the file's folder, as `sha256sum` prints it, with another file before it.
    fn list(&self, path: &str, list: &str) -> io::Result<()> {
        let (folder, name) = path.rsplit_once('/').expect("every path here has a folder");
        let other = "00".repeat(32);
        let text = format!("{other}  other-{name}\n{}  {name}\n", self.sha256(path)?);
        fs::write(self.at(&format!("{folder}/{list}"))?, text)
    }

    fn sha256(&self, path: &str) -> io::Result<String> {
        Ok(hex::encode(Sha256::digest(fs::read(self.at(path)?)?)))
    }
}

/// Writes the name as it is: `tar` itself would take a leading `./` away.
fn set_path(header: &mut tar::Header, path: &str) {
    let name = &mut header.as_old_mut().name;
    name.fill(0);
    name[..path.len()].copy_from_slice(path.as_bytes());
}
