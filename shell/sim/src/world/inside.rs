//! Looking inside a world, for whoever shows it: what members hold and what their disks keep, what is on its way, what clients
//! asked. It changes nothing and knows nothing of how it is shown.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft::{Entry, NodeId, Position};
use replica::{Refusal, StateMachine as _};
use store::{RangeRequest, Response};
use wal::{Wal, snapshot_file};

use super::clients::{Answer, Body, Operation};
use super::network::SNAPSHOTS;
use super::telling::{describe, pairs, suffix};
use super::{Event, Sent, World};

/// What the disk of a member keeps that is down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Its term.
    pub term: u64,
    /// Its vote in that term; 0: none.
    pub vote: u64,
    /// The commit index that was written last.
    pub commit: u64,
    /// What is before its first entry.
    pub base: Position,
    /// Its newest snapshot covers entries up to here.
    pub snapshot: u64,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which member was asked.
    pub node: NodeId,
    /// What, in words.
    pub asks: String,
    /// When it left its client, and when it reaches the member.
    pub asked: u64,
    /// When it reaches the member.
    pub arrives: u64,
    /// When the member answered.
    pub answered: Option<u64>,
    /// When its client has the answer.
    pub told: Option<u64>,
    /// What the client is told, in words.
    pub answer: Option<String>,
    /// What that means.
    pub standing: Standing,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The client waits.
    Open,
    /// Done.
    Done,
    /// Without effect.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl World {
    /// All was made good, judged, and is over; what still happens is of no interest.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// How often a member has started and gone down before this: 0 in its first life.
    #[must_use]
    pub fn lives(&self, id: NodeId) -> u64 {
        self.life(id)
    }

    /// What a member's newest snapshot covers.
    #[must_use]
    pub fn snapshot_of(&self, id: NodeId) -> u64 {
        self.members.get(&id).map_or(0, |member| member.snapshot)
    }

    /// What the disk of a member keeps, as its next start would find it. `None`: it has no log, or none that can be read.
    #[must_use]
    pub fn kept(&self, id: NodeId) -> Option<Kept> {
        let disk = self.members.get(&id)?.disk.fork();
        disk.limit(None);
        disk.heal();
        let snapshot = snapshot_file::newest(&disk).ok().flatten().map_or(0, |newest| newest.position.index);
        let (_, recovered) = Wal::open(disk, self.options(9)).ok()?;
        let entry =
            |entry: &wal::Entry| Entry::from_body(Position::new(entry.index, entry.term), entry.bytes.clone()).ok();
        Some(Kept {
            term: recovered.hard_state.term,
            vote: recovered.hard_state.vote,
            commit: recovered.hard_state.commit,
            base: Position::new(recovered.base.index, recovered.base.term),
            snapshot,
            entries: recovered.entries.iter().map_while(entry).collect(),
        })
    }

    /// All keys and values of a member's own store, if it runs.
    #[must_use]
    pub fn pairs(&self, id: NodeId) -> Option<Vec<(Bytes, Bytes)>> {
        let running = self.members.get(&id)?.running.as_ref()?;
        let all = Bytes::from_static(b"\0");
        let request = RangeRequest { key: all.clone(), range_end: all, ..RangeRequest::default() };
        let answer = running.replica.machine().reader().range(&request).ok()?;
        Some(answer.kvs.into_iter().map(|pair| (pair.key, pair.value)).collect())
    }

    /// Links that carry nothing.
    #[must_use]
    pub fn broken_links(&self) -> &BTreeSet<(NodeId, NodeId)> {
        &self.links.broken
    }

    /// Kinds of messages that are lost, by their links.
    #[must_use]
    pub fn filtered_links(&self) -> BTreeMap<(NodeId, NodeId), Vec<String>> {
        let mut kinds: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for (from, to, kind) in &self.links.filtered {
            kinds.entry((*from, *to)).or_default().push(kind.clone());
        }
        kinds
    }

    /// Everything that is on its way, in the order of sending.
    #[must_use]
    pub fn flights(&self) -> Vec<Sent> {
        let flying = self.queue.iter().filter_map(|(at, event)| match event {
            Event::Deliver(one) | Event::Stray(one) if one.id > 0 => Some(one.sent(Some(at), None)),
            _ => None,
        });
        let held = self.links.held.values().map(|one| one.sent(None, None));
        let mut all: Vec<Sent> = flying.chain(held).chain(self.flying_snapshots()).collect();
        all.sort_by_key(|sent| (sent.at, sent.id % SNAPSHOTS, sent.id));
        all
    }

    /// The numbers of the newest requests, the oldest first, at most so many.
    #[must_use]
    pub fn newest_requests(&self, most: usize) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.operations.keys().rev().take(most).copied().collect();
        numbers.reverse();
        numbers
    }

    /// A request of a client.
    #[must_use]
    pub fn request(&self, number: u64) -> Option<Request> {
        let one = self.operations.get(&number)?;
        let asks = format!("{}{}{}", describe(&one.body), suffix(one.mode), name_of(one));
        let (answer, standing) = self.standing(one);
        Some(Request {
            node: one.node,
            asks,
            asked: one.called,
            arrives: one.arrives,
            answered: one.answered,
            told: one.returns,
            answer: answer.filter(|_| one.returned.is_some()),
            standing: if one.returned.is_some() { standing } else { Standing::Open },
        })
    }

    fn standing(&self, one: &Operation) -> (Option<String>, Standing) {
        let Some(answer) = &one.answer else { return (None, Standing::Open) };
        let read = matches!(one.body, Body::Read(_));
        let (text, standing) = match answer {
            Answer::Written(_, result) => (done_in_words(result).to_owned(), Standing::Done),
            Answer::Session(id) => (format!("session {id}"), Standing::Done),
            Answer::Read(_, answer) => (pairs(answer), Standing::Done),
            Answer::Refused(Refusal::TimedOut { .. }) if !read => {
                ("no answer in time: nobody knows whether it was done".to_owned(), Standing::Unknown)
            }
            Answer::Lost if !read => {
                ("the connection broke: nobody knows whether it was done".to_owned(), Standing::Unknown)
            }
            Answer::Refused(refusal) => (refusal_in_words(refusal), Standing::Refused),
            Answer::NotSent => (format!("{} is down", one.node), Standing::Refused),
            Answer::Lost => ("the connection broke".to_owned(), Standing::Refused),
        };
        (Some(text), standing)
    }
}

/// What a command came to, for who asked it.
fn done_in_words(result: &Bytes) -> &'static str {
    match store::Outcome::decode(result.clone()).map(|outcome| outcome.result) {
        Ok(Ok(Response::Txn(txn))) if !txn.succeeded => "nothing changed: another value is there",
        Ok(Ok(Response::DeleteRange(delete))) if delete.deleted == 0 => "nothing was there",
        _ => "done",
    }
}

/// Which command of which session it is.
fn name_of(one: &Operation) -> String {
    let command = one.named.as_ref().and_then(|named| named.command);
    command.map_or(String::new(), |command| format!(", command {} of session {}", command.sequence, command.session))
}

fn refusal_in_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoLeader => "refused: no leader is known".into(),
        Refusal::TimedOut { .. } => "no answer in time".into(),
        Refusal::TooLarge => "refused: too large".into(),
        Refusal::Busy => "refused: too many wait".into(),
        Refusal::NoSpace => "refused: no room".into(),
        Refusal::NoTransfer(_) => "refused: no transfer".into(),
        Refusal::Session(why) => format!("refused: {why}"),
    }
}
