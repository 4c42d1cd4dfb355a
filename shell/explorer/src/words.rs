//! Entries and messages in the words of people: `x=3`, `prevLogIndex 4`. It knows encodings and names, not what comes of them.

use bytes::{Buf as _, Bytes};
use raft::{AppendOutcome, Body, Configuration, Entry, EntryKind, NodeId};
use replica::PeerMessage;
use sim::world::{Load, Sent};
use store::{Command, RequestOp, TxnRequest};

use crate::trace::{CarriedEntry, EntryView, Fields, Flight};

/// Longer texts are cut: a page shows them in a cell.
const SHOWN: usize = 64;

/// What an entry says, and what it is.
pub(crate) fn entry(entry: &Entry) -> (String, EntryView) {
    match entry.kind() {
        EntryKind::Noop => (String::new(), EntryView::Noop),
        EntryKind::Command => (command_of(entry), EntryView::Command),
        EntryKind::Configuration => (configuration(&entry.payload()), EntryView::Configuration),
        EntryKind::Session => (session(entry), EntryView::Session),
    }
}

/// Behind the header, a command of a session begins with the session's word and with what its client has answers to.
fn command_of(entry: &Entry) -> String {
    let mut payload = entry.payload();
    if entry.header().session > 0 && payload.len() >= 16 {
        payload.advance(16);
    }
    command(payload)
}

/// A command of the store.
pub(crate) fn command(payload: Bytes) -> String {
    match Command::decode(payload) {
        Ok(Command::Put(put)) => format!("{}={}", text(&put.key), text(&put.value)),
        Ok(Command::DeleteRange(delete)) => format!("del {}", text(&delete.key)),
        Ok(Command::Txn(txn)) => transaction(&txn),
        Ok(Command::Compact { revision }) => format!("compact {revision}"),
        Err(_) => "?".into(),
    }
}

/// `x: 3→4` where one value takes the place of another, which is all that a script asks for.
fn transaction(txn: &TxnRequest) -> String {
    let compared = txn.compare.first().map(|compare| (text(&compare.key), &compare.target));
    match (compared, txn.success.first()) {
        (Some((key, store::CompareTarget::Value(from))), Some(RequestOp::Put(put))) => {
            format!("{key}: {}→{}", text(from), text(&put.value))
        }
        _ => "txn".into(),
    }
}

fn configuration(payload: &Bytes) -> String {
    Configuration::decode(payload).map_or_else(|_| "?".into(), |configuration| configuration.to_string())
}

fn session(entry: &Entry) -> String {
    match entry.payload().first() {
        Some(0) => format!("open session {}", entry.index()),
        Some(1) => format!("keep session {}", entry.header().session),
        Some(2) => format!("end session {}", entry.header().session),
        _ => "?".into(),
    }
}

/// Bytes as text, cut where they are long.
pub(crate) fn text(bytes: &[u8]) -> String {
    let all = String::from_utf8_lossy(bytes);
    match all.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all.into_owned(),
    }
}

fn carried(one: &Entry) -> CarriedEntry {
    let (command, kind) = entry(one);
    CarriedEntry { index: one.index().0, term: one.term().0, command, kind }
}

/// A message on its way.
pub(crate) fn flight(sent: &Sent) -> Flight {
    let (kind, term, fields, entries) = match &sent.load {
        Load::Message(message) => {
            let (kind, term, fields) = message_fields(message);
            (kind, term, fields, entries_of(message))
        }
        Load::Snapshot { term, position, bytes } => {
            let fields = named(&[
                ("lastIncludedIndex", position.index.0.to_string()),
                ("lastIncludedTerm", position.term.0.to_string()),
                ("bytes", bytes.to_string()),
            ]);
            ("InstallSnapshot", term.0, fields, Vec::new())
        }
    };
    Flight {
        id: sent.id,
        from: sent.from.0,
        to: sent.to.0,
        kind: kind.to_owned(),
        term,
        sent: sent.at,
        arrives: sent.arrives,
        lost_at: sent.lost_at,
        copy_of: sent.copy_of,
        fields,
        entries,
    }
}

fn entries_of(message: &PeerMessage) -> Vec<CarriedEntry> {
    match message {
        PeerMessage::Raft(raft::Message { body: Body::AppendEntries(append), .. }) => {
            append.run.entries().iter().map(carried).collect()
        }
        _ => Vec::new(),
    }
}

fn named(fields: &[(&str, String)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Its kind, its term, and what it says.
fn message_fields(message: &PeerMessage) -> (&'static str, u64, Fields) {
    match message {
        PeerMessage::Raft(message) => (message.body.name(), message.term.0, body_fields(&message.body)),
        PeerMessage::Write(write) => ("Write", write.term.0, named(&[("command", command(write.command.clone()))])),
        PeerMessage::WriteReply(reply) => {
            let outcome = match &reply.outcome {
                Ok(position) => format!("in the log at {position}"),
                Err(_) => "not taken".to_owned(),
            };
            ("WriteReply", reply.term.0, named(&[("outcome", outcome)]))
        }
        PeerMessage::Read(_) => ("Read", 0, Fields::new()),
        PeerMessage::ReadReply(reply) => ("ReadReply", 0, named(&[("readIndex", reply.index.to_string())])),
        PeerMessage::Describe(_) => ("Describe", 0, Fields::new()),
        PeerMessage::Alter(_) => ("Alter", 0, Fields::new()),
        PeerMessage::AlterReply(_) => ("AlterReply", 0, Fields::new()),
    }
}

fn body_fields(body: &Body) -> Fields {
    match body {
        Body::PreVote(ask) | Body::RequestVote(ask) => {
            let mut fields =
                named(&[("lastLogIndex", ask.last.index.to_string()), ("lastLogTerm", ask.last.term.0.to_string())]);
            if ask.transfer {
                fields.push(("transfer".into(), "yes".into()));
            }
            fields
        }
        Body::PreVoteReply(reply) => {
            named(&[("askedTerm", reply.asked.0.to_string()), ("voteGranted", yes(reply.granted))])
        }
        Body::RequestVoteReply(reply) => named(&[("voteGranted", yes(reply.granted))]),
        Body::AppendEntries(append) => named(&[
            ("prevLogIndex", append.run.prev().index.to_string()),
            ("prevLogTerm", append.run.prev().term.0.to_string()),
            ("entries", append.run.entries().len().to_string()),
            ("leaderCommit", append.commit.to_string()),
            ("round", append.round.to_string()),
        ]),
        Body::AppendEntriesReply(reply) => {
            let mut fields = match reply.outcome {
                AppendOutcome::Accepted { matched } => named(&[("success", yes(true)), ("match", matched.to_string())]),
                AppendOutcome::Refused { prev, hint } => {
                    let mut fields = named(&[("success", yes(false)), ("refused", prev.to_string())]);
                    fields.extend(hint.map(|hint| ("hint".to_owned(), hint.to_string())));
                    fields
                }
            };
            fields.push(("round".into(), reply.round.to_string()));
            fields
        }
        Body::InstallSnapshotReply(reply) => named(&[("match", reply.matched.to_string())]),
        Body::TimeoutNow => Fields::new(),
    }
}

fn yes(so: bool) -> String {
    if so { "yes" } else { "no" }.to_owned()
}

/// Microseconds as people read them.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{} ms", micros / 1000)
}

/// `n1, n2 and n3`.
pub(crate) fn list(nodes: &[NodeId]) -> String {
    match nodes {
        [] => "nobody".to_owned(),
        [one] => one.to_string(),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(NodeId::to_string).collect();
            format!("{} and {last}", most.join(", "))
        }
    }
}

/// What a load is called.
pub(crate) fn kind(load: &Load) -> &'static str {
    match load {
        Load::Message(message) => message_fields(message).0,
        Load::Snapshot { .. } => "InstallSnapshot",
    }
}
