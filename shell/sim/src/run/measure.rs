//! The numbers of a run that have a measure: what a file may ask of each, so that no run fills the machine or lasts for ever. What
//! they mean stands where they are declared.

use super::{DAY, HOUR, MUCH, Run};

impl Run {
    /// Numbers that cost memory or time, or that others are added to, each with the most that it may be.
    pub(super) fn numbers(&self) -> [(&'static str, u64, u64); 28] {
        let Self { timing, network, limits, clients, .. } = self;
        let last = self.script.last().map_or(0, |step| step.at);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        [
            ("election_timeout", timing.election_timeout, HOUR),
            ("disk", timing.disk, HOUR),
            ("elapsed_at_start", timing.elapsed_at_start, 1000),
            ("client_delay", timing.client_delay, timing.election_timeout / 4),
            ("drift_bound", timing.drift_bound, 999_999),
            ("calm_at", timing.calm_at, DAY),
            ("delay_max", network.delay_max, HOUR),
            ("at of the last step", last, DAY),
            ("the count of clients", clients.count, 1000),
            ("the count of clients with sessions", clients.sessions, 1000),
            ("pause", clients.pause, HOUR),
            ("value_bytes_max", clients.value_bytes_max, MUCH),
            ("segment_bytes", limits.segment_bytes, 16 << 20),
            ("append_bytes_max", limits.append_bytes_max, MUCH),
            ("inflight_count_max", count(limits.inflight_count_max), MUCH),
            ("inflight_bytes_max", limits.inflight_bytes_max, MUCH),
            ("write_bytes_max", limits.write_bytes_max, MUCH),
            ("uncommitted_bytes_max", limits.uncommitted_bytes_max, MUCH),
            ("log_bytes_max", limits.log_bytes_max, MUCH),
            ("reads_max", count(limits.reads_max), MUCH),
            ("command_bytes_max", count(limits.command_bytes_max), MUCH),
            ("requests_max", count(limits.requests_max), MUCH),
            ("request_bytes_max", limits.request_bytes_max, MUCH),
            ("apply_bytes_max", limits.apply_bytes_max, MUCH),
            ("snapshot_entries", limits.snapshot_entries, MUCH),
            ("snapshot_log_bytes", limits.snapshot_log_bytes, MUCH),
            ("sessions_max", limits.sessions.sessions_max, MUCH),
            ("outstanding_max", limits.sessions.outstanding_max, MUCH),
        ]
    }
}
