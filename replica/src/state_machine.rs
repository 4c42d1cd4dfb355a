//! The state machine that a user brings: what is replicated. This room holds the contract and nothing else: it does not
//! know how commands travel, when they are committed or where snapshots are kept.
//!
//! A state machine is *deterministic*: the same commands in the same order give the same state and the same results on
//! every member (statement A1). It must not look at a clock, roll dice or iterate over a hash map; the time it may use is
//! [`Command::time`], which is replicated.

use std::io;

use bytes::Bytes;
use raft::Position;

/// One committed command, as handed to [`StateMachine::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Where it stands in the replicated log. Positions rise, with gaps where the log holds entries of Raft's own.
    pub position: Position,
    /// Cluster time in milliseconds: never falls from one command to the next, the same on every member.
    pub time: u64,
    /// What the client proposed.
    pub payload: &'a Bytes,
}

/// What [`StateMachine::restore`] answers when a stream is no snapshot of this state machine.
#[derive(Debug)]
pub enum RestoreError {
    /// The stream could not be read (a damaged file says so here).
    Read(io::Error),
    /// The stream was read, and is not what this state machine wrote.
    Format(String),
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the snapshot's stream could not be read: {error}"),
            Self::Format(what) => write!(f, "the snapshot's stream is not of this state machine: {what}"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<io::Error> for RestoreError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// A state machine frozen at one position: it can be sent to another thread and written out there while the original goes
/// on applying.
pub trait Freeze: Send + 'static {
    /// Writes the whole state as a stream that [`StateMachine::restore`] understands.
    ///
    /// # Errors
    /// Those of `out`.
    fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()>;
}

/// A plain byte string is a frozen state: small state machines serialise themselves at once.
impl Freeze for Vec<u8> {
    fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self)
    }
}

/// What is replicated (thesis 3.1, figure 2.1): committed commands go in, in order, exactly once each; results come out.
pub trait StateMachine: Send + 'static {
    /// A handle for queries, cloned into the callers' tasks. It sees at least what was applied when it is used; pinning a
    /// longer query to one version is its own affair.
    type Reader: Clone + Send + Sync + 'static;
    /// What [`StateMachine::freeze`] gives.
    type Frozen: Freeze;

    /// Applies a batch of commands in order and pushes one result for each onto `results`. A command that makes no sense
    /// is answered with a result that says so: `apply` itself never fails, and never panics on what a client sent.
    fn apply(&mut self, commands: &[Command<'_>], results: &mut Vec<Bytes>);

    /// A handle for queries.
    fn reader(&self) -> Self::Reader;

    /// A number that stands for the state: the same wherever the same commands were applied, and another after nearly every
    /// command. It goes into each snapshot and is compared when one has been read, so that a state that came back with less
    /// than was frozen, or with more, does not get in. Quick: it is asked for at each freeze. 0 says nothing, and nothing is
    /// compared.
    fn digest(&self) -> u64 {
        0
    }

    /// The present state as a value that another thread can write out. Quick: nothing is copied that grows with the state
    /// where that can be avoided.
    fn freeze(&mut self) -> Self::Frozen;

    /// Builds a state machine from what [`Freeze::write_to`] wrote, reading to the end of `stream`.
    ///
    /// # Errors
    /// When the stream breaks off or is not of this state machine.
    fn restore(stream: &mut dyn io::Read) -> Result<Self, RestoreError>
    where
        Self: Sized;
}
