//! A cluster of three under load: three `serve` processes on one machine, on a real folder, with etcd's own default timeouts,
//! and one light client that counts. Run with `cargo bench -p quorate --bench cluster`; `-- --help` says what can be chosen.
//!
//! With `ETCD_BIN` naming an etcd, the same is asked of it in the same run, in turns: rates differ from machine to machine and
//! from hour to hour, so only a ratio within one run says much, and CPU per operation says the most. This file knows the order
//! of things; the rooms beside it know processes, load, CPU, and how it is printed.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

mod cpu;
mod load;
mod members;
mod report;
mod scenario;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use members::{Members, System};
use report::Report;
use scenario::{Operation, SCENARIOS};

/// Loads a cluster of three and prints what an operation costs.
#[derive(Debug, Parser)]
struct Options {
    /// How long each scenario is measured.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// How often everything is repeated; medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only the scenarios whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// The same with `--lease-reads` too, in turns.
    #[arg(long)]
    leases: bool,
    /// Where the members' folders are made. Not on a file system in memory.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let quorate = std::env::var_os("QUORATE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_quorate").into(), PathBuf::from);
    let mut systems = vec![System::new("quorate", quorate.clone(), &["serve"])];
    systems.extend(options.leases.then(|| System::new("with leases", quorate, &["serve", "--lease-reads"])));
    systems.extend(std::env::var_os("ETCD_BIN").map(|program| System::new("etcd", program.into(), &[])));
    let mut report = Report::default();
    for round in 1..=options.rounds {
        for system in &systems {
            eprintln!("round {round} of {}: {}", options.rounds, system.version);
            one_round(&options, system, &mut report);
        }
    }
    report.print(&systems);
}

/// All scenarios on a fresh cluster. The client has one thread, so that it takes little from the members.
fn one_round(options: &Options, system: &System, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let members = Members::start(system, &options.folder).await;
        load::fill(&members).await;
        for scenario in SCENARIOS.iter().filter(|scenario| scenario.name().contains(&options.only)) {
            if scenario.operation == Operation::Put {
                members.settle().await;
            }
            let measured = load::measure(&members, scenario, Duration::from_secs_f64(options.seconds)).await;
            report.add(system.name, scenario.name(), measured);
        }
    });
}
