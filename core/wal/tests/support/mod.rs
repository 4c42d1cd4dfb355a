//! What several tests of the log share: a naive model, workloads, planted bugs and the crash checker.

#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod crash;
pub(crate) mod model;
pub(crate) mod planted;
pub(crate) mod workload;

/// Numbers that look random and are the same in each run (the steps of splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
