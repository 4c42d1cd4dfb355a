//! What the end-to-end tests are made of: real `quorate` processes on real disks and sockets, clients that keep a journal of
//! what they were told, and the questions that are asked of both when the dust has settled.
//!
//! Nothing here looks inside a member: only its ports, its log lines, its exit code, and the files that an operator sees.
//!
//! # Running them
//!
//! `cargo test --workspace` runs all tests with few rounds, against the binary of the same profile. What needs something that is
//! missing (etcdctl, a right to mount) says that it is skipped, and passes. Variables:
//!
//! | variable | |
//! |---|---|
//! | `QUORATE_E2E=full` | the real counts: a hundred kills, storms of minutes; about six minutes |
//! | `QUORATE_BIN` | the binary under test |
//! | `QUORATE_SEED` | the dice of the storms; each run prints its own |
//! | `ETCDCTL`, `ETCD_JUDGE` | another etcdctl, and another etcd to compare answers with, than those in the path |
//! | `UPDATE_GOLDENFILES=1` | records the scripts of etcdctl again, from a real etcd |

mod bad_line;
mod binary;
mod check;
mod client;
mod cluster;
mod damage;
mod dice;
mod etcdctl;
mod failover;
pub mod http;
mod journal;
mod load;
mod mount;
mod ports;
mod process;
mod register;
mod stall;
mod turnstile;
mod wait;

pub use bad_line::BadLine;
pub use binary::{quorate, run, run_in};
pub use check::{Contents, all_equal, contents};
pub use client::{Client, Outcome, classify, puts};
pub use cluster::{Cluster, Settings};
pub use damage::{flip, newest, overwrite, truncate};
pub use dice::Dice;
pub use etcdctl::{Etcdctl, Judge};
pub use failover::Distribution;
pub use journal::Journal;
pub use load::{Load, LoadPlan};
pub use mount::Mount;
pub use ports::{free_dev_base_port, free_ports};
pub use process::Process;
pub use register::{Register, Summary};
pub use stall::{Stall, StallLibrary};
pub use turnstile::{Turn, alone, beside_others};
pub use wait::{soon, wait_until};

/// Whether the real counts are asked for (`QUORATE_E2E=full`). Without it the same tests run with few rounds, so that
/// `cargo test --workspace` stays quick.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("QUORATE_E2E").is_some_and(|value| value == "full")
}

/// One of two counts: for every day, and for the real thing.
#[must_use]
pub fn count(quick: u32, full: u32) -> u32 {
    if is_full() { full } else { quick }
}
