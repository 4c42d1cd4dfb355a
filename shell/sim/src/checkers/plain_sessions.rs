//! Sessions said as simply as they can be: a list, looked through from its beginning for each entry. Entries go in when the first
//! member has applied them, and what should have become of each command is compared with what did: applied at its place, or not
//! at all. Members that all do the same wrong are found here.

use bytes::{Buf, Bytes};
use raft::{Entry, EntryKind, Index, Position, View};

use super::sequence::Sequence;
use super::{Checked, Failure};

/// The index of the entry that opened it, and the word that it said.
type Id = (u64, u64);

#[derive(Debug)]
struct Plain {
    id: Id,
    ttl: u64,
    heard: u64,
    acknowledged: u64,
    /// Sequences that took effect and are not acknowledged, with what their results count.
    done: Vec<(u64, u64)>,
}

impl Plain {
    fn ends(&self) -> u64 {
        self.heard.saturating_add(self.ttl)
    }

    fn bytes(&self) -> u64 {
        self.done.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// What each result counts besides its bytes.
const OVERHEAD: u64 = 64;

#[derive(Debug, Default)]
pub(crate) struct PlainSessions {
    list: Vec<Plain>,
    /// Sessions, results of one, bytes of one, bytes of all, time to live: at most.
    limits: [u64; 5],
    /// The last entry that was looked at.
    index: Index,
    /// An entry could not be looked at: from there on nothing is known.
    lost: bool,
}

impl PlainSessions {
    /// A member has applied what it says.
    pub(crate) fn observe(&mut self, view: View<'_>, sequence: &Sequence) -> Checked {
        while self.index < view.applied() && !self.lost {
            let next = self.index.next();
            let Some(entry) = view.log().entry(next) else {
                self.lost = true;
                return Ok(());
            };
            self.index = next;
            self.entry(entry, sequence)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, sequence: &Sequence) -> Checked {
        let (header, mut payload) = (entry.header(), entry.payload());
        self.list.retain(|session| session.ends() > header.time);
        match entry.kind() {
            EntryKind::Session => {
                self.act(header.session, header.time, entry.index(), payload);
                Ok(())
            }
            EntryKind::Command if header.session > 0 => {
                let word = payload.try_get_u64_le().unwrap_or(0);
                let acknowledged = payload.try_get_u64_le().unwrap_or(0);
                let command = ((header.session, word), header.sequence);
                let first = self.is_first(command, acknowledged, header.time);
                self.compare(entry.position(), command, first, sequence)
            }
            EntryKind::Command | EntryKind::Noop | EntryKind::Configuration => Ok(()),
        }
    }

    fn act(&mut self, session: u64, time: u64, index: Index, mut payload: Bytes) {
        let number = |payload: &mut Bytes| payload.try_get_u64_le().unwrap_or(0);
        let (kind, word) = (payload.try_get_u8(), number(&mut payload));
        let session = (session, word);
        match kind {
            Ok(0) => {
                let ttl = number(&mut payload);
                self.limits = std::array::from_fn(|_| number(&mut payload));
                while self.list.len() as u64 >= self.limits[0].max(1) {
                    self.end_first();
                }
                let ttl = ttl.min(self.limits[4]).max(1);
                self.list.push(Plain { id: (index.0, word), ttl, heard: time, acknowledged: 0, done: Vec::new() });
                self.make_room();
            }
            Ok(1) => self.list.iter_mut().filter(|one| one.id == session).for_each(|one| one.heard = time),
            Ok(2) => self.list.retain(|one| one.id != session),
            _ => {}
        }
    }

    /// Whether the command is to take effect.
    fn is_first(&mut self, (session, sequence): (Id, u64), acknowledged: u64, time: u64) -> bool {
        let [_, outstanding_max, bytes_max, ..] = self.limits;
        let Some(one) = self.list.iter_mut().find(|one| one.id == session) else { return false };
        one.heard = time;
        one.acknowledged = one.acknowledged.max(acknowledged);
        one.done.retain(|(done, _)| *done > one.acknowledged);
        let is_new = sequence > one.acknowledged && one.done.iter().all(|(done, _)| *done != sequence);
        is_new && (one.done.len() as u64) < outstanding_max.max(1) && one.bytes() < bytes_max
    }

    /// What should have become of a command is what did.
    fn compare(&mut self, at: Position, command: (Id, u64), first: bool, sequence: &Sequence) -> Checked {
        let (session, number) = command;
        let result = sequence.place_of(at).and_then(|place| sequence.result_at(place));
        match (first, result) {
            (true, Some((result, _))) => {
                let bytes = result.len() as u64 + OVERHEAD;
                self.list.iter_mut().filter(|one| one.id == session).for_each(|one| one.done.push((number, bytes)));
                self.make_room();
                Ok(())
            }
            (false, None) => Ok(()),
            (true, None) => self.fail(at, command, "is the first copy, and has no effect"),
            (false, Some(_)) => self.fail(at, command, "takes effect, and should not"),
        }
    }

    fn fail(&self, at: Position, (session, number): (Id, u64), what: &str) -> Checked {
        let known = self.list.iter().find(|one| one.id == session);
        let what = format!("command {number} of session {session:?} at {at} {what}: {known:?}");
        Err(Failure::new("sessions", what))
    }

    fn end_first(&mut self) {
        let first = self.list.iter().map(|one| (one.ends(), one.id)).min();
        self.list.retain(|one| Some((one.ends(), one.id)) != first);
    }

    fn make_room(&mut self) {
        while self.list.iter().map(Plain::bytes).sum::<u64>() > self.limits[3] {
            self.end_first();
        }
    }
}
