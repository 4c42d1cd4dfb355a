//! The script of a seed: which kinds of faults there are in its world, and when each of them happens. Mostly each is made good some
//! time after, so that several overlap and the cluster gets on all the same.

use super::{churn, hand_overs, turmoil};
use crate::dice::Dice;
use crate::run::{Act, Call, Network, Run, Step};

/// At least so many faults are in the script of every seed.
const FAULTS_MIN: usize = 12;

/// Kinds of faults that are drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crash,
    PowerLoss,
    PowerLossLeader,
    PowerLossAll,
    CrashAtCall,
    Partition,
    Isolate,
    LeaderAlone,
    Shape,
    OneWay,
    Flap,
    Clog,
    Pause,
    SlowNode,
    SlowDisk,
    FullDisk,
    FailingDisk,
    Rot,
    BadWrite,
    FlippedRead,
    Clock,
    OtherTimeout,
    Storm,
}

/// Each kind: of a thousand worlds it is in so many; where it is, it comes so often compared with the others.
const KINDS: &[(Kind, u64, u64)] = &[
    (Kind::Crash, 600, 3),
    (Kind::PowerLoss, 600, 3),
    (Kind::PowerLossLeader, 500, 2),
    (Kind::PowerLossAll, 250, 1),
    (Kind::CrashAtCall, 600, 4),
    (Kind::Partition, 500, 2),
    (Kind::Isolate, 300, 1),
    (Kind::LeaderAlone, 400, 2),
    (Kind::Shape, 400, 2),
    (Kind::OneWay, 400, 2),
    (Kind::Flap, 250, 1),
    (Kind::Clog, 300, 2),
    (Kind::Pause, 350, 2),
    (Kind::SlowNode, 250, 1),
    (Kind::SlowDisk, 350, 2),
    (Kind::FullDisk, 250, 2),
    (Kind::FailingDisk, 350, 3),
    (Kind::Rot, 250, 1),
    (Kind::BadWrite, 400, 3),
    (Kind::FlippedRead, 300, 2),
    (Kind::Clock, 350, 2),
    (Kind::OtherTimeout, 150, 1),
    (Kind::Storm, 300, 1),
];

/// Where the faults of a world come from, and where they go.
struct Draw<'a> {
    run: &'a Run,
    dice: Dice,
    script: Vec<Step>,
}

pub(super) fn draw_script(run: &Run) -> Vec<Step> {
    let mut dice = Dice::new(run.seed, "script", 0);
    let kinds: Vec<(Kind, u64)> =
        KINDS.iter().filter(|(_, on, _)| dice.chance(*on)).map(|(kind, _, weight)| (*kind, *weight)).collect();
    let t = run.timing.election_timeout;
    let pace = dice.pick(&[4 * t, 8 * t, 15 * t, 20 * t]);
    let mut draw = Draw { run, dice, script: Vec::new() };
    let mut at = 2 * t;
    loop {
        at += draw.dice.between(pace / 4, 2 * pace);
        if at >= run.timing.calm_at {
            break;
        }
        let kind = draw.choose(&kinds);
        draw.fault(kind, at);
    }
    while draw.script.iter().filter(|step| step.act.is_fault()).count() < FAULTS_MIN {
        let at = draw.dice.between(t, run.timing.calm_at);
        draw.fault(Kind::Partition, at);
    }
    let mut script = draw.script;
    turmoil::draw(run, &mut script);
    hand_overs::draw(run, &mut script);
    churn::draw(run, &mut script);
    script.sort_by_key(|step| step.at);
    script
}

impl Draw<'_> {
    fn choose(&mut self, kinds: &[(Kind, u64)]) -> Kind {
        let mut left = self.dice.below(kinds.iter().map(|(_, weight)| weight).sum());
        for (kind, weight) in kinds {
            if left < *weight {
                return *kind;
            }
            left -= weight;
        }
        Kind::Partition
    }

    fn add(&mut self, at: u64, act: Act) {
        self.script.push(Step { at, act });
    }

    fn t(&self) -> u64 {
        self.run.timing.election_timeout
    }

    fn member(&mut self) -> u64 {
        self.dice.between(1, self.run.members)
    }

    /// Two members, other ones where there are two.
    fn pair(&mut self) -> (u64, u64) {
        let one = self.member();
        let step = self.dice.between(1, self.run.members.saturating_sub(1).max(1));
        (one, (one - 1 + step) % self.run.members + 1)
    }

    fn fault(&mut self, kind: Kind, at: u64) {
        let (t, n) = (self.t(), self.member());
        let until = at + self.dice.between(t / 4, 5 * t);
        match kind {
            Kind::Crash | Kind::PowerLoss | Kind::PowerLossLeader | Kind::PowerLossAll | Kind::CrashAtCall => {
                self.going_down(kind, n, at, until);
            }
            Kind::Partition
            | Kind::Isolate
            | Kind::LeaderAlone
            | Kind::Shape
            | Kind::OneWay
            | Kind::Flap
            | Kind::Clog
            | Kind::Storm => self.network(kind, n, at, until),
            Kind::SlowDisk | Kind::FullDisk | Kind::FailingDisk | Kind::Rot | Kind::BadWrite | Kind::FlippedRead => {
                self.disk(kind, n, at, until);
            }
            Kind::Pause => {
                let micros = self.dice.between(t / 4, 4 * t);
                let clock_too = self.dice.chance(400);
                self.add(at, if clock_too { Act::Suspend { n, micros } } else { Act::Pause { n, micros } });
            }
            Kind::SlowNode => {
                let (micros, lasts) = (self.dice.pick(&[t / 20, t / 5, t / 2]), self.dice.between(t, 10 * t));
                self.add(at, Act::SlowNode { n, micros, lasts });
            }
            Kind::Clock => self.clock(n, at),
            Kind::OtherTimeout => {
                let micros = self.dice.pick(&[t / 2, 3 * t / 2]);
                self.add(at, Act::OtherTimeout { n, micros });
                self.add(at + 1, Act::Crash { n });
                self.add(at + 1 + t / 20, Act::Restart { n });
                let later = until + self.dice.between(t, 20 * t);
                self.add(later, Act::OtherTimeout { n, micros: 0 });
                self.add(later + 1, Act::Crash { n });
                self.add(later + 1 + t / 20, Act::Restart { n });
            }
        }
    }

    fn going_down(&mut self, kind: Kind, n: u64, at: u64, until: u64) {
        let keep = self.dice.pick(&[0, 300, 500, 800, 1000]);
        match kind {
            Kind::Crash => self.add(at, Act::Crash { n }),
            Kind::PowerLoss => self.add(at, Act::PowerLoss { n, keep }),
            Kind::PowerLossLeader => return self.add(at, Act::PowerLossLeader { keep }),
            Kind::PowerLossAll => {
                self.add(at, Act::PowerLossAll { keep });
                for n in 1..=self.run.members {
                    let late = self.dice.below(self.t());
                    self.add(until + late, Act::Restart { n });
                }
                return;
            }
            _ => {
                let keep = self.dice.chance(600).then_some(keep);
                let call = self.dice.below(40);
                return self.add(at, Act::CrashAtCall { n, call, keep });
            }
        }
        self.add(until, Act::Restart { n });
    }

    fn network(&mut self, kind: Kind, n: u64, at: u64, until: u64) {
        let (t, (one, other)) = (self.t(), self.pair());
        match kind {
            Kind::Partition => {
                let groups = self.two_groups();
                self.add(at, Act::Partition { groups });
            }
            Kind::Isolate => self.add(at, Act::Isolate { n }),
            Kind::LeaderAlone => {
                let act = match self.dice.below(4) {
                    0 | 1 => Act::IsolateLeader,
                    2 => Act::Deaf { n: 0 },
                    _ => Act::Mute { n: 0 },
                };
                self.add(at, act);
            }
            Kind::Shape => {
                let act = match self.dice.below(3) {
                    0 => Act::CutPair { a: one, b: other },
                    1 => Act::Bridge { n },
                    _ => Act::Ring,
                };
                self.add(at, act);
            }
            Kind::OneWay => {
                let act = match self.dice.below(4) {
                    0 | 1 => Act::Cut { from: one, to: other },
                    2 => Act::Deaf { n },
                    _ => Act::Mute { n },
                };
                self.add(at, act);
            }
            Kind::Flap => {
                let (every, times) = (self.dice.pick(&[t / 8, t / 2, 2 * t]), self.dice.between(4, 16));
                return self.add(at, Act::Flap { a: one, b: other, every, times });
            }
            Kind::Clog => return self.clog((one, other), at),
            _ => {
                let loss = self.dice.pick(&[300, 500]);
                let usual = self.run.network;
                self.add(at, Act::Network(Network { loss, late: 300, doubled: 300, ..usual }));
                return self.add(until, Act::Network(usual));
            }
        }
        // Now and then it stays so until something else is made good.
        if self.dice.chance(900) {
            self.add(until + 2 * t, Act::Heal);
        }
    }

    fn clog(&mut self, (from, to): (u64, u64), at: u64) {
        let t = self.t();
        let both = self.dice.chance(500);
        let links = [(from, to), (to, from)].into_iter().take(if both { 2 } else { 1 });
        let (slow, micros, bytes) = (
            self.dice.chance(500),
            self.dice.pick(&[t, 5 * t, 2_000_000, 5_000_000]),
            self.dice.pick(&[500, 4_000, 30_000]),
        );
        for (from, to) in links {
            let narrow = Act::Narrow { from, to, bytes, lasts: micros };
            self.add(at, if slow { narrow } else { Act::Clog { from, to, micros } });
        }
    }

    fn disk(&mut self, kind: Kind, n: u64, at: u64, until: u64) {
        let t = self.t();
        match kind {
            Kind::SlowDisk => {
                let (micros, lasts) = (self.dice.pick(&[t / 10, t, 3 * t, 10 * t]), self.dice.between(t, 10 * t));
                self.add(at, Act::SlowDisk { n, micros, lasts });
            }
            Kind::FullDisk => {
                let more = self.dice.below(self.run.limits.segment_bytes);
                self.add(at, Act::FillDisk { n, more });
                let long = self.dice.between(2 * t, 30 * t);
                self.add(at + long, Act::FreeDisk { n });
            }
            Kind::FailingDisk => self.failing_disk(n, at, until),
            Kind::Rot => {
                let bit = self.dice.roll() >> 1;
                self.add(at, Act::Rot { n, bit });
            }
            Kind::BadWrite => self.bad_write(n, at),
            _ => {
                let bit = self.dice.roll() >> 1;
                let act = if self.dice.chance(500) {
                    Act::FlipSent { n, bit }
                } else {
                    Act::FlipRead { n, read: self.dice.below(5), bit }
                };
                self.add(at, act);
            }
        }
    }

    fn failing_disk(&mut self, n: u64, at: u64, until: u64) {
        let calls = [Call::Write, Call::Sync, Call::Rename, Call::SyncDir, Call::Create, Call::Read, Call::Open];
        let (call, after) = (self.dice.pick(&calls), self.dice.below(12));
        // Most reads of a start are those of a snapshot; what a log is taken for shows where its newest segment can't be read.
        let of_the_log = call == Call::Read && self.dice.chance(500);
        self.add(at, if of_the_log { Act::Unreadable { n } } else { Act::FailDisk { n, call, after } });
        if matches!(call, Call::Read | Call::Open) {
            // Most reading is done by a start.
            self.add(at + 1, Act::Crash { n });
            self.add(until, Act::Restart { n });
        }
    }

    fn bad_write(&mut self, n: u64, at: u64) {
        let (pick, place) = (self.dice.roll() >> 1, self.dice.roll() >> 1);
        let (lasts, clean) = (self.dice.between(self.t() / 2, 20 * self.t()), self.dice.chance(500));
        let act = match self.dice.below(4) {
            0 | 1 => Act::MisdirectWrite { n, pick, place, lasts, clean },
            2 => Act::LoseWrite { n, pick, sector: None, lasts, clean },
            _ => Act::LoseWrite { n, pick, sector: Some(place), lasts, clean },
        };
        self.add(at, act);
    }

    fn clock(&mut self, n: u64, at: u64) {
        let t = self.t();
        if self.dice.chance(500) {
            // Where a bound was agreed on it is kept, nearly: clocks beyond it are the lie `ClockUnwatched`.
            let most = match self.run.timing.drift_bound {
                0 => 100_000,
                bound => bound * 9 / 20,
            };
            let ppm = i64::try_from(self.dice.below(2 * most)).unwrap_or(0) - i64::try_from(most).unwrap_or(0);
            return self.add(at, Act::Drift { n, ppm });
        }
        let back = -i64::try_from(self.dice.between(t / 10, 4 * t)).unwrap_or(0);
        let forward = self.dice.pick(&[100_000, 1_000_000, 60_000_000, 3_600_000_000]);
        let micros = if self.dice.chance(500) { back } else { forward };
        self.add(at, Act::JumpClock { n, micros });
    }

    fn two_groups(&mut self) -> Vec<Vec<u64>> {
        let dice = &mut self.dice;
        (1..=self.run.members).fold(vec![Vec::new(), Vec::new()], |mut groups, n| {
            groups[dice.place(2)].push(n);
            groups
        })
    }
}
