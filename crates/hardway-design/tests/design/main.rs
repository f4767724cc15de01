//! The design as a whole, over clusters of every shape.

mod cluster;
mod golden;
mod rules;
