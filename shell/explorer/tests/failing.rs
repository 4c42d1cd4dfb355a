//! A seed that fails in the simulator fails here at the same moment and for the same reason, and is opened a little before.

#![allow(clippy::unwrap_used)]

use quorate_explorer::story::interesting;
use quorate_explorer::trace::{EventKind, Window};
use quorate_explorer::{limits, trace};
use sim::campaign::play;
use sim::draw::run_with_lie;
use sim::lies::Lie;

/// Mistakes that are made on purpose, and the property that does not hold by them. The last is noticed at the end of all, when
/// answers are judged together.
const LIES: [(Lie, &str); 4] = [
    (Lie::CommandSkipped, "State Machine Safety"),
    (Lie::VoteNotWritten, "Promises are on disk"),
    (Lie::ReadWithoutIndex, "Linearizability"),
    (Lie::AnswerMixedUp, "Linearizability"),
];

#[test]
fn a_failing_seed_fails_here_at_the_same_moment() {
    for (lie, property) in LIES {
        let run = (0..20).map(|seed| run_with_lie(seed, lie)).find(|run| limits::check(run).is_ok()).unwrap();
        let outcome = play(run.clone()).unwrap();
        let failure = outcome.verdict.unwrap_err();
        let found = interesting(&run);
        let told = format!("{property} does not hold any more: {}", failure.what);
        assert_eq!((found.end, found.broken), (outcome.ended.micros, Some(told.clone())), "{lie:?}");
        assert_eq!(found.start, found.end.saturating_sub(300_000), "{lie:?}");
        let trace = trace(&run, Window { from: found.start, until: found.end + 1_000_000 }).unwrap();
        let last = trace.events.last().unwrap();
        assert_eq!(
            (last.kind, last.t, &last.text, trace.end),
            (EventKind::Broken, found.end, &told, found.end),
            "{lie:?}"
        );
    }
}
