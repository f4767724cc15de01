//! etcd, as a control plane's administrator asks it.

use serde_json::Value;

use crate::support::{ETCDCTL, LabWorkspace};

/// The machine of the member that leads.
pub(crate) fn leader(lab: &LabWorkspace) -> String {
    let text = lab.etcdctl("cp1", "endpoint status --cluster -w json");
    let members: Vec<Value> = serde_json::from_str(&text).expect("-w json prints JSON");
    let leads = |member: &&Value| member["Status"]["leader"] == member["Status"]["header"]["member_id"];
    let leader = members.iter().find(leads).expect("a healthy etcd has a leader");
    let url = leader["Endpoint"].as_str().expect("a text");
    let is_it = |name: &&str| url.contains(&format!("//{}:", lab.address(name)));
    ["cp1", "cp2", "cp3"].into_iter().find(is_it).expect("members are control planes").to_owned()
}

pub(crate) fn is_healthy(lab: &LabWorkspace) -> bool {
    let script = format!("{ETCDCTL} endpoint health --cluster >/dev/null 2>&1");
    lab.run_quietly(&["ssh", "cp1", "--", &script]).0 == 0
}
