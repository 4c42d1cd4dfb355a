//! The states that were reached, as fingerprints: 16 bytes each, or 8 where a search is too large for that. Open
//! addressing; several threads put states in at once, and nobody locks anything.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How much of a fingerprint is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// All 128 bits.
    Whole,
    /// 64 bits: half the memory, for searches of hundreds of millions of states.
    Half,
}

impl Width {
    /// The chance that a search over so many states takes two of them for one, and so may have left some out: the number
    /// of pairs over the number of fingerprints.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a chance needs no more than a few digits")]
    pub fn collision_odds(self, states: u64) -> f64 {
        let pairs = states as f64 * states as f64 / 2.0;
        match self {
            Self::Whole => pairs / 2f64.powi(128),
            Self::Half => pairs / 2f64.powi(64),
        }
    }

    fn words(self) -> usize {
        match self {
            Self::Whole => 2,
            Self::Half => 1,
        }
    }
}

/// See the module.
pub(crate) struct Table {
    width: Width,
    capacity: usize,
    /// Slots of one or two words, never 0 when taken. The second word follows the first.
    words: Vec<AtomicU64>,
    len: AtomicUsize,
}

/// Room for what several threads add between two looks at how full it is.
const CAPACITY_MIN: usize = 1 << 18;

/// The two halves of a fingerprint, neither of them 0.
fn halves(fingerprint: u128) -> (u64, u64) {
    let half = |part: u128| u64::try_from(part).unwrap_or(u64::MAX).max(1);
    (half(fingerprint >> 64), half(fingerprint & u128::from(u64::MAX)))
}

impl Table {
    /// With room for so many states before it must grow.
    pub(crate) fn new(width: Width, states: u64) -> Self {
        let wanted = usize::try_from(states.saturating_mul(4) / 3).unwrap_or(usize::MAX);
        Self::of_capacity(width, wanted.max(CAPACITY_MIN))
    }

    fn of_capacity(width: Width, capacity: usize) -> Self {
        let words = std::iter::repeat_with(AtomicU64::default).take(capacity * width.words()).collect();
        Self { width, capacity, words, len: AtomicUsize::new(0) }
    }

    /// States in it, as of the last [`Table::count`].
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// So many states were put in.
    pub(crate) fn count(&self, new: usize) {
        self.len.fetch_add(new, Ordering::Relaxed);
    }

    /// It must grow before much more is put in.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity / 4 * 3
    }

    /// Bytes that it takes, or takes for a moment when it grows next.
    pub(crate) fn bytes_when_grown(&self) -> u64 {
        let bytes = (self.words.len() * size_of::<AtomicU64>()) as u64;
        if self.is_full() { bytes / 2 * 5 } else { bytes }
    }

    /// The same states with more room.
    pub(crate) fn grown(&self) -> Self {
        let grown = Self::of_capacity(self.width, self.capacity / 2 * 3);
        for slot in self.words.chunks_exact(self.width.words()) {
            let word = |at: usize| slot.get(at).map_or(1, |word| word.load(Ordering::Relaxed));
            if word(0) != 0 {
                grown.put(word(0), word(1));
            }
        }
        grown.count(self.len());
        grown
    }

    /// Brings the place of a state near. Many of these in a row wait for memory together.
    pub(crate) fn touch(&self, fingerprint: u128) -> u64 {
        let (one, _) = halves(fingerprint);
        self.words[self.home(one) * self.width.words()].load(Ordering::Relaxed)
    }

    /// Says whether the state is new.
    pub(crate) fn insert(&self, fingerprint: u128) -> bool {
        let (one, two) = halves(fingerprint);
        self.put(one, two)
    }

    fn put(&self, one: u64, two: u64) -> bool {
        let mut at = self.home(one);
        loop {
            let first = &self.words[at * self.width.words()];
            let here = match first.load(Ordering::Acquire) {
                0 => first.compare_exchange(0, one, Ordering::AcqRel, Ordering::Acquire),
                taken => Err(taken),
            };
            match here {
                Ok(_) => {
                    self.finish(at, two);
                    return true;
                }
                Err(here) if here == one && self.is_second(at, two) => return false,
                Err(_) => at = if at + 1 == self.capacity { 0 } else { at + 1 },
            }
        }
    }

    fn finish(&self, at: usize, two: u64) {
        if self.width == Width::Whole {
            self.words[at * 2 + 1].store(two, Ordering::Release);
        }
    }

    /// The second word of a slot that is taken, where there is one. Whoever took it may be about to write it.
    fn is_second(&self, at: usize, two: u64) -> bool {
        if self.width == Width::Half {
            return true;
        }
        loop {
            match self.words[at * 2 + 1].load(Ordering::Acquire) {
                0 => std::hint::spin_loop(),
                second => return second == two,
            }
        }
    }

    fn home(&self, one: u64) -> usize {
        let place = (u128::from(one) * self.capacity as u128) >> 64;
        usize::try_from(place).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint;

    fn state(number: u64) -> u128 {
        fingerprint::of(&number)
    }

    #[test]
    fn what_was_put_in_is_found_also_after_growth() {
        for width in [Width::Whole, Width::Half] {
            let table = Table::new(width, 0);
            (0..9000).for_each(|number| assert!(table.insert(state(number))));
            table.count(9000);
            let table = table.grown();
            assert!((0..9000).all(|number| !table.insert(state(number))), "they are there already");
            assert!(table.insert(state(9000)));
            assert_eq!(table.len(), 9000);
        }
    }

    #[test]
    fn each_state_is_new_to_one_thread_only() {
        let table = Table::new(Width::Whole, 0);
        let count = || (0..50_000).filter(|number| table.insert(state(*number))).count();
        let new: usize = std::thread::scope(|scope| {
            let threads = [scope.spawn(count), scope.spawn(count)];
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(new, 50_000);
    }

    #[test]
    fn states_that_agree_in_one_half_are_two_where_both_are_kept() {
        let table = Table::new(Width::Whole, 0);
        assert!(table.insert((7 << 64) | 1) && table.insert((7 << 64) | 2) && !table.insert((7 << 64) | 1));
        let table = Table::new(Width::Half, 0);
        assert!(table.insert((7 << 64) | 1) && !table.insert((7 << 64) | 2));
    }

    #[test]
    fn odds_are_those_of_birthdays() {
        assert!((Width::Half.collision_odds(1 << 32) - 0.5).abs() < 1e-9);
        assert!(Width::Whole.collision_odds(1 << 32) < 1e-18);
    }
}
