//! The end of a server, and its bounds on connections.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::Served;
use crate::api::etcdserverpb::{PutRequest, RangeRequest};

fn put(key: &'static str) -> PutRequest {
    PutRequest { key: key.into(), ..PutRequest::default() }
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_end() {
    let mut served = Served::with(|config| config.stop_time = Duration::from_secs(60)).await;
    let go = served.member.hold_writes();
    let mut kv = served.kv.clone();
    let under_way = tokio::spawn(async move { kv.put(put("k")).await });
    served.member.write_is_waiting().await;
    served.stop.cancel();
    // The listener closes first; what is under way ends after it.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!under_way.is_finished() && !served.ended.is_finished());
    go.cancel();
    assert!(under_way.await.unwrap().is_ok());
    served.ended.await.unwrap().unwrap();
    let after = served.kv.range(RangeRequest { key: "k".into(), ..RangeRequest::default() }).await;
    assert_eq!(after.unwrap_err().code(), tonic::Code::Unavailable);
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    let served = Served::with(|config| config.stop_time = Duration::from_millis(20)).await;
    let _never = served.member.hold_writes();
    let mut kv = served.kv.clone();
    let under_way = tokio::spawn(async move { kv.put(put("k")).await });
    served.member.write_is_waiting().await;
    // One that has connected and says nothing holds nothing up.
    let _silent = TcpStream::connect(served.address).await.unwrap();
    served.stop.cancel();
    served.ended.await.unwrap().unwrap();
    assert!(under_way.await.unwrap().is_err());
}

#[tokio::test]
async fn connections_above_the_bound_wait_for_a_place() {
    let served = Served::with(|config| config.connections_max = 2).await;
    // The channel of `served` is one; this is the second.
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    second.readable().await.unwrap();

    let mut third = TcpStream::connect(served.address).await.unwrap();
    third.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), third.readable()).await;
    assert!(early.is_err(), "there was no place for it");
    drop(second);
    third.readable().await.unwrap();
}

#[tokio::test]
async fn nothing_to_listen_on_is_an_error() {
    let served = Served::new().await;
    let context = crate::context::Context {
        member: served.member.clone(),
        config: crate::ServerConfig::new(super::IDENTITY, Duration::from_secs(1)),
    };
    let stop = CancellationToken::new();
    let services = std::sync::Arc::new(crate::dispatch::Services::new(std::sync::Arc::new(context), stop.clone()));
    let refused = crate::serve::serve(vec![], services, 1, Duration::ZERO, stop).await.unwrap_err();
    assert_eq!(refused.to_string(), "no address to listen on for clients");
}
