//! What entries and steps say: no entry of a story is a riddle, and who is down answers nobody.

#![allow(clippy::unwrap_used)]

use quorate_explorer::trace::{Trace, Window};
use quorate_explorer::{limits, story};

fn traces() -> Vec<(String, Trace)> {
    let told = story::all().unwrap().into_iter().filter(|story| !story.captions.is_empty());
    told.map(|story| {
        let window = Window { from: 0, until: story.end.min(limits::WINDOW_MICROS_MAX) };
        (story.id.clone(), quorate_explorer::trace(&story.run, window).unwrap())
    })
    .collect()
}

#[test]
fn every_entry_of_every_story_says_what_it_is() {
    let mut of_sessions = 0;
    for (id, trace) in traces() {
        let logs = trace.events.iter().flat_map(|event| &event.nodes).filter_map(|node| node.log.as_ref());
        for command in logs.flat_map(|log| &log.commands) {
            assert_ne!(command, "?", "{id}");
            of_sessions += usize::from(command == "x: 0→1");
        }
    }
    assert!(of_sessions > 0, "a command of a session is among them");
}

#[test]
fn no_step_is_told_in_the_words_of_the_program() {
    for (id, trace) in traces() {
        for event in &trace.events {
            assert!(!event.text.contains(['{', '}']), "{id}: {}", event.text);
        }
    }
}

#[test]
fn who_lost_its_power_answers_nobody() {
    let (_, trace) = traces().into_iter().find(|(id, _)| id == "command-asked-twice").unwrap();
    let told: Vec<&str> = trace.events.iter().map(|event| event.text.as_str()).collect();
    let failed = told.iter().position(|text| text.contains("loses power")).unwrap();
    let near = &told[failed..failed + 4];
    assert!(near.iter().any(|text| text.contains("can't answer")), "{near:?}");
    assert!(!near.iter().any(|text| text.contains("answers the client")), "{near:?}");
}
