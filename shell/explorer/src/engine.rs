//! From a run to a window of its trace. A trace is a pure function of run and window; what is kept between two calls is a cache
//! and changes no byte.

use sim::checkers::Failure;
use sim::run::Run;
use sim::world::{Sight, World};

use crate::checks::{self, checks};
use crate::digest;
use crate::limits::{self, EVENTS_MAX, HAPPENINGS_MAX, RUN_MICROS_MAX, Refusal};
use crate::told::{Carried, tell, touched};
use crate::trace::{Event, EventKind, LinkView, Trace, Window, WorldView};
use crate::view::{self, Nodes};
use crate::words;

/// Worlds that are kept where a window ended, to go on from there.
const PARKED: usize = 8;
/// Events of one step are numbered within it. A step has a few; one in which all clients are answered has hundreds.
const PLACES: u64 = 4096;

/// The trace of a run in a window.
///
/// # Errors
/// When the run or the window is none that is played here.
pub fn trace(run: &Run, window: Window) -> Result<Trace, Refusal> {
    Explorer::default().trace(run, window)
}

/// Traces of runs, with the worlds where the last of them ended.
#[derive(Default)]
pub struct Explorer {
    /// The most lately used one last.
    parked: Vec<Watched>,
}

impl Explorer {
    /// The same as [`trace()`], faster where a window follows one that was asked for before.
    ///
    /// # Errors
    /// When the run or the window is none that is played here.
    pub fn trace(&mut self, run: &Run, window: Window) -> Result<Trace, Refusal> {
        let mut job = self.begin(run, window)?;
        let trace = job.trace(&mut || true)?;
        self.park(job);
        Ok(trace)
    }

    /// The same in three parts, for who shares the cache: begin, [`Job::trace`] elsewhere, [`Explorer::park`].
    ///
    /// # Errors
    /// When the run or the window is none that is played here.
    pub fn begin(&mut self, run: &Run, window: Window) -> Result<Job, Refusal> {
        limits::check(run)?;
        limits::check_window(window)?;
        let watched = match self.take_parked(run, window.from) {
            Some(watched) => watched,
            None => Watched::new(run)?,
        };
        Ok(Job { watched, window })
    }

    /// Keeps the world of a job that is done.
    pub fn park(&mut self, job: Job) {
        self.parked.push(job.watched);
        if self.parked.len() > PARKED {
            self.parked.remove(0);
        }
    }

    /// The world that has come furthest on this run, not beyond this time.
    fn take_parked(&mut self, run: &Run, from: u64) -> Option<Watched> {
        let fits = |watched: &Watched| watched.until <= from && watched.is_of(run);
        let places = (0..self.parked.len()).filter(|at| fits(&self.parked[*at]));
        let best = places.max_by_key(|at| self.parked[*at].until)?;
        let mut watched = self.parked.remove(best);
        watched.world.continue_with(&run.script).then_some(watched)
    }
}

/// A trace that is asked for.
pub struct Job {
    watched: Watched,
    window: Window,
}

impl Job {
    /// Computes it. Now and then it asks whether to go on.
    ///
    /// # Errors
    /// When it is too large, or was to go on no more.
    pub fn trace(&mut self, goes_on: &mut dyn FnMut() -> bool) -> Result<Trace, Refusal> {
        self.watched.window(self.window, goes_on)
    }
}

/// A world that is looked at.
struct Watched {
    world: World,
    /// All has happened up to then.
    until: u64,
    carried: Carried,
    nodes: Nodes,
    links: Vec<LinkView>,
    failure: Option<Failure>,
}

impl Watched {
    fn new(run: &Run) -> Result<Self, Refusal> {
        let mut world = World::endless(run.clone())?;
        world.watch();
        let nodes = Nodes::new(!run.rules_off.is_empty() || run.lie.is_some());
        Ok(Self { world, until: 0, carried: Carried::default(), nodes, links: Vec::new(), failure: None })
    }

    /// It is this run, or one that is the same up to now.
    fn is_of(&self, run: &Run) -> bool {
        let ours = self.world.run_value();
        let done = self.world.steps_done();
        let same_script = ours.script.get(..done) == run.script.get(..done)
            && run.script.get(done).is_none_or(|step| step.at > self.until);
        same_script && Run { script: Vec::new(), ..ours.clone() } == Run { script: Vec::new(), ..run.clone() }
    }

    fn window(&mut self, window: Window, goes_on: &mut dyn FnMut() -> bool) -> Result<Trace, Refusal> {
        let Window { from, until } = window;
        self.go_to(from, goes_on)?;
        let world = self.look();
        let mut events = Vec::new();
        while self.failure.is_none() && self.world.next_at().is_some_and(|at| at <= until) {
            self.may_go_on(goes_on)?;
            let (sights, failure) = self.step();
            self.step_told(&sights, failure.is_some(), &mut events);
            if let Some(failure) = failure {
                events.push(self.broken(&failure, events.last()));
                self.failure = Some(failure);
            }
            if events.len() > EVENTS_MAX {
                let what = format!("more than {EVENTS_MAX} events happen in this window: ask for a shorter one");
                return Err(Refusal::TooLarge(what));
            }
        }
        self.until = until;
        let end = if self.failure.is_some() { self.world.now() } else { RUN_MICROS_MAX };
        let mut trace = Trace { from, until, end, world, events, digest: String::new() };
        trace.digest = digest::fnv(&serde_json::to_vec(&trace).unwrap_or_default());
        Ok(trace)
    }

    /// Lets everything happen up to this time, and looks at it only then.
    fn go_to(&mut self, time: u64, goes_on: &mut dyn FnMut() -> bool) -> Result<(), Refusal> {
        while self.failure.is_none() && self.world.next_at().is_some_and(|at| at <= time) {
            self.may_go_on(goes_on)?;
            let (sights, failure) = self.step();
            self.carried.note(&sights, self.world.now());
            self.failure = failure;
        }
        self.until = self.until.max(time);
        Ok(())
    }

    fn may_go_on(&self, goes_on: &mut dyn FnMut() -> bool) -> Result<(), Refusal> {
        let events = self.world.so_far().events;
        if events.is_multiple_of(1024) && !goes_on() {
            return Err(Refusal::Stopped);
        }
        if events < HAPPENINGS_MAX {
            return Ok(());
        }
        let second = self.world.now() / 1_000_000;
        Err(Refusal::TooLarge(format!(
            "too much happens in this run: after {second} s it is more than the explorer plays"
        )))
    }

    fn step(&mut self) -> (Vec<Sight>, Option<Failure>) {
        let failure = self.world.step().err();
        (self.world.take_sights(), failure)
    }

    /// Everything as it is now.
    fn look(&mut self) -> WorldView {
        self.nodes.look_at_all(&self.world);
        self.links = view::links(&self.world);
        WorldView {
            nodes: self.nodes.all(),
            links: self.links.clone(),
            flights: self.world.flights().iter().map(words::flight).collect(),
            clients: view::clients(&self.world),
            checks: checks(self.failure.as_ref()),
        }
    }

    /// One step of the world as events.
    fn step_told(&mut self, sights: &[Sight], failed: bool, events: &mut Vec<Event>) {
        let (nodes, all) = touched(sights);
        let changes = if all || failed {
            self.nodes.look_at_all(&self.world)
        } else {
            nodes.iter().filter_map(|id| self.nodes.look(&self.world, *id)).collect()
        };
        let told = tell(&self.world, sights, &self.nodes, &changes, &self.carried);
        self.carried.note(sights, self.world.now());
        let links = if all { Some(view::links(&self.world)).filter(|links| *links != self.links) } else { None };
        if let Some(links) = &links {
            self.links.clone_from(links);
        }
        let clients = told.requests.iter().filter_map(|number| view::client(&self.world, *number)).collect();
        let (t, step) = (self.world.now(), self.world.so_far().events);
        let mut parts = Some((changes, told.sent, told.gone, links, clients));
        for (place, draft) in (0..).zip(told.drafts) {
            let (nodes, sent, gone, links, clients) = parts.take().unwrap_or_default();
            events.push(Event {
                n: step * PLACES + place.min(PLACES - 2),
                t,
                kind: draft.kind,
                node: draft.node,
                msg: draft.msg,
                text: draft.text,
                why: draft.why,
                nodes,
                sent,
                gone,
                links,
                clients,
                checks: None,
            });
        }
    }

    /// The last event of a run that breaks a rule.
    fn broken(&self, failure: &Failure, last: Option<&Event>) -> Event {
        let n = self.world.so_far().events * PLACES + PLACES - 1;
        let text = checks::told(failure);
        Event {
            n: last.map_or(n, |last| n.max(last.n + 1)),
            t: self.world.now(),
            kind: EventKind::Broken,
            node: None,
            msg: None,
            text,
            why: None,
            nodes: Vec::new(),
            sent: Vec::new(),
            gone: Vec::new(),
            links: None,
            clients: Vec::new(),
            checks: Some(checks(Some(failure))),
        }
    }
}
