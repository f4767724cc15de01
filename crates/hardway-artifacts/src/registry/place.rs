//! Where an image is asked for.

use oci_client::Reference;

use crate::Error;

/// An image at upstream's registry, or at the mirror's.
#[derive(Debug)]
pub(super) struct Place {
    /// Upstream's reference.
    pub(super) image: String,
    /// For people: upstream's registry, or the mirror with its prefix.
    pub(super) registry: String,
    pub(super) at: Reference,
}

impl Place {
    /// # Errors
    /// [`Error::ImageName`] where it is no full reference, or makes none with the mirror's prefix.
    pub(super) fn new(image: &str, mirror: Option<&str>) -> Result<Self, Error> {
        let parse = |reference: &str| {
            reference
                .parse::<Reference>()
                .map_err(|source| Error::ImageName { reference: reference.to_owned(), source: Box::new(source) })
        };
        let upstream = parse(image)?;
        Ok(match mirror {
            None => Self { image: image.to_owned(), registry: upstream.registry().to_owned(), at: upstream },
            Some(mirror) => {
                let mirror = mirror.trim_end_matches('/');
                Self { image: image.to_owned(), registry: mirror.to_owned(), at: parse(&format!("{mirror}/{image}"))? }
            }
        })
    }

    /// The tag in upstream's reference, which an archive is to name.
    pub(super) fn tag(&self) -> &str {
        self.at.tag().unwrap_or("latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_has_upstreams_registries_below_its_prefix() {
        let image = "registry.k8s.io/coredns/coredns:v1.15.0";
        let place = Place::new(image, Some("registry.example.com:5000/k8s/")).unwrap();
        assert_eq!(place.image, image);
        assert_eq!(place.registry, "registry.example.com:5000/k8s");
        assert_eq!(place.at.registry(), "registry.example.com:5000");
        assert_eq!(place.at.repository(), "k8s/registry.k8s.io/coredns/coredns");
        assert_eq!(place.tag(), "v1.15.0");
    }

    #[test]
    fn upstreams_registry_is_asked_itself_without_a_mirror() {
        let place = Place::new("docker.io/calico/node:v3.28.5", None).unwrap();
        assert_eq!((place.registry.as_str(), place.at.repository()), ("docker.io", "calico/node"));
        assert_eq!(place.at.resolve_registry(), "index.docker.io");
    }

    #[test]
    fn what_is_no_reference_is_told() {
        let error = Place::new("Registry//x", None).unwrap_err();
        assert_eq!(error.to_string(), "Registry//x is not the name of an image in a registry");
    }
}
