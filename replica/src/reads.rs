//! Linearizable reads of local clients and of followers on their way: waiting for a leader, waiting for its read index,
//! waiting until the state machine here has applied it. This room keeps them; `replica.rs` decides.

use std::collections::{BTreeMap, VecDeque};

use raft::{Index, NodeId, ReadId, Term};

use crate::peer::ForwardId;
use crate::turn::{RequestId, Time};

/// A local client that waits to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) id: RequestId,
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

/// One question to a leader elsewhere, for all clients that waited when it was sent.
#[derive(Debug)]
struct Question {
    number: u64,
    term: Term,
    sent: Time,
    reads: Vec<Read>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    queued: VecDeque<Read>,
    question: Option<Question>,
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
            + self.question.as_ref().map_or(0, |question| question.reads.len())
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

    /// All that wait leave as one question for the leader of `term`, unless one is under way. Says under which number.
    pub(crate) fn question(&mut self, term: Term, now: Time) -> Option<u64> {
        if self.question.is_some() || self.queued.is_empty() {
            return None;
        }
        self.next_number += 1;
        let reads = self.take_queued();
        self.question = Some(Question { number: self.next_number, term, sent: now, reads });
        Some(self.next_number)
    }

    /// The question under way is of an earlier term, or no answer came for `patience`: its reads wait again.
    pub(crate) fn give_up(&mut self, term: Term, now: Time, patience: u64) {
        if let Some(question) =
            self.question.take_if(|question| question.term < term || now.since(question.sent) >= patience)
        {
            question.reads.into_iter().rev().for_each(|read| self.queued.push_front(read));
        }
    }

    /// The answer to question `number` came: its reads wait for `index`. One to an earlier question says nothing.
    pub(crate) fn answered(&mut self, number: u64, index: Index) {
        if let Some(question) = self.question.take_if(|question| question.number == number) {
            self.wait_for(index, question.reads);
        }
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
        if let Some(question) = &mut self.question {
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
        Read { id: RequestId(id), arrived: Time(0), deadline: Time(100) }
    }

    #[test]
    fn an_answer_to_an_earlier_question_serves_nobody() {
        // R13
        let mut reads = Reads::default();
        reads.queue(read(1));
        let first = reads.question(Term(1), Time(0)).unwrap();
        reads.give_up(Term(2), Time(1), 50);
        let second = reads.question(Term(2), Time(1)).unwrap();
        reads.answered(first, Index(3));
        assert_eq!(reads.take_ready(Index(9)), []);
        reads.answered(second, Index(5));
        assert_eq!(reads.take_ready(Index(4)), []);
        assert_eq!(reads.take_ready(Index(5)), [read(1)]);
        assert_eq!(reads.len(), 0);
    }

    #[test]
    fn all_clients_that_wait_are_counted_and_followers_are_not() {
        let mut reads = Reads::default();
        reads.ask(Asker::Local(vec![read(1), read(2), read(3)]));
        reads.ask(Asker::Peer(NodeId(2), ForwardId { incarnation: 1, number: 1 }));
        assert_eq!(reads.len(), 3);
    }

    #[test]
    fn a_read_that_comes_while_a_question_is_under_way_joins_the_next() {
        let mut reads = Reads::default();
        reads.queue(read(1));
        let first = reads.question(Term(1), Time(0)).unwrap();
        reads.queue(read(2));
        assert_eq!(reads.question(Term(1), Time(0)), None);
        reads.answered(first, Index(3));
        assert_eq!(reads.take_ready(Index(3)), [read(1)]);
        assert!(reads.question(Term(1), Time(0)).is_some());
    }
}
