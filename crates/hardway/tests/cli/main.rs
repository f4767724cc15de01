//! The binary as people type it: what it says and how it exits, without any machine.
//!
//! Needs root, as `lab up` does: networks of their own and an sshd are made for some tests.

mod bundle;
mod color;
mod help;
mod machines;
mod network;
mod plans;
mod runs;
mod sandbox;
mod spec;
mod workspace;
