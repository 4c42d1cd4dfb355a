//! Plays seeds until a checker fails, and prints what came of it as one line of JSON: the engine of `cargo x mutants`, small enough to
//! be built anew for each planted bug. A panic is counted and never taken for a checker.
//!
//!     until_failure FIRST COUNT [--lie NAME | --rule NAME | --scenario FILE]
//!     until_failure list
//!
//! Seeds are played in order by two threads; the one that is told is the lowest that fails, so the answer is the same each time.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_sim::campaign::play;
use quorate_sim::draw::{run_of_seed, run_with_lie};
use quorate_sim::lies::Lie;
use quorate_sim::rules::Rule;
use quorate_sim::run::Run;
use quorate_sim::scenario::{Scenario, play as play_scenario};
use serde_json::json;

const THREADS: usize = 2;

/// What is planted, apart from what the code itself has.
enum Planted {
    Nothing,
    Lie(Lie),
    Rule(Rule),
    /// Not planted: what the code has must show in this scenario.
    Scenario(Box<Scenario>),
}

struct Found {
    seed: u64,
    checker: String,
    what: String,
}

#[derive(Default)]
struct Search {
    /// The lowest seed in which a checker failed, and how many panicked before it.
    found: Mutex<Option<Found>>,
    panics: Mutex<Vec<(u64, String)>>,
    next: AtomicU64,
    /// No seed from here on needs to be played.
    end: AtomicU64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match search(&words) {
        Ok(line) => {
            let _ = writeln!(std::io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::from(2)
        }
    }
}

fn search(words: &[&str]) -> Result<serde_json::Value, String> {
    if words == ["list"] {
        return Ok(list());
    }
    let [first, count, rest @ ..] = words else {
        return Err("usage: until_failure FIRST COUNT [--lie NAME ...]".into());
    };
    let number = |word: &str| word.parse::<u64>().map_err(|_| format!("{word:?} is no number"));
    let (first, count, planted) = (number(first)?, number(count)?, planted(rest)?);
    std::panic::set_hook(Box::new(|_| {}));
    let search =
        Search { next: AtomicU64::new(first), end: AtomicU64::new(first.saturating_add(count)), ..Search::default() };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| look(&search, &planted));
        }
    });
    let found = search.found.into_inner().map_err(|_| "a thread broke off")?;
    let mut panics = search.panics.into_inner().map_err(|_| "a thread broke off")?;
    panics.retain(|(seed, _)| found.as_ref().is_none_or(|found| *seed < found.seed));
    panics.sort();
    Ok(json!({
        "checker": found.as_ref().map(|found| &found.checker),
        "what": found.as_ref().map(|found| &found.what),
        "seed": found.as_ref().map(|found| found.seed),
        "seeds": found.as_ref().map_or(count, |found| found.seed - first + 1),
        "panics": panics.len(),
        "panic": panics.first().map(|(_, text)| text),
    }))
}

/// The lies and rules that can be planted.
fn list() -> serde_json::Value {
    let lies = Lie::ALL.iter().map(|lie| {
        json!({"kind": "lie", "name": format!("{lie:?}"), "text": lie.text(), "noticed_by": lie.noticed_by(), "statements": ""})
    });
    let rules = Rule::ALL.iter().map(|rule| {
        let text = format!("Without the rule that {}.", rule.text());
        let (name, noticed_by, statements) = (rule.word(), rule.noticed_by(), rule.statements());
        json!({"kind": "rule", "name": name, "text": text, "noticed_by": noticed_by, "statements": statements})
    });
    lies.chain(rules).collect()
}

fn planted(words: &[&str]) -> Result<Planted, String> {
    match words {
        [] => Ok(Planted::Nothing),
        ["--lie", name] => {
            let lie = Lie::ALL.iter().find(|lie| format!("{lie:?}") == *name);
            lie.map(|lie| Planted::Lie(*lie)).ok_or(format!("there is no lie {name:?}"))
        }
        ["--rule", name] => {
            let rule = Rule::ALL.iter().find(|rule| rule.word() == *name);
            rule.map(|rule| Planted::Rule(*rule)).ok_or(format!("there is no rule {name:?}"))
        }
        ["--scenario", path] => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            Scenario::parse(&text)
                .map(|scenario| Planted::Scenario(Box::new(scenario)))
                .map_err(|error| format!("{path}: {error}"))
        }
        other => Err(format!("until_failure does not know {other:?}")),
    }
}

fn look(search: &Search, planted: &Planted) {
    loop {
        let seed = search.next.fetch_add(1, Ordering::Relaxed);
        if seed >= search.end.load(Ordering::Relaxed) {
            return;
        }
        let Err((checker, what)) = verdict(seed, planted) else { continue };
        if checker == "panic" {
            if let Ok(mut panics) = search.panics.lock() {
                panics.push((seed, what));
            }
            continue;
        }
        search.end.fetch_min(seed, Ordering::Relaxed);
        if let Ok(mut found) = search.found.lock()
            && found.as_ref().is_none_or(|found| seed < found.seed)
        {
            *found = Some(Found { seed, checker, what });
        }
    }
}

/// What a checker says of one seed. Of a lie only those count that must notice it.
fn verdict(seed: u64, planted: &Planted) -> Result<(), (String, String)> {
    let (run, noticed_by) = match planted {
        Planted::Nothing => (run_of_seed(seed), None),
        Planted::Lie(lie) => (run_with_lie(seed, *lie), Some(lie.noticed_by())),
        Planted::Rule(rule) => (Run { rules_off: vec![*rule], ..run_of_seed(seed) }, Some(rule.noticed_by())),
        Planted::Scenario(scenario) => return told(scenario.as_ref()),
    };
    let outcome = play(run).map_err(|error| ("run".to_owned(), error.to_string()))?;
    let Err(failure) = outcome.verdict else { return Ok(()) };
    let counts = noticed_by.is_none_or(|checkers| checkers.contains(&failure.checker));
    if counts || failure.checker == "panic" { Err((failure.checker.to_owned(), failure.what)) } else { Ok(()) }
}

fn told(scenario: &Scenario) -> Result<(), (String, String)> {
    match catch_unwind(AssertUnwindSafe(|| play_scenario(scenario, false).verdict)) {
        Ok(verdict) => verdict.map_err(|error| ("scenario".to_owned(), error.to_string())),
        Err(_) => Err(("panic".to_owned(), "while the scenario was played".to_owned())),
    }
}
