//! Puts at the leader while all members take snapshots, and while none does.

use std::time::Duration;

use crate::Options;
use crate::members::{Members, Turn};
use crate::verdict::{Claim, ELECTION_TIMEOUT_MS};

/// So many entries are never written in a turn.
const NEVER: u64 = 1_000_000_000;

struct Kind {
    count: u64,
    turns: Vec<Turn>,
    /// The longest turn of a loop that froze the state, and of any, in milliseconds.
    freezing_ms: f64,
    any_ms: f64,
}

/// Turns of each kind, each on a cluster of its own with the same state; the order changes from round to round.
pub(crate) async fn measure(options: &Options) -> Vec<Claim> {
    println!("\nputs of 256 bytes by {} clients at the leader, {} MiB of state:", options.clients, options.load_mib);
    let kind = |count| Kind { count, turns: Vec::new(), freezing_ms: 0.0, any_ms: 0.0 };
    let mut kinds: Vec<Kind> = options.counts.iter().copied().chain([NEVER]).map(kind).collect();
    for round in 1..=options.rounds {
        for kind in &mut kinds {
            kind.run(round, options).await;
        }
        kinds.rotate_left(1);
    }
    let found = |count| kinds.iter().find(|kind| kind.count == count).expect("each is measured");
    let without = found(NEVER);
    let mut claims = Vec::new();
    for (place, count) in options.counts.iter().enumerate() {
        let with = found(*count);
        let ratio = with.rate() / without.rate();
        println!(
            "  each {count}: {ratio:.3} of the rate without; longest put {:.0} ms, {:.0} ms without; longest turn that froze {:.1} ms, of \
             all {:.1} ms",
            with.longest(),
            without.longest(),
            with.freezing_ms,
            with.any_ms
        );
        if place == 0 {
            claims = vec![
                Claim::at_least("puts under load with snapshots, of those without", ratio, 0.9),
                Claim::at_most("longest put with snapshots, ms (T is 1000)", with.longest(), ELECTION_TIMEOUT_MS),
                Claim::at_most("longest turn of a loop under load, ms", with.any_ms, ELECTION_TIMEOUT_MS / 2.0),
            ];
        } else {
            let what = format!("the same with one each {count} entries");
            claims.push(Claim::at_least(&what, ratio, 0.9));
        }
    }
    claims
}

impl Kind {
    async fn run(&mut self, round: usize, options: &Options) {
        let members = Members::start(&options.folder, &[format!("--snapshot-count={}", self.count)]).await;
        members.fill(options.load_mib).await;
        members.settled().await;
        let (taken_before, _) = members.snapshots_taken();
        let turn = members.load(options.clients, Duration::from_secs_f64(options.seconds)).await;
        let (taken, ms) = members.snapshots_taken();
        let taken = taken - taken_before;
        let name = if self.count == NEVER { "never".into() } else { format!("each {}", self.count) };
        println!(
            "  round {round}, {name:>12}: {:>6.0} puts/s, p50 {:>5.2} ms, p99 {:>5.1} ms, longest {:>5.1} ms, {taken} snapshots, the \
             longest {ms} ms",
            turn.per_second, turn.p50_ms, turn.p99_ms, turn.longest_ms
        );
        self.turns.push(turn);
        let [freezing, _, any] = members.longest_turns_ms();
        self.freezing_ms = self.freezing_ms.max(freezing);
        self.any_ms = self.any_ms.max(any);
    }

    fn rate(&self) -> f64 {
        let mut rates: Vec<f64> = self.turns.iter().map(|turn| turn.per_second).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    fn longest(&self) -> f64 {
        self.turns.iter().map(|turn| turn.longest_ms).fold(0.0, f64::max)
    }
}
