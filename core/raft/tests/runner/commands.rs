//! Commands that make something happen, and commands that show.

use quorate_raft::progress::{Mode, Progress};
use quorate_raft::{
    EntryKind, Header, Index, Installed, NodeId, ProposeError, ReadError, ReadId, Role, Timer, TransferError, View,
};

use super::selector::Selector;
use super::{Arguments, Runner};
use crate::support::notation;
use crate::support::world::{Checked, Kind};

impl Runner {
    pub(super) fn command(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        match name {
            "cluster" => self.cluster(arguments),
            "boot" => self.boot(arguments),
            "silence" => self.silence().map(|()| Vec::new()),
            "elect" => self.elect(arguments),
            "propose" => self.propose(arguments),
            "read" => self.read(arguments),
            "transfer" => self.transfer(arguments),
            "fire" => self.fire(arguments),
            "deliver" | "drop" | "duplicate" | "hold" | "release" => self.wire(name, arguments),
            "settle" => self.world.settle().map(|()| Vec::new()),
            "send" => self.send(arguments),
            "written" => self.written(arguments),
            "apply" => {
                let (id, upto) = (arguments.node()?, arguments.number("upto")?);
                self.world.apply(id, upto.map(Index)).map(|()| Vec::new())
            }
            "crash" | "restart" => self.life(name, arguments),
            "partition" | "cut" | "heal" => self.network(name, arguments),
            "disk" => self.disk_mode(arguments),
            "compact" => {
                let (id, upto) = (arguments.node()?, arguments.number("upto")?);
                let base = self.world.compact(id, upto.map(Index))?;
                Ok(vec![format!("{id} log begins behind {base}")])
            }
            "snapshot" => self.snapshot(arguments),
            "join" | "change" | "promote" | "describe" => self.membership(name, arguments),
            "show" | "hide" => self.shown(name, arguments),
            _ => self.look(name, arguments),
        }
    }

    /// `elect 1`: T passes, n1 stands, and everything is delivered.
    fn elect(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        self.silence()?;
        self.world.fire(id, Timer::Campaign)?;
        self.world.settle()?;
        Ok(Vec::new())
    }

    /// `propose 1 a b c`: all in one turn, with cluster time `time=500` if that is given.
    fn propose(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let (id, payloads) = (arguments.node()?, arguments.rest());
        let header = Header { time: arguments.number("time")?.unwrap_or(0), ..Header::default() };
        let results = self.world.step(id, |raft| {
            let propose = |payload: &&str| raft.propose(header, payload.as_bytes());
            payloads.iter().map(propose).collect::<Vec<_>>()
        })?;
        let refused = results.into_iter().filter_map(Result::err).map(|error| match error {
            ProposeError::NotLeader { leader: Some(leader) } => format!("{id} refuses the proposal: {leader} leads"),
            ProposeError::NotLeader { leader: None } => format!("{id} refuses the proposal: it knows no leader"),
            ProposeError::Transferring(target) => format!("{id} refuses the proposal: it hands over to {target}"),
            ProposeError::Full => format!("{id} refuses the proposal: too much waits"),
        });
        Ok(refused.collect())
    }

    /// `read 1 7 8`: reads with these ids, in one turn.
    fn read(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        let reads = arguments.rest().into_iter().map(notation::number).collect::<Checked<Vec<u64>>>()?;
        let results =
            self.world.step(id, |raft| reads.iter().map(|read| raft.read(ReadId(*read))).collect::<Vec<_>>())?;
        let refused = results.into_iter().filter_map(Result::err).map(|error| match error {
            ReadError::NotLeader { leader: Some(leader) } => format!("{id} refuses the read: {leader} leads"),
            ReadError::NotLeader { leader: None } => format!("{id} refuses the read: it knows no leader"),
            ReadError::Full => format!("{id} refuses the read: too many wait"),
        });
        Ok(refused.collect())
    }

    /// `transfer 1 to=2`, `transfer 1`: n1 hands over to n2, or to whom it likes best.
    fn transfer(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        let target = arguments.key("to").map(notation::node).transpose()?;
        let result = self.world.step(id, |raft| raft.transfer_leadership(target))?;
        Ok(result.err().map(|error| format!("{id} refuses the transfer: {}", refusal(error))).into_iter().collect())
    }

    /// `fire 1 Heartbeat`, `fire all CheckQuorum` (of those that have it armed).
    fn fire(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let who = arguments.required("node")?;
        let timer = notation::timer(arguments.required("timer")?)?;
        if who != "all" {
            return self.world.fire(notation::node(who)?, timer).map(|()| Vec::new());
        }
        for id in self.world.live() {
            if self.world.node(id)?.timers.contains_key(&timer) {
                self.world.fire(id, timer)?;
            }
        }
        Ok(Vec::new())
    }

    /// What can happen to messages. `deliver` hands over what is on the wire now, not what is said in answer to it.
    fn wire(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let selector = Selector::new(arguments)?;
        if name == "release" {
            let messages = selector.take(&mut self.held)?;
            self.world.wire.extend(messages);
            return Ok(Vec::new());
        }
        let messages = selector.take(&mut self.world.wire)?;
        match name {
            "deliver" => {
                for message in messages {
                    self.world.deliver(message)?;
                }
            }
            "duplicate" => {
                let copies = messages.clone();
                self.world.wire.extend(messages);
                self.world.wire.extend(copies);
            }
            "hold" => self.held.extend(messages),
            _ => {}
        }
        Ok(Vec::new())
    }

    /// `send "n2 -> n1 RequestVote t5 last=1@1"`: a message made by hand, handed over at once.
    fn send(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let world = &self.world;
        let entry = |position| world.entry(position).unwrap_or_else(|| notation::filler(position));
        let message = notation::message(arguments.required("message")?, entry)?;
        self.world.deliver(message).map(|()| Vec::new())
    }

    /// `written 1`: the write under way is durable. `written 1 again`: the disk reports the last one once more.
    fn written(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        match arguments.next() {
            None => {
                let ticket = self.world.node(id)?.disk.under_way.as_ref().map(|write| write.ticket);
                self.last_tickets.extend(ticket.map(|ticket| (id, ticket)));
                self.world.written(id)?;
            }
            Some("again") => {
                let ticket = *self.last_tickets.get(&id).ok_or("nothing was written yet")?;
                self.world.step(id, |raft| raft.written(ticket))?;
            }
            Some(other) => return Err(format!("`{other}`: again?")),
        }
        Ok(Vec::new())
    }

    /// `crash 1`, `crash 1 keep` (the write under way reached the disk), `restart 1`.
    fn life(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let id = arguments.node()?;
        if name == "restart" {
            self.world.crash(id, false)?;
            self.world.restart(id)?;
            return self.status(Some(id));
        }
        let kept = match arguments.next() {
            None | Some("lose") => false,
            Some("keep") => true,
            Some(other) => return Err(format!("`{other}`: keep or lose?")),
        };
        self.world.crash(id, kept).map(|()| Vec::new())
    }

    /// `partition 1 2`: these on one side, the others on the other. `cut from=1 to=2`: one direction. `heal`.
    fn network(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let all: Vec<NodeId> = self.world.nodes.keys().copied().collect();
        match name {
            "heal" => self.world.cut.clear(),
            "cut" => {
                let from = arguments.key("from").ok_or("from=?").map(notation::node)??;
                let to = arguments.key("to").ok_or("to=?").map(notation::node)??;
                self.world.cut.insert((from, to));
            }
            _ => {
                let here = arguments.rest().into_iter().map(notation::node).collect::<Checked<Vec<NodeId>>>()?;
                for other in all.iter().filter(|node| !here.contains(node)) {
                    for one in &here {
                        self.world.cut.extend([(*one, *other), (*other, *one)]);
                    }
                }
            }
        }
        Ok(Vec::new())
    }

    /// `snapshot 1 3`: n1's snapshot of what it has applied reaches n3. `snapshot 1 3 lost`: it did not.
    /// `at=4@2 term=2` makes one by hand.
    fn snapshot(&mut self, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        let (from, to) = (arguments.node()?, arguments.node()?);
        let position = arguments.key("at").map(notation::position).transpose()?;
        let term = arguments.key("term").map(notation::term).transpose()?;
        if let Some(node) = self.world.nodes.get_mut(&from) {
            node.snapshots.remove(&to);
        }
        if arguments.next() == Some("lost") {
            return self.world.step(from, |raft| raft.snapshot_sent(to)).map(|()| Vec::new());
        }
        let term = term.map_or_else(|| self.world.view(from).map(|view| view.term()), Ok)?;
        let mut file = self.world.snapshot(from)?;
        file.position = position.unwrap_or(file.position);
        file.state.retain(|entry| entry.index() <= file.position.index);
        let installed = self.world.install(from, to, term, file)?;
        if self.world.view(from).is_ok() {
            self.world.step(from, |raft| raft.snapshot_sent(to))?;
        }
        Ok(vec![match installed {
            Installed::No => format!("{to} keeps its state"),
            Installed::Committed => format!("{to} keeps its state: its log has all of the snapshot"),
            Installed::Replaced => format!("{to} has the state of the snapshot"),
        }])
    }

    /// `show timers applies`, `hide events messages writes reads snapshots`.
    fn shown(&mut self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        for what in arguments.rest() {
            let kind = match what {
                "events" => Kind::Events,
                "messages" => Kind::Messages,
                "writes" => Kind::Writes,
                "timers" => Kind::Timers,
                "applies" => Kind::Applies,
                "reads" => Kind::Reads,
                "snapshots" => Kind::Snapshots,
                other => return Err(format!("`{other}` is nothing to show")),
            };
            if name == "show" {
                self.hidden.remove(&kind)
            } else {
                self.hidden.insert(kind)
            };
        }
        Ok(Vec::new())
    }

    // ---- commands that only show --------------------------------------------------------------------------------------

    fn look(&self, name: &str, arguments: &mut Arguments<'_>) -> Checked<Vec<String>> {
        if name == "wire" {
            return Ok(self.world.wire.iter().map(ToString::to_string).collect());
        }
        if name == "plan" {
            return self.plan(arguments);
        }
        let id = arguments.next().map(notation::node).transpose()?;
        match name {
            "status" => self.status(id),
            "logs" => self.each(id, |runner, id| runner.log(id)),
            "disks" => self.each(id, |runner, id| runner.disk(id)),
            "applied" => self.each(id, |runner, id| {
                let state = &runner.world.node(id)?.state;
                let commands = state.iter().filter(|entry| entry.kind() == EntryKind::Command);
                let what = commands.map(|entry| String::from_utf8_lossy(&entry.payload()).into_owned());
                let what = what.filter(|what| !what.is_empty()).collect::<Vec<_>>().join(" ");
                Ok(vec![format!("{id} applied: {what}").trim_end().to_string()])
            }),
            "lease" => self.each(id, |runner, id| {
                let view = runner.world.view(id)?;
                let lease = if view.is_leader() && !view.timeout_now_sent() { "may" } else { "does not" };
                Ok(vec![format!("{id} {lease} trust a lease")])
            }),
            "hard_state" => self.each(id, |runner, id| {
                let state = runner.world.view(id)?.hard_state();
                Ok(vec![format!("{id} writes {} vote={:?} commit={}", state.term, state.vote, state.commit)])
            }),
            "times" => self.each(id, |runner, id| {
                let view = runner.world.view(id)?;
                let base = view.log().base();
                let base = format!("{base}={}", view.time_at(base.index));
                let entries = view.log().iter().map(|entry| format!("{entry}={}", entry.header().time));
                Ok(vec![format!("{id} {}", std::iter::once(base).chain(entries).collect::<Vec<_>>().join(" "))])
            }),
            "members" => self.each(id, |runner, id| runner.members(id)),
            "progress" => self.each(id, |runner, id| Ok(progress(runner.world.view(id)?))),
            "timers" => self.each(id, |runner, id| {
                let timers = runner.world.node(id)?.timers.iter();
                let armed = timers.map(|(timer, delay)| format!("{timer:?}={delay:?}")).collect::<Vec<_>>().join(" ");
                Ok(vec![format!("{id} {armed}")])
            }),
            other => Err(format!("there is no command `{other}`")),
        }
    }

    /// Of one node, or of all.
    fn each(&self, id: Option<NodeId>, look: impl Fn(&Self, NodeId) -> Checked<Vec<String>>) -> Checked<Vec<String>> {
        let ids = id.map_or_else(|| self.world.nodes.keys().copied().collect(), |id| vec![id]);
        let looked = ids.into_iter().map(|id| look(self, id)).collect::<Checked<Vec<_>>>()?;
        Ok(looked.into_iter().flatten().collect())
    }

    pub(super) fn status(&self, id: Option<NodeId>) -> Checked<Vec<String>> {
        self.each(id, |runner, id| match &runner.world.node(id)?.raft {
            None => Ok(vec![format!("{id} down")]),
            Some(raft) => Ok(vec![raft.inspect().to_string()]),
        })
    }

    fn log(&self, id: NodeId) -> Checked<Vec<String>> {
        let Some(raft) = &self.world.node(id)?.raft else { return Ok(vec![format!("{id} down")]) };
        let view = raft.inspect();
        let entries = view.log().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let base = view.log().base();
        let base = if base.index == Index::ZERO { String::new() } else { format!("{base} ... ") };
        let (commit, durable) = (view.commit(), view.persistence().durable());
        Ok(vec![format!("{id} {base}[{entries}] commit={commit} applied={} durable={durable}", view.applied())])
    }

    fn disk(&self, id: NodeId) -> Checked<Vec<String>> {
        let disk = &self.world.node(id)?.disk;
        let entries = disk.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let vote = disk.hard_state.vote.map_or_else(|| "none".to_string(), |vote| vote.to_string());
        let base = if disk.base.index == Index::ZERO { String::new() } else { format!("{} ... ", disk.base) };
        Ok(vec![format!("{id} disk {} vote={vote} {base}[{entries}]", disk.hard_state.term)])
    }
}

fn refusal(error: TransferError) -> String {
    match error {
        TransferError::NotLeader { leader: Some(leader) } => format!("{leader} leads"),
        TransferError::NotLeader { leader: None } => "it knows no leader".to_string(),
        TransferError::NotVoter(target) => format!("{target} is no voter"),
        TransferError::InProgress(target) => format!("it hands over to {target} already"),
        TransferError::Unreachable(Some(target)) => format!("{target} was not heard for T"),
        TransferError::Unreachable(None) => "no other voter was heard for T".to_string(),
    }
}

fn progress(view: View<'_>) -> Vec<String> {
    let Role::Leader(leader) = view.role() else { return Vec::new() };
    let line = |(node, one): (&NodeId, &Progress)| {
        let mode = match one.mode() {
            Mode::Probe { waiting: true } => "probe, waiting",
            Mode::Probe { waiting: false } => "probe",
            Mode::Replicate => "replicate",
            Mode::Snapshot { .. } => "snapshot",
        };
        let (matched, next, flying) = (one.matched(), one.next(), one.inflight_count());
        format!("{} sees {node} match={matched} next={next} inflight={flying} {mode}", view.id())
    };
    leader.progress().iter().map(line).collect()
}
