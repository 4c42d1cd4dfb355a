//! What a driver is told by a single node and golden scripts do not print: the configuration of a member, why a node halted,
//! whom it names as the leader, and how it looks from outside.

use quorate_raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, Boot, Config, Configuration, EntryKind, Halt, HardState,
    Header, Index, Member, Message, NodeId, Position, ProposeError, Raft, ReadError, ReadId, RequestVoteReply, Role,
    Slice, Term, Timer,
};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const STRANGER: NodeId = NodeId(9);

fn start() -> Raft {
    start_in(Configuration::of_voters((1..=3).map(NodeId)))
}

fn start_in(configuration: Configuration) -> Raft {
    let boot = Boot {
        hard_state: HardState::default(),
        base: Position::ZERO,
        base_time: 0,
        entries: Vec::new(),
        snapshot: Index::ZERO,
        configuration,
    };
    let mut config = Config::default();
    config.switches.pre_vote = false;
    Raft::new(ONE, config, boot)
}

fn follows(node: &Raft) -> bool {
    matches!(node.inspect().role(), Role::Follower(_))
}

fn tell(node: &mut Raft, from: NodeId, body: Body) {
    node.receive(Message { from, to: ONE, term: Term(1), body });
}

fn write_all(node: &mut Raft) {
    while let Some(write) = node.take_output().write {
        node.written(write.ticket);
    }
}

fn leader() -> Raft {
    let mut node = start();
    node.timer_fired(Timer::LeaderSilent);
    node.timer_fired(Timer::Campaign);
    write_all(&mut node);
    tell(&mut node, TWO, Body::RequestVoteReply(RequestVoteReply { granted: true }));
    assert!(node.inspect().is_leader());
    write_all(&mut node);
    node
}

fn heartbeat(commit: u64) -> Body {
    Body::AppendEntries(AppendEntries { round: 1, commit: Index(commit), run: Slice::empty(Position::ZERO) })
}

#[test]
fn only_a_voter_stands_for_election_and_not_while_it_is_loyal() {
    let mut voter = start();
    voter.timer_fired(Timer::Campaign);
    assert!(follows(&voter), "it may have promised a leader to help nobody else");
    voter.timer_fired(Timer::LeaderSilent);
    voter.timer_fired(Timer::Campaign);
    assert!(!follows(&voter));
    let mut configuration = Configuration::of_voters([TWO]);
    configuration.learners = [ONE].into();
    let mut learner = start_in(configuration);
    learner.timer_fired(Timer::LeaderSilent);
    learner.timer_fired(Timer::Campaign);
    assert!(follows(&learner), "it has no vote");
}

#[test]
fn a_node_shows_whether_it_is_loyal_and_the_time_of_its_last_entry() {
    let mut follower = start();
    assert!(follower.inspect().is_sticky(), "a starting node may have promised it before it went down");
    follower.timer_fired(Timer::LeaderSilent);
    assert!(!follower.inspect().is_sticky());
    tell(&mut follower, TWO, heartbeat(0));
    assert!(follower.inspect().is_sticky());
    let mut node = leader();
    assert_eq!(node.inspect().last_time(), 0);
    node.propose(Header { time: 70, ..Header::default() }, b"a").unwrap();
    node.propose(Header { time: 60, ..Header::default() }, b"b").unwrap();
    assert_eq!(node.inspect().last_time(), 70, "it never falls");
}

#[test]
fn what_is_kept_for_a_member_is_proposed_once() {
    let mut node = leader();
    let member = Member { disk: 7, info: (&b"one"[..]).into() };
    let position = node.describe_member(TWO, member.clone()).unwrap().expect("it was not kept yet");
    assert_eq!(position, Position::new(2, 1));
    let view = node.inspect();
    assert_eq!(view.log().entry(position.index).map(quorate_raft::Entry::kind), Some(EntryKind::Configuration));
    assert_eq!(view.configuration().members.get(&TWO), Some(&member), "in force from its entry on");
    assert_eq!(view.configuration().voters, Configuration::of_voters((1..=3).map(NodeId)).voters);
    assert_eq!(node.describe_member(TWO, member), Ok(None), "it is kept already");
    assert_eq!(node.inspect().last(), position);
    assert!(node.describe_member(TWO, Member::default()).unwrap().is_some(), "other words are news");
}

#[test]
fn nothing_is_kept_for_a_stranger_nor_by_who_does_not_lead() {
    let mut node = leader();
    let refused = Err(ProposeError::NotLeader { leader: None });
    assert_eq!(node.describe_member(STRANGER, Member { disk: 7, ..Member::default() }), refused);
    assert_eq!(node.inspect().last(), Position::new(1, 1));
    let mut follower = start();
    tell(&mut follower, TWO, heartbeat(0));
    let leads = Err(ProposeError::NotLeader { leader: Some(TWO) });
    assert_eq!(follower.describe_member(ONE, Member { disk: 7, ..Member::default() }), leads);
}

#[test]
fn a_node_that_halted_says_why_and_does_nothing_else() {
    let mut node = leader();
    node.read(ReadId(1)).unwrap();
    tell(&mut node, TWO, heartbeat(0));
    let halt = Halt::TwoLeaders { term: Term(1), known: ONE, other: TWO };
    assert_eq!(node.inspect().halt(), Some(halt));
    let output = node.take_output();
    assert_eq!(output.halt, Some(halt));
    assert!(output.messages.is_empty() && output.write.is_none() && output.timers.is_empty());
    assert_eq!(node.take_output().halt, Some(halt), "each time it is asked");
    let not_leader = ProposeError::NotLeader { leader: None };
    assert_eq!(node.propose(Header::default(), b"a"), Err(not_leader));
    assert_eq!(node.describe_member(TWO, Member { disk: 7, ..Member::default() }), Err(not_leader));
    assert_eq!(node.read(ReadId(2)), Err(ReadError::NotLeader { leader: None }));
    node.timer_fired(Timer::Heartbeat);
    assert_eq!(node.compact(Index(1)), Position::ZERO);
    assert!(node.take_output().messages.is_empty());
}

#[test]
fn a_round_is_confirmed_by_a_majority() {
    let mut node = leader();
    let looked = |node: &Raft| match node.inspect().role() {
        Role::Leader(leader) => (leader.round(), leader.confirmed()),
        Role::Follower(_) | Role::Candidate(_) => panic!("it leads"),
    };
    let answer = |round| AppendEntriesReply { round, outcome: AppendOutcome::Accepted { matched: Index(1) } };
    assert_eq!(looked(&node), (1, 0));
    for _ in 0..3 {
        node.timer_fired(Timer::Heartbeat);
        assert_eq!(node.take_output().confirmed_round, None, "nobody has answered");
    }
    tell(&mut node, TWO, Body::AppendEntriesReply(answer(3)));
    assert_eq!((looked(&node), node.take_output().confirmed_round), ((4, 3), Some(3)));
    assert_eq!(node.take_output().confirmed_round, None, "it is news once");
}
