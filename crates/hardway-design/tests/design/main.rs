//! The design as a whole, over clusters of every shape.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

mod cluster;
mod golden;
mod pod_ranges;
mod rules;
