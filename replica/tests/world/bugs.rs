//! Planted bugs: what a driver or a client could do wrong. Each must be noticed, or the checks are worth nothing.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The log's thread says that a write is durable before it has synced.
    WrittenBeforeSync,
    /// A write's truncation never reaches the log.
    TruncationDropped,
    /// Term and vote are not written when nothing else is.
    VoteNotWritten,
    /// A forwarded write that comes late is taken by whoever leads then.
    OldForwardTaken,
    /// A client reads what is there, without asking.
    ReadWithoutIndex,
    /// A snapshot is said to cover one command more than it does.
    SnapshotAhead,
    /// A client sends a write again of which it does not know what became.
    UnknownSentAgain,
    /// A reply is given to the client twice.
    RepliedTwice,
    /// A request is lost between its client and the member.
    RequestForgotten,
}

pub(crate) const ALL: [Bug; 9] = [
    Bug::WrittenBeforeSync,
    Bug::TruncationDropped,
    Bug::VoteNotWritten,
    Bug::OldForwardTaken,
    Bug::ReadWithoutIndex,
    Bug::SnapshotAhead,
    Bug::UnknownSentAgain,
    Bug::RepliedTwice,
    Bug::RequestForgotten,
];
