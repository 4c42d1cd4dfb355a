//! Brings the parts of one member together: sockets, member, API; and ends them in order.

use bytes::Bytes;
use node::{Config, Node};
use raft::{Configuration, NodeId};
use replica::First;
use server::{Identity, MemberInfo, ServerConfig};
use store::KvStore;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::config::{ClusterState, ServeConfig};
use super::founders::{Founder, Founders};
use super::sockets::{self, SocketError};
use super::stop;
use crate::url::Url;

/// Why a member did not start, or did not end well.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// No event loop, no signals, no threads.
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
    /// It can't be reached where it should be.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Its folder or what is in it.
    #[error(transparent)]
    Start(#[from] node::StartError),
    /// It could not go on safely.
    #[error("the member stopped: {0}")]
    Halted(String),
}

/// Runs the member until it is told to stop.
pub(crate) fn run(config: &ServeConfig) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        stop::listen(&stop, config.parent_pipe)?;
        let clients = sockets::listen(&config.listen_client_urls, "--listen-client-urls").await?;
        let peers = sockets::listen(&config.listen_peer_urls, "--listen-peer-urls").await?;
        let founders = Founders::of(config);
        let peers = peers.into_iter().map(TcpListener::into_std).collect::<Result<_, _>>()?;
        let first = match config.initial_cluster_state {
            ClusterState::New => Some(First { configuration: first_configuration(&founders), machine: KvStore::new() }),
            ClusterState::Existing => None,
        };
        let node = Node::start(node_config(config, &founders), peers, first)?;
        tracing::info!(
            name = founders.own().name,
            member = format!("{:016x}", founders.own().api_id),
            cluster = format!("{:016x}", founders.cluster_id),
            clients = crate::url::joined(&config.listen_client_urls),
            "ready to serve client requests"
        );
        let serving = server::serve(clients, node.handle(), server_config(config, &founders), stop.clone());
        tokio::select! {
            served = serving => served?,
            ended = node.ended() => return Err(RunError::Halted(ended.err().unwrap_or_else(|| "it ended".into()))),
        }
        node.stop().await.map_err(RunError::Halted)
    })
}

/// All founders vote. Where clients reach them is not in the flags of the others: each says it of itself once it runs.
fn first_configuration(founders: &Founders) -> Configuration {
    let mut configuration = Configuration::of_voters(founders.members.iter().map(|founder| NodeId(founder.node)));
    for founder in &founders.members {
        if let Some(member) = configuration.members.get_mut(&NodeId(founder.node)) {
            member.info = info(founder, &[]);
        }
    }
    configuration
}

fn info(founder: &Founder, client_urls: &[Url]) -> Bytes {
    let info = MemberInfo {
        name: founder.name.clone(),
        api_id: founder.api_id,
        peer_urls: founder.peer_urls.clone(),
        client_urls: client_urls.iter().map(ToString::to_string).collect(),
    };
    info.encode()
}

fn node_config(config: &ServeConfig, founders: &Founders) -> Config {
    let own = founders.own();
    let mut node = Config::new(NodeId(own.node), founders.cluster_id, &config.data_dir);
    node.heartbeat = config.heartbeat_interval;
    node.election_timeout = config.election_timeout;
    node.address_of = address_of;
    node.info = Some(info(own, &config.advertise_client_urls));
    node.replica.snapshot_entries = config.snapshot_count;
    node.replica.snapshot_tail = (config.snapshot_count / 10).clamp(1, node.replica.snapshot_tail);
    // A command is a request in our own encoding, which is smaller; what passed the API must pass here.
    node.replica.command_bytes_max = 2 * config.max_request_bytes as usize + (64 << 10);
    node
}

/// The host and port of a member's first peer URL.
fn address_of(member: &raft::Member) -> Option<String> {
    let info = MemberInfo::decode(&member.info).ok()?;
    Url::parse(info.peer_urls.first()?).ok().map(|url| url.host_and_port())
}

fn server_config(config: &ServeConfig, founders: &Founders) -> ServerConfig {
    let identity = Identity { cluster_id: founders.cluster_id, member_id: founders.own().api_id };
    let mut server = ServerConfig::new(identity, config.election_timeout);
    server.request_bytes_max = config.max_request_bytes as usize;
    server.txn_ops_max = config.max_txn_ops as usize;
    server.quota_bytes = config.quota_backend_bytes;
    server
}
