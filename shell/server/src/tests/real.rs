//! The API over a real member: a cluster of one, on a real disk.

use std::time::Duration;

use node::{Config, Node};
use raft::{Configuration, NodeId};
use replica::First;
use store::KvStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use super::IDENTITY;
use crate::api::etcdserverpb::cluster_client::ClusterClient;
use crate::api::etcdserverpb::kv_client::KvClient;
use crate::api::etcdserverpb::maintenance_client::MaintenanceClient;
use crate::api::etcdserverpb::{MemberListRequest, PutRequest, RangeRequest, StatusRequest};
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

    let status = MaintenanceClient::new(channel.clone()).status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.leader, status.errors), (IDENTITY.member_id, vec![]));
    let list = MemberListRequest { linearizable: true };
    let members = ClusterClient::new(channel).member_list(list).await.unwrap().into_inner().members;
    assert_eq!((members[0].name.as_str(), &members[0].client_ur_ls), ("alone", &vec![url]));

    stop.cancel();
    serving.await.unwrap().unwrap();
    node.stop().await.unwrap();
}
