//! The log as a plain value: what should be there, with no disk behind it.

use quorate_wal::{Base, BaseChange, Batch, Entry, HardState, Recovered};

/// What a log adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub(crate) hard_state: HardState,
    pub(crate) base: Base,
    pub(crate) entries: Vec<Entry>,
}

impl Model {
    pub(crate) fn apply(&mut self, batch: &Batch) {
        self.hard_state = batch.hard_state;
        match batch.base {
            None => {}
            Some(BaseChange::Compaction(base)) => {
                self.base = base;
                self.entries.retain(|entry| entry.index > base.index);
            }
            Some(BaseChange::Reset(base)) => {
                self.base = base;
                self.entries.clear();
            }
        }
        if let Some(index) = batch.truncate_from {
            self.entries.retain(|entry| entry.index < index);
        }
        self.entries.extend(batch.entries.iter().cloned());
    }

    pub(crate) fn after(&self, batch: &Batch) -> Self {
        let mut next = self.clone();
        next.apply(batch);
        next
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.entries.last().map_or(self.base.index, |entry| entry.index)
    }
}

impl From<&Recovered> for Model {
    fn from(recovered: &Recovered) -> Self {
        let Recovered { hard_state, base, entries, .. } = recovered;
        Self { hard_state: *hard_state, base: *base, entries: entries.clone() }
    }
}
