//! Connections between members: each member connects to each other one and sends on its own connections, so that messages
//! flow one way on each. A snapshot gets a connection of its own.

pub(crate) mod accept;
pub(crate) mod codec;
pub(crate) mod connect;
pub(crate) mod frame;
pub(crate) mod hello;
pub(crate) mod join;
pub(crate) mod links;
pub(crate) mod outbox;
pub(crate) mod transfer;
pub(crate) mod whoami;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use raft::configuration::MEMBERS_MAX;
use raft::{Configuration, Member, NodeId};
use tokio::sync::watch;

use crate::met::{self, Met};
use crate::node::AddressOf;
use hello::{Hello, INFO_BYTES_MAX, PROTOCOL, Purpose, Refused};

/// Who we are towards the others, and whom of them we know.
pub(crate) struct Circle {
    pub(crate) cluster: u64,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) birth: u64,
    pub(crate) disk: u64,
    pub(crate) election_timeout: u64,
    pub(crate) switches: u8,
    /// What the configuration is to keep for this member, as far as it knows itself.
    pub(crate) info: Bytes,
    /// Finds an address in what is kept for a member.
    pub(crate) address_of: AddressOf,
    /// In force here, committed or not.
    pub(crate) configuration: watch::Receiver<Arc<Configuration>>,
    /// The newest that is known to be committed: only that tells who was removed for good.
    pub(crate) committed: watch::Receiver<Arc<Configuration>>,
    pub(crate) met: RefCell<Met>,
    /// What peers said of themselves when they greeted: where to reach one that our configuration does not know yet.
    pub(crate) told: RefCell<BTreeMap<NodeId, Member>>,
}

impl Circle {
    /// Our greeting to `to`.
    pub(crate) fn hello(&self, purpose: Purpose, to: NodeId) -> Hello {
        Hello {
            protocol: PROTOCOL,
            purpose,
            cluster: self.cluster,
            node: self.node,
            to,
            incarnation: self.incarnation,
            birth: self.birth,
            disk: self.disk,
            election_timeout: self.election_timeout,
            switches: self.switches,
            groups: 1,
            info: self.own_info(),
        }
    }

    /// Nothing where a greeting could not hold it: who knows this member finds it in the configuration.
    fn own_info(&self) -> Bytes {
        let configuration = self.configuration.borrow();
        let kept = configuration.members.get(&self.node).map(|kept| kept.info.clone());
        let info = kept.filter(|kept| !kept.is_empty()).unwrap_or_else(|| self.info.clone());
        if info.len() > INFO_BYTES_MAX { Bytes::new() } else { info }
    }

    /// Where to reach a peer at the given try: where the configuration says and, if that is somewhere else, every other time
    /// where it said itself, for our configuration may be old.
    pub(crate) fn address(&self, peer: NodeId, attempt: usize) -> Option<String> {
        let kept = self.configuration.borrow().members.get(&peer).and_then(self.address_of);
        let told = self.told.borrow().get(&peer).and_then(self.address_of);
        let both: Vec<String> = kept.into_iter().chain(told).collect();
        both.get(attempt % both.len().max(1)).cloned()
    }

    /// Whom to keep a connection to: the members of both configurations, and those who came and are newer than ours.
    pub(crate) fn peers(&self) -> BTreeSet<NodeId> {
        let (current, committed) = (self.configuration.borrow().clone(), self.committed.borrow().clone());
        let newer = |node: &&NodeId| node.0 >= current.next_node.max(committed.next_node);
        let told = self.told.borrow();
        let mut peers: BTreeSet<NodeId> = told.keys().filter(newer).copied().collect();
        peers.extend(current.nodes());
        peers.extend(committed.nodes());
        peers.remove(&self.node);
        peers
    }

    /// Remembers what a peer that was let in says of itself. True when that is a new one.
    pub(crate) fn remember_told(&self, hello: &Hello) -> bool {
        let member = Member { disk: hello.disk, info: hello.info.clone() };
        self.told.borrow_mut().insert(hello.node, member).is_none()
    }

    /// Whether the other is who we think, and may be talked to. A node that was given its id after the newest change of members
    /// that is known here is let in: this member may have been away while it was added, and hears of that from it.
    ///
    /// # Errors
    /// A sentence for both sides.
    pub(crate) fn check(&self, hello: &Hello) -> Result<(), Refused> {
        let said = |sentence: String| Err(Refused::Said(sentence));
        if hello.cluster != self.cluster {
            return said(format!(
                "{} is of cluster {:016x}, and this is cluster {:016x}: check --initial-cluster and --initial-cluster-token, \
                 or the address",
                hello.node, hello.cluster, self.cluster
            ));
        }
        if hello.to != self.node {
            return said(format!(
                "{} is meant, and this is {}: check the addresses of the members",
                hello.to, self.node
            ));
        }
        let (current, committed) = (self.configuration.borrow().clone(), self.committed.borrow().clone());
        if hello.node == self.node {
            return said(format!("{} is this member itself: check the addresses of the members", hello.node));
        }
        let next = current.next_node.max(committed.next_node);
        if hello.node.0.saturating_sub(next) >= MEMBERS_MAX {
            return said(format!("{} is far above the ids that were given out here ({current})", hello.node));
        }
        let known = current.nodes().contains(&hello.node) || committed.nodes().contains(&hello.node);
        if !known && hello.node.0 < committed.next_node {
            return Err(Refused::Removed(format!("{} was removed from this cluster ({committed})", hello.node)));
        }
        if !known && hello.node.0 < current.next_node {
            return said(format!("{} is not a member of this cluster ({current})", hello.node));
        }
        let disk =
            |configuration: &Configuration| configuration.members.get(&hello.node).map_or(0, |member| member.disk);
        let (configured, for_good) = (disk(&current), disk(&committed));
        // Nothing takes a committed disk back: with this one it will never be let in, by anybody.
        if for_good != 0 && for_good == configured && for_good != hello.disk {
            return Err(Refused::AnotherDisk(met::another_disk(hello.node)));
        }
        self.met.borrow().check(hello.node, hello.life(), configured).map_err(Refused::Said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(current: Configuration, committed: Configuration) -> Circle {
        let watched = |configuration| watch::Sender::new(Arc::new(configuration)).subscribe();
        Circle {
            cluster: 11,
            node: NodeId(1),
            incarnation: 1,
            birth: 1,
            disk: 1,
            election_timeout: 1000,
            switches: 7,
            info: Bytes::from_static(b"own"),
            address_of: |member| String::from_utf8(member.info.to_vec()).ok().filter(|text| !text.is_empty()),
            configuration: watched(current),
            committed: watched(committed),
            met: Met::default().into(),
            told: RefCell::default(),
        }
    }

    fn of_voters(voters: &[u64], next_node: u64) -> Configuration {
        Configuration { next_node, ..Configuration::of_voters(voters.iter().copied().map(NodeId)) }
    }

    fn hello_of(node: u64) -> Hello {
        let stranger = Circle { node: NodeId(node), ..circle(Configuration::default(), Configuration::default()) };
        stranger.hello(Purpose::Messages, NodeId(1))
    }

    #[test]
    fn only_a_removal_that_is_committed_is_told_as_one() {
        // M12
        let (before, after) = (of_voters(&[1, 2, 3], 4), of_voters(&[1, 2], 4));
        assert_eq!(circle(after.clone(), before).check(&hello_of(3)), Ok(()), "it may be taken back");
        let refused = circle(after.clone(), after).check(&hello_of(3));
        let sentence = "n3 was removed from this cluster (n1 n2)".to_string();
        assert_eq!(refused, Err(Refused::Removed(sentence)));
    }

    #[test]
    fn only_a_disk_that_is_committed_is_told_as_the_only_one() {
        // M15
        let of_disk = |disk| {
            let mut configuration = of_voters(&[1, 2], 3);
            configuration.members.insert(NodeId(2), Member { disk, info: Bytes::new() });
            configuration
        };
        let wiped = Hello { disk: 8, ..hello_of(2) };
        let told = |committed: u64, current: u64| circle(of_disk(current), of_disk(committed)).check(&wiped);
        assert!(matches!(told(7, 7), Err(Refused::AnotherDisk(said)) if said.contains("another disk")));
        assert!(
            matches!(told(0, 7), Err(Refused::Said(said)) if said.contains("another disk")),
            "it may be taken back"
        );
        assert_eq!(told(0, 0), Ok(()), "the first disk of it that is met");
        assert_eq!(told(8, 8), Ok(()));
        let met_before = circle(of_disk(0), of_disk(0));
        met_before.met.borrow_mut().remember(NodeId(2), Hello { disk: 7, ..hello_of(2) }.life());
        assert!(matches!(met_before.check(&wiped), Err(Refused::Said(_))), "others may have met this one first");
    }

    #[test]
    fn who_was_added_while_this_member_was_away_is_let_in_and_answered() {
        let circle = circle(of_voters(&[1, 2, 3], 4), of_voters(&[1, 2, 3], 4));
        assert_eq!(circle.check(&hello_of(7)), Ok(()));
        assert!(circle.remember_told(&hello_of(7)) && !circle.remember_told(&hello_of(7)));
        assert_eq!(circle.peers(), [2, 3, 7].map(NodeId).into());
    }

    #[test]
    fn whoever_is_let_in_has_an_id_that_may_have_been_given_out() {
        // Each is remembered and dialled, so there must not be any number of them.
        let circle = circle(of_voters(&[1, 2], 3), of_voters(&[1, 2], 3));
        assert_eq!(circle.check(&hello_of(2 + MEMBERS_MAX)), Ok(()));
        for far in [3 + MEMBERS_MAX, u64::MAX] {
            assert!(matches!(circle.check(&hello_of(far)), Err(Refused::Said(said)) if said.contains("far above")));
        }
    }

    #[test]
    fn a_member_of_which_too_much_is_kept_still_greets() {
        let mut configuration = of_voters(&[1, 2], 3);
        let long = |bytes: usize| Member { disk: 0, info: vec![b'i'; bytes].into() };
        for (bytes, told) in [(INFO_BYTES_MAX, INFO_BYTES_MAX), (INFO_BYTES_MAX + 1, 0)] {
            configuration.members.insert(NodeId(1), long(bytes));
            let hello = circle(configuration.clone(), configuration.clone()).hello(Purpose::Messages, NodeId(2));
            let mut out = bytes::BytesMut::new();
            hello.put(&mut out);
            assert!(out.len() <= hello::HELLO_BYTES_MAX && hello.info.len() == told);
        }
    }

    #[test]
    fn a_peer_is_tried_where_the_configuration_says_and_where_it_said_itself() {
        let mut configuration = of_voters(&[1, 2], 3);
        configuration.members.values_mut().for_each(|member| member.info = Bytes::from_static(b"old:1"));
        let circle = circle(configuration.clone(), configuration);
        let tries = |circle: &Circle| [0, 1, 2].map(|attempt| circle.address(NodeId(2), attempt).unwrap_or_default());
        assert_eq!(tries(&circle), ["old:1", "old:1", "old:1"]);
        circle.remember_told(&Hello { info: Bytes::from_static(b"new:1"), ..hello_of(2) });
        assert_eq!(tries(&circle), ["old:1", "new:1", "old:1"]);
        assert_eq!(circle.address(NodeId(7), 0), None);
    }

    #[test]
    fn nobody_is_this_member_itself_or_of_another_cluster() {
        let circle = circle(of_voters(&[1, 2], 3), of_voters(&[1, 2], 3));
        assert!(matches!(circle.check(&hello_of(1)), Err(Refused::Said(said)) if said.contains("itself")));
        let stranger = Hello { cluster: 12, ..hello_of(2) };
        assert!(matches!(circle.check(&stranger), Err(Refused::Said(said)) if said.contains("of cluster")));
    }
}
