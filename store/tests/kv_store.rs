//! The store as the state machine of a member: outcomes, readers beside it, snapshots while it goes on, determinism.
#![allow(clippy::unwrap_used, reason = "this is all test")]
#![allow(clippy::disallowed_methods, reason = "readers run on threads of their own")]

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use quorate_store::{
    Command, DeleteRangeRequest, KvStore, NoSpace, Outcome, PutRequest, Quota, RangeRequest, ReadError, ReadOnlyTxn,
    Reader, Refusal, RequestOp, Response, ResponseOp, SortOrder, SortTarget, TxnRequest,
};
use raft::Position;
use replica::{Freeze, RestoreError, StateMachine};

fn apply(store: &mut KvStore, commands: &[Command]) -> Vec<Outcome> {
    let payloads: Vec<Bytes> = commands.iter().map(Command::encode).collect();
    apply_payloads(store, &payloads)
}

fn apply_payloads(store: &mut KvStore, payloads: &[Bytes]) -> Vec<Outcome> {
    let commands: Vec<_> = payloads
        .iter()
        .zip(1..)
        .map(|(payload, index)| replica::Command { position: Position::new(index, 1), time: 0, payload })
        .collect();
    let mut results = Vec::new();
    store.apply(&commands, &mut results);
    results.into_iter().map(|result| Outcome::decode(result).unwrap()).collect()
}

fn put(key: &str, value: &str) -> Command {
    Command::Put(put_request(key, value))
}

fn put_request(key: &str, value: &str) -> PutRequest {
    let [key, value] = [key, value].map(|text| Bytes::copy_from_slice(text.as_bytes()));
    PutRequest { key, value, ..PutRequest::default() }
}

fn everything() -> RangeRequest {
    RangeRequest { key: Bytes::from_static(b"\0"), range_end: Bytes::from_static(b"\0"), ..RangeRequest::default() }
}

fn delete(key: &str) -> Command {
    let key = Bytes::copy_from_slice(key.as_bytes());
    Command::DeleteRange(DeleteRangeRequest { key, ..DeleteRangeRequest::default() })
}

fn snapshot(store: &mut KvStore) -> Vec<u8> {
    let mut stream = Vec::new();
    store.freeze().write_to(&mut stream).unwrap();
    stream
}

fn restored(stream: &[u8]) -> KvStore {
    KvStore::restore(&mut &stream[..]).unwrap()
}

/// Puts the same number under `keys` keys in one transaction.
fn put_all(keys: usize, number: usize) -> Command {
    let put = |key| RequestOp::Put(put_request(&format!("key{key:05}"), &number.to_string()));
    Command::Txn(TxnRequest { success: (0..keys).map(put).collect(), ..TxnRequest::default() })
}

#[test]
fn outcomes_say_what_became_of_each_command() {
    let mut store = KvStore::new();
    let keep = PutRequest { ignore_value: true, ..put_request("missing", "") };
    let unreadable = RequestOp::Range(RangeRequest { revision: 2, ..everything() });
    let success = vec![RequestOp::Put(put_request("never", "1")), unreadable];
    let commands = [
        put("a", "1"),
        put("a", "2"),
        Command::Put(keep),
        Command::Compact { revision: 3 },
        Command::Compact { revision: 3 },
        Command::Compact { revision: 9 },
        Command::Txn(TxnRequest { success, ..TxnRequest::default() }),
        delete("a"),
    ];
    let outcomes = apply(&mut store, &commands);
    let revisions: Vec<i64> = outcomes.iter().map(|outcome| outcome.revision).collect();
    assert_eq!(revisions, [2, 3, 3, 3, 3, 3, 3, 4]);
    let results: Vec<_> = outcomes.into_iter().map(|outcome| outcome.result).collect();
    assert!(matches!(&results[1], Ok(Response::Put(response)) if response.revision == 3));
    assert_eq!(results[2], Err(Refusal::KeyNotFound));
    assert_eq!(results[3], Ok(Response::Compact));
    assert_eq!(results[4], Err(Refusal::Compacted { requested: 3, compact_revision: 3 }));
    assert_eq!(results[5], Err(Refusal::FutureRevision { requested: 9, revision: 3 }));
    assert_eq!(results[6], Err(Refusal::Compacted { requested: 2, compact_revision: 3 }));
    assert!(matches!(&results[7], Ok(Response::DeleteRange(response)) if response.deleted == 1));
    assert_eq!(store.reader().key_count(), 0);
}

#[test]
fn what_is_no_command_is_refused_and_changes_nothing() {
    let mut store = KvStore::new();
    let payloads = [Bytes::new(), Bytes::from_static(b"\x09what"), put("a", "1").encode()];
    let outcomes = apply_payloads(&mut store, &payloads);
    for outcome in &outcomes[..2] {
        assert!(matches!(&outcome.result, Err(Refusal::BadCommand(_))), "{outcome:?}");
        assert_eq!(outcome.revision, 1);
    }
    assert_eq!(outcomes[2].revision, 2);
}

#[test]
fn members_that_apply_the_same_hold_the_same() {
    let commands: Vec<Command> = (0..300)
        .map(|number| match number % 7 {
            0 => delete(&format!("k{}", number % 11)),
            1 => put_all(number % 5, number),
            2 if number > 50 => Command::Compact { revision: i64::try_from(number).unwrap() - 40 },
            _ => put(&format!("k{}", number % 13), &number.to_string()),
        })
        .collect();
    let (mut at_once, mut one_by_one) = (KvStore::new(), KvStore::new());
    let outcomes = apply(&mut at_once, &commands);
    let others: Vec<Outcome> =
        commands.iter().flat_map(|command| apply(&mut one_by_one, std::slice::from_ref(command))).collect();
    assert_eq!(outcomes, others);
    while one_by_one.reader().sweep(1) {}
    assert_eq!(snapshot(&mut at_once), snapshot(&mut one_by_one));
    let (one, other) = (at_once.reader(), one_by_one.reader());
    for revision in one.compact_revision()..=one.revision() {
        assert_eq!(one.hash(revision).unwrap(), other.hash(revision).unwrap());
    }
    assert_ne!(one.hash(0).unwrap().hash, one.hash(one.revision() - 1).unwrap().hash);
}

#[test]
fn a_snapshot_gives_the_same_store_again() {
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(700, 1), delete("key00005"), put("a", "b"), Command::Compact { revision: 3 }]);
    let stream = snapshot(&mut store);
    let mut again = restored(&stream);
    assert_eq!(snapshot(&mut again), stream);
    let next = [put("a", "c"), delete("key00006"), put_all(3, 2)];
    assert_eq!(apply(&mut store, &next), apply(&mut again, &next));
    assert_eq!(store.reader().hash(0).unwrap(), again.reader().hash(0).unwrap());
}

#[test]
fn a_snapshot_is_of_its_moment_whatever_is_applied_while_it_is_written() {
    let mut store = KvStore::new();
    for number in 0..5 {
        apply(&mut store, &[put_all(3_000, number)]);
    }
    let expected = snapshot(&mut store);
    let mut frozen = store.freeze();
    assert_eq!(frozen.revision(), 6);
    let stream = std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut stream = Vec::new();
            frozen.write_to(&mut stream).unwrap();
            stream
        });
        for number in 5..15 {
            let revision = store.reader().revision();
            apply(&mut store, &[put_all(3_000, number), Command::Compact { revision }]);
            let _ = store.reader().sweep(10_000);
        }
        writer.join().unwrap()
    });
    assert!(stream == expected, "the stream is that of the moment of freezing");
    let reader = restored(&stream).reader();
    let found = reader.range(&everything()).unwrap();
    assert!(found.kvs.len() == 3_000 && found.kvs.iter().all(|pair| pair.value == "4"));
}

#[test]
fn readers_see_one_moment_while_the_store_goes_on() {
    const KEYS: usize = 1_500;
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(KEYS, 0)]);
    let reader = store.reader();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| read_until(&reader, &done, KEYS))).collect();
        for number in 1..60 {
            let revision = store.reader().revision();
            apply(&mut store, &[put_all(KEYS, number), Command::Compact { revision }]);
        }
        done.store(true, Ordering::Relaxed);
        for reads in readers {
            assert!(reads.join().unwrap() > 0);
        }
    });
    while reader.sweep(usize::MAX) {}
    assert_eq!(
        reader.db_size_in_use() / KEYS as u64,
        restored(&snapshot(&mut store)).reader().db_size_in_use() / KEYS as u64
    );
}

fn read_until(reader: &Reader, done: &AtomicBool, keys: usize) -> usize {
    let get = || RequestOp::Range(everything());
    let txn = TxnRequest { success: vec![get(), get()], ..TxnRequest::default() };
    let mut reads = 0;
    while reads == 0 || !done.load(Ordering::Relaxed) {
        let found = reader.range(&everything()).unwrap();
        assert_eq!(found.kvs.len(), keys);
        assert!(found.kvs.iter().all(|pair| pair.value == found.kvs[0].value), "all of one transaction");
        let both = reader.txn(ReadOnlyTxn::new(&txn).unwrap()).unwrap();
        let [ResponseOp::Range(one), ResponseOp::Range(other)] = &both.responses[..] else { panic!("two ranges") };
        assert_eq!((one.revision, &one.kvs), (both.revision, &other.kvs));
        reads += 1;
    }
    reads
}

#[test]
fn a_range_can_be_taken_piece_by_piece() {
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(1_000, 1)]);
    let reader = store.reader();
    let mut read = reader.begin_range(&everything()).unwrap();
    let mut pairs = read.take();
    assert!(!pairs.is_empty() && pairs.len() < 1_000, "a slice is less than all");
    apply(&mut store, &[put_all(1_000, 2), put("zzz", "later")]);
    while !read.advance().unwrap() {
        pairs.extend(read.take());
    }
    let rest = read.finish();
    pairs.extend(rest.kvs);
    assert_eq!((pairs.len(), rest.count, rest.more, rest.revision), (1_000, 1_000, false, 2));
    assert!(pairs.iter().all(|pair| pair.value == "1") && pairs.is_sorted_by_key(|pair| pair.key.clone()));
}

#[test]
fn reads_are_refused_outside_of_what_is_kept() {
    let mut store = KvStore::new();
    apply(&mut store, &[put("a", "1"), put("a", "2"), Command::Compact { revision: 3 }]);
    let reader = store.reader();
    let at = |revision| reader.range(&RangeRequest { revision, ..everything() });
    assert_eq!(at(2), Err(ReadError::Compacted { requested: 2, compact_revision: 3 }));
    assert_eq!(at(4), Err(ReadError::FutureRevision { requested: 4, revision: 3 }));
    assert!(reader.hash(2).is_err() && reader.hash(3).is_ok());
    let failure = vec![RequestOp::Range(RangeRequest { revision: 2, ..everything() })];
    let harmless = TxnRequest { failure, ..TxnRequest::default() };
    assert!(reader.txn(ReadOnlyTxn::new(&harmless).unwrap()).is_ok(), "the branch that does not run is not read");
    let harmful = TxnRequest { success: harmless.failure, ..TxnRequest::default() };
    assert!(reader.txn(ReadOnlyTxn::new(&harmful).unwrap()).is_err());
    let writes = TxnRequest { failure: vec![RequestOp::Put(put_request("a", ""))], ..TxnRequest::default() };
    assert!(ReadOnlyTxn::new(&writes).is_none());
}

#[test]
fn an_ordered_range_is_ordered_over_all_slices() {
    let mut store = KvStore::new();
    let keys: Vec<Command> = (0..900).map(|key| put(&format!("{key:04}"), &format!("{:04}", 900 - key))).collect();
    apply(&mut store, &keys);
    let (sort_order, sort_target) = (SortOrder::Ascend, SortTarget::Value);
    let found = store.reader().range(&RangeRequest { limit: 2, sort_order, sort_target, ..everything() }).unwrap();
    let values: Vec<_> = found.kvs.iter().map(|pair| pair.value.as_ref()).collect();
    assert_eq!((values, found.more, found.count), (vec![b"0001".as_ref(), b"0002"], true, 900));
}

#[test]
fn the_quota_refuses_growth_and_nothing_else() {
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(100, 1)]);
    let reader = store.reader();
    let quota = Quota::new(reader.db_size() + 500);
    assert_eq!(quota.admit(&put("a", "small"), &reader), Ok(()));
    let large = put("a", &"x".repeat(1_000));
    let NoSpace { bytes, bytes_max } = quota.admit(&large, &reader).unwrap_err();
    assert_eq!((bytes, bytes_max), (reader.db_size(), reader.db_size() + 500));
    assert!(quota.admit(&put_all(3, 1), &reader).is_err());
    assert_eq!(Quota::new(u64::MAX).admit(&large, &reader), Ok(()));
    let empty = Quota::new(0);
    for command in [delete("a"), Command::Compact { revision: 2 }, Command::Txn(TxnRequest::default())] {
        assert_eq!(empty.admit(&command, &reader), Ok(()), "{command:?}");
    }
}

#[test]
fn deleting_and_compacting_gives_room_back() {
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(5_000, 1)]);
    let full = store.reader().db_size();
    let range_end = Bytes::from_static(b"\0");
    apply(
        &mut store,
        &[Command::DeleteRange(DeleteRangeRequest { key: range_end.clone(), range_end, prev_kv: false })],
    );
    assert!(store.reader().db_size() > full, "a delete alone takes room");
    // The tombstones go when the compaction has passed them.
    apply(&mut store, &[put("a", "b"), Command::Compact { revision: 4 }]);
    while store.reader().sweep(1_000) {}
    assert!(store.reader().db_size() < full / 10, "{} of {full} bytes are left", store.reader().db_size());
}

#[test]
fn damaged_snapshots_are_refused() {
    let mut store = KvStore::new();
    apply(&mut store, &[put("a", "1"), put("b", "2")]);
    let stream = snapshot(&mut store);
    for end in 0..stream.len() {
        assert!(KvStore::restore(&mut &stream[..end]).is_err(), "cut at {end}");
    }
    for bit in 0..stream.len() * 8 {
        let mut changed = stream.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(KvStore::restore(&mut changed.as_slice()).is_err(), "bit {bit}");
    }
    let longer = [stream.as_slice(), b"x"].concat();
    let Err(RestoreError::Format(what)) = KvStore::restore(&mut longer.as_slice()) else { panic!("not refused") };
    assert_eq!(what, "something follows its end");
}

#[test]
fn a_frozen_store_can_be_written_twice() {
    let mut store = KvStore::new();
    apply(&mut store, &[put_all(100, 1)]);
    let mut frozen = store.freeze();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    frozen.write_to(&mut one).unwrap();
    frozen.write_to(&mut other).unwrap();
    assert_eq!(one, other);
}
