//! What a check costs: seconds for a history of 100,000 operations on 10 keys by 30 clients, and for
//! one of a store with as many.
//! `cargo bench -p quorate-linearizability`. Histories are made as in the tests; some outcomes are unknown. Then the
//! same with one stale read in the middle.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench looks at the clock")]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops when it can't go on")]
#![allow(dead_code, unreachable_pub, reason = "the makers of histories serve the tests too")]

#[path = "../tests/all/dice.rs"]
mod dice;
#[path = "../tests/all/make.rs"]
mod make;

use std::time::Instant;

use dice::Dice;
use make::Shape;
use quorate_linearizability::{Ending, History, Limits, RegisterResponse, check, read, write};

const SHAPE: Shape = Shape { clients: 30, keys: 10, operations: 100_000, unknown: 0, failed: 1 };

fn main() {
    for unknown in [0, 1, 2] {
        let shape = Shape { unknown, ..SHAPE };
        let legal = make::registers(&mut Dice::new(1), shape);
        let mut spoilt = legal.clone();
        let middle = spoilt.iter().skip(50_000).position(|operation| {
            matches!(operation.ending, Ending::Returned { response: RegisterResponse::Value(_), .. })
        });
        let middle = &mut spoilt[50_000 + middle.unwrap()].ending;
        if let Ending::Returned { response, .. } = middle {
            *response = RegisterResponse::Value(serde_json::Value::Null);
        }
        time(&format!("registers, {unknown} % unknown"), &make::register_history(legal));
        time(&format!("registers, {unknown} % unknown, stale read"), &make::register_history(spoilt));
    }
    for clients in [10, 20, 30] {
        let shape = Shape { clients, keys: 1, operations: 20_000, ..SHAPE };
        let history = make::register_history(make::registers(&mut Dice::new(3), shape));
        time(&format!("one register, {clients} clients"), &history);
    }
    for unknown in [0, 1, 2] {
        let shape = Shape { unknown, ..SHAPE };
        let made = make::store(&mut Dice::new(2), shape);
        time(&format!("store, {unknown} % unknown"), &made.history());
    }
}

fn time(name: &str, history: &History) {
    let text = write(history);
    let began = Instant::now();
    let parsed = read(&text).unwrap();
    let reading = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let report = check(&parsed, Limits::default());
    let checking = began.elapsed().as_secs_f64();
    let counts = report.counts;
    println!(
        "{name:<40} {:>7} operations  {:>5} unknown  read {reading:6.2} s  checked {checking:6.2} s  {:>9} steps  {}",
        counts.operations, counts.unknown, counts.steps, report.verdict
    );
}
