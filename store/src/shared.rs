//! The store behind its lock: the only place where one is taken. One writer, the state machine, takes it once a batch;
//! readers take it for a slice at a time.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mvcc::{MemoryBackend, StorageError, Store};

pub(crate) type MemoryStore = Store<MemoryBackend>;

#[derive(Debug)]
pub(crate) struct Shared(RwLock<MemoryStore>);

impl Shared {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self(RwLock::new(store))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, MemoryStore> {
        // The lock is poisoned only by a panic in `write`'s holder, and that is `stop` below: reads that were waiting
        // see the rows that are there, and the process ends.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, MemoryStore> {
        self.0.write().expect("the one writer stops at its first panic")
    }
}

/// Storage lost what the index names: this member can't go on as the others do. In memory that can only be a defect of
/// our own, so it is no outcome that a client could be told.
#[track_caller]
pub(crate) fn stop(error: &StorageError) -> ! {
    panic!("the store stops: {error}")
}
