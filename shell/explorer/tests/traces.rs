//! A trace is a function of its run and its window, and nothing else: whatever is cached, cut or put together, the bytes are the
//! same.

#![allow(clippy::unwrap_used)]

use quorate_explorer::trace::{ClientState, ClientView, Event, EventKind, NodeView, Trace, Window, WorldView};
use quorate_explorer::{Explorer, Refusal, digest, limits, trace};
use sim::draw::run_of_seed;
use sim::run::{Act, Ask, Order, Run, Step};

const SECOND: u64 = 1_000_000;

fn window(from: u64, until: u64) -> Window {
    Window { from: from * SECOND / 10, until: until * SECOND / 10 }
}

fn step(at: u64, act: Act) -> Step {
    Step { at: at * 1000, act }
}

fn put(at: u64, value: &str) -> Step {
    step(at, Act::Client { to: 0, op: Ask::Put { key: "x".into(), value: value.into() } })
}

/// A run in which much happens.
fn busy(seed: u64) -> Run {
    let mut run = Run::teaching(seed, 5);
    (run.limits.snapshot_entries, run.limits.snapshot_tail) = (4, 0);
    run.script = vec![
        put(300, "1"),
        step(500, Act::Partition { groups: vec![vec![1, 2], vec![3, 4, 5]] }),
        put(700, "2"),
        step(900, Act::PowerLoss { n: 3, keep: 500 }),
        put(1100, "3"),
        step(1300, Act::Heal),
        step(1500, Act::Restart { n: 3 }),
        step(1600, Act::Filter { from: 1, to: 2, kind: "AppendEntries".into(), lost: true }),
        put(1700, "4"),
        step(1800, Act::AlignTimers),
        step(1900, Act::Order { at: 0, order: Order::Resize { voters: 3, fresh: 1 }, wish: false }),
        put(2500, "5"),
        put(2600, "6"),
        step(2700, Act::Transfer { n: 0, to: 0 }),
    ];
    run
}

/// The runs that are compared: some made for it, some drawn as the simulator draws them.
fn runs() -> Vec<Run> {
    let drawn = (0..12).map(run_of_seed).filter(|run| limits::check(run).is_ok());
    (0..10).map(busy).chain(drawn).collect()
}

#[test]
fn the_same_run_is_the_same_trace() {
    for run in runs().iter().step_by(5) {
        assert_eq!(trace(run, window(0, 20)), trace(run, window(0, 20)));
    }
}

#[test]
fn the_digest_is_of_all_that_a_trace_says() {
    for run in runs().iter().step_by(7) {
        let trace = trace(run, window(3, 20)).unwrap();
        let rest = Trace { digest: String::new(), ..trace.clone() };
        assert_eq!(trace.digest, digest::fnv(&serde_json::to_vec(&rest).unwrap()), "seed {}", run.seed);
    }
}

#[test]
fn a_window_is_its_two_halves() {
    for run in runs() {
        let whole = trace(&run, window(0, 20)).unwrap();
        let (first, second) = (trace(&run, window(0, 9)).unwrap(), trace(&run, window(9, 20)).unwrap());
        let parts: Vec<&Event> = first.events.iter().chain(&second.events).collect();
        let same = parts.iter().zip(&whole.events).position(|(part, event)| *part != event);
        assert_eq!(
            (same, parts.len()),
            (None, whole.events.len()),
            "seed {}: {:?}",
            run.seed,
            same.map(|at| (parts[at], &whole.events[at]))
        );
        assert_eq!(whole.world, first.world);
    }
}

/// What a page makes of a window: the world at its beginning and every event after it.
fn played(trace: &Trace) -> WorldView {
    let mut world = trace.world.clone();
    for event in &trace.events {
        for delta in &event.nodes {
            match world.nodes.iter_mut().find(|node| node.id == delta.id) {
                Some(node) => delta.apply(node),
                None => world.nodes.push(newcomer(delta.id, &world.nodes[0], delta)),
            }
        }
        world.flights.extend(event.sent.iter().filter(|flight| flight.lost_at.is_none()).cloned());
        world.flights.retain(|flight| event.gone.iter().all(|gone| gone.id != flight.id));
        if let Some(links) = &event.links {
            world.links.clone_from(links);
        }
        for client in &event.clients {
            world.clients.retain(|one| one.request != client.request);
            world.clients.push(client.clone());
        }
        if let Some(checks) = &event.checks {
            world.checks.clone_from(checks);
        }
    }
    world.flights.sort_by_key(|flight| flight.id);
    world.clients.sort_by_key(|client| client.request);
    world
}

/// A node that was not there before: its first change says everything that is not nothing.
fn newcomer(id: u64, like: &NodeView, delta: &quorate_explorer::trace::NodeDelta) -> NodeView {
    let mut node = NodeView::blank(id);
    assert!(like.id != id);
    delta.apply(&mut node);
    node
}

#[test]
fn what_a_page_plays_is_what_the_next_window_begins_with() {
    for run in runs() {
        let first = trace(&run, window(0, 14)).unwrap();
        let mut next = trace(&run, window(14, 14)).unwrap().world;
        next.flights.sort_by_key(|flight| flight.id);
        let played = played(&first);
        for (ours, theirs) in played.nodes.iter().zip(&next.nodes) {
            assert_eq!(ours, theirs, "seed {}", run.seed);
        }
        assert_eq!(played.flights, next.flights, "seed {}", run.seed);
        assert_eq!((&played.links, &played.checks), (&next.links, &next.checks), "seed {}", run.seed);
        let known = played.clients.len().min(next.clients.len());
        assert_eq!(played.clients[played.clients.len() - known..], next.clients[next.clients.len() - known..]);
    }
}

#[test]
fn what_is_cached_changes_no_byte() {
    let mut explorer = Explorer::default();
    for run in runs() {
        // The first of each run could go on with the world of the run before, were that taken for its own.
        for (from, until) in [(9, 10), (0, 5), (5, 12), (12, 13), (3, 8), (20, 25), (0, 5)] {
            let cached = explorer.trace(&run, window(from, until)).unwrap();
            assert_eq!(cached, trace(&run, window(from, until)).unwrap(), "seed {}", run.seed);
        }
    }
}

#[test]
fn a_fork_keeps_what_was_before_it() {
    for seed in 0..10 {
        let run = busy(seed);
        let mut fork = run.clone();
        fork.script.retain(|step| step.at < 1_200_000);
        fork.script.push(step(1200, Act::Crash { n: 1 }));
        let (trunk, branch) = (trace(&run, window(0, 20)).unwrap(), trace(&fork, window(0, 20)).unwrap());
        let before =
            |trace: &Trace| trace.events.iter().filter(|event| event.t < 1_200_000).cloned().collect::<Vec<_>>();
        assert_eq!(before(&trunk), before(&branch));
        assert_ne!(trunk.digest, branch.digest);
        // The world of the trunk that stands before the fork is gone on with.
        let mut explorer = Explorer::default();
        explorer.trace(&run, window(0, 11)).unwrap();
        assert_eq!(explorer.trace(&fork, window(11, 20)), trace(&fork, window(11, 20)));
    }
}

#[test]
fn events_are_numbered_upwards_and_lie_in_their_window() {
    for run in runs() {
        let trace = trace(&run, window(4, 14)).unwrap();
        assert!(
            trace.events.windows(2).all(|pair| pair[0].n < pair[1].n && pair[0].t <= pair[1].t),
            "seed {}",
            run.seed
        );
        assert!(trace.events.iter().all(|event| trace.from < event.t && event.t <= trace.until));
        assert!(trace.events.iter().all(|event| event.kind == EventKind::Change || !event.text.is_empty()));
    }
}

#[test]
fn many_things_of_one_moment_have_numbers_of_their_own() {
    let mut run = Run::teaching(1, 3);
    run.timing.client_delay = 0;
    run.script = (0..150).map(|number| put(500, &number.to_string())).collect();
    let events = trace(&run, window(0, 10)).unwrap().events;
    assert!(events.windows(2).all(|pair| pair[0].n < pair[1].n));
    let told = |event: &&Event| event.kind == EventKind::Answer;
    let mut moments: Vec<u64> = events.iter().filter(told).map(|event| event.t).collect();
    let answers = moments.len();
    moments.dedup();
    assert!(answers == 150 && moments.len() < 3, "{answers} answers at {moments:?}: none of it was at once");
}

/// `op` in a session, asked for three times: of two members at once, and of the third when something else was done.
fn asked_three_times(op: &Ask) -> (Vec<ClientView>, Vec<String>) {
    let mut run = Run::teaching(3, 3);
    let ask = |op: Ask, to: u64| Act::Client { to, op };
    let (session, op) = ("s".to_owned(), Box::new(op.clone()));
    let once = Ask::Once { session, sequence: 1, acknowledged: 0, another_word: false, op };
    run.script = vec![
        put(300, "1"),
        step(400, ask(Ask::Open { session: "s".into(), ttl: 60_000_000 }, 0)),
        step(600, ask(once.clone(), 1)),
        step(605, ask(once.clone(), 2)),
        put(900, "2"),
        step(1000, ask(once, 3)),
    ];
    let world = trace(&run, window(20, 20)).unwrap().world;
    let kept = world.nodes.iter().map(|node| format!("{:?}", node.kv)).collect();
    (world.clients, kept)
}

#[test]
fn a_command_that_is_asked_for_again_takes_effect_once() {
    let set = Ask::Put { key: "x".into(), value: "7".into() };
    for op in [set, Ask::Delete { key: "x".into() }, Ask::Cas { key: "x".into(), from: "1".into(), to: "8".into() }] {
        let (clients, kept) = asked_three_times(&op);
        assert!(clients.iter().all(|one| one.state == ClientState::Done), "{op:?}: {clients:?}");
        // The last copy comes after x was set to 2, and does not touch it.
        assert_eq!(kept, [r#"{"x": "2"}"#; 3], "{op:?}");
    }
}

#[test]
fn a_request_is_told_in_words_that_can_be_asked_again() {
    let (clients, _) = asked_three_times(&Ask::Cas { key: "x".into(), from: "1".into(), to: "8".into() });
    let asks: Vec<&str> = clients.iter().map(|one| one.asks.as_str()).collect();
    assert_eq!(asks[..2], ["put x 1", "open a session for 60000 ms"]);
    assert!(asks[2].starts_with("cas x 1 8, command 1 of session "), "{asks:?}");
    assert!(asks[2] == asks[3] && asks[3] == asks[5], "{asks:?}");
}

#[test]
fn a_client_is_told_whether_anything_changed() {
    let told = |op: Ask| {
        let (clients, kept) = asked_three_times(&op);
        assert_eq!(kept, [r#"{"x": "2"}"#; 3], "{op:?}");
        [2, 3, 5].map(|at: usize| clients[at].answer.clone().unwrap())
    };
    let cas = |from: &str| Ask::Cas { key: "x".into(), from: from.into(), to: "8".into() };
    // The copies get the answer of the first, though by then it would be another one.
    assert_eq!(told(cas("1")), ["done"; 3]);
    assert_eq!(told(cas("2")), ["nothing changed: another value is there"; 3]);
    assert_eq!(told(Ask::Delete { key: "x".into() }), ["done"; 3]);
    assert_eq!(told(Ask::Delete { key: "y".into() }), ["nothing was there"; 3]);
}

#[test]
fn what_is_too_large_is_refused_with_a_sentence() {
    let refused = |change: fn(&mut Run)| {
        let mut run = Run::teaching(1, 5);
        change(&mut run);
        trace(&run, window(0, 1)).map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(refused(|_| ()), Ok(()));
    let fresh = |run: &mut Run| {
        run.script.push(step(1, Act::Order { at: 0, order: Order::Resize { voters: 5, fresh: 5 }, wish: false }));
    };
    assert!(refused(fresh).unwrap_err().contains("up to 10 nodes"));
    let known = |run: &mut Run| {
        run.script = (1..9)
            .map(|at| {
                step(
                    at,
                    Act::Order { at: 0, order: Order::Set { voters: vec![1, 2, 3, 4], learners: vec![] }, wish: false },
                )
            })
            .collect();
    };
    assert_eq!(refused(known), Ok(()), "they are there already");
    assert!(refused(|run| run.members = 10).unwrap_err().contains("10 members"));
    assert!(refused(|run| run.script = vec![step(1, Act::Heal); 501]).unwrap_err().contains("501 steps"));
    assert!(refused(|run| run.script.push(step(601_000, Act::Heal))).unwrap_err().contains("second 601"));
    assert!(refused(|run| run.script.push(put(1, &"v".repeat(257)))).unwrap_err().contains("257 bytes"));
    assert!(refused(|run| run.clients.value_bytes_max = 1 << 20).unwrap_err().contains("values"));
    assert!(refused(|run| run.clients.count = 900).unwrap_err().contains("clients"));
    let run = Run::teaching(1, 3);
    let of = |from, until| trace(&run, Window { from, until }).unwrap_err();
    assert!(matches!(of(5, 4), Refusal::Window(_)));
    assert!(of(0, 10_000_001).to_string().contains("ten seconds"));
    assert!(of(599_999_999, 600_000_001).to_string().contains("ten minutes"));
}

#[test]
fn a_run_that_is_too_busy_is_refused_and_not_played_for_ever() {
    let mut run = Run::teaching(1, 3);
    (run.clients.count, run.clients.keys) = (40, 3);
    run.timing.disk = 0;
    let late = trace(&run, Window { from: 590 * SECOND, until: 600 * SECOND });
    assert!(late.unwrap_err().to_string().starts_with("too much happens"), "forty clients that never rest");
}

#[test]
fn a_broken_rule_ends_the_trace_and_names_what_falls() {
    let mut run = Run::teaching(1, 5);
    run.rules_off = vec![sim::rules::Rule::OneVote];
    run.features.pre_vote = false;
    run.script = vec![step(50, Act::AlignTimers)];
    let all: Vec<Trace> = (0..40).map(|seed| trace(&Run { seed, ..run.clone() }, window(0, 30)).unwrap()).collect();
    let broken: Vec<&Trace> = all.iter().filter(|trace| trace.end < 30 * SECOND).collect();
    assert!(!broken.is_empty(), "servers that vote for everybody elect two");
    for trace in broken {
        let last = trace.events.last().unwrap();
        assert_eq!((last.kind, last.t), (EventKind::Broken, trace.end));
        let checks = last.checks.iter().flatten();
        let fell: Vec<&str> = checks.filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
        assert_eq!(fell, ["Election Safety"], "{}", last.text);
        assert!(last.text.starts_with("Election Safety does not hold any more: "), "{}", last.text);
    }
}
