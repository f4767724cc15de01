//! Made-up inputs of a design, for the tests of whoever uses designs.

use std::collections::BTreeMap;

use crate::{
    BinaryArtifact, Catalog, CgroupVersion, Design, DesignError, ImageArtifact, Inputs, MachineFacts, OperatingSystem,
    design,
};

/// The version of every made-up artifact.
const VERSION: &str = "1.2.3";

/// What is seen of an ordinary server: Debian 12 with systemd and cgroup v2, 4 GiB of memory and half of its disk free.
pub fn facts(hostname: &str) -> MachineFacts {
    MachineFacts {
        hostname: hostname.to_owned(),
        os: OperatingSystem {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            pretty_name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        },
        architecture: "x86_64".to_owned(),
        kernel: "6.1.0".to_owned(),
        cgroup: CgroupVersion::V2,
        systemd_cgroups: true,
        cpus: 2,
        memory: 4 << 30,
        disk_total: 40 << 30,
        disk_free: 20 << 30,
        clock_offset_ms: 0,
        root: true,
        can_lower_oom_score: true,
        listening: BTreeMap::new(),
        resolv_conf: "/etc/resolv.conf".to_owned(),
        networks: ["172.30.1.0/24", "192.0.2.0/24"]
            .map(|network| ("eth0".to_owned(), network.parse().expect("it is a range")))
            .into(),
        pods: None,
        pod_routes: Vec::new(),
    }
}

/// Adds artifacts to the inputs' catalog until the design asks for no more; gives both.
///
/// `digest` is the SHA-256 of the artifact of a name, `size` in bytes that of all.
///
/// # Errors
/// What the design lacks beside artifacts.
pub fn supplied(
    inputs: &Inputs<'_>,
    digest: impl Fn(&str) -> String,
    size: u64,
) -> Result<(Catalog, Design), DesignError> {
    let version = VERSION.to_owned();
    let mut catalog = inputs.catalog.clone();
    loop {
        match design(&Inputs { catalog: &catalog, ..*inputs }) {
            Ok(design) => return Ok((catalog, design)),
            Err(DesignError::MissingBinary { name }) => {
                let artifact = BinaryArtifact { version: version.clone(), sha256: digest(&name), size };
                catalog.binaries.insert(name, artifact);
            }
            Err(DesignError::MissingImage { name }) => {
                let artifact = ImageArtifact {
                    reference: format!("hardway.local/{name}:{VERSION}"),
                    version: version.clone(),
                    sha256: digest(&name),
                    manifest_digest: format!("sha256:{}", digest(&name)),
                    size,
                };
                catalog.images.insert(name, artifact);
            }
            Err(error) => return Err(error),
        }
    }
}
