//! Snapshots between members, but for the connection: which file is sent, where it goes on after a cut, who may bring one, and
//! how fast. Nothing here waits; a driver carries chunks and answers.
//!
//! A transfer is cut as often as connections are, so nothing that was received and checked is sent again: the receiver says what
//! it holds of the file that it is offered ([`Receiving`]), and the sender keeps a file open for as long as it is of use to
//! the peer, even if a newer one took its place on the disk ([`Sending`]); otherwise a busy leader with a bad line to a peer
//! would begin anew for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raft::{Index, NodeId, Position, Term};
use wal::Disk;
use wal::snapshot_file::{IncomingSnapshot, SnapshotBytes, SnapshotError, SnapshotId};

use crate::storeroom::{Storeroom, position};
use crate::turn::Time;

/// Transfers that a leader runs at once. Each reads its file and shares the line and the rate with the others, so more at once
/// bring nobody up earlier.
pub const SENDS_MAX: usize = 2;

/// The bytes of a file that is on its way to a peer.
pub type Outgoing<D> = Arc<SnapshotBytes<<D as Disk>::File>>;

/// Why no snapshot is sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// So many are on their way already.
    Busy,
    /// The own file can't be read. A newer one will take its place.
    File(SnapshotError),
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => write!(f, "{SENDS_MAX} snapshots are on their way to other members"),
            Self::File(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SendError {}

/// What a member sends.
pub struct Sending<D: Disk> {
    storeroom: Storeroom<D>,
    /// Files that were begun for a peer and did not arrive whole.
    kept: BTreeMap<NodeId, Outgoing<D>>,
    under_way: BTreeSet<NodeId>,
}

impl<D: Disk> Sending<D> {
    /// Of the files in this storeroom.
    pub fn new(storeroom: Storeroom<D>) -> Self {
        Self { storeroom, kept: BTreeMap::new(), under_way: BTreeSet::new() }
    }

    /// Begins or goes on: the file to be offered to this peer. `base` is where the leader's log begins: a snapshot before
    /// it would leave a hole behind it.
    ///
    /// # Errors
    /// [`SendError`]; then [`Sending::ended`] need not be called.
    pub fn begin(&mut self, to: NodeId, base: Index) -> Result<Outgoing<D>, SendError> {
        if self.under_way.len() >= SENDS_MAX || self.under_way.contains(&to) {
            return Err(SendError::Busy);
        }
        let kept = self.kept.get(&to).filter(|kept| kept.id().position.index >= base.0).cloned();
        let outgoing = match kept {
            Some(kept) => kept,
            None => Arc::new(self.storeroom.open_newest().map_err(SendError::File)?),
        };
        self.kept.insert(to, outgoing.clone());
        self.under_way.insert(to);
        Ok(outgoing)
    }

    /// The transfer to this peer ended. `keep`: it was cut, and may go on with the same file.
    pub fn ended(&mut self, to: NodeId, keep: bool) {
        self.under_way.remove(&to);
        if !keep {
            self.kept.remove(&to);
        }
    }

    /// This node leads no more: nothing is kept for anybody.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}

/// What a sender says of a snapshot before it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// It is sent by the leader of this term.
    pub term: Term,
    /// Which file.
    pub id: SnapshotId,
}

impl Offer {
    /// The last entry that it covers.
    #[must_use]
    pub fn position(&self) -> Position {
        position(self.id.position)
    }
}

/// Whom a receiver listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit(u64);

/// Why an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// Its sender led a term that is over (figure 13, step 1).
    OldTerm {
        /// The term that this member knows of.
        known: Term,
    },
    /// One from another leader is being received.
    Receiving {
        /// The term of that leader.
        term: Term,
    },
    /// One was received and is being built into a state machine.
    Building,
}

impl std::fmt::Display for NotNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OldTerm { known } => write!(f, "its sender leads no more: {known} has begun"),
            Self::Receiving { term } => write!(f, "a snapshot of the leader of {term} is being received"),
            Self::Building => write!(f, "a snapshot was received and is being installed"),
        }
    }
}

/// What a member receives: one snapshot at a time, of the newest leader. A connection that is newer of the same leader, or of one of
/// a later term, takes the place of the one before, which may be long dead without a sign.
pub struct Receiving<D: Disk> {
    /// What came of a snapshot before its connection ended.
    parked: Option<IncomingSnapshot<D>>,
    present: Option<(Visit, NodeId, Term)>,
    building: bool,
    visits: u64,
}

impl<D: Disk> Default for Receiving<D> {
    fn default() -> Self {
        Self { parked: None, present: None, building: false, visits: 0 }
    }
}

impl<D: Disk> Receiving<D> {
    /// Lets a sender in that leads `term`, as the only one from now on; `known` is this member's own term. Consensus would refuse
    /// what comes of an older one anyway, but only when all of it is here.
    ///
    /// # Errors
    /// [`NotNow`]: it may come again.
    pub fn enter(&mut self, from: NodeId, term: Term, known: Term) -> Result<Visit, NotNow> {
        if term < known {
            return Err(NotNow::OldTerm { known });
        }
        if self.building {
            return Err(NotNow::Building);
        }
        if let Some((_, other, present)) = self.present
            && (term < present || term == present && other != from)
        {
            return Err(NotNow::Receiving { term: present });
        }
        self.visits += 1;
        self.present = Some((Visit(self.visits), from, term));
        Ok(Visit(self.visits))
    }

    /// Whether this one is still let in: ask before each chunk is taken.
    #[must_use]
    pub fn is_present(&self, visit: Visit) -> bool {
        self.present.is_some_and(|(present, _, _)| present == visit)
    }

    /// What is here of a snapshot, for [`Storeroom::receive`].
    pub fn take_parked(&mut self) -> Option<IncomingSnapshot<D>> {
        self.parked.take()
    }

    /// The whole file is here: nobody takes this one's place any more. Says whether nobody has.
    pub fn build(&mut self, visit: Visit) -> bool {
        self.building |= self.is_present(visit);
        self.is_present(visit)
    }

    /// This visit is over. What it leaves may be gone on with.
    pub fn leave(&mut self, visit: Visit, left: Option<IncomingSnapshot<D>>) {
        if left.is_some() {
            self.parked = left;
        }
        if self.is_present(visit) {
            (self.present, self.building) = (None, false);
        }
    }
}

/// How fast snapshots leave a member, all together: while others use the line, no faster than a rate; otherwise as fast as it goes.
///
/// Appends share the line and the receiver's disk with a transfer. A rate that leaves room for them would make a member of an idle
/// cluster wait for nothing, so the driver says whether there is anybody to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    bytes_per_second: u64,
    /// All that left so far is paid for by then.
    paid_until: Time,
}

/// Unused time is not saved up for longer than this, in microseconds.
const SAVED_MAX: u64 = 20_000;

impl Pace {
    /// A rate; 0 is no bound.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, paid_until: Time::default() }
    }

    /// So many bytes are to leave: how long to wait before, in microseconds.
    pub fn wait(&mut self, now: Time, bytes: u64, busy: bool) -> u64 {
        if self.bytes_per_second == 0 || !busy {
            self.paid_until = now;
            return 0;
        }
        let begun = self.paid_until.max(Time(now.0.saturating_sub(SAVED_MAX)));
        self.paid_until = begun.after(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        begun.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wal::memory_disk::MemoryDisk;

    #[test]
    fn a_newer_connection_takes_the_place_of_a_dead_one_and_an_older_leader_does_not() {
        // S17
        let (one, two) = (NodeId(1), NodeId(2));
        let mut receiving = Receiving::<MemoryDisk>::default();
        let first = receiving.enter(one, Term(3), Term(2)).unwrap();
        let again = receiving.enter(one, Term(3), Term(2)).unwrap();
        assert!(!receiving.is_present(first) && receiving.is_present(again));
        assert_eq!(receiving.enter(two, Term(2), Term(2)), Err(NotNow::Receiving { term: Term(3) }));
        assert_eq!(
            receiving.enter(two, Term(3), Term(3)),
            Err(NotNow::Receiving { term: Term(3) }),
            "one leads a term"
        );
        let newer = receiving.enter(two, Term(4), Term(3)).unwrap();
        receiving.leave(again, None);
        assert!(receiving.is_present(newer), "who was replaced takes nobody along");
        assert!(receiving.build(newer) && !receiving.build(first));
        assert_eq!(receiving.enter(two, Term(5), Term(5)), Err(NotNow::Building));
        receiving.leave(newer, None);
        assert!(receiving.enter(one, Term(4), Term(4)).is_ok());
    }

    #[test]
    fn who_led_an_older_term_is_refused_before_anything_is_sent() {
        // S17, figure 13, step 1
        let mut receiving = Receiving::<MemoryDisk>::default();
        let present = receiving.enter(NodeId(1), Term(4), Term(4)).unwrap();
        let refused = receiving.enter(NodeId(2), Term(4), Term(5));
        assert_eq!(refused, Err(NotNow::OldTerm { known: Term(5) }));
        assert!(receiving.is_present(present), "whoever was let in before goes on: consensus judges what comes of it");
        assert!(receiving.enter(NodeId(2), Term(5), Term(5)).is_ok());
    }

    #[test]
    fn the_rate_is_kept_while_others_are_there_and_not_otherwise() {
        let mut pace = Pace::new(1_000_000);
        let (mut now, mut waited) = (Time(5_000_000), 0);
        for _ in 0..100 {
            let wait = pace.wait(now, 10_000, true);
            (now, waited) = (now.after(wait), waited + wait);
        }
        assert!((960_000..=1_000_000).contains(&waited), "a megabyte takes a second: {waited}");
        assert_eq!(pace.wait(now, 1 << 30, false), 0);
        assert!(pace.wait(now.after(1), 10_000, true) < 20_000, "what left free of charge is not paid later");
        assert_eq!(Pace::new(0).wait(now, 1 << 30, true), 0);
    }
}
