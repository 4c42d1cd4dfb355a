//! Changes of the membership in a scenario: `member add`, `member remove n2`, `member set n1 n2 n4 + n5 at n1`, and what can be expected of
//! who is a member.

use super::words::{Read, Words};
use super::{Condition, Who};
use crate::run::Order;

/// An order, with nodes that may have names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ordered {
    Add { learner: bool, idle: bool },
    Resize { voters: u64, fresh: u64 },
    Remove(Who),
    Replace(Who),
    Promote(Who),
    Demote(Who),
    Lose(Who),
    Set { voters: Vec<Who>, learners: Vec<Who> },
    TakeBack,
}

impl Ordered {
    /// After `member`.
    pub(super) fn read(words: &mut Words<'_>) -> Read<Self> {
        Ok(match words.need("add, resize, remove, replace, promote, demote, lose, set or take")? {
            "add" => Self::Add { learner: words.skip("learner"), idle: words.skip("idle") },
            "resize" => {
                let voters = words.number("how many voters")?;
                words.expect("fresh")?;
                Self::Resize { voters, fresh: words.number("how many new ones")? }
            }
            "remove" => Self::Remove(words.who()?),
            "replace" => Self::Replace(words.who()?),
            "promote" => Self::Promote(words.who()?),
            "demote" => Self::Demote(words.who()?),
            "lose" => Self::Lose(words.who()?),
            "set" => {
                let voters = nodes(words)?;
                let learners = if words.skip("+") { nodes(words)? } else { Vec::new() };
                Self::Set { voters, learners }
            }
            "take" => {
                words.expect("back")?;
                Self::TakeBack
            }
            other => return words.wrong(format!("`member {other}` is no order")),
        })
    }

    /// Of whom it speaks.
    pub(super) fn whom(&self) -> Vec<&Who> {
        match self {
            Self::Add { .. } | Self::Resize { .. } | Self::TakeBack => Vec::new(),
            Self::Remove(who) | Self::Replace(who) | Self::Promote(who) | Self::Demote(who) | Self::Lose(who) => {
                vec![who]
            }
            // They may be those that it brings.
            Self::Set { .. } => Vec::new(),
        }
    }

    /// So many machines are new by it at most.
    pub(super) fn newcomers(&self) -> u64 {
        match self {
            Self::Add { .. } | Self::Replace(_) | Self::Lose(_) => 1,
            Self::Resize { fresh, .. } => *fresh,
            Self::Set { voters, learners } => (voters.len() + learners.len()) as u64,
            Self::Remove(_) | Self::Promote(_) | Self::Demote(_) | Self::TakeBack => 0,
        }
    }

    /// With the numbers of the nodes.
    pub(super) fn order(&self, number: impl Fn(&Who) -> Result<u64, String>) -> Result<Order, String> {
        let all = |nodes: &[Who]| nodes.iter().map(&number).collect::<Result<Vec<u64>, String>>();
        Ok(match self {
            Self::Add { learner, idle } => Order::Add { learner: *learner, idle: *idle },
            Self::Resize { voters, fresh } => Order::Resize { voters: *voters, fresh: *fresh },
            Self::Remove(who) => Order::Remove { n: number(who)? },
            Self::Replace(who) => Order::Replace { n: number(who)? },
            Self::Promote(who) => Order::Promote { n: number(who)? },
            Self::Demote(who) => Order::Demote { n: number(who)? },
            Self::Lose(who) => Order::Lose { n: number(who)? },
            Self::Set { voters, learners } => Order::Set { voters: all(voters)?, learners: all(learners)? },
            Self::TakeBack => Order::TakeBack,
        })
    }
}

fn nodes(words: &mut Words<'_>) -> Read<Vec<Who>> {
    let mut nodes = Vec::new();
    while words.peek().is_some_and(|word| !["+", "at"].contains(&word)) {
        nodes.push(words.who()?);
    }
    Ok(nodes)
}

/// `members n1 = n1 n2 & n1 n3 + n4`, as a node has it in force; `voters = n1 n2`: committed, and no change is under way.
pub(super) fn expected(first: &str, words: &mut Words<'_>) -> Read<Condition> {
    let who = if first == "members" { Some(words.who()?) } else { None };
    words.expect("=")?;
    let mut list = Vec::new();
    while let Some(word) = words.peek().filter(|word| !["within", "for"].contains(word)) {
        list.push(word);
        words.take();
    }
    let list = list.join(" ");
    Ok(match who {
        Some(who) => Condition::Members(who, list),
        None => Condition::Voters(list),
    })
}
