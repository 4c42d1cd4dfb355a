//! Raft consensus as a deterministic function over events (being built).
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod candidate;
pub mod config;
pub mod configuration;
pub mod entry;
pub mod event;
pub mod follower;
pub mod history;
pub mod invariants;
pub mod leader;
pub mod log;
pub mod message;
pub mod output;
pub mod persistence;
pub mod progress;
pub mod quorum;
mod raft;
pub mod reads;
pub mod role;
mod shared;
pub mod slice;
pub mod types;
pub mod view;
pub mod votes;

pub use config::{Config, Limits, Switches};
pub use configuration::{Configuration, Member, Settings};
pub use entry::{Entry, EntryKind, Header};
pub use event::Event;
pub use message::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, InstallSnapshotReply, Message, PreVoteReply, RequestVote,
    RequestVoteReply,
};
pub use output::{BaseChange, Delay, Halt, HardState, Output, ReadId, ReadReady, Ticket, Timer, TimerChange, Write};
pub use raft::{Boot, Installed, ProposeError, Raft, ReadError, Snapshot};
pub use role::Role;
pub use slice::{Slice, SliceError};
pub use types::{Index, NodeId, Position, Term};
pub use view::View;
