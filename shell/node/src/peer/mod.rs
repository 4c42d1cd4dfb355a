//! Connections between members: each member connects to each other one and sends on its own connections, so that messages
//! flow one way on each. A snapshot gets a connection of its own.

pub(crate) mod accept;
pub(crate) mod codec;
pub(crate) mod connect;
pub(crate) mod frame;
pub(crate) mod hello;
pub(crate) mod outbox;
pub(crate) mod transfer;

use std::cell::RefCell;

use raft::{Configuration, NodeId};
use tokio::sync::watch;

use crate::met::Met;
use hello::{Hello, PROTOCOL, Purpose};

/// Who we are towards the others, and whom of them we know.
pub(crate) struct Circle {
    pub(crate) cluster: u64,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) birth: u64,
    pub(crate) disk: u64,
    pub(crate) election_timeout: u64,
    pub(crate) switches: u8,
    pub(crate) configuration: watch::Receiver<std::sync::Arc<Configuration>>,
    pub(crate) met: RefCell<Met>,
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
        }
    }

    /// Whether the other is who we think, and may be talked to.
    ///
    /// # Errors
    /// A sentence for both sides.
    pub(crate) fn check(&self, hello: &Hello) -> Result<(), String> {
        if hello.cluster != self.cluster {
            return Err(format!(
                "{} is of cluster {:016x}, and this is cluster {:016x}: check --initial-cluster and --initial-cluster-token, \
                 or the address",
                hello.node, hello.cluster, self.cluster
            ));
        }
        if hello.to != self.node {
            return Err(format!(
                "{} is meant, and this is {}: check the addresses of the members",
                hello.to, self.node
            ));
        }
        let configuration = self.configuration.borrow().clone();
        if hello.node == self.node || !configuration.nodes().contains(&hello.node) {
            return Err(format!("{} is not a member of this cluster ({configuration})", hello.node));
        }
        let configured = configuration.members.get(&hello.node).map_or(0, |member| member.disk);
        self.met.borrow().check(hello.node, hello.life(), configured)
    }
}
