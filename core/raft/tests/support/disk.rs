//! A disk as a value: what a crash leaves. It knows only whole batches; how a batch becomes whole on a real disk is the
//! affair of the log's own crate.

use quorate_raft::{BaseChange, Boot, Configuration, Entry, HardState, Index, Position, Write};

/// A durable snapshot file: the state machine's state, which for these tests is the list of what was applied.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotFile {
    pub(crate) position: Position,
    pub(crate) time: u64,
    pub(crate) configuration: Configuration,
    pub(crate) state: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) hard_state: HardState,
    pub(crate) entries: Vec<Entry>,
    /// The log begins behind this.
    pub(crate) base: Position,
    base_time: u64,
    pub(crate) snapshot: SnapshotFile,
    /// A write that was asked for and is not reported durable yet.
    pub(crate) under_way: Option<Write>,
    /// What a disk that lies has reported and not stored.
    cache: Option<Write>,
}

impl Disk {
    pub(crate) fn new(configuration: Configuration) -> Self {
        let snapshot = SnapshotFile { position: Position::ZERO, time: 0, configuration, state: Vec::new() };
        Self {
            hard_state: HardState::default(),
            entries: Vec::new(),
            base: Position::ZERO,
            base_time: 0,
            snapshot,
            under_way: None,
            cache: None,
        }
    }

    /// The write becomes durable, in the order that [`Write`] promises.
    pub(crate) fn store(&mut self, write: &Write) {
        self.hard_state = write.hard_state;
        match write.base {
            Some(BaseChange::Compact(base)) => self.compact(base),
            Some(BaseChange::Reset(base)) => self.reset(base),
            None => {}
        }
        if let Some(first) = write.truncate {
            self.entries.retain(|entry| entry.index() < first);
        }
        for entry in &write.entries {
            assert_eq!(entry.index(), self.last().index.next(), "a disk's log has no gap");
            self.entries.push(entry.clone());
        }
    }

    /// A disk that lies: it reports this write, and stores only the one before.
    pub(crate) fn pretend(&mut self, write: &Write) {
        if let Some(earlier) = self.cache.replace(write.clone()) {
            self.store(&earlier);
        }
    }

    /// What was not stored is gone; `kept` says that the write under way was, all the same.
    pub(crate) fn crash(&mut self, kept: bool) {
        self.cache = None;
        if let Some(write) = self.under_way.take()
            && kept
        {
            self.store(&write);
        }
    }

    fn compact(&mut self, base: Position) {
        assert!(base.index <= self.snapshot.position.index, "only what a snapshot has is compacted");
        if let Some(entry) = self.entries.iter().find(|entry| entry.position() == base) {
            self.base_time = entry.header().time;
        }
        self.entries.retain(|entry| entry.index() > base.index);
        self.base = base;
    }

    fn reset(&mut self, base: Position) {
        self.entries.clear();
        self.base = base;
        self.base_time = self.snapshot.time;
    }

    pub(crate) fn last(&self) -> Position {
        self.entries.last().map_or(self.base, Entry::position)
    }

    /// What stands at `index`; nothing where it is not known any more.
    pub(crate) fn position_at(&self, index: Index) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.entries.iter().map(Entry::position).find(|position| position.index == index)
    }

    /// The crash survivor: what a node is started with. A snapshot that the log does not lead up to replaces the log.
    pub(crate) fn boot(&mut self) -> Boot {
        let snapshot = self.snapshot.position;
        if snapshot.index > self.base.index && self.position_at(snapshot.index) != Some(snapshot) {
            self.reset(snapshot);
        }
        Boot {
            hard_state: self.hard_state,
            base: self.base,
            base_time: self.base_time,
            entries: self.entries.clone(),
            snapshot: snapshot.index,
            configuration: self.snapshot.configuration.clone(),
        }
    }
}
