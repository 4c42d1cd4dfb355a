//! Consensus and the state machine: committed entries are applied and answered, snapshots are taken, received and let the
//! log be forgotten.

use bytes::Bytes;
use raft::{EntryKind, Installed};

use super::Replica;
use crate::section::Section;
use crate::snapshots::is_nearly_full;
use crate::state_machine::{Command, StateMachine};
use crate::turn::{ReceivedSnapshot, Refusal, Reply, TakeSnapshot};

impl<S: StateMachine> Replica<S> {
    /// Applies committed entries in order (B10), a bounded amount, and answers those who wait for them.
    pub(super) fn apply(&mut self) {
        let entries = self.raft.inspect().unapplied(self.config.apply_bytes_max);
        let Some(last) = entries.last().map(raft::Entry::index) else { return };
        let payloads: Vec<Bytes> = entries.iter().map(raft::Entry::payload).collect();
        let commands: Vec<Command<'_>> = entries
            .iter()
            .zip(&payloads)
            .filter(|(entry, _)| entry.kind() == EntryKind::Command)
            .map(|(entry, payload)| Command { position: entry.position(), time: entry.header().time, payload })
            .collect();
        let mut results = Vec::with_capacity(commands.len());
        if !commands.is_empty() {
            self.machine.apply(&commands, &mut results);
        }
        assert_eq!(results.len(), commands.len(), "the state machine gives one result for each command");
        let mut results = results.into_iter();
        for entry in &entries {
            let result = if entry.kind() == EntryKind::Command { results.next() } else { None };
            let resolved = self.writes.applied(entry.position());
            if let Some(write) = resolved.done {
                let result = result.unwrap_or_default();
                self.out.replies.push((write.id, Reply::Written { position: entry.position(), result }));
            } else if let Some(result) = result.filter(|_| self.writes.has_forwarded()) {
                self.recent.push(entry.position(), result);
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

    /// A snapshot may be ahead of what the own disk has (a leader commits by its followers'): the log is forgotten up to it
    /// once the disk has caught up.
    pub(super) fn shorten_log(&mut self) {
        let forget = self.snapshots.forget(self.needs_room());
        let view = self.raft.inspect();
        let (base, durable) = (view.log().base().index, view.persistence().durable());
        if base < forget && forget <= durable {
            self.raft.compact(forget);
        }
    }

    /// The log is nearly full, or the disk: what can be forgotten must be.
    pub(super) fn needs_room(&self) -> bool {
        self.no_room || is_nearly_full(self.raft.inspect().log().bytes(), &self.config)
    }

    pub(super) fn take_snapshot(&mut self) {
        let view = self.raft.inspect();
        let due = self.snapshots.is_due(self.now, view.applied(), self.needs_room(), &self.config);
        let Some(position) = view.log().position_at(view.applied()).filter(|_| due) else { return };
        let section = Section {
            time: view.time_at(position.index),
            digest: 0,
            configuration: view.history().at(position.index).clone(),
        };
        self.snapshots.started();
        self.out.take_snapshot = Some(TakeSnapshot { position, section, frozen: self.machine.freeze() });
    }

    pub(super) fn snapshot_received(&mut self, received: ReceivedSnapshot<S>) {
        let ReceivedSnapshot { from, term, position, section, machine } = received;
        let snapshot = raft::Snapshot { position, time: section.time, configuration: section.configuration };
        match self.raft.snapshot_received(from, term, snapshot) {
            Installed::No | Installed::Committed => {}
            Installed::Replaced => {
                self.machine = machine;
                self.out.machine_replaced = true;
                self.snapshots.installed(position.index);
                for write in self.writes.take_logged_upto(position.index) {
                    self.refuse(write.id, Refusal::TimedOut { leader_changed: true });
                }
            }
        }
    }
}
