//! Turmoil: one candidate after the other stands for election, wins, and is cut off or goes down before anybody has heard of it. What
//! the paper's figures 7 and 8 tell needs four or five such coincidences in a row, which faults far from each other never make.

use crate::dice::Dice;
use crate::run::{Act, Ask, Network, Run, Step, Timer};

/// In a thousand worlds, so many have such times.
const WORLDS: u64 = 300;
/// The same where leaders begin without an entry of their own: only there an old one is often alone on its way.
const WORLDS_WITHOUT_NOOP: u64 = 800;

pub(super) fn draw(run: &Run, script: &mut Vec<Step>) {
    let mut dice = Dice::new(run.seed, "turmoil", 0);
    let t = run.timing.election_timeout;
    let worlds = if run.features.noop { WORLDS } else { WORLDS_WITHOUT_NOOP };
    // It ends the silence of members by hand, on which a lease relies.
    if run.timing.drift_bound > 0 || run.members < 3 || !dice.chance(worlds) {
        return;
    }
    for _ in 0..dice.between(2, 6) {
        let mut at = dice.between(2 * t, run.timing.calm_at - 40 * t);
        if dice.chance(500) {
            // Copies that come a few heartbeats later, which is some reigns later here.
            script.push(Step { at, act: Act::Network(Network { late: 200, doubled: 600, ..run.network }) });
        }
        for _ in 0..dice.between(1, 6) {
            at = if dice.chance(500) {
                one_reign(run, &mut dice, at, script)
            } else {
                figure_8(run, &mut dice, at, script)
            };
        }
        script.push(Step { at, act: Act::Heal });
        script.push(Step { at, act: Act::Network(run.network) });
    }
}

/// Long enough for votes and their writes, more or less.
fn moment(run: &Run) -> u64 {
    4 * (run.network.delay_max + run.timing.disk)
}

/// One stands for election, nobody being loyal to anybody.
fn elect(run: &Run, n: u64, at: u64, script: &mut Vec<Step>) {
    let mut add = |at: u64, act: Act| script.push(Step { at, act });
    add(at, Act::Restart { n });
    (1..=run.members).for_each(|n| add(at, Act::Fire { n, timer: Timer::LeaderSilent }));
    add(at + 1, Act::Timeout { n });
}

/// One reign: a moment after the election the leader is alone, has one friend, or is down.
fn one_reign(run: &Run, dice: &mut Dice, mut at: u64, script: &mut Vec<Step>) -> u64 {
    let (t, moment) = (run.timing.election_timeout, moment(run));
    let (n, friend) = (dice.between(1, run.members), dice.between(1, run.members));
    script.push(Step { at, act: Act::Heal });
    elect(run, n, at, script);
    at += dice.between(moment / 4, 2 * moment);
    let others = |not: &[u64]| (1..=run.members).filter(|n| !not.contains(n)).collect();
    let mut add = |at: u64, act: Act| script.push(Step { at, act });
    match dice.below(4) {
        0 => add(at, Act::Partition { groups: vec![others(&[n])] }),
        1 => add(at, Act::Partition { groups: vec![others(&[n, friend]), vec![n, friend]] }),
        2 => {
            add(at, Act::PowerLoss { n, keep: dice.pick(&[500, 1000]) });
            add(at + dice.between(t / 4, 2 * t), Act::Restart { n });
        }
        _ => {}
    }
    at + dice.between(moment / 4, 2 * moment)
}

/// The paper's figure 8: two lead one after the other and keep what they begin to themselves; the first leads again, and is cut off
/// while it passes on what it had; then the second leads again.
fn figure_8(run: &Run, dice: &mut Dice, mut at: u64, script: &mut Vec<Step>) -> u64 {
    let moment = moment(run);
    let first = dice.between(1, run.members);
    let second = 1 + (first + dice.below(run.members - 1)) % run.members;
    let others = |leader: u64| (1..=run.members).filter(move |n| *n != leader);
    let keeps = |at: u64, leader: u64, lost: bool, script: &mut Vec<Step>| {
        for to in others(leader) {
            script.push(Step { at, act: Act::Filter { from: leader, to, kind: "AppendEntries".into(), lost } });
        }
    };
    script.push(Step { at, act: Act::Heal });
    for leader in [first, second] {
        keeps(at, leader, true, script);
        elect(run, leader, at, script);
        at += dice.between(moment / 2, moment);
        let op = Ask::Put { key: "k0".into(), value: format!("of {leader} at {at}") };
        script.push(Step { at, act: Act::Client { to: leader, op } });
        at += moment / 8;
    }
    keeps(at, first, false, script);
    elect(run, first, at, script);
    at += dice.between(moment / 2, 3 * moment);
    script.push(Step { at, act: Act::Partition { groups: vec![others(first).collect()] } });
    keeps(at, second, false, script);
    elect(run, second, at, script);
    at + dice.between(moment, 2 * moment)
}
