//! What lies between the members: delay, loss, copies, messages of long ago, broken links. What is decided by chance here comes
//! from a stream of its own.

use std::collections::{BTreeMap, BTreeSet};

use raft::{Body, NodeId};
use replica::Input;
use replica::PeerMessage;
use replica::peer::{ForwardedWriteReply, NotAccepted};

use super::{Ending, Event, Load, Sent, Sight, World};
use crate::checkers::Checked;
use crate::dice::Dice;
use crate::lies::Lie;
use crate::run::{Act, Network, Run};

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Flying {
    /// Its number.
    pub(super) id: u64,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// When it left.
    pub(super) sent: u64,
    pub(super) copy_of: Option<u64>,
    pub(super) message: PeerMessage,
}

/// Numbers of copies begin behind those of all messages and snapshots.
const COPIES: u64 = 1 << 41;
/// Numbers of snapshots begin behind those of all messages.
pub(super) const SNAPSHOTS: u64 = 1 << 40;

/// Messages that are kept to be sent again a long time after.
const REMEMBERED: usize = 256;

impl Flying {
    /// It is on its way, to be there at this time or to be lost at that.
    pub(super) fn seen(&self, arrives: Option<u64>, lost_at: Option<u64>) -> Sight {
        Sight::Sent(Box::new(self.sent(arrives, lost_at)))
    }

    pub(super) fn sent(&self, arrives: Option<u64>, lost_at: Option<u64>) -> Sent {
        let load = Load::Message(self.message.clone());
        let Self { id, from, to, sent, copy_of, .. } = *self;
        Sent { id, from, to, at: sent, arrives, lost_at, copy_of, load }
    }
}

/// A message that is kept.
struct Old {
    from: NodeId,
    to: NodeId,
    message: PeerMessage,
    /// When it was sent, and in which lives of both.
    at: u64,
    lives: (u64, u64),
}

/// A link that carries only so much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow {
    /// Until then.
    pub(super) until: u64,
    /// Bytes in a second.
    pub(super) bytes: u64,
    /// What was sent before is through by then.
    pub(super) free_at: u64,
}

/// The links and what is on them.
pub(super) struct Links {
    /// How bad the network is now.
    pub(super) weather: Network,
    /// Links that carry nothing, from and to.
    pub(super) broken: BTreeSet<(NodeId, NodeId)>,
    /// So many messages were sent.
    pub(super) sent: u64,
    /// Messages that wait to be delivered by hand.
    pub(super) held: BTreeMap<u64, Flying>,
    /// So many copies were made.
    copies: u64,
    pub(super) dice: Dice,
    old: Vec<Old>,
    /// Links on which nothing arrives before this time.
    pub(super) clogged: BTreeMap<(NodeId, NodeId), u64>,
    /// Links that carry only so much.
    pub(super) narrow: BTreeMap<(NodeId, NodeId), Narrow>,
    /// Nothing of this kind gets through, from and to.
    pub(super) filtered: BTreeSet<(NodeId, NodeId, String)>,
    /// The next snapshot that they send ends before its end.
    pub(super) short: BTreeSet<NodeId>,
    /// Refused appends lose their hint on the way.
    pub(super) no_hints: bool,
}

impl Links {
    pub(super) fn new(run: &Run) -> Self {
        Self {
            weather: run.network,
            broken: BTreeSet::new(),
            sent: 0,
            held: BTreeMap::new(),
            copies: 0,
            dice: Dice::new(run.seed, "network", 0),
            old: Vec::new(),
            clogged: BTreeMap::new(),
            narrow: BTreeMap::new(),
            filtered: BTreeSet::new(),
            short: BTreeSet::new(),
            no_hints: false,
        }
    }

    /// All links are whole.
    pub(super) fn mend(&mut self) {
        self.broken.clear();
        self.filtered.clear();
        self.clogged.clear();
        self.narrow.clear();
    }

    /// How much later than usual a message arrives on this link.
    pub(super) fn waits(&mut self, now: u64, link: (NodeId, NodeId), message: &PeerMessage) -> u64 {
        let clogged = self.clogged.get(&link).map_or(0, |until| until.saturating_sub(now));
        let Some(narrow) = self.narrow.get_mut(&link).filter(|narrow| narrow.until > now) else { return clogged };
        narrow.free_at = narrow.free_at.max(now) + size(message) * 1_000_000 / narrow.bytes.max(1);
        clogged.max(narrow.free_at - now)
    }

    pub(super) fn delay(&mut self) -> u64 {
        self.dice.between(self.weather.delay_min, self.weather.delay_max)
    }
}

impl World {
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, message: PeerMessage) -> Checked {
        let line = if self.told.is_some() { self.line_of(from, to, &message) } else { String::new() };
        self.links.sent += 1;
        let (kind, about) = gist(&message);
        self.mark(self.links.sent, kind ^ (from.0 << 8) ^ (to.0 << 16), about);
        if let Err(failure) = self.check_sending(from, &message) {
            self.note(|| line);
            return Err(failure);
        }
        if matches!(message, PeerMessage::Write(_)) {
            self.counters.path("write forwarded");
            self.replay_forward(from, &message);
        }
        let flying = Flying { id: self.links.sent, from, to, sent: self.now, copy_of: None, message };
        if self.links.weather.by_hand {
            self.see(|| flying.seen(None, None));
            self.links.held.insert(self.links.sent, flying);
            self.note(|| line);
            return Ok(());
        }
        self.remember(from, to, &flying.message);
        let Network { loss, doubled, late, .. } = self.links.weather;
        if self.links.dice.chance(loss) {
            self.counters.fault("message lost");
            let lost_at = self.now + self.links.weather.delay_min / 2;
            self.see(|| flying.seen(None, Some(lost_at)));
            self.note(|| format!("{line} (lost)"));
            return Ok(());
        }
        self.note(|| line);
        if self.links.dice.chance(doubled) {
            let delay = self.links.dice.between(50, self.run.timing.heartbeat * 3);
            self.counters.fault("message doubled");
            self.copy(&flying, delay);
        }
        let mut delay = self.links.delay();
        if !self.links.clogged.is_empty() || !self.links.narrow.is_empty() {
            delay += self.links.waits(self.now, (from, to), &flying.message);
        }
        if self.links.dice.chance(late) {
            delay += self.links.dice.below(self.run.timing.heartbeat * 3);
            self.counters.fault("message late");
        }
        let arrives = self.now.saturating_add(delay);
        self.see(|| flying.seen(Some(arrives), None));
        self.queue.push(arrives, Event::Deliver(Box::new(flying)));
        Ok(())
    }

    /// A message comes once more, after so long and on another way.
    fn copy(&mut self, of: &Flying, delay: u64) {
        self.links.copies += 1;
        let copy_of = Some(of.id).filter(|id| *id > 0);
        let copy = Flying { id: COPIES + self.links.copies, sent: self.now, copy_of, ..of.clone() };
        let arrives = self.now.saturating_add(delay);
        self.see(|| copy.seen(Some(arrives), None));
        self.queue.push(arrives, Event::Stray(Box::new(copy)));
    }

    /// Something is done to a single message that is on its way.
    pub(super) fn meddle(&mut self, act: &Act) {
        match *act {
            Act::Deliver { msg } => {
                if let Some(held) = self.links.held.get(&msg).cloned() {
                    self.deliver(held);
                }
            }
            Act::Drop { msg } => {
                let known = self.take_flying(msg).is_some() || self.links.held.remove(&msg).is_some();
                if known || self.drop_snapshot(msg) {
                    self.see(|| Sight::Ended(msg, Ending::Lost));
                }
            }
            Act::Delay { msg, by } => {
                if let Some((at, stray, flying)) = self.take_flying(msg) {
                    let arrives = at.saturating_add(by);
                    self.see(|| flying.seen(Some(arrives), None));
                    self.queue.push(arrives, if stray { Event::Stray(flying) } else { Event::Deliver(flying) });
                }
            }
            Act::Duplicate { msg } => {
                let on_its_way = self.queue.iter().find_map(|(_, event)| match event {
                    Event::Deliver(flying) | Event::Stray(flying) if flying.id == msg => Some(flying.clone()),
                    _ => None,
                });
                if let Some(flying) = on_its_way {
                    let delay = self.links.delay();
                    self.copy(&flying, delay);
                }
            }
            _ => {}
        }
    }

    /// Takes a message off its way: when it would have arrived, whether it is a copy, and it.
    fn take_flying(&mut self, msg: u64) -> Option<(u64, bool, Box<Flying>)> {
        let is_it = |event: &Event| matches!(event, Event::Deliver(one) | Event::Stray(one) if one.id == msg);
        match self.queue.take(is_it)? {
            (at, Event::Deliver(flying)) => Some((at, false, flying)),
            (at, Event::Stray(flying)) => Some((at, true, flying)),
            _ => None,
        }
    }

    /// Some messages are kept, and one of them may come once more, however old it is.
    fn remember(&mut self, from: NodeId, to: NodeId, message: &PeerMessage) {
        if self.run.network.replayed == 0 || !self.links.sent.is_multiple_of(8) {
            return;
        }
        let (at, lives) = (self.now, (self.life(from), self.life(to)));
        let kept = Old { from, to, message: message.clone(), at, lives };
        if self.links.old.len() < REMEMBERED {
            self.links.old.push(kept);
        } else {
            let place = self.links.dice.place(REMEMBERED);
            self.links.old[place] = kept;
        }
        // One message in eight gets here.
        if self.links.dice.chance(self.links.weather.replayed.saturating_mul(8)) {
            let place = self.links.dice.place(self.links.old.len());
            let Old { from, to, ref message, at, lives } = self.links.old[place];
            let message = message.clone();
            let delay = self.links.delay();
            let long_ago = self.now - at > 2 * self.t();
            self.counters.fault(if long_ago { "message of long ago" } else { "message doubled" });
            if lives != (self.life(from), self.life(to)) {
                self.counters.fault("message of an earlier life");
            }
            self.copy(&Flying { id: 0, from, to, sent: self.now, copy_of: None, message }, delay);
        }
    }

    fn replay_forward(&mut self, from: NodeId, message: &PeerMessage) {
        if !self.lies(Lie::OldForwardTaken) {
            return;
        }
        for other in self.ids() {
            let delay = self.links.dice.between(self.t() / 2, 6 * self.t());
            let (to, message) = (other, message.clone());
            let old = Flying { id: 0, from, to, sent: self.now, copy_of: None, message };
            self.after(delay, Event::Deliver(Box::new(old)));
        }
    }

    pub(super) fn deliver(&mut self, flying: Flying) {
        let Flying { id, from, to, .. } = flying;
        if self.links.broken.contains(&(from, to)) || self.is_filtered(from, to, &flying.message) {
            return self.see(|| Sight::Ended(id, Ending::Lost));
        }
        self.hand_over(flying);
    }

    /// A message is there, whatever the link is like.
    pub(super) fn hand_over(&mut self, flying: Flying) {
        let Flying { id, from, to, mut message, .. } = flying;
        let ending = if self.running(to).is_some() { Ending::Arrived } else { Ending::NobodyThere };
        self.see(|| Sight::Ended(id, ending));
        self.greet(from, to);
        if self.links.no_hints
            && let PeerMessage::Raft(message) = &mut message
            && let Body::AppendEntriesReply(reply) = &mut message.body
            && let raft::AppendOutcome::Refused { hint, .. } = &mut reply.outcome
        {
            *hint = None;
        }
        if self.run.lie == Some(Lie::OldForwardTaken) {
            self.spoil(to, &mut message);
        }
        if let PeerMessage::WriteReply(ForwardedWriteReply { outcome, .. }) = &message {
            match outcome {
                Err(NotAccepted::NotLeader | NotAccepted::Busy | NotAccepted::NoSpace) => {
                    self.counters.path("forwarded write refused");
                }
                Ok(position) => {
                    let index = position.index;
                    if self.running(to).is_some_and(|running| running.replica.inspect().applied() >= index) {
                        self.counters.path("late answer to a forwarded write");
                    }
                }
            }
        }
        if let Some(running) = self.running(to) {
            running.arrived.push(id);
        }
        self.input(to, Input::Message(from, message));
    }

    /// What a message says of its sender must be so.
    fn check_sending(&mut self, from: NodeId, message: &PeerMessage) -> Checked {
        let PeerMessage::Raft(message) = message else { return Ok(()) };
        self.checkers.figure3.sent(message)?;
        self.checkers.sent(message);
        let options = self.options(9);
        let Some(member) = self.members.get(&from) else { return Ok(()) };
        let Some(running) = &member.running else { return Ok(()) };
        self.checkers.transfers.sent(message, running.replica.inspect())?;
        let log = running.replica.inspect().log();
        self.checkers.platter.sending(message, &member.disk, options, |index| log.position_at(raft::Index(index)))
    }

    fn is_filtered(&self, from: NodeId, to: NodeId, message: &PeerMessage) -> bool {
        !self.links.filtered.is_empty() && self.links.filtered.contains(&(from, to, kind_of(message).to_owned()))
    }

    /// A message as it is told.
    fn line_of(&self, from: NodeId, to: NodeId, message: &PeerMessage) -> String {
        let lost = if self.goes_nowhere(from, to, message) { " (lost)" } else { "" };
        match message {
            PeerMessage::Raft(message) => format!("{message}{lost}"),
            other => format!("{from} -> {to} {other}{lost}"),
        }
    }

    /// As things are now, nobody gets it.
    fn goes_nowhere(&self, from: NodeId, to: NodeId, message: &PeerMessage) -> bool {
        self.links.broken.contains(&(from, to)) || self.is_filtered(from, to, message) || self.view(to).is_none()
    }

    /// What a leader would see if its own check of the term were missing.
    fn spoil(&mut self, to: NodeId, message: &mut PeerMessage) {
        if let PeerMessage::Write(write) = message
            && let Some(running) = self.running(to)
            && running.replica.inspect().is_leader()
        {
            write.term = running.replica.inspect().term();
        }
    }
}

/// About as many bytes as it has on a wire.
fn size(message: &PeerMessage) -> u64 {
    const HEAD: u64 = 60;
    match message {
        PeerMessage::Raft(raft::Message { body: Body::AppendEntries(append), .. }) => HEAD + append.run.size(),
        PeerMessage::Write(write) => HEAD + write.command.len() as u64,
        _ => HEAD,
    }
}

/// What a kind of message is called, in scripts of faults and where they are counted.
pub(super) fn kind_of(message: &PeerMessage) -> &'static str {
    match message {
        PeerMessage::Raft(message) => message.body.name(),
        PeerMessage::Write(_) => "Write",
        PeerMessage::WriteReply(_) => "WriteReply",
        PeerMessage::Read(_) => "Read",
        PeerMessage::ReadReply(_) => "ReadReply",
        PeerMessage::Describe(_) => "Describe",
        PeerMessage::Alter(_) => "Alter",
        PeerMessage::AlterReply(_) => "AlterReply",
    }
}

/// What tells two messages apart, as two numbers, for the hash over all events.
fn gist(message: &PeerMessage) -> (u64, u64) {
    match message {
        PeerMessage::Raft(message) => {
            let (kind, about) = match &message.body {
                Body::PreVote(ask) => (1, ask.last.index.0),
                Body::PreVoteReply(reply) => (2, reply.asked.0 * 2 + u64::from(reply.granted)),
                Body::RequestVote(ask) => (3, ask.last.index.0),
                Body::RequestVoteReply(reply) => (4, u64::from(reply.granted)),
                Body::AppendEntries(append) => (5, (append.run.last().index.0 << 20) ^ append.round),
                Body::AppendEntriesReply(reply) => (6, reply.round),
                Body::InstallSnapshotReply(reply) => (7, reply.matched.0),
                Body::TimeoutNow => (20, 0),
            };
            (kind | (message.term.0 << 24), about)
        }
        PeerMessage::Write(write) => (8, write.id.number),
        PeerMessage::WriteReply(reply) => (9, reply.id.number),
        PeerMessage::Read(read) => (10, read.id.number),
        PeerMessage::ReadReply(reply) => (11, reply.id.number ^ (reply.index.0 << 20)),
        PeerMessage::Describe(_) => (12, 0),
        PeerMessage::Alter(alter) => (24, alter.id.number),
        PeerMessage::AlterReply(reply) => (25, reply.id.number),
    }
}
