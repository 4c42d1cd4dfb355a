//! The messages and services that members and their clients speak, generated from `proto/` by `cargo x codegen` and checked in.
//! Both sides are here: `*_server` for the crate that serves, `*_client` for whoever talks to a member. It knows neither of
//! them, and holds nothing written by hand.

/// Package `etcdserverpb`: requests, responses, and the services KV, Watch, Lease, Cluster and Maintenance.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
#[allow(clippy::too_many_lines, clippy::use_self, clippy::cognitive_complexity, clippy::excessive_nesting)]
#[rustfmt::skip]
pub mod etcdserverpb;

/// Package `mvccpb`: keys with values, and changes of them.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
#[allow(clippy::too_many_lines, clippy::use_self, clippy::cognitive_complexity, clippy::excessive_nesting)]
#[rustfmt::skip]
pub mod mvccpb;

/// Package `quorate.v1`: what etcd does not have, the service Sessions.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
#[allow(clippy::too_many_lines, clippy::use_self, clippy::cognitive_complexity, clippy::excessive_nesting)]
#[rustfmt::skip]
pub mod quorate_v1;
