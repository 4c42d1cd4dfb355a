//! What never goes back: within one life term, commit and applied index; across lives the term that was spoken of, the base of
//! the log, and the commit index that was on the disk.

use std::collections::BTreeMap;

use raft::{Body, Index, Message, NodeId, Term, View};

use super::{Checked, Failure};

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    term: Term,
    commit: Index,
    applied: Index,
}

/// What must survive a crash.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// The highest term that a message of this node claimed as its own.
    spoken: Term,
    /// The base of its log at its last start, and the commit index that its disk named then.
    base: Index,
    commit: Index,
}

#[derive(Debug, Default)]
pub(crate) struct Monotonic {
    seen: BTreeMap<NodeId, Seen>,
    kept: BTreeMap<NodeId, Kept>,
}

impl Monotonic {
    pub(crate) fn started(&mut self, view: View<'_>) -> Checked {
        let id = view.id();
        let kept = self.kept.entry(id).or_default();
        let (term, base, commit) = (view.term(), view.log().base().index, view.commit());
        ensure(term >= kept.spoken, || format!("{id} spoke of {} and starts in {term}", kept.spoken))?;
        ensure(base >= kept.base, || format!("the log of {id} began behind {} and begins behind {base}", kept.base))?;
        ensure(commit >= kept.commit, || format!("{id} starts with commit {commit}, once it was {}", kept.commit))?;
        (kept.base, kept.commit) = (base, commit);
        self.seen.remove(&id);
        self.observe(view)
    }

    pub(crate) fn down(&mut self, id: NodeId) {
        self.seen.remove(&id);
    }

    pub(crate) fn observe(&mut self, view: View<'_>) -> Checked {
        let id = view.id();
        let seen = self.seen.entry(id).or_default();
        let now = Seen { term: view.term(), commit: view.commit(), applied: view.applied() };
        let rises = now.term >= seen.term && now.commit >= seen.commit && now.applied >= seen.applied;
        ensure(rises, || format!("{id} went from {seen:?} to {now:?}"))?;
        *seen = now;
        Ok(())
    }

    /// A message leaves: what it says of its sender's term must survive any crash.
    pub(crate) fn sent(&mut self, message: &Message) {
        match message.body {
            Body::PreVote(_) | Body::PreVoteReply(_) => {}
            // A refusal may name a term that was only heard of.
            Body::RequestVoteReply(reply) if !reply.granted => {}
            Body::RequestVote(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntries(_)
            | Body::AppendEntriesReply(_)
            | Body::InstallSnapshotReply(_)
            | Body::TimeoutNow => {
                let kept = self.kept.entry(message.from).or_default();
                kept.spoken = kept.spoken.max(message.term);
            }
        }
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Failure::new("monotonic", what())) }
}
