//! The commands of golden scripts. Times are in milliseconds; T is 100 of them.

mod members;
mod membership;
mod sessions;

use std::error::Error;

use goldenscript::{Argument, Command};
use quorate_replica::peer::Greeting;
use quorate_replica::{Config, Input, ReadMode, Request, RequestId, Time};
use raft::{NodeId, Settings, Timer};

use crate::journal::command;
use members::{Members, Stage};

type Checked<T = ()> = Result<T, Box<dyn Error>>;

#[derive(Default)]
pub(crate) struct Runner {
    members: Members,
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Checked<String> {
        self.members.told.clear();
        let mut arguments = Arguments { left: command.args.clone() };
        self.command(&command.name, &mut arguments)?;
        if let Some(Argument::Positional(value) | Argument::KeyValue(_, value)) = arguments.left.first() {
            Err(format!("{value} is too much"))?;
        }
        Ok(self.members.told.join("\n"))
    }
}

impl Runner {
    fn command(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        match name {
            "cluster" => self.cluster(arguments),
            "write" | "read" | "transfer" => self.request(name, arguments),
            "alter" => self.alter(arguments),
            "join" => self.join(arguments),
            "deliver" | "drop" | "copy" => self.wire(name, arguments),
            "release" => {
                let kept = std::mem::take(&mut self.members.kept);
                self.members.wire.extend(kept);
                Ok(())
            }
            "settle" => self.members.settle(),
            "elect" => {
                let id = arguments.node()?;
                self.elect(id)
            }
            "fire" => {
                let id = arguments.node()?;
                let timer = match arguments.next()?.as_str() {
                    "LeaderSilent" => Timer::LeaderSilent,
                    "Campaign" => Timer::Campaign,
                    "Heartbeat" => Timer::Heartbeat,
                    "CheckQuorum" => Timer::CheckQuorum,
                    "Transfer" => Timer::Transfer,
                    other => Err(format!("there is no timer {other}"))?,
                };
                self.members.input(id, Input::TimerFired(quorate_replica::Timer::Raft(timer)))
            }
            "time" => {
                let millis: u64 = arguments.next()?.parse()?;
                self.members.pass(millis * 1000)
            }
            "crash" => {
                let id = arguments.node()?;
                self.members.crash(id)
            }
            "restart" => {
                let id = arguments.node()?;
                self.members.start(id)?;
                self.members.status(id)
            }
            "partition" => {
                let id = arguments.node()?;
                self.members.cut_off.insert(id);
                Ok(())
            }
            "greets" | "gone" => self.peer(name, arguments),
            "clock" => {
                let id = arguments.node()?;
                self.members.input(id, Input::ClockSuspected)
            }
            "lease" => {
                let id = arguments.node()?;
                self.members.lease(id)
            }
            "heal" => {
                self.members.cut_off.clear();
                Ok(())
            }
            "open" | "keepalive" | "close" | "once" | "recall" | "sessions" => self.sessions(name, arguments),
            _ => self.disks(name, arguments),
        }
    }

    /// `greets 1 2 [t=50] [not_sticky]`: n1 greets n2, with another T, or without its promises; `gone 1 2`: the connection on which n1
    /// speaks to n2 has ended.
    fn peer(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        let (peer, id) = (arguments.node()?, arguments.node()?);
        if name == "gone" {
            return self.members.input(id, Input::PeerGone(peer));
        }
        let election_timeout = arguments.key("t").map_or(Ok(100), |millis| millis.parse())?;
        let (stickiness, check_quorum) = (!arguments.word("not_sticky"), !arguments.word("without_check_quorum"));
        let greeting = Greeting { election_timeout, stickiness, check_quorum };
        self.members.input(id, Input::PeerMet(peer, greeting))
    }

    fn disks(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        match name {
            // The disk of a member takes no more bytes than it has and so many, or any again.
            "full" => {
                let id = arguments.node()?;
                let more = arguments.key("more").map_or(Ok(0), |more| more.parse())?;
                self.members.limit(id, Some(more))
            }
            "room" => {
                let id = arguments.node()?;
                self.members.limit(id, None)
            }
            // What a member's disk does is done from here on by hand, or again by itself.
            "hold" | "go" => {
                let id = arguments.node()?;
                let stage = match arguments.next()?.as_str() {
                    "log" => Stage::Log,
                    "storeroom" => Stage::Storeroom,
                    "transfer" => Stage::Transfer,
                    other => Err(format!("there is no stage {other}"))?,
                };
                self.members.hold(id, stage, name == "hold")
            }
            "status" => {
                let ids: Vec<NodeId> = self.members.ids();
                ids.into_iter().try_for_each(|id| self.members.status(id))
            }
            "journal" => {
                let id = arguments.node()?;
                self.members.journal(id)
            }
            "log" => {
                let id = arguments.node()?;
                self.members.log(id)
            }
            "members" => {
                let id = arguments.node()?;
                self.members.kept_of_members(id)
            }
            "describe" => {
                let (id, info) = (arguments.node()?, arguments.key("info"));
                let disk = arguments.key("disk").map(|disk| disk.parse()).transpose()?;
                self.members.own(id, disk, info);
                Ok(())
            }
            other => Err(format!("there is no command {other}"))?,
        }
    }

    /// `cluster nodes=3 [leader=1] [learner=3] [drift=50000] [t=100] [snapshot_entries=9] [tail=2] ...`; `drift` and `t` are
    /// those of the configuration, every member's own T is 100.
    fn cluster(&mut self, arguments: &mut Arguments) -> Checked {
        let nodes: u64 = arguments.key("nodes").ok_or("how many nodes=?")?.parse()?;
        let leader = arguments.key("leader");
        let mut config = Config { election_timeout: 100_000, ..Config::default() };
        for (key, value) in [
            ("snapshot_entries", &mut config.snapshot_entries),
            ("tail", &mut config.snapshot_tail),
            ("log_max", &mut config.raft.limits.log_bytes_max),
            ("append_max", &mut config.raft.limits.append_bytes_max),
            ("uncommitted_max", &mut config.raft.limits.uncommitted_bytes_max),
            ("request_bytes_max", &mut config.request_bytes_max),
            ("apply_max", &mut config.apply_bytes_max),
            ("sessions_max", &mut config.sessions.sessions_max),
            ("outstanding_max", &mut config.sessions.outstanding_max),
        ] {
            if let Some(given) = arguments.key(key) {
                *value = given.parse()?;
            }
        }
        for (key, value) in [
            ("requests_max", &mut config.requests_max),
            ("reads_max", &mut config.raft.limits.reads_max),
            ("command_max", &mut config.command_bytes_max),
        ] {
            if let Some(given) = arguments.key(key) {
                *value = given.parse()?;
            }
        }
        for (word, switch) in [
            ("not_sticky", &mut config.raft.switches.stickiness),
            ("without_check_quorum", &mut config.raft.switches.check_quorum),
            ("without_noop", &mut config.raft.switches.noop),
        ] {
            *switch &= !arguments.word(word);
        }
        let own = std::mem::take(&mut self.members.own);
        self.members = Members::new(nodes, config);
        let drift_bound = arguments.key("drift").map_or(Ok(0), |drift| drift.parse())?;
        let election_timeout = arguments.key("t").map_or(Ok(100), |millis| millis.parse())?;
        self.members.settings = Settings { election_timeout, drift_bound, ..Settings::default() };
        self.members.learner = arguments.key("learner").map(|learner| node(&learner)).transpose()?;
        self.members.own = own;
        self.members.ids().into_iter().try_for_each(|id| self.members.start(id))?;
        if let Some(leader) = leader {
            self.elect(node(&leader)?)?;
        }
        self.members.told.clear();
        self.command("status", arguments)
    }

    fn elect(&mut self, leader: NodeId) -> Checked {
        for id in self.members.live() {
            self.members.input(id, Input::TimerFired(quorate_replica::Timer::Raft(Timer::LeaderSilent)))?;
        }
        self.members.input(leader, Input::TimerFired(quorate_replica::Timer::Raft(Timer::Campaign)))?;
        self.members.settle()
    }

    /// `write 2 7 [limit=500] [essential] [size=100]`: a client gives member n2 the command 7; `read 2 8 [lease] [staleness=50]`;
    /// `transfer 1 9 [to=2]`.
    fn request(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        let (id, number) = (arguments.node()?, arguments.next()?.parse()?);
        let limit: u64 = arguments.key("limit").map_or(Ok(1000), |limit| limit.parse())?;
        let size = arguments.key("size").map_or(Ok(0), |size| size.parse())?;
        let essential = arguments.word("essential");
        let lease = arguments.word("lease");
        let mode = match arguments.key("staleness") {
            Some(millis) => ReadMode::Bounded { staleness: millis.parse::<u64>()? * 1000 },
            None if lease => ReadMode::Lease,
            None => ReadMode::Linearizable,
        };
        let deadline = Time(self.members.now + limit * 1000);
        let target = arguments.key("to").map(|to| node(&to)).transpose()?;
        let request = match name {
            "write" => Request::Write { command: command(number, size), essential, session: None, deadline },
            "transfer" => Request::Transfer { target, deadline },
            _ => Request::Read { mode, deadline },
        };
        self.members.input(id, Input::Request(RequestId(number), request))
    }

    /// `deliver`, `drop`, `copy` (keeps a copy for `release`), each `[from=1] [to=2] [kind=Write]`: without any, all.
    fn wire(&mut self, name: &str, arguments: &mut Arguments) -> Checked {
        let (from, to) = (arguments.key("from"), arguments.key("to"));
        let (from, to) = (from.map(|from| node(&from)).transpose()?, to.map(|to| node(&to)).transpose()?);
        let kind = arguments.key("kind");
        let all = std::mem::take(&mut self.members.wire);
        let (meant, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|(sender, receiver, message)| {
            from.is_none_or(|from| from == *sender)
                && to.is_none_or(|to| to == *receiver)
                && kind.as_ref().is_none_or(|kind| members::kind(message) == *kind)
        });
        self.members.wire = left;
        if meant.is_empty() {
            Err("no such message is on the wire")?;
        }
        match name {
            "deliver" => meant.into_iter().try_for_each(|one| self.members.deliver(one)),
            "copy" => {
                self.members.kept.extend(meant.iter().cloned());
                self.members.wire.extend(meant);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn node(text: &str) -> Checked<NodeId> {
    Ok(NodeId(text.parse()?))
}

struct Arguments {
    left: Vec<Argument>,
}

impl Arguments {
    fn next(&mut self) -> Checked<String> {
        let at = self.left.iter().position(|argument| matches!(argument, Argument::Positional(_)));
        match at.map(|at| self.left.remove(at)) {
            Some(Argument::Positional(value)) => Ok(value),
            _ => Err("something is missing")?,
        }
    }

    fn node(&mut self) -> Checked<NodeId> {
        node(&self.next()?)
    }

    fn word(&mut self, word: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|argument| !matches!(argument, Argument::Positional(value) if value == word));
        self.left.len() < before
    }

    fn key(&mut self, key: &str) -> Option<String> {
        let is_it = |argument: &Argument| matches!(argument, Argument::KeyValue(name, _) if name == key);
        match self.left.iter().position(is_it).map(|at| self.left.remove(at)) {
            Some(Argument::KeyValue(_, value)) => Some(value),
            _ => None,
        }
    }
}
