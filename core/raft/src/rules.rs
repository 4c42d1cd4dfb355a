//! Rules of the algorithm whose absence is unsafe. All are on, always; [`Raft::with_rules`](crate::Raft::with_rules) is the
//! only way to leave one out, for worlds that show what it is good for. (What may be switched off safely is in [`config`].)
//!
//! [`config`]: crate::config

/// Which rules a node follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "they are switches")]
pub struct Rules {
    /// An append is taken only behind an entry that is here with the same term (paper 5.3; figure 2, `AppendEntries` 2).
    /// Without: behind any entry at that index. Where there is none the append is refused all the same.
    pub prev_check: bool,
    /// An append deletes only what conflicts with it (paper 5.3; figure 2, `AppendEntries` 3). Without: it deletes all that
    /// stands behind its previous entry and is not committed here.
    pub truncate_only_on_conflict: bool,
    /// A follower commits only what it has checked against its leader's log (paper 5.3; figure 2, `AppendEntries` 5).
    /// Without: whatever it has, up to the leader's commit index.
    pub commit_only_verified: bool,
    /// A vote is granted once a term (paper 5.2; figure 2, `RequestVote` 2). Without: to all who ask.
    pub one_vote: bool,
    /// A vote is granted only to a log that is at least as up to date (paper 5.4.1; figure 2, `RequestVote` 2). Without: to
    /// any.
    pub up_to_date: bool,
    /// A leader counts copies of entries of its own term only (paper 5.4.2, figure 8). Without: of any term.
    pub old_term_count: bool,
    /// The voters change through a phase in which the old and the new ones must both agree (paper section 6, figure 10).
    /// Without: from the old to the new at once.
    pub joint: bool,
}

impl Rules {
    /// The algorithm as it is.
    pub const ALL: Self = Self {
        prev_check: true,
        truncate_only_on_conflict: true,
        commit_only_verified: true,
        one_vote: true,
        up_to_date: true,
        old_term_count: true,
        joint: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AppendEntries, Body, Boot, Config, Configuration, Entry, EntryKind, HardState, Header, Index, Message, NodeId,
        Position, Raft, RequestVote, Slice, Term,
    };
    use alloc::vec::Vec;

    /// n1 in `term`, T after its start, with these terms in its log.
    fn node(term: u64, log: &[u64], rules: Rules) -> Raft {
        let entry = |(index, term): (u64, &u64)| {
            Entry::new(Position::new(index, *term), EntryKind::Noop, Header::default(), &[])
        };
        let boot = Boot {
            hard_state: HardState { term: Term(term), vote: None, commit: Index::ZERO },
            base: Position::ZERO,
            base_time: 0,
            entries: (1..).zip(log).map(entry).collect(),
            snapshot: Index::ZERO,
            configuration: Configuration::of_voters((1..=3).map(NodeId)),
        };
        let mut node = Raft::new(NodeId(1), Config::default(), boot).with_rules(rules);
        node.timer_fired(crate::Timer::LeaderSilent);
        node
    }

    fn tell(node: &mut Raft, from: u64, term: u64, body: Body) {
        node.receive(Message { from: NodeId(from), to: NodeId(1), term: Term(term), body });
    }

    fn append(node: &mut Raft, prev: Position, commit: u64) {
        let (commit, run) = (Index(commit), Slice::empty(prev));
        tell(node, 2, 3, Body::AppendEntries(AppendEntries { round: 1, commit, run }));
    }

    fn terms(node: &Raft) -> Vec<u64> {
        node.inspect().log().iter().map(|entry| entry.term().0).collect()
    }

    #[test]
    fn an_append_is_judged_by_its_previous_entry_and_commits_what_it_verifies() {
        let commit = |rules| {
            let mut node = node(2, &[1, 2], rules);
            append(&mut node, Position::new(1, 1), 2);
            let matching = node.inspect().commit().0;
            append(&mut node, Position::new(2, 3), 2);
            (matching, node.inspect().commit().0)
        };
        assert_eq!(commit(Rules::ALL), (1, 1));
        assert_eq!(commit(Rules { commit_only_verified: false, ..Rules::ALL }), (2, 2));
        assert_eq!(commit(Rules { prev_check: false, ..Rules::ALL }), (1, 2));
    }

    #[test]
    fn only_a_conflict_deletes() {
        let after = |rules| {
            let mut node = node(2, &[1, 2], rules);
            append(&mut node, Position::new(1, 1), 0);
            terms(&node)
        };
        assert_eq!(after(Rules::ALL), [1, 2]);
        assert_eq!(after(Rules { truncate_only_on_conflict: false, ..Rules::ALL }), [1]);
    }

    #[test]
    fn a_vote_is_for_one_with_a_good_log() {
        let vote = |rules, last| {
            let mut node = node(2, &[1, 2], rules);
            tell(&mut node, 2, 3, Body::RequestVote(RequestVote { last: Position::new(2, 2), transfer: false }));
            tell(&mut node, 3, 3, Body::RequestVote(RequestVote { last, transfer: false }));
            node.inspect().vote()
        };
        let (good, bad) = (Position::new(2, 2), Position::new(9, 1));
        assert_eq!(vote(Rules::ALL, good), Some(NodeId(2)));
        assert_eq!(vote(Rules { one_vote: false, ..Rules::ALL }, good), Some(NodeId(3)));
        assert_eq!(vote(Rules { one_vote: false, ..Rules::ALL }, bad), Some(NodeId(2)));
        assert_eq!(vote(Rules { one_vote: false, up_to_date: false, ..Rules::ALL }, bad), Some(NodeId(3)));
    }
}
