//! One whole Raft member as deterministic machines: consensus, a durable log, any state machine, and the clients that wait.
//!
//! # A guided tour
//!
//! You bring a [`StateMachine`]. [`start`] reads a member's folder (through the [`wal::Disk`] that you give it) and returns the
//! machines of a member:
//!
//! - [`Replica`]: consensus, the state machine and the waiting clients. Its one entrance is [`Replica::turn`]: inputs go in, an
//!   [`Output`] says what to do. It never touches a disk, a socket or a clock.
//! - [`DurableLog`]: carries out the one write that an output may hold, as two steps: write, then sync. When it is durable its
//!   ticket goes back in as [`Input::Written`].
//! - [`Storeroom`]: everything on the disk that may take long: snapshot files and the log's chores. What travels of them between
//!   members is in [`transfers`].
//!
//! A driver carries the values between them. `quorate-node` is one, with threads and sockets; the tests of this crate hold
//! another, with a seed, a network that loses and repeats messages, and disks that lose power.
//!
//! # What a turn does
//!
//! It applies what an earlier turn committed, takes the inputs, gives waiting clients' requests to the leader (itself or, as
//! [`PeerMessage`]s, another member), and asks consensus what to do. Writes of clients are answered when applied *here*, reads
//! when everything acknowledged before them is applied here, wherever the leader is.
//!
//! # What this crate deliberately does not know
//!
//! Sockets, threads, time of day, and what a command means.

mod accepted;
pub mod boot;
mod clock_watch;
mod durable;
mod followers;
mod freshness;
pub mod lease;
pub mod membership;
pub mod peer;
mod reads;
mod recent;
mod replica;
mod round_times;
pub mod section;
pub mod sessions;
mod snapshots;
pub mod state_machine;
mod storeroom;
pub mod transfers;
pub mod turn;
mod writes;

pub use boot::{First, StartError, Started, start};
pub use clock_watch::ClockWatch;
pub use durable::DurableLog;
pub use lease::{LeaseOff, LeaseState};
pub use membership::{Alter, AlterError, Question, Survey};
pub use peer::PeerMessage;
pub use replica::{Config, Merge, Own, Replica};
pub use round_times::{NearTimeout, RoundTimes};
pub use section::Section;
pub use sessions::{
    Granted, SessionAct, SessionCommand, SessionId, SessionLimits, SessionPart, SessionRefusal, Sessions,
};
pub use state_machine::{Command, Freeze, RestoreError, StateMachine};
pub use storeroom::{LoadError, Loaded, Storeroom};
pub use turn::{
    Input, MemberAnswer, Output, ReadMode, ReceivedSnapshot, Refusal, Reply, Request, RequestId, SendSnapshot,
    TakeSnapshot, Time, Timer, TimerChange,
};
