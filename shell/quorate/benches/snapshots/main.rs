//! What snapshots cost: a cluster of three `serve` processes under load with snapshots and without, in turns; a member that was
//! away for so long that it gets the whole state, beside a plain copy of the same bytes over the same kind of connection into a file
//! with a sync; and the same under load. Run with `cargo bench -p quorate --bench snapshots`; `-- --help` says what can be chosen.
//!
//! Rates differ from machine to machine and from hour to hour: only the ratios within one run say much.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

mod catching_up;
mod copy;
mod members;
mod soak;
mod under_load;
mod verdict;

use std::path::PathBuf;

use clap::Parser;

/// Measures what snapshots cost.
#[derive(Debug, Parser)]
struct Options {
    /// MiB of state of the member that was away; 0 leaves that part out.
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// MiB of state under load.
    #[arg(long, default_value_t = 64)]
    load_mib: usize,
    /// How long each turn under load is.
    #[arg(long, default_value_t = 15.0)]
    seconds: f64,
    /// How many turns of each kind.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Clients that put at the leader.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Counts of entries between two snapshots that are measured; the first is the one that is judged.
    #[arg(long, value_delimiter = ',', default_value = "100000,20000")]
    counts: Vec<u64>,
    /// For so many minutes one member is away under load; 0 leaves that part out.
    #[arg(long, default_value_t = 0.0)]
    soak_minutes: f64,
    /// Where the members' folders are made. Not on a file system in memory.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned();
    println!("load of the machine before: {}", load());
    let mut claims = Vec::new();
    if options.rounds > 0 && !options.counts.is_empty() {
        claims.extend(runtime.block_on(under_load::measure(&options)));
    }
    if options.mib > 0 {
        claims.extend(runtime.block_on(catching_up::measure(&options)));
    }
    if options.soak_minutes > 0.0 {
        claims.extend(runtime.block_on(soak::measure(&options)));
    }
    println!("\nload of the machine after: {}\n", load());
    verdict::print(&claims);
}
