//! Brings the parts of one member together: sockets, member, API; and ends them in order.

use std::pin::pin;

use node::{Config, EndError, Node};
use replica::First;
use server::{Identity, ServerConfig};
use store::KvStore;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::config::ServeConfig;
use super::sockets::{self, SocketError};
use super::stop;
use super::who::{self, Who, WhoError};
use crate::assets;

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
    /// Which member it is could not be found out.
    #[error(transparent)]
    Who(#[from] WhoError),
    /// It could not go on safely.
    #[error("the member stopped: {0}")]
    Halted(String),
    /// It is no member any more.
    #[error(
        "the member {name:?} is none any more (by the numbers inside: {reason}). This process ends, and its data folder is of no \
         use any more. To use this machine again, add a new member (`quorate ctl member add`) and start it with an empty folder"
    )]
    Removed {
        /// Its `--name`.
        name: String,
        /// By the numbers inside, which are not the names.
        reason: String,
    },
    /// It is not who its cluster knows.
    #[error("{0}. This process ends, and what it wrote to its data folder is of no use")]
    AnotherDisk(String),
}

impl RunError {
    fn of_end(error: EndError, who: &Who) -> Self {
        match error {
            EndError::Removed(reason) => Self::Removed { name: who.info.name.clone(), reason },
            EndError::AnotherDisk(reason) => Self::AnotherDisk(reason),
            EndError::Failed(reason) => Self::Halted(reason),
        }
    }
}

/// Runs the member until it is told to stop.
pub(crate) fn run(config: &ServeConfig) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (signal, stop) = (CancellationToken::new(), CancellationToken::new());
        stop::listen(&signal, config.parent_pipe)?;
        let clients = sockets::listen(&config.listen_client_urls, "--listen-client-urls").await?;
        let peers = sockets::listen(&config.listen_peer_urls, "--listen-peer-urls").await?;
        let peers = peers.into_iter().map(TcpListener::into_std).collect::<Result<_, _>>()?;
        let who = tokio::select! {
            who = Who::find(config) => who?,
            () = signal.cancelled() => return Ok(()),
        };
        let first = who.first.clone().map(|configuration| First { configuration, machine: KvStore::new() });
        let node = Node::start(node_config(config, &who), peers, first)?;
        tracing::info!(
            name = who.info.name,
            member = format!("{:016x}", who.info.api_id),
            cluster = format!("{:016x}", who.cluster),
            clients = crate::url::joined(&config.listen_client_urls),
            "ready to serve client requests"
        );
        let mut serving = pin!(server::serve(clients, node.handle(), server_config(config, &who), stop.clone()));
        // Clients are served until another leads, so that their writes go on there.
        let leave = async {
            signal.cancelled().await;
            let _nobody_may_be_there = node.hand_over().await;
            stop.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            served = &mut serving => served?,
            () = leave => {}
            ended = node.ended() => {
                // Who waits for an answer that is on its way gets it.
                stop.cancel();
                serving.await?;
                ended.map_err(|error| RunError::of_end(error, &who))?;
                return Err(RunError::Halted("it ended".into()));
            }
        }
        node.stop().await.map_err(|error| RunError::of_end(error, &who))
    })
}

fn node_config(config: &ServeConfig, who: &Who) -> Config {
    let mut node = Config::new(who.node, who.cluster, &config.data_dir);
    node.heartbeat = config.heartbeat_interval;
    node.election_timeout = config.election_timeout;
    node.address_of = who::address_of;
    node.info = Some(who.info.encode());
    node.merge = who::merge;
    node.is_it = who::is_it;
    node.snapshot_bytes_per_second = config.snapshot_rate;
    node.replica.snapshot_entries = config.snapshot_count;
    node.replica.snapshot_tail = (config.snapshot_count / 10).clamp(1, node.replica.snapshot_tail);
    // A command is a request in our own encoding, which is smaller; what passed the API must pass here.
    node.replica.command_bytes_max = 2 * config.max_request_bytes as usize + (64 << 10);
    node
}

fn server_config(config: &ServeConfig, who: &Who) -> ServerConfig {
    let identity = Identity { cluster_id: who.cluster, member_id: who.info.api_id };
    let mut server = ServerConfig::new(identity, config.election_timeout);
    server.request_bytes_max = config.max_request_bytes as usize;
    server.txn_ops_max = config.max_txn_ops as usize;
    server.learners_max = config.max_learners as usize;
    server.strict_reconfig_check = config.strict_reconfig_check;
    server.quota_bytes = config.quota_backend_bytes;
    server.lease_reads = config.lease_reads;
    server.pages = Some(assets::dashboard);
    server
}
