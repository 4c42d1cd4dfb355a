//! What snapshots cost: a cluster of three `serve` processes under load with snapshots and without, in turns; and a member that was
//! away for so long that it gets the whole state, beside a plain copy of the same bytes over the same kind of connection into a
//! file with a sync. Run with `cargo bench -p quorate --bench snapshots`; `-- --help` says what can be chosen.
//!
//! Rates differ from machine to machine and from hour to hour: only the ratios within one run say much.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

mod copy;
mod members;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;

use members::Members;

/// Measures what snapshots cost.
#[derive(Debug, Parser)]
struct Options {
    /// MiB of state of the member that was away.
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// MiB of state under load.
    #[arg(long, default_value_t = 64)]
    load_mib: usize,
    /// How long each turn under load is.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How many turns with snapshots, and as many without.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Clients that put at the leader.
    #[arg(long, default_value_t = 64)]
    clients: usize,
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
    println!("load of the machine before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    runtime.block_on(under_load(&options));
    runtime.block_on(catching_up(&options));
    println!("load of the machine after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
}

/// Turns with snapshots (after each 20,000 entries) and without (none in a turn), each on a cluster of its own with the same state.
async fn under_load(options: &Options) {
    println!("\nputs of 256 bytes by {} clients at the leader, {} MiB of state:", options.clients, options.load_mib);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        for (name, entries, results) in [("with", 20_000, &mut with), ("without", 100_000_000, &mut without)] {
            let members = Members::start(&options.folder, &[format!("--snapshot-count={entries}")]).await;
            members.fill(options.load_mib).await;
            let before = members.marks("wrote a snapshot");
            let turn = members.load(options.clients, Duration::from_secs_f64(options.seconds)).await;
            let taken = members.marks("wrote a snapshot") - before;
            println!(
                "  round {round}, {name:>7} snapshots: {:>7.0} puts/s, p50 {:>6.2} ms, p99 {:>6.1} ms, longest {:>6.1} ms, {taken} taken",
                turn.per_second, turn.p50_ms, turn.p99_ms, turn.longest_ms
            );
            results.push(turn);
        }
    }
    let median = |turns: &[members::Turn]| {
        let mut rates: Vec<f64> = turns.iter().map(|turn| turn.per_second).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let longest = |turns: &[members::Turn]| turns.iter().map(|turn| turn.longest_ms).fold(0.0, f64::max);
    println!(
        "  with / without: {:.3} of the rate (goal: at least 0.9); longest put {:.0} ms / {:.0} ms (goal: at most T = 1000 ms)",
        median(&with) / median(&without),
        longest(&with),
        longest(&without)
    );
}

/// A member is away while all of the state is written, and comes back.
async fn catching_up(options: &Options) {
    println!("\na member that was away for {} MiB:", options.mib);
    let mut members = Members::start(&options.folder, &[]).await;
    let away = (members.leader().await + 1) % 3;
    members.kill(away);
    members.fill(options.mib).await;
    let file = members.newest_snapshot(members.leader().await).await;
    let bytes = std::fs::metadata(&file).expect("the snapshot is there").len() as f64;
    for round in 1..=options.rounds.min(3) {
        let copied = copy::copy(&file, &options.folder.join("copied"));
        println!(
            "  plain copy {round}: {:>6.0} MiB in {:>6.2} s, {:>6.0} MiB/s",
            bytes / 1_048_576.0,
            copied.as_secs_f64(),
            bytes / 1_048_576.0 / copied.as_secs_f64()
        );
    }
    let begun = Instant::now();
    members.restart(away);
    let (arrived, installed) = members.received(away).await;
    let copied = copy::copy(&file, &options.folder.join("copied"));
    println!(
        "  received: {arrived} ms for the bytes, {installed} ms for the sync and the state machine; {:.1} s since its process was started",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "  rate of a plain copy just after: {:.0} ms; ratio {:.2} (goal: at least 0.5)",
        copied.as_secs_f64() * 1e3,
        copied.as_secs_f64() * 1e3 / arrived as f64
    );
}
