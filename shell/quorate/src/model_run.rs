//! A way through the model's states as a run of the simulator: the same cluster, with network, timers and disks by hand. It is
//! played while it is written, for a run names messages by the numbers that they get when they are sent.

use ::model::{Counterexample, Image, Model, Start, TracedAct, TracedStep, Traffic, ending};
use sim::run::{Act, Ask, Features, Mode, Record, Run, Step, Timer};
use sim::world::World;

/// Between two steps, in microseconds: a member has done by then all that it does at once.
const PAUSE: u64 = 1000;

/// A run of the same steps, and how its members end.
pub(crate) struct Written {
    pub(crate) run: Run,
    /// As [`ending`] tells them.
    pub(crate) endings: Vec<String>,
    /// What a checker of the simulator found in the end, as it must where a rule is left out.
    pub(crate) failure: Option<String>,
}

/// Why a step is the last.
enum Stop {
    /// The simulator can't do it.
    Not(String),
    /// A checker found something: playing the run shows it again.
    Found,
}

/// The same steps as a run. What a planted bug does wrong is not in it, but for a rule that is left out.
///
/// # Errors
/// When the simulator can't do the same: which step, and why.
pub(crate) fn written(model: &Model, way: &Counterexample) -> Result<Written, String> {
    let run = empty(model);
    let world = World::new(run.clone()).map_err(|error| error.to_string())?;
    let mut writer = Writer { model, run, world, at: 0 };
    // All have started by then.
    let mut done = writer.pass().and_then(|()| writer.pass());
    for step in &way.steps {
        done = done.and_then(|()| writer.step(step));
        match done {
            Ok(()) => {}
            Err(Stop::Not(problem)) => return Err(format!("{step}: {problem}")),
            Err(Stop::Found) => break,
        }
    }
    let endings = writer.world.members().into_iter().filter_map(|id| writer.world.view(id)).map(ending).collect();
    let played = World::new(writer.run.clone()).map(|mut world| world.run().err());
    let failure = played.map_err(|error| error.to_string())?.map(|failure| failure.to_string());
    Ok(Written { run: writer.run, endings, failure })
}

/// A world in which nothing happens by itself.
fn empty(model: &Model) -> Run {
    let mut run = Run::quiet(0, model.nodes);
    (run.timing.timers_by_hand, run.timing.disks_by_hand, run.network.by_hand) = (true, true, true);
    let switches = model.switches;
    run.features = Features {
        pre_vote: switches.pre_vote,
        check_quorum: switches.check_quorum,
        stickiness: switches.stickiness,
        noop: switches.noop,
    };
    if model.traffic == Traffic::OneByOne {
        (run.limits.append_bytes_max, run.limits.inflight_count_max) = (1, 1);
    }
    // Members that ran before have said who they are, which else would be their first entries.
    let images = if let Start::Disks(images) = model.start { images } else { &[] };
    run.initial = (1..=model.nodes).zip(images.iter().map(Some).chain(std::iter::repeat(None))).map(image).collect();
    run.rules_off = model.planted.map(|planted| left_out(planted.word())).unwrap_or_default();
    run
}

fn image((n, image): (u64, Option<&Image>)) -> sim::run::Image {
    let record = |term: &u64| Record { term: *term, key: Some("k".to_owned()), value: term.to_string() };
    sim::run::Image {
        n,
        term: image.map_or(0, |image| image.term),
        vote: image.and_then(|image| image.vote).unwrap_or(0),
        commit: 0,
        log: image.map(|image| image.log.iter().map(record).collect()).unwrap_or_default(),
        snapshot: None,
        group: 0,
    }
}

/// A bug that is a rule left out has the rule's name.
fn left_out(word: &str) -> Vec<sim::rules::Rule> {
    let name = word.replace('-', "_");
    sim::rules::Rule::ALL.iter().copied().filter(|rule| rule.word() == name).collect()
}

struct Writer<'a> {
    model: &'a Model,
    run: Run,
    world: World,
    at: u64,
}

impl Writer<'_> {
    fn step(&mut self, step: &TracedStep) -> Result<(), Stop> {
        let n = step.node.0;
        match &step.act {
            TracedAct::Start => {}
            TracedAct::Message(text) => {
                let held = self.world.held_messages().filter(|(_, held)| held == text);
                let msg = held
                    .map(|(number, _)| number)
                    .last()
                    .ok_or_else(|| Stop::Not("this message was never sent here".to_owned()))?;
                self.act(Act::Deliver { msg })?;
            }
            TracedAct::Fire(timer) => self.act(Act::Fire { n, timer: named(*timer) })?,
            TracedAct::Written => self.act(Act::Sync { n })?,
            TracedAct::Crash { kept } => {
                if *kept {
                    self.act(Act::Write { n })?;
                }
                self.act(Act::PowerLoss { n, keep: if *kept { 1000 } else { 0 } })?;
                self.act(Act::Restart { n })?;
            }
            TracedAct::Propose(number) => {
                let op = Ask::Put { key: "k".to_owned(), value: number.to_string() };
                self.act(Act::Client { to: n, op })?;
            }
            TracedAct::Read(_) => {
                self.act(Act::Client { to: n, op: Ask::Get { key: "k".to_owned(), mode: Mode::default() } })?;
            }
            TracedAct::Transfer(to) => self.act(Act::Transfer { n, to: to.0 })?,
            TracedAct::Time(_) => {
                return Err(Stop::Not("in a run whose timers are by hand no time passes that counts".to_owned()));
            }
            TracedAct::Change(_) => {
                return Err(Stop::Not("a run has no act for a membership by hand".to_owned()));
            }
            TracedAct::Snapshot { .. } | TracedAct::Compact | TracedAct::SnapshotEnded(_) => {
                return Err(Stop::Not("a run has no act for snapshots by hand".to_owned()));
            }
        }
        if step.silenced {
            self.act(Act::Fire { n, timer: Timer::LeaderSilent })?;
        }
        self.disks()
    }

    /// Where the model has disks that are done at once, so has the run.
    fn disks(&mut self) -> Result<(), Stop> {
        if self.model.slow_disk {
            return Ok(());
        }
        for id in self.world.members() {
            while self.world.view(id).is_some_and(|view| view.persistence().in_flight().is_some()) {
                self.act(Act::Sync { n: id.0 })?;
            }
        }
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), Stop> {
        self.run.script.push(Step { at: self.at, act: act.clone() });
        self.world.act(&act).map_err(|_| Stop::Found)?;
        self.pass()
    }

    fn pass(&mut self) -> Result<(), Stop> {
        self.at += PAUSE;
        self.world.run_until(self.at).map_err(|_| Stop::Found)
    }
}

fn named(timer: raft::Timer) -> Timer {
    match timer {
        raft::Timer::LeaderSilent => Timer::LeaderSilent,
        raft::Timer::Campaign => Timer::Campaign,
        raft::Timer::Heartbeat => Timer::Heartbeat,
        raft::Timer::CheckQuorum => Timer::CheckQuorum,
        raft::Timer::Transfer => Timer::Transfer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::model::{Options, Planted, Verdict, Witness, catalogue, search, way_to};

    /// Plays the file alone; how its members end.
    fn played(run: &Run) -> Vec<String> {
        let mut world = World::new(Run::from_json(&run.to_json()).unwrap()).unwrap();
        let ended = world.run();
        assert!(ended.is_ok(), "{ended:?}");
        world.members().into_iter().filter_map(|id| world.view(id)).map(ending).collect()
    }

    #[test]
    fn a_way_of_the_model_ends_in_the_simulator_as_it_ends_in_the_model() {
        let ways = [
            ("old-term", Witness::CommittedIndirectly),
            ("old-term", Witness::Truncated),
            ("figure-8", Witness::Truncated),
            ("conflict", Witness::CommittedIndirectly),
            ("pre-vote", Witness::PreVoteWon),
            ("read-index", Witness::ReadServedLater),
            ("two-nodes", Witness::CommittedIndirectly),
            ("one-term", Witness::LogRead),
            ("one-term", Witness::CommittedByOthers),
            ("elections-crash", Witness::VoteLost),
            ("two-nodes", Witness::WriteKept),
        ];
        for (name, witness) in ways {
            let model = catalogue::named(name).unwrap();
            let way = way_to(&model, witness).unwrap();
            let written = written(&model, &way).unwrap_or_else(|problem| panic!("{name}, {witness}: {problem}"));
            assert_eq!(written.endings, way.endings, "{name}, {witness}");
            assert_eq!(played(&written.run), way.endings, "{name}, {witness}: the file alone");
        }
    }

    #[test]
    fn a_rule_left_out_breaks_in_the_simulator_too() {
        for planted in [Planted::OldTermCount, Planted::UpToDate, Planted::PrevCheck] {
            let model = catalogue::with(planted);
            let Verdict::Broken(way) = search(&model, Options::default(), &mut |_| ()).verdict else { panic!() };
            let written = written(&model, &way).unwrap();
            let property = way.sentence.split(" (").next().unwrap();
            let failure = written.failure.unwrap_or_else(|| panic!("{planted}: nothing was noticed, {}", way.sentence));
            assert!(failure.contains(property), "{property}: {failure}");
        }
    }
}
