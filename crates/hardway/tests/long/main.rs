//! What takes long on real machines, beside the suite `lab`: `cargo xtask test --long`.
//!
//! Needs root, as `lab up` does.

mod failures;
#[path = "../lab/moving.rs"]
mod moving;
mod shapes;
#[path = "../lab/support.rs"]
#[allow(dead_code, reason = "each of the two suites uses a part of it")]
mod support;
