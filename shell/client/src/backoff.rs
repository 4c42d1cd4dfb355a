//! How long to wait before the same member is asked again. It has no clock; the dice are its caller's.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// The wait before the `round`th return to members that were all asked before (from 1): doubling, with a limit. `dice`, from
/// 0 to 1, picks a place in its upper half, so that clients that failed together do not come back together.
pub(crate) fn wait(round: u32, dice: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << round.saturating_sub(1).min(16));
    doubled.min(LONGEST).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let longest = |round| wait(round, 1.0).as_millis();
        assert_eq!([1, 2, 3, 6, 7, 99].map(longest), [10, 20, 40, 320, 500, 500]);
        assert_eq!(wait(3, 0.0), Duration::from_millis(20));
        assert_eq!(wait(0, 1.0), FIRST);
    }
}
