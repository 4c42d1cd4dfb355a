//! What must always hold, by the names that people know, and which of it a checker of the simulator means.

use sim::checkers::Failure;

use crate::trace::Check;

const NAMES: [&str; 9] = [
    "Election Safety",
    "Leader Append-Only",
    "Log Matching",
    "Leader Completeness",
    "State Machine Safety",
    "Majorities meet",
    "Linearizability",
    "Promises are on disk",
    "Everything else",
];

/// All of them; one of them fell, if a checker failed.
pub(crate) fn checks(failure: Option<&Failure>) -> Vec<Check> {
    let fell = failure.map(name);
    let check = |name: &&str| {
        let ok = fell != Some(*name);
        Check { name: (*name).to_owned(), ok, what: failure.filter(|_| !ok).map(|failure| failure.what.clone()) }
    };
    NAMES.iter().map(check).collect()
}

/// What does not hold any more, and by which values one sees it.
pub(crate) fn told(failure: &Failure) -> String {
    let name = name(failure);
    // Some of the checkers name the property themselves.
    let what = failure.what.split_once(" does not hold: ").filter(|(property, _)| property.starts_with(name));
    format!("{name} does not hold any more: {}", what.map_or(failure.what.as_str(), |(_, what)| what))
}

/// What it is that does not hold.
pub(crate) fn name(failure: &Failure) -> &'static str {
    let told = NAMES.iter().take(5).find(|name| failure.what.starts_with(**name));
    match (failure.checker, told) {
        ("figure 3", Some(name)) => name,
        ("figure 3", None) if failure.what.starts_with("one vote a term") => "Election Safety",
        ("figure 3", None) if failure.what.starts_with("the vote is fixed") => "Election Safety",
        ("halt", _) if failure.what.contains("both") || failure.what.contains("two leaders") => "Election Safety",
        // The disk itself refuses what would give a vote twice.
        ("disk", _) if failure.what.contains("the vote of term") => "Election Safety",
        ("membership", _) => "Majorities meet",
        ("halt" | "same sequence", _) => "State Machine Safety",
        ("persist before send" | "monotonic" | "rot" | "start" | "disk" | "one write", _) => "Promises are on disk",
        ("linearizable" | "no stale read" | "bounded staleness" | "store model" | "durability" | "answers", _) => {
            "Linearizability"
        }
        _ => "Everything else",
    }
}
