//! Where the log stands: hard state, incarnation, base and last index, and which changes may follow.
//!
//! The writer refuses a change that does not fit, and recovery takes one that was read back for damage. It holds no entries.

use crate::batch::{Base, BaseChange, Batch, HardState};

/// All that a segment's first record repeats, so that older segments can go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) hard_state: HardState,
    pub(crate) incarnation: u64,
    pub(crate) base: Base,
    pub(crate) last_index: u64,
}

impl Position {
    /// The position after the whole batch, or why the batch does not follow.
    pub(crate) fn after(mut self, batch: &Batch) -> Result<Self, String> {
        self.set_hard_state(batch.hard_state)?;
        if let Some(change) = batch.base {
            self.change_base(change)?;
        }
        if let Some(index) = batch.truncate_from {
            self.truncate_from(index)?;
        }
        for entry in &batch.entries {
            self.append(entry.index)?;
        }
        Ok(self)
    }

    pub(crate) fn set_hard_state(&mut self, new: HardState) -> Result<(), String> {
        let old = self.hard_state;
        if new.term < old.term {
            return Err(format!("the term would fall from {} to {}", old.term, new.term));
        }
        if new.term == old.term && old.vote != 0 && new.vote != old.vote {
            return Err(format!("the vote of term {} would change from {} to {}", old.term, old.vote, new.vote));
        }
        if new.commit < old.commit {
            return Err(format!("the commit index would fall from {} to {}", old.commit, new.commit));
        }
        self.hard_state = new;
        Ok(())
    }

    pub(crate) fn change_base(&mut self, change: BaseChange) -> Result<(), String> {
        let (BaseChange::Compaction(base) | BaseChange::Reset(base)) = change;
        if base.index < self.base.index {
            return Err(format!("the base would fall from {} to {base}", self.base));
        }
        match change {
            BaseChange::Compaction(base) if base.index > self.last_index => {
                return Err(format!("a compaction to {base} would pass the last index {}", self.last_index));
            }
            BaseChange::Compaction(_) => {}
            BaseChange::Reset(base) => self.last_index = base.index,
        }
        self.base = base;
        Ok(())
    }

    pub(crate) fn truncate_from(&mut self, index: u64) -> Result<(), String> {
        if index <= self.base.index || index > self.last_index + 1 {
            return Err(format!(
                "a truncation from {index} lies outside the log, which holds {} to {}",
                self.base.index + 1,
                self.last_index
            ));
        }
        self.last_index = index - 1;
        Ok(())
    }

    pub(crate) fn append(&mut self, index: u64) -> Result<(), String> {
        if self.last_index.checked_add(1) != Some(index) {
            return Err(format!("entry {index} does not follow the last index {}", self.last_index));
        }
        self.last_index = index;
        Ok(())
    }
}
