//! The etcd v3 API, as one member serves it.

pub mod api;
