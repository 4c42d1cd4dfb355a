//! The whole API in one process: real clients over a loopback socket, the real store, and a member without consensus behind
//! them, whose mood the test decides.

mod fake;

mod dashboard;
mod errors;
mod http;
mod kv;
mod maintenance;
mod membership;
mod real;
mod stop;
mod txn;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::api::etcdserverpb::cluster_client::ClusterClient;
use crate::api::etcdserverpb::kv_client::KvClient;
use crate::api::etcdserverpb::maintenance_client::MaintenanceClient;
use crate::context::Context;
use crate::dispatch::Services;
use crate::{Identity, ServerConfig, serve};
use fake::Fake;

const IDENTITY: Identity = Identity { cluster_id: 0xc1, member_id: 0xa1 };

/// A served member and clients of it.
struct Served {
    member: Fake,
    address: SocketAddr,
    channel: Channel,
    kv: KvClient<Channel>,
    cluster: ClusterClient<Channel>,
    maintenance: MaintenanceClient<Channel>,
    stop: CancellationToken,
    ended: JoinHandle<io::Result<()>>,
}

impl Served {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of its own.
    async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new(IDENTITY, Duration::from_secs(1));
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (member, stop) = (Fake::new(), CancellationToken::new());
        let (connections_max, stop_time) = (config.connections_max, config.stop_time);
        let services = Arc::new(Services::new(Arc::new(Context { member: member.clone(), config }), stop.clone()));
        let ended = tokio::spawn(serve::serve(vec![listener], services, connections_max, stop_time, stop.clone()));
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self {
            member,
            address,
            kv: KvClient::new(channel.clone()),
            cluster: ClusterClient::new(channel.clone()),
            maintenance: MaintenanceClient::new(channel.clone()),
            channel,
            stop,
            ended,
        }
    }
}

/// Code and text of a refusal.
fn told(status: &Status) -> (i32, &str) {
    (status.code() as i32, status.message())
}
