//! From a seed to a run: how large the cluster is, how bad network, disks and clocks are, how tight the limits, and what goes
//! wrong when. Whole classes of faults are on or off (swarm testing), and limits are tiny, so that rare paths become common.

mod churn;
mod faults;
mod hand_overs;
mod turmoil;

use crate::dice::Dice;
use crate::lies::Lie;
use crate::run::{Act, Clients, Features, Limits, Network, Run, Sessions, Step, Timing, VERSION};

use faults::draw_script;

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
        drift_bound: if dice.chance(450) { dice.pick(&[20_000, 100_000, 300_000]) } else { 0 },
        timers_by_hand: false,
        disks_by_hand: false,
        elapsed_at_start: 0,
        timeouts_known: false,
        client_delay: 0,
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
        lease_reads: dice.pick(&[100, 400, 700]),
        bounded_reads: dice.pick(&[0, 100, 200]),
        serializable_reads: dice.pick(&[0, 50]),
        sessions: Dice::new(seed, "sessions drawn", 0).pick(&[0, 0, 1, 2, 3]),
    };
    let limits = Limits { sessions: draw_sessions(seed), ..draw_limits(&mut dice) };
    let mut run = Run {
        v: VERSION,
        seed,
        members,
        timing,
        network,
        features,
        limits,
        clients,
        described: false,
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
    // What a lie does to names is no part of it, and would be noticed by another checker than the one that it is for.
    run.clients.sessions = 0;
    run.timing.calm_at = run.timing.calm_at.min(20_000_000);
    (run.clients.pause, run.clients.bursts, run.limits.requests_max) = (50_000, 100, 8);
    run.features = Features { pre_vote: true, check_quorum: true, stickiness: true, noop: true };
    run.timing.drift_bound = 0;
    if matches!(lie, Lie::ClockReadEarly | Lie::ClockUnwatched) {
        run.timing.drift_bound = 50_000;
        (run.clients.lease_reads, run.clients.reads) = (700, 500);
    }
    run.script = draw_script(&run);
    if run.timing.drift_bound > 0 {
        still_and_alone(&mut run, lie);
    }
    run.lie = Some(lie);
    run
}

/// Members stand still while nobody can reach them but clients, again and again: whoever led knows nothing of who leads now.
fn still_and_alone(run: &mut Run, lie: Lie) {
    let mut dice = Dice::new(run.seed, "still", 0);
    let t = run.timing.election_timeout;
    let mut at = 4 * t;
    while at < run.timing.calm_at {
        let (n, micros) = (dice.between(1, run.members), dice.between(3 * t, 6 * t));
        let stand = if lie == Lie::ClockUnwatched { Act::Suspend { n, micros } } else { Act::Pause { n, micros } };
        let acts = [(at, Act::Isolate { n }), (at + t / 10, stand), (at + micros + t, Act::Heal)];
        run.script.extend(acts.map(|(at, act)| Step { at, act }));
        at += 12 * t;
    }
    run.script.sort_by_key(|step| step.at);
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
        snapshot_rate: dice.pick(&[0, 0, 20_000, 200_000]),
        by_hand: false,
    }
}

/// Limits so tight that sessions end for want of room.
fn draw_sessions(seed: u64) -> Sessions {
    let mut dice = Dice::new(seed, "sessions", 1);
    Sessions {
        sessions_max: dice.pick(&[1, 2, 4, 100]),
        outstanding_max: dice.pick(&[1, 2, 8, 100]),
        session_bytes_max: dice.pick(&[100, 1000, 10_000]),
        bytes_max: dice.pick(&[1000, 10_000]),
        ttl_max: dice.pick(&[300, 2_000, 10_000]),
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
        sessions: Sessions::default(),
    }
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
