//! What the state machine answered lately to commands that nobody here was known to wait for. A leader's answer may come
//! after the entry that it names was applied: then the client's result is found here. Bounded; what is forgotten is unknown
//! to its client.

use std::collections::VecDeque;

use raft::Position;

use crate::sessions::{Kept, SessionRefusal};

/// What became of an entry that was applied: where its first copy stands and what it gave, or why it was not applied.
pub(crate) type Outcome = Result<Kept, SessionRefusal>;

const RESULTS_MAX: usize = 4096;
const BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// In the order of the log.
    results: VecDeque<(Position, Outcome)>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn push(&mut self, position: Position, outcome: Outcome) {
        self.bytes += size(&outcome);
        self.results.push_back((position, outcome));
        while self.results.len() > RESULTS_MAX || self.bytes > BYTES_MAX {
            self.bytes -= self.results.pop_front().map_or(0, |(_, gone)| size(&gone));
        }
    }

    /// No answer is waited for.
    pub(crate) fn clear(&mut self) {
        self.results.clear();
        self.bytes = 0;
    }

    /// What became of the entry at `position`.
    pub(crate) fn find(&self, position: Position) -> Option<Outcome> {
        let at = self.results.binary_search_by_key(&position.index, |(at, _)| at.index).ok()?;
        self.results.get(at).filter(|(at, _)| *at == position).map(|(_, outcome)| outcome.clone())
    }
}

fn size(outcome: &Outcome) -> usize {
    outcome.as_ref().map_or(0, |kept| kept.result.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn gave(position: Position, result: impl Into<Bytes>) -> Outcome {
        Ok(Kept { position, result: result.into() })
    }

    #[test]
    fn a_result_is_found_by_its_exact_position_until_it_is_too_old() {
        let mut recent = Recent::default();
        for index in 1..=RESULTS_MAX as u64 + 2 {
            recent.push(Position::new(index * 2, 1), gave(Position::new(index * 2, 1), index.to_string()));
        }
        assert_eq!(recent.find(Position::new(6, 1)), Some(gave(Position::new(6, 1), "3")));
        assert_eq!(recent.find(Position::new(6, 2)), None, "another entry stands there");
        assert_eq!(recent.find(Position::new(7, 1)), None);
        assert_eq!(recent.find(Position::new(4, 1)), None, "too old");
        recent.push(Position::new(1 << 40, 1), gave(Position::new(1 << 40, 1), vec![0; BYTES_MAX]));
        assert_eq!(recent.find(Position::new(6, 1)), None, "too large");
        assert!(recent.find(Position::new(1 << 40, 1)).is_some());
    }
}
