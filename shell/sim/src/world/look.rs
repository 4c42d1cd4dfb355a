//! Looking at a world without changing it: for scenarios, for reports, and for the checkers that compare members.

use bytes::Bytes;
use raft::{NodeId, View};
use replica::{PeerMessage, Refusal, StateMachine as _};
use store::RangeRequest;

use super::World;
use super::clients::{Answer, Body};
use crate::checkers::Checked;
use crate::checkers::membership::decides;
use crate::run::Run;

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Its write is done.
    Done,
    /// The value of the key that it read, if there is one.
    Value(Option<String>),
    /// Refused, without effect.
    Refused,
    /// Nobody knows whether it took effect.
    Unknown,
}

impl World {
    /// What a client was told, if it was told anything; requests are numbered from 1.
    #[must_use]
    pub fn heard(&self, number: u64) -> Option<Heard> {
        let operation = self.operations.get(&number)?;
        operation.returned?;
        let read = matches!(operation.body, Body::Read(_));
        Some(match operation.answer.as_ref()? {
            Answer::Written(..) | Answer::Session(_) => Heard::Done,
            Answer::Read(_, answer) => {
                let value = answer.kvs.first().map(|pair| String::from_utf8_lossy(&pair.value).into_owned());
                Heard::Value(value)
            }
            Answer::Refused(Refusal::TimedOut { .. }) | Answer::Lost if !read => Heard::Unknown,
            Answer::Refused(_) | Answer::NotSent | Answer::Lost => Heard::Refused,
        })
    }

    /// What clients asked.
    #[cfg(test)]
    pub(crate) fn operations(&self) -> &std::collections::BTreeMap<u64, super::Operation> {
        &self.operations
    }

    /// What clients asked, to be changed by tests.
    #[cfg(test)]
    pub(crate) fn operations_mut(&mut self) -> &mut std::collections::BTreeMap<u64, super::Operation> {
        &mut self.operations
    }

    /// Lets time pass up to something that is done from outside, and counts it as the event that it would be in a script.
    pub(crate) fn skip_to(&mut self, time: u64) {
        self.now = self.now.max(time);
        self.events += 1;
        self.mark(self.now, self.events, 0);
    }

    /// What decides all of it.
    #[must_use]
    pub fn run_value(&self) -> &Run {
        &self.run
    }

    /// Consensus on a member that runs.
    #[must_use]
    pub fn view(&self, id: NodeId) -> Option<View<'_>> {
        self.members.get(&id)?.running.as_ref().map(|running| running.replica.inspect())
    }

    /// Messages of consensus that wait to be delivered by hand, as they are displayed, with their numbers.
    pub fn held_messages(&self) -> impl Iterator<Item = (u64, String)> {
        self.links.held.iter().filter_map(|(number, held)| match &held.message {
            PeerMessage::Raft(message) => Some((*number, message.to_string())),
            _ => None,
        })
    }

    /// The leader of the highest term among those that run.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        let leaders = self.members.keys().filter_map(|id| self.view(*id)).filter(|view| view.is_leader());
        leaders.max_by_key(|view| view.term()).map(|view| view.id())
    }

    /// The leader whom a majority of all members follows.
    #[must_use]
    pub fn settled_leader(&self) -> Option<NodeId> {
        let leader = self.leader()?;
        let term = self.view(leader)?.term();
        let follow =
            |id: &NodeId| self.view(*id).is_some_and(|view| view.leader() == Some(leader) && view.term() == term);
        let followers = self.members.keys().copied().filter(follow).collect();
        decides(self.view(leader)?.configuration(), &followers).then_some(leader)
    }

    /// All that run and all that does not.
    #[must_use]
    pub fn members(&self) -> Vec<NodeId> {
        self.ids()
    }

    /// What a member's own store says of a key: the value, if it runs and there is one.
    #[must_use]
    pub fn value(&self, id: NodeId, key: &str) -> Option<Bytes> {
        let running = self.members.get(&id)?.running.as_ref()?;
        let request = RangeRequest { key: Bytes::from(key.to_owned()), ..RangeRequest::default() };
        let answer = running.replica.machine().reader().range(&request).ok()?;
        answer.kvs.first().map(|pair| pair.value.clone())
    }

    /// How many sessions a member has open, if it runs.
    #[must_use]
    pub fn sessions(&self, id: NodeId) -> Option<u64> {
        let running = self.members.get(&id)?.running.as_ref()?;
        Some(running.replica.sessions().len() as u64)
    }

    /// The newest configuration that is known to be committed.
    #[must_use]
    pub fn settled_configuration(&self) -> &raft::Configuration {
        &self.checkers.membership.settled().configuration
    }

    /// A line for each member.
    #[must_use]
    pub fn status(&self) -> Vec<String> {
        let line = |id: NodeId| self.view(id).map_or_else(|| format!("{id} down"), |view| view.to_string());
        self.ids().into_iter().map(line).collect()
    }

    /// The log of a member that runs, as `[1@1 2@5]`, behind its base.
    #[must_use]
    pub fn log(&self, id: NodeId) -> Option<String> {
        let view = self.view(id)?;
        let entries: Vec<String> = view.log().iter().map(|entry| entry.position().to_string()).collect();
        Some(format!("[{}]", entries.join(" ")))
    }

    /// Comparing all members takes long.
    pub(super) fn watch_all_sometimes(&self) -> Checked {
        if self.events.is_multiple_of(256) { self.watch_all() } else { Ok(()) }
    }

    pub(super) fn watch_all(&self) -> Checked {
        let views: Vec<View<'_>> = self.members.keys().filter_map(|id| self.view(*id)).collect();
        self.checkers.figure3.cluster(&views)
    }
}
