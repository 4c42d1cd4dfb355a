//! Lies: what a driver, a disk or a client could do wrong. Each must be noticed by the checker that is named beside it, or that
//! checker is worth nothing. A lie is a value of a run; nothing in production code knows of it.

use serde::{Deserialize, Serialize};

macro_rules! lies {
    ($($(#[doc = $doc:literal])+ $name:ident => [$($checker:literal),+]),+ $(,)?) => {
        /// What is done wrong on purpose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Lie {
            $($(#[doc = $doc])+ $name),+
        }

        impl Lie {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What it is.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii()),+
                }
            }

            /// The checkers, one of which must notice it.
            #[must_use]
            pub fn noticed_by(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($checker),+]),+
                }
            }
        }
    };
}

lies! {
    /// The log's thread says that a write is durable before it has synced.
    WrittenBeforeSync => ["persist before send"],
    /// A sync of the log returns and does nothing.
    SyncDoesNothing => ["persist before send"],
    /// A write's truncation never reaches the log.
    TruncationDropped => ["disk", "start", "figure 3", "persist before send"],
    /// Term and vote are not written when nothing else is.
    VoteNotWritten => ["persist before send", "monotonic", "figure 3"],
    /// A forwarded write that comes late is taken by whoever leads then.
    OldForwardTaken => ["same sequence"],
    /// A client reads what is there, without asking.
    ReadWithoutIndex => ["no stale read"],
    /// A read is served from the revision before.
    ReadOldRevision => ["store model"],
    /// A client is given the answer that another one got long before.
    AnswerMixedUp => ["linearizable"],
    /// A received snapshot lacks its last command.
    SnapshotBehind => ["same sequence"],
    /// A client sends a write again of which it does not know what became.
    UnknownSentAgain => ["same sequence"],
    /// A reply is given to the client twice.
    RepliedTwice => ["answers"],
    /// A request is lost between its client and the member.
    RequestForgotten => ["answers"],
    /// One member leaves a command out.
    CommandSkipped => ["same sequence"],
    /// One member applies a command twice.
    CommandTwice => ["same sequence"],
    /// All members make a revision more than they should.
    RevisionTwice => ["store model"],
    /// A client is told that its write is done when it was only passed on.
    AcknowledgedEarly => ["durability", "answers"],
    /// A member comes back with the disk of an earlier life.
    OldDisk => ["monotonic", "persist before send", "figure 3", "start"],
    /// Members let more requests wait than they should.
    LimitForgotten => ["bounds"],
    /// A log takes damage for the tear of its last write, and goes on without that.
    DamageTakenForATear => ["rot"],
    /// A member reads its clock, stands still, and then takes what came meanwhile.
    ClockReadEarly => ["no stale read", "bounded staleness"],
    /// Nobody looks whether a member's clock stood still, jumped or drifted.
    ClockUnwatched => ["no stale read", "bounded staleness"],
    /// In the end one member's network stays cut.
    NeverHealed => ["convergence"],
}
