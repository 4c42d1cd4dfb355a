//! Changes of the membership as clients ask for them: one wish (add this one, remove that one) becomes a change of the whole
//! configuration, computed by the leader against its newest one. Ids of new nodes come from there, too. How a change is made
//! safely is consensus' affair (`raft::membership`); names and URLs are opaque bytes here.

pub(crate) mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use raft::{Change, Configuration, Index, Member, NodeId, Plan, Stage};

pub use waiting::QUESTIONS_MAX;

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alter {
    /// A new node is to vote. It learns first, and the leader makes it a voter once it has caught up.
    AddVoter {
        /// What to keep of it.
        info: Bytes,
    },
    /// A new node is to learn until it is promoted.
    AddLearner {
        /// What to keep of it.
        info: Bytes,
    },
    /// A member is to leave. One that is still to join takes the change that it waits for with it.
    Remove(NodeId),
    /// A learner that has caught up is to vote.
    Promote(NodeId),
    /// Something else is to be kept of a member.
    Update {
        /// Of whom.
        node: NodeId,
        /// What.
        info: Bytes,
    },
    /// A new node takes the place of a member, in one change: the old one leaves when the new one has caught up.
    Replace {
        /// Who leaves.
        old: NodeId,
        /// What to keep of the new one.
        info: Bytes,
    },
    /// These are to be all members. They are members already.
    Set {
        /// Who is to vote.
        voters: BTreeSet<NodeId>,
        /// Who is to learn.
        learners: BTreeSet<NodeId>,
    },
}

/// What a client asks of the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// To change the membership.
    Alter {
        /// How.
        alter: Alter,
        /// Only if the leader's newest configuration stands here: the client looked at that one. `None`: whatever it is.
        seen: Option<Index>,
    },
    /// To say how the membership is, as the leader sees it.
    Survey,
}

/// The membership as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// In force, maybe not committed yet.
    pub configuration: Configuration,
    /// Where it stands.
    pub index: Index,
    /// Who leads.
    pub leader: NodeId,
    /// Who answered lately.
    pub heard: BTreeSet<NodeId>,
}

/// Why a wish is refused. It has had no effect and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlterError {
    /// No such member.
    NotMember(NodeId),
    /// It is no plain learner.
    NotLearner(NodeId),
    /// It lacks too much of the log to be promoted.
    Lagging {
        /// What it has.
        matched: Index,
        /// How long the leader's is.
        of: Index,
    },
    /// A change is under way that waits for this new voter: it has to be started, or removed.
    Waiting(NodeId),
    /// Another change is under way and ends by itself, or the leader is new or on its way out: it is tried again here.
    NotNow,
    /// The configuration is not the one that the client looked at.
    Changed,
    /// The change makes no sense or would stop the cluster.
    Refused(raft::Refusal),
}

/// What becomes of a wish that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Move {
    Change(Change),
    Promote(NodeId),
    Keep(NodeId, Member),
}

impl Alter {
    /// What it means for this configuration.
    ///
    /// # Errors
    /// When it names somebody who is no member.
    pub(crate) fn against(&self, configuration: &Configuration) -> Result<Move, AlterError> {
        let member = |node: NodeId| if configuration.has(node) { Ok(node) } else { Err(AlterError::NotMember(node)) };
        let mut change = unchanged(configuration);
        let new = NodeId(configuration.next_node);
        let keep = |info: &Bytes| BTreeMap::from([(new, Member { disk: 0, info: info.clone() })]);
        match self {
            Self::AddVoter { info } => {
                change.voters.insert(new);
                change.members = keep(info);
            }
            Self::AddLearner { info } => {
                change.learners.insert(new);
                change.members = keep(info);
            }
            Self::Remove(node) => {
                let node = member(*node)?;
                if configuration.is_joining(node) {
                    change.voters.clone_from(&configuration.voters);
                }
                change.voters.remove(&node);
                change.learners.remove(&node);
            }
            Self::Promote(node) => return Ok(Move::Promote(member(*node)?)),
            Self::Update { node, info } => {
                let disk = configuration.members.get(&member(*node)?).map_or(0, |kept| kept.disk);
                return Ok(Move::Keep(*node, Member { disk, info: info.clone() }));
            }
            Self::Replace { old, info } => {
                let old = member(*old)?;
                let place = if change.learners.remove(&old) { &mut change.learners } else { &mut change.voters };
                place.remove(&old);
                place.insert(new);
                change.members = keep(info);
            }
            Self::Set { voters, learners } => {
                voters.union(learners).try_for_each(|node| member(*node).map(|_| ()))?;
                change.voters.clone_from(voters);
                change.learners.clone_from(learners);
            }
        }
        Ok(Move::Change(change))
    }
}

/// The change that changes nothing: what is wanted already.
fn unchanged(configuration: &Configuration) -> Change {
    let wanted = configuration.stage() == Stage::CatchingUp;
    let voters = if wanted { &configuration.wanted } else { &configuration.voters };
    let plain = configuration.learners.iter().filter(|node| !configuration.is_joining(**node));
    Change { voters: voters.clone(), learners: plain.copied().collect(), members: BTreeMap::new() }
}

/// Who has to join before the change under way goes on.
pub(crate) fn joining(configuration: &Configuration) -> Option<NodeId> {
    let waits = configuration.stage() == Stage::CatchingUp;
    configuration.wanted.iter().copied().find(|node| waits && configuration.is_joining(*node))
}

impl Survey {
    /// What a wish would do to the cluster as it is now, without doing it.
    ///
    /// # Errors
    /// When the wish can't be, or a change that waits is in its way.
    pub fn plan(&self, alter: &Alter) -> Result<Plan, AlterError> {
        let configuration = &self.configuration;
        let change = match alter.against(configuration)? {
            Move::Change(change) => change,
            Move::Keep(..) => unchanged(configuration),
            Move::Promote(node) => {
                let mut change = unchanged(configuration);
                if !change.learners.remove(&node) {
                    return Err(AlterError::NotLearner(node));
                }
                change.voters.insert(node);
                change
            }
        };
        if let Some(waits) = joining(configuration).filter(|_| change.voters != configuration.voters) {
            return Err(AlterError::Waiting(waits));
        }
        Ok(raft::membership::plan(configuration, &change, &|node| self.heard.contains(&node)))
    }
}

impl fmt::Display for AlterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMember(node) => write!(f, "{node} is no member"),
            Self::NotLearner(node) => write!(f, "{node} is no learner"),
            Self::Lagging { matched, of } => {
                write!(f, "it lags: it has {matched} of {of} entries, or never caught up within an election timeout")
            }
            Self::Waiting(node) => {
                write!(f, "a change waits for {node} to join: start it, or remove it, which takes the change back")
            }
            Self::NotNow => write!(f, "another change is under way"),
            Self::Changed => write!(f, "the membership changed meanwhile"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
        }
    }
}

impl std::error::Error for AlterError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    fn three() -> Configuration {
        let mut configuration = Configuration::of_voters([1, 2, 3].map(NodeId));
        configuration.learners = nodes(&[4]);
        configuration.next_node = 9;
        configuration.members.insert(NodeId(4), Member { disk: 44, info: Bytes::from_static(b"four") });
        configuration
    }

    fn change(alter: &Alter, configuration: &Configuration) -> Change {
        match alter.against(configuration).unwrap() {
            Move::Change(change) => change,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_node_gets_an_id_that_nobody_had() {
        // M15: n5 to n8 were members once.
        let info = Bytes::from_static(b"new");
        let added = change(&Alter::AddVoter { info: info.clone() }, &three());
        assert_eq!((added.voters, added.learners), (nodes(&[1, 2, 3, 9]), nodes(&[4])));
        assert_eq!(added.members, [(NodeId(9), Member { disk: 0, info: info.clone() })].into());
        let added = change(&Alter::AddLearner { info: info.clone() }, &three());
        assert_eq!((added.voters, added.learners), (nodes(&[1, 2, 3]), nodes(&[4, 9])));
        let replaced = change(&Alter::Replace { old: NodeId(2), info: info.clone() }, &three());
        assert_eq!((replaced.voters, replaced.learners), (nodes(&[1, 3, 9]), nodes(&[4])));
        let replaced = change(&Alter::Replace { old: NodeId(4), info }, &three());
        assert_eq!((replaced.voters, replaced.learners), (nodes(&[1, 2, 3]), nodes(&[9])));
    }

    #[test]
    fn who_is_no_member_is_named() {
        let info = Bytes::new();
        for alter in [
            Alter::Remove(NodeId(7)),
            Alter::Promote(NodeId(7)),
            Alter::Update { node: NodeId(7), info: info.clone() },
            Alter::Replace { old: NodeId(7), info },
            Alter::Set { voters: nodes(&[1, 7]), learners: nodes(&[]) },
        ] {
            assert_eq!(alter.against(&three()), Err(AlterError::NotMember(NodeId(7))), "{alter:?}");
        }
    }

    #[test]
    fn removing_who_has_not_joined_takes_the_change_back() {
        // M16
        let mut waiting = three();
        waiting.learners.insert(NodeId(9));
        waiting.wanted = nodes(&[1, 3, 9]);
        let taken_back = change(&Alter::Remove(NodeId(9)), &waiting);
        assert_eq!((taken_back.voters, taken_back.learners), (nodes(&[1, 2, 3]), nodes(&[4])));
        let survey = Survey { configuration: waiting, index: Index(5), leader: NodeId(1), heard: nodes(&[1, 2, 3, 4]) };
        assert_eq!(survey.plan(&Alter::Remove(NodeId(3))), Err(AlterError::Waiting(NodeId(9))));
        let plan = survey.plan(&Alter::Remove(NodeId(9))).unwrap();
        assert_eq!((plan.survives_after(), plan.refusal), (Some(1), None));
    }

    #[test]
    fn an_update_keeps_the_disk() {
        let info = Bytes::from_static(b"moved");
        let update = Alter::Update { node: NodeId(4), info: info.clone() };
        assert_eq!(update.against(&three()), Ok(Move::Keep(NodeId(4), Member { disk: 44, info })));
    }

    #[test]
    fn a_plan_counts_who_answers() {
        let survey = Survey { configuration: three(), index: Index(5), leader: NodeId(1), heard: nodes(&[1, 2, 4]) };
        let plan = survey.plan(&Alter::Replace { old: NodeId(3), info: Bytes::new() }).unwrap();
        assert_eq!((plan.before.survives, plan.survives_after(), plan.refusal), (Some(0), Some(1), None));
        let plan = survey.plan(&Alter::Remove(NodeId(2))).unwrap();
        assert_eq!(plan.refusal, Some(raft::Refusal::LosesQuorum { voters: 2, reachable: 1 }));
        let plan = survey.plan(&Alter::Promote(NodeId(4))).unwrap();
        assert_eq!(plan.survives_after(), Some(0), "three of four answer");
        assert_eq!(survey.plan(&Alter::Promote(NodeId(1))), Err(AlterError::NotLearner(NodeId(1))));
    }
}
