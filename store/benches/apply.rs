//! What a put costs from the log's bytes to the outcome's: nanoseconds of CPU for each, applied in batches of 1, 16 and
//! 256, and for each linearizable-style get beside it. `cargo bench -p quorate-store`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench looks at the clock")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops when it can't go on")]
#![allow(clippy::cast_possible_truncation, reason = "nanoseconds of a bench fit 64 bits")]

use std::time::Instant;

use bytes::Bytes;
use quorate_store::{Command, KvStore, PutRequest, RangeRequest};
use raft::Position;
use replica::StateMachine;

const KEYS: u64 = 100_000;
const ROUNDS: usize = 3;

fn main() {
    let key =
        |number: u64| Bytes::from(format!("/registry/object/{:015x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4));
    let put = |number| PutRequest { key: key(number), value: vec![7; 256].into(), ..PutRequest::default() };
    let encoded = time(ROUNDS, || (0..KEYS).for_each(|number| drop(Command::Put(put(number)).encode())));
    println!("build and encode a put        {encoded:6.0} ns");
    let payloads: Vec<Bytes> = (0..KEYS).map(|number| Command::Put(put(number)).encode()).collect();
    let mut store = KvStore::new();
    apply(&mut store, &payloads, 256);
    for batch in [1, 16, 256] {
        let applied = time(ROUNDS, || {
            apply(&mut store, &payloads, batch);
            let compact = Command::Compact { revision: store.reader().revision() }.encode();
            apply(&mut store, &[compact], 1);
        });
        println!("apply, batches of {batch:4}        {applied:6.0} ns (compaction of the round before included)");
        while store.reader().sweep(10_000) {}
    }
    let reader = store.reader();
    let keys: Vec<Bytes> = (0..KEYS).map(key).collect();
    let got = time(ROUNDS, || {
        for key in &keys {
            let found = reader.range(&RangeRequest { key: key.clone(), ..RangeRequest::default() }).unwrap();
            assert_eq!(found.kvs.len(), 1);
        }
    });
    println!("get                           {got:6.0} ns");
}

fn apply(store: &mut KvStore, payloads: &[Bytes], batch: usize) {
    let mut results = Vec::with_capacity(batch);
    for payloads in payloads.chunks(batch) {
        let command = |(payload, index)| replica::Command { position: Position::new(index, 1), time: 0, payload };
        let commands: Vec<_> = payloads.iter().zip(1..).map(command).collect();
        results.clear();
        store.apply(&commands, &mut results);
    }
}

/// The best of `rounds`, in nanoseconds for each key.
fn time(rounds: usize, mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let cpu = || cpu_nanoseconds().unwrap_or_else(|| begin.elapsed().as_nanos() as u64);
    let one = |_| {
        let before = cpu();
        run();
        (cpu() - before) as f64 / KEYS as f64
    };
    (0..rounds).map(one).fold(f64::INFINITY, f64::min)
}

/// What this thread ran so far, where the system tells (Linux): unlike a clock it does not count what others took.
fn cpu_nanoseconds() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}
