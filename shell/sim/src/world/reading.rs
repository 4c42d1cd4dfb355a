//! Reads of all modes, as far as a world has a part in them: how members greet each other, what their leases went through, and what a
//! client asks for.

use raft::NodeId;
use replica::peer::Greeting;
use replica::{Input, LeaseOff, LeaseState, ReadMode};

use super::World;
use crate::run::{Mode, Run};

impl Run {
    /// By so many millionths the two clocks of a machine may differ before neither is trusted: half of what was agreed on, since the
    /// other half is another machine's.
    pub(crate) fn watched_drift(&self) -> u64 {
        const WHERE_NOTHING_IS_AGREED: u64 = 50_000;
        match self.timing.drift_bound {
            0 => WHERE_NOTHING_IS_AGREED,
            bound => bound / 2,
        }
    }
}

impl World {
    /// Two members have a connection: before the first message each knows what the other keeps its promises by.
    pub(super) fn greet(&mut self, one: NodeId, two: NodeId) {
        if self.run.timing.drift_bound == 0 {
            return;
        }
        for (at, peer) in [(one, two), (two, one)] {
            let life = self.life(peer);
            let switches = self.run.replica_config().raft.switches;
            let Some(timeout) = self.running(peer).map(|running| running.timeout) else { continue };
            let Some(running) = self.running(at).filter(|running| running.met.get(&peer) != Some(&life)) else {
                continue;
            };
            running.met.insert(peer, life);
            let greeting = Greeting {
                election_timeout: timeout / 1000,
                stickiness: switches.stickiness,
                check_quorum: switches.check_quorum,
            };
            self.input(at, Input::PeerMet(peer, greeting));
        }
    }

    /// What became of a member's lease in a turn.
    pub(super) fn notice_lease(&mut self, (was, is): (LeaseState, LeaseState), served: bool, suspected: bool) {
        if suspected {
            self.counters.path("clock caught");
        }
        if served {
            self.counters.path("read by lease");
        }
        let path = match (was, is) {
            (LeaseState::Held(_), LeaseState::Waiting) => "lease ran out",
            (LeaseState::Held(_), LeaseState::NotLeader) => "leader with a lease deposed",
            (LeaseState::Held(_), LeaseState::Off(LeaseOff::ClockSuspected)) => "lease ended: clock caught",
            (LeaseState::Held(_), LeaseState::Off(LeaseOff::PeerDiffers(_))) => "lease ended: a peer differs",
            (LeaseState::Held(_), LeaseState::Off(LeaseOff::HandedOver)) => "lease ended: handed over",
            _ => return,
        };
        self.counters.path(path);
    }

    /// How a client of this world wants to read.
    pub(super) fn invent_mode(&mut self) -> Mode {
        let clients = self.run.clients;
        let t = self.t();
        let (lease, bounded) = (clients.lease_reads, clients.lease_reads.saturating_add(clients.bounded_reads));
        match self.client_dice.below(1000) {
            one if one < lease => Mode::Lease,
            one if one < bounded => Mode::Bounded { staleness: self.client_dice.pick(&[t / 10, t / 2, 2 * t, 20 * t]) },
            one if one < bounded.saturating_add(clients.serializable_reads) => Mode::Serializable,
            _ => Mode::Linearizable,
        }
    }

    /// So many commands a read has to see that is asked now.
    pub(super) fn must_see(&self, mode: Mode) -> u64 {
        // The bound is measured by the clock of a member, which may be as wrong as nobody notices.
        let by_any_clock = |staleness: u64| staleness.saturating_add(staleness / 8 + 2_000);
        match mode {
            Mode::Linearizable | Mode::Lease => self.checkers.order.known(),
            Mode::Bounded { staleness } => {
                self.checkers.order.known_at(self.now.saturating_sub(by_any_clock(staleness)))
            }
            Mode::Serializable => 0,
        }
    }
}

/// As a member is asked; nobody needs to be asked for what is there.
pub(super) fn asked(mode: Mode) -> Option<ReadMode> {
    match mode {
        Mode::Linearizable => Some(ReadMode::Linearizable),
        Mode::Lease => Some(ReadMode::Lease),
        Mode::Bounded { staleness } => Some(ReadMode::Bounded { staleness }),
        Mode::Serializable => None,
    }
}
