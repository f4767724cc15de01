//! Workspaces on a real file system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hardway_design::Content;
use hardway_pki::{Bundle, FormerNames, Identity, complete};
use hardway_spec::Cluster;
use hardway_workspace::{
    Held, Holder, KEPT_RUNS, Workspace, WorkspaceError, certificate_path, key_path, new_encryption_key, request_path,
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

const DOCUMENT: &str = "
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  pki: {algorithm: ecdsa-p256}
  machines:
    - {name: cp1, address: 172.30.1.11, roles: [control-plane]}
";

fn spec() -> Cluster {
    serde_saphyr::from_str(DOCUMENT).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn workspace() -> (TempDir, Workspace) {
    let directory = TempDir::new().unwrap();
    let workspace = Workspace::create(directory.path(), DOCUMENT).unwrap();
    (directory, workspace)
}

fn with_bundle() -> (TempDir, Workspace, Bundle) {
    let (directory, workspace) = workspace();
    let mut bundle = Bundle::default();
    complete(&spec(), &mut bundle, FormerNames::Kept, now()).unwrap();
    workspace.write_bundle(&spec(), &bundle).unwrap();
    (directory, workspace, bundle)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}

#[test]
fn a_directory_without_a_spec_is_no_workspace() {
    let directory = TempDir::new().unwrap();
    let error = Workspace::open(directory.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no cluster.yaml in {}", directory.path().display()));
    assert!(error.help().unwrap().contains("hardway init"));
}

#[test]
fn a_spec_that_exists_is_not_overwritten() {
    let (directory, _) = workspace();
    let error = Workspace::create(directory.path(), "other").unwrap_err();
    assert!(matches!(error, WorkspaceError::SpecExists { .. }));
    assert_eq!(Workspace::open(directory.path()).unwrap().read_spec().unwrap(), DOCUMENT);
}

#[test]
fn a_gitignore_that_exists_is_kept_and_added_to_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(".gitignore");
    fs::write(&path, "target").unwrap();
    let workspace = Workspace::create(directory.path(), DOCUMENT).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("target\n"));
    assert!(text.contains("\n/pki/**/*-key.pem\n"));
    workspace.write_known_hosts("").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_bundle_comes_back_as_it_was_written() {
    let (_directory, workspace, bundle) = with_bundle();
    assert_eq!(workspace.read_bundle(&spec()).unwrap(), bundle);
}

#[test]
fn keys_are_their_owners_alone_and_have_cfssls_names() {
    let (directory, workspace, bundle) = with_bundle();
    for identity in bundle.key_pairs.keys() {
        assert_eq!(mode(&directory.path().join(key_path(identity))), 0o600, "{identity}");
        assert!(directory.path().join(certificate_path(identity)).exists(), "{identity}");
        assert!(directory.path().join(request_path(identity)).exists(), "{identity}");
    }
    assert!(directory.path().join("pki/ca/ca-config.json").exists());
    assert!(directory.path().join("pki/clients/cp1-key.pem").exists());
    assert_eq!(mode(&directory.path().join("pki")), 0o700);
    assert_eq!(mode(&directory.path().join("pki/ca")), 0o700);
    assert_eq!(workspace.loose_permissions().unwrap(), []);
}

#[test]
fn writing_the_same_again_touches_no_file() {
    let (directory, workspace, bundle) = with_bundle();
    let times = || -> Vec<_> {
        files(directory.path()).iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect()
    };
    let before = times();
    workspace.write_bundle(&spec(), &bundle).unwrap();
    assert_eq!(times(), before);
}

#[test]
fn a_key_without_its_certificate_is_an_error() {
    let (directory, workspace, _) = with_bundle();
    fs::remove_file(directory.path().join(certificate_path(&Identity::Admin))).unwrap();
    let error = workspace.read_bundle(&spec()).unwrap_err();
    assert!(matches!(error, WorkspaceError::KeyAlone { .. }), "{error}");
    assert!(error.to_string().contains("pki/admin/admin-key.pem"), "{error}");
}

#[test]
fn a_certificate_without_its_key_is_an_error() {
    let (directory, workspace, _) = with_bundle();
    fs::remove_file(directory.path().join(key_path(&Identity::ClusterAuthority))).unwrap();
    let error = workspace.read_bundle(&spec()).unwrap_err();
    assert!(matches!(error, WorkspaceError::CertificateAlone { .. }), "{error}");
}

#[test]
fn a_certificate_over_another_key_is_an_error() {
    let (directory, workspace, _) = with_bundle();
    let path = |identity| directory.path().join(key_path(&identity));
    fs::copy(path(Identity::KubeProxy), path(Identity::Admin)).unwrap();
    let error = workspace.read_bundle(&spec()).unwrap_err();
    assert!(matches!(error, WorkspaceError::Mismatch { .. }), "{error}");
    assert!(error.help().is_some());
}

#[test]
fn key_files_that_others_may_read_are_found_and_tightened() {
    let (directory, workspace, _) = with_bundle();
    let path = directory.path().canonicalize().unwrap().join(key_path(&Identity::Admin));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let loose = workspace.loose_permissions().unwrap();
    assert_eq!(loose.iter().map(|found| (&found.path, found.mode)).collect::<Vec<_>>(), [(&path, 0o644)]);
    loose[0].tighten().unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn the_encryption_key_is_kept_and_never_replaced() {
    let (directory, workspace) = workspace();
    assert_eq!(workspace.read_encryption_key().unwrap(), None);
    assert!(!directory.path().join("data-encryption").exists(), "reading wrote something");

    let key = new_encryption_key().unwrap();
    workspace.write_encryption_key(&key).unwrap();
    workspace.write_encryption_key(&key).unwrap();
    assert_eq!(workspace.read_encryption_key().unwrap(), Some(key.clone()));
    assert_eq!(mode(&directory.path().join("data-encryption/encryption-key")), 0o600);
    let config = directory.path().join("data-encryption/encryption-config.yaml");
    assert_eq!(mode(&config), 0o600);
    assert!(fs::read_to_string(config).unwrap().contains(key.as_base64()));

    let error = workspace.write_encryption_key(&new_encryption_key().unwrap()).unwrap_err();
    assert!(matches!(error, WorkspaceError::OtherEncryptionKey { .. }), "{error}");
    assert_eq!(workspace.read_encryption_key().unwrap(), Some(key));
}

#[test]
fn a_lost_encryption_key_is_not_replaced() {
    let (directory, workspace) = workspace();
    let key = new_encryption_key().unwrap();
    workspace.write_encryption_key(&key).unwrap();
    fs::remove_file(directory.path().join("data-encryption/encryption-key")).unwrap();
    for error in [workspace.read_encryption_key().unwrap_err(), workspace.write_encryption_key(&key).unwrap_err()] {
        assert!(matches!(error, WorkspaceError::EncryptionKeyLost { .. }), "{error}");
    }
}

#[test]
fn a_file_that_differs_is_told_from_one_that_is_missing() {
    let (_directory, workspace) = workspace();
    let (path, content) = ("configs/admin/admin.kubeconfig", Content::secret("secret"));
    assert_eq!(workspace.held(path, &content).unwrap(), Held::Nothing);
    workspace.write(path, &content).unwrap();
    assert_eq!(workspace.held(path, &content).unwrap(), Held::Same);
    workspace.write(path, &Content::secret("damaged")).unwrap();
    assert_eq!(workspace.held(path, &content).unwrap(), Held::Other);
}

#[test]
fn secret_files_are_their_owners_alone() {
    let (directory, workspace) = workspace();
    workspace.write("configs/admin/admin.kubeconfig", &Content::secret("secret")).unwrap();
    let path = directory.path().join("configs/admin/admin.kubeconfig");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_to_string(path).unwrap(), "secret");
}

#[test]
fn a_known_host_is_added_once() {
    let (_directory, workspace) = workspace();
    assert_eq!(workspace.read_known_hosts().unwrap(), "");
    workspace.append_known_host("10.0.0.1 ssh-ed25519 AAAA").unwrap();
    workspace.append_known_host("10.0.0.2 ssh-ed25519 BBBB\n").unwrap();
    workspace.append_known_host("10.0.0.1 ssh-ed25519 AAAA").unwrap();
    assert_eq!(workspace.read_known_hosts().unwrap(), "10.0.0.1 ssh-ed25519 AAAA\n10.0.0.2 ssh-ed25519 BBBB\n");
}

#[test]
fn a_second_command_is_told_who_has_the_lock() {
    let (_directory, workspace) = workspace();
    let holder = |command: &str| Holder {
        command: command.to_owned(),
        user: "ada".to_owned(),
        host: "desk".to_owned(),
        process: 7,
        since: now(),
    };
    let lock = workspace.lock(&holder("hardway apply")).unwrap();
    let error = workspace.lock(&holder("hardway reset")).unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("by ada's `hardway apply` (process 7 on desk) since 2026-11-23T12:00:00Z"), "{text}");
    drop(lock);
    workspace.lock(&holder("hardway reset")).unwrap();
}

#[test]
fn two_runs_within_a_second_have_folders_of_their_own() {
    let (_directory, workspace) = workspace();
    let first = workspace.create_run_directory(now()).unwrap();
    let second = workspace.create_run_directory(now()).unwrap();
    assert!(first.path.ends_with(".hardway/runs/20261123T120000Z"));
    assert!(second.path.ends_with(".hardway/runs/20261123T120000Z-2"));
    assert_eq!(workspace.run_directories().unwrap(), [first, second]);
}

#[test]
fn the_oldest_runs_go_when_there_are_too_many() {
    let (_directory, workspace) = workspace();
    assert_eq!(workspace.run_directories().unwrap(), []);
    let at = |minutes: i64| now() + SignedDuration::from_mins(minutes);
    for minute in 0..=i64::try_from(KEPT_RUNS).unwrap() {
        workspace.create_run_directory(at(minute)).unwrap();
    }
    let kept = workspace.run_directories().unwrap();
    assert_eq!(kept.len(), KEPT_RUNS);
    assert_eq!(kept[0].id, "20261123T120100Z");
}

#[test]
fn a_new_run_is_kept_though_the_clock_was_set_back() {
    let (_directory, workspace) = workspace();
    for minute in 0..i64::try_from(KEPT_RUNS).unwrap() {
        workspace.create_run_directory(now() + SignedDuration::from_mins(minute)).unwrap();
    }
    let new = workspace.create_run_directory(now() - SignedDuration::from_hours(1)).unwrap();
    assert!(new.path.is_dir());
}
