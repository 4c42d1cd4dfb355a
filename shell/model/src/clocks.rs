//! Time, where it is part of a configuration: each node has a clock, and none is read but as what is left until a deadline, or of a
//! lease. So states that lie a day apart are one if all of that is the same, and a search needs no bound on time.
//!
//! In a step of time each clock goes on by a little more or a little less, in all combinations. Timers that are due may fire then,
//! or ever later: a process may stand still. The lease is that of `replica`, line for line, as is what it is told at the end of a
//! turn; who greets whom, and clocks that are caught, are not known here.

use raft::{Configuration, Delay, Settings, Timer, View};
use replica::Time;
use replica::lease::{Lease, Standing};

use crate::planted::Planted;

/// How clocks go, and what was agreed about them. In units of a clock, of which a lease counts a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// T.
    pub t: u8,
    /// In a step of time a clock goes on by so much ...
    pub fast: u8,
    /// ... or by so much.
    pub slow: u8,
    /// The drift bound of the replicated settings, in millionths.
    pub drift_bound: u64,
}

/// A node's own: what is left until each of its timers is due, and its lease if it leads. Its clock always shows the same, what
/// passes is taken off what it remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Watch {
    left: [u8; TIMERS],
    lease: Lease,
    /// Planted bug: what passed since the clock was read.
    unread: u8,
}

const TIMERS: usize = 5;

/// What a lease counts in a unit of a clock.
const MICROS: u64 = 1000;

impl Clocks {
    /// What the cluster agreed on.
    pub(crate) fn agreed(&self, configuration: Configuration) -> Configuration {
        let settings =
            Settings { election_timeout: u64::from(self.t), drift_bound: self.drift_bound, ..configuration.settings };
        Configuration { settings, ..configuration }
    }

    /// How far the clock of the node at this place goes on: each bit of `slow` is one node that is slow this time.
    pub(crate) fn pace(&self, slow: u8, place: usize, planted: Option<Planted>) -> u8 {
        match (slow >> place & 1, planted) {
            (0, _) => self.fast,
            (_, Some(Planted::ClockBeyondBound)) => self.slow / 2,
            (_, _) => self.slow,
        }
    }

    fn units(&self, delay: Delay, planted: Option<Planted>) -> u8 {
        match delay {
            // Not before: when it is within a range depends on dice, and later it may be anyway.
            Delay::HeartbeatInterval | Delay::UpToT => 0,
            Delay::T | Delay::TToTwiceT if planted == Some(Planted::ShorterTimeout) => self.t / 2,
            Delay::T | Delay::TToTwiceT => self.t,
        }
    }

    /// What all clocks show. What began as long ago is over: a lease is no longer than T.
    fn now(&self) -> u64 {
        u64::from(self.t)
    }
}

impl Watch {
    pub(crate) fn arm(&mut self, clocks: &Clocks, timer: Timer, delay: Delay, planted: Option<Planted>) {
        self.left[place(timer)] = clocks.units(delay, planted);
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.left[place(timer)] = 0;
    }

    pub(crate) fn is_due(&self, timer: Timer) -> bool {
        self.left[place(timer)] == 0
    }

    /// The clock goes on.
    pub(crate) fn pass(&mut self, clocks: &Clocks, units: u8, planted: Option<Planted>) {
        self.left.iter_mut().for_each(|left| *left = left.saturating_sub(units));
        self.lease = self.lease.rebased(u64::from(units) * MICROS);
        if planted == Some(Planted::ClockReadEarly) {
            self.unread = self.unread.saturating_add(units).min(clocks.t);
        }
    }

    /// A turn of the node ends.
    pub(crate) fn turn_ends(
        &mut self,
        clocks: &Clocks,
        view: View<'_>,
        confirmed: Option<u64>,
        planted: Option<Planted>,
    ) {
        let now = Time(clocks.now() * MICROS);
        self.unread = 0;
        match (planted, Standing::of(view, confirmed)) {
            (Some(Planted::HandOverUnnoticed), Some(standing)) => {
                self.lease.observe(now, &Standing { handed_over: false, ..standing });
            }
            (Some(Planted::LeaseFromAnswer), Some(standing)) if confirmed.is_some() => {
                // As if the round had left just now.
                let mut late = Lease::default();
                late.observe(now, &Standing { confirmed: None, ..standing });
                late.observe(now, &Standing { confirmed: Some(standing.round), ..standing });
                self.lease = late;
            }
            _ => self.lease.turn_ends(now, view, confirmed),
        }
    }

    /// A read by lease would be served now.
    pub(crate) fn serves(&self, clocks: &Clocks, view: View<'_>, planted: Option<Planted>) -> bool {
        let now = Time((clocks.now() - u64::from(self.unread)) * MICROS);
        if planted == Some(Planted::LeaseBeforeCommit) {
            let until = self.lease.until(&view.configuration().settings);
            return view.is_leader() && until.is_some_and(|until| now < until);
        }
        view.is_leader() && self.lease.held(now, view).is_some()
    }

    /// There is none any more in this term.
    pub(crate) fn is_over(&self) -> bool {
        self.lease.over().is_some()
    }
}

fn place(timer: Timer) -> usize {
    match timer {
        Timer::LeaderSilent => 0,
        Timer::Campaign => 1,
        Timer::Heartbeat => 2,
        Timer::CheckQuorum => 3,
        Timer::Transfer => 4,
    }
}
