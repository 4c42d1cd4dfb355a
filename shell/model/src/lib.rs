//! All interleavings of the consensus core, up to stated bounds.
//!
//! A simulator shows that many runs are right; this shows that *all* are, within bounds that are small and stated. It
//! searches the shipping core itself ([`raft::Raft`]), never a model of it: from a new cluster through every state that any
//! order of deliveries, timers, writes, crashes and clients leads to, and checks every property in each of them.
//!
//! What was sent once may arrive at any time from then on, any number of times, or never. So loss, delay, duplication,
//! reordering and very old replays are all tried, without being actions of their own. Any timer that is armed may fire. A
//! write is durable when the disk says so; a crash before that loses it or keeps it, both are tried.
//!
//! [`catalogue::all`] lists the configurations, [`search`] looks at one of them.
//!
//! # How it stays small
//!
//! - Nodes meet through packets only. So what one input does to one node in one state is asked of the core once and
//!   remembered (`arena`); a node with all that it ever sent is one number, and a state of the whole is a few of them
//!   (`trails`, `world`).
//! - States that differ in the names of nodes only are one (`symmetry`), as are states that differ in labels such as
//!   tickets ([`raft::Raft::relabelled`]).
//! - Of a state only a fingerprint is kept (`table`). The way to a state is found by a second search (`retrace`).

mod arena;
mod audit;
pub mod catalogue;
mod clocks;
mod configuration;
mod disk;
mod engine;
mod fingerprint;
mod history;
mod level;
mod local;
mod membership;
mod memory;
mod packet;
mod planted;
mod retrace;
mod search;
mod seen;
mod symmetry;
mod table;
mod trace;
mod trails;
mod witness;
mod world;

pub use clocks::Clocks;
pub use configuration::{Bounds, Image, Model, Start, Traffic};
pub use membership::{Membership, Wanted};
pub use planted::Planted;
pub use retrace::way_to;
pub use search::{Options, Parts, Progress, Report, Verdict, search};
pub use table::Width;
pub use trace::{Counterexample, TracedAct, TracedStep, ending};
pub use witness::Witness;
