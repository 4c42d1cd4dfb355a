//! What a node wants done: all of it is values, nothing happens by itself. The driver takes them after a turn with
//! [`Raft::take_output`](crate::Raft::take_output) and carries them out in any order.

use alloc::vec::Vec;
use core::fmt;

use crate::entry::Entry;
use crate::event::Event;
use crate::message::Message;
use crate::slice::display_run;
use crate::types::{Index, NodeId, Position, Term};

/// Everything that a turn produced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// To be sent, in this order. None of them waits for anything any more.
    pub messages: Vec<Message>,
    /// To be written and synced; [`Raft::written`](crate::Raft::written) tells when that is done. At most one is under way.
    pub write: Option<Write>,
    /// Reads that may be served once the state machine has applied the index.
    pub reads: Vec<ReadReady>,
    /// Reads that this node can't serve any more: it is no leader. They had no effect and may be asked again.
    pub reads_aborted: Vec<ReadId>,
    /// The newest round that a majority confirmed, when that is news: this node was leader when the round began.
    pub confirmed_round: Option<u64>,
    /// Followers that need a snapshot; [`Raft::snapshot_sent`](crate::Raft::snapshot_sent) tells what became of it.
    pub snapshots: Vec<NodeId>,
    /// Timers to arm or disarm, in this order.
    pub timers: Vec<TimerChange>,
    /// What happened and by which rule.
    pub events: Vec<Event>,
    /// This node must stop: nothing that it says can be trusted. It refuses all further input.
    pub halt: Option<Halt>,
}

/// Names a write. Opaque: a later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// What makes an election safe across crashes: written as one record (A12, E2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HardState {
    /// The current term.
    pub term: Term,
    /// Whom this node voted for in it.
    pub vote: Option<NodeId>,
    /// A committed index at the time of the write, of entries that were durable before it: not needed for safety; a
    /// restarted node need not wait for a leader to show what it had applied.
    pub commit: Index,
}

/// A change of where the log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BaseChange {
    /// A durable snapshot replaced the entries up to here; those after it stay.
    Compact(Position),
    /// A snapshot replaced the whole log, which goes on behind it.
    Reset(Position),
}

/// One batch for the log on disk: all of it or nothing survives a crash. In this order: hard state, base, truncation,
/// entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// To be given back when it is durable.
    pub ticket: Ticket,
    /// Always given: a batch repeats it.
    pub hard_state: HardState,
    /// The log begins elsewhere.
    pub base: Option<BaseChange>,
    /// Delete this entry and all after it.
    pub truncate: Option<Index>,
    /// Append these.
    pub entries: Vec<Entry>,
}

/// Names a read: chosen by the caller, given back by [`ReadReady`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// A read that may be served from any state that has applied `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadReady {
    /// Which read.
    pub id: ReadId,
    /// Its `ReadIndex` (thesis 6.4).
    pub index: Index,
}

/// The timers of a node. Each has one deadline; arming it again replaces the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// T has passed since the leader was heard: it is forgotten, others may be helped.
    LeaderSilent,
    /// Time to stand for election.
    Campaign,
    /// A leader's heartbeat; a candidate asks again those who did not answer.
    Heartbeat,
    /// A leader makes sure that a majority still answers.
    CheckQuorum,
    /// A leader gives up to hand over (thesis 3.10).
    Transfer,
}

/// How long until a timer fires. The core knows neither the clock nor the dice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delay {
    /// One heartbeat interval.
    HeartbeatInterval,
    /// Exactly T, the least election timeout.
    T,
    /// Uniform in [0, T].
    UpToT,
    /// Uniform in [T, 2T].
    TToTwiceT,
}

/// A change of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerChange {
    /// Fire once, after the delay; an earlier deadline of the same timer is forgotten.
    Arm(Timer, Delay),
    /// Don't fire.
    Disarm(Timer),
}

/// Why a node must stop at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Halt {
    /// Two nodes claim to lead the same term (E11): votes were lost or forged.
    TwoLeaders {
        /// The term.
        term: Term,
        /// Known as its leader.
        known: NodeId,
        /// Claims it as well.
        other: NodeId,
    },
    /// A leader asks to replace an entry that is committed here: somebody lost what it had promised to keep.
    CommittedConflict {
        /// The entry as it stands here.
        ours: Position,
        /// What the leader has instead.
        theirs: Position,
    },
    /// A leader can't read an entry of its own log that a follower needs (L10).
    EntryMissing(Index),
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoLeaders { term, known, other } => write!(
                f,
                "{known} and {other} both claim to lead {term}: a member lost its vote or was restored from an old copy; \
                 stop the cluster and find out which"
            ),
            Self::CommittedConflict { ours, theirs } => write!(
                f,
                "the leader sends {theirs} in place of {ours}, which is committed here: a member lost acknowledged data or \
                 was restored from an old copy; stop the cluster and find out which"
            ),
            Self::EntryMissing(index) => write!(f, "entry {index} is missing from this leader's own log"),
        }
    }
}

/// Written as `write t2 vote=n1 truncate=3 [3@2..4@2]`, with only what is there.
impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {}", self.hard_state.term)?;
        if let Some(vote) = self.hard_state.vote {
            write!(f, " vote={vote}")?;
        }
        match self.base {
            Some(BaseChange::Compact(base)) => write!(f, " compact={base}")?,
            Some(BaseChange::Reset(base)) => write!(f, " reset={base}")?,
            None => {}
        }
        if let Some(first) = self.truncate {
            write!(f, " truncate={first}")?;
        }
        if self.entries.is_empty() {
            return Ok(());
        }
        write!(f, " ")?;
        display_run(&self.entries, f)
    }
}

impl fmt::Display for TimerChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm(timer, delay) => {
                let delay = match delay {
                    Delay::HeartbeatInterval => "H",
                    Delay::T => "T",
                    Delay::UpToT => "0..T",
                    Delay::TToTwiceT => "T..2T",
                };
                write!(f, "arm {timer:?} {delay}")
            }
            Self::Disarm(timer) => write!(f, "disarm {timer:?}"),
        }
    }
}
