//! Leader changes in figures: what Raft sends, message by message as the core's nodes sent it, beside what a view change of
//! Viewstamped Replication would send for the same logs in the same encoding (docs/raft-and-vr.md).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raft::Message;
use serde_json::{Value, json};
use sim::leader_change::{Before, Change, Way, change, entries_of};

use crate::terminal;

/// Entries that all have, and of how many bytes a command is.
const ENTRIES: u64 = 1000;
const PAYLOAD: usize = 100;
/// Length and checksum before each message, its kind, its group, and its view or term.
const FRAME: u64 = 8;
const START: u64 = 1 + 4 + 8;
/// Term and length before each entry on the wire.
const ENTRY_HEAD: u64 = 8 + 4;

/// Messages of a kind: how many, of how many bytes, with how many entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    bytes: u64,
    entries: u64,
}

/// Plays changes in clusters of three, five and seven, and prints them.
pub(super) fn play(behind: u64, as_json: bool) -> Result<bool, String> {
    let mut rows = Vec::new();
    for nodes in [3, 5, 7] {
        let before = Before { nodes, entries: ENTRIES, behind, payload: PAYLOAD };
        let died = change(before, Way::Death)?;
        let moved = change(before, Way::HandOver)?;
        rows.push((before, died, moved));
    }
    terminal::out(&if as_json { json_text(&rows) } else { text(behind, &rows) });
    Ok(true)
}

fn bytes_of(message: &Message) -> u64 {
    FRAME + node::message_bytes(message)
}

fn sums(messages: &[Message]) -> BTreeMap<&'static str, Sum> {
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for message in messages {
        let sum = sums.entry(message.body.name()).or_default();
        sum.count += 1;
        sum.bytes += bytes_of(message);
        sum.entries += entries_of(message);
    }
    sums
}

/// A view change for the same cluster ("Viewstamped Replication Revisited", section 4.2): each of the nodes - 1 that live tells all
/// others, each but the new primary sends it a log, and the new primary sends the log to all. `log`: entries in each of these.
fn view_change(nodes: u64, log: u64, entry: u64) -> [(&'static str, Sum); 3] {
    let (live, log_bytes) = (nodes - 1, log * (ENTRY_HEAD + entry));
    let sum = |count, own, log: u64, log_bytes: u64| Sum {
        count,
        bytes: count * (FRAME + START + own + log_bytes),
        entries: count * log,
    };
    [
        ("StartViewChange", sum(live * (nodes - 1), 0, 0, 0)),
        // The last view that was normal, op-number and commit-number.
        ("DoViewChange", sum(live - 1, 24, log, log_bytes)),
        // Op-number and commit-number.
        ("StartView", sum(nodes - 1, 16, log, log_bytes)),
    ]
}

fn line(out: &mut String, name: &str, sum: Sum) {
    let _ = writeln!(out, "    {name:<28}{:>9}{:>12}{:>10}", sum.count, sum.bytes, sum.entries);
}

fn total(sums: impl Iterator<Item = Sum>) -> Sum {
    sums.fold(Sum::default(), |all, one| Sum {
        count: all.count + one.count,
        bytes: all.bytes + one.bytes,
        entries: all.entries + one.entries,
    })
}

fn block(out: &mut String, title: &str, sums: &[(&'static str, Sum)]) {
    let _ = writeln!(out, "  {title}");
    for (name, sum) in sums {
        line(out, name, *sum);
    }
    line(out, "all", total(sums.iter().map(|(_, sum)| *sum)));
}

fn measured(messages: &[Message]) -> Vec<(&'static str, Sum)> {
    sums(messages).into_iter().collect()
}

fn text(behind: u64, rows: &[(Before, Change, Change)]) -> String {
    let mut out = format!(
        "A change of leaders: all have {ENTRIES} entries of {PAYLOAD} bytes, the next node by number lacks {behind} more.\n"
    );
    for (before, died, moved) in rows {
        let nodes = before.nodes;
        let _ = writeln!(out, "\n{nodes} nodes{:>34}{:>12}{:>10}", "messages", "bytes", "entries");
        block(&mut out, "Raft, the leader died: until another is elected (measured)", &measured(&died.election));
        block(&mut out, "Raft, then until all logs are equal (measured)", &measured(&died.repair));
        block(&mut out, "Raft, the leader hands over: until the target leads (measured)", &measured(&moved.election));
        block(&mut out, "VR, whole logs (computed)", &view_change(nodes, ENTRIES + behind, died.entry));
        block(&mut out, "VR, only what the next primary lacks (computed)", &view_change(nodes, behind, died.entry));
    }
    out
}

fn json_text(rows: &[(Before, Change, Change)]) -> String {
    let object = |sums: &[(&'static str, Sum)]| -> Value {
        let one = |sum: &Sum| json!({ "messages": sum.count, "bytes": sum.bytes, "entries": sum.entries });
        sums.iter().map(|(name, sum)| ((*name).to_owned(), one(sum))).collect::<serde_json::Map<_, _>>().into()
    };
    let row = |(before, died, moved): &(Before, Change, Change)| {
        json!({
            "nodes": before.nodes, "entries": before.entries, "behind": before.behind, "payload": before.payload,
            "raft_election": object(&measured(&died.election)), "raft_repair": object(&measured(&died.repair)),
            "raft_hand_over": object(&measured(&moved.election)),
            "vr_whole_computed": object(&view_change(before.nodes, before.entries + before.behind, died.entry)),
            "vr_suffix_computed": object(&view_change(before.nodes, before.behind, died.entry)),
        })
    };
    format!("{}\n", Value::Array(rows.iter().map(row).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_change_is_counted_as_its_paper_says() {
        // Five nodes, one of them gone: 4 x 4 StartViewChange, 3 DoViewChange, 4 StartView; an entry of 100 bytes is 112 on the wire.
        let [start, view, started] = view_change(5, 10, 100).map(|(_, sum)| sum);
        assert_eq!(start, Sum { count: 16, bytes: 16 * 21, entries: 0 });
        assert_eq!(view, Sum { count: 3, bytes: 3 * (21 + 24 + 1120), entries: 30 });
        assert_eq!(started, Sum { count: 4, bytes: 4 * (21 + 16 + 1120), entries: 40 });
    }

    #[test]
    fn an_entry_costs_the_same_on_both_sides() {
        let before = Before { nodes: 3, entries: 5, behind: 2, payload: 100 };
        let moved = change(before, Way::HandOver).unwrap();
        let append = moved.election.iter().find(|message| entries_of(message) == 2).unwrap();
        // Round, commit index and the position before the entries.
        assert_eq!(bytes_of(append), FRAME + START + 8 + 8 + 16 + 2 * (ENTRY_HEAD + moved.entry));
    }
}
