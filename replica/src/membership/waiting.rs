//! Clients that wait for a change of the membership, and what a leader remembers of those that were forwarded: a copy is
//! answered like the first. Few at a time; what happens to them is decided in `replica/altering.rs`.

use std::collections::{BTreeMap, VecDeque};

use raft::{NodeId, Position, Term};

use super::Question;
use crate::peer::{AlterOutcome, ForwardId};
use crate::turn::{RequestId, Time};

/// Questions that may wait at one member.
pub const QUESTIONS_MAX: usize = 64;
/// Answers that are remembered for each origin.
const ANSWERS_MAX: usize = 64;

/// A local client's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    pub(crate) question: Question,
    pub(crate) arrived: Time,
    /// It is not put again before.
    pub(crate) not_before: Time,
    pub(crate) deadline: Time,
}

/// A question that was passed to a leader and is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) asked: Asked,
    pub(crate) leader: NodeId,
    pub(crate) term: Term,
    pub(crate) sent: Time,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    queued: VecDeque<Asked>,
    forwarded: BTreeMap<u64, Forwarded>,
    /// In a leader's log at a position; they wait until that is applied, and the change is through its joint phase.
    logged: Vec<(Position, Asked)>,
    next_number: u64,
    accepted: Accepted,
}

impl Questions {
    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.forwarded.len() + self.logged.len()
    }

    pub(crate) fn queue(&mut self, asked: Asked) {
        self.queued.push_back(asked);
    }

    /// One that may be put now.
    pub(crate) fn take_queued(&mut self, now: Time) -> Option<Asked> {
        let at = self.queued.iter().position(|asked| asked.not_before <= now)?;
        self.queued.remove(at)
    }

    pub(crate) fn forward(&mut self, asked: Asked, leader: NodeId, term: Term, now: Time) -> u64 {
        self.next_number += 1;
        self.forwarded.insert(self.next_number, Forwarded { asked, leader, term, sent: now });
        self.next_number
    }

    pub(crate) fn forwarded_mut(&mut self) -> impl Iterator<Item = (u64, &mut Forwarded)> {
        self.forwarded.iter_mut().map(|(number, forwarded)| (*number, forwarded))
    }

    /// The answer came, from whom it was sent to.
    pub(crate) fn take_forwarded(&mut self, number: u64, leader: NodeId, term: Term) -> Option<Asked> {
        self.forwarded.get(&number).filter(|forwarded| (forwarded.leader, forwarded.term) == (leader, term))?;
        self.forwarded.remove(&number).map(|forwarded| forwarded.asked)
    }

    /// Another leader is known now than the one that these were given to: what became of them is unknown.
    pub(crate) fn take_forwarded_before(&mut self, term: Term) -> Vec<Asked> {
        self.forwarded.extract_if(.., |_, forwarded| forwarded.term < term).map(|(_, one)| one.asked).collect()
    }

    pub(crate) fn log(&mut self, position: Position, asked: Asked) {
        self.logged.push((position, asked));
    }

    pub(crate) fn has_logged(&self) -> bool {
        !self.logged.is_empty()
    }

    /// Another entry stands where these were, or one of a newer term before it: they can never be committed.
    pub(crate) fn take_lost(&mut self, applied: Position) -> Vec<Asked> {
        let lost = |position: &Position| {
            (position.index == applied.index && position.term != applied.term)
                || (position.index > applied.index && position.term < applied.term)
        };
        self.logged.extract_if(.., |(position, _)| lost(position)).map(|(_, asked)| asked).collect()
    }

    /// Those whose entries are at or before the position's index.
    pub(crate) fn take_logged_upto(&mut self, applied: raft::Index) -> Vec<Asked> {
        self.logged.extract_if(.., |(position, _)| position.index <= applied).map(|(_, asked)| asked).collect()
    }

    /// Those whose time is over: that never left, and of which it is unknown what becomes of them.
    pub(crate) fn take_expired(&mut self, now: Time, no_leader_after: u64) -> (Vec<Asked>, Vec<Asked>) {
        let late = |asked: &Asked| asked.deadline <= now;
        let waited = |asked: &Asked| late(asked) || now.since(asked.arrived) >= no_leader_after;
        let (never_left, kept) = std::mem::take(&mut self.queued).into_iter().partition::<VecDeque<_>, _>(waited);
        self.queued = kept;
        let mut unknown: Vec<Asked> =
            self.forwarded.extract_if(.., |_, one| late(&one.asked)).map(|(_, one)| one.asked).collect();
        unknown.extend(self.logged.extract_if(.., |(_, asked)| late(asked)).map(|(_, asked)| asked));
        (never_left.into(), unknown)
    }

    pub(crate) fn accepted(&mut self) -> &mut Accepted {
        &mut self.accepted
    }
}

/// What this node answered to others in the term that it led last. One leader has one life in its term, so this needs no disk.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    term: Option<Term>,
    origins: BTreeMap<NodeId, (u64, BTreeMap<u64, AlterOutcome>)>,
}

/// How a forwarded question stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    New,
    Answered(AlterOutcome),
    /// Of an earlier life, of a term that is not known here, or so old that its answer is forgotten: to be dropped.
    Old,
}

impl Accepted {
    pub(crate) fn lead(&mut self, term: Term) {
        if self.term != Some(term) {
            *self = Self { term: Some(term), ..Self::default() };
        }
    }

    pub(crate) fn look_up(&mut self, term: Term, from: NodeId, id: ForwardId) -> Seen {
        if self.term != Some(term) {
            return Seen::Old;
        }
        let (incarnation, answers) = self.origins.entry(from).or_default();
        if id.incarnation > *incarnation {
            (*incarnation, *answers) = (id.incarnation, BTreeMap::new());
        }
        let forgotten =
            answers.len() >= ANSWERS_MAX && answers.first_key_value().is_some_and(|(low, _)| id.number < *low);
        if id.incarnation < *incarnation || forgotten {
            return Seen::Old;
        }
        answers.get(&id.number).map_or(Seen::New, |answer| Seen::Answered(answer.clone()))
    }

    pub(crate) fn remember(&mut self, from: NodeId, id: ForwardId, answer: AlterOutcome) {
        let (_, answers) = self.origins.entry(from).or_default();
        answers.insert(id.number, answer);
        if answers.len() > ANSWERS_MAX {
            answers.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::AlterError;

    fn asked(id: u64) -> Asked {
        let time = Time(0);
        Asked { id: RequestId(id), question: Question::Survey, arrived: time, not_before: time, deadline: Time(10) }
    }

    #[test]
    fn a_copy_gets_the_first_answer_and_an_old_one_none() {
        // L21
        let mut accepted = Accepted::default();
        let id = |incarnation, number| ForwardId { incarnation, number };
        let answer = AlterOutcome::Refused(AlterError::Changed);
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(1, 1)), Seen::Old, "an earlier life may have taken it");
        accepted.lead(Term(3));
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(1, 1)), Seen::New);
        accepted.remember(NodeId(2), id(1, 1), answer.clone());
        accepted.lead(Term(3));
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(1, 1)), Seen::Answered(answer.clone()));
        assert_eq!(accepted.look_up(Term(4), NodeId(2), id(1, 1)), Seen::Old);
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(2, 1)), Seen::New, "a new life counts anew");
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(1, 2)), Seen::Old);
        for number in 1..=ANSWERS_MAX as u64 + 5 {
            accepted.remember(NodeId(2), id(2, number), answer.clone());
        }
        assert_eq!(accepted.look_up(Term(3), NodeId(2), id(2, 5)), Seen::Old, "memory is bounded");
    }

    #[test]
    fn what_another_entry_replaced_is_lost() {
        let mut questions = Questions::default();
        for (id, index, term) in [(1, 5, 2), (2, 6, 2), (3, 7, 3)] {
            questions.log(Position::new(index, term), asked(id));
        }
        assert!(questions.take_lost(Position::new(4, 2)).is_empty());
        assert_eq!(questions.take_lost(Position::new(5, 1)), [asked(1)]);
        assert_eq!(questions.take_lost(Position::new(5, 3)), [asked(2)]);
        assert_eq!(questions.take_logged_upto(raft::Index(7)), [asked(3)]);
    }

    #[test]
    fn one_that_is_to_be_put_again_waits_its_time() {
        let mut questions = Questions::default();
        questions.queue(Asked { not_before: Time(5), ..asked(1) });
        questions.queue(asked(2));
        assert_eq!(questions.take_queued(Time(1)), Some(asked(2)));
        assert_eq!(questions.take_queued(Time(1)), None);
        assert!(questions.take_queued(Time(5)).is_some());
        questions.queue(asked(3));
        questions.forward(asked(4), NodeId(2), Term(1), Time(0));
        let (never_left, unknown) = questions.take_expired(Time(10), 100);
        assert_eq!((never_left, unknown, questions.len()), (vec![asked(3)], vec![asked(4)], 0));
    }
}
