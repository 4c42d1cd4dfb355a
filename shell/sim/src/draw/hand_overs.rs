//! Operators of a seed: they move the leadership about and stop members as a service is stopped, at any time and whatever else goes
//! wrong; and the word to stand gets lost, comes twice, or comes long after its transfer was given up.

use crate::dice::Dice;
use crate::run::{Act, Network, Run, Step};

/// In a thousand worlds, so many have such times.
const WORLDS: u64 = 600;

pub(super) fn draw(run: &Run, script: &mut Vec<Step>) {
    let mut dice = Dice::new(run.seed, "hand-overs", 0);
    if run.members < 2 || !dice.chance(WORLDS) {
        return;
    }
    let t = run.timing.election_timeout;
    for _ in 0..dice.between(2, 12) {
        let mut at = dice.between(2 * t, run.timing.calm_at - 20 * t);
        let spoiled = dice.chance(400);
        if spoiled {
            spoil(run, &mut dice, at, script);
        }
        for _ in 0..dice.pick(&[1, 1, 2, 5]) {
            at = one(run, &mut dice, at, script);
        }
    }
}

/// One hand-over, and when the next may follow.
fn one(run: &Run, dice: &mut Dice, at: u64, script: &mut Vec<Step>) -> u64 {
    let t = run.timing.election_timeout;
    let n = if dice.chance(800) { 0 } else { dice.between(1, run.members) };
    if dice.chance(300) {
        script.push(Step { at, act: Act::Stop { n } });
        // It starts again by itself.
        return at + dice.between(t, 6 * t);
    }
    // Now and then to nobody: a number that no member has.
    let to = dice.below(run.members + 1);
    script.push(Step { at, act: Act::Transfer { n, to } });
    let soon = if dice.chance(300) { t / 10 } else { 3 * t };
    at + dice.below(soon + 1)
}

/// What the leader says gets lost for a while, or comes late and more than once.
fn spoil(run: &Run, dice: &mut Dice, at: u64, script: &mut Vec<Step>) {
    let t = run.timing.election_timeout;
    let until = at + dice.between(t / 2, 3 * t);
    if dice.chance(500) {
        let network = Network { late: 300, doubled: 500, replayed: 50, ..run.network };
        script.push(Step { at, act: Act::Network(network) });
        script.push(Step { at: until, act: Act::Network(run.network) });
        return;
    }
    let deaf = dice.between(1, run.members);
    for from in (1..=run.members).filter(|from| *from != deaf) {
        let act = |lost| Act::Filter { from, to: deaf, kind: "TimeoutNow".into(), lost };
        script.push(Step { at, act: act(true) });
        script.push(Step { at: until, act: act(false) });
    }
}
