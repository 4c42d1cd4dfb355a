//! How long a leader waits for a majority to answer a round: the broadcast time of the paper (section 5.6), of which the election
//! timeout should be many times. Pure: moments in, a warning out. It does not know who is warned, and how.

use crate::turn::Time;

/// So many rounds are looked at together: one that was late says nothing.
const SAMPLES: usize = 16;
/// Of rounds that follow each other sooner than T divided by this only the first counts, so that a moment of trouble is one sample.
const SAMPLES_A_TIMEOUT: u64 = 10;
/// T should be at least so many times the round trip: "an order of magnitude" (section 5.6).
const FACTOR: u64 = 10;
/// Nobody is warned again before that: ten minutes, in microseconds.
const SILENCE: u64 = 600 * 1_000_000;

/// The rounds of a leader.
#[derive(Debug, Clone, Default)]
pub struct RoundTimes {
    recent: Vec<u64>,
    noted: Option<Time>,
    typical: Option<u64>,
    warned: Option<Time>,
}

/// The election timeout is not far above the time that a round takes: a few late messages, and a leader that is well is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearTimeout {
    /// The median of the latest rounds, in microseconds.
    pub round: u64,
    /// T, in microseconds.
    pub election_timeout: u64,
}

impl RoundTimes {
    /// A round was confirmed at `now` that left at `sent`. Says when T is too near, once in ten minutes.
    pub fn confirmed(&mut self, now: Time, sent: Time, election_timeout: u64) -> Option<NearTimeout> {
        let pause = election_timeout / SAMPLES_A_TIMEOUT;
        if self.noted.is_some_and(|noted| now.since(noted) < pause) {
            return None;
        }
        self.noted = Some(now);
        self.recent.push(now.since(sent));
        if self.recent.len() < SAMPLES {
            return None;
        }
        self.recent.sort_unstable();
        let round = self.recent[SAMPLES / 2];
        self.recent.clear();
        self.typical = Some(round);
        let is_near = round.saturating_mul(FACTOR) > election_timeout;
        let told_lately = self.warned.is_some_and(|warned| now.since(warned) < SILENCE);
        if !is_near || told_lately {
            return None;
        }
        self.warned = Some(now);
        Some(NearTimeout { round, election_timeout })
    }

    /// This member leads no more: what it measured says nothing of another's rounds.
    pub fn forget(&mut self) {
        self.recent.clear();
        self.typical = None;
    }

    /// The median of the last sixteen rounds that counted, in microseconds; none before there were so many.
    #[must_use]
    pub fn typical(&self) -> Option<u64> {
        self.typical
    }
}

impl NearTimeout {
    /// The least T that is far enough from it, in microseconds.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.round.saturating_mul(FACTOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_000_000;

    /// Rounds that took so many microseconds, one confirmed each 100 ms from `begin` on.
    fn rounds(times: &mut RoundTimes, begin: u64, took: impl Fn(u64) -> u64, count: u64) -> Vec<NearTimeout> {
        let moments = (0..count).map(|n| (begin + n * 100_000, took(n)));
        moments.filter_map(|(now, took)| times.confirmed(Time(now), Time(now - took), T)).collect()
    }

    #[test]
    fn a_round_trip_near_t_is_told_after_sixteen_rounds_and_then_once_in_a_while() {
        let mut times = RoundTimes::default();
        assert_eq!(rounds(&mut times, 1_000_000, |_| 101_000, 15), []);
        let near = NearTimeout { round: 101_000, election_timeout: T };
        assert_eq!(rounds(&mut times, 2_500_000, |_| 101_000, 1), [near]);
        assert_eq!((times.typical(), near.wanted()), (Some(101_000), 1_010_000));
        assert_eq!(rounds(&mut times, 3_000_000, |_| 101_000, 5000), [], "for ten minutes nobody is told again");
        assert_eq!(rounds(&mut times, 610_000_000, |_| 101_000, 500), [near], "then once");
    }

    #[test]
    fn t_of_ten_round_trips_is_enough_and_single_late_rounds_do_not_matter() {
        let mut times = RoundTimes::default();
        assert_eq!(rounds(&mut times, 1_000_000, |_| 100_000, 100), []);
        assert_eq!(rounds(&mut times, 20_000_000, |n| if n % 16 < 7 { 90_000 + 800_000 } else { 500 }, 100), []);
    }

    #[test]
    fn many_rounds_within_a_moment_are_one_sample() {
        let mut times = RoundTimes::default();
        let slow = (0..1000).filter_map(|n| times.confirmed(Time(900_000 + n), Time(0), T)).count();
        assert_eq!((slow, times.typical()), (0, None));
    }

    #[test]
    fn what_an_earlier_reign_measured_is_forgotten() {
        let mut times = RoundTimes::default();
        let _ = rounds(&mut times, 1_000_000, |_| 1000, 24);
        times.forget();
        assert_eq!(times.typical(), None);
        let _ = rounds(&mut times, 10_000_000, |_| 2000, 15);
        assert_eq!(times.typical(), None);
    }
}
