//! Playing a scenario: statement after statement on a world, with everything checked that is checked in any world. What was done
//! at what time is kept, so that a scenario becomes a run.

use std::collections::BTreeMap;

use raft::NodeId;

use super::captions::{Said, filled, last_words};
use super::tell::Story;
use super::{ActOn, Condition, Kind, Picked, Scenario, ScenarioError, Statement, Told, Who};
use crate::checkers::Failure;
use crate::run::{Act, Run, Step};
use crate::world::{Heard, World};

/// So often it is looked whether something is so.
const LOOK: u64 = 1_000;
/// What is wrong is found by then.
const CAUGHT: u64 = 10_000_000;
/// A client's answer comes by then, or there is none.
const ANSWER: u64 = 10_000_000;

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Played {
    /// Everything went as it says; or where it did not.
    pub verdict: Result<(), ScenarioError>,
    /// What happened, line by line.
    pub lines: Vec<String>,
    /// What was said, and when.
    pub captions: Vec<Said>,
    /// The same as a run: what was done, and when.
    pub run: Run,
    /// When it ended, in microseconds, and how the members were then.
    pub end: (u64, Vec<String>),
    /// What a checker found, wanted (`caught`) or not.
    pub found: Option<Failure>,
}

struct Player {
    world: World,
    run: Run,
    names: BTreeMap<String, NodeId>,
    /// Numbers of requests that have a name.
    requests: BTreeMap<String, u64>,
    found: Option<Failure>,
    captions: Vec<Said>,
    story: Option<Story>,
}

/// Plays a scenario from its beginning to its end.
#[must_use]
pub fn play(scenario: &Scenario, tells: bool) -> Played {
    let run = scenario.run.clone();
    let mut world = match World::new(run.clone()) {
        Ok(world) => world,
        Err(error) => {
            let verdict = Err(ScenarioError { line: 1, column: 1, what: error.to_string() });
            return Played { verdict, lines: Vec::new(), captions: Vec::new(), run, end: (0, Vec::new()), found: None };
        }
    };
    if tells {
        world.tell();
    }
    let (names, requests, story) = (BTreeMap::new(), BTreeMap::new(), tells.then(Story::default));
    let mut player = Player { world, run, names, requests, found: None, captions: Vec::new(), story };
    player.say(|| scenario.head.iter().map(|line| format!("# {line}")).collect());
    let mut verdict = Ok(());
    for (at, statement) in scenario.statements.iter().enumerate() {
        verdict = player.line(statement);
        if verdict.is_err() {
            if player.is_caught(&scenario.statements[at..]) {
                verdict = player.last_words(&scenario.statements[at..]);
            }
            break;
        }
    }
    if verdict.is_ok() && player.found.is_none() {
        verdict = player.history(scenario);
    }
    player.listen();
    let end = (player.world.now(), player.world.status());
    player
        .say(|| std::iter::once("in the end".to_owned()).chain(end.1.iter().map(|line| format!("  {line}"))).collect());
    let lines = player.story.map(|story| story.lines).unwrap_or_default();
    Played { verdict, lines, captions: player.captions, run: player.run, end, found: player.found }
}

impl Player {
    fn line(&mut self, statement: &Statement) -> Result<(), ScenarioError> {
        self.listen();
        let comments = statement.comments.iter().map(|line| format!("# {line}"));
        self.say(|| comments.chain([format!("> {}", statement.text)]).collect());
        self.statement(&statement.kind).map_err(|what| {
            let status = self.world.status().join("; ");
            let what = format!("`{}`: {what} ({status})", statement.text);
            ScenarioError { line: statement.line, column: 1, what }
        })
    }

    /// What the world told since.
    fn listen(&mut self) {
        let told = self.world.take_told();
        if let Some(story) = &mut self.story {
            told.into_iter().for_each(|line| story.hear(line));
            story.count();
        }
    }

    fn say(&mut self, lines: impl FnOnce() -> Vec<String>) {
        if let Some(story) = &mut self.story {
            lines().into_iter().for_each(|line| story.say(line));
        }
    }

    /// All that clients were told in the story, judged as a whole. A mistake there belongs to no line but the last.
    fn history(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        let line = scenario.statements.last().map_or(1, |statement| statement.line);
        self.world.judge_history().map_err(|failure| {
            let what = failure.to_string();
            self.found = Some(failure);
            ScenarioError { line, column: 1, what }
        })
    }

    /// What a checker found is what the next `caught` wants.
    fn is_caught(&mut self, left: &[Statement]) -> bool {
        let wanted = left.iter().find_map(|statement| match &statement.kind {
            Kind::Caught(checker) => Some((checker, &statement.text)),
            _ => None,
        });
        let (Some((checker, text)), Some(found)) = (wanted, self.found.clone()) else { return false };
        self.listen();
        let here = left.first().is_some_and(|statement| statement.text == *text);
        self.say(|| if here { vec![format!("  {found}")] } else { vec![format!("> {text}"), format!("  {found}")] });
        found.checker == checker
    }

    fn statement(&mut self, kind: &Kind) -> Result<(), String> {
        match kind {
            Kind::Wait(micros) => self.run_for(*micros),
            Kind::WaitFor(condition, within) => self.wait_for(condition, *within),
            Kind::Expect(condition) => {
                self.check(condition)?;
                let is = self.figure(condition);
                self.say(|| vec![format!("  so it is{is}")]);
                Ok(())
            }
            Kind::Hold(condition, micros) => self.hold(condition, *micros),
            Kind::Caught(checker) => {
                self.run_for(CAUGHT)?;
                Err(format!("nothing was found, by {checker} or another"))
            }
            Kind::Let(name, picked) => self.give_name(name, *picked),
            Kind::Ask { at, ask, name, told, within } => {
                let to = at.as_ref().map_or(Ok(0), |who| self.one(who).map(|id| id.0))?;
                self.act(Act::Client { to, op: ask.clone() })?;
                let number = self.world.so_far().operations;
                self.requests.extend(name.clone().map(|name| (name, number)));
                self.hear(number, told, within.unwrap_or(ANSWER))
            }
            Kind::Caption { section, text } => self.caption(section.as_ref(), text),
            Kind::Weather(network) => self.act(Act::Network(*network)),
            Kind::Member(ordered, at) => {
                let order = ordered.order(|who| self.one(who).map(|id| id.0))?;
                let at = at.as_ref().map_or(Ok(0), |who| self.one(who).map(|id| id.0))?;
                self.act(Act::Order { at, order, wish: false })
            }
            Kind::Do(who, act) => {
                for id in self.whom(who)? {
                    self.act(act.on(id.0))?;
                }
                Ok(())
            }
            Kind::Transfer(from, to) => {
                let n = self.one(from)?.0;
                let to = to.as_ref().map_or(Ok(0), |who| self.one(who).map(|id| id.0))?;
                self.act(Act::Transfer { n, to })
            }
            Kind::Link { from, to, cut, both } => {
                let mut pairs = self.pairs(from, to)?;
                if *both {
                    pairs.extend(self.pairs(to, from)?);
                }
                let act = |(from, to)| if *cut { Act::Cut { from, to } } else { Act::Join { from, to } };
                pairs.into_iter().try_for_each(|pair| self.act(act(pair)))
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
                for (from, to) in self.pairs(from, to)? {
                    self.act(Act::Filter { from, to, kind: kind.clone(), lost: *lost })?;
                }
                Ok(())
            }
            Kind::Act(act) => self.act(act.clone()),
        }
    }

    /// What is said behind what was caught.
    fn last_words(&mut self, left: &[Statement]) -> Result<(), ScenarioError> {
        for (line, section, text) in last_words(left) {
            self.caption(section, text).map_err(|what| ScenarioError { line, column: 1, what })?;
        }
        Ok(())
    }

    fn caption(&mut self, section: Option<&String>, text: &str) -> Result<(), String> {
        let node = |name: &str| match name {
            "leader" => self.one(&Who::Leader).map(|id| id.to_string()),
            name => self.one(&Who::Named(name.to_owned())).map(|id| id.to_string()),
        };
        let text = filled(text, node)?;
        self.captions.push(Said { t: self.world.now(), text, section: section.cloned() });
        Ok(())
    }

    // ---- time ---------------------------------------------------------------------------------------------------------

    fn run_for(&mut self, micros: u64) -> Result<(), String> {
        let until = self.world.now() + micros;
        self.world.run_until(until).map_err(|failure| self.broken(failure))
    }

    fn broken(&mut self, failure: Failure) -> String {
        let what = format!("what must never happen: {failure}");
        self.found = Some(failure);
        what
    }

    fn hold(&mut self, condition: &Condition, micros: u64) -> Result<(), String> {
        let (begin, until) = (self.world.now(), self.world.now() + micros);
        while self.world.now() < until {
            let after = (self.world.now() - begin) / 1000;
            self.check(condition).map_err(|what| format!("after {after} ms: {what}"))?;
            self.run_for(LOOK)?;
        }
        self.listen();
        self.say(|| vec!["  so it was all the time".into()]);
        self.check(condition)
    }

    fn wait_for(&mut self, condition: &Condition, within: u64) -> Result<(), String> {
        let (begin, until) = (self.world.now(), self.world.now() + within);
        loop {
            let Err(what) = self.check(condition) else {
                let (after, is) = ((self.world.now() - begin) / 1000, self.figure(condition));
                self.listen();
                self.say(|| vec![format!("  so it is, after {after} ms{is}")]);
                return Ok(());
            };
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
        self.run.script.push(Step { at, act: act.clone() });
        self.world.act(&act).map_err(|failure| self.broken(failure))
    }

    // ---- names --------------------------------------------------------------------------------------------------------

    fn give_name(&mut self, name: &str, picked: Picked) -> Result<(), String> {
        let leader = self.world.settled_leader();
        let id = match picked {
            Picked::Leader => leader,
            Picked::Candidate => self.world.members().into_iter().find(|id| self.stands(*id)),
            Picked::Follower => {
                let free = |id: &NodeId| Some(*id) != leader && self.names.values().all(|other| other != id);
                self.world.members().into_iter().find(|id| free(id) && self.world.view(*id).is_some())
            }
        };
        let id = id.ok_or("there is none")?;
        self.say(|| vec![format!("  {name} is {id}")]);
        self.names.insert(name.to_owned(), id);
        Ok(())
    }

    fn one(&self, who: &Who) -> Result<NodeId, String> {
        match self.whom(who)?.as_slice() {
            [id] => Ok(*id),
            _ => Err("one node is needed here, not all".into()),
        }
    }

    /// From each of these to each of those.
    fn pairs(&self, from: &Who, to: &Who) -> Result<Vec<(u64, u64)>, String> {
        let (froms, tos) = (self.whom(from)?, self.whom(to)?);
        let pairs = froms.iter().flat_map(|from| tos.iter().map(move |to| (from.0, to.0)));
        Ok(pairs.filter(|(from, to)| from != to).collect())
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

    fn hear(&mut self, number: u64, told: &Told, within: u64) -> Result<(), String> {
        if *told == Told::Later {
            return Ok(());
        }
        let until = self.world.now() + within;
        while self.world.heard(number).is_none() && self.world.now() < until {
            self.run_for(LOOK)?;
        }
        let heard = self.world.heard(number);
        self.listen();
        self.say(|| vec![format!("  the client is told: {}", words_of(heard.as_ref()))]);
        is_told(told, heard.as_ref())
    }

    /// The figure behind a condition that holds, where it has one.
    fn figure(&self, condition: &Condition) -> String {
        let of = |who: &Who, figure: fn(raft::View<'_>) -> u64| {
            let ids = self.whom(who).unwrap_or_default().into_iter();
            let each = ids.filter_map(|id| Some(format!("{id} {}", figure(self.world.view(id)?))));
            format!(": {}", each.collect::<Vec<_>>().join(", "))
        };
        match condition {
            Condition::Path(name, _) => format!(": {}", self.times(name)),
            Condition::Term(who, _) => of(who, |view| view.term().0),
            Condition::Commit(who, _) => of(who, |view| view.commit().0),
            Condition::Applied(who, _) => of(who, |view| view.applied().0),
            Condition::Base(who, _) => of(who, |view| view.log().base().index.0),
            _ => String::new(),
        }
    }

    /// How often a path was taken or a fault happened.
    fn times(&self, name: &str) -> u64 {
        let counters = &self.world.counters;
        counters.paths.get(name).or_else(|| counters.faults.get(name)).copied().unwrap_or(0)
    }

    fn check(&self, condition: &Condition) -> Result<(), String> {
        match condition {
            Condition::Leader(_)
            | Condition::NoLeader
            | Condition::Leads(..)
            | Condition::Candidate
            | Condition::Stands(_)
            | Condition::Voted(..)
            | Condition::Votes(..) => self.check_election(condition),
            Condition::Term(who, compared) => self.each(who, |id| {
                let term = self.view(id)?.term().0;
                ensure(compared.holds(term), || format!("{id} is in t{term}"))
            }),
            Condition::Commit(who, compared) => self.each(who, |id| {
                let commit = self.view(id)?.commit().0;
                ensure(compared.holds(commit), || format!("{id} has commit {commit}"))
            }),
            Condition::Applied(who, compared) => self.each(who, |id| {
                let applied = self.view(id)?.applied().0;
                ensure(compared.holds(applied), || format!("{id} has applied {applied}"))
            }),
            Condition::Sessions(who, compared) => self.each(who, |id| {
                let open = self.world.sessions(id).ok_or_else(|| format!("{id} is down"))?;
                ensure(compared.holds(open), || format!("{id} has {open} sessions"))
            }),
            Condition::Base(who, compared) => self.each(who, |id| {
                let base = self.view(id)?.log().base();
                ensure(compared.holds(base.index.0), || format!("the log of {id} begins behind {base}"))
            }),
            Condition::Request(name, told) => {
                let number =
                    self.requests.get(name).ok_or_else(|| format!("no request was named `{name}` (by `as`)"))?;
                is_told(told, self.world.heard(*number).as_ref())
            }
            Condition::Log(who, log) => self.each(who, |id| {
                let is = self.world.log(id).ok_or_else(|| format!("{id} is down"))?;
                ensure(is == format!("[{log}]"), || format!("{id} has {is}"))
            }),
            Condition::Holds(who, key, value) => self.each(who, |id| {
                let is = self.world.value(id, key).map(|value| String::from_utf8_lossy(&value).into_owned());
                ensure(is == *value, || format!("{id} holds {key} = {is:?}"))
            }),
            Condition::Members(who, list) => self.each(who, |id| {
                let is = self.view(id)?.configuration().to_string();
                ensure(is == *list, || format!("{id} has {is}"))
            }),
            Condition::Voters(list) => {
                let is = self.world.settled_configuration().to_string();
                ensure(is == *list, || format!("committed is {is}"))
            }
            Condition::Same => self.same(),
            Condition::Down(who, down) => self.each(who, |id| {
                let is = self.world.view(id).is_none();
                ensure(is == *down, || format!("{id} is {}", if is { "down" } else { "up" }))
            }),
            Condition::Path(name, compared) => {
                let times = self.times(name);
                ensure(compared.holds(times), || format!("it happened {times} times"))
            }
        }
    }

    /// What is so of an election.
    fn check_election(&self, condition: &Condition) -> Result<(), String> {
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
            Condition::Candidate => {
                let stands = self.world.members().into_iter().any(|id| self.stands(id));
                ensure(stands, || "nobody stands for election".into())
            }
            Condition::Stands(who) => self.each(who, |id| ensure(self.stands(id), || format!("{id} does not stand"))),
            Condition::Voted(who, candidate) => {
                let candidate = self.one(candidate)?;
                self.each(who, |id| {
                    let vote = self.view(id)?.vote();
                    ensure(vote == Some(candidate), || format!("{id} voted for {vote:?}"))
                })
            }
            Condition::Votes(who, compared) => self.each(who, |id| {
                let raft::Role::Candidate(candidate) = self.view(id)?.role() else {
                    return Err(format!("{id} does not stand"));
                };
                let votes = candidate.votes().granted().count() as u64;
                ensure(compared.holds(votes), || format!("{id} has {votes} votes"))
            }),
            _ => Err("this is nothing of an election".into()),
        }
    }

    fn stands(&self, id: NodeId) -> bool {
        self.world.view(id).is_some_and(|view| matches!(view.role(), raft::Role::Candidate(_)))
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
            Self::Wipe => Act::Wipe { n },
            Self::Forget { pick, lasts } => Act::LoseWrite { n, pick, sector: None, lasts, clean: true },
            Self::Misplace { pick, place, lasts } => Act::MisdirectWrite { n, pick, place, lasts, clean: true },
            Self::Flip { read, bit } => Act::FlipRead { n, read, bit },
            Self::Suspend(micros) => Act::Suspend { n, micros },
            Self::Jump { micros } => Act::JumpClock { n, micros },
            Self::Shorten => Act::ShortSnapshot { n },
            Self::Drift { ppm } => Act::Drift { n, ppm },
            Self::OtherTimeout(micros) => Act::OtherTimeout { n, micros },
            Self::Timeout => Act::Timeout { n },
            Self::Stop => Act::Stop { n },
            Self::Fire(timer) => Act::Fire { n, timer },
        }
    }
}

/// Whether a client was told so.
fn is_told(told: &Told, heard: Option<&Heard>) -> Result<(), String> {
    let good = match (told, heard) {
        (Told::Any | Told::Later, _) | (Told::Answered, Some(_)) | (Told::Unanswered, None) => true,
        (Told::Ok, Some(Heard::Done)) => true,
        (Told::Value(value), Some(Heard::Value(is))) => value == is,
        (Told::Refused, Some(Heard::Refused)) | (Told::Unknown, Some(Heard::Unknown)) => true,
        (Told::Failed, Some(Heard::Refused | Heard::Unknown)) => true,
        _ => false,
    };
    ensure(good, || format!("the client is told: {}", words_of(heard)))
}

fn words_of(heard: Option<&Heard>) -> String {
    match heard {
        None => "nothing yet".into(),
        Some(Heard::Done) => "done".into(),
        Some(Heard::Value(None)) => "there is no such key".into(),
        Some(Heard::Value(Some(value))) => value.clone(),
        Some(Heard::Refused) => "refused, without effect".into(),
        Some(Heard::Unknown) => "unknown whether it took effect".into(),
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
