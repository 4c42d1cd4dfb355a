//! Brings the parts of one member together: sockets, member, API; and ends them in order.

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::config::ServeConfig;
use super::founders::Founders;
use super::sockets::{self, SocketError};
use super::stop;

/// Why a member did not start, or did not end well.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// No event loop, no signals, no threads.
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
    /// It can't be reached where it should be.
    #[error(transparent)]
    Socket(#[from] SocketError),
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
        tracing::info!(
            name = founders.own().name,
            cluster = format!("{:016x}", founders.cluster_id),
            "sockets are open"
        );
        stop.cancelled().await;
        drop((clients, peers));
        Ok(())
    })
}
