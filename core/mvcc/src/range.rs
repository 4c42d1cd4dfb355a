//! Reading a range, in slices: a scan holds the view that it reads and how far it came, the store is lent to it for one
//! slice at a time.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::backend::Backend;
use crate::error::ReadError;
use crate::key_range::KeyRange;
use crate::request::{RangeRequest, SortOrder, SortTarget};
use crate::response::{KeyValue, RangeResponse};
use crate::revision::Revision;
use crate::row::Row;
use crate::store::Store;
use crate::view::View;

/// A range being read. All of it is read at one revision, whatever the store does between two slices.
#[derive(Debug)]
pub struct Scan {
    request: RangeRequest,
    view: View,
    /// The revision that is read.
    at: i64,
    /// Pairs beyond so many need not be fetched.
    fetch_max: usize,
    /// The last key that was visited.
    after: Option<Bytes>,
    kvs: Vec<KeyValue>,
    fetched: usize,
    count: i64,
    done: bool,
}

impl Scan {
    /// Begins to read what `request` asks for, as `view` sees it.
    ///
    /// # Errors
    /// When the revision asked for can't be read.
    pub fn new(view: View, request: RangeRequest) -> Result<Self, ReadError> {
        let at = view.resolve(request.revision)?;
        let fetch_max = fetch_max(&request);
        Ok(Self { request, view, at, fetch_max, after: None, kvs: Vec::new(), fetched: 0, count: 0, done: false })
    }

    /// The revision that is read.
    #[must_use]
    pub fn reads_at(&self) -> i64 {
        self.at
    }

    /// Reads on in `store`, from which the view was taken, visiting at most `keys_max` keys (at least one). True: all is
    /// read.
    ///
    /// # Errors
    /// When storage fails.
    pub fn advance<B: Backend>(&mut self, store: &Store<B>, keys_max: usize) -> Result<bool, ReadError> {
        if self.done {
            return Ok(true);
        }
        let Self { request, at, fetch_max, after, kvs, fetched, count, .. } = self;
        let range = KeyRange::new(&request.key, &request.range_end);
        let mut left = keys_max.max(1);
        let mut stopped_at = None;
        for (key, history) in store.index.keys(range, after.as_deref()) {
            if left == 0 {
                break;
            }
            left -= 1;
            if left == 0 {
                stopped_at = Some(Bytes::copy_from_slice(key));
            }
            let Some(revision) = history.at(*at) else { continue };
            *count += 1;
            if *fetched < *fetch_max && may_keep(request, revision) {
                let pair = store.backend.row(revision).map(|row: Row| row.into_key_value(revision.main))?;
                if keep(request, &pair) {
                    kvs.push(pair);
                    *fetched += 1;
                }
            }
        }
        self.done = stopped_at.is_none();
        self.after = stopped_at;
        Ok(self.done)
    }

    /// Takes what was read since the last time, for whoever passes a large answer on piece by piece. Only of use when the
    /// answer is in the order of the keys; [`Scan::finish`] then gives the rest.
    #[must_use]
    pub fn take(&mut self) -> Vec<KeyValue> {
        std::mem::take(&mut self.kvs)
    }

    /// The answer, ordered and cut as asked for, from all that was read.
    #[must_use]
    pub fn finish(self) -> RangeResponse {
        let Self { request, view, mut kvs, count, fetched, fetch_max, .. } = self;
        sort(&mut kvs, &request);
        let mut more = false;
        if let Some(limit) = limit(&request) {
            // Where reading stopped at the limit itself, the count tells whether there was more.
            more = !request.count_only && (fetched > limit || fetch_max == limit && count > request.limit);
            kvs.truncate(limit);
        }
        if request.keys_only {
            kvs.iter_mut().for_each(|pair| pair.value = Bytes::new());
        }
        RangeResponse { revision: view.revision(), kvs, more, count }
    }
}

fn limit(request: &RangeRequest) -> Option<usize> {
    usize::try_from(request.limit).ok().filter(|&limit| limit > 0)
}

/// How many pairs are needed for the answer. With an order or a filter: all of them. Otherwise the first in the order of
/// the keys, up to the limit; also when another target is given without an order. Then etcd reads one pair more, orders
/// what it has and cuts it, and so do we, since clients can see the difference.
fn fetch_max(request: &RangeRequest) -> usize {
    let filters =
        [request.min_mod_revision, request.max_mod_revision, request.min_create_revision, request.max_create_revision];
    match (limit(request), request.sort_order, request.sort_target) {
        _ if request.count_only => 0,
        (None, ..) => usize::MAX,
        _ if filters != [0; 4] => usize::MAX,
        (Some(limit), SortOrder::None | SortOrder::Ascend, SortTarget::Key) => limit,
        (Some(limit), SortOrder::None, _) => limit.saturating_add(1),
        _ => usize::MAX,
    }
}

/// What the mod revision filters say; that needs no row.
fn may_keep(request: &RangeRequest, revision: Revision) -> bool {
    (request.min_mod_revision == 0 || revision.main >= request.min_mod_revision)
        && (request.max_mod_revision == 0 || revision.main <= request.max_mod_revision)
}

/// What the create revision filters say.
fn keep(request: &RangeRequest, pair: &KeyValue) -> bool {
    (request.min_create_revision == 0 || pair.create_revision >= request.min_create_revision)
        && (request.max_create_revision == 0 || pair.create_revision <= request.max_create_revision)
}

/// Pairs that are equal in the target stay in the order of their keys. (etcd's sort promises nothing about them.)
fn sort(kvs: &mut [KeyValue], request: &RangeRequest) {
    match (request.sort_order, request.sort_target) {
        (SortOrder::None | SortOrder::Ascend, SortTarget::Key) => {}
        (SortOrder::None | SortOrder::Ascend, target) => kvs.sort_by(|a, b| compare(a, b, target)),
        (SortOrder::Descend, SortTarget::Key) => kvs.reverse(),
        (SortOrder::Descend, target) => kvs.sort_by(|a, b| compare(b, a, target)),
    }
}

fn compare(a: &KeyValue, b: &KeyValue, target: SortTarget) -> Ordering {
    match target {
        SortTarget::Key => a.key.cmp(&b.key),
        SortTarget::Version => a.version.cmp(&b.version),
        SortTarget::CreateRevision => a.create_revision.cmp(&b.create_revision),
        SortTarget::ModRevision => a.mod_revision.cmp(&b.mod_revision),
        SortTarget::Value => a.value.cmp(&b.value),
    }
}
