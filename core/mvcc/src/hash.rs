//! A small hash of our own: the same on every machine and in every version, because members are compared by it and
//! streams are sealed with it. It finds damage and divergence; it does not withstand an adversary.
//!
//! For a fixed input word each step maps states one to one, and for a fixed state it maps words one to one. So two
//! inputs that differ in a single word never end in the same state.

use crate::response::KeyValue;

/// The hash being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hasher(u64);

/// Odd, so that multiplying by it loses nothing (the golden ratio of 2^64).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher {
    /// Before any input.
    #[must_use]
    pub fn new() -> Self {
        Self(FACTOR)
    }

    /// Takes a number in.
    #[inline]
    pub fn number(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(FACTOR);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Takes a signed number in.
    #[inline]
    pub fn signed(&mut self, value: i64) {
        self.number(value.cast_unsigned());
    }

    /// Takes bytes in, their number first.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.number(u64::from_le_bytes(word));
        }
    }

    /// The hash of what was taken in.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes a pair in, with all its columns.
pub fn hash_key_value(hasher: &mut Hasher, pair: &KeyValue) {
    hasher.bytes(&pair.key);
    hasher.signed(pair.create_revision);
    hasher.signed(pair.mod_revision);
    hasher.signed(pair.version);
    hasher.signed(pair.lease);
    hasher.bytes(&pair.value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> u64 {
        let mut hasher = Hasher::new();
        hasher.bytes(bytes);
        hasher.finish()
    }

    #[test]
    fn it_is_the_same_for_ever() {
        // Recorded when the stream's version 1 was made: another value means that old streams can't be read.
        assert_eq!(of(b"quorate"), RECORDED);
    }

    #[test]
    fn every_bit_counts() {
        let text = *b"the quick brown fox jumps over the lazy dog";
        for bit in 0..text.len() * 8 {
            let mut other = text;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(of(&text), of(&other), "bit {bit}");
        }
        assert_ne!(of(b"a"), of(b"a\0"));
    }

    const RECORDED: u64 = 18_182_108_455_812_573_327;
}
