//! What OpenSSL's command line makes of our certificates.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use hardway_pki::{Bundle, Identity, Signer, Usage, inspect, table};
use hardway_spec::Cluster;
use tempfile::TempDir;

struct Openssl {
    directory: TempDir,
}

impl Openssl {
    fn new(bundle: &Bundle) -> Self {
        let directory = TempDir::new().unwrap();
        for (identity, pair) in &bundle.key_pairs {
            let base = directory.path().join(identity.slug());
            fs::create_dir_all(base.parent().unwrap()).unwrap();
            fs::write(base.with_extension("pem"), &pair.certificate).unwrap();
            fs::write(base.with_extension("key"), pair.key.as_str()).unwrap();
        }
        Self { directory }
    }

    fn path(&self, identity: &Identity, extension: &str) -> String {
        Path::new(self.directory.path()).join(identity.slug()).with_extension(extension).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        if output.status.success() { Ok(text) } else { Err(text + &String::from_utf8_lossy(&output.stderr)) }
    }

    fn verify(&self, spec: &Cluster, identity: &Identity, purpose: &str) -> Result<String, String> {
        let profiles = table(spec);
        let profile = profiles.iter().find(|profile| profile.identity == *identity).unwrap();
        let authority = match &profile.signer {
            Signer::Itself => identity,
            Signer::Authority(authority) => authority,
        };
        let at = common::now().as_second().to_string();
        let authority = self.path(authority, "pem");
        let mut arguments = vec!["verify", "-x509_strict", "-attime", &at, "-CAfile", &authority];
        if !purpose.is_empty() {
            arguments.extend(["-purpose", purpose]);
        }
        let certificate = self.path(identity, "pem");
        arguments.push(&certificate);
        self.run(&arguments)
    }
}

fn verifies_for_its_use_alone(spec: &Cluster) {
    let openssl = Openssl::new(&common::bundle(spec));
    for profile in table(spec) {
        let identity = &profile.identity;
        let (good, bad): (&[&str], &[&str]) = match profile.usage {
            Usage::Authority => (&[""], &[]),
            // A self-signed certificate that is no authority is trusted by its clients' choice, not by a chain.
            Usage::Server if profile.signer == Signer::Itself => (&[], &["sslclient"]),
            Usage::Client => (&["sslclient"], &["sslserver"]),
            Usage::Server => (&["sslserver"], &["sslclient"]),
            Usage::Peer => (&["sslclient", "sslserver"], &[]),
            Usage::TokenSigning => (&[""], &[]),
        };
        for purpose in good {
            assert_eq!(openssl.verify(spec, identity, purpose).err(), None, "{identity} {purpose}");
        }
        for purpose in bad {
            assert!(openssl.verify(spec, identity, purpose).is_err(), "{identity} {purpose}");
        }
    }
}

#[test]
fn ecdsa_certificates_verify_for_their_use_alone() {
    verifies_for_its_use_alone(&common::spec());
}

#[test]
fn rsa_certificates_verify_for_their_use_alone() {
    verifies_for_its_use_alone(&common::rsa_spec());
}

#[test]
fn keys_are_pkcs8_and_consistent() {
    let openssl = Openssl::new(&common::bundle(&common::rsa_spec()));
    let key = openssl.path(&Identity::ServiceAccount, "key");
    assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    openssl.run(&["pkey", "-in", &key, "-check", "-noout"]).unwrap();
}

#[test]
fn the_subject_is_encoded_as_rfc_5280_has_it() {
    let openssl = Openssl::new(&common::bundle(&common::spec()));
    let certificate = openssl.path(&Identity::Kubelet("w1".into()), "pem");
    let subject =
        openssl.run(&["x509", "-in", &certificate, "-noout", "-subject", "-nameopt", "RFC2253,show_type"]).unwrap();
    assert_eq!(
        subject.trim_end(),
        "subject=CN=UTF8STRING:system:node:w1,OU=UTF8STRING:Kubernetes,O=UTF8STRING:system:nodes,\
         L=UTF8STRING:London,ST=UTF8STRING:England,C=PRINTABLESTRING:GB"
    );
}

#[test]
fn inspect_agrees_with_openssl() {
    let bundle = common::bundle(&common::spec());
    let openssl = Openssl::new(&bundle);
    let info = inspect(&bundle.get(&Identity::ApiServer).unwrap().certificate).unwrap();
    let certificate = openssl.path(&Identity::ApiServer, "pem");
    let text =
        openssl.run(&["x509", "-in", &certificate, "-noout", "-serial", "-fingerprint", "-sha256", "-dates"]).unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.split_once('=').unwrap().1.replace(':', "")).collect();
    assert_eq!(lines[0].to_lowercase().trim_start_matches('0'), info.serial.trim_start_matches('0'));
    assert_eq!(lines[1].to_lowercase(), info.sha256);
    assert_eq!(lines[2], "Nov 23 115500 2026 GMT");
    assert_eq!(info.not_before.to_string(), "2026-11-23T11:55:00Z");
    assert_eq!(lines[3], "Nov 23 115500 2027 GMT");
    assert_eq!(info.not_after.to_string(), "2027-11-23T11:55:00Z");
    let text = openssl.run(&["x509", "-in", &certificate, "-noout", "-text"]).unwrap();
    for line in [
        "CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "DNS:k8s.hardway.test, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, \
         DNS:kubernetes.default.svc.cluster.local, DNS:localhost, IP Address:127.0.0.1, IP Address:10.32.0.1, \
         DNS:lb, IP Address:172.30.1.10, DNS:cp1, IP Address:172.30.1.11\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn an_authority_may_sign_no_authority() {
    let openssl = Openssl::new(&common::bundle(&common::spec()));
    let certificate = openssl.path(&Identity::EtcdAuthority, "pem");
    let text = openssl.run(&["x509", "-in", &certificate, "-noout", "-text"]).unwrap();
    assert!(text.contains("X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n"), "{text}");
    assert!(text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n"), "{text}");
}
