//! The etcd v3 API, as one member serves it.

pub mod api;
mod config;
mod member_info;
mod status;
pub mod version;

pub use config::{Identity, ServerConfig};
pub use member_info::{MemberInfo, MemberInfoError};
pub use status::Error;
