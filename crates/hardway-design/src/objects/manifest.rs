//! The cluster's objects as files that `kubectl apply` takes.

use crate::{Content, DesignError, Inputs, Object, Resource, yaml};

/// One group's objects, in the order in which they are applied.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The group's name: `coredns`.
    pub name: String,
    /// YAML documents; secret where one of them is a Secret.
    pub content: Content,
}

/// Every object of the cluster, a manifest for each group that has any, in the order in which they are applied.
///
/// # Errors
/// [`DesignError`] where the inputs lack something that the design needs.
pub fn manifests(inputs: &Inputs<'_>) -> Result<Vec<Manifest>, DesignError> {
    let groups = super::groups(inputs)?;
    let manifests = groups.iter().filter_map(|group| {
        let objects: Vec<&Object> = group
            .resources
            .iter()
            .filter_map(|resource| match resource {
                Resource::Object(object) => Some(object),
                _ => None,
            })
            .collect();
        let text = objects.iter().map(|object| yaml::render(&object.value)).collect::<Vec<_>>().join("---\n");
        let secret = objects.iter().any(|object| object.is_secret());
        let content = if secret { Content::secret(text) } else { Content::text(text) };
        (!objects.is_empty()).then(|| Manifest { name: group.id.name.clone(), content })
    });
    Ok(manifests.collect())
}
