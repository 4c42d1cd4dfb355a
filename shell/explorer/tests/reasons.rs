//! Each reason names the place where its rule stands: the list here was made from the paper and the thesis, not from the code.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use quorate_explorer::trace::Window;
use quorate_explorer::{limits, story, trace};
use sim::draw::run_of_seed;
use sim::scenario::{Scenario, play};

/// Rules and where they stand. A rule of several sections is told with the one that counts in the moment.
const PLACES: [(&str, &str); 38] = [
    ("All servers, rule 1", "paper 5.3"),
    ("All servers, rule 2", "paper 5.1"),
    ("AppendEntries, rule 2", "paper 5.3"),
    ("AppendEntries, rule 3", "paper 5.3"),
    ("AppendEntries, rule 5", "paper 5.3"),
    ("AppendEntries, rules 2 and 4", "paper 5.3"),
    ("Candidates", "paper 5.2"),
    ("Candidates, rule 3", "paper 5.2"),
    ("CheckQuorum", "thesis 6.2"),
    ("Election timeout", "paper 5.2"),
    ("Followers", "paper 5.2"),
    ("Ignored", "paper 5.1"),
    ("InstallSnapshot", "paper 7"),
    ("InstallSnapshot, rules 6 to 8", "paper 7"),
    ("Leaders", "paper 5.2"),
    ("Leaders, rule 1", "paper 5.2"),
    ("Leaders, rule 2", "paper 5.3"),
    ("Leaders, rule 3", "paper 5.3"),
    ("Leaders, rule 4", "paper 5.3, 5.4.2"),
    ("Leaders, rule 4", "paper 5.4.2"),
    ("Leadership transfer", "thesis 3.10"),
    ("Leaving the cluster", "thesis 4.2.2"),
    ("Log compaction", "paper 7"),
    ("Membership", "paper 6"),
    ("Membership", "thesis 4.1"),
    ("Membership", "thesis 4.2"),
    ("Membership", "thesis 4.2.1"),
    ("One vote a term", "paper 5.2"),
    ("Persistent state", "paper figure 2"),
    ("PreVote", "thesis 9.6"),
    ("RequestVote, rule 2", "paper 5.2, 5.4.1"),
    ("Stable storage", "paper figure 2"),
    ("Stop", "paper 5.2, 5.4.3"),
    ("TimeoutNow", "thesis 3.10"),
    ("Vote refused", "paper 5.1"),
    ("Vote refused", "paper 5.2"),
    ("Vote refused", "paper 5.4.1"),
    ("Vote refused", "thesis 4.2.3"),
];

/// What happens too seldom, or only where somebody does not keep the rules.
const SELDOM: [&str; 2] = ["One vote a term", "Stop"];

/// A leader whose change of the membership nobody else has is replaced: the only way to fall back to a configuration.
const FALLS_BACK: &str = include_str!("../../../scenarios/a_change_that_only_a_lost_leader_has_is_undone.scn");

#[test]
fn each_reason_names_where_its_rule_stands() {
    let mut told = BTreeSet::new();
    let stories = story::all().unwrap().into_iter().map(|story| (story.run, story.end));
    let falls_back = play(&Scenario::parse(FALLS_BACK).unwrap(), false);
    let falls_back = (falls_back.run, falls_back.end.0);
    let drawn = (0..20).map(|seed| (run_of_seed(seed), limits::WINDOW_MICROS_MAX));
    for (run, until) in stories.chain([falls_back]).chain(drawn) {
        let until = until.min(limits::WINDOW_MICROS_MAX);
        let Ok(trace) = trace(&run, Window { from: 0, until }) else { continue };
        told.extend(trace.events.into_iter().filter_map(|event| event.why).map(|why| (why.rule, why.section)));
    }
    let known: BTreeSet<(String, String)> =
        PLACES.iter().map(|(rule, section)| ((*rule).to_owned(), (*section).to_owned())).collect();
    let wrong: Vec<_> = told.difference(&known).collect();
    let unseen: Vec<_> = known.difference(&told).filter(|(rule, _)| !SELDOM.contains(&rule.as_str())).collect();
    assert!(wrong.is_empty() && unseen.is_empty(), "not where it stands: {wrong:?}; never told: {unseen:?}");
}
