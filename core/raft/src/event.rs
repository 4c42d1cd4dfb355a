//! What happened inside a node and by which rule: for people who want to know why, and for checkers. Events change
//! nothing.

use core::fmt;

use crate::configuration::Stage;
use crate::output::Halt;
use crate::types::{Index, NodeId, Position, Term};

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// It follows now; `leader` if it knows one.
    BecameFollower {
        /// In this term.
        term: Term,
        /// Of this leader.
        leader: Option<NodeId>,
        /// Because of this.
        reason: FollowReason,
    },
    /// It asks whether it could win (thesis 9.6).
    BecamePreCandidate {
        /// Still in this term.
        term: Term,
    },
    /// It stands for election (paper 5.2).
    BecameCandidate {
        /// In this term.
        term: Term,
    },
    /// It leads (paper 5.2).
    BecameLeader {
        /// This term.
        term: Term,
    },
    /// It votes for the candidate.
    Voted {
        /// The candidate.
        candidate: NodeId,
        /// In this election.
        term: Term,
    },
    /// It refuses its vote, or says that it would.
    VoteRefused {
        /// The candidate.
        candidate: NodeId,
        /// In this election.
        term: Term,
        /// Because of this.
        reason: VoteRefusal,
    },
    /// An append does not fit this log (paper 5.3).
    AppendRefused {
        /// The position that is not here.
        prev: Position,
    },
    /// Entries that conflict with the leader's are deleted (paper 5.3).
    Truncated {
        /// From here on.
        first: Position,
    },
    /// An append is dropped: the log is full, and compaction will make room.
    AppendDropped,
    /// A message of another time or of a stranger is ignored.
    Ignored {
        /// Who sent it.
        from: NodeId,
        /// Because of this.
        reason: IgnoreReason,
    },
    /// The commit index rose.
    Committed {
        /// To here.
        index: Index,
        /// By this rule.
        rule: CommitRule,
    },
    /// A follower's missing entries are compacted: it needs a snapshot (paper section 7).
    SnapshotNeeded {
        /// The follower.
        node: NodeId,
    },
    /// A snapshot replaced the log's beginning.
    SnapshotInstalled {
        /// Up to here.
        position: Position,
    },
    /// A snapshot that is older than what is committed here is of no use (S2).
    SnapshotIgnored {
        /// Its position.
        position: Position,
    },
    /// A leader hands over: it takes no proposals meanwhile (thesis 3.10).
    TransferBegan {
        /// Who is to lead.
        target: NodeId,
    },
    /// A leader goes on to lead, and takes proposals again.
    TransferEnded {
        /// Who was to lead.
        target: NodeId,
        /// Because of this.
        reason: TransferEnd,
    },
    /// Its leader told it to stand for election at once (thesis 3.10).
    ToldToStand {
        /// The leader.
        leader: NodeId,
    },
    /// A configuration of its log is in force from now on, committed or not (paper section 6).
    ConfigurationInForce {
        /// Where it stands.
        index: Index,
        /// How far a change of the voters has come with it.
        stage: Stage,
    },
    /// The entry of the configuration in force was deleted: one of those before is in force again.
    ConfigurationReverted {
        /// Where that stands.
        index: Index,
    },
    /// It is no member any more by a committed configuration (thesis 4.2).
    Removed {
        /// Where that stands, or the snapshot that says so.
        index: Index,
    },
    /// It must stop.
    Halted(Halt),
}

/// Why a node follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowReason {
    /// It saw a newer term (paper 5.1).
    NewerTerm,
    /// It heard the leader of its term (paper 5.2).
    LeaderHeard,
    /// It asked for pre-votes, and voted for another meanwhile (paper 5.2).
    VotedForAnother,
    /// It led, and no majority answered for T (`CheckQuorum`, thesis 6.2).
    NoQuorum,
    /// It led, and the committed configuration gives it no vote (thesis 4.2.2).
    NoVote,
}

/// Why a leader goes on that wanted to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferEnd {
    /// Nobody else led after T (thesis 3.10).
    TimedOut,
    /// The target votes no more.
    TargetRemoved,
}

/// Why a vote is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VoteRefusal {
    /// The voter's log is more up to date (paper 5.4.1).
    LogBehind,
    /// It voted for another in this term (paper 5.2).
    AlreadyVoted,
    /// It heard from a leader within T (thesis 4.2.3).
    LeaderAlive,
    /// The election's term is not above the voter's (paper 5.1).
    OldTerm,
}

/// Why a message is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IgnoreReason {
    /// It answers a question of an earlier term.
    OldTerm,
    /// It does not fit what this node is doing.
    Unexpected,
    /// It is addressed to another node.
    NotForMe,
}

/// By which rule the commit index rose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitRule {
    /// A majority has it on disk, and it is of the leader's own term (paper 5.3, 5.4.2).
    Majority,
    /// The leader says so, and the log is known to agree up to it (paper 5.3).
    LeaderSaid,
    /// It came in a snapshot.
    Snapshot,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BecameFollower { term, leader: Some(leader), reason } => {
                write!(f, "follows {leader} in {term}: {reason}")
            }
            Self::BecameFollower { term, leader: None, reason } => write!(f, "follows in {term}: {reason}"),
            Self::BecamePreCandidate { term } => write!(f, "asks for pre-votes for {}, thesis 9.6", term.next()),
            Self::BecameCandidate { term } => write!(f, "stands for election in {term}, 5.2"),
            Self::BecameLeader { term } => write!(f, "leads {term}, 5.2"),
            Self::Voted { candidate, term } => write!(f, "votes for {candidate} in {term}, 5.2"),
            Self::VoteRefused { candidate, term, reason } => {
                write!(f, "refuses vote to {candidate} in {term}: {reason}")
            }
            Self::AppendRefused { prev } => write!(f, "refuses append: no {prev} here, 5.3"),
            Self::Truncated { first } => write!(f, "deletes {first} and all after it: conflict, 5.3"),
            Self::AppendDropped => write!(f, "drops append: the log is full"),
            Self::Ignored { from, reason } => write!(f, "ignores message of {from}: {reason}"),
            Self::Committed { index, rule } => write!(f, "commits {index}: {rule}"),
            Self::SnapshotNeeded { node } => write!(f, "{node} needs a snapshot, 7"),
            Self::SnapshotInstalled { position } => write!(f, "installs snapshot {position}, 7"),
            Self::SnapshotIgnored { position } => write!(f, "ignores snapshot {position}: it is behind, 7"),
            Self::TransferBegan { target } => write!(f, "hands over to {target}, thesis 3.10"),
            Self::TransferEnded { target, reason } => write!(f, "gives up to hand over to {target}: {reason}"),
            Self::ToldToStand { leader } => write!(f, "is told by {leader} to stand at once, thesis 3.10"),
            Self::ConfigurationInForce { index, stage } => write!(f, "is in the configuration of {index}: {stage}"),
            Self::ConfigurationReverted { index } => write!(f, "is back in the configuration of {index}, thesis 4.1"),
            Self::Removed { index } => write!(f, "is no member any more since {index}, thesis 4.2"),
            Self::Halted(halt) => write!(f, "halts: {halt}"),
        }
    }
}

macro_rules! texts {
    ($type:ty, $($variant:ident => $text:literal),+ $(,)?) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}

texts!(FollowReason,
    NewerTerm => "newer term, 5.1",
    LeaderHeard => "leader heard, 5.2",
    VotedForAnother => "voted for another, 5.2",
    NoQuorum => "no majority answered for T, thesis 6.2",
    NoVote => "no voter in the committed configuration, thesis 4.2.2",
);
texts!(Stage,
    Plain => "one set of voters",
    CatchingUp => "new voters catch up, thesis 4.2.1",
    Joint => "joint, 6",
);
texts!(TransferEnd,
    TimedOut => "nobody else leads after T, thesis 3.10",
    TargetRemoved => "it votes no more",
);
texts!(VoteRefusal,
    LogBehind => "log behind, 5.4.1",
    AlreadyVoted => "voted already, 5.2",
    LeaderAlive => "leader heard within T, thesis 4.2.3",
    OldTerm => "old term, 5.1",
);
texts!(IgnoreReason,
    OldTerm => "old term, 5.1",
    Unexpected => "not waited for",
    NotForMe => "addressed to another node",
);
texts!(CommitRule,
    Majority => "on a majority and of the leader's term, 5.4.2",
    LeaderSaid => "the leader says so, 5.3",
    Snapshot => "in a snapshot, 7",
);
