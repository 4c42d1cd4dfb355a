//! Whether a clock can be trusted, as far as that can be seen: a second clock of the same machine must have gone on by as much. A
//! machine that was suspended, a clock that was slewed or stepped, are seen by it; two clocks that stop together are not. Pure: the
//! driver reads the clocks.

use crate::turn::Time;

/// Reading two clocks one after the other, and their ticks, make them differ by less than this, in microseconds.
const JITTER: u64 = 1_000;
/// The comparison begins anew after so long, so that old differences are not held against a clock for ever.
const WINDOW: u64 = 1_000_000;

/// Compares two clocks, turn by turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockWatch {
    began: Option<(Time, Time)>,
}

impl ClockWatch {
    /// Both clocks were read. True: they differ by more than `drift_bound` millionths of what has passed, so that neither can be
    /// trusted.
    pub fn look(&mut self, clock: Time, other: Time, drift_bound: u64) -> bool {
        let Some((began, other_began)) = self.began else {
            self.began = Some((clock, other));
            return false;
        };
        let (passed, other_passed) = (clock.since(began), other.since(other_began));
        let longer = passed.max(other_passed);
        let tolerated = u128::from(longer) * u128::from(drift_bound) / 1_000_000 + u128::from(JITTER);
        let suspected = u128::from(passed.abs_diff(other_passed)) > tolerated || clock < began;
        if suspected || longer > WINDOW {
            self.began = Some((clock, other));
        }
        suspected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each 10 ms for a second, while the clocks go so many microseconds between two looks.
    fn differ(clock: u64, other: u64) -> bool {
        let mut watch = ClockWatch::default();
        (0..100).any(|look| watch.look(Time(1000 + look * clock), Time(5_000_000 + look * other), 50_000))
    }

    #[test]
    fn clocks_that_keep_the_bound_are_trusted() {
        assert!(!differ(10_000, 10_000));
        assert!(!differ(10_000, 10_400) && !differ(10_400, 10_000));
    }

    #[test]
    fn clocks_that_do_not_are_not() {
        assert!(differ(10_000, 11_000) && differ(11_000, 10_000));
    }

    #[test]
    fn a_clock_that_stood_still_or_jumped_is_noticed_at_the_next_look_and_once() {
        for (clock, other) in [(1_000, 90_000), (90_000, 1_000), (0, 90_000)] {
            let mut watch = ClockWatch::default();
            assert!(!watch.look(Time(1_000), Time(1_000), 50_000));
            assert!(watch.look(Time(clock), Time(other), 50_000), "{clock} {other}");
            assert!(!watch.look(Time(clock + 5), Time(other + 5), 50_000));
        }
    }

    #[test]
    fn numbers_without_measure_are_compared_too() {
        let mut watch = ClockWatch::default();
        assert!(!watch.look(Time(0), Time(0), u64::MAX));
        assert!(!watch.look(Time(u64::MAX), Time(0), u64::MAX));
    }
}
