//! The etcd v3 API, as one member serves it: gRPC and plain HTTP on one port, over a running member ([`node::Handle`]) of
//! the replicated store.
//!
//! # A guided tour
//!
//! - `api` is the crate of messages and services, generated from `proto/`; clients in Rust use its `*_client` modules.
//! - `serve` accepts connections (`authority` lets odd clients in, `gather` lets answers leave together); `dispatch` hands each request to the service that its
//!   path names, or to `http` (health and version).
//! - `grpc/*` is one file a service. A call is admitted and given its deadline (`context`), converted (`convert`), held to
//!   etcd's rules (`check`), and asked of the member (`member`). A write is proposed; a read waits until this member has
//!   everything acknowledged before it, and then reads the store here, in slices.
//! - `dashboard/*` is what the page of a running cluster asks: each member tells how it is and asks the others, without a leader.
//! - [`web`] is how pages in a browser are answered.
//! - [`Error`] (`status`) is the only map from what can go wrong to gRPC codes and etcd's texts.
//! - [`MemberInfo`] is what the cluster's configuration keeps of each member for its clients.
//!
//! # What this crate deliberately does not know
//!
//! How a command is replicated, where anything is stored, flags, and who may do what.

mod authority;
mod check;
mod config;
mod context;
mod convert;
mod dashboard;
mod deadline;
mod dispatch;
mod fresh;
mod gather;
mod grpc;
mod http;
mod member;
mod member_info;
mod membership;
mod serve;
mod session;
mod status;
pub mod version;
pub mod web;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use node::Handle;
use store::KvStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use ::api;
pub use config::{Identity, ServerConfig};
pub use dashboard::Pages;
pub use member_info::{MemberInfo, MemberInfoError};
pub use membership::{PEER_URLS_BYTES_MAX, peer_urls_bytes};
pub use status::Error;

/// Serves the API of one member on all `listeners`, until `stop`: then no new request is taken, those under way have
/// [`ServerConfig::stop_time`] to end, and the call returns.
///
/// # Errors
/// When there is nothing to listen on. What goes wrong with one client ends with that client.
pub async fn serve(
    listeners: Vec<TcpListener>,
    handle: Handle<KvStore>,
    config: ServerConfig,
    stop: CancellationToken,
) -> io::Result<()> {
    let (connections_max, stop_time) = (config.connections_max, config.stop_time);
    let context = Arc::new(context::Context { member: handle, config });
    let services = Arc::new(dispatch::Services::new(context, stop.clone()));
    let remembering = tokio::spawn(services.dashboard().remember());
    let served = serve::serve(listeners, services, connections_max, stop_time, stop).await;
    remembering.abort();
    served
}
