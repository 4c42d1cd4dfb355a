//! The Cluster service and our own beside it, as clients see them: etcd's texts, and what the member is asked.

use node::{Alter, AlterError, MemberError, Survey};
use raft::{Configuration, Index, Member, NodeId, Refusal};

use super::{Served, told};
use crate::MemberInfo;
use crate::api::etcdserverpb::{
    MemberAddRequest, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest, MemberUpdateRequest, PutRequest,
    RangeRequest, StatusRequest,
};
use crate::api::quorate_v1::members_client::MembersClient;
use crate::api::quorate_v1::{MemberRole, MembersChangeKind, MembersChangeRequest, MembersSurveyRequest};

fn info(node: u64, name: &str) -> bytes::Bytes {
    let peer_urls = vec![format!("http://h:{node}")];
    MemberInfo { name: name.into(), api_id: 0xa0 + node, peer_urls, client_urls: vec![] }.encode()
}

/// Three voters and one that is to become one, or is a plain learner.
fn survey(joining: bool) -> Survey {
    let mut configuration = Configuration::of_voters([1, 2, 3].map(NodeId));
    configuration.learners = [NodeId(4)].into();
    configuration.next_node = 5;
    if joining {
        configuration.wanted = [1, 2, 3, 4].map(NodeId).into();
    }
    for (node, name) in [(1, "one"), (2, "two"), (3, "three"), (4, "")] {
        configuration.members.insert(NodeId(node), Member { disk: node, info: info(node, name) });
    }
    Survey { configuration, index: Index(9), leader: NodeId(1), heard: [1, 2].map(NodeId).into() }
}

fn add(is_learner: bool) -> MemberAddRequest {
    MemberAddRequest { peer_ur_ls: vec!["http://h:9".into()], is_learner }
}

#[tokio::test]
async fn one_that_joins_by_itself_is_listed_as_a_voter_that_has_not_started() {
    let mut served = Served::new().await;
    for (joining, is_learner) in [(true, false), (false, true)] {
        served.member.set_survey(survey(joining));
        let list = served.cluster.member_list(MemberListRequest { linearizable: true }).await.unwrap().into_inner();
        let last = list.members.last().unwrap();
        assert_eq!((last.id, last.name.as_str(), last.is_learner), (0xa4, "", is_learner));
    }
}

#[tokio::test]
async fn the_member_is_asked_by_what_was_looked_at() {
    let mut served = Served::new().await;
    served.member.set_survey(survey(true));
    served.cluster.member_remove(MemberRemoveRequest { id: 0xa3 }).await.unwrap();
    assert_eq!(served.member.alters(), [(Alter::Remove(NodeId(3)), Index(9))]);
    served.member.refuse_alters(&[MemberError::Refused(AlterError::Changed), MemberError::Busy]);
    let status = served.cluster.member_promote(MemberPromoteRequest { id: 0xa4 }).await.unwrap_err();
    assert_eq!(told(&status), (8, "etcdserver: too many requests"));
    assert_eq!(served.member.alters().len(), 2, "what changed meanwhile is looked at anew");
    let moved = MemberUpdateRequest { id: 0xa2, peer_ur_ls: vec!["http://new:1".into()] };
    served.cluster.member_update(moved).await.unwrap();
    let kept = MemberInfo { peer_urls: vec!["http://new:1".into()], ..MemberInfo::decode(&info(2, "two")).unwrap() };
    assert_eq!(served.member.alters(), [(Alter::Update { node: NodeId(2), info: kept.encode() }, Index(9))]);
    served.cluster.member_add(add(true)).await.unwrap();
    let [(Alter::AddLearner { info }, Index(9))] = &served.member.alters()[..] else { panic!("a learner") };
    let added = MemberInfo::decode(info).unwrap();
    assert_eq!((added.name.as_str(), added.peer_urls), ("", vec!["http://h:9".to_string()]));
    assert!(added.api_id > 1 << 32, "ids look random");
}

#[tokio::test]
async fn refusals_are_told_in_etcds_words() {
    let mut served = Served::new().await;
    let status = served.cluster.member_add(add(false)).await.unwrap_err();
    assert_eq!(told(&status), (14, "etcdserver: no leader"));
    served.member.set_survey(survey(false));
    let bad = MemberAddRequest { peer_ur_ls: vec!["h:9".into()], is_learner: false };
    let status = served.cluster.member_add(bad).await.unwrap_err();
    assert_eq!(told(&status), (3, "etcdserver: given member URLs are invalid"));
    let status = served.cluster.member_add(add(true)).await.unwrap_err();
    assert_eq!(told(&status), (9, "etcdserver: too many learner members in cluster"));
    let taken = MemberAddRequest { peer_ur_ls: vec!["http://h:2".into()], is_learner: false };
    let status = served.cluster.member_add(taken).await.unwrap_err();
    assert_eq!(told(&status), (9, "etcdserver: Peer URLs already exists"));
    let status = served.cluster.member_remove(MemberRemoveRequest { id: 7 }).await.unwrap_err();
    assert_eq!(told(&status), (5, "etcdserver: member not found"));
    assert!(served.member.alters().is_empty(), "the leader was not asked");

    let started = "etcdserver: re-configuration failed due to not enough started members";
    let in_sync = "etcdserver: can only promote a learner member which is in sync with leader";
    for (error, code, text) in [
        (AlterError::NotMember(NodeId(4)), 5, "etcdserver: member not found"),
        (AlterError::NotLearner(NodeId(4)), 9, "etcdserver: can only promote a learner member"),
        (AlterError::Lagging { matched: Index(1), of: Index(9) }, 9, in_sync),
        (AlterError::Waiting(NodeId(4)), 9, started),
        (AlterError::Refused(Refusal::NoVoters), 9, started),
        (AlterError::Refused(Refusal::LosesQuorum { voters: 3, reachable: 1 }), 14, "etcdserver: unhealthy cluster"),
    ] {
        served.member.refuse_alters(&[MemberError::Refused(error)]);
        let status = served.cluster.member_promote(MemberPromoteRequest { id: 0xa4 }).await.unwrap_err();
        assert_eq!(told(&status), (code, text), "{error:?}");
    }
}

#[tokio::test]
async fn a_learner_serves_little() {
    let mut served = Served::new().await;
    served.member.set_survey(survey(false));
    served.member.change_status(|status| status.node = NodeId(4));
    let refused = (9, "etcdserver: rpc not supported for learner");
    let put = PutRequest { key: "k".into(), ..PutRequest::default() };
    assert_eq!(told(&served.kv.put(put).await.unwrap_err()), refused);
    let range = |serializable| RangeRequest { key: "k".into(), serializable, ..RangeRequest::default() };
    assert_eq!(told(&served.kv.range(range(false)).await.unwrap_err()), refused);
    served.kv.range(range(true)).await.unwrap();
    assert!(served.maintenance.status(StatusRequest {}).await.unwrap().into_inner().is_learner);
    let list = served.cluster.member_list(MemberListRequest { linearizable: false }).await;
    assert_eq!(told(&list.unwrap_err()), refused);
    served.member.set_survey(survey(true));
    served.kv.range(range(false)).await.unwrap();
}

#[tokio::test]
async fn a_plan_says_what_the_cluster_survives() {
    let served = Served::new().await;
    served.member.set_survey(survey(false));
    let mut members = MembersClient::new(served.channel.clone());
    let state = members.survey(MembersSurveyRequest {}).await.unwrap().into_inner();
    let heard: Vec<bool> = state.members.iter().map(|member| member.heard).collect();
    assert_eq!((heard, state.members[0].leads, state.changing), (vec![true, true, false, false], true, false));
    assert_eq!(state.members[3].role(), MemberRole::Learner);
    let replace = MembersChangeRequest {
        kind: MembersChangeKind::Replace.into(),
        id: 0xa3,
        peer_urls: vec!["http://h:9".into()],
        ..MembersChangeRequest::default()
    };
    let plan = members.plan(replace).await.unwrap().into_inner();
    let survives: Vec<i32> = plan.steps.iter().map(|step| step.survives).collect();
    assert_eq!((survives, plan.refusal.as_str()), (vec![0, 0, 0, 1], ""));
    assert!(plan.added != 0 && plan.steps[3].voters.contains(&plan.added));
    let remove = MembersChangeRequest { kind: MembersChangeKind::Remove.into(), id: 0xa2, ..Default::default() };
    let plan = members.plan(remove).await.unwrap().into_inner();
    assert!(plan.refusal.starts_with("etcdserver: unhealthy cluster (only 1 of 2 voters answer"), "{}", plan.refusal);
    let unknown = MembersChangeRequest { kind: 99, ..Default::default() };
    assert_eq!(members.change(unknown).await.unwrap_err().code() as i32, 3);
    assert!(served.member.alters().is_empty(), "a plan changes nothing");
}
