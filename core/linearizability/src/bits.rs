//! A set of small numbers that fills from below, with a short exact name for what it holds.
//!
//! The search asks again and again whether it has seen a set of operations before. Such a set is nearly always "all up to here,
//! and a few more", so its name leaves out the full words in front and the empty ones behind. Knows nothing of operations.

/// A set of numbers below a bound.
#[derive(Debug, Clone)]
pub(crate) struct Bits {
    words: Vec<u64>,
    /// So many words in front are full.
    full: usize,
    /// No word from here on holds anything.
    end: usize,
}

const WORD: usize = 64;

impl Bits {
    /// An empty set that can hold the numbers below `bound`.
    pub(crate) fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(WORD)], full: 0, end: 0 }
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.words[number / WORD] & mask(number) != 0
    }

    pub(crate) fn insert(&mut self, number: usize) {
        let word = number / WORD;
        self.words[word] |= mask(number);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
        self.end = self.end.max(word + 1);
    }

    pub(crate) fn remove(&mut self, number: usize) {
        let word = number / WORD;
        self.words[word] &= !mask(number);
        self.full = self.full.min(word);
        while self.end > 0 && self.words[self.end - 1] == 0 {
            self.end -= 1;
        }
    }

    /// Appends the name of this set. Two sets have the same name exactly if they hold the same numbers, and no name is the
    /// beginning of another.
    pub(crate) fn append_name(&self, name: &mut Vec<u64>) {
        let between = self.words.get(self.full..self.end).unwrap_or(&[]);
        name.extend([self.full as u64, between.len() as u64]);
        name.extend_from_slice(between);
    }
}

fn mask(number: usize) -> u64 {
    1 << (number % WORD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn name(bits: &Bits) -> Vec<u64> {
        let mut name = Vec::new();
        bits.append_name(&mut name);
        name
    }

    proptest! {
        #[test]
        fn names_are_equal_exactly_if_the_sets_are(
            first in proptest::collection::vec((any::<bool>(), 0..200_usize), 0..500),
            second in proptest::collection::vec((any::<bool>(), 0..200_usize), 0..500),
            filled in 0..200_usize,
        ) {
            let mut both = Vec::new();
            for changes in [&first, &second] {
                let (mut bits, mut set) = (Bits::new(200), BTreeSet::new());
                for number in 0..filled {
                    bits.insert(number);
                    set.insert(number);
                }
                for &(insert, number) in changes {
                    if insert {
                        bits.insert(number);
                        set.insert(number);
                    } else {
                        bits.remove(number);
                        set.remove(&number);
                    }
                }
                prop_assert!((0..200).all(|number| bits.contains(number) == set.contains(&number)));
                let mut afresh = Bits::new(200);
                set.iter().for_each(|&number| afresh.insert(number));
                prop_assert_eq!(name(&bits), name(&afresh));
                both.push((name(&bits), set));
            }
            prop_assert_eq!(both[0].0 == both[1].0, both[0].1 == both[1].1);
        }
    }
}
