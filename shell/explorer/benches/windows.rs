//! How long it takes to answer for the last ten seconds of a two-minute run of five nodes: played from its beginning, and where
//! its past was asked for before. `cargo bench -p quorate-explorer`; docs/explorer.md has the figures.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use quorate_explorer::trace::Window;
use quorate_explorer::{Explorer, trace};
use sim::run::{Act, Ask, Run, Step};

const SECOND: u64 = 1_000_000;
const ROUNDS: usize = 9;

/// Two minutes in which a client asks once a second, and now and then something breaks.
fn run() -> Run {
    let mut run = Run::teaching(1, 5);
    for second in 1..120 {
        let op = Ask::Put { key: format!("k{}", second % 7), value: second.to_string() };
        run.script.push(Step { at: second * SECOND, act: Act::Client { to: 0, op } });
        let act = match second % 20 {
            5 => Act::Crash { n: 1 + second % 5 },
            8 => Act::Restart { n: 1 + (second - 3) % 5 },
            12 => Act::Partition { groups: vec![vec![1, 2], vec![3, 4, 5]] },
            15 => Act::Heal,
            _ => continue,
        };
        run.script.push(Step { at: second * SECOND + SECOND / 2, act });
    }
    run
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let (run, last) = (run(), Window { from: 110 * SECOND, until: 120 * SECOND });
    let (mut cold, mut warm, mut bytes, mut events) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let answer = serde_json::to_vec(&trace(&run, last).expect("the run is played")).expect("a trace is JSON");
        cold.push(start.elapsed());
        let mut explorer = Explorer::default();
        for window in 0..11 {
            let (from, until) = (window * 10 * SECOND, (window + 1) * 10 * SECOND);
            explorer.trace(&run, Window { from, until }).expect("the run is played");
        }
        let start = Instant::now();
        let trace = explorer.trace(&run, last).expect("the run is played");
        let again = serde_json::to_vec(&trace).expect("a trace is JSON");
        warm.push(start.elapsed());
        assert_eq!(answer, again, "what is cached changes no byte");
        (bytes, events) = (again.len(), trace.events.len());
    }
    println!("the last 10 s of 2 min, 5 nodes: {events} events, {} kB of JSON", bytes / 1000);
    println!("  played from the beginning        {:7.1} ms", median(cold));
    println!("  its past was asked for before    {:7.1} ms", median(warm));
}
