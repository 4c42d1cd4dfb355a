//! How a cluster is, in a sentence, and what is wrong with it, each with its cause. Pure: rows in, words out. It does not know how the rows
//! were come by, and decides nothing but words.

use super::cluster::{Cluster, Headline, Problem, Row};
use super::view::{FollowerView, MemberView, PeerView};
use super::words::{bytes, lasting, list, percent, short};

/// A follower that is so far behind is worth a word.
const BEHIND_ENTRIES: u64 = 10_000;
const BEHIND_MS: u64 = 2_000;

/// Who leads, as far as it can be told.
enum Lead<'a> {
    /// It says so, and a majority answers it.
    Certain(&'a MemberView),
    /// It says so, and no majority answers it.
    Alone(&'a MemberView),
    /// Others hear it; it does not answer us. With the view of one of those.
    Hearsay(u64, &'a MemberView),
    Nobody,
}

/// The words for these rows.
pub(crate) fn headline(cluster: &Cluster) -> Headline {
    let Some(own) = cluster.own() else {
        let sentence = format!("{} does not know how it is: its loop does not answer.", cluster.label(cluster.viewer));
        return Headline { state: "no leader", sentence, problems: problems(cluster, None) };
    };
    match lead(cluster) {
        Lead::Certain(leader) => led(cluster, leader.node, leader, leader),
        Lead::Hearsay(node, follower) => led(cluster, node, follower, follower),
        Lead::Alone(leader) => alone(cluster, leader),
        Lead::Nobody => leaderless(cluster, own),
    }
}

fn lead(cluster: &Cluster) -> Lead<'_> {
    if let Some(leader) = cluster.leader() {
        let hears = |node: &u64| *node == leader.node || heard(&leader.followers, *node);
        let majority = |set: &[u64]| set.iter().filter(|node| hears(node)).count() > set.len() / 2;
        let all = leader.configuration.majorities().all(majority);
        return if all { Lead::Certain(leader) } else { Lead::Alone(leader) };
    }
    let views = cluster.rows.iter().filter_map(Row::now);
    let hearsay = views.filter_map(|view| {
        let leader = view.leader?;
        let patience = 2 * view.election_timeout_ms;
        let hears = |peer: &PeerView| peer.connected && peer.silence_ms.is_some_and(|silence| silence < patience);
        // Who says of itself that it leads no more is not led by hearsay.
        let gave_up = cluster.row(leader).and_then(Row::now).is_some_and(|view| !view.leads());
        let heard = view.peers.iter().any(|peer| peer.node == leader && hears(peer));
        (heard && !gave_up).then_some((leader, view))
    });
    match hearsay.max_by_key(|(_, view)| view.term) {
        Some((leader, view)) => Lead::Hearsay(leader, view),
        None => Lead::Nobody,
    }
}

fn heard(followers: &[FollowerView], node: u64) -> bool {
    followers.iter().any(|one| one.node == node && one.heard)
}

/// Somebody leads. `of` is whose configuration counts.
fn led(cluster: &Cluster, leader: u64, since: &MemberView, of: &MemberView) -> Headline {
    let problems = problems(cluster, Some((leader, of)));
    let who = cluster.label(leader);
    let answers = |node: u64| match node {
        _ if node == leader => true,
        // Who leads knows best; else whoever answers us counts.
        _ if of.node == leader => heard(&of.followers, node),
        _ => cluster.row(node).is_some_and(|row| row.now().is_some()),
    };
    let spare = of.configuration.majorities().map(|set| {
        let alive = set.iter().filter(|node| answers(**node)).count();
        alive.saturating_sub(set.len() / 2 + 1)
    });
    let survives = match (spare.min().unwrap_or(0), of.configuration.voters.len()) {
        (0, 1) => "One member alone survives no failure".to_owned(),
        (0, _) => "Survives no further failure".to_owned(),
        (1, _) => "Survives 1 more failure".to_owned(),
        (spare, _) => format!("Survives {spare} more failures"),
    };
    let leads = format!("{who} has led for {} (term {})", lasting(since.leader_ms), of.term);
    let change = match of.configuration.stage.as_str() {
        "joint" => " The members change: two majorities must agree.",
        "catching up" => " The members change: new voters catch up.",
        _ => "",
    };
    let members = members(of);
    if problems.is_empty() {
        let sentence = format!("Healthy. {leads}. {survives}. {members}.{change}");
        return Headline { state: "healthy", sentence, problems };
    }
    let told: Vec<String> = problems.iter().map(|one| format!("{} {}", cluster.label(one.node), one.text)).collect();
    let sentence = format!("Degraded: {}. {leads}. {survives}.{change}", told.join("; "));
    Headline { state: "degraded", sentence, problems }
}

fn members(view: &MemberView) -> String {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let voters = plural(view.configuration.voters.len(), "voter");
    match view.configuration.learners.len() {
        0 => voters,
        learners => format!("{voters}, {}", plural(learners, "learner")),
    }
}

/// A leader whom no majority answers. It will step down by itself.
fn alone(cluster: &Cluster, leader: &MemberView) -> Headline {
    let answers = |node: u64| node == leader.node || heard(&leader.followers, node);
    let voters = cluster.rows.iter().filter(|row| leader.configuration.is_voter(row.node));
    let silent: Vec<String> = voters.filter(|row| !answers(row.node)).map(Row::label).collect();
    let votes = reach(cluster, &leader.configuration.majorities().collect::<Vec<_>>(), &answers);
    let who = cluster.label(leader.node);
    let sentence = format!(
        "No quorum: {who} takes itself for the leader (term {}), but {}{votes}. Nothing is written until they are back.",
        leader.term,
        do_not_answer(&silent, "it"),
    );
    Headline { state: "no leader", sentence, problems: problems(cluster, None) }
}

/// `n2 and n3 do not answer n1; `
fn do_not_answer(silent: &[String], whom: &str) -> String {
    match silent {
        [] => String::new(),
        [one] => format!("{one} does not answer {whom}; "),
        many => format!("{} do not answer {whom}; ", list(many)),
    }
}

/// ` for 3.2 s`, or who it was until now: who lost its leader goes on to follow it for an election timeout.
fn since_when(cluster: &Cluster, own: &MemberView) -> String {
    let Some(last) = own.leader.filter(|last| *last != own.node) else {
        return format!(" for {}", lasting(own.leader_ms));
    };
    let silence = own.peers.iter().find(|peer| peer.node == last).and_then(|peer| peer.silence_ms);
    let lasting = silence.map_or_else(|| "some time".to_owned(), lasting);
    format!(" since {}, which led, fell silent {lasting} ago", cluster.label(last))
}

fn leaderless(cluster: &Cluster, own: &MemberView) -> Headline {
    let sets: Vec<&[u64]> = own.configuration.majorities().collect();
    let reached = |node: u64| cluster.row(node).is_some_and(|row| row.now().is_some());
    let missing: Vec<String> = cluster
        .rows
        .iter()
        .filter(|row| own.configuration.is_voter(row.node) && row.now().is_none())
        .map(Row::label)
        .collect();
    let since = since_when(cluster, own);
    let enough = sets.iter().all(|set| set.iter().filter(|node| reached(**node)).count() > set.len() / 2);
    let who = cluster.label(own.node);
    let silent = do_not_answer(&missing, &who);
    let votes = reach(cluster, &sets, &reached);
    let sentence = if enough {
        format!("No leader{since}: {silent}{votes}, so an election is due (term {}).", own.term)
    } else {
        format!("No quorum and no leader{since}: {silent}{votes}. Nothing is written until they are back.")
    };
    Headline { state: "no leader", sentence, problems: problems(cluster, None) }
}

/// `1 of 3 reachable, 2 needed`, for each set of voters.
fn reach(cluster: &Cluster, sets: &[&[u64]], reached: &dyn Fn(u64) -> bool) -> String {
    let one = |set: &[u64]| {
        let count = set.iter().filter(|node| reached(**node)).count();
        format!("{count} of {} reachable, {} needed", set.len(), set.len() / 2 + 1)
    };
    match sets {
        [set] => one(set),
        [old, new] => format!("the members change: of the old voters {}, of the new {}", one(old), one(new)),
        _ => format!("{} knows no voters", cluster.label(cluster.viewer)),
    }
}

fn problems(cluster: &Cluster, led: Option<(u64, &MemberView)>) -> Vec<Problem> {
    let mut found = Vec::new();
    for row in &cluster.rows {
        let mut problem = |text: String| found.push(Problem { node: row.node, text });
        match row.now() {
            None => problem(silence(cluster, row)),
            Some(view) => {
                if view.no_space {
                    problem("has no room on its disk for the log: writes are refused".into());
                }
                if let Some(text) = slow_disk(view) {
                    problem(text);
                }
                if let Some((leader, of)) = led
                    && let Some(text) = differs(cluster, view, leader, of)
                {
                    problem(text);
                }
            }
        }
        if let Some((_, of)) = led
            && row.now().is_some()
            && let Some(one) = of.followers.iter().find(|one| one.node == row.node)
            && let Some(text) = slowness(cluster, one, of)
        {
            problem(text);
        }
    }
    found
}

/// Why a member says nothing. For how long is known to who leads: followers do not speak with each other.
fn silence(cluster: &Cluster, row: &Row) -> String {
    let error = row.error.as_deref().unwrap_or("it was not asked yet");
    let Some(view) = cluster.leader().or_else(|| cluster.own()) else { return format!("does not answer: {error}") };
    let peer = view.peers.iter().find(|peer| peer.node == row.node);
    let who = cluster.label(view.node);
    match peer.and_then(|peer| Some((peer.connected, peer.silence_ms?))) {
        Some((true, silence)) if silence < 2 * view.election_timeout_ms => {
            format!("answers the other members, but not at its client URL: {error}")
        }
        Some((_, silence)) if view.leads() => format!("gave no reply for {}: {error}", lasting(silence)),
        Some((_, silence)) => format!("does not answer: {error}; {who} heard it last {} ago", lasting(silence)),
        None if row.client_urls.is_empty() => "was added and has not started yet".into(),
        None if view.leads() => format!("was never heard by {who}: {error}"),
        None => format!("does not answer: {error}"),
    }
}

/// A member that believes something else.
fn differs(cluster: &Cluster, view: &MemberView, leader: u64, of: &MemberView) -> Option<String> {
    match view.leader {
        Some(other) if other == leader && view.term == of.term => None,
        Some(other) if other == leader => Some(format!("is in term {} and not in {}", view.term, of.term)),
        Some(other) => Some(format!("takes {} for the leader (term {})", cluster.label(other), view.term)),
        None => {
            let peer = view.peers.iter().find(|peer| peer.node == leader);
            let cause = match peer.and_then(|peer| peer.trouble.as_deref()) {
                Some(trouble) => format!(": it does not reach {} ({trouble})", cluster.label(leader)),
                None => String::new(),
            };
            Some(format!("knows no leader (term {}) for {}{cause}", view.term, lasting(view.leader_ms)))
        }
    }
}

/// A disk so slow that elections are held for it.
fn slow_disk(view: &MemberView) -> Option<String> {
    let sync = view.recent.sync.p50.filter(|sync| *sync > view.election_timeout_ms * 1000 / 2)?;
    Some(format!("has a slow disk: half of its writes to the log take {} and more", short(sync)))
}

/// A follower that answers and does not keep up.
fn slowness(cluster: &Cluster, follower: &FollowerView, leader: &MemberView) -> Option<String> {
    let who = cluster.label(leader.node);
    if !follower.heard {
        let peer = leader.peers.iter().find(|peer| peer.node == follower.node);
        let trouble = peer.and_then(|peer| peer.trouble.as_deref());
        let cause = trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
        return Some(format!("does not answer {who}, which leads{cause}"));
    }
    if follower.state == "snapshot" {
        let far = match (follower.snapshot_sent, follower.snapshot_bytes) {
            (Some(sent), Some(length)) => format!(" ({} % of {})", percent(sent, length), bytes(length)),
            _ => String::new(),
        };
        return Some(format!("needs a snapshot{far}: the log of {who} no longer holds the entries that it lacks"));
    }
    let far = follower.behind > BEHIND_ENTRIES || follower.behind > 0 && follower.behind_ms > BEHIND_MS;
    far.then(|| {
        let cause = match follower.state.as_str() {
            "probe" => format!("; {who} looks for where their logs agree"),
            _ => String::new(),
        };
        let age = lasting(follower.behind_ms);
        format!("is {} entries behind, the oldest of them {age} old{cause}", follower.behind)
    })
}

/// The greatest part of the time that commits take.
pub(crate) fn slowest(cluster: &Cluster) -> Option<String> {
    let leader = cluster.leader()?;
    let (recent, who) = (&leader.recent, cluster.label(leader.node));
    let (disk, network, apply) = (recent.disk.mean?, recent.network.mean?, recent.apply.mean?);
    let whole = short(disk + network + apply);
    if network < disk.max(apply) {
        let (part, took) = if disk >= apply { ("disk", disk) } else { ("state machine", apply) };
        return Some(format!("Slowest: the {part} of {who}, {} of {whole}.", short(took)));
    }
    let took = short(network);
    // The others' disks are in it: the one that makes the majority full may be what is waited for.
    let mut syncs: Vec<(u64, u64)> = leader
        .followers
        .iter()
        .filter(|one| leader.configuration.is_voter(one.node))
        .filter_map(|one| Some((cluster.row(one.node)?.now()?.recent.sync.mean?, one.node)))
        .collect();
    syncs.sort_unstable();
    let needed = leader.configuration.voters.len() / 2;
    match needed.checked_sub(1).and_then(|at| syncs.get(at)) {
        Some((sync, node)) if *sync * 2 > network => Some(format!(
            "Slowest: the disk of {}, which takes {} a write; a majority is waited for {took} of {whole}.",
            cluster.label(*node),
            short(*sync),
        )),
        _ => Some(format!("Slowest: the network from {who} to a majority, {took} of {whole}.")),
    }
}

#[cfg(test)]
mod tests;
