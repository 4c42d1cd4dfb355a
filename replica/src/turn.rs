//! The values that go into a turn of a member and come out of it. Nothing happens by itself: the driver brings the inputs
//! and carries the outputs out.

use bytes::Bytes;
use raft::{Event, Halt, Index, NodeId, Position, Term, Ticket, TransferError, Write};

use crate::membership::{AlterError, Question, Survey};
use crate::peer::{Greeting, PeerMessage};
use crate::section::Section;
use crate::sessions::{SessionAct, SessionCommand, SessionRefusal};
use crate::state_machine::StateMachine;

/// Monotonic time of the driver in microseconds, from any origin. It serves deadlines and cluster time, never Raft's safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The time `micros` later.
    #[must_use]
    pub fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds since `earlier`; 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The timers of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// One of consensus.
    Raft(raft::Timer),
    /// Look for requests whose time is over, and ask again where no answer came.
    Sweep,
}

/// How long until a timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerChange {
    /// One of consensus, armed or disarmed; the driver has the clock and the dice.
    Raft(raft::TimerChange),
    /// Sweep after so many microseconds.
    Sweep(u64),
    /// [`raft::Timer::LeaderSilent`] after exactly so many microseconds, whatever was armed for it before: a promise that is
    /// not of this life or of this clock is kept for longer than T.
    Silence(u64),
}

/// Names a request of a local client: chosen by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a local client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Replicate a command and say what the state machine answered.
    Write {
        /// The command.
        command: Bytes,
        /// It frees room, so it is taken while there is little.
        essential: bool,
        /// Its name, so that copies of it take effect once and get one result.
        session: Option<SessionCommand>,
        /// It is answered by then.
        deadline: Time,
    },
    /// Open, renew or end a session. Opened, its id is the index of the position in [`Reply::Written`] and the word that
    /// was asked for.
    Session {
        /// Which.
        act: SessionAct,
        /// It is answered by then.
        deadline: Time,
    },
    /// A command of a session that is not to be taken if it is new, since the state machine has no room for it: answered like its
    /// first copy where that is applied here, else refused with [`Refusal::NoSpace`].
    Recall {
        /// Its name.
        command: SessionCommand,
    },
    /// Say when the state machine here may be read: which state that is, the mode says.
    Read {
        /// What the client asks for.
        mode: ReadMode,
        /// It is answered by then.
        deadline: Time,
    },
    /// Let another node lead (thesis 3.10); only the leader can do it.
    Transfer {
        /// Which; without, the voter with the longest log of those that were heard.
        target: Option<NodeId>,
        /// It is answered by then.
        deadline: Time,
    },
    /// Change the membership, or say how it is.
    Member {
        /// What is asked.
        question: Question,
        /// It is answered by then.
        deadline: Time,
    },
}

/// What a read is to see. (What is here, however old: nobody needs to be asked, [`StateMachine::reader`] is enough.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadMode {
    /// Everything that was acknowledged anywhere before the request: a majority confirms the leader (thesis 6.4).
    #[default]
    Linearizable,
    /// The same, by the leader's lease where it holds one (thesis 6.4.1): no message is needed, but clocks that keep the agreed
    /// bound. Else, and on all other members, as [`ReadMode::Linearizable`].
    Lease,
    /// Everything that was acknowledged so long before the request, in microseconds. Answered here if this member knows that
    /// it has that; else the leader is asked.
    Bounded {
        /// How old the state may be.
        staleness: u64,
    },
}

/// The one answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Committed and applied, here and on a majority's disks.
    Written {
        /// Where it stands in the log: the first copy, if there are more.
        position: Position,
        /// What the state machine answered; for a session's own acts what was granted ([`crate::Granted`]), if anything.
        result: Bytes,
    },
    /// The state machine here may be read now; it has applied at least this index.
    Readable(Index),
    /// This node leads now.
    Transferred(NodeId),
    /// What became of a question about the membership.
    Member(Result<MemberAnswer, AlterError>),
    /// Neither.
    Refused(Refusal),
}

/// The answer to a question about the membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberAnswer {
    /// The change is committed. A new voter may still be catching up: then it is listed as one that is wanted.
    Altered(raft::Configuration),
    /// How the membership is.
    Surveyed(Survey),
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No leader was known for three election timeouts. Without effect.
    NoLeader,
    /// Its time is over. A write may or may not take effect.
    TimedOut {
        /// Its leader went away meanwhile.
        leader_changed: bool,
    },
    /// Larger than the limit. Without effect.
    TooLarge,
    /// Too much waits. Without effect.
    Busy,
    /// The leader's disk has no room for more log, or the state machine none for the command. Without effect.
    NoSpace,
    /// The leadership is not handed over, and why.
    NoTransfer(TransferError),
    /// Its session does not let it be applied. Without effect, but for an earlier copy where the reason says so.
    Session(SessionRefusal),
}

/// A snapshot that arrived whole, was verified, is durable as a file, and has been built into a state machine.
pub struct ReceivedSnapshot<S> {
    /// Who sent it.
    pub from: NodeId,
    /// As the leader of this term.
    pub term: Term,
    /// The last entry that it covers.
    pub position: Position,
    /// The replica's own part of it.
    pub section: Section,
    /// The state machine built from it.
    pub machine: S,
}

/// What may happen to a member.
pub enum Input<S> {
    /// A message arrived from a peer that the driver vouches for.
    Message(NodeId, PeerMessage),
    /// A local client asks.
    Request(RequestId, Request),
    /// A timer fired.
    TimerFired(Timer),
    /// The log's write is durable.
    Written(Ticket),
    /// The disk has room for more log, or has none.
    Room(bool),
    /// The snapshot that was asked for is durable as a file.
    SnapshotTaken(Index),
    /// The snapshot that was asked for could not be written; it is tried again later.
    SnapshotFailed,
    /// Somebody wants a snapshot of what is applied now, whether one is due or not; the log is folded up to there, and no tail
    /// of it is kept.
    SnapshotWanted,
    /// A snapshot arrived.
    SnapshotReceived(Box<ReceivedSnapshot<S>>),
    /// Sending a snapshot to a peer ended, well or not.
    SnapshotSent(NodeId),
    /// A peer greeted, before any message of this connection: what it keeps its promises by (R16).
    PeerMet(NodeId, Greeting),
    /// The connection on which a peer speaks has ended, and all that it said has been given: nothing more comes before it is met
    /// again. A driver that does not know may leave it out.
    PeerGone(NodeId),
    /// The driver's clock can't be trusted: it went another way than the machine's other one since the last turn
    /// ([`ClockWatch`](crate::ClockWatch)). It comes first in a turn, and no timer fires in the same one.
    ClockSuspected,
}

/// A snapshot to be written to a file, away from the loop.
pub struct TakeSnapshot<F> {
    /// The last entry that it covers.
    pub position: Position,
    /// The replica's own part of it.
    pub section: Section,
    /// The state machine, frozen there.
    pub frozen: F,
}

/// A peer needs a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendSnapshot {
    /// Who.
    pub to: NodeId,
    /// The term in which this node leads.
    pub term: Term,
    /// The log begins behind this index: a snapshot must reach so far to be of use.
    pub base: Index,
}

/// What a member wants done.
pub struct Output<S: StateMachine> {
    /// To be sent, in this order for each peer.
    pub messages: Vec<(NodeId, PeerMessage)>,
    /// To be written and synced.
    pub write: Option<Write>,
    /// To local clients.
    pub replies: Vec<(RequestId, Reply)>,
    /// To be written to a file.
    pub take_snapshot: Option<TakeSnapshot<S::Frozen>>,
    /// Snapshots to be sent.
    pub send_snapshots: Vec<SendSnapshot>,
    /// Timers to arm or disarm.
    pub timers: Vec<TimerChange>,
    /// What happened in consensus and by which rule.
    pub events: Vec<Event>,
    /// A snapshot took the place of this state machine: readers handed out before see it. Dropping it may take as long as it is
    /// large, so that is for another thread.
    pub replaced_machine: Option<S>,
    /// There is more to do that waits for nothing: another turn, after messages and write have left.
    pub again: bool,
    /// The member must stop.
    pub halt: Option<Halt>,
}

impl<S: StateMachine> Default for Output<S> {
    fn default() -> Self {
        Self {
            messages: Vec::new(),
            write: None,
            replies: Vec::new(),
            take_snapshot: None,
            send_snapshots: Vec::new(),
            timers: Vec::new(),
            events: Vec::new(),
            replaced_machine: None,
            again: false,
            halt: None,
        }
    }
}
