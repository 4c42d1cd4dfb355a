//! Letting another member lead: finds who leads and who is meant, and asks the leader.
//!
//! Knows the order of questions; that the leadership changes safely is the members' affair.

use serde::Serialize;
use server::api::etcdserverpb::cluster_client::ClusterClient;
use server::api::etcdserverpb::maintenance_client::MaintenanceClient;
use server::api::etcdserverpb::{Member, MemberListRequest, MoveLeaderRequest};

use super::endpoints::{Endpoints, Failure, Kind};
use super::status::{self, Answered, EndpointStatus, Outcome};
use crate::url::Url;

/// Who led, and who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Moved {
    /// Who led: name and id.
    pub(super) from: Named,
    /// Who leads now.
    pub(super) to: Named,
}

/// A member as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    /// `--name`; empty where nobody knows it.
    pub(super) name: String,
    /// In hex, as etcdctl prints it.
    pub(super) id: String,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.is_empty() { f.write_str(&self.id) } else { write!(f, "{} ({})", self.name, self.id) }
    }
}

/// Asks the leader to let `to` (a name or an id) lead, or without it the voter with the longest log.
pub(super) async fn ask(endpoints: &Endpoints, to: Option<&str>) -> Result<Moved, Failure> {
    let statuses = status::ask_all(endpoints).await;
    let list = async |channel| ClusterClient::new(channel).member_list(MemberListRequest { linearizable: false }).await;
    let members = endpoints.ask(Kind::Read, list).await?.members;
    let leader = leader(&statuses, &members)?;
    let target = match to {
        Some(to) => named(&members, to)?,
        None => likely(&statuses, &members, leader.id)?,
    };
    let moved = Moved { from: name(leader), to: name(target) };
    let asked = Endpoints(leader_urls(&statuses, leader)?);
    let request = MoveLeaderRequest { target_id: target.id };
    // Asking again does no harm: who leads already has nothing to do.
    asked.ask(Kind::Read, async |channel| MaintenanceClient::new(channel).move_leader(request).await).await?;
    Ok(moved)
}

fn name(member: &Member) -> Named {
    Named { name: member.name.clone(), id: format!("{:x}", member.id) }
}

fn answered(statuses: &[EndpointStatus]) -> impl Iterator<Item = (&EndpointStatus, &Answered)> {
    statuses.iter().filter_map(|status| match &status.outcome {
        Outcome::Answered(answered) => Some((status, answered)),
        Outcome::Silent { .. } => None,
    })
}

/// Whom the endpoint of the newest term takes for the leader.
fn leader<'a>(statuses: &[EndpointStatus], members: &'a [Member]) -> Result<&'a Member, Failure> {
    let knows = answered(statuses).filter(|(_, member)| member.leader.is_some()).max_by_key(|(_, member)| member.term);
    let id = knows.and_then(|(_, member)| member.leader.clone());
    let found = id.and_then(|id| members.iter().find(|member| format!("{:x}", member.id) == id));
    found.ok_or_else(|| Failure::Choice("no leader is known here, so there is nobody to hand over".to_owned()))
}

/// The member of this name or id.
fn named<'a>(members: &'a [Member], wanted: &str) -> Result<&'a Member, Failure> {
    let hex = wanted.trim_start_matches("0x").trim_start_matches('0').to_ascii_lowercase();
    let of_name: Vec<&Member> = members.iter().filter(|member| member.name == wanted).collect();
    match of_name.as_slice() {
        [one] => return Ok(one),
        [] => {}
        _ => {
            return Err(Failure::Choice(format!(
                "several members are named {wanted}: give an id (`quorate ctl status`)"
            )));
        }
    }
    let of_id = members.iter().find(|member| format!("{:x}", member.id) == hex);
    of_id.ok_or_else(|| {
        let all: Vec<String> = members.iter().map(|member| name(member).to_string()).collect();
        Failure::Choice(format!("there is no member {wanted}; members are {}", all.join(", ")))
    })
}

/// Of the voters that are no leader the one with the longest log, of those that answered; else any that has started.
fn likely<'a>(statuses: &[EndpointStatus], members: &'a [Member], leader: u64) -> Result<&'a Member, Failure> {
    let index = |member: &Member| {
        let id = format!("{:x}", member.id);
        answered(statuses).find(|(_, answered)| answered.id == id).map(|(_, answered)| answered.index)
    };
    let voters = members.iter().filter(|member| member.id != leader && !member.is_learner && !member.name.is_empty());
    voters.max_by_key(|member| index(member)).ok_or_else(|| {
        Failure::Choice("there is no other member that could lead: a cluster of one has only its leader".to_owned())
    })
}

/// Where the leader is asked: the endpoint that said it leads, else where it says that clients find it.
fn leader_urls(statuses: &[EndpointStatus], leader: &Member) -> Result<Vec<Url>, Failure> {
    let id = format!("{:x}", leader.id);
    let endpoint = answered(statuses).find(|(_, answered)| answered.id == id).map(|(status, _)| &status.endpoint);
    let texts: Vec<String> = match endpoint {
        Some(endpoint) => vec![format!("http://{endpoint}")],
        None => leader.client_ur_ls.clone(),
    };
    let urls: Vec<Url> = texts.iter().filter_map(|text| Url::parse(text).ok()).collect();
    if urls.is_empty() {
        let what = format!("{} leads, and where it can be asked is not known: add it to --endpoints", name(leader));
        return Err(Failure::Choice(what));
    }
    Ok(urls)
}

#[cfg(test)]
mod unit {
    use super::*;

    fn member(id: u64, name: &str, is_learner: bool) -> Member {
        Member {
            id,
            name: name.into(),
            is_learner,
            client_ur_ls: vec![format!("http://127.0.0.1:{id}")],
            ..Member::default()
        }
    }

    fn status(id: u64, leader: u64, index: u64) -> EndpointStatus {
        let hex = |id: u64| format!("{id:x}");
        let is_leader = id == leader;
        let answered =
            Answered { id: hex(id), leader: Some(hex(leader)), is_leader, index, term: 3, ..Answered::default() };
        EndpointStatus { endpoint: format!("127.0.0.1:{id}"), outcome: Outcome::Answered(answered) }
    }

    #[test]
    fn a_member_is_found_by_its_name_or_id() {
        let members =
            [member(0xab, "n1", false), member(2, "n2", false), member(3, "twin", false), member(4, "twin", true)];
        assert_eq!(named(&members, "n2").unwrap().id, 2);
        assert_eq!(named(&members, "00AB").unwrap().id, 0xab);
        assert_eq!(named(&members, "0x4").unwrap().id, 4);
        let told = |wanted: &str| named(&members, wanted).unwrap_err().to_string();
        assert!(told("twin").starts_with("several members are named twin"));
        assert_eq!(told("n9"), "there is no member n9; members are n1 (ab), n2 (2), twin (3), twin (4)");
    }

    #[test]
    fn without_a_word_the_longest_log_of_a_voter_leads_next() {
        let members = [member(1, "n1", false), member(2, "n2", false), member(3, "n3", false), member(4, "n4", true)];
        let statuses = [status(1, 1, 9), status(2, 1, 5), status(3, 1, 8), status(4, 1, 9)];
        assert_eq!(leader(&statuses, &members).unwrap().id, 1);
        assert_eq!(likely(&statuses, &members, 1).unwrap().id, 3);
        assert_eq!(leader_urls(&statuses[1..], &members[0]).unwrap()[0].to_string(), "http://127.0.0.1:1");
        assert!(likely(&statuses[..1], &members[..1], 1).unwrap_err().to_string().contains("no other member"));
        assert!(leader(&[], &members).unwrap_err().to_string().contains("no leader is known"));
    }
}
