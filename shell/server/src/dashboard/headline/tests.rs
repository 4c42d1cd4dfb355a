//! Clusters in words.

use super::*;
use crate::dashboard::view::{ConfigurationView, PeerView, Recent, Spread};

fn view(node: u64, leader: Option<u64>) -> MemberView {
    let others = [1, 2, 3].into_iter().filter(|other| *other != node);
    let leads = leader == Some(node);
    let follower = |node| FollowerView { node, state: "replicate".into(), heard: true, ..FollowerView::default() };
    MemberView {
        node,
        term: 12,
        standing: if leads { "leader" } else { "follower" }.into(),
        leader,
        leader_ms: 3_200,
        election_timeout_ms: 1000,
        configuration: ConfigurationView {
            stage: "plain".into(),
            voters: vec![1, 2, 3],
            ..ConfigurationView::default()
        },
        peers: others
            .clone()
            .map(|node| PeerView { node, connected: true, silence_ms: Some(40), trouble: None })
            .collect(),
        followers: if leads { others.map(follower).collect() } else { Vec::new() },
        ..MemberView::default()
    }
}

/// Three members that follow n1, seen by `viewer`.
fn healthy(viewer: u64) -> Cluster {
    let row = |node| Row {
        node,
        name: format!("n{node}"),
        part: "voter",
        client_urls: vec!["http://h:1".into()],
        view: Some(view(node, Some(1))),
        ..Row::default()
    };
    Cluster { viewer, rows: [1, 2, 3].map(row).into(), ..Cluster::default() }
}

fn lose(cluster: &mut Cluster, node: usize, silence_ms: u64) {
    cluster.rows[node - 1].error = Some("connection refused".into());
    for row in &mut cluster.rows {
        let view = row.view.as_mut().unwrap();
        for peer in view.peers.iter_mut().filter(|peer| peer.node == node as u64) {
            (peer.connected, peer.silence_ms) = (false, Some(silence_ms));
        }
        view.followers.iter_mut().filter(|one| one.node == node as u64).for_each(|one| one.heard = false);
    }
}

fn told(cluster: &Cluster) -> (&'static str, String) {
    let Headline { state, sentence, .. } = headline(cluster);
    (state, sentence)
}

#[test]
fn a_healthy_cluster_says_what_it_survives() {
    let sentence = "Healthy. n1 has led for 3.2 s (term 12). Survives 1 more failure. 3 voters.";
    assert_eq!(told(&healthy(2)), ("healthy", sentence.into()));
}

#[test]
fn a_lost_follower_is_named_with_its_cause() {
    let mut cluster = healthy(1);
    lose(&mut cluster, 3, 4200);
    let sentence = "Degraded: n3 gave no reply for 4.2 s: connection refused. n1 has led for 3.2 s (term 12). Survives no further failure.";
    assert_eq!(told(&cluster), ("degraded", sentence.into()));
}

#[test]
fn a_follower_asks_its_leader_for_how_long_another_is_silent() {
    let mut cluster = healthy(2);
    lose(&mut cluster, 3, 4200);
    cluster.rows[1].view.as_mut().unwrap().peers[1].silence_ms = None;
    assert!(told(&cluster).1.starts_with("Degraded: n3 gave no reply for 4.2 s: connection refused."));
    lose(&mut cluster, 1, 7000);
    let texts: Vec<String> = headline(&cluster).problems.into_iter().map(|problem| problem.text).collect();
    let wanted =
        ["does not answer: connection refused; n2 heard it last 7.0 s ago", "does not answer: connection refused"];
    assert_eq!(texts, wanted);
}

#[test]
fn a_client_port_that_is_closed_is_no_lost_member() {
    let mut cluster = healthy(1);
    cluster.rows[2].error = Some("connection refused".into());
    let (state, sentence) = told(&cluster);
    assert_eq!(state, "degraded");
    assert!(
        sentence.contains("n3 answers the other members, but not at its client URL: connection refused"),
        "{sentence}"
    );
    assert!(sentence.contains("Survives 1 more failure"), "{sentence}");
}

#[test]
fn without_a_quorum_it_says_who_is_missing_and_how_many_are_needed() {
    let mut cluster = healthy(1);
    lose(&mut cluster, 2, 4000);
    lose(&mut cluster, 3, 4000);
    let own = cluster.rows[0].view.as_mut().unwrap();
    (own.leader, own.standing) = (None, "follower".into());
    let (state, sentence) = told(&cluster);
    assert_eq!(state, "no leader");
    let begin = "No quorum and no leader for 3.2 s: n2 and n3 do not answer n1; 1 of 3 reachable, 2 needed.";
    assert!(sentence.starts_with(begin), "{sentence}");
    assert_eq!(headline(&cluster).problems.len(), 2);
}

#[test]
fn an_old_leader_in_a_minority_is_no_leader() {
    let mut cluster = healthy(1);
    lose(&mut cluster, 2, 1500);
    lose(&mut cluster, 3, 1500);
    let sentence = "No quorum: n1 takes itself for the leader (term 12), but n2 and n3 do not answer it; 1 of 3 reachable, 2 needed. Nothing is written until they are back.";
    assert_eq!(told(&cluster), ("no leader", sentence.into()));
}

#[test]
fn an_election_is_due_where_a_majority_is_there() {
    let mut cluster = healthy(2);
    lose(&mut cluster, 1, 2500);
    for row in &mut cluster.rows[1..] {
        row.view.as_mut().unwrap().leader = None;
    }
    let sentence =
        "No leader for 3.2 s: n1 does not answer n2; 2 of 3 reachable, 2 needed, so an election is due (term 12).";
    assert_eq!(told(&cluster), ("no leader", sentence.into()));
}

#[test]
fn who_is_cut_off_from_the_leader_alone_counts_for_nothing() {
    let mut cluster = healthy(3);
    cluster.rows[0].view.as_mut().unwrap().followers[0].heard = false;
    let sentence =
        "Degraded: n2 does not answer n1, which leads. n1 has led for 3.2 s (term 12). Survives no further failure.";
    assert_eq!(told(&cluster), ("degraded", sentence.into()));
}

#[test]
fn a_leader_that_others_hear_still_leads() {
    let mut cluster = healthy(2);
    cluster.rows[0].error = Some("no answer within 0.8 s".into());
    let (state, sentence) = told(&cluster);
    assert_eq!(state, "degraded");
    assert!(sentence.contains("n1 has led for 3.2 s (term 12)"), "{sentence}");
}

#[test]
fn other_beliefs_are_told_and_not_merged_away() {
    let mut cluster = healthy(1);
    let other = cluster.rows[1].view.as_mut().unwrap();
    (other.leader, other.term) = (Some(3), 11);
    let lost = cluster.rows[2].view.as_mut().unwrap();
    (lost.leader, lost.term) = (None, 14);
    let texts: Vec<String> = headline(&cluster).problems.into_iter().map(|problem| problem.text).collect();
    assert_eq!(texts, ["takes n3 for the leader (term 11)", "knows no leader (term 14) for 3.2 s"]);
}

#[test]
fn in_the_joint_phase_both_majorities_count() {
    let mut cluster = healthy(1);
    for row in &mut cluster.rows {
        let configuration = &mut row.view.as_mut().unwrap().configuration;
        (configuration.stage, configuration.voters_old) = ("joint".into(), vec![1, 2]);
    }
    let (state, sentence) = told(&cluster);
    assert_eq!(state, "healthy");
    assert!(sentence.contains("Survives no further failure"), "two old voters survive none: {sentence}");
    assert!(sentence.ends_with("The members change: two majorities must agree."), "{sentence}");
    lose(&mut cluster, 2, 9000);
    assert!(
        told(&cluster)
            .1
            .contains("the members change: of the old voters 1 of 2 reachable, 2 needed, of the new 2 of 3 reachable")
    );
}

#[test]
fn who_lags_or_has_no_room_is_told() {
    let mut cluster = healthy(1);
    let leader = cluster.rows[0].view.as_mut().unwrap();
    (leader.followers[0].behind, leader.followers[0].behind_ms) = (42, 3100);
    (leader.followers[1].behind, leader.followers[1].state) = (9, "snapshot".into());
    (leader.followers[1].snapshot_sent, leader.followers[1].snapshot_bytes) = (Some(11_000_000), Some(18_000_000));
    leader.no_space = true;
    let texts: Vec<String> = headline(&cluster).problems.into_iter().map(|problem| problem.text).collect();
    let wanted = [
        "has no room on its disk for the log: writes are refused",
        "is 42 entries behind, the oldest of them 3.1 s old",
        "needs a snapshot (61 % of 18 MB): the log of n1 no longer holds the entries that it lacks",
    ];
    assert_eq!(texts, wanted);
}

#[test]
fn the_slowest_part_is_named() {
    let mut cluster = healthy(1);
    assert_eq!(slowest(&cluster), None, "nothing was measured");
    let spread = |mean| Spread { mean: Some(mean), ..Spread::default() };
    let mut measure = |disk, network, apply, other| {
        let recent = Recent { disk: spread(disk), network: spread(network), apply: spread(apply), ..Recent::default() };
        cluster.rows[0].view.as_mut().unwrap().recent = recent;
        for row in &mut cluster.rows[1..] {
            row.view.as_mut().unwrap().recent.sync = spread(other * row.node);
        }
        slowest(&cluster).unwrap()
    };
    assert_eq!(measure(1800, 400, 10, 0), "Slowest: the disk of n1, 1.8 ms of 2.2 ms.");
    assert_eq!(measure(100, 4000, 10, 100), "Slowest: the network from n1 to a majority, 4.0 ms of 4.1 ms.");
    assert_eq!(
        measure(100, 4000, 10, 1900),
        "Slowest: the disk of n2, which takes 3.8 ms a write; a majority is waited for 4.0 ms of 4.1 ms."
    );
    assert_eq!(measure(100, 90, 900, 0), "Slowest: the state machine of n1, 900 µs of 1.1 ms.");
}

#[test]
fn a_single_member_says_what_that_means() {
    let mut cluster = healthy(1);
    cluster.rows.truncate(1);
    let own = cluster.rows[0].view.as_mut().unwrap();
    (own.configuration.voters, own.followers, own.peers) = (vec![1], Vec::new(), Vec::new());
    let sentence = "Healthy. n1 has led for 3.2 s (term 12). One member alone survives no failure. 1 voter.";
    assert_eq!(told(&cluster), ("healthy", sentence.into()));
}

#[test]
fn whoever_lost_its_leader_says_whom_and_for_how_long() {
    let mut cluster = healthy(2);
    lose(&mut cluster, 1, 700);
    let sentence = "No leader since n1, which led, fell silent 0.7 s ago: n1 does not answer n2; 2 of 3 reachable, 2 needed, so an election is due (term 12).";
    assert_eq!(told(&cluster), ("no leader", sentence.into()));
}

#[test]
fn who_says_that_it_leads_no_more_is_believed() {
    let mut cluster = healthy(3);
    let old = cluster.rows[0].view.as_mut().unwrap();
    (old.leader, old.standing) = (None, "follower".into());
    assert_eq!(told(&cluster).0, "no leader", "n2 and n3 still follow n1");
}

#[test]
fn each_trouble_has_its_cause() {
    let mut cluster = healthy(1);
    let leader = cluster.rows[0].view.as_mut().unwrap();
    (leader.followers[0].heard, leader.peers[0].trouble) = (false, Some("connection refused".into()));
    let other = cluster.rows[1].view.as_mut().unwrap();
    (other.leader, other.peers[0].trouble) = (None, Some("no route to host".into()));
    let slow = cluster.rows[2].view.as_mut().unwrap();
    slow.recent.sync = Spread { p50: Some(812_000), ..Spread::default() };
    cluster.rows.push(Row { node: 4, part: "learner", error: Some("nowhere".into()), ..Row::default() });
    cluster.rows[0].view.as_mut().unwrap().peers.push(PeerView { node: 4, ..PeerView::default() });
    let texts: Vec<String> = headline(&cluster).problems.into_iter().map(|problem| problem.text).collect();
    let wanted = [
        "knows no leader (term 12) for 3.2 s: it does not reach n1 (no route to host)",
        "does not answer n1, which leads: connection refused",
        "has a slow disk: half of its writes to the log take 812 ms and more",
        "was added and has not started yet",
    ];
    assert_eq!(texts, wanted);
}
