//! What this node has asked to be written and what of it is durable. At most one write is under way; what changes meanwhile
//! is the next one. This room knows nothing of disks: it deals in tickets.

use crate::config::Limits;
use crate::log::Log;
use crate::output::{BaseChange, HardState, Ticket, Write};
use crate::types::{Index, Position};

/// The state of the disk, as far as it was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Persistence {
    last_ticket: u64,
    in_flight: Option<InFlight>,
    /// The log up to here is on the disk as it is in memory.
    durable: Index,
    /// The first entry that no write was given yet.
    unwritten: Index,
    /// Term or vote changed since the last write was made.
    hard_state_dirty: bool,
    /// The commit index of the last write. It never falls, not even when a snapshot replaces the log.
    commit_written: Index,
    /// To be told to the disk with the next write.
    truncate: Option<Index>,
    base: Option<BaseChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct InFlight {
    ticket: Ticket,
    /// When it is done, the log is durable up to here. A truncation meanwhile lowers it (L4).
    upto: Index,
    hard_state: bool,
    reset: bool,
}

impl Persistence {
    /// After a start: everything up to `last` was read back and is durable, with `commit` as the commit index.
    pub(crate) fn new(last: Index, commit: Index) -> Self {
        Self {
            last_ticket: 0,
            in_flight: None,
            durable: last,
            unwritten: last.next(),
            hard_state_dirty: false,
            commit_written: commit,
            truncate: None,
            base: None,
        }
    }

    /// Only the ticket of the write under way can come back: it is the first.
    pub(crate) fn relabelled(&self) -> Self {
        let in_flight = self.in_flight.map(|write| InFlight { ticket: Ticket(1), ..write });
        Self { last_ticket: u64::from(in_flight.is_some()), in_flight, ..self.clone() }
    }

    /// The log up to here would survive a crash now, as it is in memory.
    #[must_use]
    pub fn durable(&self) -> Index {
        self.durable
    }

    /// The write that is under way.
    #[must_use]
    pub fn in_flight(&self) -> Option<Ticket> {
        self.in_flight.map(|write| write.ticket)
    }

    /// Term and vote as they are in memory would survive a crash now.
    #[must_use]
    pub fn hard_state_durable(&self) -> bool {
        !self.hard_state_dirty && self.in_flight.is_none_or(|write| !write.hard_state)
    }

    /// No reset of the log is waiting for the disk.
    pub(crate) fn reset_durable(&self) -> bool {
        !matches!(self.base, Some(BaseChange::Reset(_))) && self.in_flight.is_none_or(|write| !write.reset)
    }

    pub(crate) fn hard_state_changed(&mut self) {
        self.hard_state_dirty = true;
    }

    /// Entries from `first` on were deleted in memory: at once they are durable no more, whatever an earlier ticket says.
    pub(crate) fn truncated(&mut self, first: Index) {
        let keep = first.previous();
        self.durable = self.durable.min(keep);
        if let Some(write) = &mut self.in_flight {
            write.upto = write.upto.min(keep);
        }
        if self.unwritten > first {
            self.unwritten = first;
            self.truncate = Some(self.truncate.map_or(first, |earlier| earlier.min(first)));
        }
    }

    /// The log's beginning was replaced by a durable snapshot.
    pub(crate) fn compacted(&mut self, base: Position) {
        if !matches!(self.base, Some(BaseChange::Reset(_))) {
            self.base = Some(BaseChange::Compact(base));
        }
    }

    /// The whole log was replaced by a durable snapshot. Nothing counts as durable until the disk was told.
    pub(crate) fn reset(&mut self, base: Position) {
        self.durable = Index::ZERO;
        self.unwritten = base.index.next();
        self.truncate = None;
        self.base = Some(BaseChange::Reset(base));
        if let Some(write) = &mut self.in_flight {
            write.upto = Index::ZERO;
        }
    }

    /// The next write, if there is something to write and none under way.
    pub(crate) fn take_write(&mut self, log: &Log, hard_state: HardState, limits: &Limits) -> Option<Write> {
        let idle = !self.hard_state_dirty && self.truncate.is_none() && self.base.is_none();
        if self.in_flight.is_some() || (idle && self.unwritten > log.last().index) {
            return None;
        }
        let entries = log.run(self.unwritten, log.last().index, limits.write_bytes_max);
        let upto = entries.last().map_or(self.unwritten.previous(), crate::Entry::index);
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let base = self.base.take();
        let reset = matches!(base, Some(BaseChange::Reset(_)));
        self.in_flight = Some(InFlight { ticket, upto, hard_state: self.hard_state_dirty, reset });
        self.hard_state_dirty = false;
        self.commit_written = self.commit_written.max(hard_state.commit);
        let hard_state = HardState { commit: self.commit_written, ..hard_state };
        self.unwritten = upto.next();
        Some(Write { ticket, hard_state, base, truncate: self.truncate.take(), entries })
    }

    /// The write is durable. An old, repeated or unknown ticket changes nothing; says whether this one did.
    pub(crate) fn written(&mut self, ticket: Ticket) -> bool {
        match self.in_flight {
            Some(write) if write.ticket == ticket => {
                self.durable = self.durable.max(write.upto);
                self.in_flight = None;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::entry::{Entry, EntryKind, Header};

    fn append(log: &mut Log, count: u64, term: u64) {
        for _ in 0..count {
            let index = log.last().index.next();
            log.append(Entry::new(Position::new(index.0, term), EntryKind::Command, Header::default(), b"x"));
        }
    }

    fn take(persistence: &mut Persistence, log: &Log) -> Option<Write> {
        persistence.take_write(log, HardState::default(), &Config::default().limits)
    }

    #[test]
    fn a_completion_does_not_confirm_what_was_truncated_and_written_anew_meanwhile() {
        // L4, D17
        let mut log = Log::new(Position::ZERO);
        let mut persistence = Persistence::new(Index::ZERO, Index::ZERO);
        append(&mut log, 3, 1);
        let first = take(&mut persistence, &log).unwrap();
        log.truncate(Index(2));
        persistence.truncated(Index(2));
        append(&mut log, 2, 2);
        assert!(persistence.written(first.ticket));
        assert_eq!(persistence.durable(), Index(1));
        let second = take(&mut persistence, &log).unwrap();
        assert_eq!((second.truncate, second.entries.len()), (Some(Index(2)), 2));
        assert!(!persistence.written(first.ticket), "an old ticket says nothing");
        assert_eq!(persistence.durable(), Index(1));
        assert!(persistence.written(second.ticket));
        assert_eq!(persistence.durable(), Index(3));
    }

    #[test]
    fn one_write_is_under_way_and_what_arrives_meanwhile_is_the_next() {
        let mut log = Log::new(Position::ZERO);
        let mut persistence = Persistence::new(Index::ZERO, Index::ZERO);
        assert_eq!(take(&mut persistence, &log), None);
        append(&mut log, 1, 1);
        let first = take(&mut persistence, &log).unwrap();
        append(&mut log, 5, 1);
        assert_eq!(take(&mut persistence, &log), None);
        assert!(!persistence.written(Ticket(99)), "an unknown ticket says nothing");
        assert!(persistence.written(first.ticket));
        assert_eq!(take(&mut persistence, &log).unwrap().entries.len(), 5);
    }

    #[test]
    fn what_was_never_given_to_a_write_needs_no_truncation_record() {
        let mut log = Log::new(Position::ZERO);
        let mut persistence = Persistence::new(Index::ZERO, Index::ZERO);
        append(&mut log, 3, 1);
        log.truncate(Index(2));
        persistence.truncated(Index(2));
        let write = take(&mut persistence, &log).unwrap();
        assert_eq!((write.truncate, write.entries.len()), (None, 1));
        assert!(persistence.written(write.ticket));
        append(&mut log, 2, 1);
        log.truncate(Index(2));
        persistence.truncated(Index(2));
        assert_eq!(take(&mut persistence, &log), None, "the disk has nothing behind the first entry");
    }

    #[test]
    fn only_the_number_of_tickets_is_relabelled() {
        let write_term = |times| {
            let mut persistence = Persistence::new(Index::ZERO, Index::ZERO);
            for _ in 0..times {
                persistence.hard_state_changed();
                let write = take(&mut persistence, &Log::new(Position::ZERO)).unwrap();
                assert!(persistence.written(write.ticket));
            }
            persistence.hard_state_changed();
            let under_way = take(&mut persistence, &Log::new(Position::ZERO)).unwrap().ticket;
            (persistence, under_way)
        };
        let ((few, _), (mut many, under_way)) = (write_term(0), write_term(3));
        assert_ne!(few, many);
        assert_eq!(few.relabelled(), many.relabelled());
        assert_eq!(few.relabelled(), few, "the first write has the first ticket");
        assert!(many.written(under_way));
        assert_ne!(few.relabelled(), many.relabelled(), "a write that is done is not one under way");
        let fresh = Persistence::new(Index::ZERO, Index::ZERO);
        assert_eq!(many.relabelled(), fresh);
    }

    #[test]
    fn the_commit_index_on_disk_does_not_fall_when_a_snapshot_replaces_the_log() {
        let mut log = Log::new(Position::ZERO);
        let mut persistence = Persistence::new(Index::ZERO, Index(2));
        append(&mut log, 3, 1);
        let commit = |index| HardState { commit: Index(index), ..HardState::default() };
        let limits = Config::default().limits;
        let first = persistence.take_write(&log, commit(3), &limits).unwrap();
        assert_eq!(first.hard_state.commit, Index(3));
        assert!(persistence.written(first.ticket));
        persistence.reset(Position::new(9, 2));
        let reset = persistence.take_write(&Log::new(Position::new(9, 2)), commit(0), &limits).unwrap();
        assert_eq!((reset.hard_state.commit, reset.base), (Index(3), Some(BaseChange::Reset(Position::new(9, 2)))));
    }
}
