//! Machines as their users meet them: the fake, and a real sshd on loopback.
//!
//! The sshd is started by each test itself, on a free port, with a configuration of its own. Needs root and sshd; where
//! either is missing, the tests that need them say so and pass.

mod contract;
mod probe;
mod sshd;
