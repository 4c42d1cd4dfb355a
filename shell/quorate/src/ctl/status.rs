//! How every endpoint is, asked all at once.
//!
//! One that can't be reached is an answer too. Knows nothing of tables.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use server::api::etcdserverpb::cluster_client::ClusterClient;
use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use server::api::etcdserverpb::{MemberListRequest, StatusRequest, StatusResponse};
use tokio::task::JoinSet;

use super::endpoints::{Endpoints, connect, words};
use crate::url::Url;

/// Status never waits for anybody, so a member that takes longer hangs.
const STATUS_TIME: Duration = Duration::from_secs(3);

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct EndpointStatus {
    /// Where it was asked.
    pub(super) endpoint: String,
    /// What it said, or why nothing came.
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// What became of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    /// It answered.
    Answered(Answered),
    /// It did not.
    Silent {
        /// Why.
        error: String,
    },
}

/// What a member says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Answered {
    /// `--name`, when some member could tell.
    pub(super) name: String,
    /// In hex, as etcdctl prints it.
    pub(super) id: String,
    /// It leads.
    pub(super) is_leader: bool,
    /// Id of the member that it follows, in hex; nothing when it knows none.
    pub(super) leader: Option<String>,
    /// Raft's term.
    pub(super) term: u64,
    /// Last entry of its log.
    pub(super) index: u64,
    /// Last entry that it applied.
    pub(super) applied: u64,
    /// Bytes of its data.
    pub(super) db_size: i64,
    /// The etcd version whose API it speaks.
    pub(super) version: String,
    /// What it complains of.
    pub(super) errors: Vec<String>,
    /// Whether this leader can serve reads by its lease, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_reads: Option<String>,
    /// How long a majority takes to answer this leader, as in `850us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) round_trip: Option<String>,
}

impl Answered {
    /// All that is worth a remark.
    pub(super) fn remarks(&self) -> String {
        let lease = self.lease_reads.as_ref().map(|lease| format!("reads by lease {lease}"));
        let round_trip = self.round_trip.as_ref().map(|time| format!("a majority answers in {time}"));
        self.errors.iter().cloned().chain(lease).chain(round_trip).collect::<Vec<_>>().join("; ")
    }
}

/// Asks all endpoints; answers in their order.
pub(super) async fn ask_all(endpoints: &Endpoints) -> Vec<EndpointStatus> {
    let mut questions = JoinSet::new();
    for (place, url) in endpoints.0.iter().cloned().enumerate() {
        questions.spawn(async move { (place, ask_one(&url).await) });
    }
    let mut answers = BTreeMap::new();
    let mut names = BTreeMap::new();
    while let Some(joined) = questions.join_next().await {
        let Ok((place, (outcome, known_names))) = joined else { continue };
        names.extend(known_names);
        answers.insert(place, outcome);
    }
    let named = |(place, mut outcome)| {
        if let Outcome::Answered(answered) = &mut outcome {
            answered.name = names.get(&answered.id).cloned().unwrap_or_default();
        }
        let endpoint: &Url = &endpoints.0[place];
        EndpointStatus { endpoint: endpoint.host_and_port(), outcome }
    };
    answers.into_iter().map(named).collect()
}

/// The member's status, and the names of all members that it knows, by id.
async fn ask_one(url: &Url) -> (Outcome, BTreeMap<String, String>) {
    let silent = |error| (Outcome::Silent { error }, BTreeMap::new());
    let channel = match connect(url).await {
        Ok(channel) => channel,
        Err(error) => return silent(error),
    };
    let mut maintenance = MaintenanceClient::new(channel.clone());
    let status = match tokio::time::timeout(STATUS_TIME, maintenance.status(StatusRequest {})).await {
        Ok(Ok(status)) => status,
        Ok(Err(status)) => return silent(words(&status)),
        Err(_) => return silent("connected, but no answer within three seconds".to_owned()),
    };
    let mut cluster = ClusterClient::new(channel);
    let list = tokio::time::timeout(STATUS_TIME, cluster.member_list(MemberListRequest { linearizable: false })).await;
    let members = list.ok().and_then(Result::ok).map(|list| list.into_inner().members).unwrap_or_default();
    let said = |key: &str| status.metadata().get(key).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (lease_reads, round_trip) = (said("quorate-lease-reads"), said("quorate-round-trip"));
    let answered = Answered { lease_reads, round_trip, ..answered(status.into_inner()) };
    (Outcome::Answered(answered), members.into_iter().map(|member| (hex(member.id), member.name)).collect())
}

fn answered(status: StatusResponse) -> Answered {
    let id = status.header.as_ref().map_or(0, |header| header.member_id);
    Answered {
        name: String::new(),
        id: hex(id),
        is_leader: status.leader != 0 && status.leader == id,
        leader: (status.leader != 0).then(|| hex(status.leader)),
        term: status.raft_term,
        index: status.raft_index,
        applied: status.raft_applied_index,
        db_size: status.db_size,
        version: status.version,
        errors: status.errors,
        lease_reads: None,
        round_trip: None,
    }
}

fn hex(id: u64) -> String {
    format!("{id:x}")
}
