//! What clients ask and are told, in words. It knows nothing of why.

use bytes::Bytes;
use replica::{Reply, SessionAct};
use store::{Command, CompareTarget, RequestOp, TxnRequest};

use super::Body;
use crate::run::Mode;

pub(super) fn describe(body: &Body) -> String {
    match body {
        Body::Write(payload) => match Command::decode(payload.clone()) {
            Ok(Command::Put(put)) => format!("put {} {}", text(&put.key), text(&put.value)),
            Ok(Command::DeleteRange(delete)) => format!("delete {}", text(&delete.key)),
            Ok(Command::Txn(txn)) => exchange(&txn).unwrap_or_else(|| "txn".into()),
            Ok(Command::Compact { revision }) => format!("compact {revision}"),
            Err(error) => error.to_string(),
        },
        Body::Read(range) => format!("get {}", text(&range.key)),
        Body::Session(SessionAct::Open { ttl, .. }) => format!("open a session for {ttl} ms"),
        Body::Session(SessionAct::KeepAlive(session)) => format!("keep session {}", session.index),
        Body::Session(SessionAct::Close(session)) => format!("close session {}", session.index),
    }
}

/// A transaction that puts one value in the place of another, which is all that a script asks for.
fn exchange(txn: &TxnRequest) -> Option<String> {
    let ([compare], [RequestOp::Put(put)], []) =
        (txn.compare.as_slice(), txn.success.as_slice(), txn.failure.as_slice())
    else {
        return None;
    };
    let CompareTarget::Value(from) = &compare.target else { return None };
    Some(format!("cas {} {} {}", text(&compare.key), text(from), text(&put.value)))
}

pub(super) fn suffix(mode: Mode) -> String {
    match mode {
        Mode::Linearizable => String::new(),
        Mode::Lease => " by lease".into(),
        Mode::Bounded { staleness } => format!(" not older than {staleness} µs"),
        Mode::Serializable => " as it is there".into(),
    }
}

pub(super) fn told(reply: &Reply) -> String {
    match reply {
        Reply::Written { position, .. } => format!("done, {position}"),
        Reply::Readable(index) => format!("readable from {index} on"),
        Reply::Transferred(leader) => format!("{leader} leads"),
        Reply::Refused(refusal) => format!("refused, {refusal:?}"),
        Reply::Member(Ok(_)) => "the membership as it is now".into(),
        Reply::Member(Err(error)) => format!("refused, {error}"),
    }
}

pub(super) fn pairs(answer: &store::RangeResponse) -> String {
    let pair = |pair: &store::KeyValue| format!("{}={}", text(&pair.key), text(&pair.value));
    let all: Vec<String> = answer.kvs.iter().map(pair).collect();
    if all.is_empty() { "nothing".into() } else { all.join(" ") }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes.get(..40).unwrap_or(bytes)).into_owned()
}
