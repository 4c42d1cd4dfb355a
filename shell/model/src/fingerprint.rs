//! 128-bit fingerprints, the same on every machine and in every run. A search keeps them in place of states: with `n` states
//! the chance that two of them share one is about `n² / 2^129`, for a billion states less than one in 10^20.
//!
//! Fingerprints of parts are added up to that of a set, so the order of its members does not matter.

use std::hash::{Hash, Hasher};

/// Two independent lanes of 64 bits.
pub(crate) struct Digest {
    one: u64,
    two: u64,
}

/// The fingerprint of a value.
pub(crate) fn of(value: &impl Hash) -> u128 {
    let mut digest = Digest { one: 0x243f_6a88_85a3_08d3, two: 0x1319_8a2e_0370_7344 };
    value.hash(&mut digest);
    (u128::from(mix(digest.one)) << 64) | u128::from(mix(digest.two ^ digest.one.rotate_left(32)))
}

/// Half of one.
pub(crate) fn short(fingerprint: u128) -> u64 {
    mix(u64::try_from(fingerprint >> 64).unwrap_or(0) ^ u64::try_from(fingerprint & u128::from(u64::MAX)).unwrap_or(0))
}

/// All bits of the result depend on all bits of `value`.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let value = (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    value ^ (value >> 32)
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        mix(self.one)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.one = (self.one.rotate_left(29) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.one ^= self.one >> 31;
        self.two = (self.two.rotate_left(41) ^ value).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        self.two ^= self.two >> 33;
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(u64::try_from(value >> 64).unwrap_or(0));
        self.write_u64(u64::try_from(value & u128::from(u64::MAX)).unwrap_or(0));
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value.cast_unsigned() as u64);
    }
}

/// For tables whose keys are fingerprints or small numbers already.
#[derive(Default, Clone, Copy)]
pub(crate) struct Quick;

/// See [`Quick`].
pub(crate) struct QuickHasher(u64);

impl std::hash::BuildHasher for Quick {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher(0)
    }
}

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_in_every_run_and_differs_by_any_part() {
        assert_eq!(of(&(1u64, "a")), of(&(1u64, "a")));
        assert_eq!(of(&7u64), 0xdeaadeefd50f215054939a7ba5e6b2b5, "written down: a change makes old figures differ");
        let values = (0..1000u64).flat_map(|one| (0..10u64).map(move |two| of(&(one, two))));
        let distinct: std::collections::BTreeSet<u128> = values.collect();
        assert_eq!(distinct.len(), 10_000);
        let halves: std::collections::BTreeSet<u64> =
            distinct.iter().map(|value| u64::try_from(value >> 64).unwrap()).collect();
        assert_eq!(halves.len(), 10_000, "each half tells them apart");
    }
}
