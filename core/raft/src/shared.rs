//! What a node has in every role: term and vote, log, commit index, configuration, and what waits for the disk. Roles
//! change it through these methods; terms are compared in `raft.rs` only.

use alloc::vec::Vec;
use core::mem;

use crate::config::Config;
use crate::configuration::Configuration;
use crate::entry::{Entry, EntryKind, Header};
use crate::event::{CommitRule, Event, VoteRefusal};
use crate::history::History;
use crate::log::Log;
use crate::message::{Body, Message, RequestVote};
use crate::output::{Delay, Halt, HardState, Output, Timer, TimerChange};
use crate::persistence::Persistence;
use crate::rules::Rules;
use crate::types::{Index, NodeId, Position, Term};

/// The state that all roles share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shared {
    pub(crate) id: NodeId,
    pub(crate) config: Config,
    pub(crate) rules: Rules,
    pub(crate) term: Term,
    pub(crate) vote: Option<NodeId>,
    pub(crate) log: Log,
    pub(crate) history: History,
    pub(crate) commit: Index,
    pub(crate) applied: Index,
    /// Cluster time of the log's base, for a log without entries.
    pub(crate) base_time: u64,
    pub(crate) persistence: Persistence,
    /// A leader was heard within T (or this node has just started): it does not help to depose one. It belongs to time, not
    /// to a term: only `LeaderSilent` ends it (R14).
    pub(crate) sticky: bool,
    pub(crate) halt: Option<Halt>,
    held: Vec<(Waits, Message)>,
    pub(crate) out: Out,
}

/// What a message waits for before it may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Waits {
    /// It asserts nothing that a crash could take back.
    Nothing,
    /// It asserts the term, or the vote in it.
    HardState,
    /// It asserts that the log was reset behind a snapshot.
    Reset,
}

/// The output so far. Not part of a node's state: two nodes that differ in it alone are equal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Out(pub(crate) Output);

impl PartialEq for Out {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Out {}
impl core::hash::Hash for Out {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

impl Shared {
    pub(crate) fn new(id: NodeId, config: Config, boot: crate::Boot) -> Self {
        let mut log = Log::new(boot.base);
        let mut history = History::new(boot.snapshot, boot.configuration);
        for entry in boot.entries {
            record_configuration(&mut history, &entry);
            log.append(entry);
        }
        // A log is never ahead of its term; if a caller says so, the vote belongs to the lower term.
        let term = boot.hard_state.term.max(log.last().term);
        let vote = boot.hard_state.vote.filter(|_| term == boot.hard_state.term);
        let commit = boot.hard_state.commit.min(log.last().index).max(boot.snapshot);
        Self {
            id,
            config,
            rules: Rules::ALL,
            term,
            vote,
            persistence: Persistence::new(log.last().index, boot.hard_state.commit),
            log,
            history,
            commit,
            applied: boot.snapshot,
            base_time: boot.base_time,
            sticky: true,
            halt: None,
            held: Vec::new(),
            out: Out::default(),
        }
    }

    /// Without the switch nobody asks whether the node is sticky.
    pub(crate) fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        let one = |(waits, message): &(Waits, Message)| {
            let (from, to) = (names(message.from), names(message.to));
            (*waits, Message { from, to, ..message.clone() })
        };
        let mut held: Vec<(Waits, Message)> = self.held.iter().map(one).collect();
        held.sort_by_key(|(_, message)| (message.to, message.body.name()));
        Self {
            id: names(self.id),
            vote: self.vote.map(names),
            history: self.history.relabelled(names),
            persistence: self.persistence.relabelled(),
            sticky: self.is_sticky(),
            held,
            log: self.log.clone(),
            out: Out::default(),
            ..*self
        }
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        self.history.current()
    }

    /// Everybody else who receives the log.
    pub(crate) fn peers(&self) -> Vec<NodeId> {
        self.configuration().nodes().into_iter().filter(|node| *node != self.id).collect()
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.0.events.push(event);
    }

    pub(crate) fn arm(&mut self, timer: Timer, delay: Delay) {
        self.out.0.timers.push(TimerChange::Arm(timer, delay));
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.out.0.timers.push(TimerChange::Disarm(timer));
    }

    /// Nothing that this node says can be trusted any more.
    pub(crate) fn stop(&mut self, halt: Halt) {
        if self.halt.is_none() {
            self.halt = Some(halt);
            self.event(Event::Halted(halt));
        }
    }

    /// A new term has no vote yet, and nothing held in the old one may leave.
    pub(crate) fn enter_term(&mut self, term: Term, vote: Option<NodeId>) {
        assert!(term > self.term, "terms only rise");
        self.term = term;
        self.vote = vote;
        self.held.clear();
        self.persistence.hard_state_changed();
    }

    pub(crate) fn vote_for(&mut self, candidate: NodeId) {
        let again = self.vote == Some(candidate);
        assert!(self.vote.is_none() || again || !self.rules.one_vote, "one vote a term");
        if !again {
            self.vote = Some(candidate);
            self.persistence.hard_state_changed();
        }
    }

    /// Sends, or holds until what the message asserts is durable. A later message of the same kind to the same node
    /// replaces one that is held: to the other side that looks like a loss, and what is held stays bounded however slow the
    /// disk is.
    pub(crate) fn send(&mut self, to: NodeId, waits: Waits, body: Body) {
        let kind = mem::discriminant(&body);
        let message = Message { from: self.id, to, term: self.term, body };
        if self.durable_for(waits) {
            return self.out.0.messages.push(message);
        }
        self.held.retain(|(_, earlier)| earlier.to != to || mem::discriminant(&earlier.body) != kind);
        self.held.push((waits, message));
    }

    fn durable_for(&self, waits: Waits) -> bool {
        match waits {
            Waits::Nothing => true,
            Waits::HardState => self.persistence.hard_state_durable(),
            Waits::Reset => self.persistence.hard_state_durable() && self.persistence.reset_durable(),
        }
    }

    /// Lets go what waited and is durable now.
    pub(crate) fn release(&mut self) {
        for (waits, message) in mem::take(&mut self.held) {
            if self.durable_for(waits) { self.out.0.messages.push(message) } else { self.held.push((waits, message)) }
        }
    }

    /// What the next write says first. Its commit index covers only what was durable before: hard state stands before
    /// truncation and entries, so it must be true without them.
    pub(crate) fn hard_state(&self) -> HardState {
        HardState { term: self.term, vote: self.vote, commit: self.commit.min(self.persistence.durable()) }
    }

    /// Would this node vote for the candidate in `term`, its own vote aside? (paper 5.4.1, thesis 4.2.3)
    pub(crate) fn refuses(&self, request: &RequestVote) -> Option<VoteRefusal> {
        if self.is_sticky() { Some(VoteRefusal::LeaderAlive) } else { self.refuses_log(request) }
    }

    /// The same without loyalty to a leader.
    pub(crate) fn refuses_log(&self, request: &RequestVote) -> Option<VoteRefusal> {
        (request.last < self.log.last() && self.rules.up_to_date).then_some(VoteRefusal::LogBehind)
    }

    pub(crate) fn is_sticky(&self) -> bool {
        self.sticky && self.config.switches.stickiness
    }

    /// Cluster time of the last entry.
    pub(crate) fn last_time(&self) -> u64 {
        self.log.entry(self.log.last().index).map_or(self.base_time, |entry| entry.header().time)
    }

    /// Adds an entry; a configuration is in force from here on (A34).
    pub(crate) fn append(&mut self, entry: Entry) {
        if record_configuration(&mut self.history, &entry) {
            self.event(Event::ConfigurationInForce { index: entry.index(), stage: self.configuration().stage() });
        }
        self.log.append(entry);
    }

    /// Adds an entry of this leader's own making, with cluster time no earlier than that of the entry before.
    pub(crate) fn append_new(&mut self, kind: EntryKind, header: Header, payload: &[u8]) -> Position {
        let position = Position { index: self.log.last().index.next(), term: self.term };
        let header = Header { time: header.time.max(self.last_time()), ..header };
        self.append(Entry::new(position, kind, header, payload));
        position
    }

    /// Deletes `first` and all after it, in memory at once and on disk with the next write.
    pub(crate) fn truncate(&mut self, first: Index) {
        assert!(first > self.commit, "what is committed is never deleted");
        self.log.truncate(first);
        if self.history.truncate(first) {
            self.event(Event::ConfigurationReverted { index: self.history.current_index() });
        }
        self.persistence.truncated(first);
    }

    /// A durable snapshot replaces the whole log (paper section 7). What was here was either covered by it or conflicts with
    /// what was committed.
    pub(crate) fn install(&mut self, snapshot: crate::Snapshot) {
        let position = snapshot.position;
        self.log = Log::new(position);
        self.history = History::new(position.index, snapshot.configuration);
        self.base_time = snapshot.time;
        self.commit = position.index;
        self.applied = position.index;
        self.persistence.reset(position);
        self.event(Event::SnapshotInstalled { position });
        if self.is_removed() {
            self.event(Event::Removed { index: position.index });
        }
    }

    /// Raises the commit index; it never falls.
    pub(crate) fn commit_to(&mut self, index: Index, rule: CommitRule) {
        if index > self.commit {
            assert!(index <= self.log.last().index, "only what is in the log can be committed");
            let was = self.is_removed();
            self.commit = index;
            self.event(Event::Committed { index, rule });
            if !was && self.is_removed() {
                self.event(Event::Removed { index: self.history.index_at(index) });
            }
        }
    }

    /// It has a vote, or had one until a configuration that is not known to be committed: then others may need its log to go
    /// on, and it stands without counting itself (thesis 4.2.2).
    pub(crate) fn may_stand(&self) -> bool {
        let committed = self.history.index_at(self.commit);
        self.history.iter().any(|(index, configuration)| index >= committed && configuration.is_voter(self.id))
    }

    /// By the committed configuration this node is no member any more. (A log that a new member learns begins before it was
    /// one: its id was not given out then.)
    pub(crate) fn is_removed(&self) -> bool {
        let committed = self.history.at(self.commit);
        committed.next_node > self.id.0 && !committed.has(self.id)
    }
}

/// Says whether the entry holds a configuration that is in force now.
fn record_configuration(history: &mut History, entry: &Entry) -> bool {
    if entry.kind() == EntryKind::Configuration
        && let Ok(configuration) = Configuration::decode(&entry.payload())
    {
        return history.append(entry.index(), configuration);
    }
    false
}
