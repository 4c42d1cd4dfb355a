//! How a log is laid out. What comes from the outside world (a random seed) comes in here.

use crate::error::OpenError;
use crate::segment::SEGMENT_BYTES_MIN;

/// Settings of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The length of a segment file: a multiple of 512, at least 1024. May differ from one start to the next.
    pub segment_bytes: u64,
    /// The Raft group whose log this is; each record names it.
    pub group: u32,
    /// How many spare segments to keep ready, at least 1: the last one is the reserve for essential batches.
    pub spares: usize,
    /// Random, new for each start: from it segments get the lives that tell their records from what a recycled file held before.
    pub life_seed: u64,
}

impl Options {
    /// The defaults (segments of 64 MiB, two spares) for group 0.
    #[must_use]
    pub fn new(life_seed: u64) -> Self {
        Self { segment_bytes: 64 << 20, group: 0, spares: 2, life_seed }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if self.segment_bytes < SEGMENT_BYTES_MIN || !self.segment_bytes.is_multiple_of(512) {
            let bytes = self.segment_bytes;
            let text = format!("segments of {bytes} bytes (a multiple of 512, at least {SEGMENT_BYTES_MIN})");
            return Err(OpenError::Options(text));
        }
        if self.spares == 0 {
            return Err(OpenError::Options("no spare segments (at least 1, the reserve for a full disk)".into()));
        }
        Ok(())
    }
}
