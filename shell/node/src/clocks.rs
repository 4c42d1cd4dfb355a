//! The machine's clocks: the one that a member's turns go by, and what it is compared with. One that stops while the machine
//! sleeps, or that is slewed, is caught by the others ([`ClockWatch`]). What follows from that is not decided here.

use std::time::Instant;

use replica::{ClockWatch, Time};

/// By so many millionths two clocks of a machine may differ where the cluster agreed on nothing.
const DRIFT_TOLERATED: u64 = 50_000;

/// Clocks that were read within so many microseconds were read at once.
const MOMENT: u64 = 200;
/// So often it is tried to read them at once.
const LOOKS_MAX: usize = 8;

/// The clocks since a member started.
pub(crate) struct Clocks {
    start: Instant,
    watches: [ClockWatch; OTHERS],
}

impl Clocks {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), watches: [ClockWatch::default(); OTHERS] }
    }

    /// Microseconds since the start.
    pub(crate) fn now(&self) -> Time {
        Time(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Whether the clock went another way than the machine's others since the last look. `drift_bound` is what the cluster agreed
    /// on, in millionths, or 0; half of it is left to the other members.
    pub(crate) fn are_suspected(&mut self, drift_bound: u64) -> bool {
        let tolerated = if drift_bound == 0 { DRIFT_TOLERATED } else { drift_bound / 2 };
        let Some((now, others)) = (0..LOOKS_MAX).find_map(|_| self.look()) else { return true };
        let looks = self.watches.iter_mut().zip(others).map(|(watch, other)| watch.look(now, other, tolerated));
        // Each of them looks.
        looks.fold(false, |any, one| any | one)
    }

    /// All clocks at one moment: not if this thread had to wait in between, which would look like a difference.
    fn look(&self) -> Option<(Time, [Time; OTHERS])> {
        let (now, others) = (self.now(), others());
        (self.now().since(now) < MOMENT).then_some((now, others))
    }
}

/// How many other clocks there are.
#[cfg(target_os = "linux")]
const OTHERS: usize = 2;

/// One that goes on while the machine sleeps, and one that nobody slews.
#[cfg(target_os = "linux")]
fn others() -> [Time; OTHERS] {
    use rustix::time::{ClockId, clock_gettime};
    [ClockId::Boottime, ClockId::MonotonicRaw].map(|id| {
        let time = clock_gettime(id);
        let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
        Time(seconds.saturating_mul(1_000_000).saturating_add(nanos / 1000))
    })
}

#[cfg(not(target_os = "linux"))]
const OTHERS: usize = 0;

#[cfg(not(target_os = "linux"))]
fn others() -> [Time; OTHERS] {
    []
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_a_machine_that_is_awake_agree() {
        let mut clocks = Clocks::new();
        let suspected = (0..1000).filter(|_| clocks.are_suspected(20_000)).count();
        assert_eq!(suspected, 0);
    }
}
