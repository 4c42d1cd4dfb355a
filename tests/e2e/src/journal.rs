//! What the clients were told, and whether the store's contents agree with it.
//!
//! Three kinds of keys. A *unique* key is written once, with one request. A *chain* grows by compare-and-swap, so that a write
//! that is applied twice, or late, breaks it. A *counter* is overwritten blindly: its version says how often.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use server::api::mvccpb::KeyValue;

/// What became of one write of a unique key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Acknowledged, at this revision.
    Acknowledged(i64),
    /// Refused: must never appear.
    Refused(String),
    /// May have been applied, once.
    Unknown(String),
}

/// The tally of one counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Acknowledged writes.
    pub acknowledged: i64,
    /// Writes that may have been applied.
    pub unknown: i64,
}

/// One worker's notes, or those of all together.
#[derive(Debug, Default)]
pub struct Journal {
    /// Unique keys: value and fate.
    pub unique: BTreeMap<Bytes, (Bytes, Fate)>,
    /// Chains: the last value known, and whether the next one may be there too.
    pub chains: BTreeMap<Bytes, (i64, bool)>,
    /// Counters.
    pub counters: BTreeMap<Bytes, Tally>,
    /// When each acknowledged write began and ended.
    pub acknowledged: Vec<(Instant, Instant)>,
    /// Texts of errors, and how often.
    pub errors: BTreeMap<String, u32>,
    /// What must not happen and did, seen while the load ran.
    pub violations: Vec<String>,
}

impl Journal {
    /// Puts another's notes into this one.
    pub fn absorb(&mut self, other: Self) {
        self.unique.extend(other.unique);
        self.chains.extend(other.chains);
        self.counters.extend(other.counters);
        self.acknowledged.extend(other.acknowledged);
        self.violations.extend(other.violations);
        for (text, times) in other.errors {
            *self.errors.entry(text).or_default() += times;
        }
    }

    /// Compares the notes with what the store holds. `contents` are all keys.
    #[must_use]
    pub fn violations(&self, contents: &BTreeMap<Bytes, KeyValue>) -> Vec<String> {
        let mut found = self.violations.clone();
        let mut report = |sentence: String| found.push(sentence);
        let mut revisions = BTreeSet::new();
        for (key, (value, fate)) in &self.unique {
            if let Some(sentence) = judge_unique(key, value, fate, contents.get(key)) {
                report(sentence);
            }
            if let Fate::Acknowledged(revision) = fate
                && !revisions.insert(revision)
            {
                report(format!("revision {revision} was answered to two writes, one of them {key:?}"));
            }
        }
        for (key, (last, next_possible)) in &self.chains {
            let found = contents.get(key);
            let (value, version) = found.map_or((0, 0), |row| (number(&row.value), row.version));
            if version != value || (value != *last && !(*next_possible && value == last + 1)) {
                report(format!("chain {key:?} is {value} at version {version}; {last} was acknowledged"));
            }
        }
        for (key, tally) in &self.counters {
            let version = contents.get(key).map_or(0, |row| row.version);
            if !(tally.acknowledged..=tally.acknowledged + tally.unknown).contains(&version) {
                report(format!("{key:?} was written {version} times; {tally:?}"));
            }
        }
        let known = |key: &Bytes| {
            self.unique.contains_key(key) || self.chains.contains_key(key) || self.counters.contains_key(key)
        };
        for key in contents.keys().filter(|key| !known(key)) {
            report(format!("{key:?} is there, and nobody wrote it"));
        }
        found
    }

    /// Fails with the first violations.
    ///
    /// # Panics
    /// When there are any.
    pub fn assert_holds(&self, contents: &BTreeMap<Bytes, KeyValue>) {
        let violations = self.violations(contents);
        let shown: Vec<&String> = violations.iter().take(20).collect();
        assert!(violations.is_empty(), "{} violations, such as {shown:#?}", violations.len());
    }
}

fn judge_unique(key: &Bytes, value: &Bytes, fate: &Fate, row: Option<&KeyValue>) -> Option<String> {
    match (fate, row) {
        (Fate::Acknowledged(revision), None) => Some(format!("{key:?}, acknowledged at {revision}, is lost")),
        (Fate::Refused(text), Some(_)) => Some(format!("{key:?} was refused ({text}) and is there")),
        (Fate::Refused(_) | Fate::Unknown(_), None) => None,
        (_, Some(row)) if row.version != 1 => Some(format!("{key:?} was applied {} times", row.version)),
        (_, Some(row)) if row.value != value => Some(format!("{key:?} holds {:?}, sent was {value:?}", row.value)),
        (Fate::Acknowledged(revision), Some(row)) if row.mod_revision != *revision => {
            Some(format!("{key:?} was acknowledged at {revision} and is of {}", row.mod_revision))
        }
        (_, Some(_)) => None,
    }
}

/// The number that a chain or a register holds.
#[must_use]
pub(crate) fn number(value: &[u8]) -> i64 {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |matches: fn(&Fate) -> bool| self.unique.values().filter(|(_, fate)| matches(fate)).count();
        let unknown = count(|fate| matches!(fate, Fate::Unknown(_)));
        let refused = count(|fate| matches!(fate, Fate::Refused(_)));
        write!(
            f,
            "{} writes acknowledged; of {} unique keys {unknown} unknown and {refused} refused",
            self.acknowledged.len(),
            self.unique.len()
        )?;
        self.errors.iter().try_for_each(|(text, times)| write!(f, "\n    {times:>6} x {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, value: &str, version: i64, mod_revision: i64) -> (Bytes, KeyValue) {
        let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        (key.clone(), KeyValue { key, value, version, mod_revision, ..KeyValue::default() })
    }

    fn journal() -> Journal {
        let mut journal = Journal::default();
        let fates = [
            ("a", Fate::Acknowledged(2)),
            ("b", Fate::Unknown("timed out".into())),
            ("c", Fate::Refused("no leader".into())),
        ];
        for (key, fate) in fates {
            journal.unique.insert(key.into(), ("v".into(), fate));
        }
        journal.chains.insert("chain".into(), (3, true));
        journal.counters.insert("count".into(), Tally { acknowledged: 2, unknown: 1 });
        journal
    }

    fn legal() -> BTreeMap<Bytes, KeyValue> {
        [row("a", "v", 1, 2), row("chain", "3", 3, 9), row("count", "2", 2, 8)].into()
    }

    #[test]
    fn what_is_legal_passes() {
        assert_eq!(journal().violations(&legal()), [] as [String; 0]);
        let mut all = legal();
        all.extend([row("b", "v", 1, 4), row("chain", "4", 4, 9), row("count", "2", 3, 8)]);
        assert_eq!(journal().violations(&all), [] as [String; 0]);
    }

    #[test]
    fn each_kind_of_violation_is_found() {
        for (planted, part) in [
            (row("a", "w", 1, 2), "sent was"),
            (row("a", "v", 2, 2), "applied 2 times"),
            (row("a", "v", 1, 3), "is of 3"),
            (row("b", "v", 2, 4), "applied 2 times"),
            (row("c", "v", 1, 4), "was refused (no leader) and is there"),
            (row("chain", "2", 2, 9), "3 was acknowledged"),
            (row("chain", "5", 5, 9), "3 was acknowledged"),
            (row("chain", "4", 5, 9), "at version 5"),
            (row("count", "2", 4, 8), "written 4 times"),
            (row("count", "2", 1, 8), "written 1 times"),
            (row("new", "v", 1, 5), "nobody wrote it"),
        ] {
            let mut contents = legal();
            contents.extend([planted]);
            let found = journal().violations(&contents);
            assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
        }
        let mut lost = legal();
        lost.remove(&b"a"[..]);
        assert!(journal().violations(&lost)[0].contains("is lost"));
        let mut twice = journal();
        twice.unique.insert("d".into(), ("v".into(), Fate::Acknowledged(2)));
        let mut contents = legal();
        contents.extend([row("d", "v", 1, 2)]);
        assert!(twice.violations(&contents)[0].contains("answered to two writes"));
    }
}
