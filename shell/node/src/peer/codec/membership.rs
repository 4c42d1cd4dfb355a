//! Questions about the membership and their answers as bytes (docs/peer-protocol.md). A tag, then fields; numbers are
//! little-endian, texts and configurations come last.

use std::collections::BTreeSet;

use bytes::{BufMut, BytesMut};
use raft::{Configuration, Index, NodeId, Refusal};
use replica::peer::AlterOutcome;
use replica::{Alter, AlterError, Question, Survey};

use super::{CodecError, Input, put_position};

/// More nodes than any cluster has.
const NODES_MAX: u64 = 1024;

pub(super) fn put_question(question: &Question, out: &mut BytesMut) {
    let Question::Alter { alter, seen } = question else { return out.put_u8(0) };
    out.put_u8(1);
    // The first configuration stands at 0, so what was seen is told as one more.
    out.put_u64_le(seen.map_or(0, |seen| seen.0.saturating_add(1)));
    match alter {
        Alter::AddVoter { info } => put(out, 1, &[], info),
        Alter::AddLearner { info } => put(out, 2, &[], info),
        Alter::Remove(node) => put(out, 3, &[node.0], &[]),
        Alter::Promote(node) => put(out, 4, &[node.0], &[]),
        Alter::Update { node, info } => put(out, 5, &[node.0], info),
        Alter::Replace { old, info } => put(out, 6, &[old.0], info),
        Alter::Set { voters, learners } => {
            out.put_u8(7);
            put_set(out, voters);
            put_set(out, learners);
        }
    }
}

pub(super) fn take_question(input: &mut Input) -> Result<Question, CodecError> {
    match input.u8()? {
        0 => return Ok(Question::Survey),
        1 => {}
        other => return Err(CodecError::Unknown(other)),
    }
    let seen = input.u64()?.checked_sub(1).map(Index);
    let alter = match input.u8()? {
        1 => Alter::AddVoter { info: input.rest() },
        2 => Alter::AddLearner { info: input.rest() },
        3 => Alter::Remove(input.node()?),
        4 => Alter::Promote(input.node()?),
        5 => Alter::Update { node: input.node()?, info: input.rest() },
        6 => Alter::Replace { old: input.node()?, info: input.rest() },
        7 => Alter::Set { voters: take_set(input)?, learners: take_set(input)? },
        other => return Err(CodecError::Unknown(other)),
    };
    Ok(Question::Alter { alter, seen })
}

pub(super) fn put_outcome(outcome: &AlterOutcome, out: &mut BytesMut) {
    match outcome {
        AlterOutcome::Logged(position) => {
            out.put_u8(0);
            put_position(out, *position);
        }
        AlterOutcome::Surveyed(survey) => {
            out.put_u8(1);
            out.put_u64_le(survey.index.0);
            out.put_u64_le(survey.leader.0);
            put_set(out, &survey.heard);
            out.put_slice(&survey.configuration.encode());
        }
        AlterOutcome::Refused(error) => {
            out.put_u8(2);
            put_error(*error, out);
        }
    }
}

pub(super) fn take_outcome(input: &mut Input) -> Result<AlterOutcome, CodecError> {
    Ok(match input.u8()? {
        0 => AlterOutcome::Logged(input.position()?),
        1 => {
            let (index, leader, heard) = (Index(input.u64()?), input.node()?, take_set(input)?);
            let configuration = Configuration::decode(&input.rest());
            let configuration = configuration.map_err(|error| CodecError::Entries(error.to_string()))?;
            AlterOutcome::Surveyed(Survey { configuration, index, leader, heard })
        }
        2 => AlterOutcome::Refused(take_error(input)?),
        other => return Err(CodecError::Unknown(other)),
    })
}

fn put_error(error: AlterError, out: &mut BytesMut) {
    match error {
        AlterError::NotMember(node) => put(out, 1, &[node.0], &[]),
        AlterError::NotLearner(node) => put(out, 2, &[node.0], &[]),
        AlterError::Lagging { matched, of } => put(out, 3, &[matched.0, of.0], &[]),
        AlterError::Waiting(node) => put(out, 4, &[node.0], &[]),
        AlterError::NotNow => put(out, 5, &[], &[]),
        AlterError::Changed => put(out, 6, &[], &[]),
        AlterError::Refused(Refusal::NoVoters) => put(out, 7, &[], &[]),
        AlterError::Refused(Refusal::Overlap(node)) => put(out, 8, &[node.0], &[]),
        AlterError::Refused(Refusal::Reused(node)) => put(out, 9, &[node.0], &[]),
        AlterError::Refused(Refusal::Unknown(node)) => put(out, 10, &[node.0], &[]),
        AlterError::Refused(Refusal::LosesQuorum { voters, reachable }) => {
            put(out, 11, &[voters as u64, reachable as u64], &[]);
        }
        AlterError::Refused(Refusal::TooManyMembers) => put(out, 12, &[], &[]),
    }
}

fn take_error(input: &mut Input) -> Result<AlterError, CodecError> {
    Ok(match input.u8()? {
        1 => AlterError::NotMember(input.node()?),
        2 => AlterError::NotLearner(input.node()?),
        3 => AlterError::Lagging { matched: Index(input.u64()?), of: Index(input.u64()?) },
        4 => AlterError::Waiting(input.node()?),
        5 => AlterError::NotNow,
        6 => AlterError::Changed,
        7 => AlterError::Refused(Refusal::NoVoters),
        8 => AlterError::Refused(Refusal::Overlap(input.node()?)),
        9 => AlterError::Refused(Refusal::Reused(input.node()?)),
        10 => AlterError::Refused(Refusal::Unknown(input.node()?)),
        11 => AlterError::Refused(Refusal::LosesQuorum { voters: input.size()?, reachable: input.size()? }),
        12 => AlterError::Refused(Refusal::TooManyMembers),
        other => return Err(CodecError::Unknown(other)),
    })
}

fn put(out: &mut BytesMut, tag: u8, numbers: &[u64], rest: &[u8]) {
    out.put_u8(tag);
    numbers.iter().for_each(|number| out.put_u64_le(*number));
    out.put_slice(rest);
}

fn put_set(out: &mut BytesMut, nodes: &BTreeSet<NodeId>) {
    out.put_u64_le(nodes.len() as u64);
    nodes.iter().for_each(|node| out.put_u64_le(node.0));
}

fn take_set(input: &mut Input) -> Result<BTreeSet<NodeId>, CodecError> {
    let count = input.u64()?;
    if count > NODES_MAX {
        return Err(CodecError::Entries(format!("{count} nodes are more than any cluster has")));
    }
    (0..count).map(|_| input.node()).collect()
}

impl Input {
    fn node(&mut self) -> Result<NodeId, CodecError> {
        self.u64().map(NodeId)
    }

    fn size(&mut self) -> Result<usize, CodecError> {
        usize::try_from(self.u64()?).map_err(|_| CodecError::Short)
    }
}

/// One of each kind, for the tests of the codec.
#[cfg(test)]
pub(super) fn examples() -> (Vec<Question>, Vec<AlterOutcome>) {
    let (node, info) = (NodeId(7), bytes::Bytes::from_static(b"seven"));
    let nodes = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
    let alters = [
        Alter::AddVoter { info: info.clone() },
        Alter::AddLearner { info: info.clone() },
        Alter::Remove(node),
        Alter::Promote(node),
        Alter::Update { node, info: info.clone() },
        Alter::Replace { old: node, info },
        Alter::Set { voters: nodes(&[1, 2]), learners: nodes(&[3]) },
    ];
    let mut questions: Vec<Question> =
        alters.into_iter().map(|alter| Question::Alter { alter, seen: Some(Index(0)) }).collect();
    questions.extend([Question::Alter { alter: Alter::Remove(node), seen: None }, Question::Survey]);
    let errors = [
        AlterError::NotMember(node),
        AlterError::NotLearner(node),
        AlterError::Lagging { matched: Index(3), of: Index(9) },
        AlterError::Waiting(node),
        AlterError::NotNow,
        AlterError::Changed,
        AlterError::Refused(Refusal::NoVoters),
        AlterError::Refused(Refusal::Overlap(node)),
        AlterError::Refused(Refusal::Reused(node)),
        AlterError::Refused(Refusal::Unknown(node)),
        AlterError::Refused(Refusal::LosesQuorum { voters: 3, reachable: 1 }),
        AlterError::Refused(Refusal::TooManyMembers),
    ];
    let mut outcomes: Vec<AlterOutcome> = errors.map(AlterOutcome::Refused).into();
    outcomes.push(AlterOutcome::Logged(raft::Position::new(8, 5)));
    let configuration = Configuration::of_voters([NodeId(1), NodeId(2)]);
    let survey = Survey { configuration, index: Index(4), leader: NodeId(1), heard: nodes(&[1]) };
    outcomes.push(AlterOutcome::Surveyed(survey));
    (questions, outcomes)
}
