//! A leader's lease (thesis 6.4.1): for a while after a majority has heard the leader nobody else can be elected, so the leader
//! may answer reads by its own state. Pure: times and facts in, a yes or no out. It does not know who reads, and what a clock is:
//! [`Time`] is that of the turns.
//!
//! The lease begins when the round *left*, not when its answers came (R6), and lasts T less what two clocks may drift apart. It
//! ends with the reign (R9), when the configuration changes (a round that another configuration confirmed says nothing of this
//! one's elections, R8), for the rest of the term once a `TimeoutNow` has left (its receiver waits for nobody's silence, R15), or
//! once the own clock was caught lying (R4, R5).

use std::collections::VecDeque;
use std::fmt;

use raft::{Index, NodeId, Role, Settings, Term, View};

use crate::turn::Time;

/// Rounds that may be unanswered; of more the oldest are forgotten, which only costs lease.
const ROUNDS_MAX: usize = 64;

/// The lease of a member, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Lease {
    reign: Option<Reign>,
}

/// What is known of one time of leadership.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reign {
    term: Term,
    configuration: Index,
    /// The newest round that is noted, or that does not count.
    round: u64,
    /// Rounds that are not confirmed, with the time of the turn that sent them.
    sent: VecDeque<(u64, Time)>,
    /// When the newest round that a majority confirmed was sent.
    confirmed: Option<Time>,
    /// There is no lease any more in this term.
    over: Option<LeaseOff>,
}

/// What a leader is at the end of a turn, as far as its lease is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its term.
    pub term: Term,
    /// Where the configuration in force stands in its log.
    pub configuration: Index,
    /// The newest round that it has begun.
    pub round: u64,
    /// The newest round that a majority (of both sets of voters while joint) confirmed, if that is news.
    pub confirmed: Option<u64>,
    /// It has asked somebody to take over at once, in this term.
    pub handed_over: bool,
}

/// Why a leader has no lease, whatever is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseOff {
    /// The configuration names no drift bound (or one that leaves nothing), or no T.
    NotAgreed,
    /// This process runs with another T than the configuration says.
    OwnTimeout,
    /// Its own `CheckQuorum` or stickiness is switched off.
    OwnSwitches,
    /// A voter greeted with another T, or without stickiness or `CheckQuorum` (R16).
    PeerDiffers(NodeId),
    /// In this term it has asked another to take over: it may be elected at any time (R15).
    HandedOver,
    /// In this term its clock was caught lying.
    ClockSuspected,
}

/// Whether reads can be served by a lease, for status pages and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseState {
    /// This member does not lead.
    NotLeader,
    /// They can't, and won't before something changes.
    Off(LeaseOff),
    /// No majority was heard for too long, or nothing of this term is committed yet.
    Waiting,
    /// They can, until this time of the turns.
    Held(Time),
}

impl LeaseState {
    /// The same without its time, for who tells it only when it changes.
    #[must_use]
    pub fn timeless(self) -> Self {
        match self {
            Self::Held(_) => Self::Held(Time::default()),
            Self::NotLeader | Self::Off(_) | Self::Waiting => self,
        }
    }
}

impl Lease {
    /// The end of a turn: what this member is, and the newest round that is confirmed if that is news
    /// ([`raft::Output::confirmed_round`]). `now` is that of the turn, read before its messages left.
    pub fn turn_ends(&mut self, now: Time, view: View<'_>, confirmed: Option<u64>) {
        match Standing::of(view, confirmed) {
            Some(standing) => self.observe(now, &standing),
            None => self.leads_no_more(),
        }
    }

    /// The end of a turn in which this member did not lead.
    pub fn leads_no_more(&mut self) {
        self.reign = None;
    }

    /// The end of a turn of a leader. `now` is that of the turn, read before its messages left.
    pub fn observe(&mut self, now: Time, standing: &Standing) {
        let Standing { term, configuration, round, confirmed, handed_over } = *standing;
        let same = self.reign.take().filter(|reign| reign.term == term);
        let mut reign = same.unwrap_or_else(|| Reign {
            term,
            configuration,
            round: 0,
            sent: VecDeque::new(),
            confirmed: None,
            over: None,
        });
        if reign.configuration != configuration {
            reign = Reign { configuration, round, sent: VecDeque::new(), confirmed: None, ..reign };
        }
        if round > reign.round {
            reign.round = round;
            reign.sent.push_back((round, now));
            if reign.sent.len() > ROUNDS_MAX {
                reign.sent.pop_front();
            }
        }
        while let Some((_, sent)) = reign.sent.pop_front_if(|(round, _)| Some(*round) <= confirmed) {
            reign.confirmed = Some(sent);
        }
        if handed_over {
            reign.over = reign.over.or(Some(LeaseOff::HandedOver));
        }
        self.reign = Some(reign);
    }

    /// The own clock was caught lying: no lease for the rest of the term.
    pub fn clock_suspected(&mut self) {
        if let Some(reign) = &mut self.reign {
            reign.over = Some(LeaseOff::ClockSuspected);
        }
    }

    /// When the newest round that a majority confirmed was sent. Whoever led later was elected later.
    #[must_use]
    pub fn confirmed(&self) -> Option<Time> {
        self.reign.as_ref().and_then(|reign| reign.confirmed)
    }

    /// Why there is none for the rest of the term, if so.
    #[must_use]
    pub fn over(&self) -> Option<LeaseOff> {
        self.reign.as_ref().and_then(|reign| reign.over)
    }

    /// Until when nobody else can lead, by these settings.
    #[must_use]
    pub fn until(&self, settings: &Settings) -> Option<Time> {
        let reign = self.reign.as_ref().filter(|reign| reign.over.is_none())?;
        Some(reign.confirmed?.after(length(settings)?))
    }

    /// Until when reads may be served by it, if they may be now: nobody else can lead, and all that was acknowledged is known here.
    #[must_use]
    pub fn held(&self, now: Time, view: View<'_>) -> Option<Time> {
        let until = self.until(&view.configuration().settings)?;
        (now < until && knows_commit(view)).then_some(until)
    }

    /// The same lease as a clock tells it that shows `less` microseconds less; nothing was before its beginning. Who compares
    /// leases by what is left of them needs no beginning of time.
    #[must_use]
    pub fn rebased(&self, less: u64) -> Self {
        let told = |time: Time| Time(time.0.saturating_sub(less));
        let reign = self.reign.as_ref().map(|reign| Reign {
            sent: reign.sent.iter().map(|(round, sent)| (*round, told(*sent))).collect(),
            confirmed: reign.confirmed.map(told),
            ..reign.clone()
        });
        Self { reign }
    }
}

impl Standing {
    /// What a leader is; none if it does not lead.
    #[must_use]
    pub fn of(view: View<'_>, confirmed: Option<u64>) -> Option<Self> {
        let Role::Leader(leader) = view.role() else { return None };
        Some(Self {
            term: view.term(),
            configuration: view.history().current_index(),
            round: leader.round(),
            confirmed,
            handed_over: view.timeout_now_sent(),
        })
    }
}

/// A leader knows all that was ever acknowledged once it has committed an entry of its own term (R1).
#[must_use]
pub fn knows_commit(view: View<'_>) -> bool {
    view.log().term_at(view.commit()) == Some(view.term())
}

/// How long a lease lasts by these settings, in microseconds: T less what two clocks may drift apart meanwhile. None where
/// nothing is agreed.
#[must_use]
pub fn length(settings: &Settings) -> Option<u64> {
    let (t, drift) = (settings.election_timeout.saturating_mul(1000), settings.drift_bound);
    if t == 0 || drift == 0 || drift >= MILLION {
        return None;
    }
    let most = u128::from(t) * u128::from(MILLION - drift) / u128::from(MILLION);
    u64::try_from(most).ok()
}

const MILLION: u64 = 1_000_000;

impl fmt::Display for LeaseOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAgreed => write!(f, "the cluster has agreed on no drift bound of its clocks"),
            Self::OwnTimeout => write!(f, "this member runs with another election timeout than the cluster agreed on"),
            Self::OwnSwitches => write!(f, "CheckQuorum or stickiness is switched off on this member"),
            Self::PeerDiffers(peer) => {
                write!(
                    f,
                    "{peer} runs with another election timeout than the cluster agreed on, or without its promises"
                )
            }
            Self::HandedOver => write!(f, "in this term another member was asked to take over"),
            Self::ClockSuspected => write!(f, "in this term this machine's clocks went different ways"),
        }
    }
}

impl fmt::Display for LeaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader => write!(f, "not the leader"),
            Self::Off(reason) => write!(f, "off: {reason}"),
            Self::Waiting => write!(f, "waiting for a majority"),
            Self::Held(_) => write!(f, "held"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { election_timeout: 100, drift_bound: 100_000, feature_level: 1 };

    fn standing(round: u64, confirmed: Option<u64>) -> Standing {
        Standing { term: Term(3), configuration: Index(5), round, confirmed, handed_over: false }
    }

    /// Round 1 was sent at 10 ms and confirmed at 60 ms.
    fn held() -> Lease {
        let mut lease = Lease::default();
        lease.observe(Time(10_000), &standing(1, None));
        assert_eq!(lease.until(&SETTINGS), None);
        lease.observe(Time(60_000), &standing(1, Some(1)));
        lease
    }

    #[test]
    fn it_begins_when_the_round_left_and_lasts_t_less_the_drift() {
        // R6
        assert_eq!(held().until(&SETTINGS), Some(Time(100_000)));
        assert_eq!(held().confirmed(), Some(Time(10_000)));
    }

    #[test]
    fn a_later_round_makes_it_longer_and_an_earlier_answer_does_not_shorten_it() {
        let mut lease = held();
        lease.observe(Time(70_000), &standing(2, None));
        lease.observe(Time(90_000), &standing(3, None));
        lease.observe(Time(95_000), &standing(3, Some(3)));
        assert_eq!(lease.until(&SETTINGS), Some(Time(180_000)));
        lease.observe(Time(99_000), &standing(3, Some(2)));
        assert_eq!(lease.until(&SETTINGS), Some(Time(180_000)));
    }

    #[test]
    fn it_ends_with_the_reign() {
        // R9
        let mut lease = held();
        lease.leads_no_more();
        assert_eq!(lease.until(&SETTINGS), None);
        let mut lease = held();
        lease.observe(Time(61_000), &Standing { term: Term(4), ..standing(1, None) });
        assert_eq!(lease.until(&SETTINGS), None);
    }

    #[test]
    fn rounds_that_an_earlier_configuration_saw_begin_do_not_count() {
        // R8
        let mut lease = held();
        lease.observe(Time(61_000), &standing(2, None));
        let changed = |round, confirmed| Standing { configuration: Index(9), ..standing(round, confirmed) };
        lease.observe(Time(62_000), &changed(2, None));
        assert_eq!(lease.until(&SETTINGS), None);
        lease.observe(Time(63_000), &changed(2, Some(2)));
        assert_eq!(lease.until(&SETTINGS), None);
        lease.observe(Time(64_000), &changed(3, None));
        lease.observe(Time(65_000), &changed(3, Some(3)));
        assert_eq!(lease.until(&SETTINGS), Some(Time(154_000)));
    }

    #[test]
    fn it_is_over_for_the_term_once_another_was_asked_to_take_over() {
        // R15
        let mut lease = held();
        lease.observe(Time(61_000), &Standing { handed_over: true, ..standing(2, None) });
        lease.observe(Time(62_000), &standing(2, Some(2)));
        assert_eq!((lease.until(&SETTINGS), lease.over()), (None, Some(LeaseOff::HandedOver)));
        lease.observe(Time(70_000), &Standing { term: Term(4), ..standing(1, Some(1)) });
        assert_eq!(lease.until(&SETTINGS), Some(Time(160_000)));
    }

    #[test]
    fn it_is_over_for_the_term_once_the_clock_was_caught() {
        // R4, R5
        let mut lease = held();
        lease.clock_suspected();
        lease.observe(Time(62_000), &standing(2, Some(2)));
        assert_eq!((lease.until(&SETTINGS), lease.over()), (None, Some(LeaseOff::ClockSuspected)));
    }

    #[test]
    fn without_an_agreement_there_is_none() {
        for (election_timeout, drift_bound) in [(0, 100), (100, 0), (100, MILLION), (100, u64::MAX)] {
            let settings = Settings { election_timeout, drift_bound, ..SETTINGS };
            assert_eq!((length(&settings), held().until(&settings)), (None, None));
        }
        let long = Settings { election_timeout: u64::MAX, drift_bound: 1, ..SETTINGS };
        assert!(length(&long).is_some());
    }

    #[test]
    fn a_clock_that_shows_less_tells_the_same_lease() {
        let mut lease = held();
        lease.observe(Time(70_000), &standing(2, None));
        let mut told = lease.rebased(5_000);
        assert_eq!(told.until(&SETTINGS), Some(Time(95_000)));
        told.observe(Time(66_000), &standing(2, Some(2)));
        assert_eq!(told.confirmed(), Some(Time(65_000)));
        assert_eq!(lease.rebased(50_000).confirmed(), Some(Time(0)), "nothing was before the beginning");
    }

    #[test]
    fn what_waits_for_answers_is_bounded() {
        let mut lease = Lease::default();
        for round in 1..=1000 {
            lease.observe(Time(round), &standing(round, None));
        }
        assert!(lease.reign.as_ref().is_some_and(|reign| reign.sent.len() == ROUNDS_MAX));
        lease.observe(Time(2000), &standing(1000, Some(1000)));
        assert_eq!(lease.confirmed(), Some(Time(1000)));
    }
}
