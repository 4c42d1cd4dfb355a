//! What etcd's own checks let through and what they refuse, request by request (seen on etcd 3.5).

use bytes::Bytes;
use quorate_store::{
    Compare, CompareResult, CompareTarget, DEPTH_MAX, DeleteRangeRequest, Invalid, Limits, PutRequest, RangeRequest,
    RequestOp, TxnRequest, validate_delete_range, validate_put, validate_range, validate_txn,
};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn put(key: &'static str) -> RequestOp {
    RequestOp::Put(PutRequest { key: text(key), value: text("v"), ..PutRequest::default() })
}

fn get(key: &'static str) -> RequestOp {
    RequestOp::Range(RangeRequest { key: text(key), ..RangeRequest::default() })
}

fn delete(key: &'static str, range_end: &'static str) -> RequestOp {
    RequestOp::DeleteRange(DeleteRangeRequest { key: text(key), range_end: text(range_end), prev_kv: false })
}

fn txn(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { compare: Vec::new(), success, failure }
}

fn inner(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> RequestOp {
    RequestOp::Txn(txn(success, failure))
}

fn condition(key: &'static str) -> Compare {
    let (result, target) = (CompareResult::Equal, CompareTarget::Version(0));
    Compare { key: text(key), range_end: Bytes::new(), result, target }
}

fn check(success: Vec<RequestOp>) -> Result<(), Invalid> {
    let on_success = validate_txn(&txn(success.clone(), Vec::new()), Limits::default());
    let on_failure = validate_txn(&txn(Vec::new(), success), Limits::default());
    assert_eq!(on_success, on_failure, "both branches are checked, whichever runs");
    on_success
}

#[test]
fn keys_must_be_given() {
    assert_eq!(validate_range(&RangeRequest::default()), Err(Invalid::KeyNotProvided));
    assert_eq!(validate_put(&PutRequest::default()), Err(Invalid::KeyNotProvided));
    assert_eq!(validate_delete_range(&DeleteRangeRequest::default()), Err(Invalid::KeyNotProvided));
    for op in [get(""), put(""), delete("", "z"), inner(vec![get("")], Vec::new())] {
        assert_eq!(check(vec![op]), Err(Invalid::KeyNotProvided));
    }
    let request = TxnRequest { compare: vec![condition("a"), condition("")], ..TxnRequest::default() };
    assert_eq!(validate_txn(&request, Limits::default()), Err(Invalid::KeyNotProvided));
}

#[test]
fn what_is_kept_must_not_be_given() {
    let keep = PutRequest { key: text("a"), ignore_value: true, ignore_lease: true, ..PutRequest::default() };
    assert_eq!(validate_put(&keep), Ok(()));
    let with_value = PutRequest { value: text("v"), ..keep.clone() };
    let with_lease = PutRequest { lease: 1, ..keep };
    assert_eq!(validate_put(&with_value), Err(Invalid::ValueProvided));
    assert_eq!(validate_put(&with_lease), Err(Invalid::LeaseProvided));
    assert_eq!(check(vec![RequestOp::Put(with_value)]), Err(Invalid::ValueProvided));
}

#[test]
fn one_path_writes_a_key_once() {
    let refused = Err(Invalid::DuplicateKey);
    assert_eq!(check(vec![put("a"), put("b")]), Ok(()));
    assert_eq!(check(vec![put("a"), put("a")]), refused);
    assert_eq!(check(vec![put("k"), delete("k", "")]), refused);
    assert_eq!(check(vec![delete("k", ""), put("k")]), refused);
    assert_eq!(check(vec![put("k"), delete("a", "z")]), refused);
    assert_eq!(check(vec![put("z"), delete("a", "z")]), Ok(()), "the end is not deleted");
    assert_eq!(check(vec![put("k"), delete("z", "a")]), Ok(()), "nothing is deleted");
    assert_eq!(check(vec![put("k"), delete("a", "\0")]), Ok(()), "etcd takes this end literally");
    assert_eq!(check(vec![delete("a", ""), delete("a", ""), delete("a", "z"), delete("b", "c")]), Ok(()));
    assert_eq!(check(vec![put("a"), get("a"), get("a")]), Ok(()));
}

#[test]
fn inner_transactions_are_counted_with_what_stands_beside_them() {
    let refused = Err(Invalid::DuplicateKey);
    assert_eq!(check(vec![inner(vec![put("n")], vec![put("n")])]), Ok(()), "only one of them runs");
    assert_eq!(check(vec![inner(vec![delete("n", "")], vec![put("n")])]), Ok(()));
    assert_eq!(check(vec![delete("n", ""), inner(Vec::new(), vec![put("n")])]), refused);
    assert_eq!(check(vec![put("n"), inner(Vec::new(), vec![put("n")])]), refused);
    assert_eq!(check(vec![inner(vec![put("n")], Vec::new()), inner(Vec::new(), vec![put("n")])]), refused);
    assert_eq!(check(vec![inner(vec![delete("m", "o")], Vec::new()), inner(vec![put("n")], Vec::new())]), refused);
    assert_eq!(check(vec![inner(vec![delete("m", "o")], Vec::new()), put("n")]), refused);
    let put_then_delete = vec![inner(vec![put("n")], Vec::new()), inner(vec![delete("n", "")], Vec::new())];
    assert_eq!(check(put_then_delete), Ok(()), "the other way round etcd looks, this way it does not");
    assert_eq!(check(vec![inner(vec![inner(vec![put("n")], Vec::new())], Vec::new()), put("n")]), refused);
}

#[test]
fn deletes_that_touch_are_one() {
    let deletes = || vec![delete("a", "c"), delete("m", "o"), delete("b", "m"), delete("x", "y"), delete("bb", "d")];
    for (key, expected) in
        [("a", false), ("c", false), ("n", false), ("o", true), ("p", true), ("x", false), ("y", true)]
    {
        let mut ops = deletes();
        ops.push(put(key));
        assert_eq!(check(ops).is_ok(), expected, "{key}");
    }
}

#[test]
fn operations_are_counted_and_inner_ones_have_what_is_left() {
    let refused = Err(Invalid::TooManyOperations);
    assert_eq!(check(vec![get("a"); 128]), Ok(()));
    assert_eq!(check(vec![get("a"); 129]), refused);
    let request = TxnRequest { compare: vec![condition("a"); 129], ..TxnRequest::default() };
    assert_eq!(validate_txn(&request, Limits::default()), refused);
    let with_inner = |beside: usize| {
        let mut ops = vec![get("a"); beside];
        ops.push(inner(vec![get("a")], Vec::new()));
        ops
    };
    assert_eq!(check(with_inner(126)), Ok(()));
    assert_eq!(check(with_inner(127)), refused);
    assert_eq!(validate_txn(&txn(vec![get("a"); 3], Vec::new()), Limits { txn_operations_max: 2 }), refused);
    let limits = Limits { txn_operations_max: 100_000 };
    let nested = |depth: usize| {
        (1..depth).fold(txn(Vec::new(), Vec::new()), |txn, _| TxnRequest {
            success: vec![RequestOp::Txn(txn)],
            ..TxnRequest::default()
        })
    };
    assert_eq!(validate_txn(&nested(DEPTH_MAX), limits), Ok(()));
    assert_eq!(validate_txn(&nested(DEPTH_MAX + 1), limits), refused, "what can't be decoded is not proposed");
}

#[test]
fn the_first_thing_wrong_is_the_one_told() {
    let many = TxnRequest { compare: vec![condition("")], ..txn(vec![put(""); 129], Vec::new()) };
    assert_eq!(validate_txn(&many, Limits::default()), Err(Invalid::TooManyOperations));
    let keys = TxnRequest { compare: vec![condition("")], ..txn(vec![put("a"), put("a")], Vec::new()) };
    assert_eq!(validate_txn(&keys, Limits::default()), Err(Invalid::KeyNotProvided));
}
