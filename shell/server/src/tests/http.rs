//! Plain HTTP/1.1 on the port that serves gRPC.

use std::net::SocketAddr;

use node::ReadError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Served;

/// Sends one request head, answers status code, head and body.
pub(super) async fn ask(address: SocketAddr, method: &str, target: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: anyone\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, head.to_ascii_lowercase(), body.to_owned())
}

pub(super) async fn get(served: &Served, target: &str) -> (u16, String) {
    let (code, _, body) = ask(served.address, "GET", target).await;
    (code, body)
}

#[tokio::test]
async fn the_version_is_etcds_with_ours_beside_it() {
    let served = Served::new().await;
    let (code, head, body) = ask(served.address, "GET", "/version").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(body, format!(r#"{{"etcdserver":"3.5.21","etcdcluster":"3.5.21","quorate":"{ours}"}}"#));
}

#[tokio::test]
async fn health_tells_why_not() {
    let served = Served::new().await;
    assert_eq!(get(&served, "/health").await, (200, r#"{"health":"true","reason":""}"#.into()));

    served.member.refuse_reads(Some(ReadError::TimedOut { leader_changed: false }));
    let unread = r#"{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}"#;
    assert_eq!(get(&served, "/health").await, (503, unread.into()));

    served.member.change_status(|status| status.leader = None);
    let leaderless = r#"{"health":"false","reason":"RAFT NO LEADER"}"#;
    assert_eq!(get(&served, "/health").await, (503, leaderless.into()));
    assert_eq!(get(&served, "/health?serializable=true").await.0, 200);

    served.member.change_status(|status| status.no_space = true);
    let full = r#"{"health":"false","reason":"ALARM NOSPACE"}"#;
    assert_eq!(get(&served, "/health").await, (503, full.into()));
    assert_eq!(get(&served, "/health?serializable=true&exclude=NOSPACE").await.0, 200);
}

#[tokio::test]
async fn probes_list_their_checks() {
    let served = Served::new().await;
    assert_eq!(get(&served, "/livez").await, (200, "ok\n".into()));
    assert_eq!(get(&served, "/livez?verbose").await, (200, "[+]serializable_read ok\nok\n".into()));
    assert_eq!(get(&served, "/readyz").await, (200, "ok\n".into()));

    served.member.refuse_reads(Some(ReadError::NoLeader));
    assert_eq!(get(&served, "/livez").await.0, 200, "a member without a leader is alive");
    let lines = "[+]data_corruption ok\n[+]serializable_read ok\n[-]linearizable_read failed: etcdserver: no leader\n";
    assert_eq!(get(&served, "/readyz").await, (503, lines.into()));
    assert_eq!(get(&served, "/readyz?exclude=linearizable_read").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_text() {
    let served = Served::new().await;
    let (code, head, body) = ask(served.address, "GET", "/v3/kv/range").await;
    assert_eq!((code, body.as_str()), (404, "404 page not found\n"));
    assert!(head.contains("content-type: text/plain"), "{head}");

    let (code, head, _) = ask(served.address, "POST", "/health").await;
    assert_eq!(code, 405);
    assert!(head.contains("allow: get"), "{head}");
}

#[tokio::test]
async fn garbage_is_no_end_of_the_server() {
    let served = Served::new().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(&[0xff; 4096]).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(get(&served, "/version").await.0, 200);
}

/// A request as etcdctl 3.4 sends it to an endpoint with a scheme, frame by frame.
#[tokio::test]
async fn a_client_with_an_odd_authority_is_served() {
    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }
    fn literal(name: u8, value: &str) -> Vec<u8> {
        [&[0x40 | name, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
    }
    let served = Served::new().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = [
        vec![0x83, 0x86],
        literal(4, "/etcdserverpb.Maintenance/Status"),
        literal(1, "http://127.0.0.1:2379"),
        literal(31, "application/grpc"),
    ];
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 0x4, 1, &head.concat()),
        frame(0, 0x1, 1, &[0; 5]),
    ];
    stream.write_all(&request.concat()).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        match (head[3], head[8]) {
            (1, 1) => break,
            (3, 1) => panic!("the request was reset: {payload:?}"),
            _ => {}
        }
    }
}
