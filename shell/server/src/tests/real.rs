//! The API over a real member: a cluster of one, on a real disk.

use std::time::Duration;

use node::{Config, Node};
use raft::{Configuration, NodeId};
use replica::First;
use store::KvStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::IDENTITY;
use crate::api::etcdserverpb::cluster_client::ClusterClient;
use crate::api::etcdserverpb::kv_client::KvClient;
use crate::api::etcdserverpb::maintenance_client::MaintenanceClient;
use crate::api::etcdserverpb::{MemberListRequest, PutRequest, PutResponse, RangeRequest, StatusRequest};
use crate::api::quorate_v1::sessions_client::SessionsClient;
use crate::api::quorate_v1::{SessionCloseRequest, SessionKeepAliveRequest, SessionOpenRequest};
use crate::{MemberInfo, ServerConfig};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_one_answers() {
    let folder = tempfile::tempdir().unwrap();
    let peers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", clients.local_addr().unwrap());
    let info = MemberInfo {
        name: "alone".into(),
        api_id: IDENTITY.member_id,
        peer_urls: vec![format!("http://{}", peers.local_addr().unwrap())],
        client_urls: vec![url.clone()],
    };
    let mut configuration = Configuration::of_voters([NodeId(1)]);
    configuration.members.values_mut().for_each(|member| member.info = info.encode());
    let config = Config { segment_bytes: 1 << 20, ..Config::new(NodeId(1), IDENTITY.cluster_id, folder.path()) };
    let first = First { configuration, machine: KvStore::new() };
    let node = Node::start(config, vec![peers], Some(first)).unwrap();
    let stop = CancellationToken::new();
    let server_config = ServerConfig::new(IDENTITY, Duration::from_secs(1));
    let serving = tokio::spawn(crate::serve(vec![clients], node.handle(), server_config, stop.clone()));
    let channel = Endpoint::from_shared(url.clone()).unwrap().connect().await.unwrap();

    // The first write waits for the election.
    let put = PutRequest { key: "k".into(), value: "v".into(), ..PutRequest::default() };
    let header = KvClient::new(channel.clone()).put(put).await.unwrap().into_inner().header.unwrap();
    assert_eq!((header.cluster_id, header.member_id, header.revision), (IDENTITY.cluster_id, IDENTITY.member_id, 2));
    assert!(header.raft_term >= 1);
    let range = RangeRequest { key: "k".into(), ..RangeRequest::default() };
    let range = KvClient::new(channel.clone()).range(range).await.unwrap().into_inner();
    assert_eq!(&range.kvs[0].value[..], b"v");

    commands_of_a_session_take_effect_once(channel.clone()).await;

    // The same member, for clients to whom there is no room left.
    let full = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let full_url = format!("http://{}", full.local_addr().unwrap());
    let full_config = ServerConfig { quota_bytes: Some(1), ..ServerConfig::new(IDENTITY, Duration::from_secs(1)) };
    let serving_full = tokio::spawn(crate::serve(vec![full], node.handle(), full_config, stop.clone()));
    let full_channel = Endpoint::from_shared(full_url).unwrap().connect().await.unwrap();
    a_copy_gets_the_first_answer_where_there_is_no_room(&channel, &full_channel).await;

    let status = MaintenanceClient::new(channel.clone()).status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.leader, status.errors), (IDENTITY.member_id, vec![]));
    let list = MemberListRequest { linearizable: true };
    let members = ClusterClient::new(channel).member_list(list).await.unwrap().into_inner().members;
    assert_eq!((members[0].name.as_str(), &members[0].client_ur_ls), ("alone", &vec![url]));

    stop.cancel();
    serving.await.unwrap().unwrap();
    serving_full.await.unwrap().unwrap();
    node.stop().await.unwrap();
}

/// Puts `key` as command `sequence` of the session, which has all answers up to `acknowledged`.
async fn put_once(
    channel: &Channel,
    token: &str,
    [sequence, acknowledged]: [u64; 2],
    key: &'static str,
) -> Result<PutResponse, Status> {
    let mut request = Request::new(PutRequest { key: key.into(), prev_kv: true, ..PutRequest::default() });
    request.metadata_mut().insert("quorate-session", token.parse().unwrap());
    request.metadata_mut().insert("quorate-sequence", sequence.into());
    request.metadata_mut().insert("quorate-acknowledged", acknowledged.into());
    KvClient::new(channel.clone()).put(request).await.map(Response::into_inner)
}

async fn commands_of_a_session_take_effect_once(channel: Channel) {
    let mut sessions = SessionsClient::new(channel.clone());
    let opened = sessions.open(SessionOpenRequest { ttl_ms: 0 }).await.unwrap().into_inner();
    assert_eq!((opened.ttl_ms, opened.outstanding_max), (60_000, 1024));
    let token = opened.token;

    let first = put_once(&channel, &token, [1, 0], "once").await.unwrap();
    let again = put_once(&channel, &token, [1, 0], "once").await.unwrap();
    assert_eq!((&again.header, &again.prev_kv), (&first.header, &first.prev_kv), "the first answer, C1");
    assert!(again.prev_kv.is_none());
    let next = put_once(&channel, &token, [2, 1], "once").await.unwrap();
    assert_eq!(next.header.unwrap().revision, first.header.unwrap().revision + 1);
    assert_eq!(next.prev_kv.unwrap().version, 1);

    commands_of_a_session_are_refused_by_name(&channel, &token).await;

    let kept = sessions.keep_alive(SessionKeepAliveRequest { token: token.clone() }).await.unwrap();
    assert_eq!(kept.into_inner().ttl_ms, 60_000);
    sessions.close(SessionCloseRequest { token: token.clone() }).await.unwrap();
    sessions.close(SessionCloseRequest { token: token.clone() }).await.unwrap();
    let closed = put_once(&channel, &token, [3, 2], "once").await;
    assert_eq!(refused(closed), (Code::FailedPrecondition, "session expired".into()));
    let gone = sessions.keep_alive(SessionKeepAliveRequest { token }).await.unwrap_err();
    assert!(gone.message().starts_with("quorate: session expired"), "{gone}");
}

/// A30: the first copy may be what filled the store.
async fn a_copy_gets_the_first_answer_where_there_is_no_room(channel: &Channel, full: &Channel) {
    let mut sessions = SessionsClient::new(full.clone());
    let token = sessions.open(SessionOpenRequest { ttl_ms: 0 }).await.unwrap().into_inner().token;
    let first = put_once(channel, &token, [1, 0], "large").await.unwrap();
    let again = put_once(full, &token, [1, 0], "large").await.unwrap();
    assert_eq!(again.header.unwrap().revision, first.header.unwrap().revision);
    let new = put_once(full, &token, [2, 0], "larger").await.unwrap_err();
    assert_eq!((new.code(), new.message()), (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"));
    let late = put_once(channel, &token, [3, 1], "other").await;
    assert!(late.is_ok() && put_once(full, &token, [1, 0], "large").await.is_err(), "it is forgotten");
}

/// Code and first words of a refusal.
fn refused(answer: Result<PutResponse, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), status.message().split(':').nth(1).unwrap_or_default().trim().to_owned())
}

async fn commands_of_a_session_are_refused_by_name(channel: &Channel, token: &str) {
    let late = put_once(channel, token, [1, 0], "once").await;
    assert_eq!(refused(late), (Code::FailedPrecondition, "sequence acknowledged before".into()));
    let (ours, rest) = token.split_once('-').unwrap();
    let foreign = format!("{:016x}-{rest}", !u64::from_str_radix(ours, 16).unwrap());
    let foreign = put_once(channel, &foreign, [3, 2], "once").await;
    assert_eq!(refused(foreign), (Code::FailedPrecondition, "session of another cluster".into()), "C9");
    let (numbers, word) = token.rsplit_once('-').unwrap();
    let before = format!("{numbers}-{:016x}", !u64::from_str_radix(word, 16).unwrap());
    let before = put_once(channel, &before, [3, 2], "once").await;
    assert_eq!(refused(before), (Code::FailedPrecondition, "session expired".into()), "of a founding before, C9");
    let without_sequence = put_once(channel, token, [0, 0], "once").await.unwrap_err();
    assert_eq!(without_sequence.code(), Code::InvalidArgument);

    let mut sessions = SessionsClient::new(channel.clone());
    let nonsense = sessions.close(SessionCloseRequest { token: "7".into() }).await.unwrap_err();
    assert_eq!(nonsense.code(), Code::InvalidArgument);
}
