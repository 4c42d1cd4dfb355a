//! Snapshots on their way from a leader to a follower, chunk by chunk over a connection of their own, which breaks, repeats and
//! damages. What goes on where after a cut is decided by the member's own machines ([`replica::transfers`]).

use raft::{NodeId, Position, Term};
use replica::transfers::{Outgoing, SendError, Visit};
use replica::{Input, Loaded, ReceivedSnapshot, SendSnapshot};
use wal::memory_disk::MemoryDisk;
use wal::snapshot_file::{IncomingSnapshot, SnapshotError};

use super::network::SNAPSHOTS;
use super::{Ending, Event, Load, Sent, Sight, World};
use crate::checkers::Checked;
use crate::lies::Lie;
use crate::machine::Machine;

/// Of a snapshot on one way: about one chunk.
const PIECE_BYTES: usize = 600;
/// Chunks of the members' snapshots: small ones of many chunks.
pub(super) const CHUNK_BYTES: usize = 500;

/// A snapshot on its way.
pub(super) struct Transfer {
    from: NodeId,
    from_life: u64,
    to: NodeId,
    to_life: u64,
    term: Term,
    file: Outgoing<MemoryDisk>,
    /// The sender stops there.
    end: u64,
    sent: u64,
    visit: Option<Visit>,
    incoming: Option<IncomingSnapshot<MemoryDisk>>,
    /// All is there, and is being built into a state machine.
    building: bool,
    /// The sender knows that its connection is gone.
    deserted: bool,
    /// The receiver has it.
    here: bool,
    number: u64,
    begun: u64,
    /// About when it will be there.
    arrives: u64,
}

impl Transfer {
    fn seen(&self) -> Sent {
        let Self { from, to, term, begun: at, arrives, end: bytes, number, .. } = *self;
        let last = self.file.id().position;
        let load = Load::Snapshot { term, position: Position::new(last.index, last.term), bytes };
        Sent { id: SNAPSHOTS + number, from, to, at, arrives: Some(arrives), lost_at: None, copy_of: None, load }
    }
}

impl World {
    pub(super) fn send_snapshot(&mut self, from: NodeId, SendSnapshot { to, term, base }: SendSnapshot) {
        let (from_life, to_life) = (self.life(from), self.life(to));
        let Some(begun) = self.running(from).map(|running| running.sending.begin(to, base)) else { return };
        let file = match begun {
            Ok(file) => file,
            Err(error) => {
                self.counters.path(match error {
                    SendError::Busy => "snapshot waits: enough are sent",
                    SendError::File(_) => "snapshot unreadable for its sender",
                });
                return self.input(from, Input::SnapshotSent(to));
            }
        };
        let id = file.id();
        let end = if self.links.short.remove(&from) { id.length / 2 } else { id.length };
        self.note(|| format!("{from} sends snapshot {} to {to}, {end} bytes", id.position));
        self.counters.path("snapshot sent");
        self.next_transfer += 1;
        let (sent, visit, incoming) = (0, None, None);
        let (building, deserted, here) = (false, false, false);
        let (way, begun) = (self.links.weather.delay_min.max(500), self.now);
        // An offer, pieces, and a building that takes a while.
        let arrives = begun + way + 3000 + 500 * end.div_ceil(PIECE_BYTES as u64);
        let number = self.next_transfer;
        let transfer = Transfer {
            from,
            from_life,
            to,
            to_life,
            term,
            file,
            end,
            sent,
            visit,
            incoming,
            building,
            deserted,
            here,
            number,
            begun,
            arrives,
        };
        self.see(|| Sight::Sent(Box::new(transfer.seen())));
        self.transfers.insert(number, transfer);
        self.after(way, Event::Chunk(number));
    }

    /// The offer or the next chunk arrives, or the connection breaks.
    pub(super) fn chunk(&mut self, number: u64) -> Checked {
        let Some(mut transfer) = self.transfers.remove(&number) else { return Ok(()) };
        let (from, to) = (transfer.from, transfer.to);
        if !self.is_life(to, transfer.to_life) {
            self.counters.fault("snapshot cut on its way");
            self.sender_hears(&mut transfer, true);
            return Ok(());
        }
        let gone = !self.is_life(from, transfer.from_life) || self.links.broken.contains(&(from, to));
        let cut = !transfer.deserted && (gone || self.links.dice.chance(self.links.weather.snapshot_cut));
        if cut {
            self.counters.fault("snapshot cut on its way");
            self.sender_hears(&mut transfer, true);
        }
        if transfer.building {
            return self.arrived(transfer);
        }
        if cut {
            self.interrupted(transfer);
            return Ok(());
        }
        if transfer.visit.is_none() {
            if self.offered(&mut transfer) {
                self.transfers.insert(number, transfer);
                self.after(200, Event::Chunk(number));
            } else {
                self.sender_hears(&mut transfer, true);
            }
            return Ok(());
        }
        self.next_piece(number, transfer);
        Ok(())
    }

    /// The receiver lets the sender in, or not, and says where to go on.
    fn offered(&mut self, transfer: &mut Transfer) -> bool {
        let (from, to, term, id) = (transfer.from, transfer.to, transfer.term, transfer.file.id());
        let here = self.running(to).map(|running| running.storeroom.load_instead::<Machine>(id));
        if let Some(Ok(Some(loaded))) = here {
            self.counters.path("snapshot offered to who has it");
            self.take_in(transfer, loaded);
            self.sender_hears(transfer, false);
            return false;
        }
        let entered = self.running(to).map(|running| {
            let known = running.replica.inspect().term();
            running.receiving.enter(from, term, known)
        });
        let Some(Ok(visit)) = entered else {
            self.counters.path("snapshot offered to a busy member");
            return false;
        };
        // Who was there before has gone before anything else is done.
        for other in self.transfers.values_mut().filter(|other| other.to == to && other.to_life == transfer.to_life) {
            if let Some(running) = self.members.get_mut(&to).and_then(|member| member.running.as_mut())
                && let Some(visit) = other.visit
                && other.incoming.is_some()
            {
                running.receiving.leave(visit, other.incoming.take());
                self.counters.path("snapshot of a dead connection replaced");
            }
        }
        let Some(running) = self.running(to) else { return false };
        let parked = running.receiving.take_parked();
        let was_parked = parked.is_some();
        let Ok(mut incoming) = running.storeroom.receive(id, parked) else {
            running.receiving.leave(visit, None);
            return false;
        };
        transfer.sent = incoming.go_on();
        if transfer.sent > 0 {
            self.counters.path(if was_parked { "snapshot resumed" } else { "snapshot resumed in another life" });
            self.note(|| format!("{to} goes on with snapshot {} at byte {}", id.position, transfer.sent));
        }
        (transfer.visit, transfer.incoming) = (Some(visit), Some(incoming));
        true
    }

    fn take_in(&mut self, transfer: &mut Transfer, loaded: Loaded<Machine>) {
        let Loaded { position, section, mut machine } = loaded;
        let Transfer { from, to, term, .. } = *transfer;
        if self.lies(Lie::SnapshotBehind) {
            machine.claim_one_more();
        }
        transfer.here = true;
        self.snapshot_is_here(to, position.index);
        self.note(|| format!("{to} received snapshot {position}"));
        let received = ReceivedSnapshot { from, term, position, section, machine };
        self.input(to, Input::SnapshotReceived(Box::new(received)));
    }

    /// Snapshots on their way.
    pub(super) fn flying_snapshots(&self) -> impl Iterator<Item = Sent> {
        self.transfers.values().filter(|one| !one.deserted).map(Transfer::seen)
    }

    /// Somebody cuts the connection of a snapshot. False: there is no such snapshot.
    pub(super) fn drop_snapshot(&mut self, msg: u64) -> bool {
        let Some(transfer) = self.transfers.remove(&msg.saturating_sub(SNAPSHOTS)) else { return false };
        self.interrupted(transfer);
        true
    }

    fn next_piece(&mut self, number: u64, mut transfer: Transfer) {
        let to = transfer.to;
        let Some(incoming) = &mut transfer.incoming else {
            // Another took its place.
            return self.interrupted(transfer);
        };
        if transfer.sent >= transfer.end {
            let build = transfer.visit;
            transfer.building =
                self.running(to).zip(build).is_some_and(|(running, visit)| running.receiving.build(visit));
            let delay = self.disk_delay(to, 2000);
            self.transfers.insert(number, transfer);
            return self.after(delay, Event::Chunk(number));
        }
        let Ok(mut piece) = transfer.file.read(transfer.sent, PIECE_BYTES) else {
            self.counters.path("snapshot unreadable for its sender");
            self.sender_hears(&mut transfer, false);
            return self.interrupted(transfer);
        };
        piece.truncate(usize::try_from(transfer.end - transfer.sent).unwrap_or(usize::MAX));
        let (at, bytes) = (transfer.sent, piece.len() as u64);
        if self.links.dice.chance(self.links.weather.snapshot_damage) {
            self.counters.fault("snapshot damaged on its way");
            let place = self.links.dice.place(piece.len());
            piece[place] ^= 4;
        }
        let mut taken = incoming.append(at, &piece);
        if self.links.dice.chance(self.links.weather.snapshot_cut) {
            self.counters.path("chunk of a snapshot came twice");
            taken = taken.and_then(|()| incoming.append(at, &piece));
        }
        if self.links.dice.chance(self.links.weather.snapshot_cut / 4) {
            let missing = incoming.append(at + 2 * bytes + 1, &piece);
            self.counters.path("chunk of a snapshot was missing");
            taken = taken.and(missing);
        }
        transfer.sent = at + bytes;
        match taken {
            Ok(()) => {
                let (now, busy) = (replica::Time(self.now), !self.calm);
                let pace = self.running(transfer.from).map_or(0, |running| running.pace.wait(now, bytes, busy));
                if pace > 0 {
                    self.counters.path("snapshot held back by its rate");
                }
                let delay = self.disk_delay(to, 300) + pace;
                self.transfers.insert(number, transfer);
                self.after(delay, Event::Chunk(number));
            }
            Err(error) => self.not_taken(transfer, &error),
        }
    }

    /// What was checked before stays, unless the disk is at fault.
    fn not_taken(&mut self, mut transfer: Transfer, error: &SnapshotError) {
        let to = transfer.to;
        self.note(|| format!("{to} takes no more of the snapshot: {error}"));
        self.counters.path("chunk of a snapshot refused");
        if matches!(error, SnapshotError::Io(_))
            && let Some(incoming) = transfer.incoming.take()
        {
            incoming.abandon();
        }
        self.sender_hears(&mut transfer, true);
        self.interrupted(transfer);
    }

    fn arrived(&mut self, mut transfer: Transfer) -> Checked {
        let to = transfer.to;
        let before = self.cut_ahead(to);
        let incoming = transfer.incoming.take();
        let loaded =
            self.running(to).zip(incoming).map(|(running, incoming)| running.storeroom.received::<Machine>(incoming));
        if self.cut_behind(to, &before) {
            self.sender_hears(&mut transfer, true);
            return Ok(());
        }
        let whole = matches!(loaded, Some(Ok(_)));
        match loaded {
            Some(Ok(loaded)) => self.take_in(&mut transfer, loaded),
            Some(Err(error)) => {
                self.counters.path("snapshot refused by its receiver");
                self.note(|| format!("{to} refuses the snapshot: {error}"));
            }
            None => {}
        }
        self.sender_hears(&mut transfer, !whole);
        self.interrupted(transfer);
        Ok(())
    }

    /// The receiver lets the sender go; what is here may be gone on with.
    fn interrupted(&mut self, mut transfer: Transfer) {
        let left = transfer.incoming.take();
        if self.is_life(transfer.to, transfer.to_life)
            && let Some(running) = self.running(transfer.to)
            && let Some(visit) = transfer.visit
        {
            running.receiving.leave(visit, left);
        }
        self.sender_hears(&mut transfer, true);
    }

    fn sender_hears(&mut self, transfer: &mut Transfer, keep: bool) {
        let Transfer { from, to, .. } = *transfer;
        if transfer.deserted {
            return;
        }
        transfer.deserted = true;
        let ending = if transfer.here { Ending::Arrived } else { Ending::Lost };
        self.see(|| Sight::Ended(SNAPSHOTS + transfer.number, ending));
        if self.is_life(from, transfer.from_life)
            && let Some(running) = self.running(from)
        {
            running.sending.ended(to, keep);
            self.input(from, Input::SnapshotSent(to));
        }
    }
}
