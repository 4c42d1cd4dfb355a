//! A segment: a file full of zeros that batches are written into, and the record that opens it.
//!
//! Names, sizes and the opening record are here; writing and reading are elsewhere.

use crate::batch::{Base, HardState};
use crate::position::Position;
use crate::record::{self, u64_at};
use std::collections::VecDeque;

/// The version of the format, named in each segment's first bytes.
pub(crate) const VERSION: u16 = 1;

/// A segment in use begins with these six bytes and the version.
const MAGIC: &[u8; 6] = b"quolog";

/// Where the first record of a segment begins.
pub(crate) const PREFIX_BYTES: usize = 8;

/// The smallest segment; a file below it was cut.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 1024;

/// The largest batch, as it stands in the file. Recovery writes zeros as far as one batch can reach.
pub const BATCH_BYTES_MAX: u64 = 16 << 20;

const OPENING_BYTES: usize = 96;

/// Where the segment before ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Previous {
    /// Its life.
    pub(crate) life: u64,
    /// Its last batch.
    pub(crate) batch: u64,
    /// The offset at which that batch ended.
    pub(crate) end: u64,
}

/// The first record of a segment, part of its first batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) number: u64,
    /// The file's length, so that a file that was cut is told from one that was torn.
    pub(crate) bytes: u64,
    pub(crate) previous: Previous,
    /// The position before this segment's first batch.
    pub(crate) position: Position,
}

impl Opening {
    pub(crate) fn encode(&self) -> [u8; OPENING_BYTES] {
        let position = &self.position;
        let numbers = [
            self.number,
            self.bytes,
            self.previous.life,
            self.previous.batch,
            self.previous.end,
            position.hard_state.term,
            position.hard_state.vote,
            position.hard_state.commit,
            position.incarnation,
            position.base.index,
            position.base.term,
            position.last_index,
        ];
        let mut bytes = [0; OPENING_BYTES];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        if payload.len() != OPENING_BYTES {
            return None;
        }
        let number = |place: usize| u64_at(payload, place * 8);
        Some(Self {
            number: number(0),
            bytes: number(1),
            previous: Previous { life: number(2), batch: number(3), end: number(4) },
            position: Position {
                hard_state: HardState { term: number(5), vote: number(6), commit: number(7) },
                incarnation: number(8),
                base: Base { index: number(9), term: number(10) },
                last_index: number(11),
            },
        })
    }
}

/// The room that a segment's first batch needs besides its own records.
pub(crate) fn opening_size() -> u64 {
    (PREFIX_BYTES + record::size(OPENING_BYTES)) as u64
}

/// The first bytes of a segment in use.
pub(crate) fn prefix() -> [u8; PREFIX_BYTES] {
    let mut bytes = [0; PREFIX_BYTES];
    bytes[..6].copy_from_slice(MAGIC);
    bytes[6..].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// The version that a file names, when it begins as a segment does.
pub(crate) fn version_of(bytes: &[u8]) -> Option<u16> {
    let prefix = bytes.get(..PREFIX_BYTES)?;
    (&prefix[..6] == MAGIC).then(|| u16::from_le_bytes([prefix[6], prefix[7]]))
}

/// A number that no other use of a file had, so that what a recycled file held before is never taken for new. Never 0.
pub(crate) fn life(seed: u64, segment: u64, batch: u64) -> u64 {
    // The mixing steps of splitmix64, once for each input.
    let mix = |value: u64| {
        let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    };
    mix(mix(mix(seed) ^ segment) ^ batch).max(1)
}

/// The name of the log's segment with this number.
pub(crate) fn segment_name(number: u64) -> String {
    format!("log-{number:020}.wal")
}

/// The name of a file kept ready to become a segment.
pub(crate) fn spare_name(number: u64) -> String {
    format!("spare-{number:020}.wal")
}

/// The name of a file that is still being prepared; removed at the next start.
pub(crate) fn unfinished_name(name: &str) -> String {
    format!("{name}.tmp")
}

/// The files of a folder that concern the log.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) segments: Vec<u64>,
    pub(crate) spares: Vec<u64>,
    pub(crate) unfinished: Vec<String>,
}

impl Folder {
    pub(crate) fn of(names: Vec<String>) -> Self {
        let mut folder = Self::default();
        for name in names {
            if let Some(number) = number_of(&name, "log-", ".wal") {
                folder.segments.push(number);
            } else if let Some(number) = number_of(&name, "spare-", ".wal") {
                folder.spares.push(number);
            } else if number_of(&name, "log-", ".wal.tmp").or(number_of(&name, "spare-", ".wal.tmp")).is_some() {
                folder.unfinished.push(name);
            }
        }
        folder.segments.sort_unstable();
        folder.spares.sort_unstable();
        folder
    }

    /// Takes away the segments that a gap separates from the newest: they were given up, and a crash kept their names.
    pub(crate) fn split_off_leftovers(&mut self) -> Vec<u64> {
        let gap = self.segments.windows(2).rposition(|pair| pair[1] != pair[0] + 1);
        let newest = self.segments.split_off(gap.map_or(0, |gap| gap + 1));
        std::mem::replace(&mut self.segments, newest)
    }
}

fn number_of(name: &str, start: &str, end: &str) -> Option<u64> {
    let digits = name.strip_prefix(start)?.strip_suffix(end)?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// One segment of the log, the last of which is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    /// The highest index that this or an earlier segment holds and that was not deleted since.
    pub(crate) last_index: u64,
}

/// The log's segments, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    list: VecDeque<Segment>,
}

impl Segments {
    pub(crate) fn push(&mut self, segment: Segment) {
        self.list.push_back(segment);
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.bytes).sum()
    }

    /// Entries from `index` on are gone.
    pub(crate) fn truncate_from(&mut self, index: u64) {
        for segment in &mut self.list {
            segment.last_index = segment.last_index.min(index.saturating_sub(1));
        }
    }

    /// The newest segment has the log's last entry.
    pub(crate) fn reached(&mut self, last_index: u64) {
        if let Some(newest) = self.list.back_mut() {
            newest.last_index = last_index;
        }
    }

    /// Takes away the oldest segment if the base has passed all that it holds. The newest always stays.
    pub(crate) fn take_obsolete(&mut self, base: u64) -> Option<Segment> {
        let obsolete = self.list.len() > 1 && self.list[0].last_index <= base;
        if obsolete { self.list.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let names =
            [segment_name(7), spare_name(3), unfinished_name(&spare_name(4)), "other".into(), "log-7.wal".into()];
        let folder = Folder::of(names.to_vec());
        assert_eq!((folder.segments, folder.spares, folder.unfinished.len()), (vec![7], vec![3], 1));
    }

    #[test]
    fn only_the_newest_run_of_segments_is_the_log() {
        let mut folder = Folder { segments: vec![1, 3, 4, 7, 8], ..Folder::default() };
        assert_eq!(folder.split_off_leftovers(), [1, 3, 4]);
        assert_eq!(folder.segments, [7, 8]);
        assert!(folder.split_off_leftovers().is_empty());
    }

    #[test]
    fn lives_differ_and_are_never_zero() {
        let mut lives: Vec<u64> = (0..1000).map(|number| life(1, number / 10, number)).collect();
        lives.sort_unstable();
        lives.dedup();
        assert_eq!(lives.len(), 1000);
        assert!(!lives.contains(&0));
    }

    #[test]
    fn each_bit_of_a_life_is_a_toss_of_its_own() {
        let lives: Vec<u64> = (0..1000).map(|number| life(1, number / 10, number)).collect();
        for bit in 0..64 {
            let set = lives.iter().filter(|life| *life >> bit & 1 == 1).count();
            assert!((400..=600).contains(&set), "bit {bit} is set in {set} of 1000");
        }
    }

    #[test]
    fn a_segment_goes_once_the_base_has_passed_all_that_it_holds() {
        let mut segments = Segments::default();
        for (number, last_index) in [(1, 5), (2, 9), (3, 12)] {
            segments.push(Segment { number, bytes: 1000 + number, last_index });
        }
        assert_eq!((segments.len(), segments.bytes()), (3, 3006));
        let obsolete = |segments: &mut Segments, base| segments.take_obsolete(base).map(|segment| segment.number);
        assert_eq!(obsolete(&mut segments, 4), None);
        assert_eq!((obsolete(&mut segments, 5), obsolete(&mut segments, 5)), (Some(1), None));
        segments.truncate_from(8);
        assert_eq!((obsolete(&mut segments, 6), obsolete(&mut segments, 7)), (None, Some(2)), "8 and 9 are gone");
        segments.reached(10);
        assert_eq!(obsolete(&mut segments, 100), None, "the newest always stays");
        segments.push(Segment { number: 4, bytes: 1000, last_index: 10 });
        assert_eq!((obsolete(&mut segments, 9), obsolete(&mut segments, 10)), (None, Some(3)));
        assert_eq!((segments.len(), segments.bytes()), (1, 1000));
    }

    #[test]
    fn an_opening_takes_the_room_that_is_kept_for_it() {
        let position = Position { last_index: 8, ..Position::default() };
        let opening = Opening { number: 2, bytes: 4096, previous: Previous { life: 7, batch: 5, end: 900 }, position };
        let mut bytes = prefix().to_vec();
        let mut encoder = record::Encoder::new(&mut bytes, record::Stamp { group: 0, life: 9, batch: 6 });
        encoder.push(record::Kind::Segment, &[&opening.encode()]);
        encoder.finish();
        assert_eq!(bytes.len() as u64, opening_size());
        assert_eq!(Opening::decode(&opening.encode()), Some(opening));
        assert_eq!(Opening::decode(&opening.encode()[..OPENING_BYTES - 8]), None);
    }

    #[test]
    fn only_a_segment_in_use_names_a_version() {
        let mut bytes = prefix();
        assert_eq!(version_of(&bytes), Some(VERSION));
        assert_eq!(version_of(&bytes[..PREFIX_BYTES - 1]), None);
        bytes[6..].copy_from_slice(&[2, 1]);
        assert_eq!(version_of(&bytes), Some(0x0102));
        bytes[5] ^= 1;
        assert_eq!(version_of(&bytes), None);
        assert_eq!(version_of(&[0; 64]), None);
    }
}
