//! The first frame on a connection, and its answer: who one is, and whether one is welcome. A stranger is refused with a
//! sentence that both sides log, before any byte of consensus is read. Who only wants to know which member it is says so with
//! another greeting (`whoami`).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::NodeId;
use replica::peer::Greeting;
use thiserror::Error;

use crate::met::Life;

pub(super) const MAGIC: [u8; 4] = *b"QRMP";
/// The version of the protocol between members.
pub(crate) const PROTOCOL: u16 = 2;
/// A hello is small: nothing longer is read from a stranger.
pub(crate) const HELLO_BYTES_MAX: usize = 4096;
/// What is left of it for what a member says of itself.
pub(crate) const INFO_BYTES_MAX: usize = HELLO_BYTES_MAX - 128;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Messages from the connecting member to the other.
    Messages,
    /// One snapshot, so that messages never wait behind it.
    Snapshot,
}

/// Why a greeting is not answered with another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refused {
    /// For the reason in this sentence.
    #[error("{0}")]
    Said(String),
    /// The one that greeted was a member and was removed for good, which this sentence says.
    #[error("{0}")]
    Removed(String),
    /// The one that greeted is known for good by another disk, which this sentence says: it forgot what it voted.
    #[error("{0}")]
    AnotherDisk(String),
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) protocol: u16,
    pub(crate) purpose: Purpose,
    pub(crate) cluster: u64,
    pub(crate) node: NodeId,
    /// Whom it means to talk to.
    pub(crate) to: NodeId,
    /// Which life of its disk this is.
    pub(crate) incarnation: u64,
    /// Random, of this process: two lives of one incarnation are two copies of one disk.
    pub(crate) birth: u64,
    /// The random id of its disk.
    pub(crate) disk: u64,
    /// T, its least election timeout, in milliseconds.
    pub(crate) election_timeout: u64,
    /// Its switches: bit 0 `PreVote`, 1 `CheckQuorum`, 2 stickiness.
    pub(crate) switches: u8,
    /// How many groups it runs.
    pub(crate) groups: u32,
    /// What the configuration is to keep for it, as it knows it itself: where to reach it, for one that does not know it yet.
    pub(crate) info: Bytes,
}

impl Hello {
    /// Which disk and process it is.
    pub(crate) fn life(&self) -> Life {
        Life { disk: self.disk, incarnation: self.incarnation, birth: self.birth }
    }

    /// What it keeps its promises by.
    pub(crate) fn greeting(&self) -> Greeting {
        Greeting {
            election_timeout: self.election_timeout,
            check_quorum: self.switches & 2 != 0,
            stickiness: self.switches & 4 != 0,
        }
    }

    pub(crate) fn put(&self, out: &mut BytesMut) {
        out.put_slice(&MAGIC);
        out.put_u16_le(self.protocol);
        out.put_u8(match self.purpose {
            Purpose::Messages => 0,
            Purpose::Snapshot => 1,
        });
        for number in [self.cluster, self.node.0, self.to.0, self.incarnation, self.birth, self.disk] {
            out.put_u64_le(number);
        }
        out.put_u64_le(self.election_timeout);
        out.put_u8(self.switches);
        out.put_u32_le(self.groups);
        out.put_slice(&self.info);
    }

    /// # Errors
    /// A sentence for the other side.
    pub(crate) fn take(input: &mut Bytes) -> Result<Self, String> {
        take_protocol(input)?;
        let short = |_| "the greeting breaks off".to_string();
        let purpose = match input.try_get_u8().map_err(short)? {
            0 => Purpose::Messages,
            1 => Purpose::Snapshot,
            other => return Err(format!("connections for purpose {other} are not known here")),
        };
        let mut number = || input.try_get_u64_le().map_err(short);
        let (cluster, node, to, incarnation, birth) =
            (number()?, NodeId(number()?), NodeId(number()?), number()?, number()?);
        let (disk, election_timeout) = (number()?, number()?);
        let (switches, groups) = (input.try_get_u8().map_err(short)?, input.try_get_u32_le().map_err(short)?);
        let (protocol, info) = (PROTOCOL, std::mem::take(input));
        Ok(Self {
            protocol,
            purpose,
            cluster,
            node,
            to,
            incarnation,
            birth,
            disk,
            election_timeout,
            switches,
            groups,
            info,
        })
    }
}

/// What every greeting begins with.
///
/// # Errors
/// A sentence for the other side.
pub(super) fn take_protocol(input: &mut Bytes) -> Result<(), String> {
    let magic = input.len() >= MAGIC.len() && input[..MAGIC.len()] == MAGIC;
    if !magic {
        return Err("this is a Quorate peer port, and what came is no greeting of a peer".into());
    }
    input.advance(MAGIC.len());
    let protocol = input.try_get_u16_le().map_err(|_| "the greeting breaks off".to_string())?;
    if protocol == PROTOCOL {
        return Ok(());
    }
    Err(format!("peer protocol {protocol} is not spoken here, only {PROTOCOL}: run the same version everywhere"))
}

/// The answer: welcome, with the other's own hello, or why not.
pub(crate) fn put_answer(answer: &Result<Hello, Refused>, out: &mut BytesMut) {
    match answer {
        Ok(hello) => {
            out.put_u8(0);
            hello.put(out);
        }
        Err(Refused::Said(reason)) => {
            out.put_u8(1);
            out.put_slice(reason.as_bytes());
        }
        Err(Refused::Removed(reason)) => {
            out.put_u8(2);
            out.put_slice(reason.as_bytes());
        }
        Err(Refused::AnotherDisk(reason)) => {
            out.put_u8(3);
            out.put_slice(reason.as_bytes());
        }
    }
}

/// # Errors
/// The reason for which we are refused, or that it is no answer.
pub(crate) fn take_answer(mut input: Bytes) -> Result<Hello, Refused> {
    let text = |input: &Bytes| String::from_utf8_lossy(input).into_owned();
    match input.try_get_u8() {
        Ok(0) => Hello::take(&mut input).map_err(Refused::Said),
        Ok(1) => Err(Refused::Said(text(&input))),
        Ok(2) => Err(Refused::Removed(text(&input))),
        Ok(3) => Err(Refused::AnotherDisk(text(&input))),
        Ok(_) | Err(_) => Err(Refused::Said("what came is no answer of a Quorate peer".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: PROTOCOL,
            purpose: Purpose::Snapshot,
            cluster: 11,
            node: NodeId(1),
            to: NodeId(2),
            incarnation: 5,
            birth: 6,
            disk: 77,
            election_timeout: 1000,
            switches: 7,
            groups: 1,
            info: Bytes::from_static(b"n1"),
        }
    }

    #[test]
    fn a_hello_and_its_answers_are_read_back() {
        let refused = [Refused::Said, Refused::Removed, Refused::AnotherDisk].map(|refused| Err(refused("no".into())));
        for answer in refused.into_iter().chain([Ok(hello())]) {
            let mut out = BytesMut::new();
            put_answer(&answer, &mut out);
            assert_eq!(take_answer(out.freeze()), answer);
        }
    }

    #[test]
    fn what_is_no_hello_gets_a_sentence() {
        let mut out = BytesMut::new();
        hello().put(&mut out);
        let whole = out.freeze();
        for length in 0..whole.len() - hello().info.len() {
            assert!(Hello::take(&mut whole.slice(..length)).is_err());
        }
        let http = Hello::take(&mut Bytes::from_static(b"GET / HTTP/1.1\r\n")).unwrap_err();
        assert!(http.contains("peer port"), "{http}");
    }
}
