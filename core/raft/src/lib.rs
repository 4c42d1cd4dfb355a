//! Raft consensus as a deterministic function over events.
//!
//! This crate is the algorithm of the [Raft paper] and of Diego Ongaro's thesis, and nothing else. It has no threads, no
//! clock, no dice, no disk and no network: a [`Raft`] value is told what happened, and says what it wants done. So the same
//! compiled code runs in a server, in a simulator and under a model checker, and a run can be repeated exactly.
//!
//! [Raft paper]: https://raft.github.io/raft.pdf
//!
//! # A turn
//!
//! A driver owns a node and carries values between it and the world:
//!
//! 1. Something happened: a message came ([`Raft::receive`]), a timer fired ([`Raft::timer_fired`]), a write became durable
//!    ([`Raft::written`]), entries were applied ([`Raft::applied`]); or a client wants something ([`Raft::propose`],
//!    [`Raft::read`]). As many as were ready make one turn.
//! 2. [`Raft::take_output`] says what to do: [`Output::messages`] to send, at most one [`Output::write`] for the disk,
//!    [`Output::timers`] to arm, reads to serve, events to tell people.
//! 3. [`View::unapplied`] has the committed entries for the state machine.
//!
//! There is no order of calls to remember and nothing to call in between. Inputs can't fail: what is late, repeated or
//! foreign is ignored. Commands can be refused, each with its own small error.
//!
//! A cluster of one, by hand:
//!
//! ```
//! use quorate_raft::{Boot, Config, Configuration, HardState, Header, Index, NodeId, Position, Raft, Timer};
//!
//! let me = NodeId(1);
//! let mut node = Raft::new(me, Config::default(), Boot {
//!     hard_state: HardState::default(),
//!     base: Position::ZERO,
//!     base_time: 0,
//!     entries: Vec::new(),
//!     snapshot: Index::ZERO,
//!     configuration: Configuration::of_voters([me]),
//! });
//!
//! // T passes in silence, and some time more: it stands for election. Its own vote must be durable first.
//! node.timer_fired(Timer::LeaderSilent);
//! node.timer_fired(Timer::Campaign);
//! let write = node.take_output().write.expect("term and vote go to disk");
//! assert!(!node.inspect().is_leader());
//! node.written(write.ticket);
//! assert!(node.inspect().is_leader());
//!
//! // A proposal is in the log at once, and committed when the disk has it: here a majority is this one disk.
//! let position = node.propose(Header::default(), b"SET X=3").expect("it leads");
//! let write = node.take_output().write.expect("the no-op of the new leader, and the proposal");
//! assert_eq!(write.to_string(), "write t1 vote=n1 [1@1..2@1]");
//! assert!(node.inspect().commit() < position.index);
//! node.written(write.ticket);
//! assert_eq!(node.inspect().commit(), position.index);
//!
//! // What is committed is applied, in order.
//! let entries = node.inspect().unapplied(1 << 20);
//! assert_eq!(entries[1].payload(), b"SET X=3"[..]);
//! node.applied(position.index);
//! ```
//!
//! # A tour of the rooms
//!
//! **The words.** [`types`] has nodes, terms, indexes and positions, and how they are written (`n1`, `t3`, `5@2`). An
//! [`entry`] is a position and a body that is encoded once: the same bytes go to the disk and to every peer. A
//! [`configuration`] says who votes. [`message`] has what nodes say to each other, each field with the reason why it is there;
//! [`output`] what a node wants done; [`event`] what happened and by which rule, for people.
//!
//! **What is kept.** [`log`] is the log since the last snapshot, in memory, and [`history`] the configurations in it: the newest
//! is in force, committed or not. A [`mod@slice`] is a run of entries that was checked once, the only way in for what a peer sends.
//! [`persistence`] knows what the disk was asked to write and what of it is durable.
//!
//! **Who belongs to it.** [`membership`] says by which steps the cluster goes from one [`configuration`] to another.
//!
//! **Who decides.** [`quorum`] is the arithmetic of majorities, plain and joint; [`votes`] the ballot of one election.
//!
//! **The roles** are data: a node is a [`follower`], a [`candidate`] or a [`leader`], each with what only that role needs, put
//! together in [`role`]. A leader keeps one [`progress`] for each follower, and its [`reads`]. Handlers of a role change what is
//! theirs and may ask for a transition; terms are compared and roles change in one place only, behind [`Raft`].
//!
//! A leader may hand over to another node ([`Raft::transfer_leadership`]): it brings that one's log up to its own, then tells it to
//! stand at once.
//!
//! **Looking.** [`view`] shows everything and changes nothing; [`invariants`] says what must hold in it. [`rules`] names the rules
//! that only a demonstration of their worth leaves out.
//!
//! # Rules that hold everywhere
//!
//! - *A message waits for exactly what it asserts.* A vote leaves when term and vote are on disk, an answer to an append claims
//!   only what is on disk, and a heartbeat asserts nothing and waits for nothing. The core holds messages back by itself; what
//!   is in [`Output::messages`] may go.
//! - *A leader's own disk is one of many.* It replicates while its disk works and counts itself only when that is done.
//! - *One write is under way.* What comes meanwhile is the next: group commit without a timer.
//! - *Time is the firing of a timer.* The core names delays ([`Delay`]) and never numbers; the driver has clock and dice.
//! - *Memory is bounded* by [`Limits`], by rules that can't lock up a cluster whose logs are full.
//! - *What can't be gone on from stops the node*: [`Output::halt`] says why, and everything is refused from then on.
//!
//! How all of this is shown to be right, with a golden script for every rule, is told in the project's `docs/testing.md`.
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
pub mod membership;
pub mod message;
pub mod output;
pub mod persistence;
pub mod progress;
pub mod quorum;
mod raft;
pub mod reads;
pub mod role;
pub mod rules;
mod shared;
pub mod slice;
pub mod types;
pub mod view;
pub mod votes;

pub use config::{Config, Limits, Switches};
pub use configuration::{Configuration, Member, Settings, Stage};
pub use entry::{Entry, EntryKind, Header};
pub use event::Event;
pub use leader::{Transfer, TransferError};
pub use membership::{Change, ChangeError, Plan, PromoteError, Refusal, Step};
pub use message::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, InstallSnapshotReply, Message, PreVoteReply, RequestVote,
    RequestVoteReply,
};
pub use output::{BaseChange, Delay, Halt, HardState, Output, ReadId, ReadReady, Ticket, Timer, TimerChange, Write};
pub use raft::{Boot, Installed, ProposeError, Raft, ReadError, Snapshot};
pub use role::Role;
pub use rules::Rules;
pub use slice::{Slice, SliceError};
pub use types::{Index, NodeId, Position, Term};
pub use view::View;
