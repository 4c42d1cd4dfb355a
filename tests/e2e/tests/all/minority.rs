//! A member without a majority answers what it may answer alone, and refuses the rest with etcd's codes and texts, in time.

use std::time::{Duration, Instant};

use e2e::{Client, Cluster, Settings, all_equal, beside_others, http, soon, wait_until};
use tonic::{Code, Status};

/// On top of three election timeouts: a busy machine.
const GRACE: Duration = Duration::from_secs(1);

/// What the request is refused with, and that it took no longer than it may.
async fn refused<T>(cluster: &Cluster, what: &str, request: impl Future<Output = Result<T, Status>>) {
    let start = Instant::now();
    let Err(status) = request.await else { panic!("{what} was answered by a minority") };
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: no leader"), "{what}");
    let (took, limit) = (start.elapsed(), 3 * cluster.election_timeout() + GRACE);
    assert!(took <= limit, "{what} was refused after {took:?}, more than {limit:?}");
}

async fn ask_a_minority(cluster: &Cluster, client: &Client, port: u16) {
    wait_until("the member knows that nobody leads", soon(), async || {
        client.status().await.ok().filter(|status| status.leader == 0)
    })
    .await;
    let status = client.status().await.expect("status waits for nobody");
    assert_eq!(status.errors, ["etcdserver: no leader"]);
    assert_eq!(client.get_serializable("a").await.expect("a serializable read").as_deref(), Some(&b"1"[..]));
    assert_eq!(client.members().await.expect("who are members").len(), 3);

    // At once, as they would come.
    let txn = client.put_if_unchanged(b"refused", "no", 0);
    tokio::join!(
        refused(cluster, "a linearizable read", client.get("a")),
        refused(cluster, "a put", client.put("refused", "no")),
        refused(cluster, "a delete", client.delete("a")),
        refused(cluster, "a transaction", txn),
        refused(cluster, "a compaction", client.compact(1)),
    );
    // Who asks for a leader is not kept waiting.
    let start = Instant::now();
    let status = client.put_if_led("refused", "no").await.expect_err("nobody leads");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: no leader"));
    assert!(start.elapsed() < cluster.election_timeout() + GRACE, "{:?}", start.elapsed());

    let (code, body) = http::get(port, "/health").await;
    assert_eq!((code, body.as_str()), (503, r#"{"health":"false","reason":"RAFT NO LEADER"}"#));
    assert_eq!(http::get(port, "/health?serializable=true").await.0, 200);
    assert_eq!(http::get(port, "/livez").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_reads_what_it_has_and_refuses_the_rest() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    cluster.client(0).put("a", "1").await.expect("a put");

    for leader_stays in [false, true] {
        let leader = cluster.wait_ready().await;
        all_equal(&cluster).await;
        let followers = [(leader + 1) % 3, (leader + 2) % 3];
        let (alone, gone) = if leader_stays { (leader, followers) } else { (followers[0], [leader, followers[1]]) };
        gone.into_iter().for_each(|place| cluster.kill(place));
        ask_a_minority(&cluster, &cluster.client(alone), cluster.client_port(alone)).await;

        gone.into_iter().for_each(|place| cluster.start_member(place));
        cluster.wait_ready().await;
        cluster.client(alone).put("again", if leader_stays { "2" } else { "1" }).await.expect("all is well");
        let rows = all_equal(&cluster).await;
        let keys: Vec<&[u8]> = rows.keys().map(|key| &key[..]).collect();
        assert_eq!(keys, [&b"a"[..], b"again"], "what was refused appeared");
    }
}
