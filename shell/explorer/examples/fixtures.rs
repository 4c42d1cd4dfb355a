//! Writes windows of real runs for the tests of the page: `cargo run -p quorate-explorer --example fixtures -- web/tests/fixtures`.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::path::PathBuf;

use quorate_explorer::trace::Window;
use sim::run::{Act, Ask, Order, Run, Step};

fn step(at: u64, act: Act) -> Step {
    Step { at: at * 1000, act }
}

fn put(at: u64, key: &str, value: &str) -> Step {
    step(at, Act::Client { to: 0, op: Ask::Put { key: key.into(), value: value.into() } })
}

fn with(seed: u64, members: u64, script: Vec<Step>) -> Run {
    Run { script, ..Run::teaching(seed, members) }
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to write to is named"));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let mut snapshots = with(3, 3, vec![step(600, Act::Crash { n: 3 })]);
    (snapshots.limits.snapshot_entries, snapshots.limits.snapshot_tail) = (5, 0);
    snapshots.script.extend((0..12).map(|at| put(800 + 100 * at, "x", &at.to_string())));
    snapshots.script.push(step(2400, Act::Restart { n: 3 }));
    let order = |order| Act::Order { at: 0, order, wish: false };
    let all = [
        ("election", with(1, 5, vec![]), 0, 1500),
        ("set", with(1, 5, vec![put(700, "x", "3")]), 500, 1500),
        (
            "crash",
            with(
                1,
                5,
                vec![
                    put(700, "x", "3"),
                    step(1000, Act::Crash { n: 1 }),
                    step(1100, Act::Crash { n: 5 }),
                    step(2000, Act::Restart { n: 1 }),
                ],
            ),
            900,
            3000,
        ),
        (
            "partition",
            with(
                1,
                5,
                vec![
                    put(700, "x", "3"),
                    step(1000, Act::Partition { groups: vec![vec![1, 2], vec![3, 4, 5]] }),
                    step(1200, Act::Client { to: 1, op: Ask::Put { key: "x".into(), value: "4".into() } }),
                    step(1900, Act::Client { to: 4, op: Ask::Put { key: "x".into(), value: "5".into() } }),
                    step(2500, Act::Heal),
                ],
            ),
            900,
            4000,
        ),
        (
            "joint",
            with(1, 3, vec![put(700, "x", "3"), step(1000, order(Order::Resize { voters: 3, fresh: 2 }))]),
            900,
            3500,
        ),
        ("snapshot", snapshots, 700, 3500),
    ];
    for (name, run, from, until) in all {
        let trace = quorate_explorer::trace(&run, Window { from: from * 1000, until: until * 1000 })
            .expect("the run is played");
        let text = serde_json::to_string(&serde_json::json!({ "run": run, "trace": trace })).expect("it is JSON");
        println!("{name}: {} events, {} bytes, digest {}", trace.events.len(), text.len(), trace.digest);
        std::fs::write(folder.join(format!("{name}.json")), text + "\n").expect("the file can be written");
    }
}
