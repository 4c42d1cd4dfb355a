//! All stories are told to their end: their captions come in order, and what they show is what a page shows.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use quorate_explorer::story::{self, Interesting, Story};
use quorate_explorer::trace::{EventKind, Trace, Window};
use quorate_explorer::{Explorer, limits};
use sim::rules::Rule;
use sim::run::Run;
use sim::scenario::{Scenario, play};

fn stories() -> Vec<Story> {
    story::all().unwrap()
}

#[test]
fn every_story_has_its_captions_in_order() {
    for story in stories().iter().filter(|story| story.id != "sandbox") {
        let times: Vec<u64> = story.captions.iter().map(|caption| caption.t).collect();
        assert!(times.is_sorted() && times.last().is_some_and(|last| *last <= story.end), "{}: {times:?}", story.id);
        assert!((3..=10).contains(&times.len()), "{} has {} captions", story.id, times.len());
        assert!(story.captions.iter().all(|caption| caption.text.len() <= 230), "{}: a caption is long", story.id);
        assert!(story.paper.starts_with("paper ") || story.paper.starts_with("thesis "), "{}", story.id);
        limits::check(&story.run).unwrap();
    }
}

#[test]
fn a_story_is_played_to_its_end_and_breaks_only_the_rule_that_it_leaves_out() {
    let mut broken = BTreeMap::new();
    for story in stories() {
        let mut explorer = Explorer::default();
        let mut from = 0;
        while from < story.end {
            let until = story.end.min(from + limits::WINDOW_MICROS_MAX);
            let trace = explorer.trace(&story.run, Window { from, until }).unwrap();
            broken.extend(fallen(&trace).into_iter().map(|name| (story.id.clone(), name)));
            assert!(!broken.contains_key(&story.id) || trace.end <= story.end, "{}", story.id);
            from = until;
        }
        assert!(story.end > 0 || story.id == "sandbox", "{}", story.id);
        let left_out = !story.run.rules_off.is_empty() || story.run.lie.is_some();
        assert_eq!(broken.contains_key(&story.id), left_out, "{}", story.id);
    }
    let broken: Vec<(&str, &str)> = broken.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    assert_eq!(
        broken,
        [
            ("deleting-too-eagerly", "Leader Completeness"),
            ("stale-read", "Linearizability"),
            ("two-majorities", "Majorities meet")
        ]
    );
}

#[test]
fn every_scenario_with_a_title_is_a_story_of_the_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let texts =
        fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    let titled = texts.filter(|text| text.lines().any(|line| line.starts_with("story "))).count();
    assert_eq!(stories().len(), titled + 1, "the list in story.rs and the sandbox");
}

#[test]
fn what_breaks_a_rule_is_told_before_it() {
    for (id, kind, text) in [
        ("deleting-too-eagerly", EventKind::Leader, "n2 leads term 2"),
        (
            "two-majorities",
            EventKind::Configuration,
            "n3 is in the configuration of entry 3: one set of voters decides",
        ),
    ] {
        let story = stories().into_iter().find(|story| story.id == id).unwrap();
        let trace = quorate_explorer::trace(&story.run, Window { from: 0, until: story.end }).unwrap();
        let [.., before, last] = trace.events.as_slice() else { panic!("{id} has no events") };
        assert_eq!((before.kind, before.text.as_str(), last.kind), (kind, text, EventKind::Broken));
        assert_eq!(last.text.matches("does not hold").count(), 1, "{}", last.text);
    }
}

#[test]
fn figure_8_ends_in_two_ways() {
    let ends: Vec<String> = ["figure-8", "figure-8-safe"]
        .map(|id| {
            let story = stories().into_iter().find(|story| story.id == id).unwrap();
            let trace = quorate_explorer::trace(&story.run, Window { from: story.end, until: story.end }).unwrap();
            format!("{:?}", trace.world.nodes[2].log.terms)
        })
        .into();
    assert_eq!(ends, ["[1, 3]", "[1, 2, 4]"]);
}

#[test]
fn figure_8_says_why_the_old_entry_is_not_committed() {
    let story = stories().into_iter().find(|story| story.id == "figure-8").unwrap();
    let trace = quorate_explorer::trace(&story.run, Window { from: 0, until: story.end }).unwrap();
    let held = trace.events.iter().find(|event| event.kind == EventKind::HeldBack).unwrap();
    let why = held.why.as_ref().unwrap();
    assert_eq!((held.node, why.section.as_str()), (Some(1), "paper 5.4.2"));
    let values: Vec<(&str, &str)> = why.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(values, [("log[2].term", "2"), ("currentTerm", "4")]);
}

#[test]
fn a_text_that_is_no_story_is_refused() {
    assert!(story::read("x", "cluster members=3\nwait leader\n").unwrap_err().contains("no title"));
    assert!(story::read("x", "leap").unwrap_err().contains("1:1"));
    assert!(story::read("x", "cluster\nstory paper 5: X\nexpect leader\n").unwrap_err().contains("3:1"));
}

#[test]
fn a_run_that_breaks_something_is_opened_a_little_before() {
    let story = stories().into_iter().find(|story| story.id == "stale-read").unwrap();
    let Interesting { end, start, broken } = story::interesting(&story.run);
    assert!(end <= story.end && start < end && end - start <= 300_000, "{start} {end}");
    assert!(broken.is_some_and(|broken| broken.starts_with("Linearizability does not hold any more: ")));
    let calm = story::interesting(&sim::run::Run::teaching(1, 3));
    assert_eq!(calm, Interesting { end: 6_000_000, start: 0, broken: None });
}

/// What falls first where a rule is left out, in the scenarios that are made for it.
const FALLS: [(Rule, &str); 7] = [
    (Rule::PrevCheck, "State Machine Safety"),
    (Rule::TruncateOnlyOnConflict, "Leader Completeness"),
    (Rule::CommitOnlyVerified, "State Machine Safety"),
    (Rule::OneVote, "Election Safety"),
    (Rule::UpToDate, "Leader Completeness"),
    (Rule::OldTermCount, "Leader Completeness"),
    (Rule::Joint, "Majorities meet"),
];

/// The names of the checks that do not hold at the end of a trace, which is where the last event says so.
fn fallen(trace: &Trace) -> Vec<String> {
    let Some(last) = trace.events.iter().find(|event| event.kind == EventKind::Broken) else { return Vec::new() };
    assert_eq!((last.t, last.n), (trace.end, trace.events.last().unwrap().n));
    last.checks.iter().flatten().filter(|check| !check.ok).map(|check| check.name.clone()).collect()
}

#[test]
fn without_a_rule_its_property_falls_and_with_it_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let texts =
        fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    let mut fell: BTreeMap<Rule, BTreeSet<String>> = BTreeMap::new();
    for text in texts.filter(|text| text.contains(" without=")) {
        let played = play(&Scenario::parse(&text).unwrap(), false);
        let window = Window { from: 0, until: played.end.0.min(limits::WINDOW_MICROS_MAX) };
        let names = fallen(&quorate_explorer::trace(&played.run, window).unwrap());
        assert_eq!(names.len(), 1, "one falls: {:?} {:?}", played.run.rules_off, played.found);
        let whole = Run { rules_off: Vec::new(), ..played.run.clone() };
        let names_of_whole = fallen(&quorate_explorer::trace(&whole, window).unwrap());
        assert!(names_of_whole.is_empty(), "with {:?} {names_of_whole:?}", played.run.rules_off);
        for rule in played.run.rules_off {
            fell.entry(rule).or_default().extend(names.clone());
        }
    }
    let told: Vec<(Rule, String)> =
        fell.into_iter().map(|(rule, names)| (rule, names.into_iter().collect::<Vec<_>>().join(", "))).collect();
    let expected: Vec<(Rule, String)> = FALLS.iter().map(|(rule, name)| (*rule, (*name).to_owned())).collect();
    assert_eq!(told, expected);
    assert_eq!(FALLS.map(|(rule, _)| rule), Rule::ALL);
}
