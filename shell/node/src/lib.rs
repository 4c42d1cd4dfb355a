//! Runs one member of a Raft cluster on tokio: real disk, real sockets, real clock. This is the crate that a program embeds to
//! replicate a state machine of its own.
//!
//! # A guided tour
//!
//! Implement [`replica::StateMachine`], describe the cluster in a [`raft::Configuration`] (the same on all its first members),
//! and start each member with [`Node::start`]. Its [`Handle`] writes, reads and tells how it is; any member may be asked.
//!
//! ```no_run
//! # use std::net::TcpListener; use std::time::Duration;
//! # use bytes::Bytes; use raft::{Configuration, NodeId}; use replica::{First, StateMachine};
//! # use quorate_node::{Config, Node};
//! # async fn example<S: StateMachine>(machine: S) -> Result<(), Box<dyn std::error::Error>> {
//! let mut configuration = Configuration::of_voters((1..=3).map(NodeId));
//! for (node, member) in &mut configuration.members {
//!     member.info = format!("10.0.0.{}:2380", node.0).into();
//! }
//! let config = Config::new(NodeId(1), 0x5eed, "/var/lib/counter");
//! let peers = vec![TcpListener::bind("10.0.0.1:2380")?];
//! let node = Node::start(config, peers, Some(First { configuration, machine }))?;
//!
//! let limit = Duration::from_secs(5);
//! let written = node.handle().write(Bytes::from_static(b"20"), limit).await?; // committed and applied
//! node.handle().read(limit).await?; // from here on the reader is linearizable
//! let reader = node.handle().reader();
//! # drop((written, reader));
//! node.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A write that gets no answer may have taken effect. Where that matters, open a session and name each command by it: then it may
//! be asked again, of any member and for as long as the session is kept, and takes effect once.
//!
//! ```no_run
//! # use std::time::Duration; use bytes::Bytes; use replica::StateMachine; use quorate_node::{Node, SessionCommand};
//! # async fn example<S: StateMachine>(node: Node<S>, limit: Duration) -> Result<(), Box<dyn std::error::Error>> {
//! let session = node.handle().open_session(Duration::from_secs(60), limit).await?.id;
//! let name = SessionCommand { session, sequence: 1, acknowledged: 0 };
//! let first = node.handle().write_once(name, Bytes::from_static(b"20"), limit).await?;
//! let again = node.handle().write_once(name, Bytes::from_static(b"20"), limit).await?;
//! assert_eq!(first, again); // 20 was added once
//! # Ok(())
//! # }
//! ```
//!
//! The example `counter` is the whole of it.
//!
//! # Threads
//!
//! The *loop* takes what arrived, runs one turn of the [`replica::Replica`] and carries out what it says; it reads and writes the
//! peers' sockets itself. The *log* thread writes and syncs the log. The *storeroom* thread prepares files and writes snapshots;
//! one that travels has a thread of its own. The protocol between members is in docs/peer-protocol.md.

mod arrival;
mod clocks;
mod folder;
pub mod handle;
mod log_thread;
pub mod look;
mod met;
mod node;
mod node_loop;
mod peer;
mod published;
mod snapshot_thread;
mod storeroom_thread;
mod timers;
mod transferring;
mod turn_times;

pub use folder::{FolderError, Identity, identity};
pub use handle::{Handle, Member, MemberError, OpenSession, ReadError, Status, WriteError, Written};
pub use node::{AddressOf, Config, EndError, Node, SNAPSHOT_RATE, StartError};
pub use peer::codec::message_bytes;
pub use peer::join::{Invitation, JoinError, join};
pub use replica::{Alter, AlterError, Survey};
pub use replica::{Granted, LeaseOff, LeaseState, ReadMode, SessionCommand, SessionId, SessionRefusal};
pub use transferring::TransferError;
