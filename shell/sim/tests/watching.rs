//! Worlds that are watched: what is seen is what happens, watching changes nothing, and what is done to single messages and timers
//! is done to these alone.

#![allow(clippy::unwrap_used)]

use quorate_sim::draw::run_of_seed;
use quorate_sim::run::{Act, Ask, Run, Step};
use quorate_sim::world::{Ending, Load, Sent, Sight, World};
use raft::NodeId;
use replica::PeerMessage;

fn step(at: u64, act: Act) -> Step {
    Step { at, act }
}

/// A world that is watched, at this time, with what was seen.
fn watched(run: &Run, until: u64) -> (World, Vec<Sight>) {
    let mut world = World::endless(run.clone()).unwrap();
    world.watch();
    world.run_until(until).unwrap();
    let sights = world.take_sights();
    (world, sights)
}

fn sent(sights: &[Sight]) -> Vec<&Sent> {
    sights.iter().filter_map(|sight| if let Sight::Sent(sent) = sight { Some(&**sent) } else { None }).collect()
}

fn ended(sights: &[Sight], id: u64) -> Option<Ending> {
    sights.iter().find_map(|sight| match sight {
        Sight::Ended(other, ending) if *other == id => Some(*ending),
        _ => None,
    })
}

fn kind(sent: &Sent) -> &'static str {
    match &sent.load {
        Load::Message(PeerMessage::Raft(message)) => message.body.name(),
        _ => "",
    }
}

#[test]
fn watching_changes_nothing() {
    for seed in 0..8 {
        let run = run_of_seed(seed);
        let mut unwatched = World::endless(run.clone()).unwrap();
        unwatched.run_until(3_000_000).unwrap();
        assert_eq!(watched(&run, 3_000_000).0.so_far(), unwatched.so_far());
    }
}

#[test]
fn every_message_leaves_once_and_ends_once() {
    for seed in 0..8 {
        let (world, sights) = watched(&run_of_seed(seed), 3_000_000);
        let flying: Vec<u64> = world.flights().iter().map(|sent| sent.id).collect();
        for one in sent(&sights).iter().filter(|sent| sent.lost_at.is_none()) {
            let ends = sights.iter().filter(|sight| matches!(sight, Sight::Ended(id, _) if *id == one.id)).count();
            assert_eq!(ends, usize::from(!flying.contains(&one.id)), "seed {seed}, message {}", one.id);
        }
    }
}

#[test]
fn a_message_that_is_dropped_is_lost_and_no_other() {
    let run = Run::teaching(1, 3);
    let (_, sights) = watched(&run, 400_000);
    let votes = sent(&sights);
    let vote = votes.iter().find(|sent| kind(sent) == "RequestVote").unwrap();
    let dropped = Run { script: vec![step(vote.at + 1, Act::Drop { msg: vote.id })], ..run };
    let (_, after) = watched(&dropped, 400_000);
    assert_eq!((ended(&sights, vote.id), ended(&after, vote.id)), (Some(Ending::Arrived), Some(Ending::Lost)));
    let next = votes.iter().find(|sent| sent.id > vote.id && kind(sent) == "RequestVote").unwrap();
    assert_eq!(ended(&after, next.id), Some(Ending::Arrived));
}

#[test]
fn a_message_that_is_held_back_comes_later_and_a_copy_comes_too() {
    let run = Run::teaching(1, 3);
    let (_, sights) = watched(&run, 400_000);
    let vote = *sent(&sights).iter().find(|sent| kind(sent) == "RequestVote").unwrap();
    let script = vec![
        step(vote.at + 1, Act::Duplicate { msg: vote.id }),
        step(vote.at + 2, Act::Delay { msg: vote.id, by: 70_000 }),
    ];
    let (_, after) = watched(&Run { script, ..run }, 400_000);
    let all = sent(&after);
    let again: Vec<Option<u64>> = all.iter().filter(|sent| sent.id == vote.id).map(|sent| sent.arrives).collect();
    assert_eq!(again, [vote.arrives, vote.arrives.map(|at| at + 70_000)]);
    let copy = all.iter().find(|sent| sent.copy_of == Some(vote.id)).unwrap();
    assert!(copy.arrives < again[1] && ended(&after, copy.id) == Some(Ending::Arrived));
}

#[test]
fn an_act_on_a_message_that_is_not_there_does_nothing() {
    let mut run = Run::teaching(1, 3);
    let (world, _) = watched(&run, 900_000);
    run.script =
        vec![step(1, Act::Drop { msg: 77 }), step(2, Act::Delay { msg: 5, by: 9 }), step(3, Act::Duplicate { msg: 0 })];
    let (again, _) = watched(&run, 900_000);
    assert_eq!(world.status(), again.status());
}

#[test]
fn a_timeout_is_known_before_it_runs_out() {
    let mut known = 0;
    for seed in 0..20 {
        let mut world = World::endless(Run::teaching(seed, 5)).unwrap();
        world.watch();
        world.run_until(20_000).unwrap();
        let (first, until) =
            (1..=5).map(NodeId).map(|id| (id, world.countdown(id).unwrap().until)).min_by_key(|one| one.1).unwrap();
        world.take_sights();
        world.run_until(until - 1).unwrap();
        let stands = |sights: &[Sight]| {
            sights
                .iter()
                .any(|sight| matches!(sight, Sight::Sent(sent) if kind(sent) == "PreVote" && sent.from == first))
        };
        assert!(!stands(&world.take_sights()), "seed {seed}");
        world.run_until(until + 100).unwrap();
        known += usize::from(stands(&world.take_sights()));
    }
    assert_eq!(known, 20, "who is said to stand first stands then");
}

#[test]
fn timeouts_are_aligned_and_spread() {
    let at = |act: Act| {
        let run = Run { script: vec![step(500_000, act)], ..Run::teaching(3, 5) };
        let run = Run {
            script: [vec![step(400_000, Act::Partition { groups: vec![] })], run.script.clone()].concat(),
            ..run
        };
        let (world, _) = watched(&run, 500_500);
        let followers = (1..=5).map(NodeId).filter(|id| world.view(*id).is_some_and(|view| !view.is_leader()));
        followers.map(|id| world.countdown(id).unwrap().until).collect::<Vec<u64>>()
    };
    assert_eq!(at(Act::AlignTimers), [650_000; 4]);
    assert_eq!(at(Act::SpreadTimers), [650_000, 680_000, 710_000, 740_000]);
}

#[test]
fn a_log_is_folded_when_somebody_says_so() {
    let put = |at, value: &str| step(at, Act::Client { to: 0, op: Ask::Put { key: "x".into(), value: value.into() } });
    let script = vec![put(400_000, "1"), put(450_000, "2"), step(700_000, Act::Snapshot { n: 2 })];
    let (world, sights) = watched(&Run { script, ..Run::teaching(2, 3) }, 900_000);
    let base = |n| world.view(NodeId(n)).unwrap().log().base().index.0;
    assert_eq!((base(1), base(2), base(3)), (0, 3, 0));
    assert!(sights.iter().any(|sight| matches!(sight, Sight::SnapshotTaken(NodeId(2), raft::Index(3)))));
    assert_eq!(world.snapshot_of(NodeId(2)), 3);
}

#[test]
fn a_world_goes_on_with_more_script() {
    let run = Run::teaching(2, 3);
    let longer = Run { script: vec![step(600_000, Act::Crash { n: 1 })], ..run.clone() };
    let (mut world, _) = watched(&run, 500_000);
    assert!(!world.continue_with(&[step(500_000, Act::Heal)]), "that is over");
    assert!(world.continue_with(&longer.script));
    world.run_until(900_000).unwrap();
    assert_eq!(world.so_far(), watched(&longer, 900_000).0.so_far());
    assert!(!world.continue_with(&run.script), "the crash has happened");
}

#[test]
fn what_a_disk_keeps_is_term_vote_and_log() {
    let script = vec![step(800_000, Act::Crash { n: 2 })];
    let mut world = World::endless(Run { script, ..Run::teaching(2, 3) }).unwrap();
    world.run_until(799_000).unwrap();
    let (term, vote, last) = {
        let view = world.view(NodeId(2)).unwrap();
        (view.term().0, view.vote().map_or(0, |vote| vote.0), view.last().index.0)
    };
    world.run_until(801_000).unwrap();
    let kept = world.kept(NodeId(2)).unwrap();
    assert_eq!((kept.term, kept.vote, kept.entries.len() as u64), (term, vote, last));
    assert!(last > 0);
}
