//! The members' timers: deadlines in the world's time, by each member's own clock and chance.

use raft::{Delay, NodeId, Role};
use replica::{Timer, TimerChange};

use super::{Event, World};

const SILENT: Timer = Timer::Raft(raft::Timer::LeaderSilent);
const CAMPAIGN: Timer = Timer::Raft(raft::Timer::Campaign);
const HEARTBEAT: Timer = Timer::Raft(raft::Timer::Heartbeat);

/// What a member waits for, as far as one can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countdown {
    /// It will beat next; else it will lose its patience.
    pub heartbeat: bool,
    /// When the wait began.
    pub from: u64,
    /// When it ends, if nothing comes first.
    pub until: u64,
}

impl World {
    pub(super) fn timer(&mut self, id: NodeId, change: TimerChange) {
        let (heartbeat, by_hand) = (self.run.timing.heartbeat, self.run.timing.timers_by_hand);
        let (now, elapsed, known) = (self.now, self.run.timing.elapsed_at_start, self.run.timing.timeouts_known);
        let Some(member) = self.members.get_mut(&id) else { return };
        let t = member.running.as_ref().map_or(0, |running| running.timeout);
        let (timer, delay) = match change {
            TimerChange::Sweep(delay) => (Timer::Sweep, delay),
            TimerChange::Silence(delay) => (SILENT, delay),
            TimerChange::Raft(raft::TimerChange::Disarm(timer)) => {
                if let Some(running) = &mut member.running {
                    running.timers.retain(|(other, _)| *other != Timer::Raft(timer));
                }
                return;
            }
            TimerChange::Raft(raft::TimerChange::Arm(timer, delay)) => {
                let dice = if known { &mut member.timer_dice } else { &mut member.dice };
                let delay = match delay {
                    Delay::HeartbeatInterval => heartbeat,
                    Delay::T => t,
                    Delay::UpToT => dice.below(t + 1),
                    Delay::TToTwiceT => t + dice.below(t + 1),
                };
                (Timer::Raft(timer), delay)
            }
        };
        if by_hand && timer != Timer::Sweep {
            return;
        }
        let first_life = member.life == 0;
        let mut at = now + member.clock.wait(delay);
        let (life, Some(running)) = (member.life, member.running.as_mut()) else { return };
        let armed_before = running.armed.insert(timer, now);
        if timer == SILENT {
            running.patience = None;
            if first_life && elapsed > 0 && armed_before.is_none_or(|before| before == now) {
                at = now + delay.saturating_sub(delay.saturating_mul(elapsed) / 1000);
            }
        } else if timer == CAMPAIGN {
            at = running.patience.take().map_or(at, |patience| patience.max(now));
        }
        set(&mut running.timers, timer, at);
        if at < running.look_at {
            running.look_at = at;
            self.queue.push(at, Event::TimersDue(id, life));
        }
    }

    /// The timers of a member have other deadlines than before.
    pub(super) fn look_at_timers(&mut self, id: NodeId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let (life, Some(running)) = (member.life, member.running.as_mut()) else { return };
        if let Some(next) = running.timers.iter().map(|(_, at)| *at).min() {
            running.look_at = next;
            self.queue.push(next, Event::TimersDue(id, life));
        }
    }

    /// One event looks at all timers of a member; it comes again at the next deadline.
    pub(super) fn timers_due(&mut self, id: NodeId) {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return };
        let (life, Some(running)) = (member.life, member.running.as_mut()) else { return };
        if running.look_at != now {
            return;
        }
        let due = running.timers.iter().any(|(_, at)| *at <= now);
        let next = running.timers.iter().map(|(_, at)| *at).filter(|at| *at > now).min();
        running.look_at = next.unwrap_or(u64::MAX);
        if let Some(next) = next {
            self.queue.push(next, Event::TimersDue(id, life));
        }
        if due {
            self.wake(id);
        }
    }

    /// All that wait lose their patience from T from now on, each so much after the one before.
    pub(super) fn set_patience(&mut self, apart: u64) {
        let mut at = self.now + self.t();
        for id in self.ids() {
            let waits = self.view(id).is_some_and(|view| matches!(view.role(), Role::Follower(_)));
            if !waits || self.run.timing.timers_by_hand {
                continue;
            }
            let Some(running) = self.running(id) else { continue };
            running.timers.iter_mut().filter(|(timer, _)| *timer == SILENT).for_each(|(_, due)| *due = (*due).min(at));
            if running.timers.iter().any(|(timer, _)| *timer == CAMPAIGN) {
                set(&mut running.timers, CAMPAIGN, at);
            }
            running.patience = Some(at);
            self.look_at_timers(id);
            at += apart;
        }
    }

    /// What a member waits for. Where `timeouts_known`, with the part of a timeout that is not drawn yet: this only looks.
    #[must_use]
    pub fn countdown(&self, id: NodeId) -> Option<Countdown> {
        let member = self.members.get(&id)?;
        let running = member.running.as_ref()?;
        let due = |timer: Timer| running.timers.iter().find(|(other, _)| *other == timer).map(|(_, at)| *at);
        let since = |timer: Timer| running.armed.get(&timer).copied().unwrap_or(self.now);
        let (silent, campaign) = (due(SILENT), due(CAMPAIGN));
        let view = running.replica.inspect();
        match view.role() {
            Role::Leader(_) => Some(Countdown { heartbeat: true, from: since(HEARTBEAT), until: due(HEARTBEAT)? }),
            Role::Candidate(_) => Some(Countdown { heartbeat: false, from: since(CAMPAIGN), until: campaign? }),
            Role::Follower(_) => {
                let known = self.run.timing.timeouts_known;
                let drawn = if known { member.timer_dice.clone().below(running.timeout + 1) } else { 0 };
                let drawn = member.clock.wait(drawn);
                let loses = |silent: u64| running.patience.unwrap_or(silent + drawn).max(silent);
                let until = match (silent, campaign) {
                    (Some(silent), Some(campaign)) if silent > campaign && !view.is_sticky() => campaign,
                    (Some(silent), _) => loses(silent),
                    (None, campaign) => campaign?,
                };
                // The silence and what is drawn after it are one wait.
                let began = since(CAMPAIGN).min(until);
                let from =
                    if silent.is_some() || since(SILENT) + running.timeout >= began { since(SILENT) } else { began };
                Some(Countdown { heartbeat: false, from: from.min(until), until })
            }
        }
    }
}

fn set(timers: &mut Vec<(Timer, u64)>, timer: Timer, at: u64) {
    match timers.iter_mut().find(|(other, _)| *other == timer) {
        Some((_, deadline)) => *deadline = at,
        None => timers.push((timer, at)),
    }
}
