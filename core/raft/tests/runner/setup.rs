//! Commands that make a cluster: of new nodes, or with logs as in a figure of the paper.

use quorate_raft::{Config, Entry, EntryKind, Header, Index, NodeId, Position, Timer};

use super::{Arguments, Runner};
use crate::support::notation;
use crate::support::world::{By, Checked, Kind, World};

/// Limits are given in entries of one byte of payload, which is what scripts propose.
fn bytes(entries: u64) -> u64 {
    entries * Entry::new(Position::ZERO, EntryKind::Command, Header::default(), b"x").size()
}

fn is_on(arguments: &mut Arguments<'_>, key: &str, by_default: bool) -> Result<bool, String> {
    match arguments.key(key) {
        None => Ok(by_default),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(format!("{key}={other}: on or off?")),
    }
}

fn by(arguments: &mut Arguments<'_>, key: &str) -> Result<By, String> {
    match arguments.key(key) {
        None | Some("itself") => Ok(By::Itself),
        Some("manual") => Ok(By::Hand),
        Some(other) => Err(format!("{key}={other}: itself or manual?")),
    }
}

fn config(arguments: &mut Arguments<'_>) -> Result<Config, String> {
    let mut config = Config::default();
    let switches = &mut config.switches;
    switches.pre_vote = is_on(arguments, "pre_vote", true)?;
    switches.check_quorum = is_on(arguments, "check_quorum", true)?;
    switches.stickiness = is_on(arguments, "stickiness", true)?;
    switches.noop = is_on(arguments, "noop", true)?;
    let limits = &mut config.limits;
    for (key, limit) in [
        ("append_max", &mut limits.append_bytes_max),
        ("inflight_max", &mut limits.inflight_bytes_max),
        ("write_max", &mut limits.write_bytes_max),
        ("uncommitted_max", &mut limits.uncommitted_bytes_max),
        ("log_max", &mut limits.log_bytes_max),
    ] {
        if let Some(entries) = arguments.number(key)? {
            *limit = bytes(entries);
        }
    }
    for (key, limit) in [("appends_max", &mut limits.inflight_count_max), ("reads_max", &mut limits.reads_max)] {
        if let Some(count) = arguments.number(key)? {
            *limit = usize::try_from(count).map_err(|_| "too many")?;
        }
    }
    Ok(config)
}

impl Runner {
    /// `cluster nodes=3 [learners=1] [leader=1] [disk=manual] [apply=manual] [pre_vote=off] ... [log_max=9] ...`
    pub(super) fn cluster(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let nodes = arguments.number("nodes")?.ok_or("how many nodes=?")?;
        let leader = arguments.key("leader").map(notation::node).transpose()?;
        let fresh = is_on(arguments, "fresh", false)?;
        let joint = is_on(arguments, "joint", true)?;
        let (disks, applies) = (by(arguments, "disk")?, by(arguments, "apply")?);
        let learners = arguments.number("learners")?.unwrap_or(0);
        let mut world = World::with_learners(nodes, learners, config(arguments)?);
        (world.trace, world.applies) = (Some(Vec::new()), applies);
        world.rules.joint = joint;
        self.world = world;
        for id in (1..=nodes + learners).map(NodeId) {
            self.world.restart(id)?;
        }
        if !fresh {
            self.silence()?;
        }
        if let Some(leader) = leader {
            self.world.fire(leader, Timer::Campaign)?;
            self.world.settle()?;
        }
        // Whoever wants to see how a cluster begins does it by hand.
        self.world.trace = Some(Vec::new());
        self.disks(disks);
        self.status(None)
    }

    /// `disk manual`, `disk itself`: who completes writes from here on.
    pub(super) fn disk_mode(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let disks = match arguments.required("way")? {
            "manual" => By::Hand,
            "itself" => By::Itself,
            other => return Err(format!("disk {other}: itself or manual?")),
        };
        self.disks(disks);
        Ok(Vec::new())
    }

    /// Writes are shown where they are completed by hand.
    fn disks(&mut self, disks: By) {
        self.world.disks = disks;
        match disks {
            By::Hand => self.hidden.remove(&Kind::Writes),
            By::Itself => self.hidden.insert(Kind::Writes),
        };
    }

    /// T passes without a word of a leader.
    pub(super) fn silence(&mut self) -> Checked {
        for id in self.world.live() {
            if self.world.node(id)?.timers.contains_key(&Timer::LeaderSilent) {
                self.world.fire(id, Timer::LeaderSilent)?;
            }
        }
        Ok(())
    }

    /// `boot 1 "[1@1 2@1 3@2]" [term=3] [vote=2] [commit=1]`: the node starts with this on its disk, and T has passed.
    pub(super) fn boot(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        let positions = notation::run(arguments.required("log")?)?;
        let entries: Vec<Entry> = positions
            .into_iter()
            .map(|position| self.world.entry(position).unwrap_or_else(|| notation::filler(position)))
            .collect();
        let last_term = entries.last().map_or(quorate_raft::Term::ZERO, Entry::term);
        self.world.crash(id, false)?;
        let node = self.world.nodes.get_mut(&id).ok_or("there is no such node")?;
        node.disk.entries = entries;
        node.disk.hard_state.term = arguments.key("term").map(notation::term).transpose()?.unwrap_or(last_term);
        node.disk.hard_state.vote = arguments.key("vote").map(notation::node).transpose()?;
        node.disk.hard_state.commit = Index(arguments.number("commit")?.unwrap_or(0));
        self.world.restart(id)?;
        self.world.fire(id, Timer::LeaderSilent)?;
        self.status(Some(id))
    }
}
