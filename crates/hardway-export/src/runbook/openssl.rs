//! The same certificates with openssl alone.

use hardway_pki::{AlternativeName, CertificateProfile, KeyUsage, Signer, table};
use hardway_spec::KeyAlgorithm;

use super::Source;
use super::page::Page;
use super::shell::quote;

/// Shell functions over `openssl req` and `openssl x509`; requests bring no extensions of the system's own configuration.
const FUNCTIONS: &str = r#"# key STEM: a private key that nobody else can read.
key() {
    mkdir -p "${1%/*}"
    (umask 077; openssl genpkey KEY -out "$1-key.pem")
}

# extensions CONSTRAINTS USAGE EXTENDED NAMES: a configuration of nothing but what the certificate is to have.
extensions() {
    printf '[req]\ndistinguished_name = dn\n[dn]\n[ext]\n'
    printf 'basicConstraints = critical,%s\nkeyUsage = critical,%s\nsubjectKeyIdentifier = hash\n' "$1" "$2"
    [ -z "$3" ] || printf 'extendedKeyUsage = %s\n' "$3"
    [ -z "$4" ] || printf 'subjectAltName = %s\n' "$4"
}

# itself STEM SUBJECT DAYS CONSTRAINTS USAGE EXTENDED NAMES: a certificate that is signed with its own key.
itself() {
    key "$1"
    extensions "$4" "$5" "$6" "$7" >"$1.cnf"
    openssl req -x509 -new -sha256 -key "$1-key.pem" -subj "$2" -days "$3" -config "$1.cnf" -extensions ext -out "$1.pem"
    rm "$1.cnf"
}

# signed AUTHORITY STEM SUBJECT DAYS USAGE EXTENDED NAMES: a certificate that an authority signs.
signed() {
    key "$2"
    extensions CA:FALSE "$5" "$6" "$7" >"$2.cnf"
    printf 'authorityKeyIdentifier = keyid\n' >>"$2.cnf"
    openssl req -new -sha256 -key "$2-key.pem" -subj "$3" -config "$2.cnf" -out "$2.csr"
    openssl x509 -req -sha256 -in "$2.csr" -CA "$1.pem" -CAkey "$1-key.pem" -CAcreateserial -days "$4" \
        -extfile "$2.cnf" -extensions ext -out "$2.pem"
    rm "$2.cnf"
}
"#;

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    page.chapter("The same certificates with openssl");
    page.paragraph("Four functions, for POSIX sh:");
    page.shell(&functions(source));
    page.paragraph("And a line for each certificate, authorities first:");
    page.shell(&certificates(source));
}

fn functions(source: &Source<'_>) -> String {
    let key = match source.inputs.cluster.spec.pki.algorithm {
        KeyAlgorithm::Rsa2048 => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        KeyAlgorithm::EcdsaP256 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    };
    FUNCTIONS.replace("KEY", key)
}

fn certificates(source: &Source<'_>) -> String {
    let lines: Vec<String> = table(source.inputs.cluster).iter().map(|profile| certificate(source, profile)).collect();
    lines.join("\n")
}

fn certificate(source: &Source<'_>, profile: &CertificateProfile) -> String {
    let stem = format!("pki/{}", profile.identity);
    let (usage, extended) = usages(source, profile);
    let names = names(&profile.names);
    let subject = subject(source, profile);
    match &profile.signer {
        Signer::Itself => {
            let constraints = if profile.is_authority() { "CA:TRUE,pathlen:0" } else { "CA:FALSE" };
            command(&["itself", &stem, &subject, &days(profile), constraints, &usage, &extended, &names])
        }
        Signer::Authority(authority) => {
            let authority = format!("pki/{authority}");
            command(&["signed", &authority, &stem, &subject, &days(profile), &usage, &extended, &names])
        }
    }
}

/// The one certificate that cfssl has no command for, in one line of openssl.
pub(super) fn self_signed(source: &Source<'_>, profile: &CertificateProfile) -> String {
    let stem = format!("pki/{}", profile.identity);
    let algorithm = match source.inputs.cluster.spec.pki.algorithm {
        KeyAlgorithm::Rsa2048 => "-newkey rsa:2048",
        KeyAlgorithm::EcdsaP256 => "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
    };
    format!(
        "openssl req -x509 -new {algorithm} -noenc \\\n    -keyout {stem}-key.pem -out {stem}.pem -days {} \\\n    \
         -subj {} \\\n    -addext {}\n",
        profile.validity_days,
        quote(&subject(source, profile)),
        quote(&format!("subjectAltName={}", names(&profile.names))),
    )
}

fn command(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn days(profile: &CertificateProfile) -> String {
    profile.validity_days.to_string()
}

/// The distinguished name as `-subj` takes it.
fn subject(source: &Source<'_>, profile: &CertificateProfile) -> String {
    let subject = &source.inputs.cluster.spec.pki.subject;
    let fields = [
        ("C", subject.country.as_str()),
        ("ST", &subject.state),
        ("L", &subject.locality),
        ("O", &profile.organization),
        ("OU", &subject.organizational_unit),
        ("CN", &profile.common_name),
    ];
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('/', "\\/").replace('+', "\\+");
    fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| format!("/{field}={}", escaped(value)))
        .collect()
}

/// Key usages and extended key usages by openssl's names (x509v3_config(5)).
fn usages(source: &Source<'_>, profile: &CertificateProfile) -> (String, String) {
    let mut usage = Vec::new();
    let mut extended = Vec::new();
    for key_usage in profile.usage.key_usages(source.inputs.cluster.spec.pki.algorithm) {
        match key_usage {
            KeyUsage::DigitalSignature => usage.push("digitalSignature"),
            KeyUsage::KeyEncipherment => usage.push("keyEncipherment"),
            KeyUsage::CertSign => usage.push("keyCertSign"),
            KeyUsage::CrlSign => usage.push("cRLSign"),
            KeyUsage::ServerAuth => extended.push("serverAuth"),
            KeyUsage::ClientAuth => extended.push("clientAuth"),
            KeyUsage::Other(_) => {}
        }
    }
    (usage.join(","), extended.join(","))
}

fn names(names: &[AlternativeName]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| match name {
            AlternativeName::Dns(name) => format!("DNS:{name}"),
            AlternativeName::Address(address) => format!("IP:{address}"),
        })
        .collect();
    names.join(",")
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests run programs")]
mod tests {
    use std::process::Command;

    use hardway_pki::{Identity, inspect};

    use super::*;
    use crate::example::Example;

    #[test]
    fn openssl_makes_the_certificates_that_the_table_names() {
        let example = Example::small();
        let inputs = example.inputs();
        let source = Source { inputs: &inputs, groups: &[], workspace: &[], manifests: &[] };
        let folder = tempfile::tempdir().unwrap();
        let script = format!("set -eu\n{}\n{}\n", functions(&source), certificates(&source));
        let output = Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        for profile in table(inputs.cluster) {
            let path = folder.path().join(format!("pki/{}.pem", profile.identity));
            let read = inspect(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!(read.subject.common_name, profile.common_name);
            assert_eq!(read.subject.organization, profile.organization);
            assert_eq!(read.is_authority, profile.is_authority(), "{}", profile.identity);
            assert_eq!(read.names, profile.names, "{}", profile.identity);
            assert_eq!(read.key_usages, profile.usage.key_usages(inputs.cluster.spec.pki.algorithm));
        }
        let verified = Command::new("openssl")
            .args(["verify", "-CAfile", "pki/ca/ca.pem"])
            .arg(format!("pki/{}.pem", Identity::ApiServer))
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(verified.success());
    }
}
