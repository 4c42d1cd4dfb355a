//! Which configuration decides where: nobody leads without the votes of the voters that are in force for it, nothing is committed
//! without their disks, no two neighbours in a log can decide apart from each other, and one step is taken at a time.
//!
//! It counts for itself what was granted and confirmed in messages, and what a majority is; of consensus it only takes the
//! configurations as they stand in the logs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raft::role::Role;
use raft::{AppendOutcome, Body, Configuration, Index, Message, NodeId, Position, Term, View};

use super::{Checked, Failure};

/// What was known of a member after its last turn.
#[derive(Debug, Clone)]
struct Seen {
    term: Term,
    leads: bool,
    commit: Index,
    /// Where the configuration in force stands, and what it is.
    at: Position,
    in_force: Arc<Configuration>,
}

/// A configuration that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) position: Position,
    pub(crate) configuration: Configuration,
}

#[derive(Debug)]
pub(crate) struct Membership {
    /// Up to which index a member has confirmed the log of the leader of a term.
    matched: BTreeMap<(Term, NodeId), Index>,
    /// Who voted for a candidate in a term.
    granted: BTreeMap<(Term, NodeId), BTreeSet<NodeId>>,
    seen: BTreeMap<NodeId, Seen>,
    /// Members that were not there in the beginning: what they start with is of a later time than the log that they learn.
    joined: BTreeSet<NodeId>,
    /// Pairs of neighbours that were looked at.
    neighbours: BTreeSet<(Position, Position)>,
    /// Everything up to here is known to be committed.
    committed: Index,
    /// All committed configurations, oldest first; the first is that of the founders.
    settled: Vec<Settled>,
}

impl Seen {
    fn known(&self) -> (Term, bool, Index, Position) {
        (self.term, self.leads, self.commit, self.at)
    }
}

impl Membership {
    pub(crate) fn new(founders: impl IntoIterator<Item = NodeId>) -> Self {
        let founding = Settled { position: Position::ZERO, configuration: Configuration::of_voters(founders) };
        Self {
            matched: BTreeMap::new(),
            granted: BTreeMap::new(),
            seen: BTreeMap::new(),
            joined: BTreeSet::new(),
            neighbours: BTreeSet::new(),
            committed: Index::ZERO,
            settled: vec![founding],
        }
    }

    /// The newest configuration that is known to be committed.
    pub(crate) fn settled(&self) -> &Settled {
        self.settled.last().expect("the founders' is there from the beginning")
    }

    /// Whether the entry at `position` is committed: `None` if nobody knows yet.
    pub(crate) fn is_committed(&self, position: Position) -> Option<&Settled> {
        self.settled.iter().find(|one| one.position == position)
    }

    /// Everything up to here is known to be committed.
    pub(crate) fn committed(&self) -> Index {
        self.committed
    }

    /// A member that is new starts with a configuration that it was told.
    pub(crate) fn joins(&mut self, id: NodeId) {
        self.joined.insert(id);
    }

    /// What was in force for a member when it was last seen, also if it is down now.
    pub(crate) fn in_force(&self, id: NodeId) -> Option<&Configuration> {
        self.seen.get(&id).map(|seen| &*seen.in_force)
    }

    pub(crate) fn down(&mut self, id: NodeId) {
        if let Some(seen) = self.seen.get_mut(&id) {
            seen.leads = false;
        }
    }

    pub(crate) fn started(&mut self, view: View<'_>) {
        self.seen.insert(view.id(), now(view, None));
    }

    /// A message leaves: what it confirms or grants is counted.
    pub(crate) fn sent(&mut self, message: &Message) {
        let (from, to, term) = (message.from, message.to, message.term);
        let matched = match &message.body {
            Body::RequestVoteReply(reply) if reply.granted => {
                self.granted.entry((term, to)).or_default().insert(from);
                return;
            }
            Body::AppendEntriesReply(reply) => match reply.outcome {
                AppendOutcome::Accepted { matched } => matched,
                AppendOutcome::Refused { .. } => return,
            },
            Body::InstallSnapshotReply(reply) => reply.matched,
            Body::PreVote(_)
            | Body::PreVoteReply(_)
            | Body::RequestVote(_)
            | Body::RequestVoteReply(_)
            | Body::AppendEntries(_)
            | Body::TimeoutNow => return,
        };
        let most = self.matched.entry((term, from)).or_default();
        *most = (*most).max(matched);
    }

    /// A member had a turn.
    pub(crate) fn observe(&mut self, view: View<'_>) -> Checked {
        self.stands(view)?;
        let before = self.seen.get(&view.id());
        let after = now(view, before);
        let same = |before: &Seen| (before.term, before.leads, before.commit, before.at) == after.known();
        if before.is_some_and(same) {
            return Ok(());
        }
        let before = before.cloned();
        if before.as_ref().is_none_or(|before| before.at != after.at) {
            self.neighbours(view)?;
        }
        if after.leads {
            let before = before.filter(|before| before.leads && before.term == after.term);
            match before {
                Some(before) => self.commits(view, &before, &after)?,
                None => self.elected(view, &after)?,
            }
        }
        self.settles(view)?;
        if after.leads {
            self.one_step(view)?;
        }
        self.seen.insert(view.id(), after);
        Ok(())
    }

    /// Who has no vote does not ask for any (M11), but who lost it by an entry that may not be committed (thesis 4.2.2).
    fn stands(&self, view: View<'_>) -> Checked {
        let id = view.id();
        let may = view.configuration().is_voter(id) || view.history().at(view.commit()).is_voter(id);
        if matches!(view.role(), Role::Candidate(_)) && !may {
            let what = format!("{} stands for election, and has no vote in {}", view.id(), view.configuration());
            return Err(fail(what));
        }
        Ok(())
    }

    fn elected(&self, view: View<'_>, after: &Seen) -> Checked {
        let (id, term) = (view.id(), view.term());
        let mut votes = self.granted.get(&(term, id)).cloned().unwrap_or_default();
        votes.insert(id);
        if decides(&after.in_force, &votes) {
            return Ok(());
        }
        Err(fail(format!(
            "{id} leads {term} by the votes of {}, its configuration is {}",
            named(&votes),
            after.in_force
        )))
    }

    /// What a leader takes for committed is on the disks of a majority of each set of voters.
    fn commits(&self, view: View<'_>, before: &Seen, after: &Seen) -> Checked {
        if after.commit <= before.commit {
            return Ok(());
        }
        let (id, term) = (view.id(), view.term());
        let holders = |index: Index| -> BTreeSet<NodeId> {
            let others = self.matched.range((term, NodeId(0))..=(term, NodeId(u64::MAX)));
            let others =
                others.filter(|((_, node), matched)| **matched >= index && *node != id).map(|((_, node), _)| *node);
            others.chain((view.persistence().durable() >= index).then_some(id)).collect()
        };
        let by = |configuration: &Configuration, index: Index| decides(configuration, &holders(index));
        // A step that was taken in this turn followed the commit of the one before.
        let step = before.at != after.at && by(&before.in_force, before.at.index) && by(&after.in_force, after.commit);
        if step || by(&before.in_force, after.commit) {
            return Ok(());
        }
        let what = format!(
            "{id} takes {} for committed in {term}: it is on the disks of {}, the configuration is {}",
            after.commit,
            named(&holders(after.commit)),
            before.in_force
        );
        Err(fail(what))
    }

    /// Any majority that decides in one configuration meets any that decides in its neighbour in the log.
    fn neighbours(&mut self, view: View<'_>) -> Checked {
        let position = |index: Index| view.log().position_at(index).unwrap_or(Position { index, term: Term(0) });
        let all: Vec<(Position, &Configuration)> =
            view.history().iter().map(|(index, configuration)| (position(index), configuration)).collect();
        for pair in all.windows(2) {
            let ((one_at, one), (other_at, other)) = (pair[0], pair[1]);
            let told = one_at.index == Index::ZERO && self.joined.contains(&view.id());
            if told || !self.neighbours.insert((one_at, other_at)) {
                continue;
            }
            if let Some((these, those)) = apart(one, other) {
                let (these, those) = (named(&these), named(&those));
                let what = format!(
                    "{} goes by {one} before {other_at}, and by {other} from there on: {these} could decide by the first, {those} by \
                     the second, without a common server",
                    view.id()
                );
                return Err(fail(what));
            }
        }
        Ok(())
    }

    /// Of a leader's steps at most one is not committed (M17).
    fn one_step(&self, view: View<'_>) -> Checked {
        let mut before: Option<&Configuration> = None;
        let mut steps = Vec::new();
        for (index, configuration) in view.history().iter() {
            if index > self.committed && before.is_some_and(|before| sets(before) != sets(configuration)) {
                steps.push(index);
            }
            before = Some(configuration);
        }
        if steps.len() <= 1 {
            return Ok(());
        }
        let what = format!("{} has taken the steps {steps:?}, committed is {}", view.id(), self.committed);
        Err(fail(what))
    }

    /// Notes which configurations are committed, and looks whether they may follow each other.
    fn settles(&mut self, view: View<'_>) -> Checked {
        if view.commit() <= self.committed {
            return Ok(());
        }
        for (index, configuration) in view.history().iter() {
            let Some(position) =
                view.log().position_at(index).filter(|_| index > self.committed && index <= view.commit())
            else {
                continue;
            };
            let last = &self.settled().configuration;
            if let Some((these, those)) = apart(last, configuration) {
                let (these, those) = (named(&these), named(&those));
                let what = format!(
                    "committed is {last}, and then {configuration} of {position}: {these} could decide by the first, {those} by \
                     the second, without a common server"
                );
                return Err(fail(what));
            }
            if last == configuration {
                return Err(fail(format!("{configuration} of {position} was made a second time")));
            }
            self.settled.push(Settled { position, configuration: configuration.clone() });
        }
        self.committed = view.commit();
        Ok(())
    }
}

fn now(view: View<'_>, before: Option<&Seen>) -> Seen {
    let index = view.history().current_index();
    let at = view.log().position_at(index).unwrap_or(Position { index, term: Term(0) });
    let known = before.filter(|before| before.at == at && at.term > Term(0)).map(|before| Arc::clone(&before.in_force));
    let in_force = known.unwrap_or_else(|| Arc::new(view.configuration().clone()));
    Seen { term: view.term(), leads: view.is_leader(), commit: view.commit(), at, in_force }
}

fn sets(one: &Configuration) -> [&BTreeSet<NodeId>; 4] {
    [&one.voters, &one.voters_old, &one.learners, &one.wanted]
}

/// Whether these are a majority of each set of voters.
pub(crate) fn decides(configuration: &Configuration, these: &BTreeSet<NodeId>) -> bool {
    let majority = |voters: &BTreeSet<NodeId>| 2 * voters.intersection(these).count() > voters.len();
    majority(&configuration.voters) && (configuration.voters_old.is_empty() || majority(&configuration.voters_old))
}

/// Two groups without a common member, one of which decides in one configuration and the other in the other.
fn apart(one: &Configuration, other: &Configuration) -> Option<(BTreeSet<NodeId>, BTreeSet<NodeId>)> {
    if (&one.voters, &one.voters_old) == (&other.voters, &other.voters_old) {
        return None;
    }
    let both = [&one.voters, &one.voters_old, &other.voters, &other.voters_old];
    let all: Vec<NodeId> = both.into_iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    // More are in no world.
    let count = all.len().min(20);
    (0..1_u32 << count).find_map(|mask| {
        let (these, those): (Vec<_>, Vec<_>) = (0..count).partition(|at| mask & (1 << at) != 0);
        let group = |places: Vec<usize>| places.into_iter().map(|at| all[at]).collect::<BTreeSet<NodeId>>();
        let (these, those) = (group(these), group(those));
        (decides(one, &these) && decides(other, &those)).then_some((these, those))
    })
}

fn fail(what: String) -> Failure {
    Failure::new("membership", what)
}

/// `n1 n2 n3`
fn named(nodes: &BTreeSet<NodeId>) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().map(|id| NodeId(*id)).collect()
    }

    fn of(voters: &[u64], old: &[u64]) -> Configuration {
        Configuration { voters_old: set(old), ..Configuration::of_voters(set(voters)) }
    }

    #[test]
    fn a_joint_configuration_needs_both_majorities() {
        let joint = of(&[1, 2, 4], &[1, 2, 3]);
        assert!(decides(&joint, &set(&[1, 2])) && !decides(&joint, &set(&[1, 4])) && !decides(&joint, &set(&[1, 3])));
        assert!(decides(&joint, &set(&[1, 3, 4])));
        assert!(!decides(&of(&[1, 2], &[]), &set(&[2, 3])));
    }

    #[test]
    fn a_jump_over_the_joint_phase_lets_two_groups_decide() {
        let (old, new) = (of(&[1, 2, 3], &[]), of(&[3, 4, 5], &[]));
        let joint = of(&[3, 4, 5], &[1, 2, 3]);
        assert!(apart(&old, &new).is_some());
        assert_eq!((apart(&old, &joint), apart(&joint, &new)), (None, None));
        assert_eq!(apart(&of(&[1, 2, 3], &[]), &of(&[1, 2, 3, 4], &[])), None, "one more is no jump");
        assert_eq!(apart(&of(&[1, 2, 3, 4], &[]), &of(&[1, 2], &[])), None, "three of four always meet two of two");
        assert!(apart(&of(&[1, 2, 3, 4, 5], &[]), &of(&[1, 2], &[])).is_some());
    }
}
