//! The things that a design puts on a machine or into the cluster.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::{Content, Disruption, EtcdMember, PackageArchive};

/// One thing that must be so. A list of resources is brought about in its order.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    Package(Package),
    User(User),
    Directory(Directory),
    File(File),
    Link(Link),
    Binary(Binary),
    Image(Image),
    Hosts(Hosts),
    Module(Module),
    Sysctl(Sysctl),
    SwapOff,
    EtcdMember(EtcdMember),
    Unit(Unit),
    Task(Task),
    Remains(Remains),
    Object(Object),
    Await(Await),
    /// Holds back the resources after it in its group until a condition of the machine holds.
    ///
    /// Nothing of its own is brought about: it is a step only where one of those resources is.
    Wait(Condition),
}

/// Names a resource on its place, the same in every run: `file:/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A package of the machine's own distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    /// Where it comes from, where it is missing.
    pub origin: PackageOrigin,
}

/// Where a machine takes its packages from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageOrigin {
    /// Its distribution's mirrors, as the machine is set up.
    Mirrors,
    /// An archive that is copied to it: the machine asks nobody.
    Archive(PackageArchive),
    /// The catalog has archives, and none for this operating system: `ubuntu-24.04`.
    Nowhere { os: String },
}

/// A system user without a login, with a group of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub home: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub path: String,
    /// Permission bits, as chmod(1) takes them.
    pub mode: u32,
    /// `user:group`.
    pub owner: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    /// Permission bits, as chmod(1) takes them.
    pub mode: u32,
    /// `user:group`.
    pub owner: String,
    pub content: Content,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub path: String,
    pub target: String,
}

/// An executable in the machine's content-addressed store, `/opt/hardway/store/SHA256/NAME`, and the link that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The artifact's name in the [`crate::Catalog`] and the file's in the store.
    pub name: String,
    /// Where the link stands: `/usr/local/bin/kubelet`.
    pub link: String,
    pub version: String,
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl Binary {
    pub fn store_path(&self) -> String {
        format!("{STORE}/{}/{}", self.sha256, self.name)
    }
}

/// Where machines keep binaries, by digest.
pub const STORE: &str = "/opt/hardway/store";

/// A container image, imported into containerd's `k8s.io` namespace from an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The artifact's name in the [`crate::Catalog`].
    pub name: String,
    /// As manifests name it: `hardway.local/coredns:1.15.0`.
    pub reference: String,
    /// Of the archive.
    pub sha256: String,
    /// Of the image's manifest, `sha256:…`, as `ctr images list` prints it.
    pub manifest_digest: String,
    /// Of the archive, in bytes.
    pub size: u64,
}

/// The marked block of /etc/hosts that is hardway's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Whole lines, without line ends.
    pub lines: Vec<String>,
}

/// A kernel module that is loaded now; a [`File`] below /etc/modules-load.d keeps it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    pub name: String,
}

/// A kernel setting that holds now; a [`File`] below /etc/sysctl.d keeps it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    pub key: String,
    pub value: String,
}

/// A systemd unit, enabled and running. Its file is a [`File`], unless a package brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// With its suffix: `etcd.service`.
    pub name: String,
    /// Paths (of files, links or binaries' links) whose change needs a restart.
    pub restart_on: Vec<String>,
    /// Paths whose change a reload picks up.
    pub reload_on: Vec<String>,
    /// What must hold after a start, restart or reload before the step counts as done.
    pub ready: Option<Condition>,
    /// What the operator would notice of a restart; None where nobody does.
    pub disruption: Option<Disruption>,
}

/// A condition that a machine's own shell can check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// A noun phrase: "etcd answers".
    pub title: String,
    /// POSIX sh; exit 0 means that it holds. Runs as root, changes nothing.
    pub check: String,
    pub timeout: Duration,
}

/// Something that only a command can bring about: `check` says whether it is so, `run` makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Unique on the machine: `etcd-auth`.
    pub name: String,
    /// Imperative: "Turn on etcd's authentication".
    pub title: String,
    /// POSIX sh, read-only; exit 0 means nothing to do.
    pub check: String,
    /// POSIX sh, safe to run again.
    pub run: String,
}

/// What a component leaves behind by running, beyond its files: recorded, so that removal takes it away too.
///
/// Removal goes backwards through a machine's resources: what stands after it is gone by then, what stands before it
/// is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Unique on the machine: `pods`.
    pub name: String,
    /// Imperative: "End all pods".
    pub title: String,
    /// POSIX sh, safe to run again, also where the component never ran.
    pub clean: String,
}

/// A Kubernetes object, applied server-side under the field manager `hardway`.
#[derive(Clone, PartialEq)]
pub struct Object {
    pub value: Value,
}

impl Object {
    fn field(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn api_version(&self) -> &str {
        self.field("/apiVersion")
    }

    pub fn kind(&self) -> &str {
        self.field("/kind")
    }

    pub fn name(&self) -> &str {
        self.field("/metadata/name")
    }

    pub fn namespace(&self) -> Option<&str> {
        self.value.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} {} {:?})", self.kind(), self.name(), self.namespace())
    }
}

/// A state of the live cluster that is waited for, where the run changed anything it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Await {
    /// The API answers `/readyz` at the endpoint.
    ApiReady,
    /// The node is registered and its Ready condition is true.
    NodeReady(String),
    /// The namespace's `default` service account exists, so pods can be made in it.
    ServiceAccount { namespace: String },
    /// The workload's newest generation is rolled out and available: `Deployment`, `DaemonSet`.
    RolledOut { kind: String, namespace: String, name: String },
}

impl Await {
    /// A noun phrase: "node w1 is Ready".
    pub fn title(&self) -> String {
        match self {
            Self::ApiReady => "the API is ready".to_owned(),
            Self::NodeReady(node) => format!("node {node} is Ready"),
            Self::ServiceAccount { namespace } => format!("namespace {namespace} has its default service account"),
            Self::RolledOut { kind, namespace, name } => {
                format!("{} {namespace}/{name} is rolled out", kind.to_lowercase())
            }
        }
    }
}

impl Resource {
    pub fn id(&self) -> ResourceId {
        ResourceId(match self {
            Self::Package(package) => format!("package:{}", package.name),
            Self::User(user) => format!("user:{}", user.name),
            Self::Directory(directory) => format!("directory:{}", directory.path),
            Self::File(file) => format!("file:{}", file.path),
            Self::Link(link) => format!("link:{}", link.path),
            Self::Binary(binary) => format!("binary:{}", binary.link),
            Self::Image(image) => format!("image:{}", image.reference),
            Self::Hosts(_) => "hosts:/etc/hosts".to_owned(),
            Self::Module(module) => format!("module:{}", module.name),
            Self::Sysctl(sysctl) => format!("sysctl:{}", sysctl.key),
            Self::SwapOff => "swap".to_owned(),
            Self::EtcdMember(_) => "etcd-member".to_owned(),
            Self::Unit(unit) => format!("unit:{}", unit.name),
            Self::Task(task) => format!("task:{}", task.name),
            Self::Remains(remains) => format!("remains:{}", remains.name),
            Self::Object(object) => format!(
                "object:{}/{}/{}/{}",
                object.api_version(),
                object.kind(),
                object.namespace().unwrap_or_default(),
                object.name()
            ),
            Self::Await(condition) => format!("await:{}", condition.title()),
            Self::Wait(condition) => format!("wait:{}", condition.title),
        })
    }
}
