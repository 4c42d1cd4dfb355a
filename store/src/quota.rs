//! How large the store may become.
//!
//! Members count their bytes a little differently (compaction drops rows at its own pace on each), so a refusal while
//! applying would differ from member to member. The quota is therefore asked *before* a command is proposed, by the
//! member that the client talks to, and never again: what is in the log is applied. The store can exceed the quota by
//! what is under way at that moment, which the log bounds. etcd does the same, and adds an alarm that is replicated as a
//! command of its own; such a command can join [`Command`] as a new kind.

use std::fmt;

use crate::command::Command;
use crate::reader::Reader;

/// How many bytes the store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    bytes_max: u64,
}

/// There is no room for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSpace {
    /// What the store takes now, in bytes.
    pub bytes: u64,
    /// What it may take.
    pub bytes_max: u64,
}

impl Quota {
    /// At most so many bytes; `u64::MAX`: no limit.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max }
    }

    /// Whether `command` may be proposed. Commands that can't grow the store always may: deletes and compaction are the
    /// way out.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn admit(&self, command: &Command, reader: &Reader) -> Result<(), NoSpace> {
        let growth = command.growth();
        if growth == 0 || self.bytes_max == u64::MAX {
            return Ok(());
        }
        let bytes = reader.db_size();
        if bytes.saturating_add(growth) > self.bytes_max {
            return Err(NoSpace { bytes, bytes_max: self.bytes_max });
        }
        Ok(())
    }
}

impl fmt::Display for NoSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, bytes_max } = self;
        write!(f, "the store takes {bytes} of {bytes_max} bytes: delete keys and compact, or raise the quota")
    }
}

impl std::error::Error for NoSpace {}
