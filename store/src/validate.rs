//! Whether a request makes sense at all: pure functions over the request, asked before it is proposed or read. The order
//! of the checks is etcd's, since clients see the first that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use mvcc::{DeleteRangeRequest, KeyRange, PutRequest, RangeRequest, RequestOp, TxnRequest};

/// What a request may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Conditions, or operations in one branch, of a transaction; one inside another has what its parent leaves
    /// (etcd: `--max-txn-ops`).
    pub txn_operations_max: usize,
}

/// Why a request makes no sense. The server knows etcd's text for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// The key is empty.
    KeyNotProvided,
    /// A value is given, and the present one is to be kept.
    ValueProvided,
    /// A lease is given, and the present one is to be kept.
    LeaseProvided,
    /// More conditions or operations than [`Limits::txn_operations_max`].
    TooManyOperations,
    /// One path through a transaction puts a key twice, or puts and deletes it.
    DuplicateKey,
    /// A number stands for no sort order or target. Found where a request is read from the wire.
    SortOption,
    /// An operation of a transaction says nothing. Found where a request is read from the wire.
    OperationMissing,
}

impl Default for Limits {
    fn default() -> Self {
        Self { txn_operations_max: 128 }
    }
}

/// Whether a range makes sense.
///
/// # Errors
/// Says what does not.
pub fn validate_range(request: &RangeRequest) -> Result<(), Invalid> {
    key_given(&request.key)
}

/// Whether a put makes sense.
///
/// # Errors
/// Says what does not.
pub fn validate_put(request: &PutRequest) -> Result<(), Invalid> {
    key_given(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Invalid::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Invalid::LeaseProvided);
    }
    Ok(())
}

/// Whether a delete makes sense.
///
/// # Errors
/// Says what does not.
pub fn validate_delete_range(request: &DeleteRangeRequest) -> Result<(), Invalid> {
    key_given(&request.key)
}

/// Whether a transaction makes sense, both branches of it, and all inside.
///
/// # Errors
/// Says what does not.
pub fn validate_txn(request: &TxnRequest, limits: Limits) -> Result<(), Invalid> {
    operations(request, limits.txn_operations_max, 1)?;
    Written::by(&request.success)?;
    Written::by(&request.failure)?;
    Ok(())
}

fn key_given(key: &Bytes) -> Result<(), Invalid> {
    if key.is_empty() { Err(Invalid::KeyNotProvided) } else { Ok(()) }
}

fn operations(request: &TxnRequest, left: usize, depth: usize) -> Result<(), Invalid> {
    let widest = request.compare.len().max(request.success.len()).max(request.failure.len());
    // A command nested deeper can't be decoded again; the limit on operations is the one that clients know.
    if widest > left || depth > crate::codec::DEPTH_MAX {
        return Err(Invalid::TooManyOperations);
    }
    request.compare.iter().try_for_each(|compare| key_given(&compare.key))?;
    request.success.iter().chain(&request.failure).try_for_each(|op| match op {
        RequestOp::Range(range) => validate_range(range),
        RequestOp::Put(put) => validate_put(put),
        RequestOp::DeleteRange(delete) => validate_delete_range(delete),
        RequestOp::Txn(inner) => operations(inner, left - widest, depth + 1),
    })
}

/// What a branch may write, with all inside it.
#[derive(Default)]
struct Written<'a> {
    puts: BTreeSet<&'a [u8]>,
    deletes: Ranges<'a>,
}

impl<'a> Written<'a> {
    /// Deletes may overlap each other. The branches of one inner transaction may overlap too, since only one runs; what
    /// stands beside them may not.
    fn by(branch: &'a [RequestOp]) -> Result<Self, Invalid> {
        let mut written = Self::default();
        for op in branch {
            if let RequestOp::DeleteRange(delete) = op {
                written.deletes.add(&delete.key, &delete.range_end);
            }
        }
        for op in branch {
            if let RequestOp::Txn(inner) = op {
                written.join(Self::by(&inner.success)?, Self::by(&inner.failure)?)?;
            }
        }
        for op in branch {
            if let RequestOp::Put(put) = op {
                written.deletes.spare(&put.key)?;
                if !written.puts.insert(&put.key) {
                    return Err(Invalid::DuplicateKey);
                }
            }
        }
        Ok(written)
    }

    /// Takes in what the two branches of an inner transaction write.
    fn join(&mut self, success: Self, failure: Self) -> Result<(), Invalid> {
        for key in success.puts.union(&failure.puts) {
            self.deletes.spare(key)?;
            if self.puts.contains(key) {
                return Err(Invalid::DuplicateKey);
            }
        }
        self.puts.extend(success.puts);
        self.puts.extend(failure.puts);
        self.deletes.join(success.deletes);
        self.deletes.join(failure.deletes);
        Ok(())
    }
}

/// Single keys, and ranges from a first key to the key behind the last, joined where they touch.
#[derive(Default)]
struct Ranges<'a> {
    single: BTreeSet<&'a [u8]>,
    wide: BTreeMap<&'a [u8], &'a [u8]>,
}

impl<'a> Ranges<'a> {
    fn add(&mut self, key: &'a [u8], range_end: &'a [u8]) {
        match KeyRange::new(key, range_end) {
            KeyRange::One(key) => drop(self.single.insert(key)),
            KeyRange::Between(first, end) => self.add_wide(first, end),
            // etcd takes an end of `\0` literally here, as lying before every key, so clients may put beside such a delete.
            KeyRange::From(_) | KeyRange::Empty => {}
        }
    }

    fn add_wide(&mut self, mut first: &'a [u8], mut end: &'a [u8]) {
        if let Some((&before, &its_end)) = self.wide.range(..=first).next_back()
            && its_end >= first
        {
            (first, end) = (before, its_end.max(end));
        }
        while let Some((&next, &its_end)) = self.wide.range(first..).next()
            && next <= end
        {
            self.wide.remove(next);
            end = its_end.max(end);
        }
        self.wide.insert(first, end);
    }

    fn join(&mut self, other: Self) {
        self.single.extend(other.single);
        other.wide.into_iter().for_each(|(first, end)| self.add_wide(first, end));
    }

    /// That `key` is not among them.
    fn spare(&self, key: &[u8]) -> Result<(), Invalid> {
        let in_wide = self.wide.range(..=key).next_back().is_some_and(|(_, &end)| key < end);
        if in_wide || self.single.contains(key) { Err(Invalid::DuplicateKey) } else { Ok(()) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyNotProvided => "a key is empty: give one",
            Self::ValueProvided => "a value is given though the present one is to be kept: leave it out",
            Self::LeaseProvided => "a lease is given though the present one is to be kept: leave it out",
            Self::TooManyOperations => "the transaction has too many conditions or operations: split it",
            Self::DuplicateKey => "one path through the transaction puts a key twice, or puts and deletes it",
            Self::SortOption => "a sort order or target is unknown",
            Self::OperationMissing => "an operation of the transaction says nothing",
        })
    }
}

impl std::error::Error for Invalid {}
