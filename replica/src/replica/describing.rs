//! What the configuration keeps of the members: each says what is to be kept of itself.

use raft::{Member, NodeId};

use super::Replica;
use crate::peer::PeerMessage;
use crate::state_machine::StateMachine;

impl<S: StateMachine> Replica<S> {
    /// The configuration says something else of this member than it says itself: the leader is told, and again after T.
    pub(super) fn describe_own(&mut self) {
        let Some(leader) = self.leader.filter(|_| !self.is_described()) else { return };
        if self.described.is_some_and(|told| self.now.since(told) < self.config.election_timeout) {
            return;
        }
        self.described = Some(self.now);
        let view = self.raft.inspect();
        let kept = view.configuration().members.get(&view.id()).cloned().unwrap_or_default();
        let own = self.own_description(&kept);
        if leader == view.id() {
            self.describe(leader, own);
        } else {
            self.out.messages.push((leader, PeerMessage::Describe(own)));
        }
    }

    pub(super) fn is_described(&self) -> bool {
        let view = self.raft.inspect();
        view.configuration().members.get(&view.id()).is_none_or(|kept| *kept == self.own_description(kept))
    }

    /// What is to be kept for this member, where `kept` is.
    fn own_description(&self, kept: &Member) -> Member {
        let info = self.own.info.as_ref().map_or_else(|| kept.info.clone(), |own| (self.own.merge)(&kept.info, own));
        Member { disk: self.own.disk, info }
    }

    /// A member that comes with another disk than the one that is kept has lost what it had promised: its own word does not
    /// change that (M15).
    pub(super) fn describe(&mut self, node: NodeId, member: Member) {
        let kept = self.raft.inspect().configuration().members.get(&node).map_or(0, |kept| kept.disk);
        if kept != 0 && kept != member.disk {
            return;
        }
        let _who_does_not_lead_is_told_by_nobody = self.raft.describe_member(node, member);
    }
}
