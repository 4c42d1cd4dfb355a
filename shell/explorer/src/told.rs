//! One step of a world as events: what was seen in it, put into words, in the order in which it happened.

use std::collections::BTreeMap;

use raft::{AppendOutcome, Body, NodeId, Timer as RaftTimer};
use replica::{PeerMessage, Timer};
use sim::run::{Act, Ask, Order};
use sim::world::{Ending as Ended, Load, Sent, Sight, World};

use crate::trace::{EventKind, Gone, NodeDelta, NodeView};
use crate::view::Nodes;
use crate::why::{Draft, consensus, last, rule};
use crate::{trace, words};

/// Messages that are known: on their way, or arrived and not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Carried(BTreeMap<u64, Sent>);

impl Carried {
    /// Keeps up with what was seen in a step of this time, without telling it.
    pub(crate) fn note(&mut self, sights: &[Sight], now: u64) {
        let mut taken = Vec::new();
        for sight in sights {
            match sight {
                Sight::Sent(sent) if sent.lost_at.is_none() => _ = self.0.insert(sent.id, (**sent).clone()),
                Sight::Ended(id, Ended::Lost | Ended::NobodyThere) | Sight::Took(_, id) => taken.push(*id),
                _ => {}
            }
        }
        for id in taken {
            self.0.remove(&id);
        }
        // Who goes down takes nothing of what had arrived.
        for sight in sights {
            if let Sight::Down { node, .. } = sight {
                let is_under_way = |sent: &Sent| sent.arrives.is_none_or(|at| at > now) || is_snapshot(&sent.load);
                self.0.retain(|_, sent| sent.to != *node || is_under_way(sent));
            }
        }
    }

    fn get(&self, id: u64) -> Option<&Sent> {
        self.0.get(&id)
    }
}

/// When a snapshot arrives is an estimate: its end is told by itself.
fn is_snapshot(load: &Load) -> bool {
    matches!(load, Load::Snapshot { .. })
}

/// What a step came to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) sent: Vec<trace::Flight>,
    pub(crate) gone: Vec<Gone>,
    /// Requests that changed.
    pub(crate) requests: Vec<u64>,
}

/// Which nodes a step touched.
pub(crate) fn touched(sights: &[Sight]) -> (Vec<NodeId>, bool) {
    let mut all = false;
    let mut nodes: Vec<NodeId> = Vec::new();
    for sight in sights {
        match sight {
            Sight::Started(node)
            | Sight::NotStarted(node, _)
            | Sight::Down { node, .. }
            | Sight::TimerFired(node, _)
            | Sight::Took(node, _)
            | Sight::Turned(node)
            | Sight::Consensus(node, _)
            | Sight::Synced(node)
            | Sight::SnapshotTaken(node, _) => nodes.push(*node),
            Sight::Acted(_) => all = true,
            Sight::Sent(_) | Sight::Ended(..) | Sight::Asked(_) | Sight::Answered(_) | Sight::Told(_) => {}
        }
    }
    nodes.sort_unstable();
    nodes.dedup();
    (nodes, all)
}

/// Puts a step into words. The nodes are as they are after it, `changes` is what it changed on them.
pub(crate) fn tell(world: &World, sights: &[Sight], nodes: &Nodes, changes: &[NodeDelta], carried: &Carried) -> Told {
    let mut told = Told::default();
    let taken: Vec<(NodeId, u64)> = sights
        .iter()
        .filter_map(|sight| if let Sight::Took(node, id) = sight { Some((*node, *id)) } else { None })
        .collect();
    let spoke: Vec<NodeId> = sights
        .iter()
        .filter_map(|sight| if let Sight::Consensus(node, _) = sight { Some(*node) } else { None })
        .collect();
    let teller = Teller { world, sights, nodes, changes, carried, taken: &taken, spoke: &spoke };
    for sight in sights {
        teller.sight(sight, &mut told);
    }
    teller.consequences(&mut told);
    if told.drafts.is_empty() {
        teller.sends(&mut told);
    }
    if told.drafts.is_empty() && !(changes.is_empty() && told.sent.is_empty() && told.gone.is_empty()) {
        let draft = Draft::new(EventKind::Change, String::new());
        told.drafts.push(changes.first().map_or(draft.clone(), |one| draft.at(NodeId(one.id))));
    }
    told
}

struct Teller<'a> {
    world: &'a World,
    sights: &'a [Sight],
    nodes: &'a Nodes,
    changes: &'a [NodeDelta],
    carried: &'a Carried,
    taken: &'a [(NodeId, u64)],
    /// Nodes whose consensus has something to say.
    spoke: &'a [NodeId],
}

impl Teller<'_> {
    fn change(&self, node: NodeId) -> Option<&NodeDelta> {
        self.changes.iter().find(|change| change.id == node.0)
    }

    /// The one message that a node took in this step.
    fn cause(&self, node: NodeId) -> Option<&Sent> {
        let mut of_node = self.taken.iter().filter(|(at, _)| *at == node);
        let (_, id) = of_node.next()?;
        if of_node.next().is_some() { None } else { self.carried.get(*id) }
    }

    fn sight(&self, sight: &Sight, told: &mut Told) {
        match sight {
            Sight::Started(node) => {
                let draft = Draft::new(EventKind::Start, format!("{node} starts, as a follower"));
                told.drafts.push(self.started(draft, *node).at(*node));
            }
            Sight::NotStarted(node, why) => {
                told.drafts.push(Draft::new(EventKind::Down, format!("{node} can't start: {why}")).at(*node));
            }
            Sight::Down { node, power } => {
                let how = if *power { "loses power: what was not synced may be gone" } else { "crashes" };
                told.drafts.push(Draft::new(EventKind::Down, format!("{node} {how}")).at(*node));
            }
            Sight::TimerFired(node, timer) => self.timer(*node, *timer, told),
            Sight::Took(node, id) => self.took(*node, *id, told),
            Sight::Consensus(node, event) => {
                let view = self.nodes.get(*node);
                told.drafts.extend(view.map(|view| consensus(*node, event, view, self.cause(*node))));
            }
            Sight::Sent(sent) => told.sent.push(words::flight(sent)),
            Sight::Ended(id, ending) => self.ended(*id, *ending, told),
            Sight::Synced(node) => told.drafts.extend(self.synced(*node)),
            Sight::SnapshotTaken(node, index) => {
                let why = rule(
                    "Log compaction",
                    "paper 7",
                    "What the state machine holds is written down, so the entries behind it can go.",
                );
                let text = format!("{node} has a snapshot of everything up to {index}");
                let why = why.with("last included", index);
                told.drafts.push(Draft::new(EventKind::SnapshotTaken, text).at(*node).because(why));
            }
            Sight::Asked(number) | Sight::Answered(number) | Sight::Told(number) => self.client(sight, *number, told),
            // A request is told as what its client does.
            Sight::Acted(Act::Client { .. }) => {}
            Sight::Acted(act) => told.drafts.push(Draft::new(EventKind::Act, act_in_words(act))),
            Sight::Turned(_) => {}
        }
    }

    fn started(&self, draft: Draft, node: NodeId) -> Draft {
        let Some(view) = self.nodes.get(node).filter(|view| view.term > 0) else { return draft };
        let why = rule(
            "Persistent state",
            "paper figure 2",
            "Of what a server knew, three things are on its disk and come back: its term, its vote, its log.",
        );
        let vote = view.vote.map_or("none".to_owned(), |vote| format!("n{vote}"));
        draft.because(why.with("currentTerm", view.term).with("votedFor", vote).with("last entry", last(view)))
    }

    fn timer(&self, node: NodeId, timer: Timer, told: &mut Told) {
        let stands = self.spoke.contains(&node);
        match timer {
            Timer::Raft(RaftTimer::LeaderSilent) if !stands => {
                let why = rule(
                    "Election timeout",
                    "paper 5.2",
                    "A follower that hears no leader for the least timeout forgets it, waits a random while more, and then stands.",
                );
                let text = format!("{node} has heard no leader for the least timeout");
                told.drafts.push(Draft::new(EventKind::Timer, text).at(node).because(why));
            }
            Timer::Raft(RaftTimer::Heartbeat) if !stands => {
                let leads = self.nodes.get(node).is_some_and(|view| view.role == trace::Role::Leader);
                let text = if leads {
                    format!("{node} sends heartbeats")
                } else {
                    format!("{node} asks again those who did not answer")
                };
                let why = rule(
                    "Leaders, rule 1",
                    "paper 5.2",
                    "A leader sends heartbeats, so that nobody's timeout runs out.",
                );
                let draft = Draft::new(EventKind::Send, text).at(node);
                told.drafts.push(if leads { draft.because(why) } else { draft });
            }
            Timer::Raft(_) | Timer::Sweep => {}
        }
    }

    /// A node takes a message. If consensus has something to say about it, that is said by itself.
    fn took(&self, node: NodeId, id: u64, told: &mut Told) {
        let (Some(sent), Some(view)) = (self.carried.get(id), self.nodes.get(node)) else { return };
        let Load::Message(message) = &sent.load else { return };
        let spoke = self.spoke.contains(&node);
        let draft = match message {
            PeerMessage::Raft(message) => self.took_raft(node, view, message, spoke),
            PeerMessage::Write(write) if self.pushed(node) => {
                let what = words::command(write.command.clone());
                Some(Draft::new(EventKind::Append, format!("{node} appends {what}, which {} passed on", sent.from)))
            }
            PeerMessage::Write(_) | PeerMessage::WriteReply(_) | PeerMessage::Read(_) | PeerMessage::ReadReply(_) => {
                None
            }
            PeerMessage::Describe(_) | PeerMessage::Alter(_) | PeerMessage::AlterReply(_) => None,
        };
        told.drafts.extend(draft.map(|draft| draft.at(node).about(Some(id))));
    }

    fn pushed(&self, node: NodeId) -> bool {
        self.change(node).and_then(|change| change.log.as_ref()).is_some_and(|log| !log.terms.is_empty())
    }

    fn took_raft(&self, node: NodeId, view: &NodeView, message: &raft::Message, spoke: bool) -> Option<Draft> {
        let from = message.from;
        match &message.body {
            Body::AppendEntries(append) if append.run.entries().is_empty() => {
                let text = format!("{node} takes {from}'s heartbeat: its patience starts anew");
                let why = rule("Followers", "paper 5.2", "Who hears its leader in time does not stand for election.");
                (!spoke).then(|| Draft::new(EventKind::Heartbeat, text).because(why.with("term", message.term.0)))
            }
            Body::AppendEntries(append) if self.pushed(node) => {
                let prev = append.run.prev();
                let why = rule(
                    "AppendEntries, rules 2 and 4",
                    "paper 5.3",
                    "The entry before them is here with the same term, so the logs agree up to there: what is new is appended.",
                );
                let why = why.with("prevLogIndex", prev.index).with("prevLogTerm", prev.term.0);
                let why = why.with("new entries up to", append.run.last().index);
                let text = format!("{node} appends what {from} sent, up to {}", append.run.last());
                Some(Draft::new(EventKind::Accept, text).because(why))
            }
            Body::AppendEntries(append) => {
                let text = format!("{node} has what {from} sent already, up to {}", append.run.last());
                (!spoke).then(|| Draft::new(EventKind::Accept, text))
            }
            Body::AppendEntriesReply(reply) => self.took_append_reply(node, from, view, reply),
            Body::PreVote(_) => (!spoke).then(|| {
                let why = rule("PreVote", "thesis 9.6", "It would vote, and nothing changes by saying so.");
                let text = format!("{node} would vote for {from}");
                Draft::new(EventKind::Vote, text).because(why.with("own last entry", last(view)))
            }),
            Body::PreVoteReply(_) | Body::RequestVoteReply(_) => {
                (!spoke && counts(view) && self.change(node).is_some()).then(|| {
                    let granted = view.votes.values().filter(|granted| **granted).count();
                    let text = format!("{node} has {granted} of {} votes", view.config.old.len().max(1));
                    let why = rule("Candidates", "paper 5.2", "A candidate wins with the votes of a majority.");
                    Draft::new(EventKind::Counted, text)
                        .because(why.with("granted", granted).with("needed", needed(view)))
                })
            }
            Body::InstallSnapshotReply(reply) => {
                let text = format!("{node} learns that {from} has everything up to {}", reply.matched);
                (!spoke).then(|| Draft::new(EventKind::Match, text))
            }
            Body::RequestVote(_) | Body::TimeoutNow => None,
        }
    }

    fn took_append_reply(
        &self,
        node: NodeId,
        from: NodeId,
        view: &NodeView,
        reply: &raft::AppendEntriesReply,
    ) -> Option<Draft> {
        let peer = view.peers.get(&from.0)?;
        self.change(node).and_then(|change| change.peers.as_ref())?;
        match reply.outcome {
            AppendOutcome::Accepted { matched } => {
                let why = rule(
                    "Leaders, rule 3",
                    "paper 5.3",
                    "The follower has the entries on its disk: nextIndex and matchIndex rise.",
                );
                let why = why.with("matchIndex", peer.matched).with("nextIndex", peer.next);
                let text = format!("{node} learns that {from} has everything up to {matched} on its disk");
                Some(Draft::new(EventKind::Match, text).because(why))
            }
            AppendOutcome::Refused { prev, .. } => {
                let why = rule(
                    "Leaders, rule 3",
                    "paper 5.3",
                    "The logs do not agree there: nextIndex goes back, and the leader tries again.",
                );
                let why = why.with("refused", prev).with("nextIndex", peer.next);
                let text = format!("{node} learns that {from} has no {prev}, and goes back to {}", peer.next);
                Some(Draft::new(EventKind::Match, text).because(why))
            }
        }
    }

    fn ended(&self, id: u64, ending: Ended, told: &mut Told) {
        let how = match ending {
            Ended::Arrived => trace::Ending::Arrived,
            Ended::Lost => trace::Ending::Lost,
            Ended::NobodyThere => trace::Ending::NobodyThere,
        };
        told.gone.push(Gone { id, how });
        let Some(sent) = self.carried.get(id) else { return };
        let (kind, from, to) = (words::kind(&sent.load), sent.from, sent.to);
        let (event, text) = match ending {
            Ended::Arrived => (EventKind::Arrive, format!("{kind} of {from} arrives at {to}")),
            Ended::Lost => (EventKind::Lost, format!("{kind} from {from} to {to} is lost")),
            Ended::NobodyThere => (EventKind::Lost, format!("{kind} of {from} finds {to} down")),
        };
        told.drafts.push(Draft::new(event, text).at(to).about(Some(id)));
    }

    fn synced(&self, node: NodeId) -> Option<Draft> {
        let view = self.nodes.get(node)?;
        let text = format!("{node}'s disk has its term, its vote and its log up to {}", view.durable);
        let why = rule(
            "Stable storage",
            "paper figure 2",
            "Term, vote and log are on disk before a server answers: a crash can't take back what it promised.",
        );
        let vote = view.vote.map_or("none".to_owned(), |vote| format!("n{vote}"));
        let why = why.with("currentTerm", view.term).with("votedFor", vote).with("durable", view.durable);
        Some(Draft::new(EventKind::Durable, text).at(node).because(why))
    }

    fn client(&self, sight: &Sight, number: u64, told: &mut Told) {
        told.requests.push(number);
        let Some(request) = self.world.request(number) else { return };
        let node = request.node;
        let (kind, text) = match sight {
            Sight::Asked(_) => (EventKind::Ask, format!("a client asks {node}: {}", request.asks)),
            Sight::Answered(_) if self.nodes.get(node).is_some_and(|view| view.up) => {
                (EventKind::Answer, format!("{node} answers the client: {}", request.asks))
            }
            Sight::Answered(_) => (EventKind::Answer, format!("{node} is gone, and can't answer: {}", request.asks)),
            _ => {
                let answer = request.answer.unwrap_or_default();
                (EventKind::Told, format!("the client hears of {}: {answer}", request.asks))
            }
        };
        told.drafts.push(Draft::new(kind, text).at(node));
    }

    /// What follows from a turn without a word of consensus: entries of clients, what is applied, and what is not committed.
    fn consequences(&self, told: &mut Told) {
        for change in self.changes {
            let (node, Some(view)) = (NodeId(change.id), self.nodes.get(NodeId(change.id))) else { continue };
            let took = self.taken.iter().any(|(at, _)| *at == node);
            let leads = view.role == trace::Role::Leader;
            if leads && !took && !self.spoke.contains(&node) && self.pushed(node) {
                let commands = change.log.as_ref().map(|log| log.commands.join(", ")).unwrap_or_default();
                let why = rule(
                    "Leaders, rule 2",
                    "paper 5.3",
                    "A leader appends a client's command to its log, and sends it to all.",
                );
                let text = format!("{node} appends {commands} at {}", view.log.last());
                told.drafts.push(Draft::new(EventKind::Append, text).at(node).because(why.with("term", view.term)));
            }
            told.drafts.extend(self.held_back(node, view, change));
            if let Some(applied) = change.applied.filter(|applied| *applied > 0 && change.life.is_none()) {
                let why = rule(
                    "All servers, rule 1",
                    "paper 5.3",
                    "What is committed is applied to the state machine, in the order of the log.",
                );
                let why = why.with("lastApplied", applied).with("commitIndex", view.commit);
                let text = format!("{node} applies everything up to {applied}");
                told.drafts.push(Draft::new(EventKind::Apply, text).at(node).because(why));
            }
        }
    }

    /// A majority has an entry, and the leader does not commit it by counting: it is of an earlier term (5.4.2).
    fn held_back(&self, node: NodeId, view: &NodeView, change: &NodeDelta) -> Option<Draft> {
        let leader = self.world.view(node).filter(raft::View::is_leader)?;
        change.peers.as_ref()?;
        let has = |id: NodeId| {
            if id == node { view.durable } else { view.peers.get(&id.0).map_or(0, |peer| peer.matched) }
        };
        let reached = raft::quorum::reached(leader.configuration(), has);
        let term = leader.log().term_at(raft::Index(reached))?.0;
        if reached <= view.commit || term == view.term {
            return None;
        }
        let why = rule(
            "Leaders, rule 4",
            "paper 5.4.2",
            "Copies of an entry of an earlier term are not counted: a server without it could still win and delete it. It is committed together with an entry of the leader's own term.",
        );
        let why = why.with(&format!("log[{reached}].term"), term).with("currentTerm", view.term);
        let text = format!("{node} does not commit {reached}, though a majority has it: it is of term {term}");
        Some(Draft::new(EventKind::HeldBack, text).at(node).because(why))
    }

    /// A step in which messages leave and nothing else is to say.
    fn sends(&self, told: &mut Told) {
        let sent = self.sights.iter().filter_map(|sight| if let Sight::Sent(sent) = sight { Some(sent) } else { None });
        let sent: Vec<&Sent> = sent.map(|sent| &**sent).collect();
        let Some(first) = sent.first() else { return };
        let mut to: Vec<NodeId> = sent.iter().map(|sent| sent.to).collect();
        to.sort_unstable();
        to.dedup();
        let text = format!("{} sends {} to {}", first.from, words::kind(&first.load), words::list(&to));
        told.drafts.push(Draft::new(EventKind::Send, text).at(first.from).about(Some(first.id)));
    }
}

/// It stands, and counts what it is answered.
fn counts(view: &NodeView) -> bool {
    matches!(view.role, trace::Role::Candidate | trace::Role::PreCandidate)
}

/// How many votes a majority is, of the voters; in a joint phase of each set.
fn needed(view: &NodeView) -> String {
    let majority = |voters: &Vec<u64>| voters.len() / 2 + 1;
    match &view.config.new {
        Some(new) => format!("{} of the old and {} of the new", majority(&view.config.old), majority(new)),
        None => majority(&view.config.old).to_string(),
    }
}

/// A step of the script as it is told.
fn act_in_words(act: &Act) -> String {
    match act {
        Act::Crash { n } => format!("n{n} is made to crash"),
        Act::PowerLoss { n, .. } => format!("the power of n{n} is cut"),
        Act::Restart { n } => format!("n{n} is started again"),
        Act::Wipe { n } => format!("n{n} loses its disk"),
        Act::Cut { from, to } => format!("the link from n{from} to n{to} is cut"),
        Act::Join { from, to } => format!("the link from n{from} to n{to} is mended"),
        Act::Isolate { n } => format!("n{n} is cut off"),
        Act::Partition { groups } if groups.len() == 1 => format!("from now on only {} hear each other", sides(groups)),
        Act::Partition { groups } => format!("the network splits: {}", sides(groups)),
        Act::Heal => "all links are mended".into(),
        Act::Filter { from, to, kind, lost: true } => format!("from now on {kind} from n{from} to n{to} is lost"),
        Act::Filter { from, to, kind, .. } => format!("{kind} from n{from} to n{to} gets through again"),
        Act::Drop { msg } => format!("message {msg} is taken away"),
        Act::Delay { msg, by } => format!("message {msg} is held back for {}", words::milliseconds(*by)),
        Act::Duplicate { msg } => format!("message {msg} is doubled"),
        Act::Timeout { n } => format!("the timeout of n{n} is made to run out"),
        Act::Fire { n, timer: sim::run::Timer::Heartbeat } => format!("n{n} is made to send heartbeats"),
        Act::Snapshot { n } => format!("n{n} is told to fold its log into a snapshot"),
        Act::AlignTimers => "all timeouts are made to run out together".into(),
        Act::SpreadTimers => "timeouts are spread".into(),
        Act::Client { op, .. } => format!("a client is to ask: {}", ask_in_words(op)),
        Act::Transfer { n: 0, to } => format!("an operator wants n{to} to lead"),
        Act::Transfer { n, .. } => format!("an operator asks n{n} to hand over"),
        Act::Order { order, .. } => format!("an operator wants {}", order_in_words(order)),
        Act::SlowDisk { n, micros, .. } => format!("n{n}'s disk takes up to {}", words::milliseconds(*micros)),
        Act::Network(network) => format!(
            "from now on messages take {} to {}; of a thousand, {} are lost and {} doubled",
            words::milliseconds(network.delay_min),
            words::milliseconds(network.delay_max),
            network.loss,
            network.doubled
        ),
        Act::Pause { n, micros } => format!("n{n} stands still for {}", words::milliseconds(*micros)),
        other => format!("{}: {other:?}", other.class()),
    }
}

/// A change of the membership as an operator says it.
fn order_in_words(order: &Order) -> String {
    let who = |n: &u64| if *n == 0 { "who leads".to_owned() } else { format!("n{n}") };
    let list = |nodes: &[u64]| nodes.iter().map(|n| format!("n{n}")).collect::<Vec<_>>().join(" ");
    match order {
        Order::Resize { voters, fresh } => format!("{voters} voters, {fresh} of them new"),
        Order::Add { learner: true, .. } => "a new learner".into(),
        Order::Add { .. } => "a new voter".into(),
        Order::Remove { n } => format!("{} to leave", who(n)),
        Order::Replace { n } => format!("a new machine in the place of {}", who(n)),
        Order::Promote { n: 0 } => "a learner to vote".into(),
        Order::Promote { n } => format!("n{n} to vote"),
        Order::Demote { n } => format!("{} to vote no more", who(n)),
        Order::Lose { n } => format!("a new machine: that of {} is lost with its disk", who(n)),
        Order::Set { voters, learners } if learners.is_empty() => format!("these voters: {}", list(voters)),
        Order::Set { voters, learners } => format!("these voters: {}, and learners: {}", list(voters), list(learners)),
        Order::TakeBack => "the change to be taken back".into(),
    }
}

fn sides(groups: &[Vec<u64>]) -> String {
    let side = |group: &Vec<u64>| group.iter().map(|n| format!("n{n}")).collect::<Vec<_>>().join(" ");
    groups.iter().map(side).collect::<Vec<_>>().join(" | ")
}

fn ask_in_words(ask: &Ask) -> String {
    match ask {
        Ask::Put { key, value } => format!("put {key} {value}"),
        Ask::Delete { key } => format!("delete {key}"),
        Ask::Cas { key, from, to } => format!("put {key} {to} if it is {from}"),
        Ask::Get { key, .. } => format!("get {key}"),
        Ask::Open { .. } => "open a session".into(),
        Ask::KeepAlive { .. } => "keep a session".into(),
        Ask::Close { .. } => "end a session".into(),
        Ask::Once { sequence, op, .. } => format!("{}, as command {sequence} of a session", ask_in_words(op)),
    }
}
