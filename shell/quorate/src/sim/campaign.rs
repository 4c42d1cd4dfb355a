//! Many seeds, on as many threads as there are cores: progress while it goes on, and a run file for each seed that fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sim::campaign::{Campaign, Outcome, play_seed};
use sim::checkers::Failure;
use sim::draw::run_of_seed;
use sim::shrink::shrink;

use super::{SimArguments, report};
use crate::terminal;

/// Runs played to cut one failing seed down.
const SHRINK_PLAYS: u32 = 300;
/// Failing seeds that are cut down.
const SHRUNK_MAX: usize = 3;
/// Failing seeds that are written as they were drawn, besides those.
const WRITTEN_MAX: usize = 50;
/// Between two looks at how it goes.
const PROGRESS: Duration = Duration::from_millis(500);

/// A seed that was played.
struct Played {
    seed: u64,
    outcome: Outcome,
    /// The second time was another world.
    differs: bool,
}

/// A seed that failed, and where its run was written.
pub(super) struct Failed {
    pub(super) seed: u64,
    pub(super) checker: &'static str,
    pub(super) sentence: String,
    pub(super) file: Option<PathBuf>,
    /// What became of the run on its way into the file, or why there is none.
    pub(super) words: String,
}

/// All that was gathered.
#[derive(Default)]
struct Gathered {
    campaign: Campaign,
    failed: BTreeMap<u64, Failure>,
    hashes: BTreeMap<u64, u64>,
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
///
/// # Errors
/// When there is no folder for run files.
pub(super) fn play(arguments: &SimArguments) -> Result<bool, String> {
    if !arguments.out.is_dir() {
        return Err(format!(
            "{} is no folder: run files of failing seeds could not be written",
            arguments.out.display()
        ));
    }
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
        until: arguments.minutes.map(|minutes| began + Duration::from_secs_f64(minutes * 60.0)),
        twice: arguments.twice,
    };
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or_else(cores, usize::from);
    // A panic in a world is told as a failure of its seed.
    std::panic::set_hook(Box::new(|_| ()));
    let watched = !arguments.json && terminal::stderr_is_watched();
    let Gathered { campaign, failed, hashes } = gather(&plan, jobs, began, watched);
    let seconds = began.elapsed().as_secs_f64();
    let failed: Vec<Failed> =
        failed.into_iter().enumerate().map(|(place, failed)| write_run(place, failed, &arguments.out)).collect();
    drop(std::panic::take_hook());
    let rare = campaign.too_rare();
    let hashes = arguments.hashes.then_some(hashes);
    let report = report::Report { campaign: &campaign, first, rare: &rare, failed: &failed, hashes, seconds, jobs };
    terminal::out(&if arguments.json { report.json() } else { report.text() });
    Ok(failed.is_empty() && rare.is_empty())
}

fn gather(plan: &Plan, jobs: usize, began: Instant, watched: bool) -> Gathered {
    let mut gathered = Gathered::default();
    let (sender, receiver) = mpsc::channel::<Played>();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            let next = || plan.take().and_then(|seed| play_one(seed, plan.twice));
            scope.spawn(move || while next().is_some_and(|played| sender.send(played).is_ok()) {});
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(PROGRESS) {
                Ok(played) => gathered.add(played, watched),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if watched {
                terminal::err_over(&report::progress(&gathered.campaign, began.elapsed().as_secs_f64()));
            }
        }
    });
    if watched {
        terminal::err_over("");
    }
    gathered
}

impl Gathered {
    fn add(&mut self, Played { seed, mut outcome, differs }: Played, watched: bool) {
        if differs && outcome.verdict.is_ok() {
            let what = "the second time it is another world".to_owned();
            outcome.verdict = Err(Failure { checker: "determinism", what });
        }
        self.campaign.add(&outcome);
        self.hashes.insert(seed, outcome.ended.hash);
        if let Err(failure) = outcome.verdict {
            if watched {
                terminal::err_over("");
            }
            terminal::err(&format!("seed {seed}: {:.400}", failure.to_string()));
            self.failed.insert(seed, failure);
        }
    }
}

fn play_one(seed: u64, twice: bool) -> Option<Played> {
    let outcome = play_seed(seed).ok()?;
    let differs = twice && play_seed(seed).ok()?.ended != outcome.ended;
    Some(Played { seed, outcome, differs })
}

/// Writes the run of a failing seed, the first few cut down.
fn write_run(place: usize, (seed, failure): (u64, Failure), folder: &Path) -> Failed {
    let Failure { checker, what: sentence } = failure;
    if place >= WRITTEN_MAX {
        let words = "no file, there are many already".into();
        return Failed { seed, checker, sentence, file: None, words };
    }
    let mut run = run_of_seed(seed);
    let steps = run.script.len();
    let shrunk = if place < SHRUNK_MAX { shrink(&run, SHRINK_PLAYS) } else { None };
    let words = match shrunk {
        Some(shrunk) => {
            run = shrunk.run;
            format!("cut down from {steps} steps to {} in {} plays", run.script.len(), shrunk.plays)
        }
        None => format!("as it was drawn, {steps} steps"),
    };
    let file = folder.join(format!("sim-{seed}.run.json"));
    match std::fs::write(&file, run.to_json()) {
        Ok(()) => Failed { seed, checker, sentence, file: Some(file), words },
        Err(error) => {
            let words = format!("{} can't be written: {error}", file.display());
            Failed { seed, checker, sentence, file: None, words }
        }
    }
}
