//! Bringing every follower's log to the leader's own (paper 5.3): when something leaves, what it is, and what the answers
//! mean.
//!
//! Entries leave at once when nothing is on its way to a follower, otherwise with the leader's next write or that follower's
//! next answer, whichever is first: so traffic goes by batch, not by request.

use super::Leader;
use crate::message::{AppendEntries, AppendEntriesReply, AppendOutcome, Body};
use crate::progress::{Mode, Progress};
use crate::shared::{Shared, Waits};
use crate::slice::Slice;
use crate::types::{Index, NodeId, Position};

impl Leader {
    pub(crate) fn append_reply(&mut self, shared: &mut Shared, from: NodeId, reply: AppendEntriesReply) {
        let Some(progress) = self.progress.get_mut(&from) else { return };
        progress.active = true;
        progress.round_answered = progress.round_answered.max(reply.round.min(self.round));
        match reply.outcome {
            AppendOutcome::Accepted { matched } => {
                progress.accepted(matched.min(shared.log.last().index));
                // It has what the log begins behind, whether or not the answer to its snapshot was lost.
                if shared.log.position_at(progress.matched()).is_some() {
                    progress.snapshot_done(progress.matched());
                }
                progress.caught_up(shared.log.last().index);
                progress.answered = true;
                self.advance_commit(shared);
            }
            AppendOutcome::Refused { prev, hint } if progress.is_news(prev.index, shared.log.base().index) => {
                progress.back_to(candidate(shared, prev, hint));
            }
            AppendOutcome::Refused { .. } => {}
        }
        self.advance_rounds(shared);
    }

    /// A write of this leader's own is durable.
    pub(crate) fn written(&mut self, shared: &mut Shared) {
        self.advance_commit(shared);
    }

    /// Sends what is due, at the end of a turn. `writing` says that a write leaves for the own disk with it.
    pub(crate) fn flush(&mut self, shared: &mut Shared, writing: bool) {
        if self.reads.need_round() && Self::knows_commit(shared) {
            self.begin_round(shared);
        }
        let (round, mut progress) = (self.round, core::mem::take(&mut self.progress));
        for (node, one) in &mut progress {
            flush_one(shared, round, *node, one, writing);
        }
        self.progress = progress;
        self.hand_over(shared);
        self.forget_who_left(shared);
        // A cluster of one needs nobody's answer.
        self.advance_rounds(shared);
    }
}

/// Where to try next after a refusal: the last position at or before the hint whose term is not above the hint's. The
/// follower skips all entries of terms that the leader can't have, the leader all that the follower can't have.
fn candidate(shared: &Shared, prev: Position, hint: Option<Position>) -> Index {
    let below = prev.index.previous();
    let Some(hint) = hint else { return below };
    let upto = hint.index.min(below);
    // Where that is compacted the log knows its base only, which lies after it: what the follower needs is gone.
    shared.log.last_at_most(upto, hint.term).index.min(upto)
}

fn flush_one(shared: &mut Shared, round: u64, node: NodeId, progress: &mut Progress, writing: bool) {
    let answered = core::mem::take(&mut progress.answered);
    if let Mode::Snapshot { sending: false } = progress.mode()
        && progress.round_sent < round
        && !progress.is_leaving()
    {
        Leader::needs_snapshot(shared, node, progress);
    }
    loop {
        let pending = progress.next() <= shared.log.last().index;
        let ready = match progress.mode() {
            Mode::Probe { waiting } => !waiting,
            Mode::Replicate => {
                let at_once = progress.inflight_count() == 0 || writing || answered;
                pending && at_once && progress.has_room(&shared.config.limits)
            }
            Mode::Snapshot { .. } => false,
        };
        if !ready || !send_run(shared, round, node, progress) {
            break;
        }
    }
    let blocked = progress.next() <= shared.log.last().index;
    let commit_news = progress.commit_sent < shared.commit && progress.mode() == Mode::Replicate && !blocked;
    if progress.round_sent < round || commit_news {
        send_empty(shared, round, node, progress);
    }
}

/// Sends the next entries; says whether a message left.
fn send_run(shared: &mut Shared, round: u64, node: NodeId, progress: &mut Progress) -> bool {
    let Some(prev) = shared.log.position_at(progress.next().previous()) else {
        // Who leaves is told so as far as the log goes: a whole snapshot is not worth it.
        if !progress.is_leaving() {
            Leader::needs_snapshot(shared, node, progress);
        }
        return false;
    };
    let entries = shared.log.run(progress.next(), shared.log.last().index, shared.config.limits.append_bytes_max);
    let run = Slice::of_log(prev, entries);
    progress.sent(run.last().index, run.size());
    send(shared, round, node, progress, run);
    true
}

/// A heartbeat, or news of the commit index. It makes the same consistency check as any append (B2); where what the follower
/// needs is compacted, it speaks of the log's base.
fn send_empty(shared: &mut Shared, round: u64, node: NodeId, progress: &mut Progress) {
    let prev = shared.log.position_at(progress.next().previous()).unwrap_or(shared.log.base());
    send(shared, round, node, progress, Slice::empty(prev));
}

fn send(shared: &mut Shared, round: u64, node: NodeId, progress: &mut Progress, run: Slice) {
    progress.round_sent = round;
    progress.commit_sent = shared.commit;
    shared.send(node, Waits::Nothing, Body::AppendEntries(AppendEntries { round, commit: shared.commit, run }));
}
