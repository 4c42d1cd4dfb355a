//! What came of it, in words and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use sim::campaign::Campaign;
use sim::checkers::Failure;
use sim::counters::Layer;
use sim::world::World;

use super::campaign::Failed;

/// The end of a campaign.
pub(super) struct Report<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) first: u64,
    pub(super) rare: &'a [(&'static str, u64)],
    pub(super) failed: &'a [Failed],
    pub(super) hashes: Option<BTreeMap<u64, u64>>,
    pub(super) seconds: f64,
    pub(super) jobs: usize,
}

/// One line while it goes on.
pub(super) fn progress(campaign: &Campaign, seconds: f64) -> String {
    let mut layers: BTreeMap<Layer, u64> = BTreeMap::new();
    for (what, count) in &campaign.counters.faults {
        *layers.entry(Layer::of(what)).or_default() += count;
    }
    let faults: Vec<String> = layers.iter().map(|(layer, count)| format!("{layer} {count}")).collect();
    format!(
        "{} seeds, {:.1}/s; {} simulated, {:.0} events/s; faults: {}; {} failed",
        campaign.seeds,
        rate(campaign.seeds, seconds),
        span(campaign.micros),
        rate(campaign.events, seconds),
        faults.join(", "),
        campaign.failed
    )
}

/// A single run.
pub(super) fn of_one(world: &World, verdict: &Result<(), Failure>, as_json: bool) -> String {
    let ended = world.so_far();
    let (hash, faults) = (format!("{:016x}", ended.hash), world.counters.fault_count());
    let failure = verdict.as_ref().err();
    if as_json {
        let failure = failure.map(|failure| json!({"checker": failure.checker, "what": failure.what}));
        let object = json!({
            "passed": verdict.is_ok(),
            "failure": failure,
            "events": ended.events,
            "micros": ended.micros,
            "requests": ended.operations,
            "faults": world.counters.faults,
            "paths": world.counters.paths,
            "hash": hash,
        });
        return format!("{object}\n");
    }
    let verdict = failure.map_or_else(|| "passed".to_owned(), |failure| format!("FAILED, {failure}"));
    format!(
        "{} events in {}, {} requests, {faults} faults, hash {hash}\n{verdict}\n",
        ended.events,
        span(ended.micros),
        ended.operations
    )
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let Campaign { seeds, passed, failed, .. } = *self.campaign;
        let mut text = String::from("faults (times, seeds with it)\n");
        table(&mut text, &self.campaign.counters.faults, &self.campaign.seeds_with.faults);
        text.push_str("paths taken (times, seeds with it)\n");
        table(&mut text, &self.campaign.counters.paths, &self.campaign.seeds_with.paths);
        for (seed, hash) in self.hashes.iter().flatten() {
            let _ = writeln!(text, "seed {seed} hash {hash:016x}");
        }
        let (operations, faults) = self.campaign.least.unwrap_or_default();
        let _ = writeln!(
            text,
            "{seeds} seeds from {} in {:.1} s on {} threads: {:.1} seeds/s, {} simulated, {:.0} events/s ({:.0} a thread)",
            self.first,
            self.seconds,
            self.jobs,
            rate(seeds, self.seconds),
            span(self.campaign.micros),
            rate(self.campaign.events, self.seconds),
            self.events_per_thread()
        );
        let _ = writeln!(text, "each seed: at least {operations} requests and {faults} faults");
        for (what, count) in self.rare {
            let _ = writeln!(text, "TOO RARE: {what}, in {count} of {seeds} seeds; nothing was shown of it");
        }
        for Failed { seed, checker, sentence, file, words } in self.failed {
            let _ = writeln!(text, "seed {seed} FAILED, {checker}: {sentence}");
            let _ = writeln!(text, "  play it again: quorate sim --seed {seed} --tell");
            let _ = match file {
                Some(file) => writeln!(text, "  quorate sim --run {} --tell ({words})", file.display()),
                None => writeln!(text, "  {words}"),
            };
        }
        let _ = writeln!(text, "{passed} passed, {failed} failed");
        text
    }

    pub(super) fn json(&self) -> String {
        let rare: BTreeMap<&str, u64> = self.rare.iter().copied().collect();
        let failure = |failed: &Failed| {
            json!({
                "seed": failed.seed,
                "checker": failed.checker,
                "sentence": failed.sentence,
                "file": failed.file.as_ref().map(|file| file.display().to_string()),
            })
        };
        let failures: Vec<serde_json::Value> = self.failed.iter().map(failure).collect();
        let mut object = json!({
            "first_seed": self.first,
            "seeds": self.campaign.seeds,
            "passed": self.campaign.passed,
            "failed": self.campaign.failed,
            "seconds": self.seconds,
            "threads": self.jobs,
            "events": self.campaign.events,
            "events_per_thread_second": self.events_per_thread().round(),
            "simulated_micros": self.campaign.micros,
            "simulated_seconds": self.campaign.micros / 1_000_000,
            "requests": self.campaign.operations,
            "faults": self.campaign.counters.faults,
            "paths": self.campaign.counters.paths,
            "seeds_with_fault": self.campaign.seeds_with.faults,
            "seeds_with_path": self.campaign.seeds_with.paths,
            "too_rare": rare,
            "failures": failures,
        });
        if let Some(hashes) = &self.hashes {
            let hashes: BTreeMap<String, String> =
                hashes.iter().map(|(seed, hash)| (seed.to_string(), format!("{hash:016x}"))).collect();
            object["hashes"] = json!(hashes);
        }
        format!("{object}\n")
    }

    fn events_per_thread(&self) -> f64 {
        rate(self.campaign.events, self.seconds) / f64::from(u32::try_from(self.jobs).unwrap_or(1))
    }
}

fn table(text: &mut String, times: &BTreeMap<&'static str, u64>, seeds: &BTreeMap<&'static str, u64>) {
    for (what, count) in times {
        let _ = writeln!(text, "  {count:>10} {:>7}  {what}", seeds.get(what).copied().unwrap_or(0));
    }
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}

/// A span of the world's time.
fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..=299 => format!("{seconds}.{:03} s", micros / 1000 % 1000),
        300..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
