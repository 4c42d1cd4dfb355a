//! What a page is told has the names that the page knows: those of `web/types.d.ts`, which is written by hand and read by its type checker.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quorate_explorer::trace::Window;
use quorate_explorer::{limits, story, trace};
use serde_json::Value;

/// Values whose keys are nodes, or belong to clients.
const MAPS: [&str; 3] = ["peers", "votes", "kv"];
/// Values that are words of a fixed list.
const WORDS: [&str; 5] = ["role", "member", "state", "how", "kinds"];

fn names(value: &Value, under: &str, keys: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                if !MAPS.contains(&under) {
                    keys.insert(key.clone());
                }
                names(inner, key, keys, words);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| names(one, under, keys, words)),
        Value::String(word) if WORDS.contains(&under) => _ = words.insert(word.clone()),
        _ => {}
    }
}

#[test]
fn every_name_of_a_trace_is_known_to_the_page() {
    let (mut keys, mut words) = (BTreeSet::new(), BTreeSet::new());
    for story in story::all().unwrap().into_iter().step_by(3) {
        let until = story.end.clamp(1_000_000, limits::WINDOW_MICROS_MAX);
        let trace = serde_json::to_value(trace(&story.run, Window { from: 0, until }).unwrap()).unwrap();
        names(&trace, "", &mut keys, &mut words);
    }
    let types = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/types.d.ts")).unwrap();
    let known: BTreeSet<&str> = types.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let unknown: Vec<&String> = keys.iter().chain(&words).filter(|name| !known.contains(name.as_str())).collect();
    assert!(keys.len() > 60 && words.len() > 12, "{} keys, {} words", keys.len(), words.len());
    assert!(unknown.is_empty(), "web/types.d.ts does not have {unknown:?}");
}
