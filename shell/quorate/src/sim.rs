//! `quorate sim`: whole clusters in simulated worlds, seed after seed. This room has the clock, the files and the threads; what
//! happens in a world, and whether it may happen, is shell/sim's.

mod campaign;
mod elections;
mod leader_change;
mod report;
mod scenario;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sim::campaign::play_on;
use sim::run::Run;
use sim::world::World;

use crate::terminal;

/// What follows `quorate sim`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SimArguments {
    /// How many seeds to play [default: 100; with --seed alone: 1; with --minutes: as many as fit]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Stop after so many minutes
    #[arg(long, value_name = "M", allow_negative_numbers = true, value_parser = minutes)]
    minutes: Option<f64>,
    /// Play each seed a second time: both must be the same, event by event
    #[arg(long)]
    twice: bool,
    /// Print the hash over all events of each seed
    #[arg(long)]
    hashes: bool,
    /// Worlds at once, each on a thread of its own [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Play this run file instead of seeds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "seed", "minutes", "twice", "hashes", "jobs", "scenario"])]
    run: Option<PathBuf>,
    /// Play this scenario instead of seeds, and print what happens; of several, or of all in a folder, one line each
    #[arg(long, value_name = "FILE", num_args = 1..,
          conflicts_with_all = ["seeds", "seed", "minutes", "twice", "hashes", "jobs", "tell"])]
    scenario: Option<Vec<PathBuf>>,
    /// Hold elections instead, so many for each range of timeouts [default: 10000], and print how often votes split
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10000",
          value_parser = clap::value_parser!(u64).range(1..=10_000_000),
          conflicts_with_all = ["seeds", "minutes", "twice", "hashes", "jobs", "tell", "run", "scenario"])]
    elections: Option<u64>,
    /// Change leaders instead, where the next node by number lacks N entries [default: 100], and print what is sent, beside what
    /// Viewstamped Replication would send
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "100",
          value_parser = clap::value_parser!(u64).range(0..=100_000),
          conflicts_with_all = ["seeds", "seed", "minutes", "twice", "hashes", "jobs", "tell", "run", "scenario", "elections"])]
    leader_change: Option<u64>,
    /// Print every event of a run or of a single seed
    #[arg(long, conflicts_with_all = ["seeds", "minutes", "twice", "hashes", "jobs"])]
    tell: bool,
    /// Where the run files of failing seeds are written
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
A failing seed is cut down and written to sim-SEED.run.json; `quorate sim --run FILE --tell` plays that again.
Exit code: 0 all is well, 1 something failed or was never seen, 2 the arguments or the file can't be used.";

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse::<f64>().map_err(|error| error.to_string())?;
    // A year: more than that no clock here counts to.
    let fits = minutes > 0.0 && minutes <= 525_600.0;
    if fits { Ok(minutes) } else { Err("it must be above 0, and at most 525600".into()) }
}

/// Plays what was asked for.
pub(crate) fn main(arguments: &SimArguments) -> ExitCode {
    let seed = arguments.seed.unwrap_or(0);
    if let Some(behind) = arguments.leader_change {
        return ended(leader_change::play(behind, arguments.json));
    }
    let done = match (&arguments.run, &arguments.scenario, arguments.elections) {
        (Some(file), ..) => play_file(file, arguments),
        (None, Some(paths), _) => scenario::play(paths, arguments.json),
        (None, None, Some(count)) => elections::play(count, seed, arguments.json),
        (None, None, None) if arguments.tell => play_run(sim::draw::run_of_seed(seed), arguments),
        (None, None, None) => campaign::play(arguments),
    };
    ended(done)
}

fn ended(done: Result<bool, String>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            terminal::err(&format!("quorate sim: {problem}"));
            ExitCode::from(2)
        }
    }
}

fn play_file(file: &Path, arguments: &SimArguments) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    let run = Run::from_json(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    play_run(run, arguments)
}

fn play_run(run: Run, arguments: &SimArguments) -> Result<bool, String> {
    let mut world = World::new(run).map_err(|error| error.to_string())?;
    if arguments.tell {
        world.tell();
    }
    let verdict = play_on(&mut world);
    for line in world.take_told() {
        terminal::out(&format!("{line}\n"));
    }
    let good = verdict.is_ok();
    terminal::out(&report::of_one(&world, &verdict, arguments.json));
    Ok(good)
}
