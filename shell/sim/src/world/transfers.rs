//! Snapshots on their way from a leader to a follower, piece by piece over a connection of their own.

use raft::{NodeId, Position, Term};
use replica::{Input, Loaded, ReceivedSnapshot};
use wal::memory_disk::MemoryDisk;
use wal::snapshot_file::IncomingSnapshot;

use super::{Event, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::machine::Machine;

const PIECE_BYTES: usize = 2048;

/// A snapshot on its way.
pub(super) struct Transfer {
    from: NodeId,
    from_life: u64,
    to: NodeId,
    to_life: u64,
    term: Term,
    position: Position,
    bytes: Vec<u8>,
    sent: usize,
    incoming: Option<IncomingSnapshot<MemoryDisk>>,
}

impl World {
    pub(super) fn send_snapshot(&mut self, from: NodeId, to: NodeId, term: Term) {
        let (from_life, to_life) = (self.life(from), self.life(to));
        let opened = self.running(from).map(|running| running.storeroom.open_newest());
        let Some(Ok((position, file))) = opened else { return self.input(from, Input::SnapshotSent(to)) };
        let mut bytes = Vec::new();
        while let Ok(part) = file.read(bytes.len() as u64, 1 << 16)
            && !part.is_empty()
        {
            bytes.extend(part);
        }
        if self.links.short.remove(&from) {
            bytes.truncate(bytes.len() / 2);
        }
        self.note(|| format!("{from} sends snapshot {position} to {to}, {} bytes", bytes.len()));
        self.counters.path("snapshot sent");
        self.next_transfer += 1;
        let transfer = Transfer { from, from_life, to, to_life, term, position, bytes, sent: 0, incoming: None };
        self.transfers.insert(self.next_transfer, transfer);
        self.after(500, Event::Chunk(self.next_transfer));
    }

    /// The next piece arrives, or the connection breaks.
    pub(super) fn chunk(&mut self, number: u64) -> Checked {
        let Some(mut transfer) = self.transfers.remove(&number) else { return Ok(()) };
        let (from, to) = (transfer.from, transfer.to);
        let gone = !self.is_life(to, transfer.to_life) || self.links.broken.contains(&(from, to));
        if gone || self.links.dice.chance(self.links.weather.snapshot_cut) {
            self.counters.fault("snapshot cut on its way");
            self.transfer_ends(transfer);
            return Ok(());
        }
        if transfer.sent == transfer.bytes.len() {
            return self.arrived(transfer);
        }
        if transfer.incoming.is_none() {
            let Some(running) = self.running(to).filter(|running| !running.receiving) else {
                self.transfer_ends(transfer);
                return Ok(());
            };
            let Ok(incoming) = running.storeroom.receive(transfer.position) else {
                self.transfer_ends(transfer);
                return Ok(());
            };
            running.receiving = true;
            transfer.incoming = Some(incoming);
        }
        let end = (transfer.sent + PIECE_BYTES).min(transfer.bytes.len());
        let mut piece = transfer.bytes[transfer.sent..end].to_vec();
        if self.links.dice.chance(self.links.weather.snapshot_damage) {
            self.counters.fault("snapshot damaged on its way");
            let place = self.links.dice.place(piece.len());
            piece[place] ^= 4;
        }
        let taken = transfer.incoming.as_mut().map(|incoming| incoming.append(&piece));
        transfer.sent = end;
        if !matches!(taken, Some(Ok(()))) {
            self.transfer_ends(transfer);
            return Ok(());
        }
        let delay = self.disk_delay(to, 300);
        self.transfers.insert(number, transfer);
        self.after(delay, Event::Chunk(number));
        Ok(())
    }

    fn arrived(&mut self, mut transfer: Transfer) -> Checked {
        let (from, to, term) = (transfer.from, transfer.to, transfer.term);
        let before = self.cut_ahead(to);
        let incoming = transfer.incoming.take();
        let loaded = self.running(to).zip(incoming).map(|(running, incoming)| {
            running.receiving = false;
            running.storeroom.received::<Machine>(incoming)
        });
        if self.cut_behind(to, &before) {
            self.transfer_ends(transfer);
            return Ok(());
        }
        match loaded {
            Some(Ok(Loaded { position, section, mut machine })) => {
                if self.lies(Lie::SnapshotBehind) {
                    machine.claim_one_more();
                }
                self.note(|| format!("{to} received snapshot {position}"));
                let received = ReceivedSnapshot { from, term, position, section, machine };
                self.input(to, Input::SnapshotReceived(Box::new(received)));
            }
            Some(Err(error)) => {
                self.counters.path("snapshot refused by its receiver");
                self.note(|| format!("{to} refuses the snapshot: {error}"));
            }
            None => {}
        }
        self.transfer_ends(transfer);
        Ok(())
    }

    fn transfer_ends(&mut self, transfer: Transfer) {
        let Transfer { from, to, .. } = transfer;
        if let Some(incoming) = transfer.incoming {
            if self.is_life(to, transfer.to_life)
                && let Some(running) = self.running(to)
            {
                running.receiving = false;
            }
            incoming.abandon();
        }
        if self.is_life(from, transfer.from_life) {
            self.input(from, Input::SnapshotSent(to));
        }
    }
}
