//! What happens in a world, as values, for whoever watches it: a page, say. Nobody needs to watch, and watching changes nothing.

use raft::{Event as RaftEvent, Index, NodeId};
use replica::{PeerMessage, Timer};

use super::World;
use crate::run::Act;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Sight {
    /// A member started.
    Started(NodeId),
    /// A member could not start.
    NotStarted(NodeId, String),
    /// A member went down, `power` with the power.
    Down {
        /// Which.
        node: NodeId,
        /// What was not synced may be gone.
        power: bool,
    },
    /// In the turn that comes now, a timer has run out.
    TimerFired(NodeId, Timer),
    /// In the turn that comes now, the member takes this message.
    Took(NodeId, u64),
    /// A member had a turn.
    Turned(NodeId),
    /// What consensus says of the turn.
    Consensus(NodeId, RaftEvent),
    /// A message left, or is on its way in another way than before.
    Sent(Box<Sent>),
    /// A message is not on its way any more.
    Ended(u64, Ending),
    /// In the turn that comes now, the member hears that a write of its log is synced.
    Synced(NodeId),
    /// A member wrote a snapshot.
    SnapshotTaken(NodeId, Index),
    /// A client asks.
    Asked(u64),
    /// A member answered a client's request, or served its read.
    Answered(u64),
    /// A client has its answer.
    Told(u64),
    /// Something is done to the world.
    Acted(Act),
}

/// A message that left.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its number: from 1 in the order of sending; copies and snapshots have numbers of their own, far above.
    pub id: u64,
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// When it left.
    pub at: u64,
    /// When it arrives; nothing is known where messages are delivered by hand, and of a snapshot it is an estimate.
    pub arrives: Option<u64>,
    /// When the network loses it.
    pub lost_at: Option<u64>,
    /// It is a copy of this one.
    pub copy_of: Option<u64>,
    /// What it says.
    pub load: Load,
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Load {
    /// A message.
    Message(PeerMessage),
    /// A snapshot.
    Snapshot {
        /// The leader's term.
        term: raft::Term,
        /// What it covers.
        position: raft::Position,
        /// How long it is.
        bytes: u64,
    },
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is there.
    Arrived,
    /// The link did not carry it, or somebody took it away.
    Lost,
    /// Its receiver was down.
    NobodyThere,
}

impl World {
    /// From now on it is watched.
    pub fn watch(&mut self) {
        self.sights.get_or_insert_default();
    }

    /// What was seen since the last call.
    pub fn take_sights(&mut self) -> Vec<Sight> {
        self.sights.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn see(&mut self, sight: impl FnOnce() -> Sight) {
        if let Some(sights) = &mut self.sights {
            sights.push(sight());
        }
    }
}
