//! When to take a snapshot, and how much of the log to forget behind one. One is taken at a time; one that failed is tried
//! again after a while.
//!
//! A log that reached its bound refuses clients, and a follower drops what it is sent while it holds entries that could be
//! forgotten. So whatever can be forgotten must be, in time: this room sees to it that no log stays full for ever.
//!
//! Writing the whole state takes the disk and a core from the clients, however few entries made it due: a large state and a
//! small count would mean one after the other. So a snapshot is followed by a rest that is many times as long as it took
//! (thesis 5.1.3 asks for a size of the log in proportion to the snapshot's for the same reason), as long as the log has room.

use raft::Index;

use crate::replica::Config;
use crate::turn::Time;

#[derive(Debug)]
pub(crate) struct Snapshots {
    /// What the newest durable snapshot covers.
    last: Index,
    /// Bytes of entries applied since the newest was begun.
    bytes: u64,
    /// The same of the one that is being written, while it may still fail.
    bytes_covered: u64,
    running: bool,
    begun: Time,
    not_before: Time,
    /// The rest after the newest ends; none is needed from then on.
    rests_until: Time,
    /// Attempts that failed in a row: each waits twice as long as the one before.
    failures: u32,
    /// The log may be forgotten up to here.
    forget: Index,
    /// Somebody asked for one.
    wanted: bool,
    /// The one that is being written was asked for.
    folds: bool,
}

/// Waiting grows up to so many times doubled.
const DOUBLED_MAX: u32 = 6;
/// A rest is so many times as long as the snapshot before it took: of ten seconds under load one is spent on snapshots.
const REST_TIMES: u64 = 9;
/// No rest is longer, in microseconds: a machine that stood still while one was written must not keep its log for a day.
const REST_MAX: u64 = 600_000_000;

/// The log is so full that what can be forgotten must be: also when only the next append does not fit, which a follower drops
/// for as long as it could forget something.
pub(crate) fn is_nearly_full(log_bytes: u64, config: &Config) -> bool {
    let limits = &config.raft.limits;
    let named = size_of::<crate::sessions::SessionCommand>();
    let largest_entry = config.command_bytes_max + named + raft::entry::BODY_HEADER_BYTES + size_of::<raft::Entry>();
    let append_bytes = limits.append_bytes_max.max(largest_entry as u64);
    log_bytes >= limits.log_bytes_max / 4 * 3 || log_bytes + append_bytes > limits.log_bytes_max
}

/// Entries of so many bytes are enough for a snapshot, well before the log is full.
fn bytes_for_a_snapshot(config: &Config) -> u64 {
    config.snapshot_log_bytes.min(config.raft.limits.log_bytes_max / 4)
}

impl Snapshots {
    pub(crate) fn new(last: Index) -> Self {
        Self {
            last,
            bytes: 0,
            bytes_covered: 0,
            running: false,
            begun: Time::default(),
            not_before: Time::default(),
            rests_until: Time::default(),
            failures: 0,
            forget: Index::ZERO,
            wanted: false,
            folds: false,
        }
    }

    /// The state machine applied entries of so many bytes.
    pub(crate) fn applied(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether to take one now, at `applied`, with a log of so many bytes: enough has changed since the last and it is not too
    /// soon, or the log needs room.
    pub(crate) fn is_due(&self, now: Time, applied: Index, log_bytes: u64, pressing: bool, config: &Config) -> bool {
        let grown = applied.since(self.last) >= config.snapshot_entries || self.bytes >= bytes_for_a_snapshot(config);
        let rested = now >= self.rests_until || log_bytes >= config.raft.limits.log_bytes_max / 2;
        let called_for = grown && rested || pressing || self.wanted;
        called_for && !self.running && applied > self.last && now >= self.not_before
    }

    /// Somebody asks for one, due or not; where nothing is new there is none.
    pub(crate) fn want(&mut self, applied: Index) {
        self.wanted = applied > self.last;
    }

    pub(crate) fn started(&mut self, now: Time) {
        (self.running, self.begun) = (true, now);
        self.folds = std::mem::take(&mut self.wanted);
        self.bytes_covered = std::mem::take(&mut self.bytes);
    }

    /// It is durable. Entries behind it stay for peers that are a little behind, if they are not too large.
    pub(crate) fn taken(&mut self, now: Time, index: Index, log_bytes: u64, config: &Config) {
        (self.running, self.failures) = (false, 0);
        self.rests_until = now.after(now.since(self.begun).saturating_mul(REST_TIMES).min(REST_MAX));
        self.last = self.last.max(index);
        let small = log_bytes < bytes_for_a_snapshot(config) / 2;
        let keep = if small && !self.folds { config.snapshot_tail } else { 0 };
        self.forget = self.forget.max(Index(self.last.0.saturating_sub(keep)));
    }

    pub(crate) fn failed(&mut self, now: Time, patience: u64) {
        self.running = false;
        self.bytes += std::mem::take(&mut self.bytes_covered);
        self.not_before = now.after(patience << self.failures.min(DOUBLED_MAX));
        self.failures += 1;
        self.wanted |= std::mem::take(&mut self.folds);
    }

    /// One that was received took the state machine's place.
    pub(crate) fn installed(&mut self, index: Index) {
        self.last = self.last.max(index);
        (self.bytes, self.bytes_covered) = (0, 0);
    }

    /// What the newest covers.
    pub(crate) fn newest(&self) -> Index {
        self.last
    }

    /// Up to where the log is to be forgotten, as soon as it is durable up to there.
    pub(crate) fn forget(&mut self, pressing: bool) -> Index {
        if pressing {
            self.forget = self.forget.max(self.last);
        }
        self.forget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config =
            Config { snapshot_entries: 100, snapshot_log_bytes: 1000, snapshot_tail: 10, ..Config::default() };
        config.raft.limits.log_bytes_max = 8000;
        (config.raft.limits.append_bytes_max, config.command_bytes_max) = (1000, 500);
        config
    }

    #[test]
    fn a_log_that_the_next_append_does_not_fit_in_is_nearly_full() {
        let mut config = config();
        config.raft.limits.append_bytes_max = 5000;
        assert!(is_nearly_full(3001, &config) && !is_nearly_full(3000, &config));
        (config.raft.limits.append_bytes_max, config.command_bytes_max) = (1, 5000);
        assert!(is_nearly_full(3000, &config), "one entry may be larger than an append is to be");
    }

    #[test]
    fn one_that_failed_is_as_due_as_before_after_a_while() {
        // D8, S7
        let mut snapshots = Snapshots::new(Index(5));
        snapshots.applied(1000);
        assert!(snapshots.is_due(Time(0), Index(6), 0, false, &config()));
        snapshots.started(Time(0));
        snapshots.applied(10);
        assert!(!snapshots.is_due(Time(0), Index(7), 0, false, &config()), "one at a time");
        snapshots.failed(Time(0), 50);
        assert!(!snapshots.is_due(Time(49), Index(7), 0, false, &config()));
        assert!(snapshots.is_due(Time(50), Index(7), 0, false, &config()));
        snapshots.started(Time(0));
        snapshots.failed(Time(50), 50);
        assert!(
            !snapshots.is_due(Time(149), Index(7), 0, false, &config()),
            "a full disk is not written full all the time"
        );
        assert!(snapshots.is_due(Time(150), Index(7), 0, false, &config()));
    }

    #[test]
    fn a_log_that_is_nearly_full_is_shortened_whatever_else_is_said() {
        let mut snapshots = Snapshots::new(Index(5));
        assert!(is_nearly_full(6000, &config()) && !is_nearly_full(5999, &config()));
        assert!(!snapshots.is_due(Time(0), Index(5), 0, true, &config()), "nothing is new");
        assert!(snapshots.is_due(Time(0), Index(6), 0, true, &config()));
        snapshots.started(Time(0));
        snapshots.taken(Time(0), Index(50), 400, &config());
        assert_eq!(snapshots.forget(false), Index(40), "a tail stays for peers");
        assert_eq!(snapshots.forget(true), Index(50), "but not for ever");
        snapshots.taken(Time(0), Index(60), 600, &config());
        assert_eq!(snapshots.forget(false), Index(60), "nor where it is large");
    }

    #[test]
    fn one_that_is_asked_for_is_due_at_once_and_keeps_no_tail() {
        let mut snapshots = Snapshots::new(Index(5));
        snapshots.want(Index(5));
        assert!(!snapshots.is_due(Time(0), Index(6), 0, false, &config()), "nothing was new when it was asked for");
        snapshots.want(Index(6));
        assert!(snapshots.is_due(Time(0), Index(6), 0, false, &config()));
        snapshots.started(Time(0));
        snapshots.failed(Time(0), 10);
        assert!(!snapshots.is_due(Time(9), Index(6), 0, false, &config()));
        assert!(
            snapshots.is_due(Time(10), Index(6), 0, false, &config()),
            "one that could not be written is wanted still"
        );
        snapshots.started(Time(10));
        assert!(!snapshots.is_due(Time(10), Index(7), 0, false, &config()), "one at a time, and it was for once");
        snapshots.taken(Time(0), Index(6), 400, &config());
        assert_eq!(snapshots.forget(false), Index(6));
        assert!(!snapshots.is_due(Time(0), Index(7), 0, false, &config()));
    }

    #[test]
    fn the_next_waits_many_times_as_long_as_one_took_unless_the_log_needs_room() {
        // S7: what is due meanwhile is not forgotten.
        let mut snapshots = Snapshots::new(Index(5));
        snapshots.started(Time(1000));
        snapshots.applied(5000);
        snapshots.taken(Time(1100), Index(6), 0, &config());
        let due = |at, log_bytes, pressing| snapshots.is_due(Time(at), Index(200), log_bytes, pressing, &config());
        assert!(!due(1999, 3999, false) && due(2000, 0, false));
        assert!(due(1101, 4000, false), "a log that is half full is not left to grow");
        assert!(due(1101, 0, true), "nor is a disk without room");
        snapshots.started(Time(2000));
        snapshots.taken(Time(u64::MAX / 2), Index(300), 0, &config());
        let late = Time(u64::MAX / 2 + REST_MAX);
        assert!(snapshots.is_due(late, Index(400), 0, false, &config()), "however long this machine stood still");
    }

    #[test]
    fn a_bound_of_the_log_below_the_size_that_makes_a_snapshot_due_is_minded() {
        let mut config = config();
        config.snapshot_log_bytes = 1 << 30;
        let mut snapshots = Snapshots::new(Index(5));
        snapshots.applied(2000);
        assert!(snapshots.is_due(Time(0), Index(6), 0, false, &config));
    }
}
