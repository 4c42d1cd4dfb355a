//! The only map from what came back to what it means for a request: whether it may have taken effect, and whether asking
//! again helps. It does not know what was asked.

use std::error::Error as _;

use tonic::{Code, ConnectError, Status};

/// What an error says about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It never left: there was no connection.
    NotSent,
    /// The member turned it away before anything was replicated; it would take it at another time.
    NotNow,
    /// Refused, and would be again.
    Refused,
    /// Nothing was done, for the session is gone.
    SessionGone,
    /// It may have been done, or may yet be.
    Unknown,
}

/// Texts of refusals that promise that nothing was, or ever will be, applied, though not always the code says so.
const NOT_NOW: [&str; 3] =
    ["etcdserver: no leader", "etcdserver: too many requests", "etcdserver: rpc not supported for learner"];
/// How the refusal of a command begins that must wait for answers to earlier ones.
const TOO_MANY_OUTSTANDING: &str = "quorate: too many";
/// How every refusal about a session begins.
const SESSION: [&str; 3] =
    ["quorate: session expired", "quorate: unknown session", "quorate: session of another cluster"];

/// Judges an error of one attempt.
pub(crate) fn judge(status: &Status) -> Verdict {
    if status.source().is_some() {
        return if was_never_connected(status) { Verdict::NotSent } else { Verdict::Unknown };
    }
    let begins = |start: &str| status.message().starts_with(start);
    match status.code() {
        _ if NOT_NOW.contains(&status.message()) => Verdict::NotNow,
        Code::ResourceExhausted if begins(TOO_MANY_OUTSTANDING) => Verdict::NotNow,
        Code::FailedPrecondition if SESSION.into_iter().any(begins) => Verdict::SessionGone,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => Verdict::Refused,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Verdict::Unknown,
    }
}

/// Refusals of what a command says, and of what it met when it was applied: the same at every member.
const OF_EVERY_COPY: [&str; 6] = [
    "etcdserver: key is not provided",
    "etcdserver: key not found",
    "etcdserver: value is provided",
    "etcdserver: lease is provided",
    "etcdserver: duplicate key given in txn request",
    "etcdserver: invalid sort option",
];

/// Whether a refusal answers a command, whichever copy of it was the first. Any other refusal is about this copy only: it may
/// come of this moment, or of the settings of this member (how large a request may be, say).
pub(crate) fn refuses_every_copy(status: &Status) -> bool {
    status.code() == Code::OutOfRange || OF_EVERY_COPY.contains(&status.message())
}

/// The words of an error for a person.
pub(crate) fn words(status: &Status) -> String {
    let cause = status.source().map(deepest);
    match (status.message(), cause) {
        ("", None) => status.code().to_string(),
        (_, Some(cause)) => cause,
        (message, None) => message.to_owned(),
    }
}

fn was_never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The cause at the bottom: "Connection refused", not "transport error".
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut bottom = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn only_what_promises_so_counts_as_not_done() {
        for (code, message, verdict) in [
            (Code::Unavailable, "etcdserver: no leader", Verdict::NotNow),
            (Code::ResourceExhausted, "etcdserver: too many requests", Verdict::NotNow),
            (Code::ResourceExhausted, "quorate: too many outstanding", Verdict::NotNow),
            (Code::FailedPrecondition, "etcdserver: rpc not supported for learner", Verdict::NotNow),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", Verdict::Refused),
            (Code::FailedPrecondition, "quorate: session expired: s7", Verdict::SessionGone),
            (Code::FailedPrecondition, "quorate: unknown session s7", Verdict::SessionGone),
            (Code::FailedPrecondition, "quorate: session of another cluster", Verdict::SessionGone),
            (Code::FailedPrecondition, "etcdserver: anything", Verdict::Refused),
            (Code::InvalidArgument, "etcdserver: key is not provided", Verdict::Refused),
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", Verdict::Refused),
            (Code::Unavailable, "etcdserver: request timed out", Verdict::Unknown),
            (Code::Unavailable, "etcdserver: server stopped", Verdict::Unknown),
            (Code::Unavailable, "", Verdict::Unknown),
            (Code::DeadlineExceeded, "", Verdict::Unknown),
            (Code::Cancelled, "Timeout expired", Verdict::Unknown),
            (Code::Internal, "h2 protocol error", Verdict::Unknown),
            (Code::Unknown, "", Verdict::Unknown),
            (Code::DataLoss, "etcdserver: corrupt cluster", Verdict::Unknown),
        ] {
            assert_eq!(judge(&Status::new(code, message)), verdict, "{code:?} {message}");
        }
    }

    #[test]
    fn settings_of_one_member_do_not_speak_for_the_others() {
        for (code, message, of_every_copy) in [
            (Code::InvalidArgument, "etcdserver: key not found", true),
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", true),
            (Code::InvalidArgument, "etcdserver: request is too large", false),
            (Code::InvalidArgument, "etcdserver: too many operations in txn request", false),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", false),
            (Code::Unimplemented, "quorate: Compact is not served yet", false),
        ] {
            assert_eq!(refuses_every_copy(&Status::new(code, message)), of_every_copy, "{message}");
        }
    }

    #[test]
    fn what_never_left_is_told_from_what_broke_on_the_way() {
        let of = |error: Box<dyn std::error::Error + Send + Sync>| Status::from_error(error);
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(judge(&of(Box::new(ConnectError(Box::new(refused()))))), Verdict::NotSent);
        let mut broken = Status::unknown("transport error");
        broken.set_source(Arc::new(refused()));
        assert_eq!(judge(&broken), Verdict::Unknown);
    }

    #[test]
    fn words_are_those_of_the_deepest_cause() {
        let mut broken = Status::unknown("transport error");
        broken.set_source(Arc::new(std::io::Error::other("the cable was cut")));
        assert_eq!(words(&broken), "the cable was cut");
        assert_eq!(words(&Status::unavailable("etcdserver: no leader")), "etcdserver: no leader");
        assert_eq!(words(&Status::unavailable("")), Code::Unavailable.to_string());
    }
}
