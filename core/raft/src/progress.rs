//! One follower as its leader sees it: what it has, what is on its way to it, and whether it answers. All transitions
//! between the three ways of sending are here.

use alloc::collections::VecDeque;

use crate::config::Limits;
use crate::types::Index;

/// How the leader sends to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Where the logs agree is not known: one append at a time.
    Probe {
        /// One is on its way.
        waiting: bool,
    },
    /// The logs agree: appends follow each other without waiting, as far as the window allows.
    Replicate,
    /// What it needs is compacted: a snapshot must bring it.
    Snapshot {
        /// One is on its way.
        sending: bool,
    },
}

/// How a learner catches up, in rounds (thesis 4.2.1): all entries that are there when a round begins are the round. Who gets
/// through one within T keeps up well enough to vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatchUp {
    /// The round ends when it has the log up to here.
    pub target: Index,
    /// The round takes longer than T.
    pub late: bool,
    /// The last whole round took less than T, and so does this one until now.
    pub ready: bool,
}

/// What the leader knows of one follower.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Progress {
    matched: Index,
    next: Index,
    mode: Mode,
    inflights: VecDeque<(Index, u64)>,
    inflight_bytes: u64,
    /// It was heard in this term since the last `CheckQuorum`.
    pub(crate) active: bool,
    /// It was heard between the last two `CheckQuorum`s, or this term has seen no two.
    pub(crate) was_active: bool,
    /// While it is a learner: how it catches up.
    pub(crate) catch_up: Option<CatchUp>,
    /// It is no member any more; so many heartbeats went to it since that is committed.
    pub(crate) leaving: Option<u8>,
    /// It answered an append since the leader last looked whether to send.
    pub(crate) answered: bool,
    /// The newest round sent to it.
    pub(crate) round_sent: u64,
    /// The newest round that it answered.
    pub(crate) round_answered: u64,
    /// The commit index that it was last told.
    pub(crate) commit_sent: Index,
}

impl Progress {
    /// At the start of a term: nothing is known, the next entry to send is the one after the leader's last (paper 5.3).
    pub(crate) fn new(last: Index) -> Self {
        Self {
            matched: Index::ZERO,
            next: last.next(),
            mode: Mode::Probe { waiting: false },
            inflights: VecDeque::new(),
            inflight_bytes: 0,
            active: false,
            was_active: true,
            catch_up: None,
            leaving: None,
            answered: false,
            round_sent: 0,
            round_answered: 0,
            commit_sent: Index::ZERO,
        }
    }

    /// matchIndex: entries up to here are on its disk and agree with the leader's. Never falls within a term.
    #[must_use]
    pub fn matched(&self) -> Index {
        self.matched
    }

    /// nextIndex: the next entry to send to it.
    #[must_use]
    pub fn next(&self) -> Index {
        self.next
    }

    /// How the leader sends to it.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// It was heard within T or a little longer. At the start of a term that is assumed.
    #[must_use]
    pub fn lately_heard(&self) -> bool {
        self.active || self.was_active
    }

    /// It was heard within T or a little longer, and nothing is assumed: it did answer in this term.
    pub(crate) fn answers(&self) -> bool {
        self.active || (self.was_active && self.round_answered > 0)
    }

    /// Appends with entries that are on their way to it.
    #[must_use]
    pub fn inflight_count(&self) -> usize {
        self.inflights.len()
    }

    /// Bytes of entries that are on their way to it.
    #[must_use]
    pub fn inflight_bytes(&self) -> u64 {
        self.inflight_bytes
    }

    /// The last index and the bytes of each append that is on its way to it.
    pub(crate) fn inflights(&self) -> impl Iterator<Item = (Index, u64)> {
        self.inflights.iter().copied()
    }

    /// How it catches up, while it is a learner.
    #[must_use]
    pub fn catch_up(&self) -> Option<CatchUp> {
        self.catch_up
    }

    /// It is no member any more, and is only told so.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// It learns, and the log ends at `last` now: a round of catching up begins.
    pub(crate) fn learns(&mut self, last: Index) {
        if self.catch_up.is_none() {
            self.catch_up = Some(CatchUp { target: last, late: false, ready: false });
        }
    }

    /// It answered: maybe that ends a round.
    pub(crate) fn caught_up(&mut self, last: Index) {
        let Some(round) = &mut self.catch_up else { return };
        if self.matched < round.target {
            return;
        }
        round.ready |= !round.late;
        if round.late {
            // The next round may have nothing to bring.
            *round = CatchUp { target: last, late: false, ready: self.matched >= last };
        }
    }

    /// `CheckQuorum` looked at it: T has passed since it did before. What was heard is of the past now, and a round of
    /// catching up that has not ended takes longer.
    pub(crate) fn period_ends(&mut self, last: Index) {
        self.was_active = core::mem::take(&mut self.active);
        let Some(round) = &mut self.catch_up else { return };
        if self.matched >= round.target {
            (round.target, round.late) = (last, false);
        } else {
            (round.late, round.ready) = (true, false);
        }
    }

    /// The window has room for another append.
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.inflights.len() < limits.inflight_count_max && self.inflight_bytes < limits.inflight_bytes_max
    }

    /// An append with entries up to `last` leaves; a probe may be without.
    pub(crate) fn sent(&mut self, last: Index, bytes: u64) {
        self.next = last.next();
        match &mut self.mode {
            Mode::Probe { waiting } => *waiting = true,
            Mode::Replicate => {
                self.inflights.push_back((last, bytes));
                self.inflight_bytes += bytes;
            }
            Mode::Snapshot { .. } => {}
        }
    }

    /// It accepted, and has the log up to `matched` on its disk.
    pub(crate) fn accepted(&mut self, matched: Index) {
        self.has(matched);
        if let Mode::Probe { .. } = self.mode {
            self.mode = Mode::Replicate;
        }
    }

    /// It refused an append behind `prev`, while the leader's log begins behind `base`. Says whether this is news: an answer
    /// to a message from before is not (L6). Once what it needs is compacted, heartbeats speak of the base, which may lie
    /// behind anything that was sent to it (L11).
    pub(crate) fn is_news(&self, prev: Index, base: Index) -> bool {
        let was_sent = prev < self.next || self.next <= base;
        prev > self.matched && was_sent && !matches!(self.mode, Mode::Snapshot { .. })
    }

    /// The logs may agree up to `candidate`: try from there.
    pub(crate) fn back_to(&mut self, candidate: Index) {
        self.next = candidate.max(self.matched).next();
        self.enter(Mode::Probe { waiting: false });
    }

    /// What it needs is compacted.
    pub(crate) fn needs_snapshot(&mut self) {
        self.enter(Mode::Snapshot { sending: true });
    }

    /// No snapshot is on its way any more; if none was installed, the next heartbeat asks again.
    pub(crate) fn snapshot_ended(&mut self) {
        if let Mode::Snapshot { sending } = &mut self.mode {
            *sending = false;
        }
    }

    /// It has a snapshot (or said that it needs none) and its log up to `matched`: the logs agree there, so nothing needs to
    /// be probed.
    pub(crate) fn snapshot_done(&mut self, matched: Index) {
        self.has(matched);
        if let Mode::Snapshot { .. } = self.mode {
            self.next = self.matched.next();
            self.enter(Mode::Replicate);
        }
    }

    /// It has the log up to `matched`, however it came there: what was on its way up to there has arrived.
    fn has(&mut self, matched: Index) {
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched.next());
        while let Some((_, bytes)) = self.inflights.pop_front_if(|(last, _)| *last <= self.matched) {
            self.inflight_bytes -= bytes;
        }
    }

    fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.inflights.clear();
        self.inflight_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_learner_is_ready_after_a_round_within_t_and_only_as_long_as_it_keeps_up() {
        // Thesis 4.2.1, A39
        let mut progress = Progress::new(Index(9));
        progress.learns(Index(9));
        let ready = |progress: &Progress| progress.catch_up().is_some_and(|round| round.ready);
        progress.has(Index(8));
        progress.caught_up(Index(20));
        progress.period_ends(Index(20));
        progress.has(Index(9));
        progress.caught_up(Index(20));
        assert!(!ready(&progress), "its first round took longer than T");
        progress.has(Index(20));
        progress.caught_up(Index(22));
        assert!(ready(&progress), "the second did not");
        progress.period_ends(Index(30));
        assert!(ready(&progress), "the third has begun");
        progress.period_ends(Index(40));
        assert!(!ready(&progress), "and takes too long");
        assert_eq!(progress.catch_up().map(|round| round.target), Some(Index(30)));
        progress.learns(Index(50));
        assert_eq!(progress.catch_up().map(|round| round.target), Some(Index(30)), "it learns already");
    }

    #[test]
    fn the_window_closes_by_count_and_by_bytes_and_opens_with_answers() {
        let mut limits = Config::default().limits;
        (limits.inflight_count_max, limits.inflight_bytes_max) = (2, 100);
        let mut progress = Progress::new(Index(0));
        progress.accepted(Index(0));
        progress.sent(Index(1), 10);
        assert!(progress.has_room(&limits));
        progress.sent(Index(2), 10);
        assert!(!progress.has_room(&limits), "two appends are on their way");
        progress.accepted(Index(1));
        assert!(progress.has_room(&limits));
        progress.sent(Index(3), 95);
        progress.accepted(Index(2));
        assert!(progress.has_room(&limits), "95 of 100 bytes");
        progress.sent(Index(4), 5);
        limits.inflight_count_max = 3;
        assert!(!progress.has_room(&limits), "100 of 100 bytes");
        progress.accepted(Index(3));
        assert!(progress.has_room(&limits), "5 bytes are left");
        progress.accepted(Index(4));
        assert_eq!((progress.inflight_count(), progress.inflight_bytes()), (0, 0));
    }

    #[test]
    fn match_never_falls_and_next_stays_above_it() {
        // B8, L5, L6
        let mut progress = Progress::new(Index(9));
        progress.accepted(Index(5));
        progress.accepted(Index(3));
        assert_eq!(progress.matched(), Index(5));
        let base = Index(0);
        assert!(!progress.is_news(Index(4), base), "a refusal of what is known to match is of an earlier time");
        assert!(!progress.is_news(Index(10), base), "so is one of what was not sent since");
        assert!(progress.is_news(Index(7), base));
        assert!(progress.is_news(Index(12), Index(12)), "unless what it needs is compacted up to there");
        progress.back_to(Index(2));
        assert_eq!(progress.next(), Index(6));
    }
}
