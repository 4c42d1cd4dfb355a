//! Deadlines and dice: the table of a member's timers. Arming overwrites; a firing is never a queued message; none fires
//! early.

use std::time::{Duration, Instant};

use raft::{Delay, TimerChange as RaftChange};
use replica::{Timer, turn::TimerChange};

const ALL: [Timer; 6] = [
    Timer::Raft(raft::Timer::LeaderSilent),
    Timer::Raft(raft::Timer::Campaign),
    Timer::Raft(raft::Timer::Heartbeat),
    Timer::Raft(raft::Timer::CheckQuorum),
    Timer::Raft(raft::Timer::Transfer),
    Timer::Sweep,
];

/// When each timer fires.
#[derive(Debug)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; ALL.len()],
    heartbeat: Duration,
    election_timeout: Duration,
}

impl Timers {
    pub(crate) fn new(heartbeat: Duration, election_timeout: Duration) -> Self {
        Self { deadlines: [None; ALL.len()], heartbeat, election_timeout }
    }

    pub(crate) fn change(&mut self, now: Instant, change: TimerChange) {
        match change {
            TimerChange::Raft(RaftChange::Disarm(timer)) => self.deadlines[slot(Timer::Raft(timer))] = None,
            TimerChange::Raft(RaftChange::Arm(timer, delay)) => {
                self.deadlines[slot(Timer::Raft(timer))] = Some(now + self.roll(delay));
            }
            TimerChange::Silence(micros) => {
                self.deadlines[slot(Timer::Raft(raft::Timer::LeaderSilent))] =
                    Some(now + Duration::from_micros(micros));
            }
            TimerChange::Sweep(micros) => {
                self.deadlines[slot(Timer::Sweep)] = Some(now + Duration::from_micros(micros));
            }
        }
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// The timers that are due, which are disarmed by it.
    pub(crate) fn take_due(&mut self, now: Instant) -> impl Iterator<Item = Timer> {
        let due =
            move |(slot, deadline): (usize, &mut Option<Instant>)| deadline.take_if(|at| *at <= now).map(|_| ALL[slot]);
        self.deadlines.iter_mut().enumerate().filter_map(due)
    }

    fn roll(&self, delay: Delay) -> Duration {
        let t = self.election_timeout;
        match delay {
            Delay::HeartbeatInterval => self.heartbeat,
            Delay::T => t,
            Delay::UpToT => rand::random_range(Duration::ZERO..=t),
            Delay::TToTwiceT => rand::random_range(t..=2 * t),
        }
    }
}

fn slot(timer: Timer) -> usize {
    match timer {
        Timer::Raft(raft::Timer::LeaderSilent) => 0,
        Timer::Raft(raft::Timer::Campaign) => 1,
        Timer::Raft(raft::Timer::Heartbeat) => 2,
        Timer::Raft(raft::Timer::CheckQuorum) => 3,
        Timer::Raft(raft::Timer::Transfer) => 4,
        Timer::Sweep => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_overwrites_and_nothing_fires_early() {
        let mut timers = Timers::new(Duration::from_millis(100), Duration::from_millis(1000));
        let now = Instant::now();
        let arm = |timer, delay| TimerChange::Raft(RaftChange::Arm(timer, delay));
        timers.change(now, arm(raft::Timer::Heartbeat, Delay::HeartbeatInterval));
        timers.change(now, arm(raft::Timer::LeaderSilent, Delay::T));
        let later = now + Duration::from_millis(50);
        timers.change(later, arm(raft::Timer::Heartbeat, Delay::HeartbeatInterval));
        assert_eq!(timers.take_due(now + Duration::from_millis(149)).count(), 0);
        let due: Vec<Timer> = timers.take_due(now + Duration::from_millis(150)).collect();
        assert_eq!(due, [Timer::Raft(raft::Timer::Heartbeat)]);
        assert_eq!(timers.next(), Some(now + Duration::from_millis(1000)));
        timers.change(now, TimerChange::Raft(RaftChange::Disarm(raft::Timer::LeaderSilent)));
        assert_eq!(timers.next(), None);
        for timer in ALL {
            assert_eq!(ALL[slot(timer)], timer);
        }
    }

    #[test]
    fn the_dice_stay_between_their_bounds() {
        let timers = Timers::new(Duration::from_millis(1), Duration::from_millis(10));
        for _ in 0..1000 {
            assert!(timers.roll(Delay::UpToT) <= Duration::from_millis(10));
            let rolled = timers.roll(Delay::TToTwiceT);
            assert!(rolled >= Duration::from_millis(10) && rolled <= Duration::from_millis(20));
        }
    }
}
