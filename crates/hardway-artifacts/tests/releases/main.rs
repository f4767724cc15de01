//! Upstream's releases through a mirror on loopback: every layout, every level of trust, and everything that can go wrong
//! on the way.

mod disk;
mod faults;
mod layouts;
mod locked;
mod proxy;
mod resume;
mod scene;
mod tls;
mod trust;
