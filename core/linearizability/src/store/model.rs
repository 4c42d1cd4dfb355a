//! The store that a history is replayed on: keys with values and etcd's numbers, and nothing else. Small enough to be read and
//! believed, it shares no code with any real store.
//!
//! Compares answers as it goes and can take back what it did; does not know time.

use std::collections::BTreeMap;

use super::history::{Action, ActionResult, Compare, KeyRange, Relation, Row, Steps, StoreResponse, Target};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    value: String,
    create_revision: u64,
    mod_revision: u64,
    version: u64,
}

/// A store at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    rows: BTreeMap<String, Stored>,
    /// What each key held before each change, the newest last.
    before: Vec<(String, Option<Stored>)>,
}

impl Model {
    /// A store with these rows, which were put at `start` as far as they do not say otherwise.
    pub(crate) fn new(start: u64, rows: &[Row]) -> Self {
        let rows = rows.iter().map(|row| {
            let stored = Stored {
                value: row.value.clone(),
                create_revision: row.create_revision.unwrap_or(start),
                mod_revision: row.mod_revision.unwrap_or(start),
                version: row.version.unwrap_or(1),
            };
            (row.key.clone(), stored)
        });
        Self { rows: rows.collect(), before: Vec::new() }
    }

    /// Marks where `take_back` can return to.
    pub(crate) fn mark(&self) -> usize {
        self.before.len()
    }

    /// Undoes all since `mark`.
    pub(crate) fn take_back(&mut self, mark: usize) {
        for (key, stored) in self.before.drain(mark..).rev() {
            match stored {
                Some(stored) => self.rows.insert(key, stored),
                None => self.rows.remove(&key),
            };
        }
    }

    /// Does `steps` at `revision`, and says whether that changed anything.
    ///
    /// # Errors
    /// How the answer, if there is one, differs from what the store would have answered. What was done until then is left done.
    pub(crate) fn run(&mut self, steps: &Steps, revision: u64, answer: Option<&StoreResponse>) -> Result<bool, String> {
        let holds = self.holds(steps);
        if let Some(answer) = answer.filter(|answer| answer.succeeded != holds) {
            return Err(format!("it says that its conditions {}, but they {}", held(answer.succeeded), held(holds)));
        }
        let mark = self.mark();
        let results = answer.map_or(&[][..], |answer| &answer.results);
        for (place, action) in steps.branch(holds).iter().enumerate() {
            match (action, results.get(place)) {
                (Action::Put { key, value }, _) => self.put(key, value, revision),
                (Action::Delete(range), answered) => {
                    let deleted = self.delete(range);
                    match answered {
                        Some(ActionResult::Deleted(count)) if *count != deleted => {
                            return Err(format!("it deleted {count} keys, but there were {deleted}"));
                        }
                        _ => {}
                    }
                }
                (Action::Get(range), Some(ActionResult::Rows(rows))) => self.compare_rows(range, rows)?,
                (Action::Get(_), _) => {}
            }
        }
        Ok(self.mark() > mark)
    }

    fn holds(&self, steps: &Steps) -> bool {
        match steps {
            Steps::One(_) => true,
            Steps::Txn { compare, .. } => compare.iter().all(|compare| self.condition_holds(compare)),
        }
    }

    fn condition_holds(&self, compare: &Compare) -> bool {
        let row = self.rows.get(&compare.key);
        let number = |field: fn(&Stored) -> u64| row.map_or(0, field);
        let ordering = match &compare.target {
            Target::Value(value) => match row {
                Some(row) => row.value.cmp(value),
                None => return false,
            },
            Target::Version(version) => number(|row| row.version).cmp(version),
            Target::CreateRevision(revision) => number(|row| row.create_revision).cmp(revision),
            Target::ModRevision(revision) => number(|row| row.mod_revision).cmp(revision),
        };
        match compare.relation {
            Relation::Equal => ordering.is_eq(),
            Relation::NotEqual => ordering.is_ne(),
            Relation::Less => ordering.is_lt(),
            Relation::Greater => ordering.is_gt(),
        }
    }

    fn put(&mut self, key: &str, value: &str, revision: u64) {
        let before = self.rows.get(key);
        let stored = Stored {
            value: value.to_owned(),
            create_revision: before.map_or(revision, |row| row.create_revision),
            mod_revision: revision,
            version: before.map_or(0, |row| row.version) + 1,
        };
        let before = self.rows.insert(key.to_owned(), stored);
        self.before.push((key.to_owned(), before));
    }

    fn delete(&mut self, range: &KeyRange) -> u64 {
        let keys: Vec<String> = self.range(range).map(|(key, _)| key.clone()).collect();
        let mut deleted = 0;
        for key in keys {
            let before = self.rows.remove(&key);
            self.before.push((key, before));
            deleted += 1;
        }
        deleted
    }

    fn range<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a String, &'a Stored)> {
        self.rows.range(range.key.clone()..).take_while(|(key, _)| range.contains(key))
    }

    fn compare_rows(&self, range: &KeyRange, answered: &[Row]) -> Result<(), String> {
        let mut answered = answered.iter();
        for (key, stored) in self.range(range) {
            let found = format!("{key}={:?}", stored.value);
            let Some(row) = answered.next() else { return Err(format!("it did not see {found}")) };
            if row.key != *key || row.value != stored.value {
                return Err(format!("it saw {}={:?} where {found} is", row.key, row.value));
            }
            let numbers = [
                ("create_revision", row.create_revision, stored.create_revision),
                ("mod_revision", row.mod_revision, stored.mod_revision),
                ("version", row.version, stored.version),
            ];
            for (name, seen, is) in numbers {
                if let Some(seen) = seen.filter(|seen| *seen != is) {
                    return Err(format!("it saw {found} with {name} {seen}, which is {is}"));
                }
            }
        }
        answered.next().map_or(Ok(()), |row| Err(format!("it saw {}={:?}, which is not there", row.key, row.value)))
    }
}

fn held(holds: bool) -> &'static str {
    if holds { "held" } else { "did not hold" }
}
