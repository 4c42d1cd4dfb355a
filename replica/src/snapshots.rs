//! When to take a snapshot. One at a time; one that failed is tried again after a while.

use raft::Index;

use crate::replica::Config;
use crate::turn::Time;

#[derive(Debug)]
pub(crate) struct Snapshots {
    last: Index,
    /// Bytes of entries applied since then.
    bytes: u64,
    running: bool,
    not_before: Time,
}

impl Snapshots {
    pub(crate) fn new(last: Index) -> Self {
        Self { last, bytes: 0, running: false, not_before: Time::default() }
    }

    /// The state machine applied entries of so many bytes.
    pub(crate) fn applied(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether to take one now, at `applied`: enough has changed since the last.
    pub(crate) fn is_due(&self, now: Time, applied: Index, config: &Config) -> bool {
        let grown = applied.since(self.last) >= config.snapshot_entries || self.bytes >= config.snapshot_log_bytes;
        grown && !self.running && applied > self.last && now >= self.not_before
    }

    pub(crate) fn started(&mut self) {
        self.running = true;
        self.bytes = 0;
    }

    /// It is durable. Says up to where the log may be forgotten if `tail` entries are to stay.
    pub(crate) fn taken(&mut self, index: Index, tail: u64) -> Index {
        self.running = false;
        self.last = self.last.max(index);
        Index(index.0.saturating_sub(tail))
    }

    pub(crate) fn failed(&mut self, now: Time, patience: u64) {
        self.running = false;
        self.not_before = now.after(patience);
    }

    /// One that was received took the state machine's place.
    pub(crate) fn installed(&mut self, index: Index) {
        self.last = self.last.max(index);
    }
}
