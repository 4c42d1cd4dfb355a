//! Rows in memory. They come in rising order and mostly stay, so they lie side by side in chunks of a fixed size: no
//! tree, no slack but in the chunk being filled. Compaction leaves holes; a chunk that is half holes closes them.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::backend::{Backend, Footprint, StorageError};
use crate::revision::Revision;
use crate::row::Row;

/// Rows in a chunk when it is full.
const CHUNK_ROWS: usize = 512;
/// What the allocator adds to each row, about.
const ALLOCATION_OVERHEAD: u64 = 16;

/// A [`Backend`] that keeps its rows in memory.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    /// In the order of their revisions; none is empty.
    chunks: VecDeque<Chunk>,
    /// Bytes of all rows.
    row_bytes: u64,
    /// How many rows there are.
    rows: u64,
    /// For how many rows the chunks have room.
    slots: u64,
}

#[derive(Debug)]
struct Chunk {
    /// The lowest revision that was ever in it.
    first: Revision,
    slots: Vec<Slot>,
    /// How many slots are no holes.
    live: usize,
}

#[derive(Debug)]
struct Slot {
    revision: Revision,
    /// `None`: a hole that compaction left.
    row: Option<Row>,
}

impl MemoryBackend {
    /// Without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The chunk that would hold `revision`.
    fn chunk_of(&self, revision: Revision) -> Option<usize> {
        self.chunks.partition_point(|chunk| chunk.first <= revision).checked_sub(1)
    }

    /// Lets go of a chunk without rows; closes the holes of one that is half holes, and joins it with the one before when
    /// both are small. The chunk being filled stays as it is.
    fn tidy(&mut self, at: usize) {
        if at + 1 == self.chunks.len() {
            return;
        }
        let chunk = &mut self.chunks[at];
        if chunk.live == 0 {
            self.slots -= chunk.slots.capacity() as u64;
            self.chunks.remove(at);
            return;
        }
        if chunk.live * 2 > chunk.slots.len() {
            return;
        }
        self.slots -= chunk.slots.capacity() as u64;
        chunk.slots.retain(|slot| slot.row.is_some());
        chunk.slots.shrink_to_fit();
        self.slots += chunk.slots.capacity() as u64;
        let small = |chunk: &Chunk| chunk.slots.len() <= CHUNK_ROWS / 4;
        if at > 0 && small(&self.chunks[at]) && small(&self.chunks[at - 1]) {
            self.join_with_previous(at);
        }
    }

    fn join_with_previous(&mut self, at: usize) {
        let Some(right) = self.chunks.remove(at) else { return };
        let left = &mut self.chunks[at - 1];
        self.slots -= (left.slots.capacity() + right.slots.capacity()) as u64;
        left.live += right.live;
        left.slots.reserve_exact(right.slots.len());
        left.slots.extend(right.slots);
        self.slots += left.slots.capacity() as u64;
    }
}

impl Chunk {
    fn new(first: Revision) -> Self {
        Self { first, slots: Vec::with_capacity(CHUNK_ROWS), live: 0 }
    }

    fn find(&self, revision: Revision) -> Option<usize> {
        // Most commands make one row: then a row stands as far from the first as its revision says.
        let guess = usize::try_from(revision.main - self.first.main).unwrap_or(usize::MAX);
        if self.slots.get(guess).is_some_and(|slot| slot.revision == revision) {
            return Some(guess);
        }
        self.slots.binary_search_by(|slot| slot.revision.cmp(&revision)).ok()
    }
}

impl Backend for MemoryBackend {
    fn put(&mut self, revision: Revision, row: Row) {
        if self.chunks.back().is_none_or(|chunk| chunk.slots.len() >= CHUNK_ROWS) {
            self.chunks.push_back(Chunk::new(revision));
            self.slots += CHUNK_ROWS as u64;
        }
        let Some(chunk) = self.chunks.back_mut() else { return };
        debug_assert!(chunk.slots.last().is_none_or(|slot| slot.revision < revision), "rows come in rising order");
        self.row_bytes += row.as_bytes().len() as u64;
        self.rows += 1;
        chunk.slots.push(Slot { revision, row: Some(row) });
        chunk.live += 1;
    }

    fn row(&self, revision: Revision) -> Result<Row, StorageError> {
        let found = self.chunk_of(revision).and_then(|at| {
            let chunk = &self.chunks[at];
            chunk.slots[chunk.find(revision)?].row.clone()
        });
        found.ok_or_else(|| StorageError::missing(revision))
    }

    fn delete(&mut self, revision: Revision) {
        let Some(at) = self.chunk_of(revision) else { return };
        let chunk = &mut self.chunks[at];
        let Some(row) = chunk.find(revision).and_then(|slot| chunk.slots[slot].row.take()) else { return };
        chunk.live -= 1;
        self.row_bytes -= row.as_bytes().len() as u64;
        self.rows -= 1;
        self.tidy(at);
    }

    fn scan(
        &self,
        from: Revision,
        visit: &mut dyn FnMut(Revision, &Row) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let mut at = self.chunk_of(from).unwrap_or(0);
        let mut slot = self.chunks.get(at).map_or(0, |chunk| chunk.slots.partition_point(|slot| slot.revision < from));
        while let Some(chunk) = self.chunks.get(at) {
            for Slot { revision, row } in &chunk.slots[slot..] {
                let Some(row) = row else { continue };
                if visit(*revision, row).is_break() {
                    return Ok(());
                }
            }
            (at, slot) = (at + 1, 0);
        }
        Ok(())
    }

    fn footprint(&self) -> Footprint {
        let slot = size_of::<Slot>() as u64;
        let rows = self.row_bytes + self.rows * ALLOCATION_OVERHEAD;
        Footprint { allocated: rows + self.slots * slot, in_use: rows + self.rows * slot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64) -> Row {
        Row::put(&number.to_be_bytes(), b"value", number.max(1), 1, 0)
    }

    fn revisions(backend: &MemoryBackend, from: i64) -> Vec<i64> {
        let mut found = Vec::new();
        backend
            .scan(Revision::first_of(from), &mut |revision, _| {
                found.push(revision.main);
                ControlFlow::Continue(())
            })
            .unwrap();
        found
    }

    #[test]
    fn what_compaction_leaves_is_found_and_shown_in_order() {
        let mut backend = MemoryBackend::new();
        let last = 5_000;
        for main in 2..=last {
            backend.put(Revision::first_of(main), row(main));
        }
        let full = backend.footprint();
        let kept = |main: &i64| main % 37 == 0 || *main > 4_900;
        for main in (2..=last).filter(|main| !kept(main)) {
            backend.delete(Revision::first_of(main));
            backend.delete(Revision::first_of(main));
        }
        for main in 2..=last {
            let found = backend.row(Revision::first_of(main));
            assert_eq!(
                found,
                if kept(&main) { Ok(row(main)) } else { Err(StorageError::missing(Revision::first_of(main))) }
            );
        }
        for from in [0, 36, 37, 38, 2_000, 4_899, 4_950, 5_000, 5_001] {
            assert_eq!(
                revisions(&backend, from),
                (2..=last).filter(kept).filter(|&main| main >= from).collect::<Vec<_>>()
            );
        }
        let left = backend.footprint();
        assert!(left.allocated < full.allocated / 5, "holes are given back: {left:?} of {full:?}");
        assert!(left.in_use <= left.allocated);
    }

    #[test]
    fn an_empty_backend_takes_nothing_again() {
        let mut backend = MemoryBackend::new();
        for main in 2..2_000 {
            backend.put(Revision::first_of(main), row(main));
        }
        for main in 2..2_000 {
            backend.delete(Revision::first_of(main));
        }
        assert_eq!(backend.footprint().in_use, 0);
        assert!(backend.chunks.len() <= 1, "only the chunk being filled is left");
        assert!(revisions(&backend, 0).is_empty());
    }
}
