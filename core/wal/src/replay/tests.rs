//! Logs made by hand, record by record, with good checksums: what the writer never writes is damage, whoever wrote it.

use super::*;
use crate::record::Encoder;
use crate::segment::prefix;

/// Kind, numbers, and the bytes behind them.
type Record = (Kind, Vec<u64>, &'static [u8]);

const LIFE: u64 = 7;

fn hard_state(term: u64, commit: u64) -> Record {
    (Kind::HardState, vec![term, 0, commit], b"")
}

fn entry(index: u64) -> Record {
    (Kind::Entry, vec![index, 1], b"x")
}

fn entries(indexes: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    indexes.map(entry).collect()
}

/// The first segment of a log that has nothing yet.
fn opening() -> Opening {
    Opening { number: 1, bytes: 2048, previous: Previous::default(), position: Position::default() }
}

/// The segment with these batches, the first of which has the number `first`.
fn segment(opening: Opening, first: u64, batches: &[Vec<Record>]) -> Contents {
    let mut bytes = prefix().to_vec();
    for (batch, records) in (first..).zip(batches) {
        let mut encoder = Encoder::new(&mut bytes, Stamp { group: 0, life: LIFE, batch });
        if batch == first {
            encoder.push(Kind::Segment, &[&opening.encode()]);
        }
        for (kind, numbers, rest) in records {
            let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            encoder.push(*kind, &[&numbers, rest]);
        }
        encoder.finish();
    }
    bytes.resize(usize::try_from(opening.bytes).unwrap(), 0);
    Contents { number: opening.number, bytes }
}

fn read(files: &[Contents]) -> Result<Found, Damage> {
    let numbers: Vec<u64> = files.iter().map(|file| file.number).collect();
    let contents = |number| {
        let file = files.iter().find(|file| file.number == number).unwrap();
        Ok(Contents { number, bytes: file.bytes.clone() })
    };
    replay(0, &numbers, contents).map_err(|error| match error {
        OpenError::Damaged(damage) => damage,
        other => panic!("{other}"),
    })
}

/// Why a log of one segment with these batches is refused.
fn refused(batches: &[Vec<Record>]) -> String {
    read(&[segment(opening(), 1, batches)]).map_or_else(|damage| damage.what, |_| panic!("it is read: {batches:?}"))
}

/// The indexes of the entries of a log of one segment.
fn indexes(opening: Opening, batches: &[Vec<Record>]) -> Vec<u64> {
    let found = read(&[segment(opening, 4, batches)]).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!(found.next_batch, 4 + batches.len() as u64);
    found.entries.iter().map(|entry| entry.index).collect()
}

#[test]
fn a_record_of_a_wrong_length_is_damage() {
    let good: [Record; 7] = [
        hard_state(1, 0),
        (Kind::Incarnation, vec![2], b""),
        (Kind::Truncation, vec![1], b""),
        (Kind::Compaction, vec![0, 0], b""),
        (Kind::Reset, vec![0, 0], b""),
        (Kind::Entry, vec![1, 1], b""),
        (Kind::Seal, vec![], b""),
    ];
    for (kind, numbers, _) in good {
        let whole = (kind, numbers.clone(), &b""[..]);
        assert!(read(&[segment(opening(), 1, &[vec![whole]])]).is_ok(), "{kind:?}");
        let says = |record: &Record, bytes: usize| {
            let what = refused(&[vec![record.clone()]]);
            assert_eq!(what, format!("a record of kind {} with {bytes} bytes", kind as u8));
        };
        if let Some((_, fewer)) = numbers.split_last() {
            let length = fewer.len() * 8;
            says(&(kind, fewer.to_vec(), b""), length);
            says(&(kind, fewer.to_vec(), b"1234567"), length + 7);
        }
        if kind != Kind::Entry {
            says(&(kind, numbers.clone(), b"1"), numbers.len() * 8 + 1);
            says(&(kind, numbers.clone(), b"12345678"), numbers.len() * 8 + 8);
        }
    }
}

#[test]
fn a_kind_that_is_not_known_and_a_segment_inside_another_are_damage() {
    assert_eq!(refused(&[vec![(Kind::Segment, vec![], b"")]]), "a segment begins inside another");
    let mut file = segment(opening(), 1, &[vec![(Kind::Seal, vec![], b"")]]);
    let start = PREFIX_BYTES + record::size(96);
    file.bytes[start + 32] = 99;
    let checksum = crc32fast::hash(&file.bytes[start + 4..start + record::HEADER_BYTES]);
    file.bytes[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    let damage = read(&[file]).map_or_else(|damage| damage, |_| panic!("it is read"));
    assert_eq!(
        (damage.offset, damage.what.as_str()),
        (start as u64, "a record of kind 99, which this program does not know")
    );
}

#[test]
fn a_segment_begins_with_its_own_record() {
    let without = |records: &[(Kind, &[u8])]| {
        let mut bytes = prefix().to_vec();
        let mut encoder = Encoder::new(&mut bytes, Stamp { group: 0, life: LIFE, batch: 1 });
        records.iter().for_each(|(kind, payload)| encoder.push(*kind, &[payload]));
        encoder.finish();
        bytes.resize(2048, 0);
        read(&[Contents { number: 1, bytes }]).map_or_else(|damage| damage.what, |_| panic!("it is read"))
    };
    let own = opening().encode();
    for records in [
        &[(Kind::Seal, &b""[..]), (Kind::Segment, &own[..])][..],
        &[(Kind::Entry, &own[..])],
        &[(Kind::Segment, &own[..88]), (Kind::Seal, b"")],
    ] {
        assert_eq!(without(records), "it does not begin with a complete batch");
    }
}

#[test]
fn the_second_segment_goes_on_where_the_first_ended() {
    let first = || segment(opening(), 1, &[entries(1..=2), entries(3..=3)]);
    let end =
        read(&[first()]).map(|found| found.tail.last_batch.end as u64).unwrap_or_else(|damage| panic!("{damage}"));
    let good = Opening {
        number: 2,
        bytes: 2048,
        previous: Previous { life: LIFE, batch: 2, end },
        position: Position { last_index: 3, ..Position::default() },
    };
    let both = |opening, batch| read(&[first(), segment(opening, batch, &[entries(4..=4)])]);
    let found = both(good, 3).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!((found.entries.len(), found.next_batch, found.torn), (4, 4, None));
    for previous in [
        Previous { life: 8, ..good.previous },
        Previous { batch: 3, ..good.previous },
        Previous { batch: 1, ..good.previous },
        Previous { end: end + 8, ..good.previous },
    ] {
        let damage = both(Opening { previous, ..good }, 3).map_or_else(|damage| damage, |_| panic!("{previous:?}"));
        assert_eq!((damage.file, damage.offset), (segment_name(1), end), "{previous:?}");
    }
    let contradicts = "its first record contradicts the segment before";
    let what = |opening, batch| both(opening, batch).map_or_else(|damage| damage.what, |_| panic!("it is read"));
    assert_eq!(what(good, 4), contradicts, "a batch is missing");
    let position = Position { last_index: 4, ..Position::default() };
    assert_eq!(what(Opening { position, ..good }, 3), contradicts, "an entry is missing");
}

#[test]
fn only_the_newest_segment_may_have_no_batch() {
    let first = || segment(opening(), 1, &[entries(1..=2)]);
    let empty = |number| Contents { number, bytes: vec![0; 2048] };
    let found = read(&[first(), empty(2)]).unwrap_or_else(|damage| panic!("{damage}"));
    assert_eq!((found.entries.len(), found.never_begun, found.torn), (2, Some((2, 2048)), None));
    let previous = Previous { life: LIFE, batch: 1, end: found.tail.last_batch.end as u64 };
    let position = Position { last_index: 2, ..Position::default() };
    let third = || segment(Opening { number: 3, previous, position, ..opening() }, 2, &[entries(3..=3)]);
    for (files, file) in [(vec![first(), empty(2), third()], 2), (vec![empty(1)], 1), (vec![empty(1), empty(2)], 1)] {
        let damage = read(&files).map_or_else(|damage| damage, |_| panic!("segment {file} is empty"));
        assert_eq!((damage.file, damage.offset), (segment_name(file), 0));
        assert_eq!(damage.what, "it does not begin with a complete batch");
    }
}

/// The same file with its last record torn: the checksum is wrong.
fn torn(mut file: Contents) -> Contents {
    let last = file.bytes.iter().rposition(|byte| *byte != 0).unwrap();
    file.bytes[last] ^= 1;
    file
}

#[test]
fn a_batch_is_torn_only_where_the_log_ended() {
    let first = || segment(opening(), 1, &[entries(1..=2)]);
    let end = read(&[first()]).map_or_else(|damage| panic!("{damage}"), |found| found.tail.last_batch.end);
    let previous = Previous { life: LIFE, batch: 1, end: end as u64 };
    let position = Position { last_index: 2, ..Position::default() };
    let second = || segment(Opening { number: 2, previous, position, ..opening() }, 2, &[entries(3..=3)]);
    let cut = |files: &[Contents]| read(files).map_or_else(|damage| panic!("{damage}"), |found| found.torn);
    let begun = || segment(opening(), 1, &[entries(1..=2), entries(3..=3)]);
    let in_first = Torn { file: segment_name(1), offset: end as u64, batch: 2 };
    assert_eq!(cut(&[torn(begun())]), Some(in_first));
    assert_eq!(cut(&[first(), torn(second())]), Some(Torn { file: segment_name(2), offset: 0, batch: 2 }));
    // A recycled file: what it held in an earlier use is no torn batch.
    let old = || Contents { number: 2, ..segment(opening(), 1, &[entries(1..=2)]) };
    assert_eq!(cut(&[first(), old()]), None);
    // The next segment is opened only after all batches of this one are durable.
    for next in [old(), torn(second())] {
        let damage = read(&[torn(begun()), next]).map_or_else(|damage| damage, |_| panic!("it is read"));
        assert_eq!((damage.file, damage.offset), (segment_name(1), end as u64));
    }
}

#[test]
fn entries_up_to_the_base_are_dropped_and_those_behind_it_stay() {
    let compaction = |index| (Kind::Compaction, vec![index, 1], &b""[..]);
    let five = |index| indexes(opening(), &[entries(1..=5), vec![compaction(index)]]);
    assert_eq!(five(1), [2, 3, 4, 5]);
    assert_eq!(five(4), [5]);
    assert_eq!(five(5), [0; 0]);
    let twice = indexes(opening(), &[entries(1..=5), vec![compaction(2), compaction(3), entry(6)]]);
    assert_eq!(twice, [4, 5, 6]);
    let reset = (Kind::Reset, vec![9, 1], &b""[..]);
    assert_eq!(indexes(opening(), &[entries(1..=5), vec![reset, entry(10), compaction(10), entry(11)]]), [11]);
    let truncation = (Kind::Truncation, vec![3], &b""[..]);
    assert_eq!(indexes(opening(), &[entries(1..=5), vec![compaction(1), truncation, entry(3)]]), [2, 3]);
}

#[test]
fn entries_of_segments_that_are_gone_must_be_covered_by_the_base() {
    let later = |base, last_index| {
        let position = Position { base: Base { index: base, term: 1 }, last_index, ..Position::default() };
        Opening { number: 3, position, ..opening() }
    };
    let compaction = |index| vec![(Kind::Compaction, vec![index, 1], &b""[..])];
    assert_eq!(indexes(later(9, 9), &[entries(10..=11)]), [10, 11]);
    assert_eq!(indexes(later(5, 9), &[entries(10..=11), compaction(9)]), [10, 11], "the base has moved since");
    assert_eq!(indexes(later(5, 9), &[entries(10..=11), compaction(10)]), [11]);
    for batches in [vec![entries(10..=11)], vec![entries(10..=11), compaction(8)]] {
        let damage = read(&[segment(later(5, 9), 4, &batches)]).map_or_else(|damage| damage, |_| panic!("{batches:?}"));
        assert!(damage.what.ends_with(" to 9 were in a segment before it, which is gone"), "{damage}");
        assert_eq!(damage.file, segment_name(3));
    }
    // What was deleted since is not missing.
    let truncation = vec![(Kind::Truncation, vec![6], &b""[..]), entry(6)];
    assert_eq!(indexes(later(5, 9), &[entries(10..=11), truncation]), [6]);
}
