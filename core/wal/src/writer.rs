//! Writing: one write and one sync a batch, the next segment when one is full, and nothing more after a failure.
//!
//! It keeps no entries and decides nothing about what they mean. Opening is in `recovery`.

use crate::batch::{Base, BaseChange, Batch, HardState};
use crate::disk::{Disk, DiskFile};
use crate::error::{Failure, WriteError, is_no_room};
use crate::options::Options;
use crate::position::Position;
use crate::record::{self, Encoder, Kind, Stamp};
use crate::segment::{
    BATCH_BYTES_MAX, Opening, Previous, Segment, Segments, life, opening_size, prefix, segment_name, spare_name,
};
use crate::spare::{self, Chore, Spares};
use std::io;

/// The log of one member: batches in, durability out.
///
/// Writing and syncing are two calls, so that a simulator can crash between them. A batch counts only once [`Wal::sync`] returned.
#[derive(Debug)]
pub struct Wal<D: Disk> {
    pub(crate) disk: D,
    pub(crate) options: Options,
    pub(crate) position: Position,
    pub(crate) segments: Segments,
    pub(crate) live: Live<D::File>,
    pub(crate) next_batch: u64,
    pub(crate) unsynced: bool,
    pub(crate) spares: Spares,
    pub(crate) buffer: Vec<u8>,
    pub(crate) failure: Option<Failure>,
}

/// The segment that is written to.
#[derive(Debug)]
pub(crate) struct Live<F> {
    pub(crate) file: F,
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) life: u64,
    /// Where the next batch goes; 0 while the segment has none.
    pub(crate) offset: u64,
    pub(crate) previous: Previous,
}

/// What a batch carries that only the log itself writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Incarnation(u64),
    Seal,
}

/// How large a log is on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Segments that hold batches.
    pub segments: usize,
    /// Their length together.
    pub segment_bytes: u64,
    /// Spare segments that are ready.
    pub spares: usize,
}

impl<D: Disk> Wal<D> {
    /// Writes a batch after the last one. It is durable only after [`Wal::sync`].
    ///
    /// # Errors
    /// [`WriteError`]; after all but `Failed` nothing was written and the log goes on.
    pub fn write(&mut self, batch: &Batch) -> Result<(), WriteError> {
        self.write_marked(batch, Mark::None)
    }

    /// Makes the batch that was written durable. Does nothing when there is none.
    ///
    /// # Errors
    /// `Failed`, for good: what the disk holds now is unknown until the next start.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.refuse_after_failure()?;
        if !self.unsynced {
            return Ok(());
        }
        let synced = self.live.file.sync_data();
        self.or_fail(synced, "sync", self.live.number)?;
        self.unsynced = false;
        self.recycle();
        Ok(())
    }

    /// Ends the log cleanly: whatever damage comes after this can be told from a write that a crash cut short.
    ///
    /// # Errors
    /// As [`Wal::write`] and [`Wal::sync`]; the log is as durable as before.
    pub fn seal(mut self) -> Result<(), WriteError> {
        self.sync()?;
        self.write_marked(&Batch::new(self.position.hard_state), Mark::Seal)?;
        self.sync()
    }

    /// The next thing that another thread should do for the log; ask again after each sync and each chore.
    pub fn next_chore(&mut self) -> Option<Chore> {
        self.spares.next_chore()
    }

    /// The chore is done.
    pub fn chore_done(&mut self, chore: &Chore) {
        self.spares.done(chore);
    }

    /// The chore could not be done. [`Wal::next_chore`] may name a like one at once: wait a moment before trying again.
    pub fn chore_failed(&mut self, chore: &Chore) {
        self.spares.failed(chore);
    }

    /// The newest hard state written.
    pub fn hard_state(&self) -> HardState {
        self.position.hard_state
    }

    /// The base as written.
    pub fn base(&self) -> Base {
        self.position.base
    }

    /// The index of the last entry written; the base's index when there are none after it.
    pub fn last_index(&self) -> u64 {
        self.position.last_index
    }

    /// How many times this log was opened.
    pub fn incarnation(&self) -> u64 {
        self.position.incarnation
    }

    /// Room used, for status.
    pub fn usage(&self) -> Usage {
        Usage { segments: self.segments.len(), segment_bytes: self.segments.bytes(), spares: self.spares.len() }
    }

    /// Why the log refuses everything, if it does.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(crate) fn write_marked(&mut self, batch: &Batch, mark: Mark) -> Result<(), WriteError> {
        self.refuse_after_failure()?;
        if self.unsynced {
            return Err(WriteError::Invalid("the batch before is not synced yet".into()));
        }
        let mut after = self.position.after(batch).map_err(WriteError::Invalid)?;
        let bytes = encoded_size(batch, mark);
        if bytes > BATCH_BYTES_MAX {
            return Err(WriteError::TooLarge { bytes });
        }
        if !batch.may_use_reserve() {
            self.keep_a_reserve()?;
        }
        if bytes > self.live.bytes - self.live.offset {
            self.open_next_segment(opening_size() + bytes, batch.may_use_reserve())?;
        }
        self.encode(batch, mark);
        let written = self.live.file.write_all_at(&self.buffer, self.live.offset);
        self.or_fail(written, "write to", self.live.number)?;
        self.live.offset += self.buffer.len() as u64;
        self.next_batch += 1;
        self.unsynced = true;
        if let Mark::Incarnation(incarnation) = mark {
            after.incarnation = incarnation;
        }
        self.position = after;
        follow(&mut self.segments, batch, after.last_index);
        Ok(())
    }

    fn encode(&mut self, batch: &Batch, mark: Mark) {
        let stamp = Stamp { group: self.options.group, life: self.live.life, batch: self.next_batch };
        let opening = (self.live.offset == 0).then_some(Opening {
            number: self.live.number,
            bytes: self.live.bytes,
            previous: self.live.previous,
            position: self.position,
        });
        encode_batch(&mut self.buffer, stamp, opening, batch, mark);
    }

    /// An ordinary batch is taken only while a spare is kept for the essential ones.
    fn keep_a_reserve(&mut self) -> Result<(), WriteError> {
        if self.spares.len() > 0 {
            return Ok(());
        }
        if self.spares.is_starved() {
            return Err(WriteError::NoRoom);
        }
        let number = self.make_spare(self.options.segment_bytes)?;
        self.spares.add(number);
        Ok(())
    }

    fn open_next_segment(&mut self, bytes: u64, may_use_reserve: bool) -> Result<(), WriteError> {
        let (spare, length) = self.find_spare(bytes, may_use_reserve)?;
        let number = self.live.number + 1;
        let renamed = self.disk.rename(&spare_name(spare), &segment_name(number));
        self.or_fail(renamed, "rename a spare to", number)?;
        // A recycled file must be known by its new name before its old bytes are written over.
        let synced = self.disk.sync_dir();
        self.or_fail(synced, "sync the name of", number)?;
        let opened = self.disk.open(&segment_name(number));
        let file = self.or_fail(opened, "open", number)?;
        let previous = Previous { life: self.live.life, batch: self.next_batch - 1, end: self.live.offset };
        let life = life(self.options.life_seed, number, self.next_batch);
        self.live = Live { file, number, bytes: length, life, offset: 0, previous };
        self.segments.push(Segment { number, bytes: length, last_index: self.position.last_index });
        Ok(())
    }

    /// A spare with room for `bytes`: one that is ready, or one made now.
    fn find_spare(&mut self, bytes: u64, may_use_reserve: bool) -> Result<(u64, u64), WriteError> {
        let length = self.options.segment_bytes;
        if bytes > length {
            // A batch above the usual size gets a segment of its own size.
            let length = bytes.next_multiple_of(4096);
            return Ok((self.make_spare(length)?, length));
        }
        let reserve = usize::from(!may_use_reserve);
        if let Some(number) = self.spares.take(reserve) {
            return Ok((number, length));
        }
        if self.spares.is_starved() && !may_use_reserve {
            return Err(WriteError::NoRoom);
        }
        Ok((self.make_spare(length)?, length))
    }

    fn make_spare(&mut self, bytes: u64) -> Result<u64, WriteError> {
        let order = self.spares.order(bytes);
        match spare::fill(&self.disk, order) {
            Ok(()) => Ok(order.number()),
            Err(error) if is_no_room(&error) => {
                self.spares.starve();
                Err(WriteError::NoRoom)
            }
            Err(error) => Err(self.fail(Failure::new("prepare", &spare_name(order.number()), &error))),
        }
    }

    /// Gives up the segments that the durable base has passed: some become spares, the others are left to be removed.
    pub(crate) fn recycle(&mut self) {
        while let Some(segment) = self.segments.take_obsolete(self.position.base.index) {
            let name = segment_name(segment.number);
            match self.spares.recycle(segment.bytes) {
                Some(number) if self.disk.rename(&name, &spare_name(number)).is_ok() => self.spares.add(number),
                // What could not be renamed is removed by a chore, which then says what is wrong with the disk.
                Some(_) | None => self.spares.give_up(name),
            }
        }
    }

    fn refuse_after_failure(&self) -> Result<(), WriteError> {
        self.failure.clone().map_or(Ok(()), |failure| Err(WriteError::Failed(failure)))
    }

    fn or_fail<T>(&mut self, result: io::Result<T>, operation: &'static str, segment: u64) -> Result<T, WriteError> {
        result.map_err(|error| self.fail(Failure::new(operation, &segment_name(segment), &error)))
    }

    fn fail(&mut self, failure: Failure) -> WriteError {
        self.failure = Some(failure.clone());
        WriteError::Failed(failure)
    }
}

/// Keeps the segments' knowledge of what they hold up to date.
pub(crate) fn follow(segments: &mut Segments, batch: &Batch, last_index: u64) {
    if let Some(BaseChange::Reset(_)) = batch.base {
        segments.truncate_from(0);
    }
    if let Some(index) = batch.truncate_from {
        segments.truncate_from(index);
    }
    segments.reached(last_index);
}

fn encoded_size(batch: &Batch, mark: Mark) -> u64 {
    let fixed = record::size(24)
        + match mark {
            Mark::None => 0,
            Mark::Incarnation(_) => record::size(8),
            Mark::Seal => record::size(0),
        }
        + batch.base.map_or(0, |_| record::size(16))
        + batch.truncate_from.map_or(0, |_| record::size(8));
    batch.entries.iter().fold(fixed as u64, |sum, entry| sum + record::size(16 + entry.bytes.len()) as u64)
}

/// Encodes a batch into the emptied buffer; a segment's first batch begins with the segment's own first bytes.
pub(crate) fn encode_batch(buffer: &mut Vec<u8>, stamp: Stamp, opening: Option<Opening>, batch: &Batch, mark: Mark) {
    buffer.clear();
    if opening.is_some() {
        buffer.extend_from_slice(&prefix());
    }
    let mut encoder = Encoder::new(buffer, stamp);
    if let Some(opening) = opening {
        encoder.push(Kind::Segment, &[&opening.encode()]);
    }
    let HardState { term, vote, commit } = batch.hard_state;
    encoder.push(Kind::HardState, &[&term.to_le_bytes(), &vote.to_le_bytes(), &commit.to_le_bytes()]);
    match mark {
        Mark::None => {}
        Mark::Incarnation(incarnation) => encoder.push(Kind::Incarnation, &[&incarnation.to_le_bytes()]),
        Mark::Seal => encoder.push(Kind::Seal, &[]),
    }
    if let Some(change) = batch.base {
        let (kind, base) = match change {
            BaseChange::Compaction(base) => (Kind::Compaction, base),
            BaseChange::Reset(base) => (Kind::Reset, base),
        };
        encoder.push(kind, &[&base.index.to_le_bytes(), &base.term.to_le_bytes()]);
    }
    if let Some(index) = batch.truncate_from {
        encoder.push(Kind::Truncation, &[&index.to_le_bytes()]);
    }
    for entry in &batch.entries {
        encoder.push(Kind::Entry, &[&entry.index.to_le_bytes(), &entry.term.to_le_bytes(), &entry.bytes]);
    }
    encoder.finish();
}
