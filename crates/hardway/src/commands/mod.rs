//! One file per command; its arguments' doc comment is its help.

pub mod acceptance;
pub mod apply;
pub mod bundle;
pub mod completions;
pub mod etcd;
pub mod export;
mod finishing;
pub mod init;
pub mod kubeconfig;
pub mod kubectl;
pub mod lab;
pub mod lock;
mod narrowing;
pub mod plan;
pub mod reset;
pub mod runs;
pub mod ssh;
pub mod status;
pub mod validate;
pub mod verify;
