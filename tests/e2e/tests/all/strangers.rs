//! Whatever comes in through a member's ports: it lives, says in its log who was refused and why, and serves on.

use std::time::Duration;

use e2e::{Client, Cluster, Settings, beside_others, count, http, soon, wait_until};
use server::api::quorate_v1::sessions_client::SessionsClient;
use server::api::quorate_v1::{SessionKeepAliveRequest, SessionOpenRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

/// Sends bytes and reads what comes back until the other side closes; nothing when it does not in time.
async fn send(port: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    // A member may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    match tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await {
        Ok(_) => Some(answer),
        Err(_) => None,
    }
}

/// Bytes without meaning, the same each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}

async fn serves(cluster: &mut Cluster, place: usize, pid: u32, key: &str) {
    assert!(cluster.runs(place) && cluster.process(place).pid() == pid, "{}", cluster.log(place));
    cluster.client(place).put(key.to_owned(), "1").await.expect("it serves on");
    let log = cluster.log(place);
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_peer_port_is_not_for_strangers() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let (port, pid) = (cluster.peer_port(0), cluster.process(0).pid());
    let http = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    let mut oversized = u32::MAX.to_le_bytes().repeat(2);
    oversized.extend(noise(1, 4096));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    for bytes in [http, oversized, preface, noise(2, 64), noise(3, 1 << 20)] {
        let before = cluster.log(0).len();
        let answer = send(port, &bytes).await.expect("it hangs up");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let sentence = "this is a Quorate peer port, and what came is no greeting of a peer";
        wait_until("a sentence in the log", soon(), async || cluster.log(0)[before..].contains(sentence).then_some(()))
            .await;
        // A stranger who still sends is cut off, and may lose the answer by it.
        assert!(answer.contains(sentence) || bytes.len() > 4096, "{answer}");
    }
    for seed in 0..u64::from(count(40, 400)) {
        send(port, &noise(seed + 10, usize::try_from(seed * 7 + 8).expect("small"))).await.expect("it hangs up");
    }
    // One who says nothing at all is sent away in time, and keeps nobody waiting meanwhile.
    let silent = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    serves(&mut cluster, 0, pid, "a").await;
    wait_until("the silent one is sent away", soon(), async || {
        cluster.log(0).contains("did not greet in time").then_some(())
    })
    .await;
    drop(silent);
    serves(&mut cluster, 0, pid, "b").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_another_cluster_is_refused_on_both_sides() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    // Two of these three are said to be where the members of the first cluster are.
    let mut stranger = Cluster::prepare(Settings { token: "another".to_owned(), ..Settings::default() });
    stranger.start_beside(2, &[(0, &cluster), (1, &cluster)]);
    let pid = cluster.process(0).pid();
    let sentence = "check --initial-cluster and --initial-cluster-token, or the address";
    wait_until("both sides say why", soon(), async || {
        (cluster.log(0).contains(sentence) && stranger.log(2).contains(sentence)).then_some(())
    })
    .await;
    serves(&mut cluster, 0, pid, "a").await;
    assert_eq!(stranger.client(2).status().await.expect("it runs").leader, 0, "a stranger joined");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_port_takes_anything() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings { members: 1, ..Settings::default() }).await;
    let (port, pid) = (cluster.client_port(0), cluster.process(0).pid());
    let mut bad_frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bad_frames.extend(noise(4, 4096));
    let mut endless_head = b"GET / HTTP/1.1\r\n".to_vec();
    endless_head.extend(b"x: y\r\n".repeat(200_000));
    let gzip = b"POST /etcdserverpb.KV/Put HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\x01\x00\x00\x00\x05";
    for bytes in [bad_frames, endless_head, gzip.to_vec(), noise(5, 64 << 10), b"GET \0 HTTP/9.9\r\n\r\n".to_vec()] {
        // Some it answers, some it hangs up on, one it keeps waiting for more of.
        let _ = send(port, &bytes).await;
        serves(&mut cluster, 0, pid, "a").await;
    }
    for seed in 0..u64::from(count(40, 400)) {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let _ = stream.write_all(&noise(seed + 10, 256)).await;
    }
    let half_open: Vec<TcpStream> = {
        let mut streams = Vec::new();
        for _ in 0..count(50, 500) {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
            let _ = stream.write_all(b"PRI * HT").await;
            streams.push(stream);
        }
        streams
    };
    serves(&mut cluster, 0, pid, "b").await;
    drop(half_open);
    assert_eq!(http::get(port, "/nothing").await, (404, "404 page not found\n".to_owned()));
    assert_eq!(http::get(port, "/health").await, (200, r#"{"health":"true","reason":""}"#.to_owned()));
}

async fn refused(client: &Client, value_bytes: usize, code: Code, text: &str) {
    let status = client.put("large", vec![b'v'; value_bytes]).await.expect_err("above the limit");
    assert_eq!((status.code(), status.message()), (code, text), "{value_bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_above_the_limits_are_refused() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings::default()).await;
    let limit = 1_572_864;
    for client in cluster.clients() {
        client.put("large", vec![b'v'; limit - 100]).await.expect("below the limit");
        refused(&client, limit + 1, Code::InvalidArgument, "etcdserver: request is too large").await;
        let transport = format!("grpc: received message larger than max ({} bytes)", limit + (512 << 10));
        refused(&client, limit + (512 << 10), Code::ResourceExhausted, &transport).await;
        refused(&client, 64 << 20, Code::ResourceExhausted, &transport).await;

        assert!(client.txn(e2e::puts(128)).await.expect("128 operations").succeeded);
        let status = client.txn(e2e::puts(129)).await.expect_err("129 operations");
        let told = (status.code(), status.message());
        assert_eq!(told, (Code::InvalidArgument, "etcdserver: too many operations in txn request"));
    }
    let pids: Vec<u32> = (0..3).map(|place| cluster.process(place).pid()).collect();
    for (place, pid) in pids.into_iter().enumerate() {
        serves(&mut cluster, place, pid, "after").await;
    }
}

/// The token of a session that is opened now, and the same without its random word.
async fn open_session(cluster: &Cluster) -> (String, String) {
    let at = format!("http://127.0.0.1:{}", cluster.client_port(0));
    let mut sessions = SessionsClient::connect(at).await.expect("a connection");
    let token = sessions.open(SessionOpenRequest { ttl_ms: 0 }).await.expect("a session").into_inner().token;
    let (numbers, _) = token.rsplit_once('-').expect("a word");
    (token.clone(), numbers.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_a_cluster_that_was_wiped_takes_nothing() {
    let _turn = beside_others().await;
    let mut cluster = Cluster::start(Settings { members: 1, ..Settings::default() }).await;
    for number in 0..20 {
        cluster.client(0).put("filler", number.to_string()).await.expect("a put");
    }
    let (token, numbers) = open_session(&cluster).await;
    cluster.kill(0);
    std::fs::remove_dir_all(cluster.data_dir(0)).expect("wiped");
    cluster.start_member(0);
    cluster.wait_ready().await;
    wait_until("the member has described itself", soon(), async || {
        let members = cluster.client(0).members().await.ok()?;
        members.first().filter(|member| !member.client_ur_ls.is_empty()).map(|_| ())
    })
    .await;
    // The same cluster by its flags; each session takes the next index, so one of them takes that of the old one.
    while open_session(&cluster).await.1 != numbers {}

    let at = format!("http://127.0.0.1:{}", cluster.client_port(0));
    let mut sessions = SessionsClient::connect(at).await.expect("a connection");
    let refused = sessions.keep_alive(SessionKeepAliveRequest { token }).await.expect_err("of another founding");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().starts_with("quorate: session expired"), "{refused}");
}
