//! The same node under other labels. A search over states takes states for one that differ in names only: which node is
//! called n1, which number a write has, in what order messages wait for the disk. This room says which labels mean nothing;
//! it does not know who searches.

use super::Raft;
use crate::types::NodeId;

impl Raft {
    /// This node with `names` in place of all node ids, one to one. Labels that only tell apart or order are normal in the
    /// result: a write under way has the first ticket ([`Persistence::in_flight`](crate::persistence::Persistence::in_flight)
    /// tells it), messages that wait for the disk stand in a fixed order, and what only a switched-off refinement would look
    /// at is as at the beginning.
    ///
    /// Two nodes whose relabelled forms are equal behave the same, up to labels. Output that was not taken is not part of a
    /// node's state and is dropped. Entries of the log are left as they are, also those that hold a configuration.
    #[must_use]
    pub fn relabelled(&self, names: &dyn Fn(NodeId) -> NodeId) -> Self {
        let switches = &self.shared.config.switches;
        Self { shared: self.shared.relabelled(names), role: self.role.relabelled(names, switches) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AppendEntries, AppendEntriesReply, AppendOutcome, Body, Boot, Config, Configuration, HardState, Index, Message,
        Position, RequestVote, RequestVoteReply, Slice, Term, Timer, Write,
    };
    use alloc::vec::Vec;

    fn start(id: u64) -> Raft {
        let boot = Boot {
            hard_state: HardState::default(),
            base: Position::ZERO,
            base_time: 0,
            entries: Vec::new(),
            snapshot: Index::ZERO,
            configuration: Configuration::of_voters((1..=3).map(NodeId)),
        };
        let mut config = Config::default();
        config.switches.pre_vote = false;
        Raft::new(NodeId(id), config, boot)
    }

    /// Asks for votes; its own is being written.
    fn candidate(id: u64) -> (Raft, Write) {
        let mut node = start(id);
        node.timer_fired(Timer::LeaderSilent);
        node.timer_fired(Timer::Campaign);
        let write = node.take_output().write.unwrap();
        (node, write)
    }

    /// It asks for votes and has its own.
    fn counted(id: u64) -> Raft {
        let (mut node, write) = candidate(id);
        node.written(write.ticket);
        let _ = node.take_output();
        node
    }

    fn voter(id: u64, candidate: u64) -> Raft {
        let mut node = start(id);
        node.timer_fired(Timer::LeaderSilent);
        let body = Body::RequestVote(RequestVote { last: Position::ZERO, transfer: false });
        node.receive(Message { from: NodeId(candidate), to: NodeId(id), term: Term(1), body });
        let _ = node.take_output();
        assert_eq!(node.inspect().vote(), Some(NodeId(candidate)));
        node
    }

    fn leader(id: u64, voter: u64) -> Raft {
        let (mut node, write) = candidate(id);
        node.written(write.ticket);
        let body = Body::RequestVoteReply(RequestVoteReply { granted: true });
        node.receive(Message { from: NodeId(voter), to: NodeId(id), term: Term(1), body });
        assert!(node.inspect().is_leader());
        let _ = node.take_output();
        node
    }

    /// It follows, and has answered its leader.
    fn follower(id: u64, leader: u64) -> Raft {
        let mut node = start(id);
        let run = Slice::empty(Position::ZERO);
        let body = Body::AppendEntries(AppendEntries { round: 1, commit: Index::ZERO, run });
        node.receive(Message { from: NodeId(leader), to: NodeId(id), term: Term(1), body });
        let write = node.take_output().write.unwrap();
        node.written(write.ticket);
        let _ = node.take_output();
        node
    }

    /// n1, n2, n3 become n2, n3, n1.
    fn turned(node: NodeId) -> NodeId {
        NodeId(node.0 % 3 + 1)
    }

    fn same(node: NodeId) -> NodeId {
        node
    }

    #[test]
    fn a_renamed_node_is_the_node_that_had_the_name_from_the_beginning() {
        assert_eq!(start(1).relabelled(&turned), start(2).relabelled(&same));
        assert_eq!(candidate(3).0.relabelled(&turned), candidate(1).0.relabelled(&same), "with requests that wait");
        assert_eq!(counted(3).relabelled(&turned), counted(1).relabelled(&same), "with a vote that counts");
        let votes = |node: &Raft| match &node.role {
            crate::Role::Candidate(candidate) => candidate.votes().granted().collect::<Vec<_>>(),
            crate::Role::Follower(_) | crate::Role::Leader(_) => Vec::new(),
        };
        assert_eq!(votes(&counted(3).relabelled(&turned)), [NodeId(1)]);
        assert_eq!(leader(1, 2).relabelled(&turned), leader(2, 3).relabelled(&same));
        assert_eq!(voter(1, 2).relabelled(&turned), voter(2, 3).relabelled(&same), "with an answer that waits");
        assert_eq!(follower(1, 2).relabelled(&turned), follower(2, 3).relabelled(&same));
        assert_ne!(follower(1, 2).relabelled(&same), follower(1, 3).relabelled(&same), "whom it follows is no label");
        assert_ne!(voter(1, 2).relabelled(&same), voter(1, 3).relabelled(&same), "whom it voted for is no label");
        assert_ne!(candidate(1).0.relabelled(&same), start(1).relabelled(&same));
    }

    #[test]
    fn who_was_heard_is_forgotten_where_nobody_asks() {
        let heard = |check_quorum| {
            let mut node = leader(1, 2);
            node.shared.config.switches.check_quorum = check_quorum;
            let outcome = AppendOutcome::Refused { prev: Position::ZERO, hint: None };
            let body = Body::AppendEntriesReply(AppendEntriesReply { round: 0, outcome });
            let mut hearing = node.clone();
            hearing.receive(Message { from: NodeId(2), to: NodeId(1), term: Term(1), body });
            assert_ne!(node, hearing);
            (node.relabelled(&same), hearing.relabelled(&same))
        };
        let (silent, hearing) = heard(false);
        assert_eq!(silent, hearing);
        let (silent, hearing) = heard(true);
        assert_ne!(silent, hearing);
    }

    #[test]
    fn loyalty_is_forgotten_where_it_is_switched_off() {
        let after_silence = |stickiness| {
            let mut node = start(1);
            node.shared.config.switches.stickiness = stickiness;
            let mut silent = node.clone();
            silent.timer_fired(Timer::LeaderSilent);
            assert_ne!(node, silent);
            (node.relabelled(&same), silent.relabelled(&same))
        };
        let (loyal, silent) = after_silence(false);
        assert_eq!(loyal, silent);
        let (loyal, silent) = after_silence(true);
        assert_ne!(loyal, silent);
    }

    #[test]
    fn tickets_are_forgotten_but_a_write_under_way_is_not() {
        let mut later = leader(1, 2);
        let mut earlier = later.clone();
        let ticket = earlier.inspect().persistence().in_flight().unwrap();
        for node in [&mut earlier, &mut later] {
            node.written(ticket);
            let _ = node.take_output();
        }
        assert_ne!(
            earlier.relabelled(&same),
            leader(1, 2).relabelled(&same),
            "one write is under way, the other is done"
        );
        let relabelled = leader(1, 2).relabelled(&same);
        let ticket = relabelled.inspect().persistence().in_flight().unwrap();
        let mut done = relabelled;
        done.written(ticket);
        let _ = done.take_output();
        assert_eq!(done.relabelled(&same), later.relabelled(&same));
    }
}
