//! Bugs that the own tests of the core or of replica notice, without worlds around them: the core's random runs, whose invariants say
//! what does not hold, and the golden scripts of both, each of which is one claim; or that the model finds, which looks at every state;
//! or that are bugs of the explorer, which no world meets. They take seconds, where worlds take minutes, and they meet what worlds meet
//! seldom.

use std::time::Instant;

use super::patch::Suite;
use super::sandbox::Sandbox;
use super::table::Verdict;

/// The random runs, as the head of a patch calls them.
pub(super) const RANDOM: &str = "random";

/// Runs what is to notice the bug that is planted.
pub(super) fn play(sandbox: &Sandbox, suite: Suite, name: &str) -> Verdict {
    let of_model = first_states(name);
    let (test, filter) = match name.split_once('/') {
        _ if suite == Suite::Model => ("planted_in_the_code", of_model.as_str()),
        Some((file, test)) if suite == Suite::Explorer => (file, test),
        Some((folder, _)) => ("scripts", folder),
        None => (RANDOM, "nodes_under_random_treatment"),
    };
    let begun = Instant::now();
    match sandbox.test(suite.package(), test, filter) {
        Ok((passed, printed)) => judge(suite, name, passed, &printed, begun.elapsed().as_secs_f64()),
        Err(problem) => Verdict::Unplayed(problem),
    }
}

/// The test of the model that looks at the first states of a configuration.
pub(super) fn first_states(configuration: &str) -> String {
    format!("first_states_of_{}", configuration.replace('-', "_"))
}

/// A kill is a sentence of an invariant, or the script that was named, or what a test of the explorer claims; another failure is none.
fn judge(suite: Suite, name: &str, passed: bool, printed: &str, seconds: f64) -> Verdict {
    if let Some(problem) = printed.lines().find(|line| line.starts_with("error: could not compile")) {
        return Verdict::Unplayed(format!("it does not compile: {problem}"));
    }
    let mut lines = printed.lines();
    let found = if suite == Suite::Model {
        lines.find(|line| line.contains("does not hold")).map(|line| (1, line.to_owned()))
    } else if suite == Suite::Explorer {
        let (file, _) = name.split_once('/').unwrap_or((name, ""));
        let place = format!("shell/explorer/tests/{file}.rs:");
        lines.find(|line| line.contains("panicked at") && line.contains(&place)).map(|line| (1, line.to_owned()))
    } else if name == RANDOM {
        let says = |line: &&str| line.contains("does not hold") || line.contains("does not converge");
        lines.find(says).map(|line| (seed(line) + 1, line.to_owned()))
    } else {
        lines.find(|line| line.contains(name)).map(|line| (1, line.to_owned()))
    };
    match found {
        Some((seeds, what)) if !passed => {
            Verdict::Killed { checker: format!("{} {name}", suite.name()), what, seeds, panics: 0, seconds }
        }
        Some(_) | None => Verdict::Survived { seeds: 0, panics: 0, panic: None, seconds },
    }
}

/// `seed 7: ...`
fn seed(line: &str) -> u64 {
    let number = line.strip_prefix("seed ").and_then(|rest| rest.split_once(':')).map(|(number, _)| number);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sentence_of_an_invariant_or_the_named_script_is_a_kill() {
        let broken = "thread x panicked\nseed 7: Election Safety (5.2) does not hold: n1\n";
        let killed = |verdict: &Verdict| match verdict {
            Verdict::Killed { seeds, .. } => Some(*seeds),
            Verdict::Survived { .. } | Verdict::Endless { .. } | Verdict::Unplayed(_) => None,
        };
        assert_eq!(killed(&judge(Suite::Core, RANDOM, false, broken, 1.0)), Some(8));
        assert_eq!(killed(&judge(Suite::Core, RANDOM, true, broken, 1.0)), None);
        assert_eq!(
            killed(&judge(Suite::Core, RANDOM, false, "index out of bounds", 1.0)),
            None,
            "a panic is no checker"
        );
        let script = "1 of 2 scripts:\n/tree/core/raft/tests/scripts/commit/a_claim:12\n";
        assert_eq!(killed(&judge(Suite::Core, "commit/a_claim", false, script, 1.0)), Some(1));
        assert_eq!(killed(&judge(Suite::Core, "commit/another", false, script, 1.0)), None);
        let search = "lease is broken\n  1. n1's timer\nno stale read does not hold: n1 may serve\n";
        assert_eq!(killed(&judge(Suite::Model, "lease", false, search, 1.0)), Some(1));
        assert_eq!(killed(&judge(Suite::Model, "lease", false, "lease: Open", 1.0)), None);
        let claim = "thread 'a_claim' (7) panicked at shell/explorer/tests/traces.rs:9:5:\n";
        assert_eq!(killed(&judge(Suite::Explorer, "traces/a_claim", false, claim, 1.0)), Some(1));
        let panics = "thread 'a_claim' (7) panicked at shell/explorer/src/view.rs:9:5:\n";
        assert_eq!(killed(&judge(Suite::Explorer, "traces/a_claim", false, panics, 1.0)), None);
        let fails = judge(Suite::Core, RANDOM, false, "error: could not compile `quorate-raft`", 1.0);
        assert!(matches!(fails, Verdict::Unplayed(_)));
    }
}
