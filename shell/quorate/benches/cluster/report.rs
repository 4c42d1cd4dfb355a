//! What was measured, as tables: medians over the rounds, beside what was measured elsewhere. It measures nothing.

use std::collections::BTreeMap;

use crate::cpu::Used;
use crate::load::Measured;
use crate::members::System;
use crate::scenario::SCENARIOS;

/// All rounds of all systems.
#[derive(Debug, Default)]
pub(crate) struct Report {
    measured: BTreeMap<(&'static str, String), Vec<Measured>>,
}

impl Report {
    pub(crate) fn add(&mut self, system: &'static str, scenario: String, measured: Measured) {
        self.measured.entry((system, scenario)).or_default().push(measured);
    }

    pub(crate) fn print(&self, systems: &[System]) {
        println!("\nValues of 256 bytes; CPU is for one operation, of all three members together.");
        for system in systems {
            println!("{}: {}", system.name, system.version);
        }
        println!(
            "\n{:<29} {:<12} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9} {:>6}",
            "operation, to whom, clients", "", "ops/s", "p50 ms", "p99 ms", "CPU us", "client us", "others %", "errors"
        );
        for scenario in SCENARIOS {
            let name = scenario.name();
            let found = systems.iter().filter_map(|system| Some((system.name, self.of(system.name, &name)?)));
            let mut label = name.as_str();
            for (system, rounds) in found {
                print_rounds(label, system, rounds);
                label = "";
            }
            if label.is_empty()
                && let Some(quoted) = scenario.quoted
            {
                println!(
                    "{:<29} {:<12} {:>8.0} {:>8.2} {:>8.1} {:>8.0}",
                    "", "etcd, quoted", quoted.per_second, quoted.p50_ms, quoted.p99_ms, quoted.cpu_us
                );
            }
            self.print_ratio(&name);
        }
        self.print_threads();
    }

    fn of(&self, system: &'static str, scenario: &str) -> Option<&[Measured]> {
        self.measured.get(&(system, scenario.to_string())).map(Vec::as_slice)
    }

    fn print_ratio(&self, scenario: &str) {
        let (Some(ours), Some(theirs)) = (self.of("quorate", scenario), self.of("etcd", scenario)) else { return };
        let rate = median(ours, |one| one.per_second) / median(theirs, |one| one.per_second);
        let cpu = median(ours, |one| one.members.cpu_us()) / median(theirs, |one| one.members.cpu_us());
        println!("{:<29} {:<12} {rate:>7.1}x {:>26}x", "", "ratio", format!("{cpu:.2}"));
    }

    /// Where our own CPU goes, and how often threads go to sleep.
    fn print_threads(&self) {
        println!("\nBy thread of all members, for one operation: CPU us (in user mode + in the kernel), times slept");
        for scenario in SCENARIOS {
            let Some(rounds) = self.of("quorate", &scenario.name()) else { continue };
            println!("{}", scenario.name());
            let names = rounds.iter().flat_map(|one| one.threads.iter().map(|(name, _)| name.clone()));
            let mut names: Vec<String> = names.collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let of = |pick: fn(Used) -> f64| median(rounds, |one| pick(thread(one, &name)));
                println!(
                    "    {name:<18} {:>7.1} = {:>6.1} + {:>6.1} {:>9.2}",
                    of(Used::cpu_us),
                    of(|used| used.user_us),
                    of(|used| used.system_us),
                    of(|used| used.sleeps)
                );
            }
        }
    }
}

fn print_rounds(label: &str, system: &str, rounds: &[Measured]) {
    let of = |pick: fn(&Measured) -> f64| median(rounds, pick);
    println!(
        "{label:<29} {system:<12} {:>8.0} {:>8.2} {:>8.1} {:>8.1} {:>10.1} {:>9.0} {:>6}",
        of(|one| one.per_second),
        of(|one| one.p50_ms),
        of(|one| one.p99_ms),
        of(|one| one.members.cpu_us()),
        of(|one| one.client_us),
        of(|one| one.others_percent),
        rounds.iter().map(|one| one.errors).sum::<usize>()
    );
}

fn thread(measured: &Measured, name: &str) -> Used {
    measured.threads.iter().find(|(one, _)| one == name).map_or_else(Used::default, |(_, used)| *used)
}

fn median(rounds: &[Measured], pick: impl Fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(pick).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
