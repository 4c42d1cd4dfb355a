//! The services of the API, one file each. They take a request apart, ask the member, and put the answer together; what
//! makes a request invalid, how types are converted and what errors say lies elsewhere.

mod cluster;
mod kv;
mod maintenance;
mod members;
mod sessions;

pub(crate) use cluster::ClusterService;
pub(crate) use kv::KvService;
pub(crate) use maintenance::MaintenanceService;
pub(crate) use members::MembersService;
pub(crate) use sessions::SessionsService;
