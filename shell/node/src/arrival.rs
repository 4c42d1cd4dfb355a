//! What comes to a member's loop from its other threads and from its sockets.

use bytes::Bytes;
use raft::{Index, NodeId, Ticket};
use replica::peer::Greeting;
use replica::{PeerMessage, Question, ReadMode, ReceivedSnapshot, Reply, SessionAct, SessionCommand};
use tokio::sync::oneshot;

use crate::look::Look;
use crate::node::EndError;

/// What a client asks, with the channel for its answer.
pub(crate) struct ClientRequest {
    pub(crate) what: What,
    /// How long it may take, in microseconds.
    pub(crate) time_limit: u64,
    pub(crate) answer: oneshot::Sender<Reply>,
}

pub(crate) enum What {
    Write { command: Bytes, essential: bool, session: Option<SessionCommand> },
    Session(SessionAct),
    Recall(SessionCommand),
    Read(ReadMode),
    Transfer { target: Option<NodeId> },
    Member(Question),
}

/// From clients and peers: bounded, so that who sends too fast waits.
pub(crate) enum Traffic {
    Client(ClientRequest),
    Peer(NodeId, PeerMessage),
    /// The connection on which this peer spoke has ended, behind all that it said.
    PeerGone(NodeId),
    /// Somebody wants to see how this member is.
    Look(oneshot::Sender<Look>),
}

/// From the member's own threads: few by nature, never lost.
pub(crate) enum Done<S> {
    /// The log's write is durable.
    Written(Ticket),
    /// The log has room to grow, or has none.
    Room(bool),
    SnapshotTaken(Index),
    SnapshotFailed,
    /// A snapshot arrived; the sender hears when it has been taken in.
    SnapshotReceived(Box<ReceivedSnapshot<S>>, std::sync::mpsc::Sender<()>),
    SnapshotSent(NodeId),
    /// A peer greeted; no message of that connection has come yet, and none has left.
    PeerMet(NodeId, Greeting),
    /// This member must stop.
    Over(EndError),
}
