//! Persist before send: what a message says of its sender would survive if the power went now. It reads the platter itself, with
//! the real recovery, and believes neither the driver nor the disk's calls.

use std::collections::BTreeMap;

use raft::{Body, Message, NodeId, Position, Term};
use wal::memory_disk::MemoryDisk;
use wal::{HardState, Options, Wal, snapshot_file};

use super::{Checked, Failure};
use crate::run::Run;

/// What the platter holds.
struct Platter {
    hard_state: HardState,
    /// The newest snapshot or the log's base, whatever reaches further.
    base: u64,
    /// Terms of the entries behind the log's base, by index.
    terms: BTreeMap<u64, u64>,
}

pub(crate) struct Platters {
    /// One message in so many is looked at; reading a disk takes long.
    every: u64,
    claims: u64,
    known: BTreeMap<NodeId, Platter>,
}

/// What a message asserts of its sender's disk.
struct Claim {
    term: Term,
    vote: Option<NodeId>,
    matched: Option<Position>,
    up_to: u64,
}

impl Platters {
    pub(crate) fn new(run: &Run) -> Self {
        let every = if run.lie.is_some() || run.seed.is_multiple_of(8) || run.clients.count == 0 { 1 } else { 16 };
        Self { every, claims: 0, known: BTreeMap::new() }
    }

    pub(crate) fn down(&mut self, id: NodeId) {
        self.known.remove(&id);
    }

    /// A message leaves `id`, whose log has `position_at`.
    pub(crate) fn sending(
        &mut self,
        message: &Message,
        disk: &MemoryDisk,
        options: Options,
        position_at: impl Fn(u64) -> Option<Position>,
    ) -> Checked {
        let Some(claim) = claim(message, position_at) else { return Ok(()) };
        self.claims += 1;
        if !self.claims.is_multiple_of(self.every) {
            return Ok(());
        }
        let id = message.from;
        if self.known.get(&id).is_some_and(|platter| platter.lacks(&claim).is_none()) {
            return Ok(());
        }
        let platter = read(disk, options).map_err(|what| {
            Failure::new(
                "persist before send",
                format!("{message}, and without power now, {id} could not start: {what}"),
            )
        })?;
        let lacks = platter.lacks(&claim);
        self.known.insert(id, platter);
        match lacks {
            None => Ok(()),
            Some(what) => {
                let what = format!("{message} leaves, and without power now, {what}");
                Err(Failure::new("persist before send", what))
            }
        }
    }
}

fn claim(message: &Message, position_at: impl Fn(u64) -> Option<Position>) -> Option<Claim> {
    let mut claim = Claim { term: message.term, vote: None, matched: None, up_to: 0 };
    match message.body {
        Body::RequestVote(_) => claim.vote = Some(message.from),
        Body::RequestVoteReply(reply) if reply.granted => claim.vote = Some(message.to),
        Body::AppendEntriesReply(reply) => {
            if let raft::AppendOutcome::Accepted { matched } = reply.outcome {
                (claim.up_to, claim.matched) = (matched.0, position_at(matched.0));
            }
        }
        Body::InstallSnapshotReply(reply) => claim.up_to = reply.matched.0,
        Body::RequestVoteReply(_)
        | Body::PreVote(_)
        | Body::PreVoteReply(_)
        | Body::AppendEntries(_)
        | Body::TimeoutNow => return None,
    }
    Some(claim)
}

impl Platter {
    /// What is missing for this to be true.
    fn lacks(&self, claim: &Claim) -> Option<String> {
        let term = Term(self.hard_state.term);
        if term < claim.term {
            return Some(format!("it would be in {term}"));
        }
        if let Some(vote) = claim.vote
            && term == claim.term
            && self.hard_state.vote != vote.0
        {
            return Some(format!("it would have voted for {} in {term}", self.hard_state.vote));
        }
        if claim.up_to <= self.base {
            return None;
        }
        let last = self.terms.last_key_value().map_or(self.base, |(index, _)| *index);
        match self.terms.get(&claim.up_to) {
            None => Some(format!("its log would end with {last}")),
            Some(term) if claim.matched.is_some_and(|matched| matched.term.0 != *term) => {
                Some(format!("its entry {} would be of t{term}", claim.up_to))
            }
            Some(_) => None,
        }
    }
}

/// What would be there after a loss of power in which nothing that was not synced survives.
fn read(disk: &MemoryDisk, options: Options) -> Result<Platter, String> {
    let copy = disk.fork();
    copy.crash_power(|_| false);
    copy.limit(None);
    copy.heal();
    let newest = snapshot_file::newest(&copy).map_err(|error| error.to_string())?;
    let (_, recovered) = Wal::open(copy, options).map_err(|error| error.to_string())?;
    let (snapshot, of_snapshot) = newest.map_or((0, 0), |newest| (newest.position.index, newest.position.term));
    // A start is in the term of what it has at least, where no vote was given then.
    let of_log = recovered.entries.last().map_or(recovered.base.term, |last| last.term).max(of_snapshot);
    let hard_state = match recovered.hard_state {
        earlier if earlier.term < of_log => HardState { term: of_log, vote: 0, ..earlier },
        written => written,
    };
    Ok(Platter {
        hard_state,
        base: recovered.base.index.max(snapshot),
        terms: recovered.entries.iter().map(|entry| (entry.index, entry.term)).collect(),
    })
}
