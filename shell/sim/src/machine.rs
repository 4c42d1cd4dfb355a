//! The real key-value store with a witness beside it: what it applied, in order, chained into a digest. The store itself is the
//! one of the server, unchanged. It does not know who compares what it saw.

use std::cell::Cell;
use std::io;

use bytes::Bytes;
use raft::Position;
use replica::{Command, Freeze, RestoreError, StateMachine};
use store::{FrozenStore, KvStore, Reader};

/// One applied command, as one member saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Where it stood in the log.
    pub position: Position,
    /// Cluster time.
    pub time: u64,
    /// What was applied.
    pub payload: Bytes,
    /// What it answered.
    pub result: Bytes,
    /// The digest over all commands, their places and their results, up to this one.
    pub chain: u64,
}

/// The state machine of the simulated members.
#[derive(Debug, Default)]
pub struct Machine {
    store: KvStore,
    /// So many commands were applied since the beginning of the cluster.
    count: u64,
    chain: u64,
    /// Those applied by this very value, the newest last: the first is number `count - fresh.len()`.
    fresh: Vec<Applied>,
    /// A lie: what to do with the next command.
    pub(crate) lie: Cell<Option<Wrong>>,
}

/// What a state machine could do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Skip,
    Twice,
    TwiceAlways,
}

/// A frozen [`Machine`].
#[derive(Debug)]
pub struct FrozenMachine {
    head: [u64; 2],
    store: FrozenStore,
}

impl Machine {
    /// How many commands were applied since the beginning of the cluster.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The digest over all of them.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// Those that this very value applied, the newest last.
    #[must_use]
    pub fn fresh(&self) -> &[Applied] {
        &self.fresh
    }

    /// A lie: it claims a command that it has not.
    pub(crate) fn claim_one_more(&mut self) {
        self.count += 1;
    }

    /// All of them at once, as the member hands them over: what the store makes of a batch is its own affair.
    fn apply_all(&mut self, commands: &[Command<'_>], results: &mut Vec<Bytes>) {
        let at = results.len();
        self.store.apply(commands, results);
        for (command, result) in commands.iter().zip(results.iter().skip(at)) {
            self.note(command, result);
        }
    }

    fn note(&mut self, command: &Command<'_>, result: &Bytes) {
        let words = [command.position.index.0, command.position.term.0, command.time];
        let chain = words.into_iter().fold(self.chain, mix);
        self.chain = digest(digest(chain, command.payload), result);
        self.count += 1;
        self.fresh.push(Applied {
            position: command.position,
            time: command.time,
            payload: command.payload.clone(),
            result: result.clone(),
            chain: self.chain,
        });
    }
}

impl StateMachine for Machine {
    type Reader = Reader;
    type Frozen = FrozenMachine;

    fn apply(&mut self, commands: &[Command<'_>], results: &mut Vec<Bytes>) {
        if self.lie.get().is_none() {
            return self.apply_all(commands, results);
        }
        for command in commands {
            let one = std::slice::from_ref(command);
            match self.lie.get() {
                Some(Wrong::Skip) => {
                    self.lie.set(None);
                    results.push(Bytes::new());
                    continue;
                }
                Some(wrong @ (Wrong::Twice | Wrong::TwiceAlways)) => {
                    if wrong == Wrong::Twice {
                        self.lie.set(None);
                        self.apply_all(one, &mut Vec::new());
                    } else {
                        self.store.apply(one, &mut Vec::new());
                    }
                }
                None => {}
            }
            self.apply_all(one, results);
        }
    }

    fn reader(&self) -> Reader {
        self.store.reader()
    }

    fn digest(&self) -> u64 {
        mix(self.chain, self.count).max(1)
    }

    fn freeze(&mut self) -> FrozenMachine {
        FrozenMachine { head: [self.count, self.chain], store: self.store.freeze() }
    }

    fn restore(stream: &mut dyn io::Read) -> Result<Self, RestoreError> {
        let mut head = [0; 16];
        stream.read_exact(&mut head)?;
        let word = |at: usize| head[at..at + 8].iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        let store = KvStore::restore(stream)?;
        Ok(Self { store, count: word(0), chain: word(8), fresh: Vec::new(), lie: Cell::default() })
    }
}

impl Freeze for FrozenMachine {
    fn write_to(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        for word in self.head {
            out.write_all(&word.to_le_bytes())?;
        }
        self.store.write_to(out)
    }
}

/// One word more of a digest.
#[must_use]
pub fn mix(digest: u64, word: u64) -> u64 {
    let mixed = (digest ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

/// Bytes more of a digest.
#[must_use]
pub fn digest(digest: u64, bytes: &[u8]) -> u64 {
    let mut all = mix(digest, bytes.len() as u64);
    for part in bytes.chunks(8) {
        all = mix(all, part.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_machine_goes_on_with_count_and_digest() {
        let mut machine = Machine::default();
        let put =
            store::PutRequest { key: Bytes::from_static(b"k"), value: Bytes::from_static(b"v"), ..Default::default() };
        let payload = store::Command::Put(put).encode();
        let command = |index| Command { position: Position::new(index, 1), time: 3, payload: &payload };
        machine.apply(&[command(1), command(2)], &mut Vec::new());
        assert_eq!((machine.count(), machine.fresh().len()), (2, 2));
        let mut bytes = Vec::new();
        machine.freeze().write_to(&mut bytes).unwrap();
        let mut restored = Machine::restore(&mut bytes.as_slice()).unwrap();
        assert_eq!((restored.count(), restored.chain()), (2, machine.chain()));
        machine.apply(&[command(3)], &mut Vec::new());
        restored.apply(&[command(3)], &mut Vec::new());
        assert_eq!(restored.chain(), machine.chain());
        restored.apply(&[command(5)], &mut Vec::new());
        machine.apply(&[command(4)], &mut Vec::new());
        assert_ne!(restored.chain(), machine.chain(), "another place is another history");
    }
}
