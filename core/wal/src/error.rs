//! What can go wrong, in sentences that say what happened, to which file, and what to do.
//!
//! Errors of the log only; what a node does about them is decided above.

use std::{fmt, io};

/// A place in a file that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name inside its folder.
    pub file: String,
    /// The first byte that can't be used.
    pub offset: u64,
    /// What was found there.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged at byte {}: {}", self.file, self.offset, self.what)
    }
}

const LOG_ADVICE: &str = "acknowledged entries may be lost, so this member must not vote: keep the folder for inspection, \
remove the member from the cluster and add it again with an empty folder, or put back an undamaged copy of the whole folder";

/// Why a log was not opened or created.
#[derive(Debug)]
pub enum OpenError {
    /// There is no log in the folder. A member that ran before must never start without its log.
    NoLog,
    /// A log was to be created where there is one.
    AlreadyThere {
        /// A file of the log that is there.
        file: String,
    },
    /// A log was to be created where only the remains of one are.
    Remains {
        /// A file that only a member that ran before leaves.
        file: String,
    },
    /// The log can't be trusted; nothing was changed in the folder.
    Damaged(Damage),
    /// Written by a version of the format that this program does not know.
    OtherVersion {
        /// The file in question.
        file: String,
        /// The version it names.
        found: u16,
    },
    /// The log of another group.
    OtherGroup {
        /// The file in question.
        file: String,
        /// The group it names.
        found: u32,
        /// The group that was asked for.
        expected: u32,
    },
    /// The disk is full and opening needs a new segment.
    NoRoom,
    /// The options contradict themselves.
    Options(String),
    /// The file system refused.
    Io(Failure),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => write!(
                f,
                "there is no log in this folder; a member that ran before must not start without it: put the folder back, or \
                 remove the member from the cluster and add it again with an empty folder"
            ),
            Self::AlreadyThere { file } => {
                write!(f, "there is a log in this folder already ({file}): open it, or choose another folder")
            }
            Self::Remains { file } => write!(
                f,
                "{file} was left by a member that ran here before, but its log is gone: put the log back, or start in an empty \
                 folder as a new member"
            ),
            Self::Damaged(damage) => write!(f, "{damage}; {LOG_ADVICE}"),
            Self::OtherVersion { file, found } => write!(
                f,
                "{file} has version {found} of the log's format, this program knows version {}: use the program that wrote it",
                crate::segment::VERSION
            ),
            Self::OtherGroup { file, found, expected } => {
                write!(f, "{file} belongs to group {found}, not to group {expected}: this is another group's folder")
            }
            Self::NoRoom => {
                write!(f, "the disk is full and the log needs its next segment: free some space and start again")
            }
            Self::Options(what) => write!(f, "the log's options can't be used: {what}"),
            Self::Io(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A call to the file system that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was being done: "write", "sync", ...
    pub operation: &'static str,
    /// To which file; empty for the folder itself.
    pub file: String,
    /// The kind of error.
    pub kind: io::ErrorKind,
    /// What the system said.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(operation: &'static str, file: &str, error: &io::Error) -> Self {
        Self { operation, file: file.to_owned(), kind: error.kind(), message: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file.is_empty() { "the log's folder" } else { &self.file };
        write!(f, "the disk failed to {} {file}: {}; check the disk, then start again", self.operation, self.message)
    }
}

/// Why a batch was not written or is not known to be durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// No room for the next segment. Nothing was written; the same batch may be tried again when there is room.
    NoRoom,
    /// The batch is above [`crate::BATCH_BYTES_MAX`]. Nothing was written.
    TooLarge {
        /// Its size in the file.
        bytes: u64,
    },
    /// The caller's mistake: the batch does not follow the log, or the batch before it is not synced. Nothing was written.
    Invalid(String),
    /// The disk failed. The log refuses everything from now on; what is durable is found out by the next start.
    Failed(Failure),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => write!(f, "the disk has no room for the log's next segment: free some space"),
            Self::TooLarge { bytes } => {
                write!(f, "a batch of {bytes} bytes is above the limit of {}: split it", crate::BATCH_BYTES_MAX)
            }
            Self::Invalid(what) => write!(f, "the batch does not follow the log: {what}"),
            Self::Failed(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// No room is a state to live with; every other error is not.
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
