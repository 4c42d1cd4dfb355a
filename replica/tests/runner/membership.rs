//! Commands about the membership.

use std::collections::BTreeSet;

use bytes::Bytes;
use quorate_replica::{Alter, Input, MemberAnswer, Question, Request, RequestId, Time};
use raft::{Configuration, Index, NodeId};

use super::{Arguments, Checked, Runner, node};

impl Runner {
    /// `alter 2 7 add=five`: a client asks member n2, as its request 7, for a voter of whom `five` is to be kept; also
    /// `learn=five`, `remove=3`, `promote=4`, `update=3 info=x`, `replace=3 info=x`, `set="1 2" learners=3`, `survey`; with
    /// `[seen=4] [limit=500]`.
    pub(super) fn alter(&mut self, arguments: &mut Arguments) -> Checked {
        let (id, number) = (arguments.node()?, arguments.next()?.parse()?);
        let limit: u64 = arguments.key("limit").map_or(Ok(1000), |limit| limit.parse())?;
        let deadline = Time(self.members.now + limit * 1000);
        let seen = arguments.key("seen").map(|seen| seen.parse().map(Index)).transpose()?;
        let question =
            if arguments.word("survey") { Question::Survey } else { Question::Alter { alter: wish(arguments)?, seen } };
        self.members.input(id, Input::Request(RequestId(number), Request::Member { question, deadline }))
    }

    /// `join 4 from=1 [disk=44]`: a new member begins with the committed configuration of n1 and an empty disk.
    pub(super) fn join(&mut self, arguments: &mut Arguments) -> Checked {
        let (id, from) = (arguments.node()?, node(&arguments.key("from").ok_or("from=?")?)?);
        let disk = arguments.key("disk").map_or(Ok(id.0 * 11), |disk| disk.parse())?;
        self.members.join(id, from, disk)
    }
}

fn wish(arguments: &mut Arguments) -> Checked<Alter> {
    let info = |text: String| Bytes::from(text);
    let mut one = |key: &str| arguments.key(key);
    Ok(if let Some(text) = one("add") {
        Alter::AddVoter { info: info(text) }
    } else if let Some(text) = one("learn") {
        Alter::AddLearner { info: info(text) }
    } else if let Some(id) = one("remove") {
        Alter::Remove(node(&id)?)
    } else if let Some(id) = one("promote") {
        Alter::Promote(node(&id)?)
    } else if let Some(id) = one("update") {
        Alter::Update { node: node(&id)?, info: info(one("info").ok_or("info=?")?) }
    } else if let Some(id) = one("replace") {
        Alter::Replace { old: node(&id)?, info: info(one("info").ok_or("info=?")?) }
    } else {
        let voters = set(&one("set").ok_or("which wish?")?)?;
        Alter::Set { voters, learners: set(&one("learners").unwrap_or_default())? }
    })
}

fn set(text: &str) -> Checked<BTreeSet<NodeId>> {
    text.split_whitespace().map(node).collect()
}

/// An answer in a line.
pub(super) fn told(answer: &MemberAnswer) -> String {
    match answer {
        MemberAnswer::Altered(configuration) => format!("members are {}", line(configuration)),
        MemberAnswer::Surveyed(survey) => {
            let heard: Vec<String> = survey.heard.iter().map(ToString::to_string).collect();
            let (leader, index) = (survey.leader, survey.index);
            format!("{leader} leads, at {index} {}, heard {}", line(&survey.configuration), heard.join(" "))
        }
    }
}

fn line(configuration: &Configuration) -> String {
    let wanted: Vec<String> = configuration.wanted.iter().map(ToString::to_string).collect();
    let wanted = if wanted.is_empty() { String::new() } else { format!(" (wanted {})", wanted.join(" ")) };
    format!("{configuration}{wanted}")
}
