//! On real machines, as a user would: everything that only a whole cluster can show.
//!
//! Needs root, as `lab up` does.

mod addresses;
mod balancers;
mod drift;
mod endpoint;
mod faults;
mod layouts;
mod leaving;
mod members;
mod moving;
mod recovery;
mod saved_plans;
mod settings;
mod sources;
mod support;
mod whole_way;
