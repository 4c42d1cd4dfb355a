//! Transactions (etcd API, `Txn`). In three steps: all conditions, those of inner transactions too, are judged on the
//! store as it was; then everything on the chosen path that could fail is checked; only then is anything written. So a
//! transaction is done whole or not at all, and on every member alike.

use std::cmp::Ordering;

use crate::backend::Backend;
use crate::error::{ReadError, WriteError};
use crate::request::{Compare, CompareResult, CompareTarget, RangeRequest, RequestOp, TxnRequest};
use crate::response::{KeyValue, RangeResponse, ResponseOp, TxnResponse};
use crate::store::Store;
use crate::write::Changes;

/// How a range is read: by the store itself, or by a reader that takes a lock for each slice.
pub(crate) type ReadRange<'a> = dyn FnMut(&RangeRequest) -> Result<RangeResponse, ReadError> + 'a;

/// For each transaction, in the order in which they run, whether its conditions held; and the next of them.
struct Path {
    held: Vec<bool>,
    next: usize,
}

/// A transaction that can't write.
#[derive(Debug, Clone, Copy)]
pub struct ReadOnlyTxn<'a>(&'a TxnRequest);

impl<'a> ReadOnlyTxn<'a> {
    /// `None` if `request` could write, in whichever branch.
    #[must_use]
    pub fn new(request: &'a TxnRequest) -> Option<Self> {
        request.is_read_only().then_some(Self(request))
    }
}

/// Runs a transaction that only reads. `range` must read everything at one moment, at which the store stood at
/// `revision`.
///
/// # Errors
/// Those of `range`.
pub fn read_txn(
    request: ReadOnlyTxn<'_>,
    revision: i64,
    range: &mut dyn FnMut(&RangeRequest) -> Result<RangeResponse, ReadError>,
) -> Result<TxnResponse, ReadError> {
    let mut path = Path::judge(request.0, range)?;
    let response = read_branch(request.0, &mut path, range)?;
    Ok(TxnResponse { revision, ..response })
}

fn read_branch(request: &TxnRequest, path: &mut Path, range: &mut ReadRange<'_>) -> Result<TxnResponse, ReadError> {
    let (succeeded, branch) = path.step(request);
    let mut responses = Vec::with_capacity(branch.len());
    for op in branch {
        match op {
            RequestOp::Range(request) => responses.push(ResponseOp::Range(range(request)?)),
            RequestOp::Txn(inner) => responses.push(ResponseOp::Txn(read_branch(inner, path, range)?)),
            RequestOp::Put(_) | RequestOp::DeleteRange(_) => {
                unreachable!("`ReadOnlyTxn::new` looked at every operation")
            }
        }
    }
    Ok(TxnResponse { revision: 0, succeeded, responses })
}

impl<B: Backend> Store<B> {
    /// Runs a transaction. It makes a revision only if it changed anything.
    ///
    /// # Errors
    /// When a range on its path can't be read, or a put on it keeps the value or lease of a key that does not exist:
    /// nothing is written then.
    pub fn txn(&mut self, request: &TxnRequest) -> Result<TxnResponse, WriteError> {
        let mut path = Path::judge(request, &mut |range| self.range(range))?;
        // All puts before all ranges, as etcd does: clients see which comes first.
        for check in [Self::check_put_op, Self::check_range_op] {
            self.check_branch(request, &mut path, check)?;
            path.next = 0;
        }
        let mut changes = self.begin();
        let response = self.run_branch(request, &mut path, &mut changes)?;
        self.end(&changes);
        Ok(TxnResponse { revision: self.revision, ..response })
    }

    fn check_branch(
        &self,
        request: &TxnRequest,
        path: &mut Path,
        check: fn(&Self, &RequestOp) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        path.step(request).1.iter().try_for_each(|op| match op {
            RequestOp::Txn(inner) => self.check_branch(inner, path, check),
            RequestOp::Range(_) | RequestOp::Put(_) | RequestOp::DeleteRange(_) => check(self, op),
        })
    }

    fn check_put_op(&self, op: &RequestOp) -> Result<(), WriteError> {
        if let RequestOp::Put(put) = op { self.check_put(put) } else { Ok(()) }
    }

    fn check_range_op(&self, op: &RequestOp) -> Result<(), WriteError> {
        let RequestOp::Range(range) = op else { return Ok(()) };
        Ok(self.view().resolve(range.revision).map(drop)?)
    }

    fn run_branch(
        &mut self,
        request: &TxnRequest,
        path: &mut Path,
        changes: &mut Changes,
    ) -> Result<TxnResponse, WriteError> {
        let (succeeded, branch) = path.step(request);
        let mut responses = Vec::with_capacity(branch.len());
        for op in branch {
            responses.push(match op {
                RequestOp::Range(range) => {
                    let view = self.epochs.view(self.revision_with(changes));
                    ResponseOp::Range(self.range_in(view, range)?)
                }
                RequestOp::Put(put) => ResponseOp::Put(self.put_in(changes, put)?),
                RequestOp::DeleteRange(delete) => ResponseOp::DeleteRange(self.delete_range_in(changes, delete)?),
                RequestOp::Txn(inner) => ResponseOp::Txn(self.run_branch(inner, path, changes)?),
            });
        }
        Ok(TxnResponse { revision: 0, succeeded, responses })
    }
}

impl Path {
    /// Judges `request` and all inner transactions on its path.
    fn judge(request: &TxnRequest, range: &mut ReadRange<'_>) -> Result<Self, ReadError> {
        let mut path = Vec::new();
        judge(request, &mut path, range)?;
        Ok(Self { held: path, next: 0 })
    }

    /// Whether the conditions of `request`, which is the next to run, held, and the branch that follows.
    fn step<'a>(&mut self, request: &'a TxnRequest) -> (bool, &'a [RequestOp]) {
        let held = self.held[self.next];
        self.next += 1;
        (held, branch(request, held))
    }
}

fn branch(request: &TxnRequest, held: bool) -> &[RequestOp] {
    if held { &request.success } else { &request.failure }
}

fn judge(request: &TxnRequest, path: &mut Vec<bool>, range: &mut ReadRange<'_>) -> Result<(), ReadError> {
    let mut held = true;
    for compare in &request.compare {
        held = held && holds(compare, range)?;
    }
    path.push(held);
    for op in branch(request, held) {
        if let RequestOp::Txn(inner) = op {
            judge(inner, path, range)?;
        }
    }
    Ok(())
}

/// Whether a condition holds for all keys of its range. No key at all counts as one that has 0 everywhere, except that
/// its value satisfies nothing: there is no telling a missing value from an empty one.
fn holds(condition: &Compare, range: &mut ReadRange<'_>) -> Result<bool, ReadError> {
    let (key, range_end) = (condition.key.clone(), condition.range_end.clone());
    let kvs = range(&RangeRequest { key, range_end, ..RangeRequest::default() })?.kvs;
    if kvs.is_empty() {
        let on_value = matches!(condition.target, CompareTarget::Value(_));
        return Ok(!on_value && pair_holds(condition, &KeyValue::default()));
    }
    Ok(kvs.iter().all(|pair| pair_holds(condition, pair)))
}

fn pair_holds(condition: &Compare, pair: &KeyValue) -> bool {
    let order = match &condition.target {
        CompareTarget::Version(version) => pair.version.cmp(version),
        CompareTarget::CreateRevision(revision) => pair.create_revision.cmp(revision),
        CompareTarget::ModRevision(revision) => pair.mod_revision.cmp(revision),
        CompareTarget::Value(value) => pair.value.cmp(value),
        CompareTarget::Lease(lease) => pair.lease.cmp(lease),
    };
    match condition.result {
        CompareResult::Equal => order == Ordering::Equal,
        CompareResult::Greater => order == Ordering::Greater,
        CompareResult::Less => order == Ordering::Less,
        CompareResult::NotEqual => order != Ordering::Equal,
    }
}
