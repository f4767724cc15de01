//! The spec: what the operator wrote, its types, validation and schema.

pub mod versions;
