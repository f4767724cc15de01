//! A cluster whose members are too few to go on: what is left of their data, and how one becomes the first of new ones.

use hardway_spec::MachineName;
use serde::Deserialize;

/// What the data of a member hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EtcdData {
    /// The number of changes up to which they were looked at: the newest, unless an earlier one was asked for.
    #[serde(rename = "hashRevision")]
    pub revision: u64,
    /// The revision that they were last compacted at: what was before is no longer told apart. -1 where they never were.
    #[serde(rename = "compactRevision")]
    pub compacted: i64,
    /// Of all keys up to `revision`. Members that were compacted at the same revision have the same one, or are not copies
    /// of each other.
    pub hash: u32,
}

impl EtcdData {
    /// Reads what the script of [`crate::etcd_data`] prints: a line of `etcdutl hashkv --write-out=json` (`HashKV` in
    /// etcdutl's hashkv_command.go). None where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text.trim()).ok()
    }
}

/// etcd is to go on from the data of one member, as a new cluster that the others join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdRecovery {
    /// The machine whose data are kept.
    pub source: MachineName,
    /// Tells the new cluster from the former one, so that a member of that one which comes back finds no way in. The same
    /// for the same data, so that a recovery which was cut off is gone on with.
    pub token: String,
}

/// On the machine whose data are kept: makes them those of a cluster with this one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdRebuild {
    pub name: MachineName,
    pub peer_url: String,
    /// As [`EtcdRecovery::token`].
    pub token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcdutl_prints_is_read() {
        let said = "{\"hash\":4171234012,\"hashRevision\":1204,\"compactRevision\":17}\n";
        assert_eq!(EtcdData::parse(said), Some(EtcdData { revision: 1204, compacted: 17, hash: 4_171_234_012 }));
        assert_eq!(EtcdData::parse("Error: no such file"), None);
    }
}
