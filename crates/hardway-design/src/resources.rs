//! Short forms for the resources that every component has.

use hardway_pki::{Identity, MissingKeyPair};

use crate::paths::UNITS;
use crate::{Content, Directory, File, Inputs, Resource};

/// A folder of root's.
pub(crate) fn directory(path: &str, mode: u32) -> Resource {
    directory_of("root", path, mode)
}

pub(crate) fn directory_of(user: &str, path: &str, mode: u32) -> Resource {
    Resource::Directory(Directory { path: path.to_owned(), mode, owner: format!("{user}:{user}") })
}

/// A file of root's.
pub(crate) fn file(path: impl Into<String>, mode: u32, content: Content) -> Resource {
    file_of("root", path, mode, content)
}

pub(crate) fn file_of(user: &str, path: impl Into<String>, mode: u32, content: Content) -> Resource {
    Resource::File(File { path: path.into(), mode, owner: format!("{user}:{user}"), content })
}

/// A unit's own file.
pub(crate) fn unit_file(name: &str, content: impl ToString) -> Resource {
    file(format!("{UNITS}/{name}"), 0o600, Content::text(content.to_string()))
}

/// The certificate of `identity` alone, as `STEM.pem`.
pub(crate) fn certificate_of(
    user: &str,
    inputs: &Inputs<'_>,
    identity: &Identity,
    stem: &str,
) -> Result<Resource, MissingKeyPair> {
    let pair = inputs.bundle.get(identity)?;
    Ok(file_of(user, format!("{stem}.pem"), 0o600, Content::text(pair.certificate.clone())))
}

/// The certificate and key of `identity`, as `STEM.pem` and `STEM-key.pem`.
pub(crate) fn key_pair_of(
    user: &str,
    inputs: &Inputs<'_>,
    identity: &Identity,
    stem: &str,
) -> Result<[Resource; 2], MissingKeyPair> {
    let pair = inputs.bundle.get(identity)?;
    Ok([
        certificate_of(user, inputs, identity, stem)?,
        file_of(user, format!("{stem}-key.pem"), 0o600, Content::secret(pair.key.as_str())),
    ])
}
