//! Commands and outcomes as bytes: what goes in comes out, in one spelling; everything else is refused with a reason.
#![allow(clippy::unwrap_used, reason = "this is all test")]

use bytes::Bytes;
use proptest::prelude::*;
use quorate_store::{
    Command, Compare, CompareResult, CompareTarget, DEPTH_MAX, DecodeError, DeleteRangeRequest, DeleteRangeResponse,
    KeyValue, Outcome, PutRequest, PutResponse, RangeRequest, RangeResponse, Refusal, RequestOp, Response, ResponseOp,
    SortOrder, SortTarget, TxnRequest, TxnResponse,
};

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from)
}

fn put() -> impl Strategy<Value = PutRequest> {
    (bytes(), bytes(), any::<i64>(), any::<(bool, bool, bool)>()).prop_map(|(key, value, lease, flags)| PutRequest {
        key,
        value,
        lease,
        prev_kv: flags.0,
        ignore_value: flags.1,
        ignore_lease: flags.2,
    })
}

fn delete() -> impl Strategy<Value = DeleteRangeRequest> {
    (bytes(), bytes(), any::<bool>()).prop_map(|(key, range_end, prev_kv)| DeleteRangeRequest {
        key,
        range_end,
        prev_kv,
    })
}

fn range() -> impl Strategy<Value = RangeRequest> {
    let order = prop::sample::select(vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend]);
    let target = prop::sample::select(vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::CreateRevision,
        SortTarget::ModRevision,
        SortTarget::Value,
    ]);
    (bytes(), bytes(), any::<[i64; 6]>(), any::<(bool, bool)>(), order, target).prop_map(
        |(key, range_end, numbers, (keys_only, count_only), sort_order, sort_target)| RangeRequest {
            key,
            range_end,
            limit: numbers[0],
            revision: numbers[1],
            sort_order,
            sort_target,
            keys_only,
            count_only,
            min_mod_revision: numbers[2],
            max_mod_revision: numbers[3],
            min_create_revision: numbers[4],
            max_create_revision: numbers[5],
        },
    )
}

fn compare() -> impl Strategy<Value = Compare> {
    let results = vec![CompareResult::Equal, CompareResult::Greater, CompareResult::Less, CompareResult::NotEqual];
    let target = prop_oneof![
        any::<i64>().prop_map(CompareTarget::Version),
        any::<i64>().prop_map(CompareTarget::CreateRevision),
        any::<i64>().prop_map(CompareTarget::ModRevision),
        any::<i64>().prop_map(CompareTarget::Lease),
        bytes().prop_map(CompareTarget::Value),
    ];
    (bytes(), bytes(), prop::sample::select(results), target).prop_map(|(key, range_end, result, target)| Compare {
        key,
        range_end,
        result,
        target,
    })
}

fn txn() -> impl Strategy<Value = TxnRequest> {
    let leaf = prop_oneof![
        put().prop_map(RequestOp::Put),
        delete().prop_map(RequestOp::DeleteRange),
        range().prop_map(RequestOp::Range),
    ];
    let op = leaf.prop_recursive(3, 12, 3, |inner| {
        let ops = || prop::collection::vec(inner.clone(), 0..3);
        (prop::collection::vec(compare(), 0..3), ops(), ops())
            .prop_map(|(compare, success, failure)| RequestOp::Txn(TxnRequest { compare, success, failure }))
    });
    let ops = || prop::collection::vec(op.clone(), 0..4);
    (prop::collection::vec(compare(), 0..3), ops(), ops()).prop_map(|(compare, success, failure)| TxnRequest {
        compare,
        success,
        failure,
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        put().prop_map(Command::Put),
        delete().prop_map(Command::DeleteRange),
        txn().prop_map(Command::Txn),
        any::<i64>().prop_map(|revision| Command::Compact { revision }),
    ]
}

fn pair() -> impl Strategy<Value = KeyValue> {
    (bytes(), bytes(), any::<[i64; 4]>()).prop_map(|(key, value, numbers)| KeyValue {
        key,
        create_revision: numbers[0],
        mod_revision: numbers[1],
        version: numbers[2],
        value,
        lease: numbers[3],
    })
}

fn put_response() -> impl Strategy<Value = PutResponse> {
    (any::<i64>(), prop::option::of(pair())).prop_map(|(revision, prev_kv)| PutResponse { revision, prev_kv })
}

fn delete_response() -> impl Strategy<Value = DeleteRangeResponse> {
    (any::<i64>(), any::<i64>(), prop::collection::vec(pair(), 0..3))
        .prop_map(|(revision, deleted, prev_kvs)| DeleteRangeResponse { revision, deleted, prev_kvs })
}

fn txn_response() -> impl Strategy<Value = TxnResponse> {
    let range = (any::<i64>(), prop::collection::vec(pair(), 0..3), any::<bool>(), any::<i64>())
        .prop_map(|(revision, kvs, more, count)| RangeResponse { revision, kvs, more, count });
    let leaf = prop_oneof![
        range.prop_map(ResponseOp::Range),
        put_response().prop_map(ResponseOp::Put),
        delete_response().prop_map(ResponseOp::DeleteRange),
    ];
    let op = leaf.prop_recursive(2, 8, 3, |inner| {
        (any::<bool>(), prop::collection::vec(inner, 0..3))
            .prop_map(|(succeeded, responses)| ResponseOp::Txn(TxnResponse { revision: 0, succeeded, responses }))
    });
    (any::<i64>(), any::<bool>(), prop::collection::vec(op, 0..4))
        .prop_map(|(revision, succeeded, responses)| TxnResponse { revision, succeeded, responses })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let refusal = prop_oneof![
        Just(Refusal::KeyNotFound),
        any::<(i64, i64)>()
            .prop_map(|(requested, compact_revision)| Refusal::Compacted { requested, compact_revision }),
        any::<(i64, i64)>().prop_map(|(requested, revision)| Refusal::FutureRevision { requested, revision }),
        "[a-z ]{0,20}".prop_map(Refusal::BadCommand),
    ];
    let result = prop_oneof![
        put_response().prop_map(|response| Ok(Response::Put(response))),
        delete_response().prop_map(|response| Ok(Response::DeleteRange(response))),
        txn_response().prop_map(|response| Ok(Response::Txn(response))),
        Just(Ok(Response::Compact)),
        refusal.prop_map(Err),
    ];
    (any::<i64>(), result).prop_map(|(revision, result)| Outcome { revision, result })
}

proptest! {
    #[test]
    fn commands_come_back_and_every_cut_is_noticed(command in command()) {
        let encoded = command.encode();
        prop_assert_eq!(Command::decode(encoded.clone()), Ok(command));
        for end in 0..encoded.len() {
            prop_assert_eq!(Command::decode(encoded.slice(..end)), Err(DecodeError::Truncated), "cut at {}", end);
        }
    }

    #[test]
    fn outcomes_come_back_and_every_cut_is_noticed(outcome in outcome()) {
        let encoded = outcome.encode();
        prop_assert_eq!(Outcome::decode(encoded.clone()), Ok(outcome));
        for end in 0..encoded.len() {
            prop_assert_eq!(Outcome::decode(encoded.slice(..end)), Err(DecodeError::Truncated), "cut at {}", end);
        }
    }

    /// A changed command is refused or is another command; it has no second spelling that members could differ about.
    #[test]
    fn a_command_has_one_spelling(command in command(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut changed = command.encode().to_vec();
        let place = place.index(changed.len());
        changed[place] ^= 1 << bit;
        let changed = Bytes::from(changed);
        if let Ok(other) = Command::decode(changed.clone()) {
            prop_assert_ne!(&other, &command);
            prop_assert_eq!(other.encode(), changed);
        }
    }

    #[test]
    fn noise_is_refused_or_is_what_it_would_be_written_as(kind in 0..6_u8, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let noise = Bytes::from([&[1, kind], noise.as_slice()].concat());
        if let Ok(command) = Command::decode(noise.clone()) {
            prop_assert_eq!(command.encode(), noise.clone());
        }
        let _ = Outcome::decode(noise);
    }
}

#[test]
fn keys_and_values_are_slices_of_what_was_decoded() {
    let put = PutRequest { key: Bytes::from_static(b"key"), value: vec![7; 100].into(), ..PutRequest::default() };
    let encoded = Command::Put(put).encode();
    let Ok(Command::Put(decoded)) = Command::decode(encoded.clone()) else { panic!("a put") };
    let inside = encoded.as_ptr_range();
    assert!(inside.contains(&decoded.key.as_ptr()) && inside.contains(&decoded.value.as_ptr()));
}

#[test]
fn what_is_wrong_is_said() {
    let decode = |bytes: &'static [u8]| Command::decode(Bytes::from_static(bytes));
    assert_eq!(decode(b""), Err(DecodeError::Truncated));
    assert_eq!(decode(&[2, 1]), Err(DecodeError::Version(2)));
    assert_eq!(decode(&[1, 99]), Err(DecodeError::Unknown("kind of command")));
    assert_eq!(decode(&[1, 1, 0xf8]), Err(DecodeError::Unknown("flag of a put")));
    assert_eq!(decode(&[1, 4, 2, 0]), Err(DecodeError::TrailingBytes));
    assert_eq!(decode(&[1, 4, 0x80, 0]), Err(DecodeError::Unknown("spelling of a number")));
    assert_eq!(decode(&[1, 2, 0, 0xff, 0xff, 0xff, 0x7f]), Err(DecodeError::Truncated), "a key of 256 MiB");
    assert_eq!(decode(&[1, 3, 0xff, 0xff, 0xff, 0x7f]), Err(DecodeError::Truncated), "a list of 268 million");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let inner = |txn, _| TxnRequest { success: vec![RequestOp::Txn(txn)], ..TxnRequest::default() };
        Command::Txn((1..depth).fold(TxnRequest::default(), inner))
    };
    assert_eq!(Command::decode(nested(DEPTH_MAX).encode()), Ok(nested(DEPTH_MAX)));
    assert_eq!(Command::decode(nested(DEPTH_MAX + 1).encode()), Err(DecodeError::TooDeep));
    // Much deeper than any stack: each level is one list of one transaction.
    let mut deep = vec![1, 3];
    (0..1_000_000).for_each(|_| deep.extend_from_slice(&[0, 1, 4]));
    assert_eq!(Command::decode(deep.into()), Err(DecodeError::TooDeep));
}
