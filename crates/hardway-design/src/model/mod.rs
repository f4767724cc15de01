//! The words a design is written in.

mod catalog;
mod content;
mod disruption;
mod encryption;
mod etcd_member;
mod etcd_recovery;
mod facts;
mod group;
mod leaving;
mod node_record;
mod resource;

pub use catalog::{BinaryArtifact, Catalog, ImageArtifact, PackageArchive};
pub use content::Content;
pub use disruption::{Disruption, Needs, Shared};
pub use encryption::{EncryptionKey, ParseEncryptionKeyError};
pub use etcd_member::{EtcdCall, EtcdChange, EtcdMember, EtcdMemberObservation, SeenEtcdMember};
pub use etcd_recovery::{EtcdData, EtcdRebuild, EtcdRecovery};
pub use facts::{CgroupVersion, MachineFacts, Observation, Observed, OperatingSystem, StoredBinary, UnitObservation};
pub use group::{Design, Group, GroupId, Place};
pub use leaving::{BudgetSeen, CordonedBy, Drain, Leaving, Manner, NodeSeen, PodSeen};
pub use node_record::NodeRecord;
pub use resource::{
    Await, Binary, Condition, Directory, File, Hosts, Image, Link, Module, Object, Package, PackageOrigin, Remains,
    Resource, ResourceId, STORE, Sysctl, Task, Unit, User,
};
