//! What kind of world a seed makes: how large the cluster is, how bad network and disks are, how tight the limits.

use quorate_replica::Config;
use raft::Limits;

use crate::dice::Dice;

/// T, in microseconds of the world.
pub(crate) const T: u64 = 100_000;
pub(crate) const HEARTBEAT: u64 = 25_000;

#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) nodes: u64,
    pub(crate) config: Config,
    pub(crate) segment_bytes: u64,
    /// Until then bad things happen.
    pub(crate) chaos: u64,
    /// Between two requests of clients.
    pub(crate) pace: u64,
    /// Between two faults.
    pub(crate) fault_pace: u64,
    /// In a thousand messages.
    pub(crate) loss: u64,
    pub(crate) doubled: u64,
    pub(crate) replayed: u64,
    pub(crate) delayed: u64,
    /// In a thousand calls to a disk: the process or the power goes in the middle of it.
    pub(crate) cut: u64,
    /// Whether disks get full.
    pub(crate) full_disks: bool,
}

impl Profile {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let limits = Limits {
            append_bytes_max: dice.pick(&[200, 700, 1400]),
            inflight_count_max: dice.pick(&[1, 3, 8]),
            inflight_bytes_max: 4000,
            write_bytes_max: dice.pick(&[300, 1500]),
            uncommitted_bytes_max: dice.pick(&[1500, 6000]),
            log_bytes_max: dice.pick(&[6_000, 12_000, 40_000]),
            reads_max: dice.pick(&[2, 64]),
        };
        let config = Config {
            raft: raft::Config { limits, ..raft::Config::default() },
            election_timeout: T,
            command_bytes_max: 300,
            requests_max: dice.pick(&[8, 64]),
            request_bytes_max: dice.pick(&[1000, 8000]),
            apply_bytes_max: dice.pick(&[1, 400, 4000]),
            snapshot_entries: dice.pick(&[5, 20, 60, 1000]),
            snapshot_log_bytes: dice.pick(&[2000, 6000]),
            snapshot_tail: dice.pick(&[0, 3, 20, 1000]),
            ..Config::default()
        };
        let calm_network = dice.chance(250);
        let mut bad = |most: u64| if calm_network { 0 } else { dice.below(most) };
        let (loss, doubled, replayed, delayed) = (bad(120), bad(120), bad(40), bad(150));
        Self {
            nodes: dice.pick(&[1, 2, 3, 3, 3, 3, 3, 3, 5, 5]),
            config,
            segment_bytes: dice.pick(&[2048, 4096, 8192]),
            chaos: dice.between(10, 25) * T,
            pace: dice.pick(&[4_000, 10_000, 25_000]),
            fault_pace: dice.pick(&[T / 2, T, 3 * T]),
            loss,
            doubled,
            replayed,
            delayed,
            cut: dice.pick(&[0, 5, 20]),
            full_disks: dice.chance(300),
        }
    }
}
