//! What a change of leaders sends: nodes of the core, each message of it kept, from the moment when the old leader is gone (or hands
//! over) until all that run have the same log again. No chance and no clock: messages arrive in the order in which they were sent,
//! disks write at once, timers fire when nothing else is to do.
//!
//! How many bytes a message is on a wire is not known here, nor what another algorithm would send: both are told by whoever prints
//! it.

use std::collections::{BTreeMap, VecDeque};

use raft::{Body, Boot, Config, Configuration, HardState, Header, Index, Message, NodeId, Position, Raft, Role, Timer};

/// Why the leader changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It dies; the next node by number asks first, and its log is behind.
    Death,
    /// It hands over to the next node by number, whose log is behind (thesis 3.10).
    HandOver,
}

/// A cluster, before its leader changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// How many nodes, at least three.
    pub nodes: u64,
    /// Entries that all nodes have.
    pub entries: u64,
    /// More entries, committed, that the next node by number lacks.
    pub behind: u64,
    /// Bytes of the payload of each.
    pub payload: usize,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who leads now.
    pub leader: NodeId,
    /// Until somebody was elected, in the order in which it was sent.
    pub election: Vec<Message>,
    /// From then on, until all that run have the same log and know that it is committed.
    pub repair: Vec<Message>,
    /// Bytes of the body of an entry of the log.
    pub entry: u64,
}

struct Nodes {
    nodes: BTreeMap<NodeId, Raft>,
    wire: VecDeque<Message>,
    sent: Vec<Message>,
    /// Nobody hears it, and it hears nobody.
    alone: Option<NodeId>,
}

/// Plays it.
///
/// # Errors
/// When nobody comes to lead, or the logs do not become equal: then something is wrong with this room.
pub fn change(before: Before, way: Way) -> Result<Change, String> {
    let (first, next) = (NodeId(1), NodeId(2));
    let mut nodes = Nodes::new(before.nodes.max(3));
    nodes.elect(first);
    nodes.propose(first, before.entries, before.payload);
    nodes.alone = Some(next);
    nodes.propose(first, before.behind, before.payload);
    nodes.alone = None;
    nodes.wire.clear();
    nodes.sent.clear();
    match way {
        Way::Death => {
            nodes.nodes.remove(&first);
            nodes.silence();
            for node in (2..=before.nodes).map(NodeId) {
                nodes.with(node, |raft| raft.timer_fired(Timer::Campaign));
                nodes.settle_until_elected(first);
                if nodes.leader_but(first).is_some() {
                    break;
                }
            }
        }
        Way::HandOver => {
            nodes.with(first, |raft| raft.timer_fired(Timer::Heartbeat));
            nodes.with(first, |raft| raft.transfer_leadership(Some(next)).is_ok());
            nodes.settle_until_elected(first);
        }
    }
    let leader = nodes.leader_but(first).ok_or("nobody was elected")?;
    let mut election = std::mem::take(&mut nodes.sent);
    // What it says as leader belongs to what comes after.
    let speaks = |message: &Message| message.from == leader && matches!(message.body, Body::AppendEntries(_));
    nodes.sent = election.split_off(election.iter().position(speaks).unwrap_or(election.len()));
    nodes.settle();
    for _ in 0..3 {
        if nodes.are_equal() {
            break;
        }
        nodes.with(leader, |raft| raft.timer_fired(Timer::Heartbeat));
        nodes.settle();
    }
    if !nodes.are_equal() {
        return Err("the logs do not become equal".to_owned());
    }
    let entry =
        nodes.nodes.get(&leader).and_then(|raft| raft.inspect().log().iter().nth(1).map(|one| one.body().len()));
    Ok(Change { leader, election, repair: nodes.sent, entry: entry.unwrap_or(0) as u64 })
}

impl Nodes {
    fn new(count: u64) -> Self {
        let boot = || Boot {
            hard_state: HardState::default(),
            base: Position::ZERO,
            base_time: 0,
            entries: Vec::new(),
            snapshot: Index::ZERO,
            configuration: Configuration::of_voters((1..=count).map(NodeId)),
        };
        let node = |id| (id, Raft::new(id, Config::default(), boot()));
        let nodes = (1..=count).map(NodeId).map(node).collect();
        Self { nodes, wire: VecDeque::new(), sent: Vec::new(), alone: None }
    }

    /// Calls into a node, and carries out what it wants.
    fn with<T>(&mut self, id: NodeId, act: impl FnOnce(&mut Raft) -> T) {
        let Some(raft) = self.nodes.get_mut(&id) else { return };
        act(raft);
        loop {
            let output = raft.take_output();
            for message in output.messages {
                self.sent.push(message.clone());
                if self.alone.is_none_or(|alone| alone != message.from && alone != message.to) {
                    self.wire.push_back(message);
                }
            }
            let Some(write) = output.write else { break };
            raft.written(write.ticket);
        }
    }

    fn step(&mut self) -> bool {
        let Some(message) = self.wire.pop_front() else { return false };
        self.with(message.to, |raft| raft.receive(message));
        true
    }

    fn settle(&mut self) {
        while self.step() {}
    }

    fn settle_until_elected(&mut self, old: NodeId) {
        while self.leader_but(old).is_none() && self.step() {}
    }

    fn silence(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.with(id, |raft| raft.timer_fired(Timer::LeaderSilent));
        }
    }

    fn elect(&mut self, id: NodeId) {
        self.silence();
        self.with(id, |raft| raft.timer_fired(Timer::Campaign));
        self.settle();
    }

    fn propose(&mut self, id: NodeId, count: u64, payload: usize) {
        for _ in 0..count {
            self.with(id, |raft| raft.propose(Header::default(), &vec![b'x'; payload]).is_ok());
            self.settle();
        }
    }

    fn leader_but(&self, old: NodeId) -> Option<NodeId> {
        let leads = |(id, raft): &(&NodeId, &Raft)| **id != old && matches!(raft.inspect().role(), Role::Leader(_));
        self.nodes.iter().find(leads).map(|(id, _)| *id)
    }

    fn are_equal(&self) -> bool {
        let mut ends = self.nodes.values().map(|raft| (raft.inspect().last(), raft.inspect().commit()));
        let first = ends.next();
        first.is_some_and(|first| first.0.index == first.1 && ends.all(|end| end == first))
    }
}

/// How many entries a message carries.
#[must_use]
pub fn entries_of(message: &Message) -> u64 {
    match &message.body {
        Body::AppendEntries(append) => append.run.entries().len() as u64,
        Body::PreVote(_)
        | Body::PreVoteReply(_)
        | Body::RequestVote(_)
        | Body::RequestVoteReply(_)
        | Body::AppendEntriesReply(_)
        | Body::InstallSnapshotReply(_)
        | Body::TimeoutNow => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_flows_before_somebody_is_elected_and_then_only_from_who_leads() {
        // A40, A41, F15
        for (nodes, behind) in [(3, 0), (5, 40), (7, 3)] {
            let died = change(Before { nodes, entries: 20, behind, payload: 100 }, Way::Death).unwrap();
            assert!(died.election.iter().all(|message| entries_of(message) == 0), "{nodes}: {:?}", died.election);
            assert_eq!(died.leader == NodeId(2), behind == 0, "a log that is behind does not win");
            let carries = died.repair.iter().filter(|message| entries_of(message) > 0);
            assert!(carries.clone().count() > 0 && carries.clone().all(|message| message.from == died.leader));
            // The no-op to each, and to the one that lacks them the others; where a probe is refused they go once more.
            let sent: u64 = carries.map(entries_of).sum();
            assert!((behind + nodes - 2..=behind + 2 * nodes).contains(&sent), "{nodes} {behind}: {sent}");
        }
    }

    #[test]
    fn a_hand_over_brings_the_target_up_first_and_then_needs_one_round_of_votes() {
        let moved = change(Before { nodes: 5, entries: 20, behind: 7, payload: 10 }, Way::HandOver).unwrap();
        assert_eq!(moved.leader, NodeId(2));
        let sent: u64 = moved.election.iter().map(entries_of).sum();
        assert_eq!(sent, 7, "the old leader sends what the target lacks, and nobody else sends any");
        let names = |name| moved.election.iter().filter(|message| message.body.name() == name).count();
        assert_eq!((names("TimeoutNow"), names("PreVote"), names("RequestVote")), (1, 0, 4));
    }
}
