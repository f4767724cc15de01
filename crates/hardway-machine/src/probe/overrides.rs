//! Where an administrator or a tool can change a unit without touching its file (systemd.unit(5), "Unit File Load Path").
//!
//! systemd says which drop-ins it has read; these folders also have those that it will read next time.

use std::collections::BTreeSet;

use hardway_design::Unit;

/// Folders of administrators and of `systemctl set-property`, those that go before the next ones first. Packages' own
/// and generators' are left out.
const FOLDERS: [&str; 6] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    OWN,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
];
/// Where hardway's own unit files are.
const OWN: &str = "/etc/systemd/system";

/// What masks a unit.
const MASK: &str = "/dev/null";

/// Folders that can have drop-ins for the unit: its own name's, its prefixes' (`kube-.service.d`) and its type's.
pub(super) fn drop_in_folders(unit: &str) -> BTreeSet<String> {
    let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit, "service"));
    let prefixes = stem.match_indices('-').map(|(at, _)| format!("{}.{kind}.d", &stem[..=at]));
    let names: Vec<String> = prefixes.chain([format!("{unit}.d"), format!("{kind}.d")]).collect();
    FOLDERS.iter().flat_map(|folder| names.iter().map(move |name| format!("{folder}/{name}"))).collect()
}

/// Unit files that would go before the unit's own: hardway's, or a package's.
pub(super) fn fragments(unit: &Unit) -> BTreeSet<String> {
    let is_own = unit.restart_on.contains(&format!("{OWN}/{}", unit.name));
    FOLDERS
        .iter()
        .take_while(|folder| !is_own || **folder != OWN)
        .map(|folder| format!("{folder}/{}", unit.name))
        .collect()
}

/// Of `found` drop-ins and unit files (`PATH<TAB>TARGET`, the target empty where it is no link), those that change the
/// unit. A mask is none of them: systemd says so itself.
pub(super) fn of<'a>(unit: &Unit, found: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (folders, fragments) = (drop_in_folders(&unit.name), fragments(unit));
    let mut paths: Vec<String> = found
        .filter_map(|line| line.split_once('\t'))
        .filter(|(path, target)| {
            let is_drop_in = path.rsplit_once('/').is_some_and(|(folder, _)| folders.contains(folder));
            is_drop_in || (fragments.contains(*path) && *target != MASK)
        })
        .map(|(path, _)| path.to_owned())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, restart_on: &[&str]) -> Unit {
        Unit {
            name: name.to_owned(),
            restart_on: restart_on.iter().map(|path| (*path).to_owned()).collect(),
            reload_on: Vec::new(),
            ready: None,
            disruption: None,
        }
    }

    #[test]
    fn drop_ins_apply_by_name_by_prefix_and_by_type() {
        let found = "/etc/systemd/system/kube-proxy.service.d/a.conf\t\n/run/systemd/system/kube-.service.d/b.conf\t\n\
            /etc/systemd/system.control/kube-proxy.service.d/50-MemoryMax.conf\t\n\
            /usr/local/lib/systemd/system/service.d/c.conf\t/elsewhere\n\
            /etc/systemd/system/kubelet.service.d/d.conf\t\n/etc/systemd/system/kube-proxy-x.service.d/e.conf\t";
        assert_eq!(
            of(&unit("kube-proxy.service", &[]), found.lines()),
            [
                "/etc/systemd/system.control/kube-proxy.service.d/50-MemoryMax.conf",
                "/etc/systemd/system/kube-proxy.service.d/a.conf",
                "/run/systemd/system/kube-.service.d/b.conf",
                "/usr/local/lib/systemd/system/service.d/c.conf",
            ]
        );
    }

    #[test]
    fn a_whole_unit_file_changes_a_unit_where_it_goes_before_its_own() {
        let found =
            "/etc/systemd/system/u.service\t\n/run/systemd/transient/u.service\t\n/run/systemd/system/u.service\t";
        let own = unit("u.service", &["/etc/systemd/system/u.service"]);
        assert_eq!(of(&own, found.lines()), ["/run/systemd/transient/u.service"]);
        assert_eq!(of(&unit("u.service", &[]), found.lines()).len(), 3);
    }

    #[test]
    fn a_mask_is_for_systemd_to_tell() {
        assert_eq!(of(&unit("u.service", &[]), ["/etc/systemd/system/u.service\t/dev/null"].into_iter()), [""; 0]);
    }
}
