//! One configuration of the model: what is on, what is off, and the bounds within which everything is tried.

use raft::{Config, Configuration, NodeId, Switches};

use crate::clocks::Clocks;
use crate::membership::{Membership, Wanted};
use crate::planted::Planted;
use crate::witness::Witness;

/// What is enumerated.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name on a command line.
    pub name: &'static str,
    /// What it is for, in one line.
    pub purpose: &'static str,
    /// How many nodes: 1 to 5.
    pub nodes: u64,
    /// Who of them belongs to the cluster, where that changes; else all vote for ever.
    pub members: Option<Membership>,
    /// Clocks, where time is part of the model; else an armed timer may fire at any time, and there are no leases.
    pub clocks: Option<Clocks>,
    /// The switches of the core.
    pub switches: Switches,
    /// What it begins with.
    pub start: Start,
    /// Writes take a while, in which anything may happen, crashes included. Off: a write is durable when it is asked for.
    pub slow_disk: bool,
    /// How a leader sends entries.
    pub traffic: Traffic,
    /// Bounds.
    pub bounds: Bounds,
    /// What must be met, or the configuration fails.
    pub expected: &'static [Witness],
    /// It takes seconds: run by the tests, and by the command when no name is given.
    pub small: bool,
    /// A bug planted on purpose.
    pub planted: Option<Planted>,
}

/// What a search begins with. What was sent up to there may still arrive at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// All nodes have just been started for the first time.
    Fresh,
    /// The first node leads the first term, and each message has arrived once. That campaign does not count.
    Led,
    /// The first node leads the first term: each message that it sent has arrived once, and no answer to what it said as leader.
    Heard,
    /// The nodes start with these disks, and everything that was sent before is lost.
    Disks(&'static [Image]),
}

/// What a node's disk holds in the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Its term.
    pub term: u64,
    /// Its vote in that term.
    pub vote: Option<u64>,
    /// The terms of its entries, from index 1 on.
    pub log: &'static [u64],
}

/// How a leader sends entries to a follower whose log agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// As the core does unless told otherwise: many appends on their way, of many entries each.
    Batched,
    /// The limits of the core are such that one append of one entry is on its way.
    OneByOne,
}

/// An action that would exceed one of these is not taken. Deliveries have no bound: each message may arrive at any time,
/// any number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The highest term.
    pub terms: u64,
    /// Proposals of clients (besides a no-op of each leader, where that is on).
    pub proposals: u8,
    /// Crashes, each followed by a restart.
    pub crashes: u8,
    /// A leader's heartbeat timer fires only while it has begun no more rounds than this. (Its first round comes with its
    /// election, others come with reads.)
    pub heartbeats: u64,
    /// Reads.
    pub reads: u8,
    /// Compactions.
    pub compactions: u8,
    /// Times that a node stands for election or asks for pre-votes; no bound but that of the terms if 0.
    pub campaigns: u8,
    /// A leader may be asked to hand over to any other node, 1, or not, 0. (It tells nobody twice in a term but by a heartbeat, so this
    /// needs no count.)
    pub transfers: u8,
    /// Changes of the membership that are asked for, also those that are refused; 3 at most.
    pub changes: u8,
}

/// The most reads and nodes of any configuration.
pub(crate) const READS_MAX: usize = 4;
pub(crate) const NODES_MAX: usize = 5;

impl Model {
    /// The settings of its nodes.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config { switches: self.switches, ..Config::default() };
        if self.traffic == Traffic::OneByOne {
            (config.limits.append_bytes_max, config.limits.inflight_count_max) = (1, 1);
        }
        config
    }

    /// The first configuration of members that a node knows.
    pub(crate) fn first(&self, id: NodeId) -> Configuration {
        let first = match &self.members {
            Some(members) => members.first(id),
            None => Configuration::of_voters((1..=self.nodes).map(NodeId)),
        };
        match &self.clocks {
            Some(clocks) => clocks.agreed(first),
            None => first,
        }
    }

    /// What clients may ask of the membership.
    pub(crate) fn changes(&self) -> &'static [Wanted] {
        self.members.map_or(&[], |members| members.changes)
    }

    /// What is off, for people.
    #[must_use]
    pub fn off(&self) -> String {
        let (switches, bounds) = (self.switches, self.bounds);
        let features = [
            (switches.pre_vote, "pre-vote"),
            (switches.check_quorum, "check-quorum"),
            (switches.stickiness, "stickiness"),
            (switches.noop, "no-op"),
            (self.slow_disk, "slow disk"),
            (self.traffic == Traffic::Batched, "batches"),
            (bounds.proposals > 0, "proposals"),
            (bounds.crashes > 0, "crashes"),
            (bounds.heartbeats > 0, "heartbeats"),
            (bounds.reads > 0, "reads"),
            (bounds.compactions > 0, "snapshots"),
            (bounds.changes > 0, "membership"),
            (bounds.transfers > 0, "transfers"),
            (self.clocks.is_some(), "clocks"),
        ];
        let off: Vec<&str> = features.into_iter().filter(|(on, _)| !on).map(|(_, name)| name).collect();
        if off.is_empty() { "nothing".to_owned() } else { off.join(", ") }
    }

    /// Its bounds, for people.
    #[must_use]
    pub fn limits(&self) -> String {
        let bounds = self.bounds;
        let campaigns = if bounds.campaigns == 0 { None } else { Some(u64::from(bounds.campaigns)) };
        let parts = [
            (Some(self.nodes), "node"),
            (Some(bounds.terms), "term"),
            (Some(u64::from(bounds.proposals)), "proposal"),
            (Some(u64::from(bounds.crashes)), "crash"),
            (Some(bounds.heartbeats), "heartbeat"),
            (Some(u64::from(bounds.reads)), "read"),
            (Some(u64::from(bounds.compactions)), "compaction"),
            (campaigns, "campaign"),
            (Some(u64::from(bounds.changes)), "change"),
        ];
        let part = |(count, name): (Option<u64>, &str)| {
            let count = count.filter(|count| *count > 0)?;
            let plural = match (count, name) {
                (1, _) => "",
                (_, "crash") => "es",
                _ => "s",
            };
            Some(format!("{count} {name}{plural}"))
        };
        let parts = parts.into_iter().filter_map(part);
        let begins = match self.start {
            Start::Fresh => None,
            Start::Led => Some("begins with a leader".to_owned()),
            Start::Heard => Some("begins with a leader that was heard".to_owned()),
            Start::Disks(_) => Some("begins with logs".to_owned()),
        };
        let members = self.members.map(|members| match (members.voters, members.learners) {
            (voters, 0) => format!("{voters} voters at first"),
            (voters, 1) => format!("{voters} voters and a learner at first"),
            (voters, learners) => format!("{voters} voters and {learners} learners at first"),
        });
        parts.chain(members).chain(begins).collect::<Vec<_>>().join(", ")
    }
}
