//! Reads of local clients and of followers on their way: waiting for a leader, waiting for its read index, waiting until the state
//! machine here has applied it. This room keeps them; the rooms of `replica.rs` decide.

use std::collections::{BTreeMap, VecDeque};

use raft::{Index, NodeId, ReadId, Term};

use crate::peer::ForwardId;
use crate::turn::{ReadMode, RequestId, Time};

/// Questions to a leader elsewhere that may be under way at once.
const QUESTIONS_MAX: usize = 8;

/// A local client that waits to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) id: RequestId,
    pub(crate) mode: ReadMode,
    pub(crate) arrived: Time,
    pub(crate) deadline: Time,
}

/// On whose behalf consensus was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Clients here.
    Local(Vec<Read>),
    /// A follower.
    Peer(NodeId, ForwardId),
}

/// One question to a leader elsewhere, for all clients that waited when it was sent first. However often it is sent, each answer
/// to it was made after they came.
#[derive(Debug)]
struct Question {
    number: u64,
    term: Term,
    /// When it left first, if the clock that says so is trusted still.
    asked: Option<Time>,
    /// When it left last.
    sent: Time,
    reads: Vec<Read>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    queued: VecDeque<Read>,
    /// Under way, the oldest first.
    questions: VecDeque<Question>,
    asked: BTreeMap<ReadId, Asker>,
    /// By the index that must be applied.
    ready: BTreeMap<Index, Vec<Read>>,
    next_number: u64,
}

impl Reads {
    /// How many clients here wait.
    pub(crate) fn len(&self) -> usize {
        let local = |asker: &Asker| match asker {
            Asker::Local(reads) => reads.len(),
            Asker::Peer(..) => 0,
        };
        self.queued.len()
            + self.questions.iter().map(|question| question.reads.len()).sum::<usize>()
            + self.asked.values().map(local).sum::<usize>()
            + self.ready.values().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn queue(&mut self, read: Read) {
        self.queued.push_back(read);
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// All that wait, to be asked in one go.
    pub(crate) fn take_queued(&mut self) -> Vec<Read> {
        self.queued.drain(..).collect()
    }

    /// Those that wait and are meant, in their order.
    pub(crate) fn take_queued_if(&mut self, meant: impl Fn(&Read) -> bool) -> Vec<Read> {
        let (taken, left): (Vec<Read>, Vec<Read>) = self.queued.drain(..).partition(meant);
        self.queued = left.into();
        taken
    }

    /// Consensus here is asked. Says under which name.
    pub(crate) fn ask(&mut self, asker: Asker) -> ReadId {
        self.next_number += 1;
        let id = ReadId(self.next_number);
        self.asked.insert(id, asker);
        id
    }

    /// Consensus here answered, or refused.
    pub(crate) fn take_asked(&mut self, id: ReadId) -> Option<Asker> {
        self.asked.remove(&id)
    }

    /// This follower's question is known, and answered once.
    pub(crate) fn is_asked(&self, peer: NodeId, id: ForwardId) -> bool {
        self.asked.values().any(|asker| *asker == Asker::Peer(peer, id))
    }

    /// All that wait leave as one question for the leader of `term`. While others are under way that happens only once the newest
    /// of them is `pace` old, and never beyond a number of them. Says under which number.
    pub(crate) fn question(&mut self, term: Term, now: Time, pace: u64) -> Option<u64> {
        let soon = self.questions.back().is_some_and(|newest| now.since(newest.asked.unwrap_or(newest.sent)) < pace);
        if soon || self.questions.len() >= QUESTIONS_MAX || self.queued.is_empty() {
            return None;
        }
        self.next_number += 1;
        let (number, reads) = (self.next_number, self.take_queued());
        self.questions.push_back(Question { number, term, asked: Some(now), sent: now, reads });
        Some(number)
    }

    /// Questions of an earlier term: their reads wait again.
    pub(crate) fn give_up(&mut self, term: Term) {
        while let Some(question) = self.questions.pop_back_if(|question| question.term < term) {
            question.reads.into_iter().rev().for_each(|read| self.queued.push_front(read));
        }
    }

    /// Questions that nobody waits for are forgotten; the numbers of those that got no answer for `patience` are given back, to
    /// be sent once more: they may be lost, or just long on their way.
    pub(crate) fn unanswered(&mut self, now: Time, patience: u64) -> Vec<u64> {
        self.questions.retain(|question| !question.reads.is_empty());
        let late = self.questions.iter_mut().filter(|question| now.since(question.sent) >= patience);
        late.map(|question| {
            question.sent = now;
            question.number
        })
        .collect()
    }

    /// An answer to question `number` came: its reads wait for `index`. Gives the time at which the question left first, for the
    /// answer speaks of all that was acknowledged before. An answer to a question that is settled says nothing.
    pub(crate) fn answered(&mut self, number: u64, index: Index) -> Option<Time> {
        let at = self.questions.iter().position(|question| question.number == number)?;
        let question = self.questions.remove(at)?;
        self.wait_for(index, question.reads);
        question.asked
    }

    /// The clock by which the questions left can't be trusted.
    pub(crate) fn forget_times(&mut self) {
        self.questions.iter_mut().for_each(|question| question.asked = None);
    }

    /// These may be served once `index` is applied.
    pub(crate) fn wait_for(&mut self, index: Index, reads: Vec<Read>) {
        self.ready.entry(index).or_default().extend(reads);
    }

    /// Those that may be served now.
    pub(crate) fn take_ready(&mut self, applied: Index) -> Vec<Read> {
        let mut ready = Vec::new();
        while let Some(first) = self.ready.first_entry().filter(|first| *first.key() <= applied) {
            ready.extend(first.remove());
        }
        ready
    }

    /// Those whose time is over: first who still waited for a leader, then the others.
    pub(crate) fn take_expired(&mut self, now: Time, no_leader_after: u64) -> (Vec<Read>, Vec<Read>) {
        let late = |read: &mut Read| read.deadline <= now;
        let mut no_leader = Vec::new();
        self.queued.retain(|read| {
            let gone = read.deadline <= now || now.since(read.arrived) >= no_leader_after;
            no_leader.extend(gone.then_some(*read));
            !gone
        });
        let mut others = Vec::new();
        for question in &mut self.questions {
            others.extend(question.reads.extract_if(.., late));
        }
        for asker in self.asked.values_mut() {
            if let Asker::Local(reads) = asker {
                others.extend(reads.extract_if(.., late));
            }
        }
        for reads in self.ready.values_mut() {
            others.extend(reads.extract_if(.., late));
        }
        self.ready.retain(|_, reads| !reads.is_empty());
        (no_leader, others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: u64) -> Read {
        Read { id: RequestId(id), mode: ReadMode::Linearizable, arrived: Time(0), deadline: Time(100) }
    }

    /// A question for a read that came just before.
    fn question(reads: &mut Reads, id: u64, term: u64, now: u64) -> Option<u64> {
        reads.queue(read(id));
        reads.question(Term(term), Time(now), 50)
    }

    #[test]
    fn an_answer_to_a_question_of_an_earlier_term_serves_nobody() {
        // R13
        let mut reads = Reads::default();
        let first = question(&mut reads, 1, 1, 0).unwrap();
        reads.give_up(Term(2));
        let second = reads.question(Term(2), Time(1), 50).unwrap();
        assert_eq!(reads.answered(first, Index(3)), None);
        assert_eq!(reads.take_ready(Index(9)), []);
        assert_eq!(reads.answered(second, Index(5)), Some(Time(1)));
        assert_eq!(reads.take_ready(Index(4)), []);
        assert_eq!(reads.take_ready(Index(5)), [read(1)]);
        assert_eq!(reads.len(), 0);
    }

    #[test]
    fn a_late_answer_serves_whoever_waited_when_the_question_left_first() {
        let mut reads = Reads::default();
        let first = question(&mut reads, 1, 1, 0).unwrap();
        assert_eq!(reads.unanswered(Time(49), 50), []);
        assert_eq!(reads.unanswered(Time(50), 50), [first], "once more, under the same number");
        assert_eq!(reads.unanswered(Time(60), 50), []);
        let second = question(&mut reads, 2, 1, 60).unwrap();
        assert_eq!(reads.answered(first, Index(3)), Some(Time(0)));
        assert_eq!(reads.take_ready(Index(3)), [read(1)]);
        assert_eq!(reads.answered(first, Index(3)), None, "the answer to its copy");
        assert_eq!(reads.answered(second, Index(4)), Some(Time(60)));
        assert_eq!(reads.take_ready(Index(4)), [read(2)]);
    }

    #[test]
    fn questions_keep_a_pace_and_a_number() {
        let mut reads = Reads::default();
        assert!(question(&mut reads, 1, 1, 0).is_some());
        assert!(question(&mut reads, 2, 1, 49).is_none());
        for number in 1..QUESTIONS_MAX as u64 {
            assert!(question(&mut reads, 2 + number, 1, 50 * number).is_some());
        }
        assert!(question(&mut reads, 99, 1, 5000).is_none());
        assert_eq!(reads.len(), 2 + QUESTIONS_MAX);
        let (_, late) = reads.take_expired(Time(100), u64::MAX);
        assert_eq!(
            (late.len(), reads.unanswered(Time(5000), 50)),
            (1 + QUESTIONS_MAX, vec![]),
            "nobody waits for them"
        );
        assert!(question(&mut reads, 100, 1, 5000).is_some());
    }

    #[test]
    fn reads_that_are_given_back_keep_their_order() {
        let mut reads = Reads::default();
        (0..3).for_each(|number| assert!(question(&mut reads, number, 1, 50 * number).is_some()));
        reads.queue(read(3));
        reads.give_up(Term(2));
        assert_eq!(reads.take_queued(), [read(0), read(1), read(2), read(3)]);
    }

    #[test]
    fn when_a_question_left_is_not_known_by_a_clock_that_was_caught() {
        let mut reads = Reads::default();
        let number = question(&mut reads, 1, 1, 0).unwrap();
        reads.forget_times();
        assert_eq!(reads.answered(number, Index(3)), None);
        assert_eq!(reads.take_ready(Index(3)), [read(1)]);
    }

    #[test]
    fn all_clients_that_wait_are_counted_and_followers_are_not() {
        let mut reads = Reads::default();
        let id = ForwardId { incarnation: 1, number: 1 };
        reads.ask(Asker::Local(vec![read(1), read(2), read(3)]));
        reads.ask(Asker::Peer(NodeId(2), id));
        assert_eq!(reads.len(), 3);
        assert!(reads.is_asked(NodeId(2), id) && !reads.is_asked(NodeId(3), id));
    }

    #[test]
    fn a_read_that_comes_while_a_question_is_under_way_joins_the_next() {
        let mut reads = Reads::default();
        let first = question(&mut reads, 1, 1, 0).unwrap();
        assert_eq!(question(&mut reads, 2, 1, 0), None);
        reads.answered(first, Index(3));
        assert_eq!(reads.take_ready(Index(3)), [read(1)]);
        assert!(reads.question(Term(1), Time(0), 50).is_some());
    }
}
