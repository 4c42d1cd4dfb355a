//! How a member is, who are members, and gRPC's own health service.

use node::{LeaseOff, LeaseState, Member};
use raft::NodeId;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{IDENTITY, Served, told};
use crate::api::etcdserverpb::{
    AlarmRequest, AlarmType, HashKvRequest, HashRequest, MemberListRequest, PutRequest, SnapshotRequest, StatusRequest,
};
use crate::{Error, MemberInfo};

fn info(name: &str, api_id: u64) -> MemberInfo {
    MemberInfo {
        name: name.into(),
        api_id,
        peer_urls: vec![format!("http://{name}:2380")],
        client_urls: vec![format!("http://{name}:2379")],
    }
}

fn three_members(served: &Served) {
    served.member.set_members(vec![
        Member { node: NodeId(1), voter: true, joining: false, info: info("one", 0xa1).encode() },
        Member { node: NodeId(2), voter: true, joining: false, info: info("two", 0xa2).encode() },
        Member { node: NodeId(3), voter: false, joining: false, info: bytes::Bytes::new() },
    ]);
}

#[tokio::test]
async fn status_tells_how_the_member_is() {
    let mut served = Served::new().await;
    three_members(&served);
    let put = PutRequest { key: "k".into(), value: "v".into(), ..PutRequest::default() };
    served.kv.put(put).await.unwrap();
    served.member.change_status(|status| status.leader = Some(NodeId(2)));

    let status = served.maintenance.status(StatusRequest {}).await.unwrap().into_inner();
    let header = status.header.unwrap();
    assert_eq!((header.cluster_id, header.member_id), (IDENTITY.cluster_id, IDENTITY.member_id));
    assert_eq!((header.revision, header.raft_term), (2, status.raft_term));
    assert_eq!((status.version.as_str(), status.leader), ("3.5.21", 0xa2));
    assert_eq!((status.raft_index, status.raft_applied_index), (1, 1));
    assert!(status.db_size > 0 && !status.is_learner);
    assert_eq!(status.errors, Vec::<String>::new());
    assert_eq!(status.db_size_quota, 2 << 30);
}

#[tokio::test]
async fn status_names_what_is_wrong_and_never_waits() {
    let mut served = Served::new().await;
    served.member.change_status(|status| {
        status.leader = None;
        status.no_space = true;
    });
    served.member.refuse_reads(Some(node::ReadError::NoLeader));
    let status = served.maintenance.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.leader, 0);
    assert_eq!(status.errors, ["etcdserver: no leader", "memberID:161 alarm:NOSPACE "]);
}

#[tokio::test]
async fn an_alarm_lasts_as_long_as_its_reason() {
    let mut served = Served::new().await;
    let ask = |alarm: AlarmType| AlarmRequest { alarm: alarm.into(), ..AlarmRequest::default() };
    assert_eq!(served.maintenance.alarm(ask(AlarmType::None)).await.unwrap().into_inner().alarms, []);

    served.member.change_status(|status| status.no_space = true);
    let alarms = served.maintenance.alarm(ask(AlarmType::None)).await.unwrap().into_inner().alarms;
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].member_id, alarms[0].alarm()), (IDENTITY.member_id, AlarmType::Nospace));
    assert_eq!(served.maintenance.alarm(ask(AlarmType::Corrupt)).await.unwrap().into_inner().alarms, []);

    served.member.change_status(|status| status.no_space = false);
    assert_eq!(served.maintenance.alarm(ask(AlarmType::Nospace)).await.unwrap().into_inner().alarms, []);
    let raise = AlarmRequest { action: 1, ..AlarmRequest::default() };
    assert_eq!(served.maintenance.alarm(raise).await.unwrap_err().code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn members_are_listed_with_what_is_known_of_them() {
    let mut served = Served::new().await;
    three_members(&served);
    let list = served.cluster.member_list(MemberListRequest { linearizable: true }).await.unwrap().into_inner();
    assert_eq!(list.header.unwrap().revision, 0);
    let listed: Vec<_> = list.members.iter().map(|m| (m.id, m.name.as_str(), m.is_learner)).collect();
    assert_eq!(listed, [(0xa1, "one", false), (0xa2, "two", false), (3, "", true)]);
    assert_eq!(list.members[0].peer_ur_ls, ["http://one:2380"]);
    assert_eq!(list.members[0].client_ur_ls, ["http://one:2379"]);
    assert_eq!(list.members[2].client_ur_ls, Vec::<String>::new());

    served.member.refuse_reads(Some(node::ReadError::NoLeader));
    let stale = served.cluster.member_list(MemberListRequest { linearizable: false }).await;
    assert_eq!(stale.unwrap().into_inner().members.len(), 3);
    let refused = served.cluster.member_list(MemberListRequest { linearizable: true }).await.unwrap_err();
    assert_eq!(told(&refused), (14, Error::NoLeader.text()));
}

#[tokio::test]
async fn a_leader_says_in_metadata_of_its_status_what_etcds_message_has_no_field_for() {
    let mut served = Served::new().await;
    for (leads, lease, round_trip, said) in [
        (true, LeaseState::Held(replica::Time::default()), Some(850), [Some("held"), Some("850us")]),
        (true, LeaseState::Waiting, None, [Some("waiting for a majority"), None]),
        (true, LeaseState::Off(LeaseOff::NotAgreed), Some(1), [None, Some("1us")]),
        (false, LeaseState::NotLeader, None, [None, None]),
    ] {
        served.member.change_status(|status| {
            (status.leads, status.lease, status.round_trip) = (leads, lease, round_trip);
        });
        let response = served.maintenance.status(StatusRequest {}).await.unwrap();
        let told = |key: &str| response.metadata().get(key).map(|value| value.to_str().unwrap());
        assert_eq!([told("quorate-lease-reads"), told("quorate-round-trip")], said, "{lease}");
    }
}

#[tokio::test]
async fn hashes_tell_equal_data_from_other_data() {
    let (mut one, mut two) = (Served::new().await, Served::new().await);
    for (served, value) in [(&mut one, "v"), (&mut two, "w")] {
        for value in ["same", value] {
            let put = PutRequest { key: "k".into(), value: value.into(), ..PutRequest::default() };
            served.kv.put(put).await.unwrap();
        }
    }
    let mut hashes = Vec::new();
    for served in [&mut one, &mut two] {
        let then = served.maintenance.hash_kv(HashKvRequest { revision: 2 }).await.unwrap().into_inner();
        let now = served.maintenance.hash_kv(HashKvRequest { revision: 0 }).await.unwrap().into_inner();
        assert_eq!((then.hash_revision, now.hash_revision, now.header.unwrap().revision), (2, 3, 3));
        hashes.push((then.hash, now.hash));
        let future = served.maintenance.hash_kv(HashKvRequest { revision: 4 }).await.unwrap_err();
        assert_eq!(told(&future), (11, Error::FutureRevision.text()));
        assert_eq!(served.maintenance.hash(HashRequest {}).await.unwrap().into_inner().hash, now.hash);
    }
    assert_eq!(hashes[0].0, hashes[1].0);
    assert_ne!(hashes[0].1, hashes[1].1);
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let mut served = Served::new().await;
    let snapshot = served.maintenance.snapshot(SnapshotRequest {}).await.unwrap_err();
    assert_eq!(told(&snapshot), (12, "quorate: Snapshot is not served yet"));
    let mut lease = crate::api::etcdserverpb::lease_client::LeaseClient::new(served.channel.clone());
    let leases = lease.lease_leases(crate::api::etcdserverpb::LeaseLeasesRequest {}).await.unwrap_err();
    assert_eq!(told(&leases), (12, "quorate: etcdserverpb.Lease is not served yet"));
}

#[tokio::test]
async fn the_health_service_serves() {
    let served = Served::new().await;
    let mut health = HealthClient::new(served.channel.clone());
    let answer = health.check(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
}
