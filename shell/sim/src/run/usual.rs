//! What is usual: runs, networks, limits and clients that others are made from.

use super::{Clients, Features, Limits, Network, Run, Sessions, Timing, VERSION};

impl Run {
    /// A quiet world of so many members, for scripts and scenarios: nothing happens that is not asked for.
    #[must_use]
    pub fn quiet(seed: u64, members: u64) -> Self {
        Self {
            v: VERSION,
            seed,
            members,
            timing: Timing {
                election_timeout: 150_000,
                heartbeat: 50_000,
                calm_at: 0,
                disk: 500,
                drift_bound: 0,
                timers_by_hand: false,
                disks_by_hand: false,
                elapsed_at_start: 0,
                timeouts_known: false,
                client_delay: 0,
            },
            network: Network::good(),
            features: Features { pre_vote: true, check_quorum: true, stickiness: true, noop: true },
            limits: Limits::roomy(),
            clients: Clients::none(),
            described: false,
            initial: Vec::new(),
            script: Vec::new(),
            lie: None,
            rules_off: Vec::new(),
        }
    }

    /// A world to watch: a slow network, so that messages are seen on their way, members that know each other, and the first
    /// timeout soon. Timeouts are those of the paper, 150 to 300 ms.
    #[must_use]
    pub fn teaching(seed: u64, members: u64) -> Self {
        let mut run = Self::quiet(seed, members);
        (run.network.delay_min, run.network.delay_max) = (10_000, 15_000);
        (run.timing.elapsed_at_start, run.timing.client_delay, run.timing.disk) = (750, 15_000, 2_000);
        (run.described, run.timing.timeouts_known) = (true, true);
        run
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self::none()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::roomy()
    }
}

impl Clients {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::none()
    }

    /// Only the script asks.
    #[must_use]
    pub fn none() -> Self {
        Self {
            count: 0,
            pause: 0,
            keys: 0,
            reads: 0,
            bursts: 0,
            value_bytes_max: 0,
            lease_reads: 0,
            bounded_reads: 0,
            serializable_reads: 0,
            sessions: 0,
        }
    }
}

impl Network {
    /// Nothing is lost and all is quick.
    #[must_use]
    pub fn good() -> Self {
        Self {
            delay_min: 200,
            delay_max: 800,
            loss: 0,
            doubled: 0,
            replayed: 0,
            late: 0,
            snapshot_cut: 0,
            snapshot_damage: 0,
            snapshot_rate: 0,
            by_hand: false,
        }
    }
}

impl Limits {
    pub(super) fn is_roomy(&self) -> bool {
        *self == Self::roomy()
    }

    /// Large enough for anything that a script does by hand.
    #[must_use]
    pub fn roomy() -> Self {
        Self {
            append_bytes_max: 16 << 10,
            inflight_count_max: 16,
            inflight_bytes_max: 256 << 10,
            write_bytes_max: 16 << 10,
            uncommitted_bytes_max: 256 << 10,
            log_bytes_max: 1 << 20,
            reads_max: 1000,
            command_bytes_max: 8 << 10,
            requests_max: 1000,
            request_bytes_max: 1 << 20,
            apply_bytes_max: 64 << 10,
            snapshot_entries: 1000,
            snapshot_log_bytes: 256 << 10,
            snapshot_tail: 100,
            segment_bytes: 32 << 10,
            sessions: Sessions::default(),
        }
    }
}
