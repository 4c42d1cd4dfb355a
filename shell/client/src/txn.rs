//! Transactions in a few words: conditions, what to do when all hold, and what otherwise. It does not send them.

use api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use api::etcdserverpb::request_op::Request;
use api::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};
use bytes::Bytes;

/// A transaction under construction: `Txn::new().when(..).then(..).otherwise(..)`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Txn(TxnRequest);

impl Txn {
    /// One without conditions: they hold.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more condition.
    #[must_use]
    pub fn when(mut self, condition: Compare) -> Self {
        self.0.compare.push(condition.0);
        self
    }

    /// Done when all conditions hold.
    #[must_use]
    pub fn then(mut self, operation: Operation) -> Self {
        self.0.success.push(operation.0);
        self
    }

    /// Done when one does not.
    #[must_use]
    pub fn otherwise(mut self, operation: Operation) -> Self {
        self.0.failure.push(operation.0);
        self
    }

    /// Whether it can change anything.
    pub(crate) fn writes(request: &TxnRequest) -> bool {
        request.success.iter().chain(&request.failure).any(|operation| match &operation.request {
            Some(Request::RequestPut(_) | Request::RequestDeleteRange(_)) => true,
            Some(Request::RequestTxn(inner)) => Self::writes(inner),
            Some(Request::RequestRange(_)) | None => false,
        })
    }
}

impl From<Txn> for TxnRequest {
    fn from(txn: Txn) -> Self {
        txn.0
    }
}

/// A condition of a transaction: what a key is compared by, with which number or value.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare(api::etcdserverpb::Compare);

impl Compare {
    /// The key's value is this. A key that is not there has none.
    #[must_use]
    pub fn value_is(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self::new(key, CompareTarget::Value, TargetUnion::Value(value.into()), CompareResult::Equal)
    }

    /// The key was last changed at this revision: nobody wrote it since.
    #[must_use]
    pub fn unchanged_since(key: impl Into<Bytes>, mod_revision: i64) -> Self {
        Self::new(key, CompareTarget::Mod, TargetUnion::ModRevision(mod_revision), CompareResult::Equal)
    }

    /// The key was written so often since it was created.
    #[must_use]
    pub fn version_is(key: impl Into<Bytes>, version: i64) -> Self {
        Self::new(key, CompareTarget::Version, TargetUnion::Version(version), CompareResult::Equal)
    }

    /// The key is not there.
    #[must_use]
    pub fn absent(key: impl Into<Bytes>) -> Self {
        Self::new(key, CompareTarget::Create, TargetUnion::CreateRevision(0), CompareResult::Equal)
    }

    /// The key is there.
    #[must_use]
    pub fn present(key: impl Into<Bytes>) -> Self {
        Self::new(key, CompareTarget::Create, TargetUnion::CreateRevision(0), CompareResult::Greater)
    }

    fn new(key: impl Into<Bytes>, target: CompareTarget, figure: TargetUnion, result: CompareResult) -> Self {
        Self(api::etcdserverpb::Compare {
            result: result.into(),
            target: target.into(),
            key: key.into(),
            target_union: Some(figure),
            ..Default::default()
        })
    }
}

impl From<api::etcdserverpb::Compare> for Compare {
    fn from(compare: api::etcdserverpb::Compare) -> Self {
        Self(compare)
    }
}

/// What a transaction does.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation(RequestOp);

impl Operation {
    /// Sets a key.
    #[must_use]
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self::from(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() })
    }

    /// Reads a key.
    #[must_use]
    pub fn get(key: impl Into<Bytes>) -> Self {
        Self::from(RangeRequest { key: key.into(), ..RangeRequest::default() })
    }

    /// Deletes a key.
    #[must_use]
    pub fn delete(key: impl Into<Bytes>) -> Self {
        Self::from(DeleteRangeRequest { key: key.into(), ..DeleteRangeRequest::default() })
    }

    fn new(request: Request) -> Self {
        Self(RequestOp { request: Some(request) })
    }
}

impl From<PutRequest> for Operation {
    fn from(request: PutRequest) -> Self {
        Self::new(Request::RequestPut(request))
    }
}

impl From<RangeRequest> for Operation {
    fn from(request: RangeRequest) -> Self {
        Self::new(Request::RequestRange(request))
    }
}

impl From<DeleteRangeRequest> for Operation {
    fn from(request: DeleteRangeRequest) -> Self {
        Self::new(Request::RequestDeleteRange(request))
    }
}

impl From<TxnRequest> for Operation {
    fn from(request: TxnRequest) -> Self {
        Self::new(Request::RequestTxn(request))
    }
}

impl From<Txn> for Operation {
    fn from(txn: Txn) -> Self {
        Self::from(txn.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_only_reads_is_known() {
        let writes = |txn: Txn| Txn::writes(&txn.into());
        assert!(!writes(Txn::new().when(Compare::absent("a")).then(Operation::get("a"))));
        assert!(writes(Txn::new().otherwise(Operation::delete("a"))));
        assert!(writes(Txn::new().then(Txn::new().then(Operation::put("a", "1")).into())));
        assert!(!writes(Txn::new().then(Txn::new().then(Operation::get("a")).into())));
    }
}
