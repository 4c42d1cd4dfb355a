//! One record: a header with a checksum, then a payload. Many records make a batch.
//!
//! It knows the frame and the kinds, and nothing of segments or of what a payload means. All numbers are little-endian.

/// Bytes before a record's payload.
pub(crate) const HEADER_BYTES: usize = 36;

/// A record begins at a multiple of this.
const ALIGNMENT: usize = 8;

/// Where in a record its life stands.
const LIFE_AT: usize = 8;

/// Set in a record's flags when it is the last of its batch.
const LAST: u8 = 1;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Segment = 1,
    HardState = 2,
    Incarnation = 3,
    Compaction = 4,
    Reset = 5,
    Truncation = 6,
    Entry = 7,
    Seal = 8,
}

impl Kind {
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [
            Self::Segment,
            Self::HardState,
            Self::Incarnation,
            Self::Compaction,
            Self::Reset,
            Self::Truncation,
            Self::Entry,
            Self::Seal,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// What all records of a batch share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) group: u32,
    pub(crate) life: u64,
    pub(crate) batch: u64,
}

/// The room that a record with this payload takes, padding included.
pub(crate) fn size(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(ALIGNMENT)
}

/// Appends the records of one batch to a buffer.
pub(crate) struct Encoder<'a> {
    buffer: &'a mut Vec<u8>,
    stamp: Stamp,
    place: u32,
    open: Option<usize>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>, stamp: Stamp) -> Self {
        Self { buffer, stamp, place: 0, open: None }
    }

    /// Appends one record whose payload is the parts one after the other.
    pub(crate) fn push(&mut self, kind: Kind, parts: &[&[u8]]) {
        self.close(0);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).expect("a batch is bounded far below 4 GiB");
        self.open = Some(self.buffer.len());
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&self.stamp.life.to_le_bytes());
        self.buffer.extend_from_slice(&self.stamp.batch.to_le_bytes());
        self.buffer.extend_from_slice(&self.stamp.group.to_le_bytes());
        self.buffer.extend_from_slice(&self.place.to_le_bytes());
        self.buffer.extend_from_slice(&[kind as u8, 0, 0, 0]);
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        self.place += 1;
    }

    /// Marks the last record and completes the batch.
    pub(crate) fn finish(mut self) {
        self.close(LAST);
    }

    fn close(&mut self, flags: u8) {
        let Some(start) = self.open.take() else { return };
        self.buffer[start + 33] = flags;
        let checksum = crc32fast::hash(&self.buffer[start + 4..]);
        self.buffer[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
        let padded = start + size(self.buffer.len() - start - HEADER_BYTES);
        self.buffer.resize(padded, 0);
    }
}

/// A record that was read back with the right checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRecord<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) place: u32,
    pub(crate) kind: u8,
    pub(crate) last: bool,
    pub(crate) payload: &'a [u8],
    /// Where it begins.
    pub(crate) start: usize,
    /// Where the next record would begin.
    pub(crate) end: usize,
}

/// The record that begins at `start`, if there is one with the right checksum.
pub(crate) fn read(bytes: &[u8], start: usize) -> Option<RawRecord<'_>> {
    let header = bytes.get(start..start + HEADER_BYTES)?;
    let length = usize::try_from(u32_at(header, 4)).ok()?;
    let body = bytes.get(start + 4..(start + HEADER_BYTES).checked_add(length)?)?;
    let record = RawRecord {
        stamp: stamp_of(header),
        place: u32_at(header, 28),
        kind: header[32],
        last: header[33] & LAST != 0,
        payload: &body[HEADER_BYTES - 4..],
        start,
        end: start + size(length),
    };
    // A life is never 0, so zeros are told from a record without a checksum.
    (record.stamp.life != 0 && crc32fast::hash(body) == u32_at(header, 0)).then_some(record)
}

/// Who the record at `start` says that it is, whether or not its checksum is right.
pub(crate) fn claimed_stamp(bytes: &[u8], start: usize) -> Option<Stamp> {
    bytes.get(start..start + HEADER_BYTES).map(stamp_of)
}

/// The first record from `from` on that has the right checksum and the wanted stamp. Looks at each place where one may begin.
pub(crate) fn find(bytes: &[u8], from: usize, wanted: impl Fn(Stamp) -> bool) -> Option<RawRecord<'_>> {
    let first = from.next_multiple_of(ALIGNMENT);
    let last = bytes.len().saturating_sub(HEADER_BYTES);
    (first..=last)
        .step_by(ALIGNMENT)
        // Most of what is looked at is zeros: pass over it quickly.
        .filter(|start| u64_at(bytes, start + LIFE_AT) != 0 && wanted(stamp_of(&bytes[*start..])))
        .find_map(|start| read(bytes, start))
}

fn stamp_of(header: &[u8]) -> Stamp {
    Stamp { group: u32_at(header, 24), life: u64_at(header, LIFE_AT), batch: u64_at(header, 16) }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { group: 3, life: 7, batch: 9 };

    #[test]
    fn what_was_encoded_is_read_back() {
        let mut buffer = Vec::new();
        let mut encoder = Encoder::new(&mut buffer, STAMP);
        encoder.push(Kind::HardState, &[b"abc"]);
        encoder.push(Kind::Entry, &[b"de", b"fgh"]);
        encoder.finish();
        let first = read(&buffer, 0).unwrap();
        assert_eq!((first.stamp, first.place, first.last, first.payload), (STAMP, 0, false, &b"abc"[..]));
        let second = read(&buffer, first.end).unwrap();
        assert_eq!((second.stamp, second.place, second.last, second.payload), (STAMP, 1, true, &b"defgh"[..]));
        assert_eq!(second.end, buffer.len());
    }

    #[test]
    fn a_flip_of_any_bit_but_padding_makes_a_record_invalid() {
        let mut buffer = Vec::new();
        let mut encoder = Encoder::new(&mut buffer, STAMP);
        encoder.push(Kind::Entry, &[b"payload"]);
        encoder.finish();
        for bit in 0..(HEADER_BYTES + 7) * 8 {
            let mut flipped = buffer.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped, 0).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_record() {
        assert!(read(&[0; 4096], 0).is_none());
    }

    #[test]
    fn a_record_is_found_wherever_one_may_begin() {
        let mut bytes = vec![0; 16];
        let mut encoder = Encoder::new(&mut bytes, STAMP);
        encoder.push(Kind::Entry, &[b"abc"]);
        encoder.push(Kind::Seal, &[]);
        encoder.finish();
        let second = 16 + size(3);
        let found = |from, wanted: Stamp| find(&bytes, from, |stamp| stamp == wanted).map(|record| record.start);
        assert_eq!((found(0, STAMP), found(9, STAMP), found(16, STAMP)), (Some(16), Some(16), Some(16)));
        assert_eq!(
            (found(17, STAMP), found(second, STAMP), found(second + 1, STAMP)),
            (Some(second), Some(second), None)
        );
        assert_eq!(found(0, Stamp { batch: 8, ..STAMP }), None);
        let whole = &bytes[..second + HEADER_BYTES];
        assert!(find(whole, 17, |stamp| stamp == STAMP).is_some(), "at the very end");
        assert!(find(&whole[..whole.len() - 1], 17, |stamp| stamp == STAMP).is_none(), "a byte is missing");
        assert!(find(&[1; HEADER_BYTES - 1], 0, |_| true).is_none(), "there is no room for one");
    }

    #[test]
    fn a_record_says_who_it_is_also_when_its_checksum_is_wrong() {
        let mut bytes = vec![0; 8];
        let mut encoder = Encoder::new(&mut bytes, STAMP);
        encoder.push(Kind::Entry, &[b"abc"]);
        encoder.finish();
        bytes[8] ^= 1;
        assert!(read(&bytes, 8).is_none());
        assert_eq!(claimed_stamp(&bytes, 8), Some(STAMP));
        assert_eq!(claimed_stamp(&bytes[..8 + HEADER_BYTES], 8), Some(STAMP));
        assert_eq!(claimed_stamp(&bytes[..7 + HEADER_BYTES], 8), None);
    }

    #[test]
    fn a_length_that_leads_past_the_end_is_no_record() {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, STAMP);
        encoder.push(Kind::Entry, &[b"abc"]);
        encoder.finish();
        assert!(read(&bytes, 0).is_some());
        assert!(read(&bytes[..HEADER_BYTES + 3], 0).is_some(), "padding is not looked at");
        assert!(read(&bytes[..HEADER_BYTES + 2], 0).is_none());
        bytes[4..8].fill(0xff);
        assert!(read(&bytes, 0).is_none());
    }
}
