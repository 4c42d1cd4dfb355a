//! Calls within a session: each takes effect once, whatever is lost on the way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_client::{Code, Config, Outcome, Reason};

use super::support::{FakeCluster, Fault, client, quick_once, until};

#[tokio::test]
async fn a_write_whose_answer_is_lost_takes_effect_once() {
    for fault in [Fault::AnswerLost, Fault::Lost, Fault::DoneAndHangs, Fault::Hangs, Fault::Late] {
        let (cluster, fakes) = FakeCluster::start(3).await;
        let client = client(&fakes.iter().collect::<Vec<_>>(), quick_once());
        fakes.iter().for_each(|fake| fake.next([fault; 2]));
        let answer = client.put("a", "1").await.unwrap();
        cluster.nothing_is_late().await;
        let store = cluster.store();
        assert_eq!(store.version("a"), 1, "{fault:?}");
        assert_eq!(answer.header.unwrap().revision, 2, "the first answer");
        if matches!(fault, Fault::AnswerLost | Fault::DoneAndHangs) {
            assert!(store.repeated > 0, "copies got the answer of the first");
        }
    }
}

#[tokio::test]
async fn a_refusal_of_one_copy_does_not_speak_for_the_others() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick_once());
    let full = Fault::Refused(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
    fakes[0].next([Fault::AnswerLost, full]);
    client.put("a", "1").await.unwrap();
    assert_eq!((cluster.store().version("a"), fakes[0].asked()), (1, 3));

    let not_there = Fault::Refused(Code::InvalidArgument, "etcdserver: key not found");
    fakes[0].next([Fault::Lost, not_there]);
    let error = client.put("a", "2").await.unwrap_err();
    assert_eq!((error.outcome, error.code()), (Outcome::NotApplied, Some(Code::InvalidArgument)));

    fakes[0].next([Fault::AnswerLost]);
    fakes[0].always(full);
    let hasty =
        super::support::client(&[&fakes[0]], Config { request_time: Duration::from_millis(400), ..quick_once() });
    let error = hasty.put("b", "1").await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::Unknown, Reason::OutOfTime));
    fakes[0].next([full]);
    let error = client.put("c", "1").await.unwrap_err();
    assert_eq!((error.outcome, error.code()), (Outcome::NotApplied, Some(Code::ResourceExhausted)));
}

#[tokio::test]
async fn a_forgotten_session_is_opened_anew_when_nothing_is_in_doubt() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick_once());
    client.put("a", "1").await.unwrap();
    cluster.store().sessions.clear();
    client.put("a", "2").await.unwrap();
    let store = cluster.store();
    assert_eq!((store.opened, store.version("a")), (2, 2));
}

#[tokio::test]
async fn a_session_forgotten_under_a_write_leaves_it_unknown() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick_once());
    client.put("a", "1").await.unwrap();
    fakes[0].next([Fault::DoneAndHangs]);
    let writing = tokio::spawn({
        let client = client.clone();
        async move { client.put("a", "2").await }
    });
    until("the second write is done", async || cluster.store().version("a") == 2).await;
    cluster.store().sessions.clear();
    let error = writing.await.unwrap().unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::Unknown, Reason::SessionLost));
    assert_eq!(cluster.store().version("a"), 2);
    client.put("a", "3").await.unwrap();
    let store = cluster.store();
    assert_eq!((store.opened, store.version("a")), (2, 3));
}

#[tokio::test]
async fn without_sessions_nothing_is_written() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    cluster.serves_sessions.store(false, Ordering::SeqCst);
    let error = client(&[&fakes[0]], quick_once()).put("a", "1").await.unwrap_err();
    assert_eq!((error.outcome, error.reason.clone()), (Outcome::NotApplied, Reason::NoSessions));
    assert!(error.to_string().contains("serves no exactly-once sessions"), "{error}");
    assert_eq!(fakes[0].asked(), 0);
}

#[tokio::test]
async fn an_idle_session_is_kept_alive_as_long_as_its_client() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    cluster.store().ttl_ms = 90;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let client = client(&[&fakes[0]], quick_once());
    client.put("a", "1").await.unwrap();
    until("it was kept alive", async || cluster.store().kept_alive >= 5).await;
    assert!(tasks() > before, "somebody keeps it");
    drop(client);
    until("nobody is left to keep it, and no connection to keep it by", async || tasks() == before).await;
}

#[tokio::test]
async fn a_closed_session_is_gone_and_the_next_write_opens_another() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    let client = client(&[&fakes[0]], quick_once());
    client.close().await.unwrap();
    assert_eq!(cluster.store().opened, 0, "there was none");
    client.put("a", "1").await.unwrap();
    client.close().await.unwrap();
    assert_eq!(cluster.store().sessions.len(), 0);
    client.put("a", "2").await.unwrap();
    let store = cluster.store();
    assert_eq!((store.opened, store.sessions.len()), (2, 1));
}

#[tokio::test]
async fn no_more_commands_are_under_way_than_the_cluster_remembers() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    cluster.store().outstanding_max = 4;
    let client = client(&[&fakes[0]], quick_once());
    // The oldest one hangs: those behind it wait until it is answered by its copy.
    fakes[0].next([Fault::None, Fault::Hangs]);
    client.put("first", "1").await.unwrap();
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = client.clone();
        writes.spawn(async move { client.put(format!("k{number}"), "1").await });
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap().unwrap();
    }
    let store = cluster.store();
    assert_eq!((store.opened, store.rows.len()), (1, 41));
    assert!(store.held_max <= 4, "{} results were held", store.held_max);
}

#[tokio::test]
async fn a_write_that_its_caller_drops_holds_nobody_up() {
    let (cluster, fakes) = FakeCluster::start(1).await;
    cluster.store().outstanding_max = 2;
    let client = client(&[&fakes[0]], quick_once());
    client.put("a", "1").await.unwrap();
    for _ in 0..4 {
        fakes[0].next([Fault::Hangs]);
        tokio::time::timeout(Duration::from_millis(20), client.put("lost", "1")).await.unwrap_err();
    }
    client.put("a", "2").await.unwrap();
    assert_eq!(cluster.store().version("a"), 2);
}
