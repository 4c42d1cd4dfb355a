//! Playing a scenario: statement after statement on a world, with everything checked that is checked in any world. What was done
//! at what time is kept, so that a scenario becomes a run.

use std::collections::BTreeMap;

use raft::NodeId;

use super::{ActOn, Condition, Kind, Picked, Scenario, ScenarioError, Statement, Told, Who};
use crate::checkers::Failure;
use crate::run::{Act, Run, Step};
use crate::world::{Heard, World};

/// So often it is looked whether something is so.
const LOOK: u64 = 1_000;
/// A client's answer comes by then, or there is none.
const ANSWER: u64 = 10_000_000;

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Played {
    /// Everything went as it says; or where it did not.
    pub verdict: Result<(), ScenarioError>,
    /// What happened, line by line.
    pub lines: Vec<String>,
    /// The same as a run: what was done, and when.
    pub run: Run,
    /// When it ended, in microseconds, and how the members were then.
    pub end: (u64, Vec<String>),
}

struct Player {
    world: World,
    run: Run,
    names: BTreeMap<String, NodeId>,
    lines: Vec<String>,
    tells: bool,
}

/// Plays a scenario from its beginning to its end.
#[must_use]
pub fn play(scenario: &Scenario, tells: bool) -> Played {
    let run = scenario.run.clone();
    let mut world = match World::new(run.clone()) {
        Ok(world) => world,
        Err(error) => {
            let verdict = Err(ScenarioError { line: 1, column: 1, what: error.to_string() });
            return Played { verdict, lines: Vec::new(), run, end: (0, Vec::new()) };
        }
    };
    if tells {
        world.tell();
    }
    let mut player = Player { world, run, names: BTreeMap::new(), lines: Vec::new(), tells };
    let verdict = scenario.statements.iter().try_for_each(|statement| player.line(statement));
    player.listen();
    let end = (player.world.now(), player.world.status());
    Played { verdict, lines: player.lines, run: player.run, end }
}

impl Player {
    fn line(&mut self, statement: &Statement) -> Result<(), ScenarioError> {
        if self.tells {
            self.listen();
            self.lines.push(format!("> {}", statement.text));
        }
        self.statement(&statement.kind).map_err(|what| {
            let status = self.world.status().join("; ");
            let what = format!("`{}`: {what} ({status})", statement.text);
            ScenarioError { line: statement.line, column: 1, what }
        })
    }

    fn listen(&mut self) {
        let told = self.world.take_told();
        self.lines.extend(told.into_iter().filter(|line| !line.contains(" -- ")));
    }

    fn statement(&mut self, kind: &Kind) -> Result<(), String> {
        match kind {
            Kind::Wait(micros) => self.run_for(*micros),
            Kind::WaitFor(condition, within) => self.wait_for(condition, *within),
            Kind::Expect(condition) => self.check(condition),
            Kind::Let(name, picked) => self.give_name(name, *picked),
            Kind::Ask { at, ask, told } => {
                let to = at.as_ref().map_or(Ok(0), |who| self.one(who).map(|id| id.0))?;
                self.act(Act::Client { to, op: ask.clone() })?;
                self.hear(told)
            }
            Kind::Do(who, act) => {
                for id in self.whom(who)? {
                    self.act(act.on(id.0))?;
                }
                Ok(())
            }
            Kind::Link { from, to, cut } => {
                let (from, to) = (self.one(from)?.0, self.one(to)?.0);
                self.act(if *cut { Act::Cut { from, to } } else { Act::Join { from, to } })
            }
            Kind::Split(groups) => {
                let ids = |group: &Vec<Who>| group.iter().map(|who| self.one(who).map(|id| id.0)).collect();
                let groups = groups.iter().map(ids).collect::<Result<Vec<Vec<u64>>, String>>()?;
                self.act(Act::Partition { groups })
            }
            Kind::Isolate(who) => {
                let alone = self.one(who)?;
                let others = self.world.members().into_iter().filter(|id| *id != alone).map(|id| id.0).collect();
                self.act(Act::Partition { groups: vec![others] })
            }
            Kind::Filter { kind, from, to, lost } => {
                let (froms, tos) = (self.whom(from)?, self.whom(to)?);
                for (from, to) in froms.iter().flat_map(|from| tos.iter().map(move |to| (from.0, to.0))) {
                    self.act(Act::Filter { from, to, kind: kind.clone(), lost: *lost })?;
                }
                Ok(())
            }
            Kind::Act(act) => self.act(act.clone()),
        }
    }

    // ---- time ---------------------------------------------------------------------------------------------------------

    fn run_for(&mut self, micros: u64) -> Result<(), String> {
        let until = self.world.now() + micros;
        self.world.run_until(until).map_err(|failure| broken(&failure))
    }

    fn wait_for(&mut self, condition: &Condition, within: u64) -> Result<(), String> {
        let until = self.world.now() + within;
        loop {
            let Err(what) = self.check(condition) else { return Ok(()) };
            if self.world.now() >= until {
                return Err(format!("not within {} ms: {what}", within / 1000));
            }
            self.run_for(LOOK)?;
        }
    }

    /// Does it at a moment at which nothing else happens before it: played as a run, it happens at the same place.
    fn act(&mut self, act: Act) -> Result<(), String> {
        let at = self.world.now() + 1;
        self.world.skip_to(at);
        self.world.act(&act).map_err(|failure| broken(&failure))?;
        self.run.script.push(Step { at, act });
        Ok(())
    }

    // ---- names --------------------------------------------------------------------------------------------------------

    fn give_name(&mut self, name: &str, picked: Picked) -> Result<(), String> {
        let leader = self.world.settled_leader();
        let id = match picked {
            Picked::Leader => leader,
            Picked::Follower => {
                let free = |id: &NodeId| Some(*id) != leader && self.names.values().all(|other| other != id);
                self.world.members().into_iter().find(|id| free(id) && self.world.view(*id).is_some())
            }
        };
        let id = id.ok_or("there is none")?;
        if self.tells {
            self.lines.push(format!("  {name} is {id}"));
        }
        self.names.insert(name.to_owned(), id);
        Ok(())
    }

    fn one(&self, who: &Who) -> Result<NodeId, String> {
        match self.whom(who)?.as_slice() {
            [id] => Ok(*id),
            _ => Err("one node is needed here, not all".into()),
        }
    }

    fn whom(&self, who: &Who) -> Result<Vec<NodeId>, String> {
        match who {
            Who::Node(n) => Ok(vec![NodeId(*n)]),
            Who::All => Ok(self.world.members()),
            Who::Leader => Ok(vec![self.world.leader().ok_or("nobody leads")?]),
            Who::Named(name) => {
                let id = self.names.get(name).ok_or_else(|| format!("no node was named `{name}` (by `let`)"))?;
                Ok(vec![*id])
            }
        }
    }

    // ---- answers and conditions ---------------------------------------------------------------------------------------

    fn hear(&mut self, told: &Told) -> Result<(), String> {
        if *told == Told::Later {
            return Ok(());
        }
        let number = self.world.so_far().operations;
        let until = self.world.now() + ANSWER;
        while self.world.heard(number).is_none() && self.world.now() < until {
            self.run_for(LOOK)?;
        }
        let heard = self.world.heard(number);
        let good = match (told, &heard) {
            (Told::Any, _) | (Told::Ok, Some(Heard::Done)) => true,
            (Told::Value(value), Some(Heard::Value(is))) => value == is,
            (Told::Refused, Some(Heard::Refused)) | (Told::Unknown, Some(Heard::Unknown)) => true,
            (Told::Failed, Some(Heard::Refused | Heard::Unknown)) => true,
            _ => false,
        };
        if good { Ok(()) } else { Err(format!("the client is told {heard:?}")) }
    }

    fn check(&self, condition: &Condition) -> Result<(), String> {
        match condition {
            Condition::Leader(None) => {
                ensure(self.world.settled_leader().is_some(), || "nobody leads a majority".into())
            }
            Condition::Leader(Some(who)) => {
                let (id, is) = (self.one(who)?, self.world.settled_leader());
                ensure(is == Some(id), || format!("the leader of a majority is {is:?}"))
            }
            Condition::NoLeader => ensure(self.world.leader().is_none(), || "somebody leads".into()),
            Condition::Leads(who, leads) => self.each(who, |id| {
                let is = self.world.view(id).map(|view| view.is_leader());
                ensure(is == Some(*leads), || format!("{id} leads: {is:?}"))
            }),
            Condition::Term(who, compared) => self.each(who, |id| {
                let term = self.view(id)?.term().0;
                ensure(compared.holds(term), || format!("{id} is in t{term}"))
            }),
            Condition::Commit(who, compared) => self.each(who, |id| {
                let commit = self.view(id)?.commit().0;
                ensure(compared.holds(commit), || format!("{id} has commit {commit}"))
            }),
            Condition::Log(who, log) => self.each(who, |id| {
                let is = self.world.log(id).ok_or_else(|| format!("{id} is down"))?;
                ensure(is == format!("[{log}]"), || format!("{id} has {is}"))
            }),
            Condition::Holds(who, key, value) => self.each(who, |id| {
                let is = self.world.value(id, key).map(|value| String::from_utf8_lossy(&value).into_owned());
                ensure(is == *value, || format!("{id} holds {key} = {is:?}"))
            }),
            Condition::Same => self.same(),
            Condition::Down(who, down) => self.each(who, |id| {
                let is = self.world.view(id).is_none();
                ensure(is == *down, || format!("{id} is {}", if is { "down" } else { "up" }))
            }),
            Condition::Path(name, compared) => {
                let counters = &self.world.counters;
                let times = counters.paths.get(name.as_str()).or_else(|| counters.faults.get(name.as_str()));
                let times = times.copied().unwrap_or(0);
                ensure(compared.holds(times), || format!("it happened {times} times"))
            }
        }
    }

    fn each(&self, who: &Who, check: impl Fn(NodeId) -> Result<(), String>) -> Result<(), String> {
        self.whom(who)?.into_iter().try_for_each(check)
    }

    fn view(&self, id: NodeId) -> Result<raft::View<'_>, String> {
        self.world.view(id).ok_or_else(|| format!("{id} is down"))
    }

    /// All that run have applied the same, up to the same last entry.
    fn same(&self) -> Result<(), String> {
        let running = self.world.members().into_iter().filter_map(|id| self.world.view(id));
        let ends: Vec<_> = running.map(|view| (view.id(), view.last(), view.commit(), view.applied())).collect();
        let first = ends.first().ok_or("nobody runs")?;
        let same = ends.iter().all(|end| (end.1, end.2, end.3) == (first.1, first.2, first.3) && end.2 == end.1.index);
        ensure(same, || "they are not the same".into())
    }
}

impl ActOn {
    fn on(self, n: u64) -> Act {
        match self {
            Self::Crash => Act::Crash { n },
            Self::Power { keep } => Act::PowerLoss { n, keep },
            Self::Restart => Act::Restart { n },
            Self::Pause(micros) => Act::Pause { n, micros },
            Self::Slow { micros, lasts } => Act::SlowDisk { n, micros, lasts },
            Self::Fail { call, after } => Act::FailDisk { n, call, after },
            Self::CrashAt { call, keep } => Act::CrashAtCall { n, call, keep },
            Self::Fill { more } => Act::FillDisk { n, more },
            Self::Free => Act::FreeDisk { n },
            Self::Corrupt { bit } => Act::Rot { n, bit },
            Self::Drift { ppm } => Act::Drift { n, ppm },
            Self::Timeout => Act::Timeout { n },
            Self::Fire(timer) => Act::Fire { n, timer },
        }
    }
}

fn broken(failure: &Failure) -> String {
    format!("what must never happen: {failure}")
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
