//! Chance that comes out the same for the same seed, as many streams as there are purposes: a client more does not change what
//! the network does. It knows nothing of what is decided by it.

/// One stream of chance (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of this purpose under this seed.
    #[must_use]
    pub(crate) fn new(seed: u64, purpose: &str, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        for byte in purpose.bytes() {
            dice.0 = dice.0.wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte);
            dice.roll();
        }
        dice
    }

    /// Any number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`; 0 if there is none.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.roll()) * u128::from(count);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// One of `least..=most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True so many times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1000) < per_mille
    }

    /// A place in a list of this length.
    pub(crate) fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.place(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_their_own_and_come_again() {
        let all = |purpose: &str, number| {
            let mut dice = Dice::new(7, purpose, number);
            (0..4).map(|_| dice.roll()).collect::<Vec<u64>>()
        };
        assert_eq!(all("network", 0), all("network", 0));
        assert_ne!(all("network", 0), all("network", 1));
        assert_ne!(all("network", 0), all("disk", 0));
    }

    #[test]
    fn all_numbers_of_a_range_come() {
        let mut dice = Dice::new(1, "test", 0);
        let mut seen = [0; 5];
        (0..1000).for_each(|_| seen[dice.place(5)] += 1);
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
        assert_eq!(dice.below(0), 0);
    }
}
