//! Where revisions put the operations of a store's history, and whether real time allows that.
//!
//! A change stands at its revision; whatever saw a revision stands right behind the change that made it. Each operation needs a
//! moment between its call and its return such that moments never go back in that order. The earliest possible moments are the
//! latest call so far, so the order is possible exactly if nothing had returned before the latest call among what stands before it.
//! A serializable read may be late, so its call pushes nothing; but what it saw had happened when it returned.
//!
//! Knows revisions and time; does not know what operations do.

use std::collections::BTreeMap;

use super::history::{StoreHistory, StoreOperation, StoreResponse};
use crate::history::Ending;

/// What a history says about revisions.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// For each revision that a known operation made, that operation.
    pub(crate) makers: BTreeMap<u64, usize>,
    /// For each revision the operations that saw it, by the revision that their answers give.
    seen: BTreeMap<u64, Vec<usize>>,
    /// For each revision the operations whose results are to be judged on it.
    pub(crate) readers: BTreeMap<u64, Vec<usize>>,
    /// For each revision that is named, the earliest return of what stands at it or later.
    deadlines: Vec<(u64, u64)>,
    /// Serializable reads, and reads of old revisions, from before the history.
    pub(crate) unjudged: usize,
    /// The newest revision that is named.
    pub(crate) last: u64,
}

/// Operations that contradict each other.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) revision: u64,
    pub(crate) misplaced: Vec<usize>,
    pub(crate) sentence: String,
}

impl Order {
    /// Sorts the answered operations of a history by revision.
    ///
    /// # Errors
    /// When revisions alone are impossible, or contradict real time.
    pub(crate) fn new(history: &StoreHistory) -> Result<Self, Violation> {
        let mut order = Self { last: history.start, ..Self::default() };
        for (number, operation) in history.operations.iter().enumerate() {
            if let Ending::Returned { response, .. } = &operation.ending {
                order.add(history, number, operation, response)?;
            }
        }
        order.find_deadlines(history);
        order.check_time(history)?;
        Ok(order)
    }

    /// The earliest return of what stands at `revision` or later: what made it was called by then.
    pub(crate) fn deadline(&self, revision: u64) -> u64 {
        let place = self.deadlines.partition_point(|(named, _)| *named < revision);
        self.deadlines.get(place).map_or(u64::MAX, |(_, deadline)| *deadline)
    }

    /// An operation that shows that `revision` exists, if it was not `revision`'s maker that did.
    pub(crate) fn witness(&self, revision: u64) -> Option<usize> {
        let seen = self.seen.range(revision..).next().and_then(|(at, seen)| Some((*at, *seen.first()?)));
        let made = self.makers.range(revision..).next().map(|(at, maker)| (*at, *maker));
        seen.into_iter().chain(made).min().map(|(_, number)| number)
    }

    /// So many operations stand before `revision`.
    pub(crate) fn before(&self, revision: u64) -> usize {
        self.makers.range(..revision).count() + self.seen.range(..revision).map(|(_, seen)| seen.len()).sum::<usize>()
    }

    fn add(
        &mut self,
        history: &StoreHistory,
        number: usize,
        operation: &StoreOperation,
        response: &StoreResponse,
    ) -> Result<(), Violation> {
        let (revision, start) = (response.revision, history.start);
        let violation = |misplaced, sentence| Err(Violation { revision, misplaced, sentence });
        let name = name(operation);
        if response.changed_something() {
            if revision <= start {
                let sentence =
                    format!("{name} made revision {revision}, but the store was at {start} before the first call");
                return violation(vec![number], sentence);
            }
            if let Some(other) = self.makers.insert(revision, number) {
                let sentence =
                    format!("{name} and {} both made revision {revision}", self::name(&history.operations[other]));
                return violation(vec![other, number], sentence);
            }
            self.last = self.last.max(revision);
            return Ok(());
        }
        if revision < start && !operation.request.serializable {
            let sentence =
                format!("{name} saw revision {revision}, but the store was at {start} before the first call");
            return violation(vec![number], sentence);
        }
        let judged = operation.request.at.unwrap_or(revision);
        if judged > revision {
            let sentence =
                format!("{name} reads revision {judged}, but its answer says that the store is at {revision}");
            return violation(vec![number], sentence);
        }
        if judged < start {
            self.unjudged += 1;
        } else {
            self.readers.entry(judged).or_default().push(number);
        }
        self.seen.entry(revision).or_default().push(number);
        self.last = self.last.max(revision);
        Ok(())
    }

    /// All revisions that are named, with their maker if it is known, and with those that saw them.
    fn revisions(&self) -> impl Iterator<Item = (u64, Option<usize>, &[usize])> {
        let mut revisions: Vec<u64> = self.makers.keys().chain(self.seen.keys()).copied().collect();
        revisions.sort_unstable();
        revisions.dedup();
        revisions.into_iter().map(|revision| {
            let seen = self.seen.get(&revision).map_or(&[][..], Vec::as_slice);
            (revision, self.makers.get(&revision).copied(), seen)
        })
    }

    fn find_deadlines(&mut self, history: &StoreHistory) {
        let mut deadlines: Vec<(u64, u64)> = self
            .revisions()
            .map(|(revision, maker, seen)| {
                let returns = maker.iter().chain(seen).filter_map(|&number| history.operations[number].returned_at());
                (revision, returns.min().unwrap_or(u64::MAX))
            })
            .collect();
        let mut earliest = u64::MAX;
        for (_, deadline) in deadlines.iter_mut().rev() {
            earliest = earliest.min(*deadline);
            *deadline = earliest;
        }
        self.deadlines = deadlines;
    }

    fn check_time(&self, history: &StoreHistory) -> Result<(), Violation> {
        let operations = &history.operations;
        // The latest call so far, and whose.
        let mut latest: Option<(u64, usize)> = None;
        for (revision, maker, seen) in self.revisions() {
            for group in [maker.as_slice(), seen] {
                let conflict = group.iter().find_map(|&number| {
                    let (call, later) = latest?;
                    operations[number].returned_at().is_some_and(|at| at < call).then_some((number, later))
                });
                if let Some((number, later)) = conflict {
                    let (first, second) = (&operations[number], &operations[later]);
                    let sentence = format!(
                        "{} had returned before {} was called, but its revision {revision} puts it behind revision {} of the other",
                        name(first),
                        name(second),
                        revision_of(second),
                    );
                    return Err(Violation { revision, misplaced: vec![number, later], sentence });
                }
                let pushing = group.iter().filter(|&&number| !operations[number].request.serializable);
                latest = pushing.map(|&number| (operations[number].call, number)).chain(latest).max();
            }
        }
        Ok(())
    }
}

fn revision_of(operation: &StoreOperation) -> u64 {
    match &operation.ending {
        Ending::Returned { response, .. } => response.revision,
        Ending::Failed | Ending::Unknown => 0,
    }
}

/// An operation in a sentence.
pub(crate) fn name(operation: &StoreOperation) -> String {
    format!("{} (id {}, client {})", super::words::describe(operation), operation.id, operation.client)
}
