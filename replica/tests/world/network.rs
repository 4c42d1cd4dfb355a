//! What lies between the members: delay, loss, copies, messages of long ago, broken links; and snapshots on their way, piece
//! by piece.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quorate_replica::peer::{ForwardId, ForwardedWriteReply, NotAccepted};
use quorate_replica::{Input, Loaded, PeerMessage, ReceivedSnapshot};
use raft::{NodeId, Term};
use wal::memory_disk::MemoryDisk;
use wal::snapshot_file::{IncomingSnapshot, SnapshotId};

use crate::bugs::Bug;
use crate::journal::{Journal, number_at};
use crate::oracle::Checked;
use crate::profile::T;
use crate::world::{Event, World};

/// Messages that are kept to be sent again a long time after.
const REMEMBERED: usize = 400;

#[derive(Default)]
pub(crate) struct Network {
    /// Links that carry nothing, from and to.
    pub(crate) broken: BTreeSet<(NodeId, NodeId)>,
    old: Vec<(NodeId, NodeId, PeerMessage)>,
    /// Under which numbers a command was passed on, by its id.
    forwarded: BTreeMap<u64, BTreeSet<(NodeId, ForwardId)>>,
    /// Commands of which a follower learned that they are in a leader's log, and those that were refused by one.
    accepted: BTreeMap<(NodeId, ForwardId), bool>,
    names: BTreeMap<(NodeId, ForwardId), u64>,
}

/// A snapshot on its way.
pub(crate) struct Transfer {
    from: NodeId,
    from_life: u64,
    to: NodeId,
    to_life: u64,
    term: Term,
    id: SnapshotId,
    bytes: Vec<u8>,
    sent: usize,
    incoming: Option<IncomingSnapshot<MemoryDisk>>,
}

impl World {
    pub(crate) fn send(&mut self, from: NodeId, to: NodeId, message: PeerMessage) -> Checked {
        self.note(|_| format!("{from} -> {to} {message}"));
        self.notice(from, &message);
        if let PeerMessage::Raft(message) = &message {
            self.oracle.ledger.sent(message).map_err(|violation| violation.to_string())?;
        }
        if self.bug == Some(Bug::OldForwardTaken) && matches!(message, PeerMessage::Write(_)) {
            for other in self.ids() {
                let delay = self.dice.between(T / 2, 6 * T);
                self.after(delay, Event::Deliver(from, other, message.clone()));
            }
        }
        if self.calm {
            let delay = self.dice.between(50, 500);
            self.after(delay, Event::Deliver(from, to, message));
            return Ok(());
        }
        if self.network.old.len() < REMEMBERED {
            self.network.old.push((from, to, message.clone()));
        } else {
            let place = self.dice.place(REMEMBERED);
            self.network.old[place] = (from, to, message.clone());
        }
        if self.dice.chance(self.profile.replayed) {
            let (from, to, message) = self.network.old[self.dice.place(self.network.old.len())].clone();
            let delay = self.dice.between(50, 500);
            self.count("messages of long ago");
            self.after(delay, Event::Deliver(from, to, message));
        }
        if self.dice.chance(self.profile.loss) {
            self.count("messages lost");
            return Ok(());
        }
        if self.dice.chance(self.profile.doubled) {
            let delay = self.dice.between(50, 60_000);
            self.count("messages doubled");
            self.after(delay, Event::Deliver(from, to, message.clone()));
        }
        let most = if self.dice.chance(self.profile.delayed) { 80_000 } else { 600 };
        let delay = self.dice.between(50, most);
        self.after(delay, Event::Deliver(from, to, message));
        Ok(())
    }

    pub(crate) fn deliver(&mut self, from: NodeId, to: NodeId, message: PeerMessage) {
        if self.network.broken.contains(&(from, to)) {
            return;
        }
        let message = self.spoiled(to, message);
        if let PeerMessage::ReadReply(reply) = &message
            && let Some(running) = self.running(to)
            && running.question == Some(reply.id.number)
        {
            running.question = None;
        }
        if let PeerMessage::WriteReply(ForwardedWriteReply { id, outcome, .. }) = &message {
            self.network.accepted.insert((to, *id), outcome.is_ok());
            match outcome {
                Err(NotAccepted::NotLeader) => self.count("forwarded writes refused: not the leader"),
                Err(NotAccepted::Busy) => self.count("forwarded writes refused: busy"),
                Err(NotAccepted::NoSpace) => self.count("forwarded writes refused: no space"),
                Ok(position) => {
                    let late = self.running(to).is_some_and(|running| running.replica.applied() >= position.index);
                    if late {
                        self.count("answers that came after the write was applied");
                    }
                }
            }
        }
        self.input(to, Input::Message(from, message));
    }

    /// What a leader would see if its own check were missing.
    fn spoiled(&mut self, to: NodeId, message: PeerMessage) -> PeerMessage {
        match (message, self.bug) {
            (PeerMessage::Write(mut write), Some(Bug::OldForwardTaken)) => {
                if let Some(running) = self.running(to)
                    && running.replica.inspect().is_leader()
                {
                    write.term = running.replica.inspect().term();
                }
                PeerMessage::Write(write)
            }
            (message, _) => message,
        }
    }

    /// Counts what is rare, by what can be seen from outside.
    fn notice(&mut self, from: NodeId, message: &PeerMessage) {
        match message {
            PeerMessage::Write(write) => {
                let (command, name) = (number_at(&write.command, 0), (from, write.id));
                self.network.names.insert(name, command);
                let names = self.network.forwarded.entry(command).or_default();
                if names.contains(&name) {
                    return self.count("forwarded writes sent again");
                }
                let before: Vec<_> = names.iter().copied().collect();
                names.insert(name);
                self.count("writes forwarded");
                if before.iter().any(|name| self.network.accepted.get(name) == Some(&true)) {
                    self.count("accepted writes lost and sent to another leader");
                } else if !before.is_empty() {
                    self.count("refused writes sent to another leader");
                }
            }
            PeerMessage::Read(read) => {
                let given_up = self.running(from).and_then(|running| running.question.replace(read.id.number));
                if given_up.is_some() {
                    self.count("read questions given up");
                }
                self.count("read questions");
            }
            PeerMessage::Describe(_) => self.count("descriptions sent"),
            PeerMessage::Raft(_) | PeerMessage::WriteReply(_) | PeerMessage::ReadReply(_) => {}
            PeerMessage::Alter(_) | PeerMessage::AlterReply(_) => {}
        }
    }

    // ---- snapshots ----------------------------------------------------------------------------------------------------

    pub(crate) fn send_snapshot(&mut self, from: NodeId, to: NodeId, term: Term) {
        let (from_life, to_life) = (self.members[&from].life, self.members[&to].life);
        let opened = self.running(from).map(|running| running.storeroom.open_newest());
        let Some(Ok(file)) = opened else { return self.input(from, Input::SnapshotSent(to)) };
        let mut bytes = Vec::new();
        while let Ok(part) = file.read(bytes.len() as u64, 4096)
            && !part.is_empty()
        {
            bytes.extend(part);
        }
        let id = file.id();
        self.note(|_| format!("{from} sends snapshot {} to {to}", id.position));
        self.count("snapshots sent");
        self.next_request += 1;
        let transfer = Transfer { from, from_life, to, to_life, term, id, bytes, sent: 0, incoming: None };
        self.transfers.insert(self.next_request, transfer);
        self.after(500, Event::Chunk(self.next_request));
    }

    /// The next piece arrives, or the connection breaks.
    pub(crate) fn chunk(&mut self, number: u64) {
        let Some(mut transfer) = self.transfers.remove(&number) else { return };
        let (from, to) = (transfer.from, transfer.to);
        let is_whole = transfer.sent == transfer.bytes.len();
        if !self.is_life(to, transfer.to_life) || self.network.broken.contains(&(from, to)) || self.breaks() {
            self.count("snapshots cut on their way");
            return self.transfer_ends(transfer);
        }
        if is_whole {
            return self.arrived(transfer);
        }
        if transfer.incoming.is_none() {
            let Some(running) = self.running(to).filter(|running| !running.receiving) else {
                return self.transfer_ends(transfer);
            };
            let Ok(mut incoming) = running.storeroom.receive(transfer.id, None) else {
                return self.transfer_ends(transfer);
            };
            running.receiving = true;
            // What an earlier connection brought is here already.
            transfer.sent = usize::try_from(incoming.go_on()).expect("a small file");
            transfer.incoming = Some(incoming);
            self.transfers.insert(number, transfer);
            return self.after(100, Event::Chunk(number));
        }
        let (at, end) = (transfer.sent as u64, (transfer.sent + 700).min(transfer.bytes.len()));
        let mut piece = Bytes::copy_from_slice(&transfer.bytes[transfer.sent..end]).to_vec();
        if !self.calm && self.dice.chance(10) {
            self.count("snapshots damaged on their way");
            let place = self.dice.place(piece.len());
            piece[place] ^= 4;
        }
        let taken = transfer.incoming.as_mut().map(|incoming| incoming.append(at, &piece));
        transfer.sent = end;
        if !matches!(taken, Some(Ok(()))) {
            return self.transfer_ends(transfer);
        }
        let delay = self.disk_delay(to, 300);
        self.transfers.insert(number, transfer);
        self.after(delay, Event::Chunk(number));
    }

    fn breaks(&mut self) -> bool {
        !self.calm && self.dice.chance(40)
    }

    fn arrived(&mut self, mut transfer: Transfer) {
        let (from, to, term) = (transfer.from, transfer.to, transfer.term);
        let before = self.cut_ahead(to);
        let incoming = transfer.incoming.take();
        let loaded = self.running(to).zip(incoming).map(|(running, incoming)| {
            running.receiving = false;
            running.storeroom.received::<Journal>(incoming)
        });
        match loaded {
            Some(Ok(Loaded { position, section, machine })) => {
                let mut machine = machine;
                if self.bug == Some(Bug::SnapshotAhead) {
                    machine.list.pop();
                }
                self.note(|_| format!("{to} received snapshot {position}"));
                let received = ReceivedSnapshot { from, term, position, section, machine };
                self.input(to, Input::SnapshotReceived(Box::new(received)));
                if !self.calm && self.dice.chance(100) {
                    // It goes down between the snapshot and the reset record.
                    self.count("crashes behind a received snapshot");
                    self.crash(to, true);
                }
            }
            Some(Err(error)) => self.note(|_| format!("{to} refuses the snapshot: {error}")),
            None => {}
        }
        self.transfer_ends(transfer);
        if let Some(before) = before {
            self.cut(to, before);
        }
    }

    fn transfer_ends(&mut self, transfer: Transfer) {
        let Transfer { from, to, .. } = transfer;
        if transfer.incoming.is_some()
            && self.is_life(to, transfer.to_life)
            && let Some(running) = self.running(to)
        {
            running.receiving = false;
        }
        if self.is_life(from, transfer.from_life) {
            self.input(from, Input::SnapshotSent(to));
        }
    }
}
