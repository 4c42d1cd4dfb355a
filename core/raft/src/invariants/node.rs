//! One node at one moment.

use super::{Violation, ensure, membership};
use crate::candidate::{Candidate, Phase};
use crate::config::Limits;
use crate::configuration::Configuration;
use crate::entry::{Entry, EntryKind};
use crate::follower::Follower;
use crate::leader::Leader;
use crate::progress::{Mode, Progress};
use crate::role::Role;
use crate::types::{Index, NodeId, Position};
use crate::view::View;

/// Checks one state of one node. A halted node is not judged: it said itself that it can't be trusted.
///
/// # Errors
/// The first property that does not hold.
pub fn check(view: View<'_>) -> Result<(), Violation> {
    if view.halt().is_some() {
        return Ok(());
    }
    indexes(view)?;
    log(view)?;
    configuration(view)?;
    membership::history(view)?;
    match view.role() {
        Role::Follower(one) => follower(view, one),
        Role::Candidate(one) => candidate(view, one),
        Role::Leader(one) => leader(view, one),
    }
}

fn indexes(view: View<'_>) -> Result<(), Violation> {
    let (base, applied, commit, last) = (view.log().base().index, view.applied(), view.commit(), view.last().index);
    ensure!(
        base <= applied && applied <= commit && commit <= last,
        IndexOrder,
        &[view.id()],
        "base {base}, applied {applied}, commit {commit}, last {last}"
    );
    let durable = view.persistence().durable();
    ensure!(durable <= last, DurableWithinLog, &[view.id()], "durable {durable}, last {last}");
    Ok(())
}

fn log(view: View<'_>) -> Result<(), Violation> {
    let (log, term) = (view.log(), view.term());
    entries(view.id(), log.base(), log.iter(), log.bytes())?;
    let last = log.last();
    ensure!(term >= last.term, TermCoversLog, &[view.id()], "the log ends with {last}, the term is {term}");
    Ok(())
}

/// The entries of a log behind `base`, which was counted as so many bytes.
fn entries<'a>(
    node: NodeId,
    base: Position,
    entries: impl Iterator<Item = &'a Entry>,
    counted: u64,
) -> Result<(), Violation> {
    let node = &[node];
    let (mut last, mut time, mut bytes) = (base, 0, 0);
    for entry in entries {
        let (position, now) = (entry.position(), entry.header().time);
        ensure!(position.index == last.index.next(), LogDense, node, "{position} stands behind {last}");
        ensure!(position.term >= last.term, LogTerms, node, "{position} stands behind {last}");
        ensure!(now >= time, LogTime, node, "{position} has time {now}, the entry before it {time}");
        (last, time, bytes) = (position, now, bytes + entry.size());
    }
    ensure!(counted == bytes, LogBytes, node, "counted {counted}, are {bytes}");
    Ok(())
}

fn configuration(view: View<'_>) -> Result<(), Violation> {
    let newest = view.log().iter().rev().find(|entry| entry.kind() == EntryKind::Configuration);
    let Some((index, Ok(newest))) = newest.map(|entry| (entry.index(), Configuration::decode(&entry.payload()))) else {
        return Ok(());
    };
    let (in_force, since) = (view.configuration(), view.history().current_index());
    ensure!(
        since > index || (since == index && *in_force == newest),
        NewestConfiguration,
        &[view.id()],
        "in force is {in_force} of {since}, the newest is {newest} of {index}"
    );
    Ok(())
}

fn follower(view: View<'_>, follower: &Follower) -> Result<(), Violation> {
    let (commit, verified, last) = (view.commit(), follower.verified(), view.last().index);
    let holds = commit <= verified && verified <= last;
    ensure!(holds, VerifiedOrder, &[view.id()], "commit {commit}, verified {verified}, last {last}");
    Ok(())
}

fn candidate(view: View<'_>, candidate: &Candidate) -> Result<(), Violation> {
    if candidate.phase() == Phase::PreVote {
        return Ok(());
    }
    voted_for_itself(view)?;
    ensure!(
        candidate.votes().said(view.id()).is_none() || view.persistence().hard_state_durable(),
        OwnVoteDurable,
        &[view.id()],
        "its vote in {} counts already",
        view.term()
    );
    Ok(())
}

fn leader(view: View<'_>, leader: &Leader) -> Result<(), Violation> {
    let node = &[view.id()];
    voted_for_itself(view)?;
    membership::leader(view, leader)?;
    rounds(node, leader.confirmed(), leader.round())?;
    for (peer, one) in leader.progress() {
        progress(view, *peer, one)?;
        rounds(&[view.id(), *peer], one.round_answered.max(one.round_sent), leader.round())?;
    }
    transfer(view, leader)?;
    let tail = view.log().iter().rev().take_while(|entry| entry.index() > view.commit());
    let (counted, bytes) = (leader.uncommitted_bytes(), tail.map(Entry::size).sum::<u64>());
    ensure!(counted == bytes, UncommittedBytes, node, "counted {counted}, are {bytes}");
    Ok(())
}

/// It has told nobody to stand whose log ended before its own.
fn transfer(view: View<'_>, leader: &Leader) -> Result<(), Violation> {
    let Some((target, Some(told))) = leader.transfer().map(|transfer| (transfer.target(), transfer.told())) else {
        return Ok(());
    };
    let matched = leader.progress().get(&target).map_or(Index::ZERO, Progress::matched);
    let nodes = &[view.id(), target];
    ensure!(matched >= told, HandedOverComplete, nodes, "it has the log up to {matched}, which ended at {told}");
    ensure!(leader.timeout_now_sent(), HandedOverComplete, nodes, "and that is forgotten");
    Ok(())
}

fn rounds(nodes: &[NodeId], seen: u64, begun: u64) -> Result<(), Violation> {
    ensure!(seen <= begun, RoundOrder, nodes, "round {seen} of {begun} begun");
    Ok(())
}

fn voted_for_itself(view: View<'_>) -> Result<(), Violation> {
    let (vote, term) = (view.vote(), view.term());
    ensure!(vote == Some(view.id()), VotedForItself, &[view.id()], "it voted for {vote:?} in {term}");
    Ok(())
}

fn progress(view: View<'_>, peer: NodeId, progress: &Progress) -> Result<(), Violation> {
    order(&[view.id(), peer], progress.matched(), progress.next(), view.last().index)?;
    let window = Window {
        matched: progress.matched(),
        next: progress.next(),
        open: progress.mode() == Mode::Replicate,
        bytes: progress.inflight_bytes(),
        limits: &view.config().limits,
    };
    in_flight(&[view.id(), peer], &window, progress.inflights())
}

fn order(nodes: &[NodeId], matched: Index, next: Index, last: Index) -> Result<(), Violation> {
    let holds = matched < next && next <= last.next();
    ensure!(holds, ProgressOrder, nodes, "match {matched}, next {next}, last {last}");
    Ok(())
}

struct Window<'a> {
    matched: Index,
    next: Index,
    open: bool,
    bytes: u64,
    limits: &'a Limits,
}

fn in_flight(
    nodes: &[NodeId],
    window: &Window<'_>,
    inflights: impl Iterator<Item = (Index, u64)>,
) -> Result<(), Violation> {
    let (mut last, mut bytes, mut count) = (window.matched, 0, 0);
    for (upto, size) in inflights {
        ensure!(upto > last && upto < window.next, Inflight, nodes, "{upto} after {last}, next {}", window.next);
        (last, bytes, count) = (upto, bytes + size, count + 1);
    }
    let counted = window.bytes;
    ensure!(counted == bytes, Inflight, nodes, "counted {counted} bytes, are {bytes}");
    ensure!(window.open || count == 0, Inflight, nodes, "{count} appends fly while the logs may not agree");
    let most = window.limits.inflight_count_max;
    ensure!(count <= most, Inflight, nodes, "{count} appends fly, at most {most} may");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::entry::Header;
    use crate::invariants::{Property, tests::*};
    use crate::message::{AppendEntriesReply, AppendOutcome};
    use crate::types::Term;

    fn broken(shared: &crate::shared::Shared, role: &Role) -> Property {
        check(View::new(shared, role)).unwrap_err().property
    }

    #[test]
    fn a_good_state_passes_in_every_role() {
        let mut shared = shared(1, &[1, 1, 2]);
        assert_eq!(check(View::new(&shared, &follower_of(&shared))), Ok(()));
        let leader = leader_of(&mut shared);
        assert_eq!(check(View::new(&shared, &leader)), Ok(()));
    }

    #[test]
    fn indexes_out_of_order_are_found() {
        for (applied, commit) in [(2, 1), (0, 9)] {
            let mut shared = shared(1, &[1, 1, 2]);
            let role = follower_of(&shared);
            (shared.applied, shared.commit) = (Index(applied), Index(commit));
            assert_eq!(broken(&shared, &role), Property::IndexOrder);
        }
        let mut shared = shared(1, &[1, 1, 2]);
        shared.log = crate::log::Log::new(Position::new(2, 1));
        assert_eq!(
            broken(&shared, &follower_of(&shared)),
            Property::IndexOrder,
            "the base is ahead of what is applied"
        );
    }

    #[test]
    fn what_a_log_may_not_hold_is_found() {
        let mut shared = shared(3, &[1, 1, 2]);
        let role = follower_of(&shared);
        shared.log.append(entry(4, 1));
        assert_eq!(broken(&shared, &role), Property::LogTerms);
        shared.log.truncate(Index(4));
        shared.log.append(entry(4, 9));
        assert_eq!(broken(&shared, &role), Property::TermCoversLog);
        shared.log.truncate(Index(2));
        assert_eq!(broken(&shared, &role), Property::DurableWithinLog, "the truncation was not told to persistence");
    }

    #[test]
    fn a_log_with_a_gap_or_a_wrong_size_is_found() {
        let found = |log: &[Entry], bytes: u64| {
            entries(NodeId(1), Position::ZERO, log.iter(), bytes).map_err(|violation| violation.property)
        };
        let one = entry(1, 1).size();
        assert_eq!(found(&[entry(1, 1), entry(2, 1)], 2 * one), Ok(()));
        assert_eq!(found(&[entry(1, 1), entry(3, 1)], 2 * one), Err(Property::LogDense));
        assert_eq!(found(&[entry(1, 1), entry(2, 1)], one), Err(Property::LogBytes));
        let round = rounds(&[NodeId(1)], 4, 3).unwrap_err();
        assert_eq!(round.property, Property::RoundOrder);
    }

    #[test]
    fn cluster_time_that_falls_is_found() {
        let mut shared = shared(3, &[1]);
        let role = follower_of(&shared);
        for (index, time) in [(2, 500), (3, 499)] {
            let header = Header { time, ..Header::default() };
            shared.append(Entry::new(Position::new(index, 1), EntryKind::Command, header, b"x"));
        }
        assert_eq!(broken(&shared, &role), Property::LogTime);
    }

    #[test]
    fn a_configuration_that_is_not_in_force_is_found() {
        let mut shared = shared(3, &[1]);
        let role = follower_of(&shared);
        let two = Configuration::of_voters([NodeId(1), NodeId(2)]);
        let entry = Entry::new(Position::new(2, 1), EntryKind::Configuration, Header::default(), &two.encode());
        shared.log.append(entry); // and not through `Shared::append`, which would have recorded it
        assert_eq!(broken(&shared, &role), Property::NewestConfiguration);
    }

    #[test]
    fn a_follower_that_verified_too_much_or_too_little_is_found() {
        let mut shared = shared(3, &[1, 1, 2]);
        let mut one = Follower::new(None, Index(0));
        one.verified_to(Index(9));
        assert_eq!(broken(&shared, &Role::Follower(one)), Property::VerifiedOrder);
        let role = follower_of(&shared);
        shared.commit = Index(2);
        assert_eq!(broken(&shared, &role), Property::VerifiedOrder);
    }

    #[test]
    fn a_vote_that_counts_too_early_or_is_for_another_is_found() {
        let mut shared = shared(1, &[1]);
        shared.enter_term(Term(4), Some(NodeId(1)));
        let mut early = Candidate::vote(&mut shared);
        let reply = crate::message::RequestVoteReply { granted: true };
        assert!(early.vote_reply(&shared, NodeId(1), reply).is_ok(), "as if its own vote came from elsewhere");
        assert_eq!(broken(&shared, &Role::Candidate(early)), Property::OwnVoteDurable);
        let role = Role::Candidate(Candidate::vote(&mut shared));
        shared.vote = Some(NodeId(2));
        assert_eq!(broken(&shared, &role), Property::VotedForItself);
    }

    #[test]
    fn a_leader_that_counts_wrong_is_found() {
        let mut shared = shared(1, &[1, 1]);
        let mut role = leader_of(&mut shared);
        shared.append(entry(4, 4)); // behind the leader's back
        assert_eq!(broken(&shared, &role), Property::UncommittedBytes);
        let Role::Leader(leader) = &mut role else { panic!("it leads") };
        let reply = AppendEntriesReply { round: 1, outcome: AppendOutcome::Accepted { matched: Index(4) } };
        leader.append_reply(&mut shared, NodeId(2), reply);
        shared.log.truncate(Index(4));
        assert_eq!(broken(&shared, &role), Property::ProgressOrder, "a follower has more than its leader");
    }

    #[test]
    fn a_window_that_does_not_add_up_is_found() {
        let limits =
            &Config { limits: Limits { inflight_count_max: 2, ..Config::default().limits }, ..Config::default() };
        let found = |open: bool, bytes: u64, inflights: &[(u64, u64)]| {
            let window = Window { matched: Index(2), next: Index(6), open, bytes, limits: &limits.limits };
            let inflights = inflights.iter().map(|(upto, size)| (Index(*upto), *size));
            in_flight(&[NodeId(1), NodeId(2)], &window, inflights).map_err(|violation| violation.property)
        };
        assert_eq!(found(true, 20, &[(3, 10), (5, 10)]), Ok(()));
        let broken = Err(Property::Inflight);
        assert_eq!(found(true, 30, &[(3, 10), (5, 10)]), broken, "bytes");
        assert_eq!(found(false, 10, &[(3, 10)]), broken, "probing");
        assert_eq!(found(true, 20, &[(5, 10), (3, 10)]), broken, "order");
        assert_eq!(found(true, 10, &[(2, 10)]), broken, "matched already");
        assert_eq!(found(true, 10, &[(6, 10)]), broken, "not sent yet");
        assert_eq!(found(true, 3, &[(3, 1), (4, 1), (5, 1)]), broken, "too many");
        let order = |matched, next| order(&[NodeId(1), NodeId(2)], Index(matched), Index(next), Index(5)).is_ok();
        assert!(order(4, 5) && order(5, 6) && !order(5, 5) && !order(4, 7));
    }
}
