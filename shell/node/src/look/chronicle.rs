//! What happened here that a person wants to read later, each with its reason: the newest few hundred, in memory. It knows nothing of where
//! they are shown.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use raft::event::FollowReason;
use raft::{Configuration, Event, NodeId, Stage, Term};

/// So many are kept.
const KEPT: usize = 200;
/// Why the first election is held.
const STARTED: &str = "no leader was heard since it started";

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Somebody stands, leads, follows, hands over or steps down.
    Election,
    /// The members change.
    Membership,
    /// Snapshots come or are needed.
    Snapshot,
    /// The disk has room, or has none.
    Disk,
    /// This member must stop.
    End,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Rises by one each, from 1 at the start of the process.
    pub number: u64,
    /// By this machine's clock.
    pub at: SystemTime,
    /// What it is about.
    pub topic: Topic,
    /// The term in which it was.
    pub term: Term,
    /// This member leads from then on.
    pub leads: bool,
    /// What happened, and why: what comes after the member's name.
    pub text: String,
}

/// The newest of them.
#[derive(Debug)]
pub(crate) struct Chronicle {
    told: VecDeque<Told>,
    number: u64,
    /// Why the election is held that is under way.
    cause: String,
    /// The members that were told last.
    members: String,
    leader: Option<NodeId>,
    /// The newest that there was.
    last_leader: Option<NodeId>,
    since: Instant,
}

/// What the member knew just before an event. `leader` is the last that it knew, though it may have given it up already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) leader: Option<NodeId>,
    pub(crate) leads: bool,
    pub(crate) term: Term,
    /// How long the leader was not heard, and what is wrong with the connection to it.
    pub(crate) silence: Option<Duration>,
    pub(crate) trouble: Option<String>,
    /// The configuration that the event is about.
    pub(crate) configuration: Option<Configuration>,
}

/// Whether an event is one that is kept, or is the cause of one: few are, and none of those that come with each message.
pub(crate) fn is_told(event: &Event) -> bool {
    match event {
        Event::BecamePreCandidate { .. } | Event::BecameCandidate { .. } | Event::BecameLeader { .. } => true,
        Event::BecameFollower { .. } | Event::ToldToStand { .. } => true,
        Event::TransferBegan { .. } | Event::TransferEnded { .. } => true,
        Event::ConfigurationInForce { .. } | Event::ConfigurationReverted { .. } | Event::Removed { .. } => true,
        Event::SnapshotNeeded { .. } | Event::SnapshotInstalled { .. } | Event::Halted(_) => true,
        Event::Voted { .. } | Event::VoteRefused { .. } | Event::AppendRefused { .. } | Event::Truncated { .. } => {
            false
        }
        Event::AppendDropped | Event::Ignored { .. } | Event::Committed { .. } | Event::SnapshotIgnored { .. } => false,
    }
}

impl Chronicle {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            told: VecDeque::new(),
            number: 0,
            cause: STARTED.into(),
            members: String::new(),
            leader: None,
            last_leader: None,
            since: now,
        }
    }

    /// The newest `count`, oldest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Told> {
        self.told.iter().skip(self.told.len().saturating_sub(count)).cloned().collect()
    }

    /// Since when the leader is the one it is, or nobody.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// This one leads, as far as is known here.
    pub(crate) fn follows(&mut self, leader: Option<NodeId>, now: Instant) {
        if self.leader != leader {
            (self.leader, self.since) = (leader, now);
            self.last_leader = leader.or(self.last_leader);
        }
    }

    /// Whom it took for the leader last.
    pub(crate) fn last_leader(&self) -> Option<NodeId> {
        self.last_leader
    }

    /// Keeps an event, if it is one of those.
    pub(crate) fn note(&mut self, at: SystemTime, event: &Event, before: &Before) {
        self.find_cause(event, before);
        if let Event::ConfigurationInForce { .. } | Event::ConfigurationReverted { .. } = event {
            let members = members(before.configuration.as_ref());
            // What a member says of itself is a configuration, too: only who is one and who votes is told.
            if std::mem::replace(&mut self.members, members.clone()) == members {
                return;
            }
        }
        let asked = self.told.back().is_some_and(|last| last.text.starts_with("asks "));
        let cause = &self.cause;
        let (topic, term, text) = match event {
            Event::BecamePreCandidate { term } => {
                (Topic::Election, *term, format!("asks whether it could win term {}: {cause}", term.next().0))
            }
            // Why was told when it asked.
            Event::BecameCandidate { term } if asked => {
                (Topic::Election, *term, format!("stands for election in term {}", term.0))
            }
            Event::BecameCandidate { term } => {
                (Topic::Election, *term, format!("stands for election in term {}: {cause}", term.0))
            }
            Event::BecameLeader { term } => (Topic::Election, *term, format!("leads in term {}: {cause}", term.0)),
            Event::BecameFollower { term, leader: Some(leader), .. } => {
                (Topic::Election, *term, format!("follows {leader} in term {}", term.0))
            }
            Event::BecameFollower { term, leader: None, reason } if before.leads => {
                (Topic::Election, *term, format!("steps down from term {}: {}", before.term.0, why(*reason)))
            }
            Event::TransferBegan { target } => (Topic::Election, before.term, format!("hands over to {target}")),
            Event::TransferEnded { target, reason } => {
                (Topic::Election, before.term, format!("leads on, and hands over to {target} no more: {reason}"))
            }
            Event::ConfigurationInForce { index, .. } => {
                let members = &self.members;
                (Topic::Membership, before.term, format!("goes by the members of index {index}: {members}"))
            }
            Event::ConfigurationReverted { index } => {
                let members = &self.members;
                let text =
                    format!("goes by the members of index {index} again, for a newer list was taken back: {members}");
                (Topic::Membership, before.term, text)
            }
            Event::Removed { index } => {
                (Topic::Membership, before.term, format!("is no member any more since index {index}"))
            }
            Event::SnapshotNeeded { node } => (
                Topic::Snapshot,
                before.term,
                format!("sends a snapshot to {node}: its log does not go back to what {node} lacks"),
            ),
            Event::SnapshotInstalled { position } => {
                (Topic::Snapshot, before.term, format!("has a snapshot up to {position} in place of its log"))
            }
            Event::Halted(halt) => (Topic::End, before.term, format!("must stop: {halt}")),
            _ => return,
        };
        self.tell(at, topic, term, text);
    }

    /// Keeps a line. One that says again what the newest said is left out.
    pub(crate) fn tell(&mut self, at: SystemTime, topic: Topic, term: Term, text: String) {
        let asks_again = |last: &Told| last.term == term && last.text.starts_with("asks ") && text.starts_with("asks ");
        if self.told.back().is_some_and(|last| last.text == text || asks_again(last)) {
            return;
        }
        if self.told.len() == KEPT {
            self.told.pop_front();
        }
        self.number += 1;
        let leads = text.starts_with("leads in ");
        self.told.push_back(Told { number: self.number, at, topic, term, leads, text });
    }

    fn find_cause(&mut self, event: &Event, before: &Before) {
        match event {
            Event::ToldToStand { leader } => self.cause = format!("{leader} handed over to it"),
            Event::BecamePreCandidate { .. } | Event::BecameCandidate { .. } => {
                if let Some(leader) = before.leader {
                    self.cause = silence(leader, before);
                }
            }
            Event::BecameFollower { leader: None, reason, .. } if before.leads => {
                self.cause = format!("it had stepped down, since {}", why(*reason));
            }
            _ => {}
        }
    }
}

fn silence(leader: NodeId, before: &Before) -> String {
    let heard = match before.silence {
        Some(silence) => format!("{leader} was silent for {:.1} s", silence.as_secs_f64()),
        None => format!("{leader} was not heard"),
    };
    match &before.trouble {
        Some(trouble) => format!("{heard} ({trouble})"),
        None => heard,
    }
}

/// Who votes, and who else is there.
fn members(configuration: Option<&Configuration>) -> String {
    let Some(configuration) = configuration else { return "not known".into() };
    let Configuration { voters, voters_old, learners, wanted, .. } = configuration;
    let learners = match learners.len() {
        0 => String::new(),
        1 => format!("; learner {}", list(learners)),
        _ => format!("; learners {}", list(learners)),
    };
    match configuration.stage() {
        Stage::Plain => format!("voters {}{learners}", list(voters)),
        Stage::CatchingUp => {
            let new: Vec<&NodeId> = wanted.difference(voters).collect();
            format!("voters {}{learners}; before they vote, {} must catch up", list(voters), list(new))
        }
        Stage::Joint => {
            let (old, new) = (list(voters_old), list(voters));
            format!("joint, so that a majority of {old} and one of {new} must agree{learners}")
        }
    }
}

fn list<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    nodes.into_iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ")
}

fn why(reason: FollowReason) -> &'static str {
    match reason {
        FollowReason::NewerTerm => "it saw a newer term",
        FollowReason::LeaderHeard => "it heard another leader",
        FollowReason::VotedForAnother => "it voted for another",
        FollowReason::NoQuorum => "no majority answered it within the election timeout",
        FollowReason::NoVote => "it is no voter any more",
    }
}

#[cfg(test)]
mod tests {
    use raft::Index;

    use super::*;

    fn before(leader: Option<u64>) -> Before {
        let trouble = Some("connection refused".to_owned());
        let silence = Some(Duration::from_millis(1340));
        Before { leader: leader.map(NodeId), leads: false, term: Term(4), silence, trouble, configuration: None }
    }

    fn texts(chronicle: &Chronicle) -> Vec<String> {
        chronicle.newest(9).into_iter().map(|told| told.text).collect()
    }

    #[test]
    fn an_election_says_why_it_was_held() {
        let (mut chronicle, at) = (Chronicle::new(Instant::now()), SystemTime::now());
        chronicle.note(at, &Event::BecamePreCandidate { term: Term(4) }, &before(Some(1)));
        chronicle.note(at, &Event::BecameCandidate { term: Term(5) }, &before(None));
        chronicle.note(at, &Event::BecameLeader { term: Term(5) }, &before(None));
        let cause = "n1 was silent for 1.3 s (connection refused)";
        assert_eq!(
            texts(&chronicle),
            [
                format!("asks whether it could win term 5: {cause}"),
                "stands for election in term 5".to_owned(),
                format!("leads in term 5: {cause}"),
            ]
        );
        let leads: Vec<bool> = chronicle.newest(2).iter().map(|told| told.leads).collect();
        assert_eq!(leads, [false, true]);
    }

    #[test]
    fn a_leader_that_was_told_to_stand_says_so() {
        let (mut chronicle, at) = (Chronicle::new(Instant::now()), SystemTime::now());
        chronicle.note(at, &Event::ToldToStand { leader: NodeId(1) }, &before(Some(1)));
        chronicle.note(at, &Event::BecameCandidate { term: Term(5) }, &before(None));
        assert_eq!(texts(&chronicle), ["stands for election in term 5: n1 handed over to it"]);
    }

    #[test]
    fn who_steps_down_says_why_and_who_never_led_says_nothing() {
        let (mut chronicle, at) = (Chronicle::new(Instant::now()), SystemTime::now());
        let event = Event::BecameFollower { term: Term(4), leader: None, reason: FollowReason::NoQuorum };
        chronicle.note(at, &event, &before(None));
        chronicle.note(at, &event, &Before { leads: true, ..before(None) });
        assert_eq!(texts(&chronicle), ["steps down from term 4: no majority answered it within the election timeout"]);
    }

    #[test]
    fn who_asks_in_vain_for_hours_says_it_once() {
        let (mut chronicle, at) = (Chronicle::new(Instant::now()), SystemTime::now());
        for _ in 0..1000 {
            chronicle.note(at, &Event::BecamePreCandidate { term: Term(4) }, &before(Some(1)));
        }
        assert_eq!(texts(&chronicle).len(), 1);
        (0..1000).for_each(|n| chronicle.tell(at, Topic::Disk, Term(4), n.to_string()));
        assert_eq!((chronicle.newest(usize::MAX).len(), chronicle.newest(1)[0].number), (KEPT, 1001));
    }

    #[test]
    fn a_new_list_of_members_is_told_by_name() {
        let (mut chronicle, at) = (Chronicle::new(Instant::now()), SystemTime::now());
        let mut configuration = Configuration::of_voters([1, 2, 3].map(NodeId));
        let mut tell = |index, configuration: &Configuration| {
            let event = Event::ConfigurationInForce { index: Index(index), stage: configuration.stage() };
            chronicle.note(at, &event, &Before { configuration: Some(configuration.clone()), ..before(None) });
        };
        configuration.learners = [NodeId(4)].into();
        tell(7, &configuration);
        tell(8, &configuration);
        configuration.wanted = [1, 2, 3, 4].map(NodeId).into();
        tell(9, &configuration);
        let mut joint = Configuration::of_voters([1, 2, 3, 4].map(NodeId));
        joint.voters_old = [1, 2, 3].map(NodeId).into();
        tell(10, &joint);
        let event = Event::ConfigurationReverted { index: Index(0) };
        let founders = Some(Configuration::of_voters([1, 2, 3].map(NodeId)));
        chronicle.note(at, &event, &Before { configuration: founders, ..before(None) });
        assert_eq!(
            texts(&chronicle),
            [
                "goes by the members of index 7: voters n1, n2, n3; learner n4",
                "goes by the members of index 9: voters n1, n2, n3; learner n4; before they vote, n4 must catch up",
                "goes by the members of index 10: joint, so that a majority of n1, n2, n3 and one of n1, n2, n3, n4 must agree",
                "goes by the members of index 0 again, for a newer list was taken back: voters n1, n2, n3",
            ]
        );
    }

    #[test]
    fn what_comes_with_each_message_is_not_told() {
        let rule = raft::event::CommitRule::Majority;
        assert!(!is_told(&Event::Committed { index: Index(1), rule }));
        assert!(is_told(&Event::BecameLeader { term: Term(1) }));
    }

    #[test]
    fn it_knows_since_when() {
        let start = Instant::now();
        let (mut chronicle, later) = (Chronicle::new(start), start + Duration::from_secs(1));
        chronicle.follows(None, later);
        assert_eq!(chronicle.since(), start);
        chronicle.follows(Some(NodeId(1)), later);
        chronicle.follows(Some(NodeId(1)), later + Duration::from_secs(1));
        assert_eq!((chronicle.since(), chronicle.last_leader()), (later, Some(NodeId(1))));
        chronicle.follows(None, later + Duration::from_secs(2));
        assert_eq!(chronicle.last_leader(), Some(NodeId(1)), "why it stands is told after it gave its leader up");
    }
}
