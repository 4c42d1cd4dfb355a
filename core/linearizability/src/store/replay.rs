//! Replays a store's history by revision on the model.
//!
//! Where a revision has no known maker, the operations of unknown outcome are tried in its place, the earliest called first; of
//! several that ask for the same, only the first that is left. What contradicts a later answer is taken back. One that shows up
//! nowhere is left out: nobody can tell whether it happened after the last answer, or ever.
//!
//! Knows revisions; real time was judged before (`order`), but for what is tried here.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::history::{Action, StoreHistory};
use super::model::Model;
use super::order::{Order, Violation, name};
use crate::history::Ending;

/// How a replay ended.
#[derive(Debug)]
pub(crate) enum Replayed {
    /// To the last revision, and every answer was right.
    Whole,
    /// Not further than this, whatever was tried.
    Stopped(Violation),
    /// The steps were used up.
    OutOfSteps,
}

/// Replays `history`, and takes what it needs from `steps`.
pub(crate) fn replay(history: &StoreHistory, order: &Order, steps: &mut u64) -> Replayed {
    let unknown = unknown_changes(history);
    let revisions = order.last - history.start;
    if revisions > (order.makers.len() + unknown.len()) as u64 {
        return Replayed::Stopped(missing(history, order, unknown.len()));
    }
    let model = Model::new(history.start, &history.rows);
    let twin_before = twins(history, &unknown);
    let used = vec![false; unknown.len()];
    let evidence = Evidence::new(history);
    Replay { history, order, unknown, twin_before, used, evidence, model, stack: Vec::new(), furthest: None }.run(steps)
}

/// One revision that was replayed.
struct Frame {
    mark: usize,
    /// Which unknown operation made it; nothing for a known one.
    tried: Option<usize>,
}

struct Replay<'a> {
    history: &'a StoreHistory,
    order: &'a Order,
    /// Places in the history of unknown operations that may change something, by their calls.
    unknown: Vec<usize>,
    twin_before: Vec<Option<usize>>,
    used: Vec<bool>,
    evidence: Evidence<'a>,
    model: Model,
    stack: Vec<Frame>,
    furthest: Option<Violation>,
}

impl Replay<'_> {
    fn run(mut self, steps: &mut u64) -> Replayed {
        let start = self.history.start;
        if let Err(violation) = self.judge_readers(start) {
            return Replayed::Stopped(violation);
        }
        // The unknown operation to begin with at the next revision.
        let mut from = 0;
        while start + (self.stack.len() as u64) < self.order.last {
            let Some(rest) = steps.checked_sub(1) else { return Replayed::OutOfSteps };
            *steps = rest;
            let revision = start + self.stack.len() as u64 + 1;
            let went_on = match self.order.makers.get(&revision) {
                Some(&maker) => self.replay_known(maker, revision),
                None => self.try_unknown(from, revision),
            };
            from = 0;
            if !went_on {
                match self.take_back() {
                    Some(next) => from = next,
                    None => break,
                }
            }
        }
        match self.furthest {
            Some(violation) if start + (self.stack.len() as u64) < self.order.last => Replayed::Stopped(violation),
            _ => Replayed::Whole,
        }
    }

    fn replay_known(&mut self, maker: usize, revision: u64) -> bool {
        let mark = self.model.mark();
        match self.apply(maker, revision) {
            Ok(_) => self.stack.push(Frame { mark, tried: None }),
            Err(violation) => {
                self.model.take_back(mark);
                self.remember(violation);
                return false;
            }
        }
        true
    }

    /// Tries unknown operations from `from` on until one may have made `revision`.
    fn try_unknown(&mut self, from: usize, revision: u64) -> bool {
        let mark = self.model.mark();
        let deadline = self.order.deadline(revision);
        let mut nearest = None;
        for candidate in from..self.unknown.len() {
            let operation = &self.history.operations[self.unknown[candidate]];
            if operation.call > deadline {
                break;
            }
            let twin_waits = self.twin_before[candidate].is_some_and(|twin| !self.used[twin]);
            if self.used[candidate] || twin_waits || !self.evidence.allows(&operation.request, revision) {
                continue;
            }
            match self.apply(self.unknown[candidate], revision) {
                Ok(true) => {
                    self.used[candidate] = true;
                    self.stack.push(Frame { mark, tried: Some(candidate) });
                    return true;
                }
                Ok(false) => {}
                Err(violation) => nearest = Some(violation),
            }
            self.model.take_back(mark);
        }
        let violation = self.no_maker(revision, nearest);
        self.remember(violation);
        false
    }

    /// Runs an operation at `revision`, and judges what was read there. Says whether it changed anything.
    fn apply(&mut self, number: usize, revision: u64) -> Result<bool, Violation> {
        let operation = &self.history.operations[number];
        let answer = match &operation.ending {
            Ending::Returned { response, .. } => Some(response),
            Ending::Failed | Ending::Unknown => None,
        };
        let changed = self.model.run(&operation.request.steps, revision, answer).map_err(|problem| {
            let sentence =
                format!("{} does not fit what was there at its revision {revision}: {problem}", name(operation));
            Violation { revision, misplaced: vec![number], sentence }
        })?;
        if changed {
            self.judge_readers(revision)?;
        }
        Ok(changed)
    }

    fn judge_readers(&mut self, revision: u64) -> Result<(), Violation> {
        let order = self.order;
        for &number in order.readers.get(&revision).map_or(&[][..], Vec::as_slice) {
            let operation = &self.history.operations[number];
            let Ending::Returned { response, .. } = &operation.ending else { continue };
            let mark = self.model.mark();
            let ran = self.model.run(&operation.request.steps, revision, Some(response));
            self.model.take_back(mark);
            let problem = match ran {
                Ok(false) => continue,
                Ok(true) => "it says that it changed nothing, but it would have".to_owned(),
                Err(problem) => problem,
            };
            let sentence = format!("{} does not fit the state at revision {revision}: {problem}", name(operation));
            return Err(Violation { revision, misplaced: vec![number], sentence });
        }
        Ok(())
    }

    /// Takes back revisions up to one that another unknown operation may have made, and says with which to go on.
    fn take_back(&mut self) -> Option<usize> {
        while let Some(frame) = self.stack.pop() {
            self.model.take_back(frame.mark);
            if let Some(tried) = frame.tried {
                self.used[tried] = false;
                return Some(tried + 1);
            }
        }
        None
    }

    fn remember(&mut self, violation: Violation) {
        if self.furthest.as_ref().is_none_or(|furthest| violation.revision > furthest.revision) {
            self.furthest = Some(violation);
        }
    }

    fn no_maker(&self, revision: u64, nearest: Option<Violation>) -> Violation {
        let shown_by = self.order.witness(revision).map_or(Vec::new(), |witness| vec![witness]);
        let shown = shown_by.first().map_or(String::new(), |&witness| {
            format!(", which {} shows to exist", name(&self.history.operations[witness]))
        });
        let mut sentence = format!(
            "no operation can have made revision {revision}{shown}: of {} operations of unknown outcome none fits",
            self.unknown.len()
        );
        let mut misplaced = shown_by;
        if let Some(nearest) = nearest {
            sentence.push_str(&format!(". The nearest try ended so: {}", nearest.sentence));
            misplaced = nearest.misplaced;
        }
        Violation { revision, misplaced, sentence }
    }
}

/// Unknown operations that may change something, by their calls.
fn unknown_changes(history: &StoreHistory) -> Vec<usize> {
    let operations = &history.operations;
    let mut unknown: Vec<usize> = (0..operations.len())
        .filter(|&number| operations[number].ending == Ending::Unknown)
        .filter(|&number| !operations[number].request.steps.actions().all(Action::is_get))
        .collect();
    unknown.sort_by_key(|&number| operations[number].call);
    unknown
}

/// For each of these the one before it that asks for the same.
fn twins(history: &StoreHistory, unknown: &[usize]) -> Vec<Option<usize>> {
    let mut latest = BTreeMap::new();
    let requests = unknown.iter().map(|&number| &history.operations[number].request);
    requests.enumerate().map(|(place, request)| latest.insert(request, place)).collect()
}

/// More revisions lack a maker than there are operations of unknown outcome.
fn missing(history: &StoreHistory, order: &Order, unknown: usize) -> Violation {
    let mut expected = history.start + 1;
    let mut left = unknown as u64;
    for &revision in order.makers.keys() {
        let gap = revision - expected;
        if gap > left {
            break;
        }
        left -= gap;
        expected = revision + 1;
    }
    let revision = expected + left;
    let shown_by = order.witness(revision).map_or(Vec::new(), |witness| vec![witness]);
    let shown = shown_by.first().map_or(String::new(), |&witness| name(&history.operations[witness]));
    let sentence = format!(
        "{shown} shows that revision {revision} exists, but nothing made it, and of the {unknown} operations of unknown outcome each \
         can have made one revision only"
    );
    Violation { revision, misplaced: shown_by, sentence }
}
