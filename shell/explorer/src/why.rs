//! Why each step happened: the core's own events, one row each, with the rule that was applied, where it stands, and the values
//! that it compared. The core says what happened; here it is only put into words.

use raft::event::{CommitRule, FollowReason, IgnoreReason, TransferEnd, VoteRefusal};
use raft::{Body, Event, Halt, NodeId, Stage};
use replica::PeerMessage;
use sim::world::{Load, Sent};

use crate::trace::{EventKind, Fields, NodeView, Why};

/// What is to be told of a step.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) kind: EventKind,
    pub(crate) node: Option<u64>,
    pub(crate) msg: Option<u64>,
    pub(crate) text: String,
    pub(crate) why: Option<Why>,
}

impl Draft {
    pub(crate) fn new(kind: EventKind, text: String) -> Self {
        Self { kind, node: None, msg: None, text, why: None }
    }

    pub(crate) fn at(self, node: NodeId) -> Self {
        Self { node: Some(node.0), ..self }
    }

    pub(crate) fn about(self, msg: Option<u64>) -> Self {
        Self { msg, ..self }
    }

    pub(crate) fn because(self, why: Why) -> Self {
        Self { why: Some(why), ..self }
    }
}

/// A rule, where it stands, what it says.
pub(crate) fn rule(rule: &str, section: &str, text: &str) -> Why {
    Why { rule: rule.into(), section: section.into(), text: text.into(), values: Fields::new() }
}

impl Why {
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.values.push((name.to_owned(), value.to_string()));
        self
    }
}

/// The last position of a node's log, as `index@term`.
pub(crate) fn last(view: &NodeView) -> String {
    format!("{}@{}", view.log.last(), view.log.terms.last().copied().unwrap_or(view.log.before))
}

/// What consensus on a node says happened, `view` being the node afterwards and `cause` the message that it took.
pub(crate) fn consensus(node: NodeId, event: &Event, view: &NodeView, cause: Option<&Sent>) -> Draft {
    let draft = match *event {
        Event::BecameFollower { .. }
        | Event::BecamePreCandidate { .. }
        | Event::BecameCandidate { .. }
        | Event::BecameLeader { .. } => role(node, event, view),
        Event::Voted { .. } | Event::VoteRefused { .. } => vote(node, event, view, cause),
        Event::AppendRefused { .. } | Event::Truncated { .. } | Event::AppendDropped => append(node, event, view),
        Event::Committed { index, rule } => commit(node, index.0, rule, view, cause),
        Event::Ignored { from, reason } => ignored(node, from, reason, view, cause),
        Event::SnapshotNeeded { .. } | Event::SnapshotInstalled { .. } | Event::SnapshotIgnored { .. } => {
            snapshot(node, event, view)
        }
        Event::TransferBegan { .. } | Event::TransferEnded { .. } | Event::ToldToStand { .. } => transfer(node, event),
        Event::ConfigurationInForce { .. } | Event::ConfigurationReverted { .. } | Event::Removed { .. } => {
            membership(node, event, view)
        }
        Event::Halted(halt) => halted(node, halt),
    };
    draft.at(node).about(cause.map(|sent| sent.id))
}

fn role(node: NodeId, event: &Event, view: &NodeView) -> Draft {
    match *event {
        Event::BecamePreCandidate { term } => {
            let next = term.next().0;
            let text =
                format!("{node} heard no leader for its whole timeout and asks whether it would win in term {next}");
            let why = rule(
                "PreVote",
                "thesis 9.6",
                "Before it raises its term, a server asks whether others would vote for it. So one that is cut off disturbs nobody when it returns.",
            );
            Draft::new(EventKind::PreCandidate, text).because(why.with("term", term.0).with("last entry", last(view)))
        }
        Event::BecameCandidate { term } => {
            let text = format!("{node} stands for election in term {}", term.0);
            let why = rule(
                "Candidates",
                "paper 5.2",
                "It raises its term, votes for itself, and asks all others for their votes.",
            );
            let why = why.with("currentTerm", term.0).with("votedFor", node).with("last entry", last(view));
            Draft::new(EventKind::Candidate, text).because(why)
        }
        Event::BecameLeader { term } => {
            let text = format!("{node} leads term {}", term.0);
            let why =
                rule("Leaders", "paper 5.2", "It has the votes of a majority. Nobody else can have them in this term.");
            Draft::new(EventKind::Leader, text).because(why.with("currentTerm", term.0))
        }
        Event::BecameFollower { term, leader, reason } => {
            let (name, section, says) = follow_reason(reason);
            let of = leader.map_or(String::new(), |leader| format!(" of {leader}"));
            let text = format!("{node} is a follower{of} in term {}: {says}", term.0);
            let why = rule(name, section, follow_rule(reason)).with("currentTerm", term.0);
            Draft::new(EventKind::Follower, text).because(why)
        }
        _ => Draft::new(EventKind::Change, String::new()),
    }
}

fn follow_reason(reason: FollowReason) -> (&'static str, &'static str, &'static str) {
    match reason {
        FollowReason::NewerTerm => ("All servers, rule 2", "paper 5.1", "it saw a newer term"),
        FollowReason::LeaderHeard => ("Candidates, rule 3", "paper 5.2", "it heard the leader of its term"),
        FollowReason::VotedForAnother => ("One vote a term", "paper 5.2", "it voted for another meanwhile"),
        FollowReason::NoQuorum => ("CheckQuorum", "thesis 6.2", "no majority answered it for a whole timeout"),
        FollowReason::NoVote => ("Leaving the cluster", "thesis 4.2.2", "the committed configuration leaves it out"),
    }
}

fn follow_rule(reason: FollowReason) -> &'static str {
    match reason {
        FollowReason::NewerTerm => "If a message has a newer term, take that term and become a follower.",
        FollowReason::LeaderHeard => "A term has one leader: a candidate that hears it has lost, and follows.",
        FollowReason::VotedForAnother => "Who has voted for another does not go on to stand against it.",
        FollowReason::NoQuorum => {
            "A leader that hears no majority may have been replaced without knowing it. It stops serving."
        }
        FollowReason::NoVote => "A leader manages the change that removes it, and steps down when that is committed.",
    }
}

/// The last entry of who asks for a vote.
fn asked_with(cause: Option<&Sent>) -> Option<String> {
    match &cause?.load {
        Load::Message(PeerMessage::Raft(raft::Message {
            body: Body::RequestVote(ask) | Body::PreVote(ask), ..
        })) => Some(format!("{}@{}", ask.last.index, ask.last.term.0)),
        _ => None,
    }
}

fn vote(node: NodeId, event: &Event, view: &NodeView, cause: Option<&Sent>) -> Draft {
    let asked = asked_with(cause).unwrap_or_default();
    match *event {
        Event::Voted { candidate, term } => {
            let text = format!("{node} votes for {candidate} in term {}", term.0);
            let why = rule(
                "RequestVote, rule 2",
                "paper 5.2, 5.4.1",
                "A server votes once in a term, and only for a log at least as up to date as its own. The vote is on disk before the answer leaves.",
            );
            let why = why
                .with("votedFor", candidate)
                .with("candidate's last entry", asked)
                .with("own last entry", last(view));
            Draft::new(EventKind::Vote, text).because(why)
        }
        Event::VoteRefused { candidate, term, reason } => {
            let (says, section, text) = match reason {
                VoteRefusal::LogBehind => (
                    "the candidate's log is behind",
                    "paper 5.4.1",
                    "A vote is refused to a log that is less up to date: of two logs the one whose last entry has the later term is newer; with equal terms, the longer one.",
                ),
                VoteRefusal::AlreadyVoted => {
                    ("it voted already", "paper 5.2", "A server votes for one candidate in a term.")
                }
                VoteRefusal::LeaderAlive => (
                    "its leader is alive",
                    "thesis 4.2.3",
                    "Who heard from a leader within the least election timeout helps nobody to depose it.",
                ),
                VoteRefusal::OldTerm => ("the term is old", "paper 5.1", "A request of an earlier term is refused."),
            };
            let why = rule("Vote refused", section, text).with("candidate's last entry", asked);
            let why = why.with("own last entry", last(view)).with("currentTerm", view.term);
            let text = format!("{node} gives {candidate} no vote for term {}: {says}", term.0);
            Draft::new(EventKind::VoteRefused, text).because(why)
        }
        _ => Draft::new(EventKind::Change, String::new()),
    }
}

fn append(node: NodeId, event: &Event, view: &NodeView) -> Draft {
    match *event {
        Event::AppendRefused { prev } => {
            let index = prev.index.0;
            let here = match index.checked_sub(view.log.first).and_then(|place| usize::try_from(place).ok()) {
                Some(place) => view.log.terms.get(place).map_or("nothing".to_owned(), |term| format!("term {term}")),
                None => "folded into a snapshot".to_owned(),
            };
            let why = rule(
                "AppendEntries, rule 2",
                "paper 5.3",
                "Entries are taken only behind an entry with the same index and term. By that the logs agree up to there.",
            );
            let why = why.with("prevLogIndex", index).with("prevLogTerm", prev.term.0).with("here", here);
            Draft::new(EventKind::AppendRefused, format!("{node} refuses: it has no entry {prev}")).because(why)
        }
        Event::Truncated { first } => {
            let why = rule(
                "AppendEntries, rule 3",
                "paper 5.3",
                "An entry that conflicts with the leader's, and all that follow it, are deleted. None of them was committed.",
            );
            let why = why.with("first deleted", first).with("commitIndex", view.commit);
            let text = format!("{node} deletes {first} and all behind it: its leader has another entry there");
            Draft::new(EventKind::Truncate, text).because(why)
        }
        _ => {
            let text = format!("{node} has no room for more entries, and waits for a snapshot to fold some away");
            Draft::new(EventKind::AppendDropped, text)
        }
    }
}

fn commit(node: NodeId, index: u64, by: CommitRule, view: &NodeView, cause: Option<&Sent>) -> Draft {
    let draft = Draft::new(EventKind::Commit, format!("{node} knows: everything up to {index} is committed"));
    match by {
        CommitRule::Majority => {
            let matches: Vec<String> = view.peers.iter().map(|(id, peer)| format!("n{id} {}", peer.matched)).collect();
            let place = index.checked_sub(view.log.first).and_then(|place| usize::try_from(place).ok());
            let term = place.and_then(|place| view.log.terms.get(place)).copied().unwrap_or(view.log.before);
            let why = rule(
                "Leaders, rule 4",
                "paper 5.3, 5.4.2",
                "A majority has the entry on disk, and it is of the leader's own term: it is committed, and with it all before it.",
            );
            let why = why.with("own disk", view.durable).with("matchIndex", matches.join(", "));
            let why = why.with(&format!("log[{index}].term"), term).with("currentTerm", view.term);
            Draft { text: format!("{node} commits everything up to {index}: a majority has it"), ..draft }.because(why)
        }
        CommitRule::LeaderSaid => {
            let said = match cause.map(|sent| &sent.load) {
                Some(Load::Message(PeerMessage::Raft(raft::Message { body: Body::AppendEntries(one), .. }))) => {
                    one.commit.to_string()
                }
                _ => "?".to_owned(),
            };
            let why = rule(
                "AppendEntries, rule 5",
                "paper 5.3",
                "The leader says how far it has committed. A follower believes it as far as its log is known to agree.",
            );
            draft.because(why.with("leaderCommit", said).with("commitIndex", index))
        }
        CommitRule::Snapshot => {
            let why = rule("InstallSnapshot", "paper 7", "What is in a snapshot is committed.");
            draft.because(why.with("commitIndex", index))
        }
    }
}

fn ignored(node: NodeId, from: NodeId, reason: IgnoreReason, view: &NodeView, cause: Option<&Sent>) -> Draft {
    let (says, text) = match reason {
        IgnoreReason::OldTerm => ("it is of an earlier term", "What belongs to an earlier term says nothing any more."),
        IgnoreReason::Unexpected => ("nothing waits for it", "A late or repeated answer changes nothing."),
        IgnoreReason::NotForMe => ("it is for another", "It is addressed to another node."),
    };
    let why = rule("Ignored", "paper 5.1", text).with("currentTerm", view.term);
    let why = match cause.map(|sent| &sent.load) {
        Some(Load::Message(PeerMessage::Raft(message))) => why.with("message's term", message.term.0),
        _ => why,
    };
    Draft::new(EventKind::Ignored, format!("{node} ignores what {from} says: {says}")).because(why)
}

fn snapshot(node: NodeId, event: &Event, view: &NodeView) -> Draft {
    match *event {
        Event::SnapshotNeeded { node: follower } => {
            let why = rule(
                "InstallSnapshot",
                "paper 7",
                "The entries that the follower needs are folded into a snapshot. So the leader sends that.",
            );
            let why = why.with("first entry here", view.log.first);
            let next = view.peers.get(&follower.0).map_or(0, |peer| peer.next);
            let text = format!("{node} can't send {follower} the entries that it needs, and sends a snapshot");
            Draft::new(EventKind::SnapshotNeeded, text).because(why.with("nextIndex", next))
        }
        Event::SnapshotInstalled { position } => {
            let why = rule(
                "InstallSnapshot, rules 6 to 8",
                "paper 7",
                "A log that has the snapshot's last entry keeps what follows it. Any other log is replaced, and the state machine with it.",
            );
            let text = format!("{node} takes the snapshot up to {position} in place of its log's beginning");
            Draft::new(EventKind::SnapshotInstalled, text).because(why.with("last included", position))
        }
        Event::SnapshotIgnored { position } => {
            let why =
                rule("InstallSnapshot", "paper 7", "A snapshot behind what is committed here brings nothing new.");
            let why = why.with("last included", position).with("commitIndex", view.commit);
            let text = format!("{node} has no use for the snapshot up to {position}: it has more");
            Draft::new(EventKind::SnapshotIgnored, text).because(why)
        }
        _ => Draft::new(EventKind::Change, String::new()),
    }
}

fn transfer(node: NodeId, event: &Event) -> Draft {
    match *event {
        Event::TransferBegan { target } => {
            let why = rule(
                "Leadership transfer",
                "thesis 3.10",
                "The leader takes no more requests, brings the target's log up to its own, and tells it to stand at once.",
            );
            let text = format!("{node} hands over to {target}");
            Draft::new(EventKind::TransferBegan, text).because(why.with("target", target))
        }
        Event::TransferEnded { target, reason } => {
            let says = match reason {
                TransferEnd::TimedOut => "nobody else leads after a whole timeout",
                TransferEnd::TargetRemoved => "the target has no vote any more",
            };
            let why = rule(
                "Leadership transfer",
                "thesis 3.10",
                "A transfer that takes too long is given up, so that the cluster serves again.",
            );
            Draft::new(
                EventKind::TransferEnded,
                format!("{node} goes on to lead, and does not hand over to {target}: {says}"),
            )
            .because(why)
        }
        Event::ToldToStand { leader } => {
            let why = rule(
                "TimeoutNow",
                "thesis 3.10",
                "The leader says that this log is complete: stand at once, without waiting. The voters know that their leader wants it.",
            );
            Draft::new(EventKind::ToldToStand, format!("{node} is told by {leader} to stand at once")).because(why)
        }
        _ => Draft::new(EventKind::Change, String::new()),
    }
}

fn membership(node: NodeId, event: &Event, view: &NodeView) -> Draft {
    match *event {
        Event::ConfigurationInForce { index, stage } => {
            let (says, section, text) = match stage {
                Stage::Plain => (
                    "one set of voters decides",
                    "paper 6",
                    "A configuration is in force as soon as it is in the log, committed or not.",
                ),
                Stage::CatchingUp => (
                    "new voters learn the log first",
                    "thesis 4.2.1",
                    "A new server is a learner until it has caught up, so that the cluster never waits for it.",
                ),
                Stage::Joint => (
                    "old and new voters must both agree",
                    "paper 6",
                    "In the joint phase elections and commits need a majority of the old and one of the new voters. So there can never be two that decide apart.",
                ),
            };
            let why = rule("Membership", section, text).with("entry", index).with("old", ids(&view.config.old));
            let why = match &view.config.new {
                Some(new) => why.with("new", ids(new)),
                None => why,
            };
            let text = format!("{node} is in the configuration of entry {index}: {says}");
            Draft::new(EventKind::Configuration, text).because(why)
        }
        Event::ConfigurationReverted { index } => {
            let why = rule(
                "Membership",
                "thesis 4.1",
                "When the entry of a configuration is deleted, the one before it is in force again.",
            );
            let text = format!("{node} is back in the configuration of entry {index}");
            Draft::new(EventKind::ConfigurationReverted, text).because(why)
        }
        _ => {
            let why = rule("Membership", "thesis 4.2", "By a committed configuration it is a member no more.");
            Draft::new(EventKind::Removed, format!("{node} is no member any more")).because(why)
        }
    }
}

fn ids(ids: &[u64]) -> String {
    ids.iter().map(|id| format!("n{id}")).collect::<Vec<_>>().join(" ")
}

fn halted(node: NodeId, halt: Halt) -> Draft {
    let why = rule("Stop", "paper 5.2, 5.4.3", "What it sees can't be if all keep the rules. It does nothing more.");
    Draft::new(EventKind::Halted, format!("{node} stops for good: {halt}")).because(why)
}
