//! Messages between members as bytes (docs/peer-protocol.md). A payload that is not exactly one message is an error, whatever
//! it holds; entries pass the gateway of consensus ([`raft::Slice`]) here.

mod membership;

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, Body, Entry, Index, InstallSnapshotReply, Member, Message,
    NodeId, Position, PreVoteReply, RequestVote, RequestVoteReply, Slice, Term,
};
use replica::peer::{
    ForwardId, ForwardedAlter, ForwardedAlterReply, ForwardedRead, ForwardedReadReply, ForwardedWrite,
    ForwardedWriteReply, NotAccepted,
};
use replica::{PeerMessage, SessionAct, SessionCommand, SessionId, SessionPart};

/// Why a payload is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodecError {
    /// It breaks off.
    Short,
    /// Bytes are left over.
    Long,
    /// A kind or flag that this version does not know.
    Unknown(u8),
    /// Of another group than ours.
    Group(u32),
    /// Its entries are no run.
    Entries(String),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "a message breaks off"),
            Self::Long => write!(f, "a message is followed by bytes that are not its own"),
            Self::Unknown(kind) => write!(f, "a message has an unknown kind or flag: {kind}"),
            Self::Group(group) => write!(f, "a message is for group {group}, there is only group 0"),
            Self::Entries(what) => write!(f, "a message's entries are no run of a log: {what}"),
        }
    }
}

impl std::error::Error for CodecError {}

const PRE_VOTE: u8 = 1;
const PRE_VOTE_REPLY: u8 = 2;
const REQUEST_VOTE: u8 = 3;
const REQUEST_VOTE_REPLY: u8 = 4;
const APPEND_ENTRIES: u8 = 5;
const APPEND_ENTRIES_REPLY: u8 = 6;
const INSTALL_SNAPSHOT_REPLY: u8 = 7;
const TIMEOUT_NOW: u8 = 8;
const WRITE: u8 = 16;
const WRITE_REPLY: u8 = 17;
const READ: u8 = 18;
const READ_REPLY: u8 = 19;
const DESCRIBE: u8 = 20;
const ALTER: u8 = 24;
const ALTER_REPLY: u8 = 25;

/// Appends a message. All begin with their kind and group; those of consensus go on with the sender's term.
pub(crate) fn encode(message: &PeerMessage, out: &mut BytesMut) {
    let start = |out: &mut BytesMut, kind: u8| {
        out.put_u8(kind);
        out.put_u32_le(0);
    };
    match message {
        PeerMessage::Raft(message) => {
            start(out, kind(&message.body));
            out.put_u64_le(message.term.0);
            encode_body(&message.body, out);
        }
        PeerMessage::Write(write) => {
            start(out, WRITE);
            out.put_u64_le(write.term.0);
            put_id(out, write.id);
            out.put_u64_le(write.floor);
            out.put_u8(u8::from(write.essential));
            put_session(out, write.session);
            out.put_slice(&write.command);
        }
        PeerMessage::WriteReply(reply) => {
            start(out, WRITE_REPLY);
            out.put_u64_le(reply.term.0);
            put_id(out, reply.id);
            match reply.outcome {
                Ok(position) => {
                    out.put_u8(0);
                    put_position(out, position);
                }
                Err(NotAccepted::NotLeader) => out.put_u8(1),
                Err(NotAccepted::Busy) => out.put_u8(2),
                Err(NotAccepted::NoSpace) => out.put_u8(3),
            }
        }
        PeerMessage::Read(read) => {
            start(out, READ);
            put_id(out, read.id);
        }
        PeerMessage::ReadReply(reply) => {
            start(out, READ_REPLY);
            put_id(out, reply.id);
            out.put_u64_le(reply.index.0);
        }
        PeerMessage::Alter(alter) => {
            start(out, ALTER);
            out.put_u64_le(alter.term.0);
            put_id(out, alter.id);
            membership::put_question(&alter.question, out);
        }
        PeerMessage::AlterReply(reply) => {
            start(out, ALTER_REPLY);
            out.put_u64_le(reply.term.0);
            put_id(out, reply.id);
            membership::put_outcome(&reply.outcome, out);
        }
        PeerMessage::Describe(member) => {
            start(out, DESCRIBE);
            out.put_u64_le(member.disk);
            out.put_slice(&member.info);
        }
    }
}

/// How many bytes a message of consensus is on the wire, without its frame.
#[must_use]
pub fn message_bytes(message: &Message) -> u64 {
    let mut out = BytesMut::new();
    encode(&PeerMessage::Raft(message.clone()), &mut out);
    out.len() as u64
}

/// Reads a payload. `from` and `to` are the ends of the connection that it came on.
///
/// # Errors
/// When it is not exactly one message.
pub(crate) fn decode(from: NodeId, to: NodeId, payload: Bytes) -> Result<PeerMessage, CodecError> {
    let mut input = Input(payload);
    let kind = input.u8()?;
    let group = input.u32()?;
    if group != 0 {
        return Err(CodecError::Group(group));
    }
    let message = match kind {
        WRITE => PeerMessage::Write(ForwardedWrite {
            term: input.term()?,
            id: input.id()?,
            floor: input.u64()?,
            essential: input.flag()?,
            session: input.session()?,
            command: input.rest(),
        }),
        WRITE_REPLY => PeerMessage::WriteReply(ForwardedWriteReply {
            term: input.term()?,
            id: input.id()?,
            outcome: match input.u8()? {
                0 => Ok(input.position()?),
                1 => Err(NotAccepted::NotLeader),
                2 => Err(NotAccepted::Busy),
                3 => Err(NotAccepted::NoSpace),
                other => return Err(CodecError::Unknown(other)),
            },
        }),
        READ => PeerMessage::Read(ForwardedRead { id: input.id()? }),
        READ_REPLY => PeerMessage::ReadReply(ForwardedReadReply { id: input.id()?, index: Index(input.u64()?) }),
        ALTER => PeerMessage::Alter(Box::new(ForwardedAlter {
            term: input.term()?,
            id: input.id()?,
            question: membership::take_question(&mut input)?,
        })),
        ALTER_REPLY => PeerMessage::AlterReply(Box::new(ForwardedAlterReply {
            term: input.term()?,
            id: input.id()?,
            outcome: membership::take_outcome(&mut input)?,
        })),
        DESCRIBE => PeerMessage::Describe(Member { disk: input.u64()?, info: input.rest() }),
        _ => {
            let term = input.term()?;
            let body = decode_body(kind, &mut input)?;
            PeerMessage::Raft(Message { from, to, term, body })
        }
    };
    if input.0.is_empty() { Ok(message) } else { Err(CodecError::Long) }
}

fn kind(body: &Body) -> u8 {
    match body {
        Body::PreVote(_) => PRE_VOTE,
        Body::PreVoteReply(_) => PRE_VOTE_REPLY,
        Body::RequestVote(_) => REQUEST_VOTE,
        Body::RequestVoteReply(_) => REQUEST_VOTE_REPLY,
        Body::AppendEntries(_) => APPEND_ENTRIES,
        Body::AppendEntriesReply(_) => APPEND_ENTRIES_REPLY,
        Body::InstallSnapshotReply(_) => INSTALL_SNAPSHOT_REPLY,
        Body::TimeoutNow => TIMEOUT_NOW,
    }
}

fn encode_body(body: &Body, out: &mut BytesMut) {
    match body {
        Body::PreVote(request) | Body::RequestVote(request) => {
            put_position(out, request.last);
            out.put_u8(u8::from(request.transfer));
        }
        Body::PreVoteReply(reply) => {
            out.put_u64_le(reply.asked.0);
            out.put_u8(u8::from(reply.granted));
        }
        Body::RequestVoteReply(reply) => out.put_u8(u8::from(reply.granted)),
        Body::AppendEntries(append) => {
            out.put_u64_le(append.round);
            out.put_u64_le(append.commit.0);
            put_position(out, append.run.prev());
            for entry in append.run.entries() {
                out.put_u64_le(entry.term().0);
                out.put_u32_le(u32::try_from(entry.body().len()).unwrap_or(u32::MAX));
                out.put_slice(entry.body());
            }
        }
        Body::AppendEntriesReply(reply) => {
            out.put_u64_le(reply.round);
            match reply.outcome {
                AppendOutcome::Accepted { matched } => {
                    out.put_u8(0);
                    out.put_u64_le(matched.0);
                }
                AppendOutcome::Refused { prev, hint } => {
                    out.put_u8(if hint.is_some() { 2 } else { 1 });
                    put_position(out, prev);
                    if let Some(hint) = hint {
                        put_position(out, hint);
                    }
                }
            }
        }
        Body::InstallSnapshotReply(reply) => out.put_u64_le(reply.matched.0),
        Body::TimeoutNow => {}
    }
}

fn decode_body(kind: u8, input: &mut Input) -> Result<Body, CodecError> {
    Ok(match kind {
        PRE_VOTE => Body::PreVote(input.request()?),
        REQUEST_VOTE => Body::RequestVote(input.request()?),
        PRE_VOTE_REPLY => Body::PreVoteReply(PreVoteReply { asked: input.term()?, granted: input.flag()? }),
        REQUEST_VOTE_REPLY => Body::RequestVoteReply(RequestVoteReply { granted: input.flag()? }),
        APPEND_ENTRIES => {
            let (round, commit, prev) = (input.u64()?, Index(input.u64()?), input.position()?);
            Body::AppendEntries(AppendEntries { round, commit, run: input.run(prev)? })
        }
        APPEND_ENTRIES_REPLY => {
            let round = input.u64()?;
            let outcome = match input.u8()? {
                0 => AppendOutcome::Accepted { matched: Index(input.u64()?) },
                1 => AppendOutcome::Refused { prev: input.position()?, hint: None },
                2 => AppendOutcome::Refused { prev: input.position()?, hint: Some(input.position()?) },
                other => return Err(CodecError::Unknown(other)),
            };
            Body::AppendEntriesReply(AppendEntriesReply { round, outcome })
        }
        TIMEOUT_NOW => Body::TimeoutNow,
        INSTALL_SNAPSHOT_REPLY => Body::InstallSnapshotReply(InstallSnapshotReply { matched: Index(input.u64()?) }),
        other => return Err(CodecError::Unknown(other)),
    })
}

fn put_position(out: &mut BytesMut, position: Position) {
    out.put_u64_le(position.index.0);
    out.put_u64_le(position.term.0);
}

fn put_id(out: &mut BytesMut, id: ForwardId) {
    out.put_u64_le(id.incarnation);
    out.put_u64_le(id.number);
}

fn put_session(out: &mut BytesMut, session: SessionPart) {
    match session {
        SessionPart::None => out.put_u8(0),
        SessionPart::Command(SessionCommand { session, sequence, acknowledged }) => {
            out.put_u8(1);
            put_session_id(out, session);
            out.put_u64_le(sequence);
            out.put_u64_le(acknowledged);
        }
        SessionPart::Act(SessionAct::Open { ttl, word }) => {
            out.put_u8(2);
            out.put_u64_le(ttl);
            out.put_u64_le(word);
        }
        SessionPart::Act(SessionAct::KeepAlive(session)) => {
            out.put_u8(3);
            put_session_id(out, session);
        }
        SessionPart::Act(SessionAct::Close(session)) => {
            out.put_u8(4);
            put_session_id(out, session);
        }
    }
}

fn put_session_id(out: &mut BytesMut, session: SessionId) {
    out.put_u64_le(session.index);
    out.put_u64_le(session.word);
}

struct Input(Bytes);

impl Input {
    fn take(&mut self, length: usize) -> Result<Bytes, CodecError> {
        if self.0.len() < length { Err(CodecError::Short) } else { Ok(self.0.split_to(length)) }
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    fn u8(&mut self) -> Result<u8, CodecError> {
        self.0.try_get_u8().map_err(|_| CodecError::Short)
    }

    fn u32(&mut self) -> Result<u32, CodecError> {
        self.0.try_get_u32_le().map_err(|_| CodecError::Short)
    }

    fn u64(&mut self) -> Result<u64, CodecError> {
        self.0.try_get_u64_le().map_err(|_| CodecError::Short)
    }

    fn flag(&mut self) -> Result<bool, CodecError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CodecError::Unknown(other)),
        }
    }

    fn term(&mut self) -> Result<Term, CodecError> {
        self.u64().map(Term)
    }

    fn position(&mut self) -> Result<Position, CodecError> {
        Ok(Position { index: Index(self.u64()?), term: self.term()? })
    }

    fn request(&mut self) -> Result<RequestVote, CodecError> {
        Ok(RequestVote { last: self.position()?, transfer: self.flag()? })
    }

    fn id(&mut self) -> Result<ForwardId, CodecError> {
        Ok(ForwardId { incarnation: self.u64()?, number: self.u64()? })
    }

    fn session(&mut self) -> Result<SessionPart, CodecError> {
        Ok(match self.u8()? {
            0 => SessionPart::None,
            1 => SessionPart::Command(SessionCommand {
                session: self.session_id()?,
                sequence: self.u64()?,
                acknowledged: self.u64()?,
            }),
            2 => SessionPart::Act(SessionAct::Open { ttl: self.u64()?, word: self.u64()? }),
            3 => SessionPart::Act(SessionAct::KeepAlive(self.session_id()?)),
            4 => SessionPart::Act(SessionAct::Close(self.session_id()?)),
            other => return Err(CodecError::Unknown(other)),
        })
    }

    fn session_id(&mut self) -> Result<SessionId, CodecError> {
        Ok(SessionId { index: self.u64()?, word: self.u64()? })
    }

    fn run(&mut self, prev: Position) -> Result<Slice, CodecError> {
        let mut entries = Vec::new();
        let mut index = prev.index;
        while !self.0.is_empty() {
            let term = self.term()?;
            let length = self.u32()? as usize;
            index = Index(index.0.checked_add(1).ok_or(CodecError::Short)?);
            let entry = Entry::from_body(Position { index, term }, self.take(length)?);
            entries.push(entry.map_err(|error| CodecError::Entries(error.to_string()))?);
        }
        Slice::new(prev, entries).map_err(|error| CodecError::Entries(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::{EntryKind, Header};

    fn all() -> Vec<PeerMessage> {
        let id = ForwardId { incarnation: 3, number: 4 };
        let entry = |index, term| Entry::new(Position::new(index, term), EntryKind::Command, Header::default(), b"set");
        let run = Slice::new(Position::new(6, 2), vec![entry(7, 2), entry(8, 3)]).unwrap();
        let refused = AppendOutcome::Refused { prev: Position::new(6, 2), hint: Some(Position::new(4, 1)) };
        let plain = AppendOutcome::Refused { prev: Position::new(6, 2), hint: None };
        let accepted = AppendOutcome::Accepted { matched: Index(8) };
        let command = Bytes::from_static(b"command");
        let session = SessionId { index: 6, word: 66 };
        let write = |session| {
            let (term, command) = (Term(5), command.clone());
            PeerMessage::Write(ForwardedWrite { term, id, floor: 2, essential: true, session, command })
        };
        let raft = |body| PeerMessage::Raft(Message { from: NodeId(1), to: NodeId(2), term: Term(5), body });
        let mut all = vec![
            raft(Body::PreVote(RequestVote { last: Position::new(8, 3), transfer: false })),
            raft(Body::PreVoteReply(PreVoteReply { asked: Term(6), granted: true })),
            raft(Body::RequestVote(RequestVote { last: Position::new(8, 3), transfer: true })),
            raft(Body::RequestVoteReply(RequestVoteReply { granted: false })),
            raft(Body::AppendEntries(AppendEntries { round: 9, commit: Index(6), run })),
            raft(Body::AppendEntriesReply(AppendEntriesReply { round: 9, outcome: accepted })),
            raft(Body::AppendEntriesReply(AppendEntriesReply { round: 9, outcome: refused })),
            raft(Body::AppendEntriesReply(AppendEntriesReply { round: 9, outcome: plain })),
            raft(Body::InstallSnapshotReply(InstallSnapshotReply { matched: Index(7) })),
            raft(Body::TimeoutNow),
            write(SessionPart::None),
            write(SessionPart::Command(SessionCommand { session, sequence: 7, acknowledged: 5 })),
            write(SessionPart::Act(SessionAct::Open { ttl: 60_000, word: 66 })),
            write(SessionPart::Act(SessionAct::KeepAlive(session))),
            write(SessionPart::Act(SessionAct::Close(session))),
            PeerMessage::WriteReply(ForwardedWriteReply { term: Term(5), id, outcome: Ok(Position::new(8, 5)) }),
            PeerMessage::WriteReply(ForwardedWriteReply { term: Term(5), id, outcome: Err(NotAccepted::NoSpace) }),
            PeerMessage::Read(ForwardedRead { id }),
            PeerMessage::ReadReply(ForwardedReadReply { id, index: Index(8) }),
            PeerMessage::Describe(Member { disk: 9, info: Bytes::from_static(b"n1") }),
        ];
        let (questions, outcomes) = membership::examples();
        let term = Term(5);
        let alter = |question| PeerMessage::Alter(Box::new(ForwardedAlter { term, id, question }));
        let reply = |outcome| PeerMessage::AlterReply(Box::new(ForwardedAlterReply { term, id, outcome }));
        all.extend(questions.into_iter().map(alter));
        all.extend(outcomes.into_iter().map(reply));
        all
    }

    fn bytes(message: &PeerMessage) -> Bytes {
        let mut out = BytesMut::new();
        encode(message, &mut out);
        out.freeze()
    }

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        for message in all() {
            assert_eq!(decode(NodeId(1), NodeId(2), bytes(&message)), Ok(message));
        }
    }

    #[test]
    fn a_message_that_breaks_off_is_refused_or_another_whole_message() {
        for message in all() {
            let bytes = bytes(&message);
            for length in 0..bytes.len() {
                let read = decode(NodeId(1), NodeId(2), bytes.slice(..length));
                assert_ne!(read.as_ref(), Ok(&message), "{length}");
            }
        }
    }

    /// Noise hardly gets past the first byte; messages with a few bytes changed get far.
    #[test]
    fn messages_that_were_changed_are_refused_or_are_others() {
        let mut state = 7_u64;
        let mut roll = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % sides
        };
        let (mut read, mut refused) = (0, 0);
        for message in all() {
            for _ in 0..400 {
                let mut changed = bytes(&message).to_vec();
                for _ in 0..=roll(3) {
                    let at = roll(changed.len());
                    match roll(4) {
                        0 => changed[at] = 0xff,
                        1 => changed[at] = u8::try_from(roll(256)).unwrap(),
                        2 => changed.insert(at, 0),
                        _ => changed.truncate(at.max(1)),
                    }
                }
                match decode(NodeId(1), NodeId(2), changed.into()) {
                    Ok(other) => {
                        read += 1;
                        assert_eq!(decode(NodeId(1), NodeId(2), bytes(&other)), Ok(other));
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
    }

    #[test]
    fn hostile_bytes_are_refused_without_panic() {
        let mut state = 1_u64;
        let mut refused = 0;
        for round in 0..20_000_u64 {
            let length = usize::try_from(round % 97).unwrap();
            let noise: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    u8::try_from(state >> 56).unwrap()
                })
                .collect();
            refused += u32::from(decode(NodeId(1), NodeId(2), noise.into()).is_err());
        }
        assert!(refused > 19_000, "noise is no message: {refused}");
        let mut last = bytes(&all()[4]).to_vec();
        last[29..37].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode(NodeId(1), NodeId(2), last.into()).is_err(), "no index overflows");
    }
}
