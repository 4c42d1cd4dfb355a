//! What a leader remembers of forwarded writes, so that a copy of one is answered like the first and never taken twice
//! (L21). One leader has one life in its term, so this needs no disk.
//!
//! It is kept when the leadership ends: a copy that comes then must not be told "not accepted" where the first was taken,
//! for its origin would send it to the next leader, which may have it in its log already. Of a term that this life did not
//! lead nothing is known: who asks about one is not answered.

use std::collections::BTreeMap;

use raft::{NodeId, Position, Term};

use crate::peer::{ForwardId, NotAccepted};

/// Answers that are remembered for each origin at most.
const ANSWERS_MAX: usize = 65_536;

/// The answers given in the term that this node led last.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    term: Option<Term>,
    origins: BTreeMap<NodeId, Origin>,
}

#[derive(Debug, Default)]
struct Origin {
    incarnation: u64,
    /// All numbers below are duplicates.
    floor: u64,
    answers: BTreeMap<u64, Result<Position, NotAccepted>>,
}

/// How a forwarded write stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Never seen: to be taken, and its answer remembered.
    New,
    /// Seen and answered like this.
    Answered(Result<Position, NotAccepted>),
    /// Seen so long ago that the answer is forgotten, of an earlier life, or meant for a term that is not known here: to be
    /// dropped.
    Old,
}

impl Accepted {
    /// This node leads `term` now: what it knew of an earlier one is forgotten.
    pub(crate) fn lead(&mut self, term: Term) {
        if self.term != Some(term) {
            *self = Self { term: Some(term), ..Self::default() };
        }
    }

    /// Looks up a write that was forwarded to the leader of `term`; `floor` says which of its origin's numbers are answered.
    pub(crate) fn look_up(&mut self, term: Term, from: NodeId, id: ForwardId, floor: u64) -> Seen {
        if self.term != Some(term) {
            return Seen::Old;
        }
        let origin = self.origins.entry(from).or_default();
        if id.incarnation > origin.incarnation {
            *origin = Origin { incarnation: id.incarnation, ..Origin::default() };
        }
        if id.incarnation < origin.incarnation || id.number < origin.floor {
            return Seen::Old;
        }
        origin.raise_floor(floor.min(id.number));
        origin.answers.get(&id.number).map_or(Seen::New, |answer| Seen::Answered(*answer))
    }

    /// Remembers the first answer.
    pub(crate) fn remember(&mut self, from: NodeId, id: ForwardId, answer: Result<Position, NotAccepted>) {
        let origin = self.origins.entry(from).or_default();
        origin.answers.insert(id.number, answer);
        if origin.answers.len() > ANSWERS_MAX
            && let Some((lowest, _)) = origin.answers.pop_first()
        {
            origin.floor = origin.floor.max(lowest + 1);
        }
    }
}

impl Origin {
    fn raise_floor(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            self.answers = self.answers.split_off(&floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Term = Term(3);

    fn id(incarnation: u64, number: u64) -> ForwardId {
        ForwardId { incarnation, number }
    }

    #[test]
    fn a_copy_gets_the_first_answer_and_an_old_one_none() {
        // L21
        let mut accepted = Accepted::default();
        accepted.lead(TERM);
        let (origin, answer) = (NodeId(2), Ok(Position::new(9, 3)));
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::New);
        accepted.remember(origin, id(1, 5), answer);
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::Answered(answer));
        assert_eq!(accepted.look_up(TERM, NodeId(3), id(1, 5), 4), Seen::New, "another origin counts for itself");
        assert_eq!(accepted.look_up(TERM, origin, id(1, 6), 6), Seen::New);
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::Old, "the origin has its answer");
        assert_eq!(accepted.look_up(TERM, origin, id(2, 1), 1), Seen::New, "a new life counts anew");
        assert_eq!(accepted.look_up(TERM, origin, id(1, 7), 6), Seen::Old, "an earlier life is over");
    }

    #[test]
    fn answers_outlive_the_leadership_and_nothing_is_said_of_other_terms() {
        // L21
        let mut accepted = Accepted::default();
        let (origin, answer) = (NodeId(2), Ok(Position::new(9, 3)));
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::Old, "an earlier life may have taken it");
        accepted.lead(TERM);
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::New);
        accepted.remember(origin, id(1, 5), answer);
        accepted.lead(TERM);
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::Answered(answer));
        accepted.lead(Term(7));
        assert_eq!(accepted.look_up(TERM, origin, id(1, 5), 4), Seen::Old);
        assert_eq!(accepted.look_up(Term(7), origin, id(1, 5), 4), Seen::New);
    }

    #[test]
    fn refused_ones_are_remembered_too_and_memory_is_bounded() {
        let mut accepted = Accepted::default();
        accepted.lead(TERM);
        for number in 1..=ANSWERS_MAX as u64 + 10 {
            assert_eq!(accepted.look_up(TERM, NodeId(2), id(1, number), 1), Seen::New);
            accepted.remember(NodeId(2), id(1, number), Err(NotAccepted::Busy));
        }
        assert_eq!(accepted.origins[&NodeId(2)].answers.len(), ANSWERS_MAX);
        assert_eq!(accepted.look_up(TERM, NodeId(2), id(1, 10), 1), Seen::Old);
        assert_eq!(accepted.look_up(TERM, NodeId(2), id(1, 11), 1), Seen::Answered(Err(NotAccepted::Busy)));
    }
}
