//! Elections, thousands of them: how often votes split and how long nodes wait, for timeouts drawn from ranges of any width
//! (paper 9.3, and the page's exercise on equal timeouts). The nodes are the core's; timers, a network and a disk lie around them.
//!
//! It knows the plain algorithm only (no pre-vote, no loyalty), as both sources draw it: what is measured is what chance does.

mod cluster;
mod half_connected;

use std::collections::BTreeMap;

use crate::dice::Dice;
use cluster::Cluster;

pub use half_connected::{Minute, minute};

/// A message takes between this ...
const DELAY_MIN: u64 = 7_000;
/// ... and this, in microseconds: a round trip is 15 ms, as in the paper's measurements.
const DELAY_MAX: u64 = 8_000;
/// A vote is on the disk after this.
const DISK: u64 = 500;
/// After so many rounds without a winner an election is given up.
pub const ROUNDS_MAX: u64 = 20;

/// Who waits for a timeout in a cluster of five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// All five, from the same moment on.
    Five,
    /// The four who heard the last heartbeat of a leader that is gone.
    FourAfterACrash,
}

/// From when to when a node may lose its patience, in microseconds after the last word of a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Not before.
    pub least: u64,
    /// Not after.
    pub most: u64,
}

/// What came of some elections.
#[derive(Debug, Clone, PartialEq)]
pub struct Elections {
    /// Timeouts were drawn from this.
    pub range: Range,
    /// Who waited.
    pub waiting: Waiting,
    /// How many there were.
    pub count: u64,
    /// So many had no winner in their first round.
    pub split: u64,
    /// So many had none in [`ROUNDS_MAX`] rounds.
    pub endless: u64,
    /// Rounds of those that ended, all together.
    pub rounds: u64,
    /// The most of one that ended.
    pub rounds_most: u64,
    /// From the least timeout to the first that stood, in microseconds, all together.
    pub waited: u64,
    /// What was sent from the first timeout until somebody led, by kind of message.
    pub messages: BTreeMap<&'static str, u64>,
}

impl Range {
    /// The ranges that are measured by default: equal timeouts, and from 150 ms on ever wider ones.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let wider = [1, 5, 10, 25, 50, 100, 150].map(|width| Self { least: 150_000, most: 150_000 + width * 1000 });
        std::iter::once(Self { least: 200_000, most: 200_000 }).chain(wider).collect()
    }

    /// How far apart the ends are, in microseconds.
    #[must_use]
    pub fn width(self) -> u64 {
        self.most - self.least
    }
}

impl Waiting {
    /// How many wait.
    #[must_use]
    pub fn nodes(self) -> u64 {
        match self {
            Self::Five => 5,
            Self::FourAfterACrash => 4,
        }
    }

    /// The mean of the least of so many uniform draws from a range of this width.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "widths are small")]
    pub fn theory(self, width: u64) -> f64 {
        width as f64 / (self.nodes() + 1) as f64
    }
}

/// Holds so many elections, each with dice of its own.
#[must_use]
pub fn hold(range: Range, waiting: Waiting, count: u64, seed: u64) -> Elections {
    let mut all = Elections {
        range,
        waiting,
        count,
        split: 0,
        endless: 0,
        rounds: 0,
        rounds_most: 0,
        waited: 0,
        messages: BTreeMap::new(),
    };
    for number in 0..count {
        let dice = Dice::new(seed, "elections", number);
        let held = match waiting {
            Waiting::Five => Cluster::new(range, dice, 0).elect(),
            Waiting::FourAfterACrash => Cluster::new(range, dice, 0).elect_after_a_crash(),
        };
        all.waited += held.waited;
        for (kind, count) in held.messages {
            *all.messages.entry(kind).or_default() += count;
        }
        all.split += u64::from(held.rounds != Some(1));
        match held.rounds {
            Some(rounds) => {
                all.rounds += rounds;
                all.rounds_most = all.rounds_most.max(rounds);
            }
            None => all.endless += 1,
        }
    }
    all
}

/// What is sent in one election that is won at once, by kind, where every log has so many entries: the same for any log.
#[must_use]
pub fn messages_with_a_log_of(entries: u64, seed: u64) -> BTreeMap<&'static str, u64> {
    let range = Range { least: 150_000, most: 300_000 };
    let one = |number| Cluster::new(range, Dice::new(seed, "elections", number), entries).elect();
    (0..).map(one).find(|held| held.rounds == Some(1)).map(|held| held.messages).unwrap_or_default()
}

#[allow(clippy::cast_precision_loss, reason = "shares and means need few digits")]
impl Elections {
    /// The share without a winner in the first round.
    #[must_use]
    pub fn split_share(&self) -> f64 {
        self.split as f64 / self.count.max(1) as f64
    }

    /// From the least timeout to the first that stood, in microseconds.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.waited as f64 / self.count.max(1) as f64
    }

    /// Rounds to a leader, of those elections that had an end.
    #[must_use]
    pub fn mean_rounds(&self) -> Option<f64> {
        let ended = self.count - self.endless;
        (ended > 0).then(|| self.rounds as f64 / ended as f64)
    }
}
