//! Consensus and the state machine: committed entries are applied and answered, snapshots are taken, received and let the
//! log be forgotten.

use bytes::Bytes;
use raft::{Entry, EntryKind, Installed, NodeId};

use super::Replica;
use crate::recent::Outcome;
use crate::section::Section;
use crate::sessions::{Decision, Kept, SessionAct, SessionCommand, SessionId, read_act, read_command};
use crate::snapshots::is_nearly_full;
use crate::state_machine::{Command, StateMachine};
use crate::turn::{ReceivedSnapshot, SendSnapshot, TakeSnapshot};

impl<S: StateMachine> Replica<S> {
    /// Applies committed entries in order (B10), a bounded amount, and answers those who wait for them.
    pub(super) fn apply(&mut self) {
        let entries = self.raft.inspect().unapplied(self.config.apply_bytes_max);
        let Some(last) = entries.last().map(raft::Entry::index) else { return };
        let outcomes = self.apply_all(&entries);
        for (entry, outcome) in entries.iter().zip(outcomes) {
            self.lose_questions(entry.position());
            let resolved = self.writes.applied(entry.position());
            if resolved.done.is_empty() && self.writes.has_forwarded() && entry.kind().is_of_clients() {
                self.recent.push(entry.position(), outcome);
            } else {
                resolved.done.iter().for_each(|write| self.serve(write, outcome.clone()));
            }
            // They can never be committed, so trying again can't do anything twice.
            resolved.lost.into_iter().for_each(|write| self.queue_again(write));
        }
        if !self.writes.has_forwarded() {
            self.recent.clear();
        }
        self.snapshots.applied(entries.iter().map(raft::Entry::size).sum());
        self.raft.applied(last);
    }

    /// What becomes of each entry. Commands go to the state machine in batches; one of a session goes alone, since what it gives
    /// decides about the next.
    fn apply_all(&mut self, entries: &[Entry]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut batch: Vec<(&Entry, Bytes)> = Vec::with_capacity(entries.len());
        for entry in entries {
            self.sessions.pass(entry.header().time);
            match entry.kind() {
                EntryKind::Command => match read_command(entry) {
                    (None, payload) => batch.push((entry, payload)),
                    (Some(command), payload) => {
                        self.apply_batch(&mut batch, &mut outcomes);
                        outcomes.push(self.apply_of_session(entry, command, payload));
                    }
                },
                EntryKind::Session | EntryKind::Noop | EntryKind::Configuration => {
                    self.apply_batch(&mut batch, &mut outcomes);
                    outcomes.push(self.apply_act(entry));
                }
            }
        }
        self.apply_batch(&mut batch, &mut outcomes);
        outcomes
    }

    fn apply_batch(&mut self, batch: &mut Vec<(&Entry, Bytes)>, outcomes: &mut Vec<Outcome>) {
        if batch.is_empty() {
            return;
        }
        let commands: Vec<Command<'_>> = batch
            .iter()
            .map(|(entry, payload)| Command { position: entry.position(), time: entry.header().time, payload })
            .collect();
        let mut results = Vec::with_capacity(commands.len());
        self.machine.apply(&commands, &mut results);
        assert_eq!(results.len(), commands.len(), "the state machine gives one result for each command");
        let kept =
            commands.iter().zip(results).map(|(command, result)| Ok(Kept { position: command.position, result }));
        outcomes.extend(kept);
        batch.clear();
    }

    /// A command of a session: applied if it is the first copy, answered like the first if not (thesis 6.3).
    fn apply_of_session(&mut self, entry: &Entry, command: SessionCommand, payload: Bytes) -> Outcome {
        let (position, time) = (entry.position(), entry.header().time);
        self.proposed.applied(command);
        match self.sessions.decide(command, time) {
            Decision::First => {
                let mut results = Vec::with_capacity(1);
                self.machine.apply(&[Command { position, time, payload: &payload }], &mut results);
                let result = results.pop().filter(|_| results.is_empty());
                let result = result.expect("the state machine gives one result for each command");
                self.sessions.keep(command, position, result.clone());
                Ok(Kept { position, result })
            }
            Decision::Again(kept) => Ok(kept),
            Decision::Refused(refusal) => Err(refusal),
        }
    }

    /// An entry that the state machine hears nothing of.
    fn apply_act(&mut self, entry: &Entry) -> Outcome {
        let (position, time) = (entry.position(), entry.header().time);
        let act = if entry.kind() == EntryKind::Session { read_act(entry) } else { None };
        let result = match act {
            Some((SessionAct::Open { ttl, word }, limits)) => {
                self.sessions.open(SessionId { index: position.index.0, word }, ttl, limits, time).encode()
            }
            Some((SessionAct::KeepAlive(id), _)) => self.sessions.renew(id, time)?.encode(),
            Some((SessionAct::Close(id), _)) => {
                self.sessions.end(id);
                Bytes::new()
            }
            None => Bytes::new(),
        };
        Ok(Kept { position, result })
    }

    /// A snapshot may be ahead of what the own disk has (a leader commits by its followers'): the log is forgotten up to it
    /// once the disk has caught up. And while there is room, what followers need next is kept.
    pub(super) fn shorten_log(&mut self) {
        let pressing = self.needs_room();
        let mut forget = self.snapshots.forget(pressing);
        let view = self.raft.inspect();
        if view.log().base().index >= forget {
            return;
        }
        if !pressing && let Some(hold) = self.followers.hold(&view, self.now, self.config.election_timeout) {
            forget = forget.min(hold);
        }
        let (base, forget) = (view.log().base().index, forget.min(view.persistence().durable()));
        if base < forget {
            self.raft.compact(forget);
        }
    }

    /// The log is nearly full, or the disk: what can be forgotten must be.
    pub(super) fn needs_room(&self) -> bool {
        self.no_room || is_nearly_full(self.raft.inspect().log().bytes(), &self.config)
    }

    pub(super) fn take_snapshot(&mut self) {
        let view = self.raft.inspect();
        let (log_bytes, pressing) = (view.log().bytes(), self.needs_room());
        let due = self.snapshots.is_due(self.now, view.applied(), log_bytes, pressing, &self.config);
        let Some(position) = view.log().position_at(view.applied()).filter(|_| due) else { return };
        let section = Section {
            time: view.time_at(position.index),
            digest: self.machine.digest(),
            sessions: self.sessions.clone(),
            configuration: view.history().at(position.index).clone(),
        };
        self.snapshots.started(self.now);
        self.out.take_snapshot = Some(TakeSnapshot { position, section, frozen: self.machine.freeze() });
    }

    pub(super) fn send_snapshots(&mut self, to: &[NodeId]) {
        let view = self.raft.inspect();
        let (term, base) = (view.term(), view.log().base().index);
        for to in to.iter().copied() {
            self.followers.is_sent(to, self.snapshots.newest(), base);
            self.out.send_snapshots.push(SendSnapshot { to, term, base });
        }
    }

    pub(super) fn snapshot_received(&mut self, received: ReceivedSnapshot<S>) {
        let ReceivedSnapshot { from, term, position, section, machine } = received;
        let snapshot = raft::Snapshot { position, time: section.time, configuration: section.configuration };
        match self.raft.snapshot_received(from, term, snapshot) {
            Installed::No | Installed::Committed => {}
            Installed::Replaced => {
                self.out.replaced_machine = Some(std::mem::replace(&mut self.machine, machine));
                self.sessions = section.sessions;
                self.snapshots.installed(position.index);
                self.forget_questions();
                for write in self.writes.take_logged_upto(position.index) {
                    self.unknown(write);
                }
            }
        }
    }
}
