//! The log's machine: carries out the writes of consensus, one at a time, on the log on disk. Write and sync are two calls,
//! so that a driver can let a crash fall between them.

use raft::{BaseChange, Ticket, Write};
use wal::{Base, Batch, Disk, Wal, WriteError};

/// The log on disk, as consensus writes it.
pub struct DurableLog<D: Disk> {
    wal: Wal<D>,
    ticket: Option<Ticket>,
    room: bool,
}

impl<D: Disk> DurableLog<D> {
    /// Over an open log.
    #[must_use]
    pub fn new(wal: Wal<D>) -> Self {
        Self { wal, ticket: None, room: true }
    }

    /// Writes; durable only after [`DurableLog::sync`]. Where there is no room for the next segment the one in reserve is
    /// taken, so that what consensus has begun can end; [`DurableLog::has_room`] says so, and proposals are refused then.
    ///
    /// # Errors
    /// `NoRoom`: not even the reserve is left; the same write is to be tried again. All others are final: this node must
    /// stop.
    pub fn write(&mut self, write: &Write) -> Result<(), WriteError> {
        let mut batch = batch(write);
        let mut result = self.wal.write(&batch);
        if result == Err(WriteError::NoRoom) {
            self.room = false;
            batch.essential = true;
            result = self.wal.write(&batch);
        }
        result?;
        self.ticket = Some(write.ticket);
        Ok(())
    }

    /// Makes what was written durable and says which write that was.
    ///
    /// # Errors
    /// Final: this node must stop.
    pub fn sync(&mut self) -> Result<Option<Ticket>, WriteError> {
        self.wal.sync()?;
        self.look_for_room();
        Ok(self.ticket.take())
    }

    /// There is room for the log to grow.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room
    }

    /// Work on files that another thread should do; ask again after each sync and each chore.
    pub fn next_chore(&mut self) -> Option<wal::Chore> {
        self.wal.next_chore()
    }

    /// Once more than the reserve is ready again, there is room: a spare was filled, or segments behind a snapshot became
    /// spares.
    fn look_for_room(&mut self) {
        self.room |= self.wal.usage().spares > 1;
    }

    /// What became of a chore.
    pub fn chore_ended(&mut self, chore: &wal::Chore, done: bool) {
        if done {
            self.wal.chore_done(chore);
            self.look_for_room();
        } else {
            self.wal.chore_failed(chore);
        }
    }

    /// Room used by the log's files.
    #[must_use]
    pub fn usage(&self) -> wal::Usage {
        self.wal.usage()
    }

    /// Ends the log at a clean stop.
    ///
    /// # Errors
    /// The log is as durable as before.
    pub fn seal(self) -> Result<(), WriteError> {
        self.wal.seal()
    }
}

/// A write of consensus as a batch of the log. An entry's body is shared, not copied.
fn batch(write: &Write) -> Batch {
    let base = |position: raft::Position| Base { index: position.index.0, term: position.term.0 };
    let entry =
        |entry: &raft::Entry| wal::Entry { index: entry.index().0, term: entry.term().0, bytes: entry.body().clone() };
    Batch {
        hard_state: wal::HardState {
            term: write.hard_state.term.0,
            vote: write.hard_state.vote.map_or(0, |vote| vote.0),
            commit: write.hard_state.commit.0,
        },
        base: write.base.map(|change| match change {
            BaseChange::Compact(position) => wal::BaseChange::Compaction(base(position)),
            BaseChange::Reset(position) => wal::BaseChange::Reset(base(position)),
        }),
        truncate_from: write.truncate.map(|index| index.0),
        entries: write.entries.iter().map(entry).collect(),
        essential: false,
    }
}
