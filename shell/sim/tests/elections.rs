//! Split votes and waits against what theory says, and what an election consists of, by kind of message.

use std::mem::{needs_drop, size_of};

use quorate_sim::elections::{Elections, Minute, Range, Waiting, hold, messages_with_a_log_of, minute};
use raft::message::{AppendEntriesReply, InstallSnapshotReply, PreVoteReply, RequestVote, RequestVoteReply};
use raft::{Body, Entry};

const ELECTIONS: u64 = 400;

fn range(least: u64, most: u64) -> Range {
    Range { least: least * 1000, most: most * 1000 }
}

/// A mean of so many draws lies so near, in parts of the width: five standard errors of the least of four or five draws.
fn is_near(held: &Elections) -> bool {
    let (theory, width) = (held.waiting.theory(held.range.width()), held.range.width() as f64);
    // The four begin to wait up to 1 ms apart, when the last heartbeat gets to them.
    (held.mean_wait() - theory).abs() < 5.0 * 0.17 * width / (ELECTIONS as f64).sqrt() + 1000.0
}

#[test]
fn the_first_of_n_waits_the_nplus1th_part_of_the_range() {
    // F9, A11: 150/6 = 25 ms for five, 150/5 = 30 ms for four.
    for waiting in [Waiting::Five, Waiting::FourAfterACrash] {
        for most in [200, 300, 450] {
            let held = hold(range(150, most), waiting, ELECTIONS, 1);
            assert!(is_near(&held), "{held:?}: {} µs", held.mean_wait());
        }
        let page = hold(range(150, 300), waiting, ELECTIONS, 2);
        assert_eq!(page.endless, 0, "{page:?}");
        assert!(page.rounds_most <= 6, "{page:?}");
    }
}

#[test]
fn the_wider_the_range_the_fewer_the_split_votes() {
    // A11
    for waiting in [Waiting::Five, Waiting::FourAfterACrash] {
        let share = |most| hold(range(150, most), waiting, ELECTIONS, 3).split_share();
        let shares = [158, 162, 170, 180, 250].map(share);
        assert!(shares.windows(2).all(|pair| pair[0] > pair[1]), "{waiting:?}: {shares:?}");
        assert!(shares[0] > 0.9 && shares[4] < 0.2, "{waiting:?}: {shares:?}");
    }
}

#[test]
fn equal_timeouts_split_the_votes_without_end() {
    // F9
    for waiting in [Waiting::Five, Waiting::FourAfterACrash] {
        let held = hold(range(200, 200), waiting, 20, 4);
        assert_eq!((held.split, held.endless), (20, 20), "{held:?}");
    }
}

#[test]
fn half_connected_members_stop_the_plain_algorithm_and_pre_vote_keeps_them_out() {
    // P2
    let total = |pre_vote| {
        let minutes = (0..3).map(|seed| minute(pre_vote, seed).unwrap());
        minutes.fold((0, 0, 0), |(terms, asked, done), one: Minute| {
            (terms + one.terms, asked + one.asked, done + one.done)
        })
    };
    let (terms, asked, done) = total(false);
    assert!(terms > 3 * 60 && 4 * done < 3 * asked, "plain: {terms} terms, {done} of {asked}");
    let (terms, asked, done) = total(true);
    assert!(terms <= 3 && done == asked, "with PreVote: {terms} terms, {done} of {asked}");
}

#[test]
fn the_same_seed_holds_the_same_elections() {
    let held = |seed| hold(range(150, 300), Waiting::Five, 50, seed);
    assert_eq!(held(5), held(5));
    assert_ne!(held(5), held(6));
}

#[test]
fn an_election_is_one_round_of_messages_whatever_the_logs_hold() {
    // A41: a question to each and an answer from each that is needed; the logs' length changes nothing.
    let empty = messages_with_a_log_of(0, 7);
    let kinds: Vec<&str> = empty.keys().copied().collect();
    assert_eq!(kinds, ["RequestVote", "RequestVoteReply"], "{empty:?}");
    assert_eq!(empty["RequestVote"], 4);
    assert!((2..=4).contains(&empty["RequestVoteReply"]), "{empty:?}");
    for entries in [1, 100, 2000] {
        assert_eq!(messages_with_a_log_of(entries, 7), empty, "with {entries} entries");
    }
}

#[test]
fn only_append_entries_has_room_for_entries() {
    // A40: what owns nothing has a size that is known when it is built, so it carries no entry. This match breaks where a kind
    // of message is added.
    fn bytes<T: Copy>() -> usize {
        size_of::<T>()
    }
    let sizes = |body: &Body| match body {
        Body::PreVote(_) | Body::RequestVote(_) => Some(bytes::<RequestVote>()),
        Body::PreVoteReply(_) => Some(bytes::<PreVoteReply>()),
        Body::RequestVoteReply(_) => Some(bytes::<RequestVoteReply>()),
        Body::AppendEntriesReply(_) => Some(bytes::<AppendEntriesReply>()),
        Body::InstallSnapshotReply(_) => Some(bytes::<InstallSnapshotReply>()),
        Body::TimeoutNow => Some(0),
        Body::AppendEntries(_) => None,
    };
    assert!(needs_drop::<Entry>(), "an entry owns its bytes");
    let vote = Body::RequestVote(RequestVote { last: raft::Position::ZERO, transfer: false });
    let reply = Body::RequestVoteReply(RequestVoteReply { granted: true });
    assert_eq!((sizes(&vote), sizes(&reply)), (Some(24), Some(1)));
}
