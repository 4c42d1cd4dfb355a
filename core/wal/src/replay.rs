//! Reading segments back: which batches are complete, what they add up to, and where the log ends.
//!
//! It only reads. It decides between a tear and damage; the repair of a tear is in `recovery`.

use crate::batch::{Base, BaseChange, Entry, HardState};
use crate::error::{Damage, OpenError};
use crate::position::Position;
use crate::record::{self, Kind, RawRecord, Stamp, u64_at};
use crate::segment::{
    Opening, PREFIX_BYTES, Previous, SEGMENT_BYTES_MIN, Segment, Segments, VERSION, segment_name, version_of,
};
use bytes::Bytes;
use std::fmt;

/// A write that a crash cut short; it was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file's name inside its folder.
    pub file: String,
    /// Where the incomplete batch began.
    pub offset: u64,
    /// Its number.
    pub batch: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: batch {} at byte {} was not complete and is cut", self.file, self.batch, self.offset)
    }
}

/// A segment's file, read whole.
pub(crate) struct Contents {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Contents {
    fn name(&self) -> String {
        segment_name(self.number)
    }

    fn damage(&self, offset: usize, what: String) -> OpenError {
        OpenError::Damaged(Damage { file: self.name(), offset: offset as u64, what })
    }

    /// Whether a record stands here that has the right checksum and belongs to a batch after `batch`.
    fn batch_after(&self, from: usize, group: u32, batch: u64) -> Option<RawRecord<'_>> {
        record::find(&self.bytes, from, |stamp| stamp.group == group && stamp.batch > batch)
    }
}

/// Where the newest segment with a complete batch ends.
pub(crate) struct Tail {
    pub(crate) contents: Contents,
    pub(crate) life: u64,
    pub(crate) previous: Previous,
    /// Where the last complete batch begins (0 when it is the segment's first) and ends.
    pub(crate) last_batch: std::ops::Range<usize>,
}

/// What a segment turned out to be.
enum Taken {
    /// It holds at least one complete batch.
    Used(Tail),
    /// Not even its first batch is complete.
    NeverBegun(Contents),
}

/// The log as read back.
pub(crate) struct Found {
    pub(crate) position: Position,
    pub(crate) entries: Vec<Entry>,
    pub(crate) segments: Segments,
    pub(crate) next_batch: u64,
    pub(crate) sealed: bool,
    pub(crate) tail: Tail,
    /// A newest segment without a complete batch: its number and length.
    pub(crate) never_begun: Option<(u64, u64)>,
    pub(crate) torn: Option<Torn>,
}

/// Adds up batches.
struct Replay {
    group: u32,
    position: Position,
    /// The entries from this index on are in `entries`; those before it, above the base, were in segments that are gone.
    first_index: u64,
    entries: Vec<Entry>,
    segments: Segments,
    next_batch: u64,
    sealed: bool,
}

/// Reads the segments in order. `read` gives a segment's contents; the numbers are dense and not empty.
pub(crate) fn replay(
    group: u32,
    numbers: &[u64],
    mut read: impl FnMut(u64) -> Result<Contents, OpenError>,
) -> Result<Found, OpenError> {
    let mut replay = Replay::new(group);
    let mut tail: Option<Tail> = None;
    let mut never_begun = None;
    for &number in numbers {
        let newest = Some(&number) == numbers.last();
        match replay.take_segment(read(number)?, tail.as_ref())? {
            Taken::Used(used) => tail = Some(used),
            Taken::NeverBegun(contents) if newest && tail.is_some() => never_begun = Some(contents),
            Taken::NeverBegun(contents) => {
                return Err(contents.damage(0, "it does not begin with a complete batch".into()));
            }
        }
    }
    let tail = tail.expect("the first segment is either used or refused");
    let torn = replay.tear(&tail, never_begun.as_ref())?;
    replay.refuse_missing_entries(numbers[0])?;
    Ok(Found {
        position: replay.position,
        entries: replay.entries,
        segments: replay.segments,
        next_batch: replay.next_batch,
        sealed: replay.sealed,
        tail,
        never_begun: never_begun.map(|contents| (contents.number, contents.bytes.len() as u64)),
        torn,
    })
}

impl Replay {
    fn new(group: u32) -> Self {
        Self {
            group,
            position: Position::default(),
            first_index: 0,
            entries: Vec::new(),
            segments: Segments::default(),
            next_batch: 0,
            sealed: false,
        }
    }

    fn take_segment(&mut self, contents: Contents, before: Option<&Tail>) -> Result<Taken, OpenError> {
        let Some((opening, stamp)) = self.opening(&contents)? else { return Ok(Taken::NeverBegun(contents)) };
        match before {
            None => {
                self.position = opening.position;
                self.first_index = opening.position.last_index + 1;
                self.next_batch = stamp.batch;
            }
            Some(before) => self.check_joint(&contents, &opening, stamp, before)?,
        }
        let Some(mut records) = complete_batch(&contents.bytes, PREFIX_BYTES, stamp) else {
            return Ok(Taken::NeverBegun(contents));
        };
        let last_index = self.position.last_index;
        self.segments.push(Segment { number: contents.number, bytes: opening.bytes, last_index });
        records.remove(0);
        let mut start = 0;
        let mut end;
        loop {
            end = self.apply_batch(&contents, &records)?;
            let stamp = Stamp { batch: self.next_batch, ..stamp };
            let Some(next) = complete_batch(&contents.bytes, end, stamp) else { break };
            start = end;
            records = next;
        }
        Ok(Taken::Used(Tail { contents, life: stamp.life, previous: opening.previous, last_batch: start..end }))
    }

    /// The segment's first record; none if the file was never written to under its present name.
    fn opening(&self, contents: &Contents) -> Result<Option<(Opening, Stamp)>, OpenError> {
        let Contents { number, bytes } = contents;
        if (bytes.len() as u64) < SEGMENT_BYTES_MIN {
            return Err(contents.damage(bytes.len(), "the file was cut: it is shorter than any segment".into()));
        }
        let version = version_of(bytes);
        if let Some(found) = version
            && found != VERSION
        {
            return Err(OpenError::OtherVersion { file: contents.name(), found });
        }
        let Some(first) = record::read(bytes, PREFIX_BYTES) else { return Ok(None) };
        let opening = (first.kind == Kind::Segment as u8 && first.place == 0).then(|| Opening::decode(first.payload));
        let Some(opening) = opening.flatten() else { return Ok(None) };
        if opening.number < *number {
            // A recycled file that got its new name and not yet its first batch.
            return Ok(None);
        }
        if version.is_none() {
            return Err(contents.damage(0, "its first bytes are not those of a segment".into()));
        }
        if first.stamp.group != self.group {
            let (found, expected) = (first.stamp.group, self.group);
            return Err(OpenError::OtherGroup { file: contents.name(), found, expected });
        }
        if opening.number != *number {
            let what =
                format!("it says that it is segment {}: it was renamed or put in another's place", opening.number);
            return Err(contents.damage(PREFIX_BYTES, what));
        }
        if opening.bytes != bytes.len() as u64 {
            let what = format!("the file was made {} bytes long and is now {}", opening.bytes, bytes.len());
            return Err(contents.damage(bytes.len(), what));
        }
        Ok(Some((opening, first.stamp)))
    }

    /// A segment says where the one before it ended and where the log stood; both must be what was read there.
    fn check_joint(
        &self,
        contents: &Contents,
        opening: &Opening,
        stamp: Stamp,
        before: &Tail,
    ) -> Result<(), OpenError> {
        let end = before.last_batch.end;
        let read = Previous { life: before.life, batch: self.next_batch - 1, end: end as u64 };
        if opening.previous != read {
            let what = format!(
                "its last complete batch here is {}, but {} says that the file ends with batch {} at byte {}",
                read.batch,
                contents.name(),
                opening.previous.batch,
                opening.previous.end
            );
            return Err(before.contents.damage(end, what));
        }
        if stamp.batch != self.next_batch || opening.position != self.position {
            let what = "its first record contradicts the segment before".to_owned();
            return Err(contents.damage(PREFIX_BYTES, what));
        }
        Ok(())
    }

    /// Applies a complete batch and says where it ends.
    fn apply_batch(&mut self, contents: &Contents, records: &[RawRecord<'_>]) -> Result<usize, OpenError> {
        self.sealed = false;
        for record in records {
            self.apply(record).map_err(|what| contents.damage(record.start, what))?;
        }
        self.next_batch += 1;
        Ok(records.last().map_or(PREFIX_BYTES, |record| record.end))
    }

    fn apply(&mut self, record: &RawRecord<'_>) -> Result<(), String> {
        let payload = record.payload;
        let kind = Kind::of(record.kind)
            .ok_or_else(|| format!("a record of kind {}, which this program does not know", record.kind))?;
        let numbers = match kind {
            Kind::Segment => return Err("a segment begins inside another".into()),
            Kind::HardState => 3,
            Kind::Compaction | Kind::Reset | Kind::Entry => 2,
            Kind::Incarnation | Kind::Truncation => 1,
            Kind::Seal => 0,
        };
        let opaque = matches!(kind, Kind::Entry);
        if payload.len() < numbers * 8 || (!opaque && payload.len() != numbers * 8) {
            return Err(format!("a record of kind {} with {} bytes", record.kind, payload.len()));
        }
        let number = |place: usize| u64_at(payload, place * 8);
        match kind {
            Kind::Segment => {}
            Kind::HardState => {
                self.position.set_hard_state(HardState { term: number(0), vote: number(1), commit: number(2) })?;
            }
            Kind::Incarnation => self.position.incarnation = number(0),
            Kind::Compaction => self.compact(Base { index: number(0), term: number(1) })?,
            Kind::Reset => self.reset(Base { index: number(0), term: number(1) })?,
            Kind::Truncation => self.truncate_from(number(0))?,
            Kind::Entry => {
                let bytes = Bytes::copy_from_slice(&payload[16..]);
                self.append(Entry { index: number(0), term: number(1), bytes })?;
            }
            Kind::Seal => self.sealed = true,
        }
        Ok(())
    }

    fn compact(&mut self, base: Base) -> Result<(), String> {
        self.position.change_base(BaseChange::Compaction(base))?;
        if base.index >= self.first_index {
            let dropped = usize::try_from(base.index - self.first_index).map_or(usize::MAX, |count| count + 1);
            self.entries.drain(..dropped.min(self.entries.len()));
            self.first_index = base.index + 1;
        }
        Ok(())
    }

    fn reset(&mut self, base: Base) -> Result<(), String> {
        self.position.change_base(BaseChange::Reset(base))?;
        self.entries.clear();
        self.first_index = base.index + 1;
        self.segments.truncate_from(0);
        self.segments.reached(base.index);
        Ok(())
    }

    fn truncate_from(&mut self, index: u64) -> Result<(), String> {
        self.position.truncate_from(index)?;
        let kept = index.saturating_sub(self.first_index);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.first_index = self.first_index.min(index);
        self.segments.truncate_from(index);
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> Result<(), String> {
        self.position.append(entry.index)?;
        self.segments.reached(entry.index);
        self.entries.push(entry);
        Ok(())
    }

    /// Whether what follows the last complete batch is the rest of a torn one. Anything newer than that is damage.
    fn tear(&self, tail: &Tail, never_begun: Option<&Contents>) -> Result<Option<Torn>, OpenError> {
        let end = tail.last_batch.end;
        let batch = self.next_batch;
        for (contents, from) in
            [Some((&tail.contents, end)), never_begun.map(|contents| (contents, 0))].into_iter().flatten()
        {
            if let Some(newer) = contents.batch_after(from, self.group, batch) {
                let what = format!(
                    "batch {batch} is not complete here, although batch {} stands at byte {} of {}",
                    newer.stamp.batch,
                    newer.start,
                    contents.name()
                );
                return Err(tail.contents.damage(end, what));
            }
        }
        let stamp = Stamp { group: self.group, life: tail.life, batch };
        let torn = record::claimed_stamp(&tail.contents.bytes, end) == Some(stamp)
            || record::find(&tail.contents.bytes, end, |found| found == stamp).is_some();
        match never_begun {
            // The next segment is opened only after all batches of this one are durable.
            Some(next) if torn => {
                let what = format!("batch {batch} is not complete here, although {} was opened after it", next.name());
                Err(tail.contents.damage(end, what))
            }
            Some(next) => {
                let begun = record::find(&next.bytes, 0, |found| found.group == self.group && found.batch == batch);
                Ok(begun.map(|_| Torn { file: next.name(), offset: 0, batch }))
            }
            None => Ok(torn.then(|| Torn { file: tail.contents.name(), offset: end as u64, batch })),
        }
    }

    fn refuse_missing_entries(&self, oldest: u64) -> Result<(), OpenError> {
        let wanted = self.position.base.index + 1;
        if self.first_index <= wanted {
            return Ok(());
        }
        let what = format!("entries {wanted} to {} were in a segment before it, which is gone", self.first_index - 1);
        Err(OpenError::Damaged(Damage { file: segment_name(oldest), offset: 0, what }))
    }
}

/// The records of the batch that begins at `start`, if it is complete.
fn complete_batch(bytes: &[u8], start: usize, stamp: Stamp) -> Option<Vec<RawRecord<'_>>> {
    let mut records = Vec::new();
    let mut at = start;
    loop {
        let record = record::read(bytes, at)?;
        if record.stamp != stamp || usize::try_from(record.place) != Ok(records.len()) {
            return None;
        }
        at = record.end;
        records.push(record);
        if record.last {
            return Some(records);
        }
    }
}

#[cfg(test)]
mod tests;
