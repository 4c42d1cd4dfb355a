//! What reads tell about revisions that no known operation made: a row says which put made its revision, and that its key rested
//! from then until it was read.
//!
//! Only leaves out what is impossible; whether the rest is right shows the replay.

use std::collections::BTreeMap;

use super::history::{Action, ActionResult, Row, Steps, StoreHistory, StoreRequest};
use crate::history::Ending;

/// All that reads tell.
#[derive(Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// For each revision the keys and values that were put at it.
    puts: BTreeMap<u64, Vec<(&'a str, &'a str)>>,
    /// For each key the revisions after which it rested, and until which; the second number is the latest of all up to there.
    rests: BTreeMap<&'a str, Vec<(u64, u64)>>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(history: &'a StoreHistory) -> Self {
        let mut evidence = Self::default();
        for operation in &history.operations {
            let Ending::Returned { response, .. } = &operation.ending else { continue };
            let until = operation.request.at.unwrap_or(response.revision);
            for result in &response.results {
                match result {
                    ActionResult::Rows(rows) => rows.iter().for_each(|row| evidence.add(row, until)),
                    ActionResult::Put | ActionResult::Deleted(_) => {}
                }
            }
        }
        for puts in evidence.puts.values_mut() {
            puts.sort_unstable();
            puts.dedup();
        }
        for rests in evidence.rests.values_mut() {
            rests.sort_unstable();
            let mut latest = 0;
            for (_, until) in rests {
                latest = latest.max(*until);
                *until = latest;
            }
        }
        evidence
    }

    fn add(&mut self, row: &'a Row, until: u64) {
        let Some(revision) = row.mod_revision else { return };
        self.puts.entry(revision).or_default().push((&row.key, &row.value));
        self.rests.entry(&row.key).or_default().push((revision, until));
    }

    /// Whether `request` may have made `revision`, as far as reads tell.
    pub(crate) fn allows(&self, request: &StoreRequest, revision: u64) -> bool {
        let makes_what_was_seen = self.puts.get(&revision).is_none_or(|puts| {
            puts.iter().all(|seen| {
                request.steps.actions().any(|action| match action {
                    Action::Put { key, value } => (key.as_str(), value.as_str()) == *seen,
                    Action::Delete(_) | Action::Get(_) => false,
                })
            })
        });
        let disturbs = match &request.steps {
            Steps::One(Action::Put { key, .. }) => self.rests_at(key, revision),
            Steps::One(Action::Delete(range)) => range.end.is_none() && self.rests_at(&range.key, revision),
            Steps::One(Action::Get(_)) | Steps::Txn { .. } => false,
        };
        makes_what_was_seen && !disturbs
    }

    /// Whether `key` was put before `revision`, and seen unchanged at it or later.
    fn rests_at(&self, key: &str, revision: u64) -> bool {
        let Some(rests) = self.rests.get(key) else { return false };
        let before = rests.partition_point(|(since, _)| *since < revision);
        before > 0 && rests[before - 1].1 >= revision
    }
}
