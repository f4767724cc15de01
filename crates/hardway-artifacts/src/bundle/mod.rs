//! A bundle: one file with everything that a cluster needs, to be carried into a network without a way out.
//!
//! ```text
//! bundle.json            what is in the bundle: versions, origins, sizes, digests
//! sbom.cdx.json          the same for other programs: CycloneDX 1.6
//! blobs/sha256/DIGEST    one file each: a program packed with zstd, an image's archive, an archive of OS packages
//! checksums              the SHA-256 of bundle.json, and of all bytes before this member
//! ```
//!
//! It is a plain tar, whose members are compressed each by itself, rather than one compressed stream:
//! - One member is found by arithmetic and read alone, so that members are checked and unpacked on all processors at
//!   once, and a cluster that needs only some of them reads only these.
//! - Nothing is compressed twice. Programs lie packed in the cache for the way to the machines already. The layers of
//!   images are compressed, by zstd here or by gzip upstream, and packing them another way would give them other
//!   digests than upstream's. So are the `.deb`s.
//! - `tar -tvf` lists it and `tar -xf` takes it apart where there is no hardway.
//!
//! The form leaves no choice to who writes it: the order of the members, every field of their headers and all padding
//! follow from `bundle.json`. So the same artifacts give the same bytes, whatever the clock says, and a reader compares
//! headers and padding instead of interpreting them: a single flipped bit anywhere is found, and the member that it is
//! in has a name. A bundle is not signed. Its digests tell damage, and `hardway.lock` tells another bundle.
//!
//! Invariant: nothing is unpacked before its packed bytes have the digest that `bundle.json` says.

mod blob;
mod create;
mod error;
mod index;
mod layout;
mod licences;
mod open;
mod packages;
mod purl;
mod sbom;
mod source;
mod summary;
mod verify;

pub use create::{Created, create};
pub use error::BundleError;
pub use open::Bundle;
pub use source::BundleSource;
pub use summary::{Summary, SummaryArtifact, SummaryPackages};
