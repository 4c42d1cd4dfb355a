//! What a search must have met at least once. A model in which nothing happens breaks no property either: so each
//! configuration names what it exists for, and fails if any of that was never reached.

use std::fmt;

macro_rules! witnesses {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal),+ $(,)?) => {
        /// Something that happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Witness {
            $($(#[doc = $doc])+ $name),+
        }

        impl Witness {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on a command line, which is as it is written in the code: `CommittedIndirectly`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }

        impl fmt::Display for Witness {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),+ })
            }
        }
    };
}

witnesses! {
    /// A node won an election.
    Leader => "a leader was elected",
    /// A node won an election in a term after the first.
    LaterLeader => "a leader of a later term was elected",
    /// A voter that had voted for another refused.
    VotedAlready => "a second vote in a term was refused",
    /// A voter with the better log refused.
    LogBehind => "a candidate with a lesser log was refused",
    /// A voter that had heard from a leader refused.
    LeaderAlive => "a voter stayed with its leader",
    /// A question or answer of an earlier term came.
    OldTerm => "a message of an older term was refused",
    /// A leader saw a newer term.
    Deposed => "a leader was deposed by a newer term",
    /// `CheckQuorum` made a leader step down.
    NoQuorum => "a leader stepped down without a quorum",
    /// A node asked for pre-votes.
    PreCandidate => "a pre-vote was asked",
    /// A majority of pre-votes led to an election.
    PreVoteWon => "a pre-vote was won",
    /// A leader committed by counting.
    Committed => "an entry was committed",
    /// A leader committed while its own disk did not have the entry.
    CommittedByOthers => "an entry was committed before the leader's own disk had it",
    /// An entry of an earlier term was committed by one of the leader's own.
    CommittedIndirectly => "an entry of an old term was committed indirectly",
    /// A follower learnt of a commit.
    CommitTold => "a follower learnt of a commit",
    /// A conflict was deleted.
    Truncated => "a conflict was truncated",
    /// An append did not fit.
    AppendRefused => "an append was refused",
    /// A write completed whose entries had been deleted or replaced meanwhile.
    StaleCompletion => "a write completed after its entries were replaced",
    /// A crash lost a vote that was being written.
    VoteLost => "a vote was lost in a crash",
    /// A crash lost entries that were being written.
    EntryLost => "an entry was lost in a crash",
    /// A crash came after the write reached the disk and before the node heard of it.
    WriteKept => "a crash came between a write and its report",
    /// A node started with entries on its disk.
    LogRead => "a log was read back after a crash",
    /// A leader's word made a node stand.
    ToldToStand => "a leader handed over",
    /// A leader gave up to hand over.
    TransferEnded => "a transfer was given up",
    /// New voters learn.
    CatchingUp => "new voters began to learn the log",
    /// A joint configuration came into force.
    Joint => "a joint configuration was in force",
    /// The phase of both sets ended.
    JointEnded => "a change of the voters ended",
    /// A leader of a later term went on with a change.
    ChangeInherited => "a later leader went on with a change",
    /// A configuration went with its entry.
    ConfigurationReverted => "a configuration was truncated",
    /// A node learned that it is removed.
    Removed => "a node learned that it is removed",
    /// A leader stepped down for it has no vote.
    LeaderLeft => "a leader without a vote stepped down",
    /// A read was served.
    ReadServed => "a read was served",
    /// A read was served by a leader of a later term.
    ReadServedLater => "a later leader served a read",
    /// A read was given up since its leader lost its place.
    ReadAborted => "a read was aborted",
    /// A leader could serve reads by its lease.
    LeaseHeld => "a leader had a lease",
    /// A leader of a later term could.
    LeaseHeldLater => "a later leader had a lease",
    /// A lease ended by time while its leader still led.
    LeaseEnded => "a leader's lease ended by time",
    /// A lease ended since another was told to stand.
    LeaseGivenUp => "a lease was given up for a transfer",
    /// A log's beginning was replaced.
    Compacted => "a log was compacted",
    /// A follower needed what was compacted.
    SnapshotNeeded => "a snapshot was needed",
    /// A snapshot replaced a log.
    SnapshotInstalled => "a snapshot was installed",
    /// A snapshot came too late to be of use.
    SnapshotIgnored => "a snapshot that was behind was ignored",
    /// A snapshot committed what the log had.
    SnapshotCommitted => "a snapshot committed what was in the log",
}

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Witnesses(u64);

impl Witnesses {
    pub(crate) fn add(&mut self, witness: Witness) {
        self.0 |= 1 << (witness as u32);
    }

    pub(crate) fn has(self, witness: Witness) -> bool {
        self.0 & (1 << (witness as u32)) != 0
    }

    /// All of `self` are in `other`.
    pub(crate) fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Witness> {
        Witness::ALL.iter().copied().filter(move |witness| self.has(*witness))
    }
}
