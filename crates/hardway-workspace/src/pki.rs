//! The key pairs below `pki/`.

use hardway_pki::{Bundle, CertificateProfile, KeyPair, ca_config_json, csr_json, table};
use hardway_spec::Cluster;
use zeroize::Zeroizing;

use crate::file::{self, Access};
use crate::layout::CA_CONFIG;
use crate::{Workspace, WorkspaceError, certificate_path, key_path, request_path};

impl Workspace {
    /// The key pairs that exist of those the spec asks for.
    ///
    /// # Errors
    /// A key or certificate without its other half, two that do not belong together, and files that cannot be read.
    pub fn read_bundle(&self, spec: &Cluster) -> Result<Bundle, WorkspaceError> {
        let mut bundle = Bundle::default();
        for profile in table(spec) {
            if let Some(pair) = self.read_key_pair(&profile)? {
                bundle.key_pairs.insert(profile.identity, pair);
            }
        }
        Ok(bundle)
    }

    fn read_key_pair(&self, profile: &CertificateProfile) -> Result<Option<KeyPair>, WorkspaceError> {
        let certificate_path = self.path(&certificate_path(&profile.identity));
        let key_path = self.path(&key_path(&profile.identity));
        let pair = match (file::read(&certificate_path)?, file::read(&key_path)?.map(Zeroizing::new)) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => KeyPair { certificate, key },
            (Some(_), None) => {
                return Err(WorkspaceError::CertificateAlone { certificate: certificate_path, key: key_path });
            }
            (None, Some(_)) => {
                return Err(WorkspaceError::KeyAlone { key: key_path, certificate: certificate_path });
            }
        };
        match pair.matches(&profile.identity) {
            Ok(true) => Ok(Some(pair)),
            Ok(false) => Err(WorkspaceError::Mismatch { certificate: certificate_path, key: key_path }),
            Err(source) => Err(WorkspaceError::KeyPair { certificate: certificate_path, source }),
        }
    }

    /// Writes every key pair that the spec asks for, with the request cfssl would make it from.
    ///
    /// # Errors
    /// [`WorkspaceError::Write`] or [`WorkspaceError::MakeDirectory`] at the first file that cannot be written.
    pub fn write_bundle(&self, spec: &Cluster, bundle: &Bundle) -> Result<(), WorkspaceError> {
        let pki = &spec.spec.pki;
        self.write_file(CA_CONFIG, ca_config_json(pki).as_bytes(), Access::All)?;
        for profile in table(spec) {
            let Some(pair) = bundle.key_pairs.get(&profile.identity) else { continue };
            let request = csr_json(&profile, pki);
            self.write_file(&request_path(&profile.identity), request.as_bytes(), Access::All)?;
            self.write_file(&key_path(&profile.identity), pair.key.as_bytes(), Access::Owner)?;
            self.write_file(&certificate_path(&profile.identity), pair.certificate.as_bytes(), Access::All)?;
        }
        Ok(())
    }
}
