//! Queries, answered beside the state machine from any thread. Every answer is of one moment; when that moment is good
//! enough (linearizable or not) is the caller's business.

use std::sync::Arc;

use bytes::Bytes;
use mvcc::{
    Hasher, KeyValue, RangeRequest, RangeResponse, ReadError, ReadOnlyTxn, Scan, TxnResponse, View, hash_key_value,
};

use crate::shared::{Shared, stop};

/// Keys visited while the lock is held: about a hundred microseconds.
const SLICE_KEYS: usize = 128;

/// A handle for queries; clones share one store.
///
/// A member that receives a snapshot builds a new store from it: take a new reader from the state machine then, an old
/// one goes on showing the old store.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// A range being read in slices; the lock is free between them, so an async caller can let others run.
#[derive(Debug)]
pub struct RangeRead {
    shared: Arc<Shared>,
    scan: Scan,
}

/// What members compare to find out whether they hold the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHash {
    /// Over all pairs that exist at `hash_revision`, with their columns.
    pub hash: u64,
    /// The revision that was hashed.
    pub hash_revision: i64,
    /// The store's newest revision at that moment.
    pub revision: i64,
    /// The oldest revision that could be read at that moment; -1: nothing was compacted yet.
    pub compact_revision: i64,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Reads a range, in slices, all of it at one revision.
    ///
    /// # Errors
    /// When the revision asked for can't be read.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, ReadError> {
        let mut read = self.begin_range(request)?;
        while !read.advance()? {}
        Ok(read.finish())
    }

    /// Begins to read a range; the first slice is already read.
    ///
    /// # Errors
    /// When the revision asked for can't be read.
    pub fn begin_range(&self, request: &RangeRequest) -> Result<RangeRead, ReadError> {
        let store = self.shared.read();
        let mut scan = Scan::new(store.view(), request.clone())?;
        scan.advance(&store, SLICE_KEYS)?;
        drop(store);
        Ok(RangeRead { shared: Arc::clone(&self.shared), scan })
    }

    /// Runs a transaction that only reads, all of it at one moment.
    ///
    /// # Errors
    /// When a range on its path can't be read.
    pub fn txn(&self, request: ReadOnlyTxn<'_>) -> Result<TxnResponse, ReadError> {
        let view = self.view();
        mvcc::read_txn(request, view.revision(), &mut |range| self.range_in(view.clone(), range))
    }

    /// The main revision of the last write; 1 before the first.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.shared.read().revision()
    }

    /// The oldest revision that can be read; -1: nothing was compacted yet.
    #[must_use]
    pub fn compact_revision(&self) -> i64 {
        self.shared.read().compact_revision()
    }

    /// How many bytes the store takes, about.
    #[must_use]
    pub fn db_size(&self) -> u64 {
        self.shared.read().footprint().allocated
    }

    /// How many of them hold something, about.
    #[must_use]
    pub fn db_size_in_use(&self) -> u64 {
        self.shared.read().footprint().in_use
    }

    /// How many keys exist now.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.shared.read().key_count()
    }

    /// Hashes everything that exists at `revision`; 0 or less: the newest. The same on all members, however far their
    /// compaction has come.
    ///
    /// # Errors
    /// When that revision can't be read.
    pub fn hash(&self, revision: i64) -> Result<StoreHash, ReadError> {
        let view = self.view();
        let everything = Bytes::from_static(b"\0");
        let request = RangeRequest { key: Bytes::new(), range_end: everything, revision, ..RangeRequest::default() };
        let mut scan = Scan::new(view.clone(), request)?;
        let mut hasher = Hasher::new();
        loop {
            let done = scan.advance(&self.shared.read(), SLICE_KEYS)?;
            scan.take().iter().for_each(|pair: &KeyValue| hash_key_value(&mut hasher, pair));
            if done {
                let (hash, hash_revision) = (hasher.finish(), scan.reads_at());
                let (revision, compact_revision) = (view.revision(), view.compact_revision());
                return Ok(StoreHash { hash, hash_revision, revision, compact_revision });
            }
        }
    }

    /// Drops what compaction left to drop, looking at no more than `rows_max` rows (some hundred nanoseconds each, with
    /// the lock held). True: there is more to drop at once. Applying commands does the same little by little; this is
    /// for a member that has time, and for a client that waits for a physical compaction. It changes nothing that can be
    /// read.
    #[must_use]
    pub fn sweep(&self, rows_max: usize) -> bool {
        self.shared.write().sweep(rows_max).unwrap_or_else(|error| stop(&error))
    }

    fn view(&self) -> View {
        self.shared.read().view()
    }

    fn range_in(&self, view: View, request: &RangeRequest) -> Result<RangeResponse, ReadError> {
        let mut scan = Scan::new(view, request.clone())?;
        while !scan.advance(&self.shared.read(), SLICE_KEYS)? {}
        Ok(scan.finish())
    }
}

impl RangeRead {
    /// Reads the next slice. True: all is read.
    ///
    /// # Errors
    /// When storage fails.
    pub fn advance(&mut self) -> Result<bool, ReadError> {
        self.scan.advance(&self.shared.read(), SLICE_KEYS)
    }

    /// Takes the pairs read so far, to pass a large answer on piece by piece. Only of use for an answer in the order of
    /// the keys; [`RangeRead::finish`] then gives the rest.
    #[must_use]
    pub fn take(&mut self) -> Vec<KeyValue> {
        self.scan.take()
    }

    /// The answer, from all that was read.
    #[must_use]
    pub fn finish(self) -> RangeResponse {
        self.scan.finish()
    }
}
