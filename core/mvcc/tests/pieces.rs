//! How much of a store is looked at at once while it is frozen and streamed: whoever holds its lock meanwhile keeps the writer
//! waiting for that long, and the writer is a member's loop.
#![allow(clippy::unwrap_used, reason = "this is all test")]

use std::cell::Cell;
use std::ops::ControlFlow;

use bytes::Bytes;
use quorate_mvcc::{Backend, Footprint, MemoryBackend, PutRequest, Revision, Row, StorageError, Store, restore};

/// Rows in memory, and how many of them were looked at.
#[derive(Default)]
struct Watched {
    rows: MemoryBackend,
    seen: Cell<usize>,
}

impl Backend for Watched {
    fn put(&mut self, revision: Revision, row: Row) {
        self.rows.put(revision, row);
    }

    fn row(&self, revision: Revision) -> Result<Row, StorageError> {
        self.seen.set(self.seen.get() + 1);
        self.rows.row(revision)
    }

    fn delete(&mut self, revision: Revision) {
        self.rows.delete(revision);
    }

    fn scan(
        &self,
        from: Revision,
        visit: &mut dyn FnMut(Revision, &Row) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.rows.scan(from, &mut |revision, row| {
            self.seen.set(self.seen.get() + 1);
            visit(revision, row)
        })
    }

    fn footprint(&self) -> Footprint {
        self.rows.footprint()
    }
}

const PUTS: i64 = 20_000;
/// The bound, and the row that shows that there is more.
const ROWS_MAX: usize = 2048 + 1;

fn store() -> (Store<Watched>, impl Fn(&Store<Watched>) -> usize) {
    let mut store = Store::new(Watched::default());
    for number in 0..PUTS {
        let value = Bytes::from(number.to_le_bytes().to_vec());
        store.put(&PutRequest { key: Bytes::from_static(b"k"), value, ..PutRequest::default() }).unwrap();
    }
    (store, |store: &Store<Watched>| store.backend().seen.take())
}

/// The rows looked at for each piece, and the stream.
fn pieces(store: &Store<Watched>, seen: impl Fn(&Store<Watched>) -> usize) -> (Vec<usize>, Vec<u8>) {
    seen(store);
    let mut frozen = store.freeze();
    let (mut counts, mut stream) = (vec![seen(store)], Vec::new());
    assert_eq!(counts, [0], "freezing looks at nothing");
    loop {
        let complete = frozen.next_piece(store, 1 << 30, &mut stream).unwrap();
        counts.push(seen(store));
        if complete {
            return (counts, stream);
        }
    }
}

#[test]
fn freezing_looks_at_no_row_and_a_piece_at_few_however_many_bytes_are_wanted() {
    let (store, seen) = store();
    let (counts, stream) = pieces(&store, seen);
    assert!(counts.iter().all(|count| *count <= ROWS_MAX), "{counts:?}");
    assert!(counts.iter().sum::<usize>() >= 20_000, "all of them were looked at");
    let restored = restore(&mut stream.as_slice(), MemoryBackend::new()).unwrap();
    assert_eq!(restored.revision(), store.revision());
}

#[test]
fn rows_that_compaction_let_go_of_count_too_though_they_add_nothing() {
    let (mut store, seen) = store();
    store.compact(PUTS).unwrap();
    let (counts, stream) = pieces(&store, seen);
    assert!(counts.iter().all(|count| *count <= ROWS_MAX) && counts.len() > 9, "{counts:?}");
    assert!(stream.len() < 200, "but for the newest rows all is garbage: {} bytes", stream.len());
    let restored = restore(&mut stream.as_slice(), MemoryBackend::new()).unwrap();
    assert_eq!((restored.revision(), restored.key_count()), (store.revision(), 1));
}
