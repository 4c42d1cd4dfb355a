//! The store as a state machine: committed commands go in, outcomes come out.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use mvcc::{MemoryBackend, ReadError, Store, WriteError};
use replica::{RestoreError, StateMachine};

use crate::command::Command;
use crate::frozen::FrozenStore;
use crate::outcome::{Outcome, Refusal, Response};
use crate::reader::Reader;
use crate::shared::{MemoryStore, Shared, stop};

/// Rows that compaction looks at with each batch, at least, and for each command in it: a row costs about as much as a
/// put, so a lone put waits some 30 microseconds for it, and sweeping is faster than writing whatever the batch.
const SWEEP_ROWS_MIN: usize = 32;
const SWEEP_ROWS_PER_COMMAND: usize = 4;

/// What the stream of a snapshot begins with, before the stream of `mvcc`: so that more can stand beside it one day.
const STREAM_MAGIC: [u8; 8] = *b"QUORSTOR";
const STREAM_VERSION: u16 = 1;

/// The replicated key-value store.
#[derive(Debug)]
pub struct KvStore {
    shared: Arc<Shared>,
}

impl KvStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Store::new(MemoryBackend::new()))
    }

    fn over(store: MemoryStore) -> Self {
        Self { shared: Arc::new(Shared::new(store)) }
    }
}

impl Default for KvStore {
    fn default() -> Self {
        Self::new()
    }
}

impl StateMachine for KvStore {
    type Reader = Reader;
    type Frozen = FrozenStore;

    fn apply(&mut self, commands: &[replica::Command<'_>], results: &mut Vec<Bytes>) {
        let mut store = self.shared.write();
        for command in commands {
            results.push(apply_one(&mut store, command.payload).encode());
        }
        let rows_max = SWEEP_ROWS_MIN + SWEEP_ROWS_PER_COMMAND * commands.len();
        store.sweep(rows_max).unwrap_or_else(|error| stop(&error));
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Each command that changes anything raises the revision.
    fn digest(&self) -> u64 {
        let store = self.shared.read();
        let mut hasher = mvcc::Hasher::new();
        hasher.signed(store.revision());
        hasher.signed(store.compact_revision());
        hasher.finish().max(1)
    }

    fn freeze(&mut self) -> FrozenStore {
        let frozen = self.shared.read().freeze();
        FrozenStore::new(Arc::clone(&self.shared), frozen)
    }

    fn restore(stream: &mut dyn Read) -> Result<Self, RestoreError> {
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        take_stream_head(&mut stream)?;
        let store = mvcc::restore(&mut stream, MemoryBackend::new()).map_err(|error| match error {
            mvcc::RestoreError::Read(error) => RestoreError::Read(error),
            mvcc::RestoreError::Unknown(_) | mvcc::RestoreError::Damaged(_) => RestoreError::Format(error.to_string()),
        })?;
        if stream.read(&mut [0])? != 0 {
            return Err(RestoreError::Format("something follows its end".into()));
        }
        Ok(Self::over(store))
    }
}

fn apply_one(store: &mut MemoryStore, payload: &Bytes) -> Outcome {
    let result = match Command::decode(payload.clone()) {
        Ok(Command::Put(request)) => store.put(&request).map(Response::Put).map_err(refusal),
        Ok(Command::DeleteRange(request)) => store.delete_range(&request).map(Response::DeleteRange).map_err(refusal),
        Ok(Command::Txn(request)) => store.txn(&request).map(Response::Txn).map_err(refusal),
        Ok(Command::Compact { revision }) => store.compact(revision).map(|()| Response::Compact).map_err(Refusal::from),
        Err(error) => Err(Refusal::BadCommand(error.to_string())),
    };
    Outcome { revision: store.revision(), result }
}

fn refusal(error: WriteError) -> Refusal {
    match error {
        WriteError::KeyNotFound => Refusal::KeyNotFound,
        WriteError::Read(ReadError::Compacted { requested, compact_revision }) => {
            Refusal::Compacted { requested, compact_revision }
        }
        WriteError::Read(ReadError::FutureRevision { requested, revision }) => {
            Refusal::FutureRevision { requested, revision }
        }
        WriteError::Read(ReadError::Storage(error)) => stop(&error),
    }
}

pub(crate) fn put_stream_head(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&STREAM_MAGIC)?;
    out.write_all(&STREAM_VERSION.to_le_bytes())
}

fn take_stream_head(stream: &mut dyn Read) -> Result<(), RestoreError> {
    let mut head = [0; 10];
    stream.read_exact(&mut head).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => RestoreError::Format("it breaks off in its head".into()),
        _ => RestoreError::Read(error),
    })?;
    if head[..8] != STREAM_MAGIC {
        return Err(RestoreError::Format(format!("it begins with {:02x?}", &head[..8])));
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version != STREAM_VERSION {
        return Err(RestoreError::Format(format!("it has version {version}, known is {STREAM_VERSION}")));
    }
    Ok(())
}
