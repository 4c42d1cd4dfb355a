//! The unsafe rules of consensus by name, so that a run can leave one out: what comes of it, a checker must notice. The rules
//! themselves are `raft::Rules`.

use raft::Rules;
use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident => $field:ident, $ids:literal, $word:literal, [$($checker:literal),+]),+ $(,)?) => {
        /// A rule that can be left out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Rule {
            $($(#[doc = $doc])+ $name),+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, as in `raft::Rules` and in run files.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => stringify!($field)),+ }
            }

            /// What it says and where.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The statements of docs/testing.md that it stands for.
            #[must_use]
            pub fn statements(self) -> &'static str {
                match self { $(Self::$name => $ids),+ }
            }

            /// The checkers, one of which must notice that it is left out.
            #[must_use]
            pub fn noticed_by(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($checker),+]),+ }
            }

            fn leave_out(self, rules: &mut Rules) {
                match self { $(Self::$name => rules.$field = false),+ }
            }
        }
    };
}

rules! {
    /// Figure 2, `AppendEntries` 2.
    PrevCheck => prev_check, "A17 B4", "an append is taken only behind an entry that is here with the same term (5.3)",
        ["figure 3", "halt", "persist before send"],
    /// Figure 2, `AppendEntries` 3.
    TruncateOnlyOnConflict => truncate_only_on_conflict, "B5 A24", "an append deletes only what conflicts with it (5.3)",
        ["persist before send", "figure 3", "halt"],
    /// Figure 2, `AppendEntries` 5.
    CommitOnlyVerified => commit_only_verified, "B7 L1", "a follower commits only what it checked against its leader's log (5.3)",
        ["figure 3", "halt", "same sequence"],
    /// Figure 2, `RequestVote` 2.
    OneVote => one_vote, "A10 E1", "a vote is granted once a term (5.2)", ["figure 3", "halt", "monotonic"],
    /// Figure 2, `RequestVote` 2.
    UpToDate => up_to_date, "A21 E10", "a vote is granted only to a log that is at least as up to date (5.4.1)", ["figure 3", "halt"],
    /// Figure 2, leaders.
    OldTermCount => old_term_count, "B9 A22 E12", "a leader counts copies of entries of its own term only (5.4.2)", ["figure 3", "halt"],
    /// Section 6.
    Joint => joint, "A32 A33", "the old and the new voters must both agree before the new ones alone do (6)", ["membership", "figure 3", "halt"],
}

/// The rules of a node without these.
#[must_use]
pub fn without(off: &[Rule]) -> Rules {
    let mut rules = Rules::ALL;
    off.iter().for_each(|rule| rule.leave_out(&mut rules));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_left_out_by_its_name() {
        assert_eq!(without(&[]), Rules::ALL);
        for rule in Rule::ALL {
            assert_ne!(without(&[*rule]), Rules::ALL);
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.word());
        }
    }
}
