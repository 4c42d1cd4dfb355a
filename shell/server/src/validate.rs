//! What makes a request invalid before anyone is asked, in etcd's order: the first rule that is broken is the one that the
//! client is told. It does not look at the store.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use crate::api::etcdserverpb::range_request::{SortOrder, SortTarget};
use crate::api::etcdserverpb::request_op::Request;
use crate::api::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};
use crate::status::Error;

pub(crate) fn range(request: &RangeRequest) -> Result<(), Error> {
    if request.key.is_empty() {
        return Err(Error::EmptyKey);
    }
    if SortOrder::try_from(request.sort_order).is_err() || SortTarget::try_from(request.sort_target).is_err() {
        return Err(Error::InvalidSortOption);
    }
    Ok(())
}

pub(crate) fn put(request: &PutRequest) -> Result<(), Error> {
    if request.key.is_empty() {
        return Err(Error::EmptyKey);
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(Error::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Error::LeaseProvided);
    }
    Ok(())
}

pub(crate) fn delete_range(request: &DeleteRangeRequest) -> Result<(), Error> {
    if request.key.is_empty() { Err(Error::EmptyKey) } else { Ok(()) }
}

/// Both branches are held to the rules, though only one of them will run.
pub(crate) fn txn(request: &TxnRequest, ops_max: usize) -> Result<(), Error> {
    txn_form(request, ops_max)?;
    writes_of(&request.success)?;
    writes_of(&request.failure)?;
    Ok(())
}

/// Counts and the form of every part. A nested transaction has what its parent leaves: so the depth is bounded too.
fn txn_form(request: &TxnRequest, ops_max: usize) -> Result<(), Error> {
    let operations = request.compare.len().max(request.success.len()).max(request.failure.len());
    if operations > ops_max {
        return Err(Error::TooManyOperations);
    }
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(Error::EmptyKey);
    }
    for operation in request.success.iter().chain(&request.failure) {
        match &operation.request {
            Some(Request::RequestRange(request)) => range(request)?,
            Some(Request::RequestPut(request)) => put(request)?,
            Some(Request::RequestDeleteRange(request)) => delete_range(request)?,
            Some(Request::RequestTxn(request)) => txn_form(request, ops_max - operations)?,
            None => return Err(Error::KeyNotFound),
        }
    }
    Ok(())
}

/// The keys that one branch may write: each at most once.
#[derive(Default)]
struct Writes<'a> {
    puts: HashSet<&'a Bytes>,
    deletes: Intervals<'a>,
}

/// Collects what a branch writes, and refuses a key that it writes twice. The order of the checks is etcd's: the branch's
/// own deletes stand first, then come nested transactions one after the other (the two branches of one may overlap, as only
/// one runs), last the branch's own puts.
fn writes_of(operations: &[RequestOp]) -> Result<Writes<'_>, Error> {
    let mut writes = Writes::default();
    for operation in operations {
        if let Some(Request::RequestDeleteRange(delete)) = &operation.request {
            writes.deletes.insert_range(&delete.key, &delete.range_end);
        }
    }
    for operation in operations {
        if let Some(Request::RequestTxn(nested)) = &operation.request {
            let success = writes_of(&nested.success)?;
            let failure = writes_of(&nested.failure)?;
            let duplicate = |key: &&Bytes| writes.puts.contains(*key) || writes.deletes.contains(key);
            if success.puts.iter().any(duplicate) || failure.puts.iter().any(duplicate) {
                return Err(Error::DuplicateKey);
            }
            writes.puts.extend(success.puts.into_iter().chain(failure.puts));
            writes.deletes.absorb(success.deletes);
            writes.deletes.absorb(failure.deletes);
        }
    }
    for operation in operations {
        if let Some(Request::RequestPut(put)) = &operation.request {
            if writes.deletes.contains(&put.key) || !writes.puts.insert(&put.key) {
                return Err(Error::DuplicateKey);
            }
        }
    }
    Ok(writes)
}

/// Half-open intervals of keys, kept apart from each other, so that a request full of deletes stays cheap to check. The end
/// is as the request has it: `\0` ("from the key on") ends before every key, so such a delete overlaps nothing here. So it
/// is in etcd.
#[derive(Default)]
struct Intervals<'a> {
    /// First key to the interval's end. They neither overlap nor touch.
    ends: BTreeMap<&'a [u8], End<'a>>,
}

/// Where an interval ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End<'a> {
    /// Keys before this one are inside.
    before: &'a [u8],
    /// And so is this key itself: the interval of a single key.
    and_it: bool,
}

impl End<'_> {
    /// `key` is not past this end.
    fn holds(&self, key: &[u8]) -> bool {
        key < self.before || (self.and_it && key == self.before)
    }
}

impl<'a> Intervals<'a> {
    fn insert_range(&mut self, key: &'a Bytes, range_end: &'a Bytes) {
        let end = if range_end.is_empty() {
            End { before: key, and_it: true }
        } else {
            End { before: range_end, and_it: false }
        };
        self.insert(key, end);
    }

    fn insert(&mut self, begin: &'a [u8], end: End<'a>) {
        if !end.holds(begin) {
            return;
        }
        let (mut begin, mut end) = (begin, end);
        if let Some((&earlier, &earlier_end)) = self.ends.range(..=begin).next_back()
            && (earlier_end.holds(begin) || earlier_end.before == begin)
        {
            begin = earlier;
            end = end.max(earlier_end);
        }
        while let Some((&later, &later_end)) = self.ends.range(begin..).next()
            && (end.holds(later) || end.before == later)
        {
            self.ends.remove(later);
            end = end.max(later_end);
        }
        self.ends.insert(begin, end);
    }

    fn absorb(&mut self, other: Self) {
        for (begin, end) in other.ends {
            self.insert(begin, end);
        }
    }

    fn contains(&self, key: &[u8]) -> bool {
        self.ends.range(..=key).next_back().is_some_and(|(_, end)| end.holds(key))
    }
}
