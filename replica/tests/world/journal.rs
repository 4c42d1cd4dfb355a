//! The replicated state machine of the tests: a list of the commands that it applied, with where and when. What it gives is
//! the place in the list that a command got.

use std::io;

use bytes::Bytes;
use quorate_replica::{Command, RestoreError, StateMachine};
use raft::Position;

/// One applied command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) position: Position,
    pub(crate) time: u64,
    pub(crate) id: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) list: Vec<Applied>,
}

const RECORD_BYTES: usize = 32;

/// A command that is told from all others by its id, made longer by `padding` bytes.
pub(crate) fn command(id: u64, padding: usize) -> Bytes {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.resize(8 + padding, b'.');
    bytes.into()
}

pub(crate) fn number_at(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().skip(at).take(8).rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

impl StateMachine for Journal {
    type Reader = ();
    type Frozen = Vec<u8>;

    fn apply(&mut self, commands: &[Command<'_>], results: &mut Vec<Bytes>) {
        for command in commands {
            results.push(Bytes::copy_from_slice(&(self.list.len() as u64).to_le_bytes()));
            let id = number_at(command.payload, 0);
            self.list.push(Applied { position: command.position, time: command.time, id });
        }
    }

    fn reader(&self) {}

    fn digest(&self) -> u64 {
        self.list.last().map_or(1, |last| (self.list.len() as u64) << 32 | last.position.index.0)
    }

    fn freeze(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.list.len() * RECORD_BYTES);
        for applied in &self.list {
            for number in [applied.position.index.0, applied.position.term.0, applied.time, applied.id] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    fn restore(stream: &mut dyn io::Read) -> Result<Self, RestoreError> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        if !bytes.len().is_multiple_of(RECORD_BYTES) {
            return Err(RestoreError::Format(format!("{} bytes are no list", bytes.len())));
        }
        let applied = |record: &[u8]| Applied {
            position: Position::new(number_at(record, 0), number_at(record, 8)),
            time: number_at(record, 16),
            id: number_at(record, 24),
        };
        Ok(Self { list: bytes.chunks(RECORD_BYTES).map(applied).collect() })
    }
}
