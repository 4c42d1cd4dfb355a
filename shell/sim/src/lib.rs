//! Whole clusters in a seeded world, with faults and checkers.
//!
//! The members are those of the server: the same consensus, log, snapshots and key-value store, over a disk in memory that
//! crashes, a network that loses, doubles and delays, and clocks that drift. One number decides everything that happens, so a run
//! that fails can be played again, cut down, and told.
//!
//! - [`run`]: a [`Run`](run::Run) is all that decides what happens: cluster, clocks, network, limits, and a script of faults.
//! - [`draw`]: makes a run from a seed.
//! - [`scenario`]: readable stories, played on the same worlds.
//! - [`campaign`] and [`shrink`]: many runs, and from a long one that fails to a short one.
//! - [`world`]: plays a run. One queue of events, no threads.
//! - [`elections`]: the core's nodes and chance: split votes and waits, counted.
//! - [`leader_change`]: what a change of leaders sends, message by message.
//! - [`machine`]: the real store, with a witness of what it applied.
//! - [`checkers`]: what must hold, one idea a file. [`lies`]: what a driver or a disk could do wrong, to show that they notice;
//!   [`rules`]: what consensus may not leave out, likewise.
//!
//! It touches no file, no socket and no clock; whoever calls it measures time and writes files.

pub mod campaign;
pub mod checkers;
pub mod counters;
mod dice;
pub mod draw;
pub mod elections;
pub mod leader_change;
pub mod lies;
pub mod machine;
pub mod rules;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod world;
