//! Reads of a bounded age through our own client, which asks any member: none misses what was acknowledged so long before, also while
//! members stand still; and a member that is cut off answers within the bound only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::api::etcdserverpb::{RangeRequest, RangeResponse};
use client::{Client, Config, Consistency};
use e2e::{Cluster, Settings, alone, count, soon, wait_until};

const KEY: &str = "register";
/// The bound.
const AGE: Duration = Duration::from_millis(300);

/// What was acknowledged, and when, in rising order.
#[derive(Debug, Default)]
struct Acknowledged {
    rows: Mutex<Vec<(Instant, u64)>>,
    stop: AtomicBool,
}

impl Acknowledged {
    /// The newest number that was acknowledged by then.
    fn by(&self, moment: Instant) -> u64 {
        let rows = self.rows.lock().expect("no client panics");
        let before = rows.partition_point(|(acknowledged, _)| *acknowledged <= moment);
        before.checked_sub(1).map_or(0, |at| rows[at].1)
    }
}

/// Raises the number until it is told to stop. A write in doubt may take effect or not: the next one is higher in any case.
async fn raise(client: Client, acknowledged: Arc<Acknowledged>) {
    let mut next = 1;
    while !acknowledged.stop.load(Ordering::SeqCst) {
        if client.put(KEY, next.to_string()).await.is_ok() {
            acknowledged.rows.lock().expect("no client panics").push((Instant::now(), next));
        }
        next += 1;
    }
}

fn request() -> RangeRequest {
    RangeRequest { key: KEY.into(), ..RangeRequest::default() }
}

/// The number, and the id of the member that answered.
fn answer(response: &RangeResponse) -> (u64, u64) {
    let number = |value: &[u8]| std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("a number");
    let member = response.header.as_ref().map_or(0, |header| header.member_id);
    (response.kvs.first().map_or(0, |row| number(&row.value)), member)
}

fn client(cluster: &Cluster, config: Config) -> Client {
    Client::with(cluster.endpoints().split(','), config).expect("good addresses")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounded_read_misses_nothing_that_is_older_than_its_bound() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let (reads, pauses) = (count(400, 4000), count(1, 4));
    let acknowledged = Arc::new(Acknowledged::default());
    // An attempt that a paused member leaves unanswered goes to another: exactly once, so that the number never falls.
    let writer = tokio::spawn(raise(client(&cluster, Config::exactly_once()), acknowledged.clone()));
    let config = Config { attempt_time: Duration::from_millis(700), ..Config::default() };
    let (reader, told) = (client(&cluster, config), acknowledged.clone());
    let reader = tokio::spawn(async move {
        let mut served = BTreeMap::<u64, u32>::new();
        for _ in 0..reads {
            let floor = told.by(Instant::now() - AGE);
            let response = reader.range(request(), Consistency::Bounded(AGE)).await.expect("somebody answers");
            let (number, member) = answer(&response);
            assert!(number >= floor, "{number} was read, {floor} was acknowledged {AGE:?} before");
            *served.entry(member).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        served
    });

    for _ in 0..pauses {
        let leader = cluster.wait_ready().await;
        let follower = (leader + 1) % cluster.len();
        cluster.pause(follower);
        tokio::time::sleep(4 * AGE).await;
        cluster.resume(follower);
    }
    let served = reader.await.unwrap();
    acknowledged.stop.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let last = acknowledged.by(Instant::now());
    eprintln!("{reads} bounded reads of a number that reached {last}, by member: {served:?}");
    assert!(served.len() == cluster.len() && last > 20, "all members answer: {served:?}; the number reached {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_cut_off_answers_within_the_bound_and_not_beyond_it() {
    let _turn = alone().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let leader = cluster.wait_ready().await;
    let lonely = (leader + 1) % cluster.len();
    let id = cluster.client(lonely).status().await.unwrap().header.unwrap().member_id;
    let endpoint = format!("127.0.0.1:{}", cluster.client_port(lonely));
    // A member without a leader says so after three election timeouts: an attempt waits longer than that.
    let config = Config { attempt_time: 5 * cluster.election_timeout(), request_time: soon(), ..Config::default() };
    let client = client(&cluster, Config { patience: Some(10 * cluster.election_timeout()), ..config });
    client.put(KEY, "7").await.unwrap();
    // Each member has asked, so knows its age.
    wait_until("an answer of the member itself", soon(), async || {
        let response = client.range(request(), Consistency::Bounded(AGE)).await.unwrap();
        (answer(&response) == (7, id)).then_some(())
    })
    .await;

    let others: Vec<usize> = (0..cluster.len()).filter(|place| *place != lonely).collect();
    others.iter().for_each(|place| cluster.pause(*place));
    let far = Consistency::Bounded(Duration::from_secs(600));
    assert_eq!(answer(&client.range(request(), far).await.unwrap()), (7, id), "its age is within ten minutes");
    tokio::time::sleep(2 * AGE).await;
    let refused = client.range(request(), Consistency::Bounded(AGE)).await.expect_err("nobody knows what is new");
    let own: Vec<&str> =
        refused.tried.iter().filter(|tried| tried.endpoint.ends_with(&endpoint)).map(|tried| &*tried.message).collect();
    let is_refusal = |message: &&str| message.contains("no leader") || message.contains("request timed out");
    assert!(own.iter().any(is_refusal), "{own:?} of {refused}");
    let old = client.range(request(), Consistency::Serializable).await.unwrap();
    assert_eq!(answer(&old), (7, id), "whatever it has");

    others.iter().for_each(|place| cluster.resume(*place));
    cluster.wait_ready().await;
    client.put(KEY, "8").await.unwrap();
    tokio::time::sleep(AGE).await;
    for _ in 0..3 * cluster.len() {
        let response = client.range(request(), Consistency::Bounded(AGE)).await.unwrap();
        assert_eq!(answer(&response).0, 8);
    }
}
