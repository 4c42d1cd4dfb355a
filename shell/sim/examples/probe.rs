//! probe
#![allow(
    missing_docs,
    clippy::all,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]
use quorate_sim::{campaign::*, draw::run_of_seed};
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let mut c = Campaign::default();
    let t0 = std::time::Instant::now();
    let slow = a.get(2).copied().unwrap_or(500);
    std::panic::set_hook(Box::new(|_| ()));
    for s in a[0]..a[0] + a[1] {
        let t = std::time::Instant::now();
        let o = play(run_of_seed(s)).unwrap();
        if t.elapsed().as_millis() > slow as u128 {
            println!("seed {s} took {:?} events {}", t.elapsed(), o.ended.events);
        }
        if let Err(e) = &o.verdict {
            println!("seed {s} FAILED {:.900}", e.to_string());
        }
        c.add(&o);
    }
    let s = t0.elapsed().as_secs_f64();
    println!(
        "{} passed {} failed in {s:.1}s: {:.1} seeds/s {:.0} events/s least {:?}",
        c.passed,
        c.failed,
        c.seeds as f64 / s,
        c.events as f64 / s,
        c.least
    );
    if a.len() > 3 {
        for k in quorate_sim::counters::FAULTS {
            println!(
                "{:>8} {:>6} {k}",
                c.counters.faults.get(k).unwrap_or(&0),
                c.seeds_with.faults.get(k).unwrap_or(&0)
            );
        }
        for k in quorate_sim::counters::PATHS {
            println!("{:>8} {:>6} {k}", c.counters.paths.get(k).unwrap_or(&0), c.seeds_with.paths.get(k).unwrap_or(&0));
        }
    }
}
