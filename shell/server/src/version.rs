//! Which version this is, towards clients of etcd and in its own right.

/// The version of etcd that clients may take this member for. Digits and dots only: clients compute with it.
pub const ETCD: &str = "3.5.21";

/// Our own version.
pub const QUORATE: &str = env!("CARGO_PKG_VERSION");
