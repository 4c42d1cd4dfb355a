//! Our own client against real members that are killed, stopped and restarted: what it says of each write is what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use client::api::etcdserverpb::RangeRequest;
use client::{Client, Compare, Config, Consistency, Operation, Outcome, Txn};
use e2e::{Cluster, Contents, Settings, all_equal, alone, count, soon, wait_until};
use tokio::task::JoinSet;

/// Few entries between snapshots, so that sessions are restored from them too.
fn settings() -> Settings {
    Settings::default().with("--snapshot-count=2000")
}

/// A call may wait for a whole cluster to come back.
fn patient(exactly_once: bool) -> Config {
    Config { exactly_once, request_time: 3 * soon(), attempt_time: Duration::from_secs(1), ..Config::default() }
}

/// What all workers share.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    acknowledged: AtomicU64,
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    async fn wait_more(&self, more: u64) {
        let goal = self.acknowledged() + more;
        let what = format!("{more} more writes");
        wait_until(&what, 2 * soon(), async || (self.acknowledged() >= goal).then_some(())).await;
    }
}

/// Writes that one worker was told of: of its own key, and steps of the counter of all.
#[derive(Debug, Default)]
struct Told {
    own: i64,
    steps: i64,
    unknown: i64,
    errors: Vec<String>,
}

/// Overwrites a key of its own, so that its version says how often, and steps a counter that all workers share.
async fn work(client: Client, name: String, shared: Arc<Shared>) -> Told {
    let mut told = Told::default();
    while shared.goes_on() {
        match client.put(name.clone(), told.own.to_string()).await {
            Ok(_) => told.own += 1,
            Err(error) => {
                told.unknown += i64::from(error.outcome == Outcome::Unknown);
                told.errors.push(error.to_string());
            }
        }
        shared.acknowledged.fetch_add(1, Ordering::SeqCst);
        match step(&client).await {
            Ok(stepped) => told.steps += i64::from(stepped),
            Err(error) => told.errors.push(error.to_string()),
        }
    }
    told
}

/// One step of the counter, unless another worker is faster.
async fn step(client: &Client) -> Result<bool, client::Error> {
    let row = client.get("counter").await?;
    let (revision, value) = row.map_or((0, 0), |row| (row.mod_revision, number(&row.value)));
    let step = Txn::new()
        .when(Compare::unchanged_since("counter", revision))
        .then(Operation::put("counter", (value + 1).to_string()));
    Ok(client.txn(step).await?.succeeded)
}

fn number(value: &[u8]) -> i64 {
    std::str::from_utf8(value).expect("a number").parse().expect("a number")
}

fn version(rows: &Contents, key: &str) -> i64 {
    rows.get(key.as_bytes()).map_or(0, |row| row.version)
}

/// So many workers, spread over a few clients.
fn start(cluster: &Cluster, workers: u32, config: &Config, shared: &Arc<Shared>) -> JoinSet<(String, Told)> {
    let endpoints = cluster.endpoints();
    let clients: Vec<Client> =
        (0..4).map(|_| Client::with(endpoints.split(','), config.clone()).expect("good endpoints")).collect();
    let mut running = JoinSet::new();
    for (number, client) in (0..workers).zip(clients.iter().cycle()) {
        let (name, client, shared) = (format!("worker{number}"), client.clone(), shared.clone());
        running.spawn(async move { (name.clone(), work(client, name, shared).await) });
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_of_a_session_happens_once_whoever_is_killed() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let shared = Arc::new(Shared::default());
    let workers = start(&cluster, count(16, 32), &patient(true), &shared);
    let rounds = count(4, 24);
    for round in 1..=rounds {
        shared.wait_more(100).await;
        let leader = cluster.wait_ready().await;
        if round % 4 == 0 {
            (0..cluster.len()).for_each(|place| cluster.kill(place));
            (0..cluster.len()).for_each(|place| cluster.start_member(place));
        } else {
            cluster.kill(leader);
            shared.wait_more(100).await;
            cluster.start_member(leader);
        }
    }
    shared.wait_more(100).await;
    shared.stop.store(true, Ordering::SeqCst);
    let told = workers.join_all().await;
    cluster.wait_ready().await;
    let rows = all_equal(&cluster).await;

    let mut steps = 0;
    for (name, told) in &told {
        assert_eq!(told.errors, [] as [String; 0], "{name}");
        assert_eq!(version(&rows, name), told.own, "{name}: acknowledged writes, and those that took effect");
        steps += told.steps;
    }
    assert_eq!((version(&rows, "counter"), number(&rows[&b"counter"[..]].value)), (steps, steps));
    eprintln!(
        "{rounds} kills under {} workers: {} writes and {steps} steps, each once",
        told.len(),
        shared.acknowledged()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_session_an_error_says_whether_the_write_took_effect() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let shared = Arc::new(Shared::default());
    let workers = start(&cluster, count(12, 32), &patient(false), &shared);
    for _ in 0..count(3, 20) {
        shared.wait_more(100).await;
        let leader = cluster.wait_ready().await;
        cluster.kill(leader);
        shared.wait_more(100).await;
        cluster.start_member(leader);
    }
    shared.stop.store(true, Ordering::SeqCst);
    let told = workers.join_all().await;
    cluster.wait_ready().await;
    let rows = all_equal(&cluster).await;
    let mut unknown = 0;
    for (name, told) in &told {
        let (took_effect, possible) = (version(&rows, name), told.own..=told.own + told.unknown);
        assert!(possible.contains(&took_effect), "{name}: {took_effect} took effect, {possible:?} may have");
        unknown += told.unknown;
    }
    eprintln!("{} writes, {unknown} of them unknown", shared.acknowledged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_goes_unnoticed() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let shared = Arc::new(Shared::default());
    let workers = start(&cluster, 8, &patient(true), &shared);
    for place in (0..cluster.len()).cycle().take(count(3, 12) as usize) {
        shared.wait_more(100).await;
        cluster.stop(place).await;
        shared.wait_more(100).await;
        cluster.start_member(place);
        cluster.wait_ready().await;
    }
    shared.stop.store(true, Ordering::SeqCst);
    for (name, told) in workers.join_all().await {
        assert_eq!(told.errors, [] as [String; 0], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_endpoint_is_enough_even_when_its_member_is_gone() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let leader = cluster.wait_ready().await;
    let follower = (leader + 1) % cluster.len();
    let only = format!("127.0.0.1:{}", cluster.client_port(follower));
    let client = Client::with([only], patient(false)).expect("a good endpoint");
    client.put("a", "1").await.expect("a follower passes it on");
    wait_until("the client meets the leader", soon(), async || client.leader()?.1).await;
    // Nothing acknowledged is older than no time at all.
    let request = RangeRequest { key: "a".into(), ..RangeRequest::default() };
    let newest = client.range(request, Consistency::Bounded(Duration::ZERO)).await.expect("there is a leader");
    assert_eq!(newest.kvs[0].value, "1");
    cluster.kill(follower);
    client.put("a", "2").await.expect("the others take it");
    cluster.start_member(follower);
    cluster.wait_ready().await;

    cluster.kill(leader);
    let row = wait_until("a read after the leader's end", soon(), async || client.get("a").await.ok()).await;
    assert_eq!(row.expect("it was written").value, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_pile_up_in_a_paused_cluster_take_effect_once() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(settings()).await;
    let shared = Arc::new(Shared::default());
    let workers = start(&cluster, 8, &patient(true), &shared);
    for _ in 0..count(1, 5) {
        shared.wait_more(100).await;
        (0..cluster.len()).for_each(|place| cluster.pause(place));
        // Long enough that each write is sent to every member.
        tokio::time::sleep(Duration::from_millis(3500)).await;
        (0..cluster.len()).for_each(|place| cluster.resume(place));
    }
    shared.wait_more(100).await;
    shared.stop.store(true, Ordering::SeqCst);
    let told = workers.join_all().await;
    cluster.wait_ready().await;
    let rows = all_equal(&cluster).await;
    for (name, told) in &told {
        assert_eq!((&told.errors[..], version(&rows, name)), (&[] as &[String], told.own), "{name}");
    }
}
