//! How long a cluster was without acknowledged writes, as a distribution.

use std::fmt;
use std::time::{Duration, Instant};

/// Durations, sorted.
#[derive(Debug, Clone, Default)]
pub struct Distribution(Vec<Duration>);

impl Distribution {
    /// For each moment, how long until a write that began after it was acknowledged. Moments after which nothing was are left
    /// out.
    #[must_use]
    pub fn until_next_write(moments: &[Instant], acknowledged: &[(Instant, Instant)]) -> Self {
        let next = |moment: &Instant| {
            let after = acknowledged.iter().filter(|(begin, _)| begin > moment);
            after.map(|(_, end)| end.duration_since(*moment)).min()
        };
        let mut all: Vec<Duration> = moments.iter().filter_map(next).collect();
        all.sort_unstable();
        Self(all)
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest that `percent` of all are not above (nearest rank).
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percentile(percent).as_millis();
        write!(f, "p50 {} ms, p90 {} ms, p99 {} ms, max {} ms over {}", ms(50), ms(90), ms(99), ms(100), self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_began_before_does_not_count() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let acknowledged = [(at(5), at(12)), (at(11), at(40)), (at(15), at(30))];
        let distribution = Distribution::until_next_write(&[at(10), at(20)], &acknowledged);
        assert_eq!((distribution.count(), distribution.percentile(100)), (1, Duration::from_millis(20)));
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let distribution = Distribution((1..=200).map(Duration::from_millis).collect());
        assert_eq!([50, 90, 99, 100].map(|p| distribution.percentile(p).as_millis()), [100, 180, 198, 200]);
        assert_eq!(Distribution::default().percentile(99), Duration::ZERO);
    }
}
