//! What can be expected of a cluster, from its words.

use super::words::{Read, Words};
use super::{Condition, Told, Who};
use crate::counters::{FAULTS, PATHS};

/// Paths and faults that are counted, but that no campaign must have seen.
const ALSO_COUNTED: &[&str] = &[
    "candidate stood",
    "change of the membership accepted",
    "change refused: no leader",
    "configuration in force",
    "disk wiped",
    "member left",
    "order given up",
    "order without sense",
    "request refused: no space",
    "request refused: too large",
    "snapshot of a dead connection replaced",
    "snapshot offered to a busy member",
    "snapshot offered to who has it",
    "snapshot sent",
    "snapshot sent short",
    "snapshot taken",
    "transfer to oneself",
    "start refused by a full or failing disk",
    "told to stand",
    "transfer begun",
    "transfer given up",
    "write that waited for room",
];

/// Everything up to its own end; what follows (`within 2s`, `for 5s`) is left.
pub(super) fn condition(words: &mut Words<'_>) -> Read<Condition> {
    let first = words.need("what is expected")?;
    Ok(match first {
        "leader" => match words.peek() {
            None | Some("within" | "for") => Condition::Leader(None),
            Some(_) => Condition::Leader(Some(words.who()?)),
        },
        "no" => {
            words.expect("leader")?;
            Condition::NoLeader
        }
        "same" => Condition::Same,
        "candidate" => Condition::Candidate,
        "votes" => Condition::Votes(words.who()?, words.compared()?),
        "term" => Condition::Term(words.who()?, words.compared()?),
        "commit" => Condition::Commit(words.who()?, words.compared()?),
        "applied" => Condition::Applied(words.who()?, words.compared()?),
        "sessions" => Condition::Sessions(words.who()?, words.compared()?),
        "base" => Condition::Base(words.who()?, words.compared()?),
        "log" => {
            let who = words.who()?;
            words.expect("=")?;
            let mut log = Vec::new();
            while let Some(word) = words.peek().filter(|word| !["within", "for"].contains(word)) {
                log.push(word);
                words.take();
            }
            Condition::Log(who, log.join(" "))
        }
        "path" => path(words)?,
        "members" | "voters" => super::orders::expected(first, words)?,
        _ => of_a_node_or_a_request(first, words)?,
    })
}

fn of_a_node_or_a_request(first: &str, words: &mut Words<'_>) -> Read<Condition> {
    let who = words.who_of(first)?;
    let word = words.need(
        "`leads`, `follows`, `stands`, `voted n2`, `is down`, `is up`, `holds KEY VALUE` or of a request `is ok` ...",
    )?;
    Ok(match word {
        "leads" => Condition::Leads(who, true),
        "follows" => Condition::Leads(who, false),
        "stands" => Condition::Stands(who),
        "voted" => Condition::Voted(who, words.who()?),
        "is" => match (words.need("`up` or `down`, of a request what its client is told")?, who) {
            ("down", who) => Condition::Down(who, true),
            ("up", who) => Condition::Down(who, false),
            (word, Who::Named(name)) => Condition::Request(name, told(word, true, words)?),
            (other, _) => return words.wrong(format!("`{other}` is neither `up` nor `down`")),
        },
        "holds" => {
            let key = words.need("a key")?.to_owned();
            let value = words.need("a value or `nothing`")?;
            let value = if value == "nothing" { None } else { Some(words.value_of(value)?) };
            Condition::Holds(who, key, value)
        }
        other => return words.wrong(format!("`{other}` is nothing that can be expected of a node")),
    })
}

/// What a client is told; of a read also a value.
pub(super) fn told(word: &str, read: bool, words: &Words<'_>) -> Read<Told> {
    Ok(match word {
        "ok" => Told::Ok,
        "refused" => Told::Refused,
        "unknown" => Told::Unknown,
        "failed" => Told::Failed,
        "later" => Told::Later,
        "anything" => Told::Any,
        "answered" => Told::Answered,
        "unanswered" => Told::Unanswered,
        "nothing" if read => Told::Value(None),
        value if read => Told::Value(Some(words.value_of(value)?)),
        other => {
            let known = "ok, refused, unknown, failed, later, anything, answered, unanswered";
            return words.wrong(format!("`{other}` is no answer: {known}"));
        }
    })
}

/// `path snapshot installed >= 1`
fn path(words: &mut Words<'_>) -> Read<Condition> {
    let mut name = Vec::new();
    while let Some(word) = words.peek().filter(|word| !["=", ">=", "<="].contains(word)) {
        name.push(word);
        words.take();
    }
    let name = name.join(" ");
    if ![PATHS, FAULTS, ALSO_COUNTED].concat().contains(&name.as_str()) {
        return words.wrong(format!("`{name}` is no path that is counted"));
    }
    let compared = words.compared()?;
    Ok(Condition::Path(name, compared))
}

/// Of whom it speaks.
pub(super) fn whom(condition: &Condition) -> Option<&Who> {
    match condition {
        Condition::Leader(who) => who.as_ref(),
        Condition::Leads(who, _)
        | Condition::Stands(who)
        | Condition::Voted(who, _)
        | Condition::Votes(who, _)
        | Condition::Term(who, _)
        | Condition::Commit(who, _)
        | Condition::Applied(who, _)
        | Condition::Sessions(who, _)
        | Condition::Base(who, _)
        | Condition::Log(who, _)
        | Condition::Holds(who, ..)
        | Condition::Members(who, _)
        | Condition::Down(who, _) => Some(who),
        Condition::NoLeader
        | Condition::Candidate
        | Condition::Same
        | Condition::Path(..)
        | Condition::Request(..)
        | Condition::Voters(_) => None,
    }
}
