//! What two half-connected members do to a cluster of five (Howard and Abraham): n4 hears n2 only and n5 hears n3 only, for a minute of
//! whole members, with and without `PreVote`. It counts; whether that may happen is not its question.

use crate::checkers::Failure;
use crate::run::{Act, Ask, Features, Run, Step};
use crate::world::{Heard, World};

/// Links are whole until then.
const CUT_AT: u64 = 5_000_000;
/// It ends then.
const END_AT: u64 = 65_000_000;
/// Between two requests.
const PAUSE: u64 = 1_000_000;

/// What came of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// Pre-votes and loyalty are on.
    pub pre_vote: bool,
    /// By so many terms the newest term rose.
    pub terms: u64,
    /// Elections that somebody won.
    pub won: u64,
    /// Requests, one a second, each at the leader of the moment.
    pub asked: u64,
    /// Those that were done.
    pub done: u64,
}

/// Plays that minute.
///
/// # Errors
/// When a checker finds what may never happen.
pub fn minute(pre_vote: bool, seed: u64) -> Result<Minute, Failure> {
    let mut run = Run::quiet(seed, 5);
    run.features = Features { pre_vote, check_quorum: pre_vote, stickiness: pre_vote, noop: true };
    (run.network.delay_min, run.network.delay_max) = (30_000, 60_000);
    for (a, b) in [(4, 1), (4, 3), (4, 5), (5, 1), (5, 2)] {
        run.script.push(Step { at: CUT_AT, act: Act::CutPair { a, b } });
    }
    for at in (CUT_AT + PAUSE..END_AT - PAUSE).step_by(usize::try_from(PAUSE).unwrap_or(usize::MAX)) {
        let op = Ask::Put { key: "k".into(), value: at.to_string() };
        run.script.push(Step { at, act: Act::Client { to: 0, op } });
    }
    let mut world = World::new(run).map_err(|error| Failure::new("start", error.to_string()))?;
    world.run_until(CUT_AT)?;
    let (term, won) = (newest_term(&world), elections_won(&world));
    world.run_until(END_AT)?;
    let asked = world.so_far().operations;
    let done = (1..=asked).filter(|number| world.heard(*number) == Some(Heard::Done)).count() as u64;
    Ok(Minute { pre_vote, terms: newest_term(&world) - term, won: elections_won(&world) - won, asked, done })
}

fn newest_term(world: &World) -> u64 {
    let views = world.members().into_iter().filter_map(|id| world.view(id));
    views.map(|view| view.term().0).max().unwrap_or(0)
}

fn elections_won(world: &World) -> u64 {
    world.counters.paths.get("election won").copied().unwrap_or(0)
}
