//! Answers as a person reads them, or as JSON.
//!
//! Makes bytes; does not write them anywhere.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use server::api::etcdserverpb::{DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader};
use server::api::mvccpb::KeyValue;

use super::GetArguments;
use super::status::{Answered, EndpointStatus, Outcome};
use super::transfer::Moved;

/// What goes where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) out: Vec<u8>,
    /// Lines for standard error.
    pub(crate) notes: Vec<String>,
    /// Whether the exit code is 0.
    pub(crate) good: bool,
}

impl Answer {
    pub(super) fn text(text: String) -> Self {
        Self { out: text.into_bytes(), notes: Vec::new(), good: true }
    }

    pub(super) fn json(value: &impl Serialize) -> Self {
        let mut text = serde_json::to_string(value).expect("our own answers have text keys and finite numbers");
        text.push('\n');
        Self::text(text)
    }
}

#[derive(Serialize)]
struct PutJson {
    revision: i64,
}

#[derive(Serialize)]
struct DeleteJson {
    revision: i64,
    deleted: i64,
}

#[derive(Serialize)]
struct GetJson {
    revision: i64,
    count: i64,
    more: bool,
    kvs: Vec<KeyValueJson>,
}

#[derive(Serialize)]
struct KeyValueJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
    create_revision: i64,
    mod_revision: i64,
    version: i64,
    lease: i64,
}

/// `OK`, and the revision that the write made.
pub(super) fn put(response: &PutResponse, json: bool) -> Answer {
    let revision = revision(response.header.as_ref());
    if json { Answer::json(&PutJson { revision }) } else { Answer::text(format!("OK, revision {revision}\n")) }
}

/// How many keys are gone, and the revision.
pub(super) fn delete(response: &DeleteRangeResponse, json: bool) -> Answer {
    let (revision, deleted) = (revision(response.header.as_ref()), response.deleted);
    if json {
        return Answer::json(&DeleteJson { revision, deleted });
    }
    let keys = if deleted == 1 { "key" } else { "keys" };
    Answer::text(format!("deleted {deleted} {keys}, revision {revision}\n"))
}

/// Key and value on a line each, as etcdctl does. Nothing found is no error.
pub(super) fn get(key: &[u8], asked: &GetArguments, response: &RangeResponse, json: bool) -> Answer {
    if json {
        return Answer::json(&GetJson {
            revision: revision(response.header.as_ref()),
            count: response.count,
            more: response.more,
            kvs: response.kvs.iter().map(|kv| key_value(kv, asked.keys_only)).collect(),
        });
    }
    let mut answer = Answer::text(String::new());
    for kv in &response.kvs {
        answer.out.extend_from_slice(&kv.key);
        answer.out.push(b'\n');
        if !asked.keys_only {
            answer.out.extend_from_slice(&kv.value);
            answer.out.push(b'\n');
        }
    }
    let name = String::from_utf8_lossy(key);
    if response.kvs.is_empty() {
        let what =
            if asked.prefix { format!("no key begins with {name:?}") } else { format!("there is no key {name:?}") };
        answer.notes.push(what);
    }
    if response.more {
        answer.notes.push(format!("{} of {} keys shown", response.kvs.len(), response.count));
    }
    answer
}

/// Who led and who leads.
pub(super) fn transfer(moved: &Moved, json: bool) -> Answer {
    if json {
        return Answer::json(moved);
    }
    if moved.from == moved.to {
        return Answer::text(format!("{} leads already\n", moved.to));
    }
    Answer::text(format!("{} leads now; {} led before\n", moved.to, moved.from))
}

/// A table of all endpoints, and who leads. Good when every endpoint answered.
pub(super) fn status(statuses: &[EndpointStatus], json: bool) -> Answer {
    let good = statuses.iter().all(|status| matches!(status.outcome, Outcome::Answered(_)));
    let answer = if json { Answer::json(&statuses) } else { Answer::text(status_text(statuses)) };
    Answer { good, ..answer }
}

fn status_text(statuses: &[EndpointStatus]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["ENDPOINT", "NAME", "ID", "ROLE", "TERM", "APPLIED", "DB SIZE", "VERSION", "REMARKS"]);
    for status in statuses {
        match &status.outcome {
            Outcome::Answered(member) => {
                let role = match (member.is_leader, &member.leader) {
                    (true, _) => "leader",
                    (false, Some(_)) => "follower",
                    (false, None) => "no leader",
                };
                let (term, applied) = (member.term.to_string(), member.applied.to_string());
                let (size, remarks) = (human_bytes(member.db_size), member.remarks());
                let cells = [
                    &status.endpoint,
                    &member.name,
                    &member.id,
                    role,
                    &term,
                    &applied,
                    &size,
                    &member.version,
                    &remarks,
                ];
                table.add_row(cells);
            }
            Outcome::Silent { error } => {
                table.add_row([&status.endpoint, "-", "-", "silent", "-", "-", "-", "-", error]);
            }
        }
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if (4..=6).contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    table.lines().for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
    let _ = writeln!(text, "\n{}", who_leads(statuses));
    text
}

/// Of several that each think they lead, the one of the newest term does (paper, section 5.1).
fn who_leads(statuses: &[EndpointStatus]) -> String {
    let answered = statuses.iter().filter_map(|status| match &status.outcome {
        Outcome::Answered(member) => Some((status, member)),
        Outcome::Silent { .. } => None,
    });
    let newest = answered.clone().filter(|(_, member)| member.leader.is_some()).max_by_key(|(_, member)| member.term);
    let Some((_, follower)) = newest else {
        return "No leader is known here: writes and linearizable reads wait until a majority of the members can talk."
            .to_owned();
    };
    let leader = answered.clone().find(|(_, member)| member.is_leader && member.term == follower.term);
    let Some((status, member)) = leader else {
        return format!(
            "Member {} leads in term {}; it is not among these endpoints, or does not answer.",
            follower.leader.as_deref().unwrap_or_default(),
            follower.term
        );
    };
    let follows = |other: &Answered| other.id != member.id && other.leader.as_ref() == Some(&member.id);
    let confirmed =
        statuses.len() == 1 || answered.clone().any(|(_, other)| follows(other) && other.term == member.term);
    let doubt = if confirmed { "" } else { " by its own word; no other endpoint says so" };
    format!("{} leads in term {}{doubt}.", title(status, member), member.term)
}

fn title(status: &EndpointStatus, member: &Answered) -> String {
    if member.name.is_empty() { status.endpoint.clone() } else { format!("{} ({})", member.name, status.endpoint) }
}

fn revision(header: Option<&ResponseHeader>) -> i64 {
    header.map_or(0, |header| header.revision)
}

fn key_value(kv: &KeyValue, keys_only: bool) -> KeyValueJson {
    let (key, key_hex) = text_or_hex(&kv.key);
    let (value, value_hex) = if keys_only { (None, None) } else { text_or_hex(&kv.value) };
    KeyValueJson {
        key,
        key_hex,
        value,
        value_hex,
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

fn text_or_hex(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())),
    }
}

/// `20 kB`, as etcdctl shows sizes: powers of 1000, a decimal where the number is small.
fn human_bytes(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size.abs() >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && size.abs() < 9.95);
    format!("{size:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (20_480, "20 kB"),
            (1_572_864, "1.6 MB"),
            (2_147_483_648, "2.1 GB"),
            (999_999, "1.0 MB"),
            (i64::MAX, "9223372 TB"),
        ] {
            assert_eq!(human_bytes(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_hex() {
        assert_eq!(text_or_hex(b"X"), (Some("X".to_owned()), None));
        assert_eq!(text_or_hex(&[0xff, 0x0a]), (None, Some("ff0a".to_owned())));
    }
}
