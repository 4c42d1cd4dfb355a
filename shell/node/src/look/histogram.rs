//! How long things took: counts by classes of length, four to a doubling, so that a percentile is right to a fifth. Two readings of one
//! that only grows give what was between them. It does not know what is measured.

use std::time::Duration;

/// Below this many microseconds each length is a class of its own.
const EXACT: u64 = 4;
/// All lengths up to an hour and more.
const CLASSES: usize = 124;

/// Counts of durations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    /// All together, in microseconds: this is exact.
    sum: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; CLASSES], sum: 0 }
    }
}

impl Histogram {
    /// One more.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counts[class(micros)] += 1;
        self.sum = self.sum.saturating_add(micros);
    }

    /// What was recorded since `earlier`, a reading of the same.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then));
        Self { counts: counts.collect(), sum: self.sum.saturating_sub(earlier.sum) }
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, in microseconds. Means of parts sum up to that of the whole, as percentiles do not.
    #[must_use]
    pub fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.count())
    }

    /// So many thousandths took no longer, in microseconds: the middle of the class. None where nothing was recorded.
    #[must_use]
    pub fn permille(&self, permille: u64) -> Option<u64> {
        let count = self.count();
        let rank = (count * permille).div_ceil(1000).max(1);
        let mut passed = 0;
        let at = self.counts.iter().position(|count| {
            passed += count;
            passed >= rank
        })?;
        Some(middle(at))
    }
}

fn class(micros: u64) -> usize {
    if micros < EXACT {
        return usize::try_from(micros).unwrap_or(0);
    }
    let doubling = micros.ilog2() - 2;
    let quarter = (micros >> doubling) & 3;
    let class = u64::from(doubling) * 4 + quarter + EXACT;
    usize::try_from(class).map_or(CLASSES - 1, |class| class.min(CLASSES - 1))
}

fn middle(class: usize) -> u64 {
    let class = class as u64;
    if class < EXACT {
        return class;
    }
    let (doubling, quarter) = ((class - EXACT) / 4, (class - EXACT) % 4);
    ((EXACT + quarter) << doubling) + ((1 << doubling) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_to_a_fifth() {
        for micros in (0..100).chain([999, 1000, 65_535, 65_536, 1_000_000, 3_600_000_000]) {
            let told = middle(class(micros));
            assert!(told.abs_diff(micros) * 5 <= micros, "{micros} is told as {told}");
        }
        assert_eq!(class(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn percentiles_are_of_what_was_recorded_since() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.permille(500), None);
        histogram.record(Duration::from_secs(5));
        let before = histogram.clone();
        (1..=99).for_each(|_| histogram.record(Duration::from_micros(2)));
        histogram.record(Duration::from_micros(3));
        let since = histogram.since(&before);
        assert_eq!(
            (since.count(), since.permille(500), since.permille(990), since.permille(1000)),
            (100, Some(2), Some(2), Some(3))
        );
        assert_eq!((since.mean(), histogram.mean(), Histogram::default().mean()), (Some(2), Some(49_506), None));
        assert!(histogram.permille(1000).is_some_and(|longest| longest > 4_000_000));
    }
}
