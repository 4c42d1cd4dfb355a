//! Calls without a session: whom they find, what they repeat, and how they end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use quorate_client::api::etcdserverpb::RangeRequest;
use quorate_client::{Client, Code, Config, Consistency, Outcome, Reason};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::support::{Fake, FakeCluster, Fault, client, nobody, quick, until};

#[tokio::test]
async fn one_endpoint_is_enough_to_find_the_leader() {
    let (_, fakes) = FakeCluster::start(3).await;
    let client = client(&[&fakes[2]], quick());
    client.put("a", "1").await.unwrap();
    let leader = (1, Some(format!("http://{}", fakes[0].at)));
    until("the leader is met", async || client.leader() == Some(leader.clone())).await;
    let before = fakes[0].asked();
    client.put("a", "2").await.unwrap();
    assert_eq!(client.get("a").await.unwrap().unwrap().value, "2");
    assert_eq!(fakes[0].asked(), before + 2, "the leader is asked");
}

#[tokio::test]
async fn a_learner_is_asked_for_the_others_and_for_nothing_else() {
    let (cluster, fakes) = FakeCluster::start(2).await;
    fakes[1].always(Fault::Refused(Code::FailedPrecondition, "etcdserver: rpc not supported for learner"));
    // Before anyone says that it learns: its refusal does no harm.
    let unaware = client(&[&fakes[1]], quick());
    unaware.put("a", "1").await.unwrap();
    cluster.learner.store(2, Ordering::SeqCst);
    let aware = client(&[&fakes[0], &fakes[1]], quick());
    aware.put("a", "2").await.unwrap();
    until("both are met", async || aware.leader() == Some((1, Some(format!("http://{}", fakes[0].at))))).await;
    let before = fakes[1].asked();
    fakes[0].next([Fault::NoLeader; 2]);
    aware.put("a", "3").await.unwrap();
    assert_eq!((cluster.store().version("a"), fakes[1].asked()), (3, before));
}

#[tokio::test]
async fn whoever_is_not_there_is_passed_over() {
    let (_, fakes) = FakeCluster::start(1).await;
    let client = Client::with([&nobody().await, &fakes[0].at], quick()).unwrap();
    client.put("a", "1").await.unwrap();
    assert_eq!(client.get("a").await.unwrap().unwrap().value, "1");
}

#[tokio::test]
async fn a_write_without_a_leader_is_asked_again_until_there_is_one() {
    let (cluster, fakes) = FakeCluster::start(3).await;
    let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
    fakes.iter().for_each(|fake| fake.next([Fault::NoLeader; 3]));
    client.put("a", "1").await.unwrap();
    assert_eq!(cluster.store().version("a"), 1);
    assert!(fakes.iter().map(Fake::asked).sum::<usize>() >= 10, "nine were turned away");
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_never_sent_again() {
    for fault in [Fault::Lost, Fault::AnswerLost, Fault::Late] {
        let (_, fakes) = FakeCluster::start(3).await;
        let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
        fakes.iter().for_each(|fake| fake.next([fault]));
        let error = client.put("a", "1").await.unwrap_err();
        assert_eq!(error.outcome, Outcome::Unknown);
        assert!(matches!(error.reason, Reason::Interrupted { .. }), "{error}");
        assert!(
            error.to_string().ends_with("it was not sent again; whether the request took effect is unknown"),
            "{error}"
        );
        assert_eq!(fakes.iter().map(Fake::asked).sum::<usize>(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_write_leaves_it_unknown() {
    let (_, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], Config { request_time: Duration::from_millis(300), ..quick() });
    fakes[0].next([Fault::DoneAndHangs]);
    let error = client.put("a", "1").await.unwrap_err();
    assert_eq!((error.outcome, fakes[0].asked()), (Outcome::Unknown, 1));
}

#[tokio::test]
async fn a_read_is_asked_of_another_member() {
    for fault in [Fault::Lost, Fault::NoLeader, Fault::Hangs] {
        let (_, fakes) = FakeCluster::start(3).await;
        let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
        client.put("a", "1").await.unwrap();
        fakes[0].always(fault);
        fakes[1].next([fault]);
        assert_eq!(client.get("a").await.unwrap().unwrap().value, "1", "{fault:?}");
    }
}

#[tokio::test]
async fn a_member_that_hangs_goes_last_for_a_while() {
    let (_, fakes) = FakeCluster::start(3).await;
    let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
    client.put("a", "1").await.unwrap();
    fakes[0].always(Fault::Hangs);
    let before = fakes[0].asked();
    for _ in 0..3 {
        client.get("a").await.unwrap();
    }
    assert_eq!(fakes[0].asked(), before + 1, "the second read and the third went past it");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let (_, fakes) = FakeCluster::start(3).await;
    let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
    for (code, text) in [
        (Code::InvalidArgument, "etcdserver: key is not provided"),
        (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
        (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
    ] {
        let before: usize = fakes.iter().map(Fake::asked).sum();
        fakes[0].next([Fault::Refused(code, text)]);
        let error = client.put("a", "1").await.unwrap_err();
        assert_eq!((error.outcome, error.code()), (Outcome::NotApplied, Some(code)));
        assert_eq!(error.to_string(), format!("{text} (from http://{})", fakes[0].at));
        assert_eq!(fakes.iter().map(Fake::asked).sum::<usize>(), before + 1);
    }
}

#[tokio::test]
async fn when_nobody_is_there_the_error_names_everyone() {
    let down = [nobody().await, nobody().await];
    let hasty = Client::with(&down, Config { patience: Some(Duration::ZERO), ..quick() }).unwrap();
    let error = hasty.put("a", "1").await.unwrap_err();
    assert_eq!((error.outcome, error.reason.clone()), (Outcome::NotApplied, Reason::Nobody));
    let text = error.to_string();
    assert!(text.starts_with(&format!("no member answered: http://{}: ", down[0])), "{text}");
    assert!(text.contains(&format!("; http://{}: ", down[1])) && text.contains("refused"), "{text}");

    let patient = Client::with(&down, Config { request_time: Duration::from_millis(400), ..quick() }).unwrap();
    let start = Instant::now();
    let error = patient.get("a").await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::NotApplied, Reason::OutOfTime));
    assert!((300..4000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_host_that_accepts_and_says_nothing_is_passed_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut byte = [0];
            drop(stream.read(&mut byte).await);
            held.push(stream);
        }
    });
    let (_, fakes) = FakeCluster::start(1).await;
    let client = Client::with([&silent, &fakes[0].at], quick()).unwrap();
    let start = Instant::now();
    client.put("a", "1").await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn another_leader_is_found_by_the_term_of_an_answer() {
    let (cluster, fakes) = FakeCluster::start(3).await;
    let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
    client.put("a", "1").await.unwrap();
    cluster.elect(2);
    client.put("a", "2").await.unwrap();
    let leader = (2, Some(format!("http://{}", fakes[1].at)));
    until("the new leader is known", async || client.leader() == Some(leader.clone())).await;
    let before = fakes[1].asked();
    client.put("a", "3").await.unwrap();
    assert_eq!(fakes[1].asked(), before + 1);
}

#[tokio::test]
async fn a_member_that_was_added_is_found_by_any_answer() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick());
    client.put("a", "1").await.unwrap();
    until("the members were listed", async || cluster.lists.load(Ordering::SeqCst) > 0).await;
    let new = Fake::start(&cluster, 2).await;
    cluster.configuration.store(7, Ordering::SeqCst);
    client.put("a", "2").await.unwrap();
    until("the new member is met", async || new.looked_at() > 0).await;
    let lists = cluster.lists.load(Ordering::SeqCst);
    client.put("a", "3").await.unwrap();
    assert_eq!(cluster.lists.load(Ordering::SeqCst), lists, "it is listed already");
}

#[tokio::test]
async fn an_endpoint_of_another_cluster_is_never_asked() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let strangers = FakeCluster::new();
    strangers.id.store(0xc2, Ordering::SeqCst);
    let stranger = Fake::start(&strangers, 2).await;
    cluster.advertise(2, &stranger.at);
    cluster.elect(2);
    let client = client(&[&fakes[0]], quick());
    let (mut asked, mut met) = (0, None);
    until("the stranger has answered, and a look at all members has ended since", async || {
        // Without a leader for once, the client looks around.
        fakes[0].next([Fault::NoLeader]);
        client.put("a", "1").await.unwrap();
        asked += 2;
        // A look ends when all have answered, before the next begins.
        met = met.or_else(|| (stranger.looked_at() > 0).then(|| fakes[0].looked_at()));
        met.is_some_and(|looks| fakes[0].looked_at() >= looks + 2)
    })
    .await;
    for _ in 0..5 {
        client.put("a", "1").await.unwrap();
    }
    assert_eq!((stranger.asked(), fakes[0].asked()), (0, asked + 5));
}

#[tokio::test]
async fn a_write_that_another_cluster_took_is_told_as_such() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick());
    client.put("a", "1").await.unwrap();
    cluster.id.store(0xc2, Ordering::SeqCst);
    let error = client.put("a", "2").await.unwrap_err();
    assert_eq!(
        (error.outcome, error.reason.clone()),
        (Outcome::Applied, Reason::OtherCluster { met: 0xc1, came: 0xc2 })
    );
    assert!(error.to_string().contains("answers for cluster c2"), "{error}");
}

#[tokio::test]
async fn reads_that_anyone_may_answer_go_round() {
    let (_, fakes) = FakeCluster::start(3).await;
    let client = client(&fakes.iter().collect::<Vec<_>>(), quick());
    client.put("a", "1").await.unwrap();
    until("all members are met", async || {
        let request = RangeRequest { key: "a".into(), ..RangeRequest::default() };
        client.range(request, Consistency::Serializable).await.unwrap();
        fakes.iter().all(|fake| fake.asked() >= 2)
    })
    .await;
}

#[tokio::test]
async fn status_asks_everyone_and_waits_for_nobody() {
    let (_, fakes) = FakeCluster::start(2).await;
    let down = nobody().await;
    let client = Client::with([&fakes[0].at, &down, &fakes[1].at], quick()).unwrap();
    let statuses = client.status().await;
    let names: Vec<String> = [&fakes[0].at, &down, &fakes[1].at].map(|at| format!("http://{at}")).to_vec();
    assert_eq!(statuses.iter().map(|status| status.endpoint.clone()).collect::<Vec<_>>(), names);
    assert_eq!(statuses[0].answer.as_ref().unwrap().leader, 1);
    assert!(statuses[1].answer.as_ref().unwrap_err().contains("refused"), "{:?}", statuses[1]);
    assert_eq!(statuses[2].answer.as_ref().unwrap().header.unwrap().member_id, 2);
}

#[tokio::test]
async fn a_read_says_how_new_it_must_be() {
    let (_, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick());
    for (consistency, age, serializable) in [
        (Consistency::Linearizable, None, false),
        (Consistency::Serializable, None, true),
        (Consistency::Bounded(Duration::from_millis(20)), Some("20000us".to_owned()), true),
        (Consistency::Bounded(Duration::MAX), Some(format!("{}us", u64::MAX)), true),
    ] {
        let request = RangeRequest { key: "a".into(), serializable: !serializable, ..RangeRequest::default() };
        client.range(request, consistency).await.unwrap();
        assert_eq!(*fakes[0].asked_to_be.lock().unwrap(), (age, serializable), "{consistency:?}");
    }
}

#[tokio::test]
async fn a_client_outlives_the_runtime_that_it_was_first_used_in() {
    let (_, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick());
    let (there, down) = (client.clone(), nobody().await);
    let first = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Ends in the middle of a look.
        let lost = Client::with([down], quick()).unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(5), lost.get("a")).await }).unwrap_err();
        drop(runtime);
        (lost, there)
    });
    let (lost, _) = first.join().unwrap();
    assert_eq!(lost.get("a").await.unwrap_err().outcome, Outcome::NotApplied);
    client.put("a", "1").await.unwrap();
}
