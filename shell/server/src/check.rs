//! Whether a request may go on to the member: the quota first, then what makes it invalid, as etcd orders them. What a valid
//! request is, the store knows; this room only asks it, and adds what holds while no leases are served.

use store::{
    Command, Limits, Quota, RangeRequest, Reader, RequestOp, TxnRequest, validate_delete_range, validate_put,
    validate_range, validate_txn,
};

use crate::status::Error;

/// A write, before it is proposed.
pub(crate) fn write(command: &Command, quota: Quota, limits: Limits, reader: &Reader) -> Result<(), Error> {
    quota.admit(command, reader)?;
    match command {
        Command::Put(request) => {
            validate_put(request)?;
            no_lease(request.lease)
        }
        Command::DeleteRange(request) => Ok(validate_delete_range(request)?),
        Command::Txn(request) => {
            txn(request, limits)?;
            no_leases(&request.success)?;
            no_leases(&request.failure)
        }
        Command::Compact { .. } => Ok(()),
    }
}

/// A range, before it is read.
pub(crate) fn range(request: &RangeRequest) -> Result<(), Error> {
    Ok(validate_range(request)?)
}

/// A transaction, before it is read or proposed.
pub(crate) fn txn(request: &TxnRequest, limits: Limits) -> Result<(), Error> {
    Ok(validate_txn(request, limits)?)
}

/// No lease can be granted yet, so none exists.
fn no_lease(lease: i64) -> Result<(), Error> {
    if lease == 0 { Ok(()) } else { Err(Error::LeaseNotFound) }
}

fn no_leases(branch: &[RequestOp]) -> Result<(), Error> {
    branch.iter().try_for_each(|operation| match operation {
        RequestOp::Put(request) => no_lease(request.lease),
        RequestOp::Txn(inner) => no_leases(&inner.success).and_then(|()| no_leases(&inner.failure)),
        RequestOp::Range(_) | RequestOp::DeleteRange(_) => Ok(()),
    })
}
