//! From a seed to a run: how large the cluster is, how bad network, disks and clocks are, how tight the limits, and what goes
//! wrong when. Whole classes of faults are on or off (swarm testing), and limits are tiny, so that rare paths become common.

mod turmoil;

use crate::dice::Dice;
use crate::lies::Lie;
use crate::run::{Act, Call, Clients, Features, Limits, Network, Run, Step, Timing, VERSION};

/// The least time of a world in which things go wrong, in microseconds; as long again passes before the end in peace.
const CHAOS_MICROS: u64 = 60_000_000;

/// The run of this seed.
#[must_use]
pub fn run_of_seed(seed: u64) -> Run {
    let mut dice = Dice::new(seed, "run", 0);
    let election_timeout = dice.pick(&[100_000, 150_000, 150_000, 300_000]);
    let timing = Timing {
        election_timeout,
        heartbeat: election_timeout / dice.pick(&[3, 4, 5]),
        calm_at: CHAOS_MICROS + dice.below(10_000_000),
        disk: dice.pick(&[100, 500, 2_000]),
        timers_by_hand: false,
    };
    let members = dice.pick(&[1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
    let network = draw_network(&mut dice);
    let on = |dice: &mut Dice| !dice.chance(150);
    let features = Features {
        pre_vote: on(&mut dice),
        check_quorum: on(&mut dice),
        stickiness: on(&mut dice),
        noop: on(&mut dice),
    };
    let clients = Clients {
        count: dice.pick(&[2, 4, 8]),
        pause: dice.pick(&[50_000, 150_000, 300_000]),
        keys: dice.pick(&[2, 5, 20]),
        reads: dice.pick(&[200, 400, 700]),
        bursts: dice.pick(&[0, 30, 100]),
        value_bytes_max: dice.pick(&[30, 100, 400]),
    };
    let limits = draw_limits(&mut dice);
    let mut run = Run {
        v: VERSION,
        seed,
        members,
        timing,
        network,
        features,
        limits,
        clients,
        initial: Vec::new(),
        script: Vec::new(),
        lie: None,
        rules_off: Vec::new(),
    };
    run.script = draw_script(&run);
    run
}

/// The run of this seed in a world with a lie: bad enough for it to matter soon.
#[must_use]
pub fn run_with_lie(seed: u64, lie: Lie) -> Run {
    let mut run = run_of_seed(seed);
    run.members = 3;
    run.timing.calm_at = run.timing.calm_at.min(20_000_000);
    (run.clients.pause, run.clients.bursts, run.limits.requests_max) = (50_000, 100, 8);
    run.features = Features { pre_vote: true, check_quorum: true, stickiness: true, noop: true };
    run.script = draw_script(&run);
    run.lie = Some(lie);
    run
}

fn draw_network(dice: &mut Dice) -> Network {
    let calm = dice.chance(250);
    let mut bad = |most: u64| if calm { 0 } else { dice.below(most) };
    let (loss, doubled, replayed, late) = (bad(150), bad(200), bad(30), bad(150));
    Network {
        delay_min: 50,
        delay_max: dice.pick(&[600, 2_000, 10_000, 25_000, 60_000]),
        loss,
        doubled,
        replayed,
        late,
        snapshot_cut: dice.pick(&[0, 10, 60]),
        snapshot_damage: dice.pick(&[0, 10]),
        by_hand: false,
    }
}

fn draw_limits(dice: &mut Dice) -> Limits {
    Limits {
        append_bytes_max: dice.pick(&[1, 200, 700, 1400]),
        inflight_count_max: dice.pick(&[1, 3, 8]),
        inflight_bytes_max: 4000,
        write_bytes_max: dice.pick(&[1, 300, 1500]),
        uncommitted_bytes_max: dice.pick(&[1500, 6000]),
        log_bytes_max: dice.pick(&[2_000, 4_000, 12_000, 40_000]),
        reads_max: dice.pick(&[2, 64]),
        command_bytes_max: 900,
        requests_max: dice.pick(&[8, 64]),
        request_bytes_max: dice.pick(&[1000, 8000]),
        apply_bytes_max: dice.pick(&[1, 400, 4000]),
        snapshot_entries: dice.pick(&[5, 20, 60, 1000]),
        snapshot_log_bytes: dice.pick(&[2000, 6000]),
        snapshot_tail: dice.pick(&[0, 3, 20, 1000]),
        segment_bytes: dice.pick(&[2048, 4096, 8192]),
    }
}

/// Which classes of faults there are in this world.
struct Swarm {
    crashes: bool,
    power: bool,
    all: bool,
    cuts: bool,
    links: bool,
    pauses: bool,
    slow: bool,
    full: bool,
    failing: bool,
    rot: bool,
    drift: bool,
    storms: bool,
}

fn draw_script(run: &Run) -> Vec<Step> {
    let mut dice = Dice::new(run.seed, "script", 0);
    let mut on = |per_mille: u64| dice.chance(per_mille);
    let swarm = Swarm {
        crashes: on(700),
        power: on(700),
        all: on(300),
        cuts: on(600),
        links: on(700),
        pauses: on(400),
        slow: on(400),
        full: on(300),
        failing: on(400),
        rot: on(300),
        drift: on(300),
        storms: on(300),
    };
    let t = run.timing.election_timeout;
    let pace = dice.pick(&[3 * t, 8 * t, 15 * t]);
    let mut script = Vec::new();
    let mut at = 2 * t;
    loop {
        at += dice.between(pace / 4, 2 * pace);
        if at >= run.timing.calm_at {
            break;
        }
        draw_fault(run, &mut dice, &swarm, at, &mut script);
    }
    // At least this much happens in every world.
    while script.iter().filter(|step: &&Step| step.act.is_fault()).count() < 12 {
        let at = dice.between(t, run.timing.calm_at);
        add(&mut script, at, Act::Partition { groups: two_groups(run.members, &mut dice) });
        add(&mut script, at + 2 * t, Act::Heal);
    }
    turmoil::draw(run, &mut script);
    script.sort_by_key(|step| step.at);
    script
}

fn add(script: &mut Vec<Step>, at: u64, act: Act) {
    script.push(Step { at, act });
}

/// One thing goes wrong, and mostly right again some time after.
fn draw_fault(run: &Run, dice: &mut Dice, swarm: &Swarm, at: u64, script: &mut Vec<Step>) {
    let t = run.timing.election_timeout;
    let n = dice.between(1, run.members);
    let until = at + dice.between(t / 4, 5 * t);
    let keep = dice.pick(&[0, 300, 500, 800, 1000]);
    match dice.below(24) {
        0 | 1 if swarm.crashes => {
            add(script, at, Act::Crash { n });
            add(script, until, Act::Restart { n });
        }
        2 | 3 if swarm.power => {
            add(script, at, Act::PowerLoss { n, keep });
            add(script, until, Act::Restart { n });
        }
        4 if swarm.power => add(script, at, Act::PowerLossLeader { keep }),
        5 if swarm.all => {
            add(script, at, Act::PowerLossAll { keep });
            (1..=run.members).for_each(|n| add(script, until + dice.below(t), Act::Restart { n }));
        }
        6..=8 if swarm.cuts => {
            let keep = dice.chance(600).then_some(keep);
            add(script, at, Act::CrashAtCall { n, call: dice.below(40), keep });
        }
        9..=14 if swarm.links => draw_cut(run, dice, (at, until), script),
        15 if swarm.pauses => add(script, at, Act::Pause { n, micros: dice.between(t / 4, 4 * t) }),
        16 if swarm.slow => {
            let micros = dice.pick(&[t / 10, t, 3 * t, 10 * t]);
            add(script, at, Act::SlowDisk { n, micros, lasts: dice.between(t, 10 * t) });
        }
        17 if swarm.full => {
            add(script, at, Act::FillDisk { n, more: dice.below(run.limits.segment_bytes) });
            add(script, at + dice.between(2 * t, 30 * t), Act::FreeDisk { n });
        }
        18 | 19 if swarm.failing => draw_failing_disk(dice, n, (at, until), script),
        20 if swarm.rot => add(script, at, Act::Rot { n, bit: dice.roll() >> 1 }),
        21 if swarm.drift => {
            let ppm = i64::try_from(dice.below(200_000)).unwrap_or(0) - 100_000;
            add(script, at, Act::Drift { n, ppm });
        }
        22 if swarm.storms => {
            let loss = dice.pick(&[300, 500]);
            let storm = Network { loss, late: 300, doubled: 300, ..run.network };
            add(script, at, Act::Network(storm));
            add(script, until, Act::Network(run.network));
        }
        _ => {}
    }
}

fn draw_failing_disk(dice: &mut Dice, n: u64, (at, until): (u64, u64), script: &mut Vec<Step>) {
    let call = dice.pick(&[Call::Write, Call::Sync, Call::Rename, Call::SyncDir, Call::Create, Call::Read, Call::Open]);
    add(script, at, Act::FailDisk { n, call, after: dice.below(12) });
    if matches!(call, Call::Read | Call::Open) {
        // Most reading is done by a start.
        add(script, at + 1, Act::Crash { n });
        add(script, until, Act::Restart { n });
    }
}

fn draw_cut(run: &Run, dice: &mut Dice, (at, until): (u64, u64), script: &mut Vec<Step>) {
    let (from, to) = (dice.between(1, run.members), dice.between(1, run.members));
    match dice.below(6) {
        0 | 1 => add(script, at, Act::Partition { groups: two_groups(run.members, dice) }),
        2 => add(script, at, Act::IsolateLeader),
        3 => add(script, at, Act::Cut { from, to }),
        4 => {
            // It hears nobody, or nobody hears it.
            for other in 1..=run.members {
                let (from, to) = if dice.chance(500) { (from, other) } else { (other, from) };
                add(script, at, Act::Cut { from, to });
            }
        }
        _ => {
            // A link that comes and goes.
            for flap in 0..dice.between(2, 8) {
                let at = at + flap * run.timing.election_timeout / 2;
                add(script, at, Act::Cut { from, to });
                add(script, at, Act::Cut { from: to, to: from });
                add(script, at + run.timing.election_timeout / 4, Act::Heal);
            }
        }
    }
    if dice.chance(900) {
        add(script, until + 2 * run.timing.election_timeout, Act::Heal);
    }
}

fn two_groups(members: u64, dice: &mut Dice) -> Vec<Vec<u64>> {
    (1..=members).fold(vec![Vec::new(), Vec::new()], |mut groups, n| {
        groups[dice.place(2)].push(n);
        groups
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_a_run_that_can_be_played_with_enough_in_it() {
        for seed in 0..300 {
            let run = run_of_seed(seed);
            assert_eq!(run.check(), Ok(()), "seed {seed}");
            assert!(run.timing.calm_at >= 60_000_000, "seed {seed}");
            let faults = run.script.iter().filter(|step| step.act.is_fault()).count();
            assert!(faults >= 10, "seed {seed}: {faults} faults");
            assert_eq!(run, run_of_seed(seed));
        }
    }
}
