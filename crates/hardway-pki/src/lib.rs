//! The table of certificates: who has one, what it says, who signs it; to issue, read and judge them.
//!
//! Invariant: no files and no clock. Times come in as arguments, PEM goes in and out.

mod bundle;
mod cfssl;
mod complete;
mod error;
mod former;
mod identity;
mod inspect;
mod issue;
mod judge;
mod profile;
mod table;
mod trust;

pub use bundle::{Bundle, KeyPair, MissingKeyPair};
pub use cfssl::{ca_config_json, csr_json};
pub use complete::{Issued, complete};
pub use error::{PkiError, ReadError};
pub use former::{FormerNames, former_names};
pub use identity::Identity;
pub use inspect::{CertificateInfo, Name, inspect};
pub use issue::{issue, renew};
pub use judge::{Missing, Reason, missing};
pub use profile::{AlternativeName, CertificateProfile, KeyUsage, Signer, Usage};
pub use table::table;
pub use trust::is_signed_by;
