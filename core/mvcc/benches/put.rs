//! What the store costs: nanoseconds of CPU for each put, get, range, count, compacted row, streamed and restored
//! row, at 100,000 keys of 32 bytes with values of 256. `cargo bench -p quorate-mvcc`. The best of several rounds is
//! printed, as the one least disturbed by others; resident memory for each key too.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a bench looks at the clock"
)]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops when it can't go on")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use quorate_mvcc::{
    Compare, CompareResult, CompareTarget, MemoryBackend, PutRequest, RangeRequest, RequestOp, Store, TxnRequest,
    restore,
};

const KEYS: u64 = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let keys: Vec<Bytes> = (0..KEYS).map(key).collect();
    let value = Bytes::from(vec![7; 256]);
    let put = |key: &Bytes| PutRequest { key: key.clone(), value: value.clone(), ..PutRequest::default() };

    let before = resident_bytes();
    let mut store = Store::new(MemoryBackend::new());
    let created = time(KEYS, 1, || keys.iter().for_each(|key| drop(store.put(&put(key)).unwrap())));
    println!("put, new key             {created:8.0} ns");
    let per_key = (resident_bytes() - before) / KEYS;
    println!("memory for each key      {per_key:8} B (288 of them key and value), estimated {}", {
        store.footprint().allocated / KEYS
    });

    let mut revision = store.revision();
    let updated = time(KEYS, ROUNDS, || {
        keys.iter().for_each(|key| drop(store.put(&put(key)).unwrap()));
        store.compact(store.revision()).unwrap();
        while store.sweep(4096).unwrap() {}
        revision = store.revision();
    });
    println!("put, and sweep the old   {updated:8.0} ns");

    let one = |key: &Bytes| RangeRequest { key: key.clone(), ..RangeRequest::default() };
    let got = time(KEYS, ROUNDS, || keys.iter().for_each(|key| drop(black_box(store.range(&one(key)).unwrap()))));
    println!("get                      {got:8.0} ns");

    let everything = RangeRequest { range_end: Bytes::from_static(b"\0"), ..RangeRequest::default() };
    let ranged = time(KEYS, ROUNDS, || assert_eq!(store.range(&everything).unwrap().kvs.len() as u64, KEYS));
    println!("range, for each key      {ranged:8.0} ns");

    let count = RangeRequest { count_only: true, ..everything };
    let counted = time(KEYS, ROUNDS, || assert_eq!(store.range(&count).unwrap().count.cast_unsigned(), KEYS));
    println!("count, for each key      {counted:8.0} ns");

    let swapped = time(KEYS, ROUNDS, || {
        for key in &keys {
            let target = CompareTarget::Value(value.clone());
            let compare = Compare { key: key.clone(), range_end: Bytes::new(), result: CompareResult::Equal, target };
            let success = vec![RequestOp::Put(put(key))];
            let txn = TxnRequest { compare: vec![compare], success, failure: Vec::new() };
            assert!(store.txn(&txn).unwrap().succeeded);
        }
        store.compact(store.revision()).unwrap();
        while store.sweep(4096).unwrap() {}
    });
    println!("compare and swap, sweep  {swapped:8.0} ns");

    let mut stream = Vec::new();
    let streamed = time(KEYS, ROUNDS, || {
        stream.clear();
        let mut frozen = store.freeze();
        while !frozen.next_piece(&store, 1 << 18, &mut stream).unwrap() {}
    });
    println!("stream, for each row     {streamed:8.0} ns");
    let restored =
        time(KEYS, ROUNDS, || drop(black_box(restore(&mut stream.as_slice(), MemoryBackend::new()).unwrap())));
    println!("restore, for each row    {restored:8.0} ns");
}

/// Keys as a client makes them: a common beginning, and an order that is not the order of their creation.
fn key(number: u64) -> Bytes {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Bytes::from(format!("/registry/object/{:015x}", scattered >> 4))
}

/// The best of `rounds`, in nanoseconds for each of `count`.
fn time(count: u64, rounds: usize, mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let cpu = || cpu_nanoseconds().unwrap_or_else(|| begin.elapsed().as_nanos() as u64);
    let one = |_| {
        let before = cpu();
        run();
        (cpu() - before) as f64 / count as f64
    };
    (0..rounds).map(one).fold(f64::INFINITY, f64::min)
}

/// What this thread ran so far, where the system tells (Linux): unlike a clock it does not count what others took.
fn cpu_nanoseconds() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Linux only; 0 elsewhere.
fn resident_bytes() -> u64 {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}
