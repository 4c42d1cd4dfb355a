//! What a node's disk holds for certain. Batches are whole here: how a batch becomes whole on a real disk is the affair of
//! the log's own crate and its tests.

use raft::{
    BaseChange, Boot, Configuration, Entry, EntryKind, HardState, Header, Index, NodeId, Position, Term, Write,
};

use crate::configuration::Image;

/// A batch that was asked for and may be lost. (The ticket is a label; the node knows the one it waits for.)
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Batch {
    pub(crate) hard_state: HardState,
    pub(crate) base: Option<BaseChange>,
    pub(crate) truncate: Option<Index>,
    pub(crate) entries: Vec<Entry>,
}

/// Durable state: hard state, log, and the position of the snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Disk {
    pub(crate) hard_state: HardState,
    pub(crate) base: Position,
    pub(crate) entries: Vec<Entry>,
    pub(crate) snapshot: Position,
}

impl From<Write> for Batch {
    fn from(write: Write) -> Self {
        Self { hard_state: write.hard_state, base: write.base, truncate: write.truncate, entries: write.entries }
    }
}

impl Batch {
    pub(crate) fn renamed(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { hard_state: renamed(self.hard_state, names), ..self.clone() }
    }
}

impl Disk {
    pub(crate) fn new() -> Self {
        let (base, snapshot) = (Position::ZERO, Position::ZERO);
        Self { hard_state: HardState::default(), base, entries: Vec::new(), snapshot }
    }

    /// One that was used before. An entry's payload is its term.
    pub(crate) fn of(image: &Image) -> Self {
        let (term, vote) = (Term(image.term), image.vote.map(NodeId));
        let entry = |(index, term): (u64, &u64)| {
            let payload = term.to_string();
            Entry::new(Position::new(index, *term), EntryKind::Command, Header::default(), payload.as_bytes())
        };
        let hard_state = HardState { term, vote, commit: Index::ZERO };
        Self { hard_state, entries: (1..).zip(image.log).map(entry).collect(), ..Self::new() }
    }

    /// The batch becomes durable, in the order that [`Write`] promises.
    pub(crate) fn store(&mut self, batch: &Batch) {
        self.hard_state = batch.hard_state;
        match batch.base {
            Some(BaseChange::Compact(base)) => {
                self.entries.retain(|entry| entry.index() > base.index);
                self.base = base;
            }
            Some(BaseChange::Reset(base)) => self.reset(base),
            None => {}
        }
        if let Some(first) = batch.truncate {
            self.entries.retain(|entry| entry.index() < first);
        }
        self.append(&batch.entries);
    }

    /// Adds entries behind the last; what is there already stays.
    pub(crate) fn append(&mut self, entries: &[Entry]) {
        for entry in entries {
            if entry.index() == self.last().index.next() {
                self.entries.push(entry.clone());
            }
        }
    }

    fn reset(&mut self, base: Position) {
        self.entries.clear();
        self.base = base;
    }

    pub(crate) fn last(&self) -> Position {
        self.entries.last().map_or(self.base, Entry::position)
    }

    /// What stands at `index`; nothing where it is not known any more.
    pub(crate) fn position_at(&self, index: Index) -> Option<Position> {
        let here = |position: &Position| position.index == index;
        Some(self.base).filter(here).or_else(|| self.entries.iter().map(Entry::position).find(here))
    }

    /// It would survive a crash of this node, in the log or in the snapshot.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.snapshot.index >= position.index || self.position_at(position.index) == Some(position)
    }

    /// What a node is started with. A snapshot that the log does not lead up to replaces the log.
    pub(crate) fn boot(&mut self, configuration: &Configuration) -> Boot {
        let snapshot = self.snapshot;
        if snapshot.index > self.base.index && self.position_at(snapshot.index) != Some(snapshot) {
            self.reset(snapshot);
        }
        Boot {
            hard_state: self.hard_state,
            base: self.base,
            base_time: 0,
            entries: self.entries.clone(),
            snapshot: snapshot.index,
            configuration: configuration.clone(),
        }
    }

    pub(crate) fn renamed(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        Self { hard_state: renamed(self.hard_state, names), ..self.clone() }
    }
}

fn renamed(state: HardState, names: &dyn Fn(NodeId) -> NodeId) -> HardState {
    HardState { vote: state.vote.map(names), ..state }
}
