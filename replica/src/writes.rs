//! Writes of local clients on their way: waiting for a leader, passed to one, or in the log and waiting to be applied. Each
//! is answered exactly once. This room keeps them; what happens to them is decided in `replica.rs`.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft::{Index, NodeId, Position, Term};

use crate::sessions::SessionPart;
use crate::turn::{RequestId, Time};

/// A local client's command and who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) id: RequestId,
    pub(crate) command: Bytes,
    pub(crate) essential: bool,
    pub(crate) session: SessionPart,
    /// An earlier copy may stand in a log: until this one is answered nobody knows whether it takes effect.
    pub(crate) taken: bool,
    pub(crate) arrived: Time,
    pub(crate) deadline: Time,
}

/// A write that was passed to a leader and has not been answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) write: Write,
    pub(crate) leader: NodeId,
    pub(crate) term: Term,
    pub(crate) sent: Time,
    /// Another leads since then, as far as is known here. Whom it was given to may still say what became of it.
    pub(crate) doubtful: Option<Time>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    /// No leader is known.
    queued: VecDeque<Write>,
    /// By number, which rises.
    forwarded: BTreeMap<u64, Forwarded>,
    /// In a leader's log (our own or another's) at a position; copies of one command may wait for the first.
    logged: BTreeMap<(Index, Term), Vec<Write>>,
    logged_count: usize,
    bytes: u64,
    next_number: u64,
    /// The term of the last entry applied.
    applied_term: Term,
}

/// What a committed entry means for the writes that wait at its index or behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// It is these writes': more than one only where they are copies of each other.
    pub(crate) done: Vec<Write>,
    /// These can never be committed: another entry took their place.
    pub(crate) lost: Vec<Write>,
}

impl Writes {
    /// Bytes of commands that wait here.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.forwarded.len() + self.logged_count
    }

    pub(crate) fn queue(&mut self, write: Write) {
        self.bytes += write.command.len() as u64;
        self.queued.push_back(write);
    }

    pub(crate) fn take_queued(&mut self) -> Option<Write> {
        let write = self.queued.pop_front()?;
        self.bytes -= write.command.len() as u64;
        Some(write)
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// The write leaves for `leader`. Says under which number.
    pub(crate) fn forward(&mut self, write: Write, leader: NodeId, term: Term, now: Time) -> u64 {
        self.bytes += write.command.len() as u64;
        self.next_number += 1;
        self.forwarded.insert(self.next_number, Forwarded { write, leader, term, sent: now, doubtful: None });
        self.next_number
    }

    /// The lowest number that is not answered: all below are.
    pub(crate) fn floor(&self) -> u64 {
        self.forwarded.first_key_value().map_or(self.next_number + 1, |(number, _)| *number)
    }

    /// Answers of leaders are waited for.
    pub(crate) fn has_forwarded(&self) -> bool {
        !self.forwarded.is_empty()
    }

    /// The answer to `number` came, from whom it was sent to.
    pub(crate) fn take_forwarded(&mut self, number: u64, leader: NodeId, term: Term) -> Option<Write> {
        self.forwarded.get(&number).filter(|forwarded| (forwarded.leader, forwarded.term) == (leader, term))?;
        let forwarded = self.forwarded.remove(&number)?;
        self.bytes -= forwarded.write.command.len() as u64;
        Some(forwarded.write)
    }

    /// Forwarded writes, to be sent again where no answer came.
    pub(crate) fn forwarded_mut(&mut self) -> impl Iterator<Item = (u64, &mut Forwarded)> {
        self.forwarded.iter_mut().map(|(number, forwarded)| (*number, forwarded))
    }

    /// Since `now` another than the leader that these were given to is known to lead `term`. Their answers may be on their way, so
    /// they are doubtful from now on. Gives back those that are not worth waiting for: nobody will answer them, since who leads
    /// again has forgotten its earlier terms; or they can be tried again without harm.
    pub(crate) fn doubt(&mut self, term: Term, leader: NodeId, now: Time) -> Vec<Write> {
        let gone = self
            .take_forwarded_if(|one| one.term < term && (one.leader == leader || one.write.session.is_repeatable()));
        for one in self.forwarded.values_mut().filter(|one| one.term < term) {
            one.doubtful.get_or_insert(now);
        }
        gone
    }

    /// Those that are doubtful since then, and meant: who knew what became of them does not answer.
    pub(crate) fn take_doubtful(&mut self, meant: impl Fn(NodeId, Time) -> bool) -> Vec<Write> {
        self.take_forwarded_if(|one| one.doubtful.is_some_and(|since| meant(one.leader, since)))
    }

    fn take_forwarded_if(&mut self, meant: impl Fn(&Forwarded) -> bool) -> Vec<Write> {
        let gone = self.forwarded.extract_if(.., |_, forwarded| meant(forwarded));
        let gone: Vec<Write> = gone.map(|(_, forwarded)| forwarded.write).collect();
        self.bytes -= gone.iter().map(|write| write.command.len() as u64).sum::<u64>();
        gone
    }

    /// What stands at `position`, which is not applied yet, can never be committed: terms never fall along a log, and an entry of
    /// a later term is applied before it.
    pub(crate) fn is_lost(&self, position: Position) -> bool {
        position.term < self.applied_term
    }

    pub(crate) fn log(&mut self, position: Position, write: Write) {
        self.bytes += write.command.len() as u64;
        self.logged_count += 1;
        self.logged.entry((position.index, position.term)).or_default().push(write);
    }

    /// The entry at `position` is committed and applied.
    pub(crate) fn applied(&mut self, position: Position) -> Resolved {
        let done = self.logged.remove(&(position.index, position.term)).unwrap_or_default();
        let mut resolved = Resolved { done, lost: Vec::new() };
        // Another entry stands where these were, whatever its term (an older one can be committed in place of a newer).
        let here = self.logged.extract_if(..=(position.index, Term(u64::MAX)), |_, _| true);
        resolved.lost.extend(here.flat_map(|(_, writes)| writes));
        if position.term > self.applied_term {
            // Terms never fall along a log: what was proposed under an older one and stands behind this entry can never be
            // committed.
            self.applied_term = position.term;
            let behind = self.logged.extract_if(.., |at, _| at.1 < position.term);
            resolved.lost.extend(behind.flat_map(|(_, writes)| writes));
        }
        self.logged_count -= resolved.done.len() + resolved.lost.len();
        let gone = resolved.done.iter().chain(&resolved.lost);
        self.bytes -= gone.map(|write| write.command.len() as u64).sum::<u64>();
        resolved
    }

    /// A snapshot took the place of the log up to `index`: what the writes there were answered can't be known any more.
    pub(crate) fn take_logged_upto(&mut self, index: Index) -> Vec<Write> {
        let gone = self.logged.extract_if(..=(index, Term(u64::MAX)), |_, _| true);
        let gone: Vec<Write> = gone.flat_map(|(_, writes)| writes).collect();
        self.logged_count -= gone.len();
        self.bytes -= gone.iter().map(|write| write.command.len() as u64).sum::<u64>();
        gone
    }

    /// Writes whose time is over, with whether they may still take effect: those that never left can't.
    pub(crate) fn take_expired(&mut self, now: Time, no_leader_after: u64) -> (Vec<Write>, Vec<(Write, Term)>) {
        let waited = |write: &Write| write.deadline <= now || now.since(write.arrived) >= no_leader_after;
        let (queued, kept) = std::mem::take(&mut self.queued).into_iter().partition::<VecDeque<_>, _>(waited);
        self.queued = kept;
        let late = |write: &Write| write.deadline <= now;
        let forwarded = self.forwarded.extract_if(.., |_, forwarded| late(&forwarded.write));
        let mut unknown: Vec<(Write, Term)> = forwarded.map(|(_, one)| (one.write, one.term)).collect();
        for ((_, term), writes) in &mut self.logged {
            unknown.extend(writes.extract_if(.., |write| late(write)).map(|write| (write, *term)));
        }
        self.logged.retain(|_, writes| !writes.is_empty());
        self.logged_count = self.logged.values().map(Vec::len).sum();
        let gone = queued.iter().chain(unknown.iter().map(|(write, _)| write));
        self.bytes -= gone.map(|write| write.command.len() as u64).sum::<u64>();
        (queued.into(), unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(id: u64) -> Write {
        let command = Bytes::from_static(b"abc");
        let (session, taken) = (SessionPart::None, false);
        Write { id: RequestId(id), command, essential: false, session, taken, arrived: Time(0), deadline: Time(10) }
    }

    #[test]
    fn an_entry_of_a_newer_term_tells_that_older_ones_behind_it_are_lost() {
        // L18
        let mut writes = Writes::default();
        writes.log(Position::new(5, 1), write(1));
        writes.log(Position::new(6, 1), write(2));
        writes.log(Position::new(7, 2), write(3));
        assert_eq!(writes.applied(Position::new(4, 1)), Resolved::default());
        let resolved = writes.applied(Position::new(5, 2));
        assert_eq!(resolved.done, []);
        assert_eq!(resolved.lost, [write(1), write(2)]);
        assert_eq!(writes.applied(Position::new(7, 2)).done, [write(3)]);
        assert_eq!((writes.bytes(), writes.len()), (0, 0));
    }

    #[test]
    fn an_entry_of_an_older_term_in_its_place_tells_that_a_write_is_lost() {
        // L18: a leader of t2 took the write for 5@2 and went away; that of t3 has 5@1, and commits it with its own 6@3.
        let mut writes = Writes::default();
        writes.applied(Position::new(4, 1));
        writes.log(Position::new(5, 2), write(1));
        assert_eq!(writes.applied(Position::new(5, 1)).lost, [write(1)]);
        assert_eq!((writes.bytes(), writes.len()), (0, 0));
    }

    #[test]
    fn copies_of_one_command_wait_for_one_entry() {
        // A30
        let mut writes = Writes::default();
        writes.log(Position::new(5, 1), write(1));
        writes.log(Position::new(5, 1), write(2));
        assert_eq!(writes.len(), 2);
        assert_eq!(writes.applied(Position::new(5, 1)).done, [write(1), write(2)]);
        assert_eq!((writes.bytes(), writes.len()), (0, 0));
        writes.log(Position::new(6, 1), Write { deadline: Time(20), ..write(3) });
        writes.log(Position::new(6, 1), write(4));
        assert_eq!(writes.take_expired(Time(10), 100).1, [(write(4), Term(1))]);
        assert_eq!(writes.len(), 1);
        assert_eq!(writes.take_logged_upto(Index(6)).len(), 1);
        assert_eq!((writes.bytes(), writes.len()), (0, 0));
    }

    #[test]
    fn an_answer_counts_only_from_whom_the_write_was_sent_to() {
        let mut writes = Writes::default();
        let number = writes.forward(write(1), NodeId(2), Term(4), Time(0));
        assert_eq!(writes.take_forwarded(number, NodeId(3), Term(4)), None);
        assert_eq!(writes.take_forwarded(number, NodeId(2), Term(5)), None);
        assert_eq!(writes.take_forwarded(number, NodeId(2), Term(4)), Some(write(1)));
        assert!(!writes.has_forwarded());
    }

    #[test]
    fn answers_on_their_way_are_waited_for_when_another_leads() {
        // L21
        let mut writes = Writes::default();
        let named = SessionPart::Act(crate::sessions::SessionAct::Close(crate::SessionId { index: 9, word: 9 }));
        let number = writes.forward(write(1), NodeId(2), Term(4), Time(0));
        writes.forward(write(2), NodeId(3), Term(4), Time(0));
        writes.forward(Write { session: named, ..write(3) }, NodeId(2), Term(4), Time(0));
        let again = writes.doubt(Term(5), NodeId(3), Time(1));
        assert_eq!(again.iter().map(|write| write.id.0).collect::<Vec<_>>(), [2, 3], "it leads again; no harm done");
        assert_eq!(writes.doubt(Term(6), NodeId(1), Time(3)), []);
        assert_eq!(writes.take_doubtful(|_, since| since < Time(1)), []);
        assert_eq!(writes.take_doubtful(|leader, _| leader == NodeId(3)), []);
        assert_eq!(writes.take_forwarded(number, NodeId(2), Term(4)), Some(write(1)));
        writes.forward(write(4), NodeId(2), Term(6), Time(3));
        writes.doubt(Term(7), NodeId(1), Time(4));
        assert_eq!(writes.doubt(Term(8), NodeId(3), Time(9)), [], "it is as old as the first doubt");
        assert_eq!(writes.take_doubtful(|leader, since| (leader, since) == (NodeId(2), Time(4))), [write(4)]);
        assert_eq!((writes.bytes(), writes.len()), (0, 0));
    }

    #[test]
    fn time_over_says_what_never_left_and_what_is_unknown() {
        let mut writes = Writes::default();
        writes.queue(write(1));
        writes.forward(write(2), NodeId(2), Term(1), Time(0));
        writes.log(Position::new(5, 1), write(3));
        let (never_left, unknown) = writes.take_expired(Time(9), 100);
        assert!(never_left.is_empty() && unknown.is_empty());
        let (never_left, unknown) = writes.take_expired(Time(10), 100);
        assert_eq!((never_left, unknown), (vec![write(1)], vec![(write(2), Term(1)), (write(3), Term(1))]));
        assert_eq!(writes.bytes(), 0);
    }
}
