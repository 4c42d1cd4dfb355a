//! All stories are told to their end: their captions come in order, and what they show is what a page shows.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use quorate_explorer::story::{self, Story};
use quorate_explorer::trace::{EventKind, Window};
use quorate_explorer::{Explorer, limits};
use sim::rules::Rule;
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
    let mut broken = BTreeSet::new();
    for story in stories() {
        let mut explorer = Explorer::default();
        let mut from = 0;
        while from < story.end {
            let until = story.end.min(from + limits::WINDOW_MICROS_MAX);
            let trace = explorer.trace(&story.run, Window { from, until }).unwrap();
            let last = trace.events.iter().find(|event| event.kind == EventKind::Broken);
            broken.extend(last.map(|_| story.id.clone()));
            assert!(last.is_none() || trace.end <= story.end, "{}", story.id);
            from = until;
        }
        assert!(story.end > 0 || story.id == "sandbox", "{}", story.id);
        let left_out = !story.run.rules_off.is_empty() || story.run.lie.is_some();
        assert_eq!(broken.contains(&story.id), left_out, "{}", story.id);
    }
    assert!(broken.len() >= 2, "{broken:?}");
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
    let (end, start) = story::interesting(&story.run);
    assert!(end <= story.end && start < end && end - start <= 300_000, "{start} {end}");
    let (end, start) = story::interesting(&sim::run::Run::teaching(1, 3));
    assert_eq!((end >= 3_000_000, start), (true, 0));
}

#[test]
fn each_rule_that_is_left_out_lets_something_fall() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let texts =
        fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    let mut fell: BTreeMap<Rule, BTreeSet<String>> = BTreeMap::new();
    for text in texts.filter(|text| text.contains(" without=")) {
        let played = play(&Scenario::parse(&text).unwrap(), false);
        let window = Window { from: 0, until: played.end.0.min(limits::WINDOW_MICROS_MAX) };
        let trace = quorate_explorer::trace(&played.run, window).unwrap();
        let checks = trace.events.last().and_then(|event| event.checks.clone()).unwrap_or_default();
        let names: Vec<String> = checks.into_iter().filter(|check| !check.ok).map(|check| check.name).collect();
        assert_eq!(names.len(), 1, "one falls: {:?} {:?}", played.run.rules_off, played.found);
        for rule in played.run.rules_off {
            fell.entry(rule).or_default().extend(names.clone());
        }
    }
    let named = |rule: Rule| fell.get(&rule).map(|names| names.iter().cloned().collect::<Vec<_>>().join(", "));
    let told: Vec<String> =
        Rule::ALL.iter().map(|rule| format!("{}: {}", rule.word(), named(*rule).unwrap_or_default())).collect();
    assert!(fell.len() >= 5, "{told:#?}");
    assert_eq!(named(Rule::Joint).as_deref(), Some("Majorities meet"), "{told:#?}");
    assert!(
        named(Rule::OldTermCount)
            .is_some_and(|names| names.contains("Leader Completeness") || names.contains("State Machine Safety")),
        "{told:#?}"
    );
}
