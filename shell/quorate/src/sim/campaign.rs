//! Many seeds, on as many threads as there are cores: progress while it goes on, and a run file for each seed that fails.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sim::campaign::{Campaign, Outcome, play as play_one};
use sim::draw::run_of_seed;
use sim::run::Run;
use sim::shrink::shrink;

use super::{SimArguments, report};
use crate::terminal;

/// Runs played to cut one failing seed down.
const SHRINK_PLAYS: u32 = 400;
/// Failing seeds that are cut down; the others are only named.
const SHRUNK_MAX: usize = 5;
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// A seed that was played.
struct Played {
    seed: u64,
    outcome: Outcome,
    /// The second time was another world.
    differs: bool,
}

/// Which seeds, and until when.
struct Plan {
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
    twice: bool,
}

impl Plan {
    fn take(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        (seed < self.end).then_some(seed)
    }
}

/// Plays them; says whether all is well.
pub(super) fn play(arguments: &SimArguments) -> bool {
    let first = arguments.seed.unwrap_or(0);
    let default = match (arguments.minutes, arguments.seed) {
        (Some(_), _) => u64::MAX - first,
        (None, Some(_)) => 1,
        (None, None) => 100,
    };
    let began = Instant::now();
    let plan = Plan {
        next: AtomicU64::new(first),
        end: first.saturating_add(arguments.seeds.unwrap_or(default)),
        until: arguments.minutes.map(|minutes| began + Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
        twice: arguments.twice,
    };
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    // A panic in a world is told as a failure of its seed.
    std::panic::set_hook(Box::new(|_| ()));
    let (campaign, failed) = gather(&plan, jobs, began, arguments.json);
    drop(std::panic::take_hook());
    let files = write_runs(&failed, &arguments.out);
    let rare = campaign.too_rare();
    let report = report::Report {
        campaign: &campaign,
        rare: &rare,
        files: &files,
        seconds: began.elapsed().as_secs_f64(),
        jobs,
    };
    terminal::out(&if arguments.json { report.json() } else { report.text() });
    failed.is_empty() && rare.is_empty() && campaign.failed == 0
}

fn gather(plan: &Plan, jobs: usize, began: Instant, quiet: bool) -> (Campaign, Vec<(u64, String)>) {
    let (mut campaign, mut failed) = (Campaign::default(), Vec::new());
    let (sender, receiver) = mpsc::channel::<Played>();
    let mut told = began;
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            let next = || plan.take().and_then(|seed| play_seed(seed, plan.twice));
            scope.spawn(move || while next().is_some_and(|played| sender.send(played).is_ok()) {});
        }
        drop(sender);
        for Played { seed, outcome, differs } in receiver {
            campaign.add(&outcome);
            let what = match &outcome.verdict {
                Err(failure) => Some(failure.to_string()),
                Ok(()) if differs => Some("determinism: the second time it is another world".into()),
                Ok(()) => None,
            };
            if let Some(what) = what {
                terminal::err(&format!("seed {seed}: {what:.400}"));
                failed.push((seed, what));
            }
            if !quiet && told.elapsed() >= PROGRESS {
                told = Instant::now();
                terminal::err(&report::progress(&campaign, began.elapsed().as_secs_f64()));
            }
        }
    });
    (campaign, failed)
}

fn play_seed(seed: u64, twice: bool) -> Option<Played> {
    let outcome = play_one(run_of_seed(seed)).ok()?;
    let differs = twice && play_one(run_of_seed(seed)).ok()?.ended != outcome.ended;
    Some(Played { seed, outcome, differs })
}

/// Cuts the failing seeds down and writes them; the sentences say where.
fn write_runs(failed: &[(u64, String)], folder: &Path) -> Vec<String> {
    failed.iter().take(SHRUNK_MAX).map(|(seed, _)| write_run(*seed, folder)).collect()
}

fn write_run(seed: u64, folder: &Path) -> String {
    let run = run_of_seed(seed);
    let (run, words): (Run, String) = match shrink(&run, SHRINK_PLAYS) {
        Some(shrunk) => {
            let (is, was) = (shrunk.run.script.len(), run.script.len());
            (shrunk.run, format!("cut down from {was} steps to {is} in {} plays", shrunk.plays))
        }
        None => (run, "as it was drawn".into()),
    };
    let file = folder.join(format!("sim-{seed}.run.json"));
    match std::fs::write(&file, run.to_json()) {
        Ok(()) => format!("seed {seed}: {}, {words}", file.display()),
        Err(error) => format!("seed {seed}: {} can't be written: {error}", file.display()),
    }
}
