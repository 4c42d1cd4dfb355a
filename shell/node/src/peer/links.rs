//! Our connections to the others, which follow the configuration: who comes into it is dialled, who has left it is hung up
//! after a while, so that it hears of its removal on the connection that it has. What is said on them is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raft::{Configuration, NodeId};
use replica::PeerMessage;
use tokio::sync::watch::Receiver;
use tokio::task::AbortHandle;
use tracing::info;

use super::Circle;
use super::outbox::Outbox;

/// Makes and keeps the connection to a peer that an outbox is for.
pub(crate) type Dial = Box<dyn Fn(NodeId, Rc<Outbox>) -> AbortHandle>;

/// Notices when the peers may be others than before.
pub(crate) struct Watch {
    circle: Rc<Circle>,
    configuration: Receiver<Arc<Configuration>>,
    committed: Receiver<Arc<Configuration>>,
    told: usize,
}

impl Watch {
    pub(crate) fn new(circle: Rc<Circle>) -> Self {
        let (configuration, committed) = (circle.configuration.clone(), circle.committed.clone());
        Self { circle, configuration, committed, told: 0 }
    }

    /// Whom to keep a connection to, when that may have changed since the last time.
    pub(crate) fn news(&mut self) -> Option<BTreeSet<NodeId>> {
        let told = self.circle.told.borrow().len();
        let changed = |one: &Receiver<_>| one.has_changed().unwrap_or(false);
        if told == self.told && !changed(&self.configuration) && !changed(&self.committed) {
            return None;
        }
        self.told = told;
        self.configuration.mark_unchanged();
        self.committed.mark_unchanged();
        Some(self.circle.peers())
    }

    /// The same, whether it changed or not.
    pub(crate) fn peers(&self) -> BTreeSet<NodeId> {
        self.circle.peers()
    }
}

/// One for each peer.
pub(crate) struct Links {
    links: BTreeMap<NodeId, Link>,
    dial: Dial,
    /// How long one who left is still spoken to.
    grace: Duration,
}

struct Link {
    outbox: Rc<Outbox>,
    task: AbortHandle,
    /// It left the configuration then.
    left: Option<Instant>,
}

impl Links {
    pub(crate) fn new(dial: Dial, grace: Duration) -> Self {
        Self { links: BTreeMap::new(), dial, grace }
    }

    /// These are the peers now.
    pub(crate) fn follow(&mut self, peers: &BTreeSet<NodeId>, now: Instant) {
        for peer in peers {
            let dial = &self.dial;
            let link = self.links.entry(*peer).or_insert_with(|| {
                let outbox = Rc::new(Outbox::default());
                Link { task: dial(*peer, outbox.clone()), outbox, left: None }
            });
            link.left = None;
        }
        for (_, link) in self.links.iter_mut().filter(|(peer, _)| !peers.contains(*peer)) {
            link.left.get_or_insert(now);
        }
        let over = |link: &Link| link.left.is_some_and(|left| now.duration_since(left) >= self.grace);
        for (peer, _) in self.links.extract_if(.., |_, link| over(link)) {
            info!(%peer, "hung up: it is not a member any more");
        }
    }

    /// Somebody has left and was not hung up yet.
    pub(crate) fn is_parting(&self) -> bool {
        self.links.values().any(|link| link.left.is_some())
    }

    /// This peer was met on a connection of its own, maybe.
    pub(crate) fn peer_is_there(&self, peer: NodeId) {
        if let Some(link) = self.links.get(&peer) {
            link.outbox.peer_is_there();
        }
    }

    /// Whether a connection to this peer stands, and why not.
    pub(crate) fn state_of(&self, peer: NodeId) -> (bool, Option<String>) {
        self.links.get(&peer).map_or((false, None), |link| (link.outbox.is_connected(), link.outbox.trouble()))
    }

    /// Gives a message to the connection, if there is one.
    pub(crate) fn push(&self, to: NodeId, message: &PeerMessage) {
        if let Some(link) = self.links.get(&to) {
            link.outbox.push(message);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn links_follow_the_configuration() {
        let local = tokio::task::LocalSet::new();
        local.run_until(follow()).await;
    }

    async fn follow() {
        let dialled = Rc::new(RefCell::new(Vec::new()));
        let seen = dialled.clone();
        let dial: Dial = Box::new(move |peer, _| {
            seen.borrow_mut().push(peer.0);
            tokio::task::spawn_local(std::future::pending::<()>()).abort_handle()
        });
        let mut links = Links::new(dial, Duration::from_secs(5));
        let peers = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        let now = Instant::now();
        links.follow(&peers(&[2, 3]), now);
        links.follow(&peers(&[3, 4]), now);
        assert_eq!(*dialled.borrow(), [2, 3, 4], "each is dialled once");
        let task = links.links[&NodeId(2)].task.clone();
        links.follow(&peers(&[3, 4]), now + Duration::from_secs(4));
        assert!(links.is_parting() && !task.is_finished(), "it may still hear of its removal");
        links.follow(&peers(&[2, 3, 4]), now + Duration::from_secs(4));
        links.follow(&peers(&[2, 3, 4]), now + Duration::from_secs(9));
        assert!(!links.is_parting() && links.links.len() == 3, "the change was taken back");
        links.follow(&peers(&[3, 4]), now + Duration::from_secs(9));
        links.follow(&peers(&[3, 4]), now + Duration::from_secs(14));
        tokio::task::yield_now().await;
        assert!(task.is_finished() && links.links.len() == 2, "hung up");
    }
}
