//! What the page of a running cluster asks of a member: answered without a leader, with the causes of silence, and never with a key.

use std::time::Duration;

use raft::{NodeId, Term};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Served;
use super::http::{ask, get};
use crate::MemberInfo;
use crate::web::Page;

fn member(node: u64, url: String) -> node::Member {
    let info = MemberInfo { name: format!("m{node}"), api_id: node, peer_urls: vec![], client_urls: vec![url] };
    node::Member { node: NodeId(node), voter: true, joining: false, info: info.encode() }
}

async fn status(served: &Served) -> Value {
    let (code, body) = get(served, "/api/cluster/status").await;
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// A port that nobody listens on.
async fn nowhere() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn each_member_answers_for_itself_and_asks_the_others() {
    let (first, second) = (Served::new().await, Served::new().await);
    second.member.change_status(|status| (status.node, status.leads) = (NodeId(2), false));
    let members: Vec<node::Member> =
        [(1, &first), (2, &second)].map(|(node, served)| member(node, format!("http://{}", served.address))).into();
    let lost = member(3, nowhere().await);
    for served in [&first, &second] {
        served.member.set_members([members.clone(), vec![lost.clone()]].concat());
    }
    let seen = status(&second).await;
    assert_eq!(seen["viewer"], 2);
    let rows = seen["rows"].as_array().unwrap();
    let said: Vec<_> = rows
        .iter()
        .map(|row| (&row["name"], &row["view"]["leader"], &row["view"]["standing"], &row["error"]))
        .collect();
    assert_eq!(said[0], (&"m1".into(), &1.into(), &"leader".into(), &Value::Null));
    assert_eq!(said[1], (&"m2".into(), &1.into(), &"follower".into(), &Value::Null));
    assert_eq!(said[2], (&"m3".into(), &Value::Null, &Value::Null, &"connection refused".into()));
    // What it was is kept beside why it is silent.
    first.stop.cancel();
    first.ended.await.unwrap().unwrap();
    let gone = async {
        loop {
            let seen = status(&second).await;
            if !seen["rows"][0]["error"].is_null() {
                break seen;
            }
        }
    };
    let seen = timeout(Duration::from_secs(10), gone).await.expect("it is asked anew after a moment");
    assert_eq!(seen["rows"][0]["error"], "connection refused");
    assert_eq!(seen["rows"][0]["view"]["term"], 3);
    assert!(seen["rows"][0]["age_ms"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn another_member_at_an_address_is_not_taken_for_the_one_that_is_meant() {
    let served = Served::new().await;
    let itself = format!("http://{}", served.address);
    served.member.set_members(vec![member(1, itself.clone()), member(2, itself)]);
    assert_eq!(status(&served).await["rows"][1]["error"], "n1 answers there");
}

#[tokio::test]
async fn without_a_leader_it_says_so_and_shows_the_log() {
    let served = Served::new().await;
    served.member.set_members(vec![member(1, nowhere().await), member(2, nowhere().await), member(3, nowhere().await)]);
    served.member.apply_put("secret".into(), "word");
    served.member.change_status(|status| (status.leader, status.leads, status.term) = (None, false, Term(9)));
    let seen = status(&served).await;
    let sentence = seen["headline"]["sentence"].as_str().unwrap();
    let begin = "No quorum and no leader for 3.2 s: m2 and m3 do not answer m1; 1 of 3 reachable, 2 needed.";
    assert!(sentence.starts_with(begin), "{sentence}");
    assert_eq!((&seen["rows"][0]["view"]["last"], &seen["rows"][0]["view"]["term"]), (&1.into(), &9.into()));
    let all = seen.to_string();
    assert!(!all.contains("secret") && !all.contains("word"), "{all}");
}

#[tokio::test]
async fn a_page_that_stays_open_hears_each_second_and_does_not_hold_up_a_stop() {
    let served = Served::new().await;
    served.member.set_members(vec![member(1, nowhere().await)]);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /api/cluster/events HTTP/1.1\r\nHost: anyone\r\n\r\n").await.unwrap();
    let (mut heard, mut bytes) = (String::new(), [0; 4096]);
    while !heard.contains("event: tick") {
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(heard.to_ascii_lowercase().contains("content-type: text/event-stream"), "{heard}");
    assert!(heard.find("event: cluster") < heard.find("event: tick"), "{heard}");
    served.stop.cancel();
    timeout(Duration::from_secs(1), served.ended).await.expect("the stream ends with the member").unwrap().unwrap();
}

#[tokio::test]
async fn mistakes_are_told_in_a_sentence() {
    let served = Served::new().await;
    let (code, body) = get(&served, "/api/cluster/history?since=yesterday").await;
    assert_eq!((code, body.contains("since and node are numbers")), (400, true), "{body}");
    let (code, body) = get(&served, "/api/cluster/history?node=7").await;
    assert_eq!((code, body.contains("n7 is no member")), (404, true), "{body}");
    let (code, body) = get(&served, "/api/cluster/change").await;
    assert_eq!((code, body.contains("/api/cluster/status")), (404, true), "{body}");
    let (code, head, _) = ask(served.address, "POST", "/api/cluster/status").await;
    assert_eq!((code, head.contains("allow: get")), (405, true), "{head}");
    let (code, body) = get(&served, "/api/cluster/history").await;
    assert_eq!((code, body.contains("\"columns\":[\"at\",\"commits\"")), (200, true), "{body}");
}

#[tokio::test]
async fn histories_of_others_are_fetched_a_few_at_once() {
    let (served, silent) = (Served::new().await, tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("http://{}", silent.local_addr().unwrap());
    served.member.set_members(vec![member(1, nowhere().await), member(2, url)]);
    let refused = async {
        loop {
            let asked = (0..40).map(|_| ask(served.address, "GET", "/api/cluster/history?node=2"));
            let answers = asked.collect::<JoinSet<_>>().join_all().await;
            if let Some((.., body)) = answers.into_iter().find(|(code, ..)| *code == 503) {
                break body;
            }
        }
    };
    let body = timeout(Duration::from_secs(20), refused).await.expect("the rest of many is refused");
    assert!(body.contains("ask n2 itself"), "{body}");
    let (code, _) = get(&served, "/api/cluster/history").await;
    assert_eq!(code, 200, "its own is there for all");
}

#[tokio::test]
async fn pages_are_guarded_and_known_by_their_content() {
    let page = |path: &str| {
        let found = path == "/";
        found.then(|| Page { bytes: "<p>".into(), content_type: "text/html; charset=utf-8", tag: "\"1\"".into() })
    };
    let served = Served::with(|config| config.pages = Some(page)).await;
    let (code, head, body) = ask(served.address, "GET", "/").await;
    assert_eq!((code, body.as_str()), (200, "<p>"));
    for expected in ["content-security-policy: default-src 'self'", "x-content-type-options: nosniff", "etag: \"1\""] {
        assert!(head.contains(expected), "{expected}: {head}");
    }
    assert_eq!(get(&served, "/health").await.0, 200);
    assert_eq!(get(&served, "/nothing").await.0, 404);
}
