//! Streams that were cut, changed or forged: each gives a clear error, none a panic, a wrong store, or much memory.
#![allow(clippy::unwrap_used, reason = "this is all test")]

use std::io::{self, BufRead, Read};

use bytes::Bytes;
use proptest::prelude::*;
use quorate_mvcc::{
    DeleteRangeRequest, Hasher, MemoryBackend, PutRequest, RestoreError, Revision, Row, Store, restore, varint,
};

fn store() -> Store<MemoryBackend> {
    let mut store = Store::new(MemoryBackend::new());
    for number in 0..9_u8 {
        let (key, value) = (Bytes::from(vec![b'k', number % 5]), Bytes::from(vec![number; usize::from(number)]));
        store.put(&PutRequest { key, value, lease: i64::from(number % 3), ..PutRequest::default() }).unwrap();
    }
    let key = Bytes::from_static(b"k\x01");
    store.delete_range(&DeleteRangeRequest { key, ..DeleteRangeRequest::default() }).unwrap();
    store.compact(4).unwrap();
    store
}

fn stream(store: &Store<MemoryBackend>) -> Vec<u8> {
    let (mut frozen, mut stream) = (store.freeze(), Vec::new());
    while !frozen.next_piece(store, 16, &mut stream).unwrap() {}
    stream
}

fn error_of(stream: &[u8]) -> RestoreError {
    restore(&mut &stream[..], MemoryBackend::new()).expect_err("this stream is not right")
}

#[test]
fn a_stream_cut_anywhere_is_refused() {
    let whole = stream(&store());
    assert!(restore(&mut whole.as_slice(), MemoryBackend::new()).is_ok());
    for end in 0..whole.len() {
        let error = error_of(&whole[..end]);
        assert!(matches!(error, RestoreError::Damaged(_)), "cut at {end}: {error}");
    }
}

#[test]
fn a_stream_with_any_bit_changed_is_refused() {
    let whole = stream(&store());
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = error_of(&changed);
        assert!(matches!(error, RestoreError::Damaged(_) | RestoreError::Unknown(_)), "bit {bit}: {error}");
    }
}

#[test]
fn a_stream_that_ends_keeps_what_follows_for_others() {
    let mut whole = stream(&store());
    whole.extend_from_slice(b"another section");
    let mut input = whole.as_slice();
    restore(&mut input, MemoryBackend::new()).unwrap();
    assert_eq!(input, b"another section");
}

#[test]
fn other_streams_and_versions_are_told_apart_from_damage() {
    let mut other = stream(&store());
    other[8] = 2;
    assert_eq!(
        error_of(&other).to_string(),
        "this is no stream of a store that this version can read: it has version 2, known is 1"
    );
    assert!(matches!(error_of(b"SQLite format 3\0"), RestoreError::Unknown(_)));
}

#[test]
fn a_stream_that_can_not_be_read_says_why() {
    let mut broken = io::BufReader::new(Broken);
    let error = restore(&mut broken, MemoryBackend::new()).expect_err("the reader fails");
    assert!(matches!(&error, RestoreError::Read(error) if error.to_string().contains("checksum")), "{error}");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("checksum of block 3 differs"))
    }
}

/// Streams whose hash is right and whose content can't be.
#[test]
fn rows_that_can_not_follow_each_other_are_refused() {
    let put = |create, version| Row::put(b"k", b"v", create, version, 0);
    let sound = [(2, put(2, 1)), (3, put(2, 2)), (4, Row::tombstone(b"k")), (5, put(5, 1))];
    assert!(restore(&mut forged(5, -1, &sound).as_slice(), MemoryBackend::new()).is_ok());
    let forgeries: [(&str, Vec<u8>); 10] = [
        ("a row twice", forged(5, -1, &[(2, put(2, 1)), (2, put(2, 2))])),
        ("going back", forged(5, -1, &[(3, put(3, 1)), (2, Row::put(b"j", b"", 2, 1, 0))])),
        ("beyond the newest", forged(5, -1, &[(6, put(6, 1))])),
        ("created by another", forged(5, -1, &[(3, put(2, 1))])),
        ("second version first", forged(5, -1, &[(2, put(2, 2))])),
        ("a version left out", forged(5, -1, &[(2, put(2, 1)), (3, put(2, 3))])),
        ("another creation", forged(5, 2, &[(2, put(1, 2)), (3, put(2, 3))])),
        ("nothing to delete", forged(5, -1, &[(2, Row::tombstone(b"k"))])),
        ("compacted and not yet created", forged(5, 4, &[(2, put(3, 2))])),
        ("compacted beyond the newest", forged(5, 6, &[])),
    ];
    for (what, stream) in forgeries {
        assert!(matches!(error_of(&stream), RestoreError::Damaged(_)), "{what}");
    }
}

fn forged(revision: i64, compact_revision: i64, rows: &[(i64, Row)]) -> Vec<u8> {
    let (mut out, mut hasher) = (b"QUORMVCC\x01\x00".to_vec(), Hasher::new());
    for number in [revision, compact_revision] {
        varint::put_signed(&mut out, number);
        hasher.signed(number);
    }
    for (main, row) in rows {
        let (revision, row) = (Revision::first_of(*main), row.as_bytes());
        out.push(1);
        for number in [revision.main.cast_unsigned(), 0, row.len() as u64] {
            varint::put(&mut out, number);
        }
        out.extend_from_slice(row);
        hasher.signed(revision.main);
        hasher.number(0);
        hasher.bytes(row);
    }
    out.push(0);
    varint::put(&mut out, rows.len() as u64);
    hasher.number(rows.len() as u64);
    out.extend_from_slice(&hasher.finish().to_le_bytes());
    out
}

/// Notes the largest buffer that it was asked to fill.
struct Asked<'a> {
    rest: &'a [u8],
    most: usize,
}

impl Read for Asked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.most = self.most.max(buffer.len());
        self.rest.read(buffer)
    }
}

impl BufRead for Asked<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.rest)
    }

    fn consume(&mut self, amount: usize) {
        self.rest = &self.rest[amount..];
    }
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut lying = forged(5, -1, &[]);
    lying.truncate(12);
    lying.extend_from_slice(&[1, 2, 0]);
    varint::put(&mut lying, u64::MAX);
    lying.extend_from_slice(b"short");
    let mut input = Asked { rest: &lying, most: 0 };
    assert!(restore(&mut input, MemoryBackend::new()).is_err());
    assert!(input.most <= 1 << 16, "asked for {} bytes at once", input.most);
}

proptest! {
    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..300), honest in 0..40_usize) {
        let mut input = stream(&store());
        input.truncate(honest);
        input.extend_from_slice(&noise);
        prop_assert!(restore(&mut input.as_slice(), MemoryBackend::new()).is_err());
    }

    #[test]
    fn noise_is_no_row_or_has_one_spelling(noise in prop::collection::vec(any::<u8>(), 0..40)) {
        let noise = Bytes::from(noise);
        if let Ok(row) = Row::parse(noise.clone()) {
            let pair = row.clone().into_key_value(1);
            let again = if row.is_tombstone() {
                Row::tombstone(&pair.key)
            } else {
                Row::put(&pair.key, &pair.value, pair.create_revision, pair.version, pair.lease)
            };
            prop_assert_eq!(again.as_bytes(), &noise);
        }
    }
}
