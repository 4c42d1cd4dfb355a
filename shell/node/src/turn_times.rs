//! How long the loop's turns take. While one runs no message leaves and no timer fires, so one that takes as long as an election
//! timeout costs a leadership. Turns that freeze the state for a snapshot, or that take one in, do what is in proportion to the
//! state if done wrongly: they are watched apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

/// Between two complaints.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);
/// A turn that is longer than any before by less than this is not worth a line.
const WORTH_TELLING: Duration = Duration::from_micros(500);

/// What a turn did that could take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Froze the state machine, to be written as a snapshot.
    Freezing,
    /// Had a snapshot take the state machine's place.
    Installing,
    /// Neither.
    Ordinary,
}

/// The longest turns since the start, in microseconds, shared with whoever wants to know.
#[derive(Debug, Default)]
pub(crate) struct LongestTurns {
    micros: [AtomicU64; 3],
}

impl LongestTurns {
    pub(crate) fn of(&self, doing: Doing) -> Duration {
        Duration::from_micros(self.micros[doing as usize].load(Ordering::Relaxed))
    }

    pub(crate) fn longest(&self) -> Duration {
        let micros = self.micros.iter().map(|micros| micros.load(Ordering::Relaxed));
        Duration::from_micros(micros.max().unwrap_or(0))
    }

    fn raise(&self, doing: Doing, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros[doing as usize].fetch_max(micros, Ordering::Relaxed);
    }
}

/// Watches turns as they end.
#[derive(Debug)]
pub(crate) struct TurnTimes {
    /// From here on a turn endangers a leadership.
    too_long: Duration,
    complained: Option<Instant>,
}

impl TurnTimes {
    pub(crate) fn new(election_timeout: Duration) -> Self {
        Self { too_long: election_timeout / 2, complained: None }
    }

    /// A turn ended just now, at `now`.
    pub(crate) fn ended(&mut self, now: Instant, took: Duration, doing: Doing, longest: &LongestTurns) {
        let before = longest.of(doing);
        longest.raise(doing, took);
        if took >= before + WORTH_TELLING {
            debug!(?doing, micros = took.as_micros(), "the longest turn of its kind so far");
        }
        if took < self.too_long || self.complained.is_some_and(|last| now < last + COMPLAINT_PAUSE) {
            return;
        }
        self.complained = Some(now);
        warn!(
            ?doing,
            ms = took.as_millis(),
            "a turn took longer than half an election timeout, and no heartbeat left meanwhile: this machine is overloaded, or \
             the process stood still"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_each_kind_is_kept_and_complaints_do_not_crowd() {
        let (longest, start) = (LongestTurns::default(), Instant::now());
        let mut times = TurnTimes::new(Duration::from_secs(1));
        times.ended(start, Duration::from_millis(3), Doing::Freezing, &longest);
        times.ended(start, Duration::from_millis(2), Doing::Freezing, &longest);
        times.ended(start, Duration::from_millis(499), Doing::Ordinary, &longest);
        assert_eq!(times.complained, None, "nobody is in danger");
        times.ended(start, Duration::from_millis(500), Doing::Ordinary, &longest);
        times.ended(start + COMPLAINT_PAUSE / 2, Duration::from_millis(700), Doing::Ordinary, &longest);
        assert_eq!(times.complained, Some(start));
        let later = start + COMPLAINT_PAUSE;
        times.ended(later, Duration::from_millis(600), Doing::Ordinary, &longest);
        assert_eq!(times.complained, Some(later));
        assert_eq!(longest.longest().as_millis(), 700);
        let all = [Doing::Freezing, Doing::Installing, Doing::Ordinary].map(|doing| longest.of(doing).as_millis());
        assert_eq!(all, [3, 0, 700]);
    }
}
