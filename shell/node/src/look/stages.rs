//! Where the time of a commit goes, as the leader sees it: its own disk, then the others, then the state machine. The three parts follow
//! each other, so they sum up to the whole. Pure: moments in, histograms out.

use std::collections::VecDeque;
use std::time::Instant;

use raft::Index;

use super::histogram::Histogram;

/// Batches that are followed at once; while there are more, the newest are left out.
const BATCHES_MAX: usize = 256;

/// How long commits took since the member started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// From when an entry was appended until it was on the leader's own disk, or committed if that came first.
    pub disk: Histogram,
    /// From then until it was committed: the way to a majority and back, and the others' disks as far as they are slower.
    pub network: Histogram,
    /// From then until it was applied.
    pub apply: Histogram,
    /// All of it.
    pub total: Histogram,
}

/// How far a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) last: Index,
    pub(crate) durable: Index,
    pub(crate) commit: Index,
    pub(crate) applied: Index,
}

/// Follows batches of entries from the log to the state machine.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    batches: VecDeque<Batch>,
    newest: Index,
    /// When the log last became longer.
    grown: Option<Instant>,
    times: Times,
}

#[derive(Debug)]
struct Batch {
    last: Index,
    appended: Instant,
    durable: Option<Instant>,
    committed: Option<Instant>,
}

impl Stages {
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// When the log last became longer, as long as this member leads.
    pub(crate) fn grown(&self) -> Option<Instant> {
        self.grown
    }

    /// A turn ended. Only who leads knows when an entry came.
    pub(crate) fn turned(&mut self, now: Instant, leads: bool, marks: Marks) {
        if !leads {
            self.batches.clear();
            (self.newest, self.grown) = (marks.last, None);
            return;
        }
        if marks.last > self.newest {
            (self.newest, self.grown) = (marks.last, Some(now));
            if self.batches.len() < BATCHES_MAX {
                self.batches.push_back(Batch { last: marks.last, appended: now, durable: None, committed: None });
            }
        }
        let touched = marks.durable.max(marks.commit);
        for batch in self.batches.iter_mut().take_while(|batch| batch.last <= touched) {
            if batch.last <= marks.durable {
                batch.durable.get_or_insert(now);
            }
            if batch.last <= marks.commit {
                batch.committed.get_or_insert(now);
            }
        }
        while let Some(batch) = self.batches.pop_front_if(|batch| batch.last <= marks.applied) {
            self.times.add(&batch, now);
        }
    }
}

impl Times {
    fn add(&mut self, batch: &Batch, applied: Instant) {
        let committed = batch.committed.unwrap_or(applied);
        let own = batch.durable.unwrap_or(committed).min(committed);
        self.disk.record(own - batch.appended);
        self.network.record(committed - own);
        self.apply.record(applied - committed);
        self.total.record(applied - batch.appended);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn marks(last: u64, durable: u64, commit: u64, applied: u64) -> Marks {
        Marks { last: Index(last), durable: Index(durable), commit: Index(commit), applied: Index(applied) }
    }

    fn middles(times: &Times) -> [Option<u64>; 4] {
        [&times.disk, &times.network, &times.apply, &times.total].map(|one| one.permille(500))
    }

    #[test]
    fn the_parts_follow_each_other() {
        let (mut stages, start) = (Stages::default(), Instant::now());
        let mut turn = |micros, marks| stages.turned(start + Duration::from_micros(micros), true, marks);
        turn(0, marks(5, 4, 4, 4));
        turn(2, marks(5, 5, 4, 4));
        turn(3, marks(5, 5, 5, 4));
        turn(6, marks(5, 5, 5, 5));
        assert_eq!(middles(stages.times()), [Some(2), Some(1), Some(3), Some(6)]);
    }

    #[test]
    fn an_own_disk_that_is_last_has_all_the_time() {
        let (mut stages, start) = (Stages::default(), Instant::now());
        let mut turn = |micros, marks| stages.turned(start + Duration::from_micros(micros), true, marks);
        turn(0, marks(5, 4, 4, 4));
        turn(3, marks(5, 4, 5, 4));
        turn(3, marks(5, 4, 5, 5));
        assert_eq!(middles(stages.times()), [Some(3), Some(0), Some(0), Some(3)]);
    }

    #[test]
    fn who_does_not_lead_measures_nothing() {
        let (mut stages, start) = (Stages::default(), Instant::now());
        stages.turned(start, false, marks(9, 8, 8, 8));
        stages.turned(start, true, marks(9, 9, 9, 9));
        assert_eq!((stages.times().total.count(), stages.grown()), (0, None), "the entry came when another led");
    }

    #[test]
    fn without_a_majority_nothing_piles_up() {
        let (mut stages, start) = (Stages::default(), Instant::now());
        (1..2000).for_each(|last| stages.turned(start, true, marks(last, last, 0, 0)));
        assert_eq!(stages.batches.len(), BATCHES_MAX);
    }
}
