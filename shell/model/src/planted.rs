//! Bugs, planted to show that a search finds them: lies of a disk, forgetful restarts, answers that say more than was said, rules
//! of consensus left out ([`raft::Rules`]), and leases that last too long.

use std::fmt;

use raft::{AppendOutcome, Body, Boot, Index, Message, Rules, Term};

use crate::disk::{Batch, Disk};

macro_rules! planted {
    ($($(#[doc = $doc:literal])+ $name:ident => $word:literal, $text:literal),+ $(,)?) => {
        /// One of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Planted {
            $($(#[doc = $doc])+ $name),+
        }

        impl Planted {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on a command line.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }

        impl fmt::Display for Planted {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),+ })
            }
        }
    };
}

planted! {
    /// A restarted node knows its term, and not its vote.
    VoteForgotten => "vote-forgotten", "a restarted node has forgotten its vote",
    /// The last entry of a restarted node's log is gone.
    TailForgotten => "tail-forgotten", "a restarted node has lost the last entry of its log",
    /// A write is reported durable while it is in a cache that a crash loses.
    WrittenTooEarly => "written-too-early", "a disk reports what it only keeps in its cache",
    /// A batch with entries is stored without its hard state.
    HardStateSkipped => "hard-state-skipped", "a write is durable but for its term and vote",
    /// A follower's answer claims one entry more than it has.
    AnswersTooMuch => "answers-too-much", "an answer to an append claims one entry more than is there",
    /// An answer to an append of an earlier term counts in the present one.
    AnswersOutlive => "answers-outlive", "an answer of an earlier term is taken for one of this term",
    /// An answer to an append confirms the newest round, whichever it was for.
    RoundsForged => "rounds-forged", "an old answer confirms the newest round",
    /// A refused vote arrives as a grant.
    VotesForged => "votes-forged", "a refused vote arrives as a granted one",
    /// A snapshot that was installed is gone after a crash.
    SnapshotLost => "snapshot-lost", "a restarted node has lost its snapshot, and what was compacted with it",
    /// A batch is stored without its truncation, and the entries behind it are not stored where others stand.
    TruncationSkipped => "truncation-skipped", "a write is durable but for its truncation",
    /// A follower's answer to a vote of an earlier term counts in the present one.
    VotesOutlive => "votes-outlive", "a vote of an earlier term is taken for one of this term",
    /// An append commits what it carries.
    CommitsTooMuch => "commits-too-much", "an append says that all it carries is committed",
    /// A refusal of an append arrives as an acceptance of what was asked about.
    RefusalsAccepted => "refusals-accepted", "a refused append arrives as an accepted one",
    /// Rule left out: [`Rules::one_vote`].
    OneVote => "one-vote", "rule left out: one vote a term (5.2)",
    /// Rule left out: [`Rules::up_to_date`].
    UpToDate => "up-to-date", "rule left out: no vote for a lesser log (5.4.1)",
    /// Rule left out: [`Rules::old_term_count`].
    OldTermCount => "old-term-count", "rule left out: only entries of its own term are counted (5.4.2)",
    /// Rule left out: [`Rules::prev_check`].
    PrevCheck => "prev-check", "rule left out: an append fits only behind the entry that it names (5.3)",
    /// Rule left out: [`Rules::truncate_only_on_conflict`].
    TruncateOnlyOnConflict => "truncate-only-on-conflict", "rule left out: only a conflict deletes (5.3)",
    /// Rule left out: [`Rules::commit_only_verified`].
    CommitOnlyVerified => "commit-only-verified", "rule left out: a follower commits only what it checked (5.3)",
    /// Rule left out: [`Rules::joint`].
    Joint => "joint", "rule left out: the voters change through a joint phase (6)",
    /// A lease begins when its answers come.
    LeaseFromAnswer => "lease-from-answer", "a lease begins when its answers come, not when its round left",
    /// A leader has a lease before an entry of its own term is committed.
    LeaseBeforeCommit => "lease-before-commit", "a new leader reads by lease before it knows what is committed",
    /// That a `TimeoutNow` left is not noticed by the lease.
    HandOverUnnoticed => "hand-over-unnoticed", "a lease outlives the word to another to stand at once",
    /// The clock is read at the end of a turn, before the reads that are served by it.
    ClockReadEarly => "clock-read-early", "a read is judged by a clock that was read before it came",
    /// A node that starts owes nobody its silence.
    PromiseForgotten => "promise-forgotten", "a restarted node votes at once",
    /// Slow clocks have half the pace that was agreed on.
    ClockBeyondBound => "clock-beyond-bound", "clocks run further apart than was agreed on",
    /// Nodes keep half the silence that was agreed on.
    ShorterTimeout => "shorter-timeout", "nodes run with half the T that was agreed on, unnoticed",
}

impl Planted {
    /// The rule of consensus that is left out.
    #[must_use]
    pub fn is_rule(self) -> bool {
        self.rules() != Rules::ALL
    }

    /// Persist before send would see the lie itself. Without it the search must find what follows from the lie.
    pub(crate) fn audited(planted: Option<Self>) -> bool {
        !matches!(planted, Some(Self::WrittenTooEarly | Self::HardStateSkipped | Self::TruncationSkipped))
    }

    /// What the nodes go by.
    pub(crate) fn rules(self) -> Rules {
        let all = Rules::ALL;
        match self {
            Self::OneVote => Rules { one_vote: false, ..all },
            Self::UpToDate => Rules { up_to_date: false, ..all },
            Self::OldTermCount => Rules { old_term_count: false, ..all },
            Self::PrevCheck => Rules { prev_check: false, ..all },
            Self::TruncateOnlyOnConflict => Rules { truncate_only_on_conflict: false, ..all },
            Self::CommitOnlyVerified => Rules { commit_only_verified: false, ..all },
            Self::Joint => Rules { joint: false, ..all },
            _ => all,
        }
    }

    /// A message as it arrives at a node in `term`.
    pub(crate) fn tamper(self, message: &mut Message, term: Term) {
        match (self, &mut message.body) {
            (Self::AnswersTooMuch, Body::AppendEntriesReply(reply)) => {
                if let AppendOutcome::Accepted { matched } = &mut reply.outcome {
                    *matched = matched.next();
                }
            }
            (Self::AnswersOutlive, Body::AppendEntriesReply(_)) => message.term = message.term.max(term),
            (Self::RoundsForged, Body::AppendEntriesReply(reply)) => reply.round = u64::MAX,
            (Self::VotesForged, Body::RequestVoteReply(reply)) => reply.granted = true,
            (Self::VotesOutlive, Body::RequestVoteReply(_)) => message.term = message.term.max(term),
            (Self::CommitsTooMuch, Body::AppendEntries(append)) => append.commit = append.run.last().index,
            (Self::RefusalsAccepted, Body::AppendEntriesReply(reply)) => {
                if let AppendOutcome::Refused { prev, .. } = reply.outcome {
                    reply.outcome = AppendOutcome::Accepted { matched: prev.index };
                }
            }
            _ => {}
        }
    }

    /// A batch as it is stored.
    pub(crate) fn store(self, disk: &mut Disk, batch: &Batch) {
        match self {
            Self::HardStateSkipped => disk.store(&Batch { hard_state: disk.hard_state, ..batch.clone() }),
            Self::TruncationSkipped => disk.store(&Batch { truncate: None, ..batch.clone() }),
            _ => disk.store(batch),
        }
    }

    /// What a node reads back when it starts.
    pub(crate) fn boot(self, disk: &mut Disk, boot: &mut Boot) {
        match self {
            Self::VoteForgotten => boot.hard_state.vote = None,
            Self::TailForgotten => {
                boot.entries.pop();
                disk.entries.pop();
            }
            Self::SnapshotLost => {
                *disk = Disk { hard_state: disk.hard_state, ..Disk::new() };
                (boot.base, boot.snapshot) = (disk.base, Index::ZERO);
                boot.entries.clear();
            }
            _ => {}
        }
    }
}
