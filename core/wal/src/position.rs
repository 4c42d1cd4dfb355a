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

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries 6 to 8 behind a snapshot of 5.
    fn position() -> Position {
        let hard_state = HardState { term: 3, vote: 2, commit: 6 };
        Position { hard_state, incarnation: 1, base: Base { index: 5, term: 2 }, last_index: 8 }
    }

    #[test]
    fn terms_and_commits_do_not_fall_and_a_vote_is_not_changed() {
        let follows = |old: Position, term, vote, commit| {
            let mut position = old;
            let new = HardState { term, vote, commit };
            let follows = position.set_hard_state(new).is_ok();
            assert_eq!(position.hard_state, if follows { new } else { old.hard_state });
            follows
        };
        let old = position();
        assert!(follows(old, 3, 2, 6) && follows(old, 3, 2, 7));
        assert!(follows(old, 4, 0, 6) && follows(old, 4, 9, 6), "a new term has a vote of its own");
        assert!(!follows(old, 2, 2, 6) && !follows(old, 2, 0, 9));
        assert!(!follows(old, 3, 1, 6) && !follows(old, 3, 0, 6));
        assert!(!follows(old, 3, 2, 5) && !follows(old, 4, 2, 5));
        let mut undecided = old;
        undecided.hard_state.vote = 0;
        assert!(follows(undecided, 3, 7, 6), "the first vote of a term");
    }

    #[test]
    fn a_base_does_not_fall_and_a_compaction_does_not_pass_the_log() {
        let moved = |change| {
            let mut position = position();
            position.change_base(change).map(|()| (position.base.index, position.last_index))
        };
        let base = |index| Base { index, term: 2 };
        assert_eq!(moved(BaseChange::Compaction(base(5))), Ok((5, 8)));
        assert_eq!(moved(BaseChange::Compaction(base(8))), Ok((8, 8)));
        assert!(moved(BaseChange::Compaction(base(4))).is_err() && moved(BaseChange::Compaction(base(9))).is_err());
        assert_eq!(moved(BaseChange::Reset(base(5))), Ok((5, 5)));
        assert_eq!(moved(BaseChange::Reset(base(100))), Ok((100, 100)));
        assert!(moved(BaseChange::Reset(base(4))).is_err());
    }

    #[test]
    fn a_truncation_lies_in_the_log_or_just_behind_it() {
        let last = |index| {
            let mut position = position();
            position.truncate_from(index).map(|()| position.last_index)
        };
        assert_eq!((last(6), last(8), last(9)), (Ok(5), Ok(7), Ok(8)));
        assert!(last(5).is_err() && last(0).is_err() && last(10).is_err());
    }

    #[test]
    fn entries_follow_without_a_gap() {
        let last = |index| {
            let mut position = position();
            position.append(index).map(|()| position.last_index)
        };
        assert_eq!(last(9), Ok(9));
        assert!(last(8).is_err() && last(10).is_err() && last(0).is_err());
        let mut full = Position { last_index: u64::MAX, ..position() };
        assert!(full.append(0).is_err() && full.append(u64::MAX).is_err());
    }
}
