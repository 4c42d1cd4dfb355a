//! Random choices that can be made again: a seed that is printed, and splitmix64.

/// Dice.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// From `QUORATE_SEED`, or from the clock. The seed is printed.
    ///
    /// # Panics
    /// When `QUORATE_SEED` is no number.
    #[must_use]
    pub fn from_environment() -> Self {
        let seed = match std::env::var("QUORATE_SEED") {
            Ok(text) => text.parse().expect("QUORATE_SEED is a whole number"),
            Err(_) => std::time::UNIX_EPOCH.elapsed().map_or(1, |since| u64::from(since.subsec_nanos())),
        };
        eprintln!("QUORATE_SEED={seed}");
        Self(seed)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^= value >> 31;
        usize::try_from(value % bound as u64).expect("below a usize")
    }
}
