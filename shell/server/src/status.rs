//! The only map from what can go wrong to gRPC codes and etcd's texts. Clients compare both, so neither may change. It does
//! not know which call an error belongs to.

use node::{AlterError, MemberError, ReadError, SessionRefusal, TransferError, WriteError};
use store::{Invalid, NoSpace, ReadError as StoreReadError, Refusal};
use tonic::{Code, Status};

/// Why a request is refused or ended, in etcd's words (`etcdserver/api/v3rpc/rpctypes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A key that must be there is empty.
    EmptyKey,
    /// `ignore_value` or `ignore_lease` of a key that does not exist, or an operation of a transaction without content.
    KeyNotFound,
    /// A value beside `ignore_value`.
    ValueProvided,
    /// A lease beside `ignore_lease`.
    LeaseProvided,
    /// A transaction with more operations than allowed.
    TooManyOperations,
    /// A transaction that writes one key twice.
    DuplicateKey,
    /// An order or target of sorting that the API does not have.
    InvalidSortOption,
    /// A compare whose result or target the API does not have (etcd lets it pass).
    UnknownCompare,
    /// Metadata `client-api-version` is no text.
    InvalidClientApiVersion,
    /// The command is larger than this cluster takes.
    RequestTooLarge,
    /// The lease does not exist.
    LeaseNotFound,
    /// The store is at its quota, or the disk has no room.
    NoSpace,
    /// Too much is waiting already.
    TooManyRequests,
    /// The revision was compacted away.
    Compacted,
    /// The revision has not been reached.
    FutureRevision,
    /// No leader is known.
    NoLeader,
    /// This member is stopping.
    Stopped,
    /// Time is over. A write may still take effect.
    TimedOut,
    /// Time is over, and the leader that was asked is leader no more. A write may still take effect.
    TimedOutLeaderFailed,
    /// This member's data cannot be what its cluster agreed on.
    Corrupt,
    /// The session has ended or never began.
    SessionExpired,
    /// The session is of another cluster.
    SessionOfAnotherCluster,
    /// The client has said that it waits for no answer to this sequence.
    SequenceAcknowledged,
    /// Too many results of the session wait to be acknowledged.
    TooManyOutstanding,
    /// The metadata that name a session and a command are not all there, or not what they must be.
    BadSessionMetadata,
    /// No member has this id.
    MemberNotFound,
    /// Another member has one of these peer URLs.
    PeerUrlsExist,
    /// No peer URLs, or some that no member could be reached at.
    BadPeerUrls,
    /// Too few members have started: the change could stop the cluster, or one before it waits for a member to start.
    NotEnoughStarted,
    /// Too few members answer for the change.
    Unhealthy,
    /// It votes already.
    NotLearner,
    /// The learner lags.
    LearnerNotReady,
    /// The cluster has as many learners as it may.
    TooManyLearners,
    /// A learner serves little.
    NotForLearner,
    /// The metadata that bound a read's age are no duration.
    BadStaleness,
}

impl Error {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 35] = [
        Self::EmptyKey,
        Self::KeyNotFound,
        Self::ValueProvided,
        Self::LeaseProvided,
        Self::TooManyOperations,
        Self::DuplicateKey,
        Self::InvalidSortOption,
        Self::UnknownCompare,
        Self::InvalidClientApiVersion,
        Self::RequestTooLarge,
        Self::LeaseNotFound,
        Self::NoSpace,
        Self::TooManyRequests,
        Self::Compacted,
        Self::FutureRevision,
        Self::NoLeader,
        Self::Stopped,
        Self::TimedOut,
        Self::TimedOutLeaderFailed,
        Self::Corrupt,
        Self::SessionExpired,
        Self::SessionOfAnotherCluster,
        Self::SequenceAcknowledged,
        Self::TooManyOutstanding,
        Self::BadSessionMetadata,
        Self::MemberNotFound,
        Self::PeerUrlsExist,
        Self::BadPeerUrls,
        Self::NotEnoughStarted,
        Self::Unhealthy,
        Self::NotLearner,
        Self::LearnerNotReady,
        Self::TooManyLearners,
        Self::NotForLearner,
        Self::BadStaleness,
    ];

    /// The gRPC code that etcd answers with.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::BadPeerUrls => Code::InvalidArgument,
            Self::MemberNotFound => Code::NotFound,
            Self::Unhealthy => Code::Unavailable,
            Self::PeerUrlsExist
            | Self::NotEnoughStarted
            | Self::NotLearner
            | Self::LearnerNotReady
            | Self::TooManyLearners
            | Self::NotForLearner => Code::FailedPrecondition,
            Self::EmptyKey
            | Self::KeyNotFound
            | Self::ValueProvided
            | Self::LeaseProvided
            | Self::TooManyOperations
            | Self::DuplicateKey
            | Self::InvalidSortOption
            | Self::UnknownCompare
            | Self::InvalidClientApiVersion
            | Self::RequestTooLarge
            | Self::BadSessionMetadata
            | Self::BadStaleness => Code::InvalidArgument,
            Self::SessionExpired | Self::SessionOfAnotherCluster | Self::SequenceAcknowledged => {
                Code::FailedPrecondition
            }
            Self::LeaseNotFound => Code::NotFound,
            Self::NoSpace | Self::TooManyRequests | Self::TooManyOutstanding => Code::ResourceExhausted,
            Self::Compacted | Self::FutureRevision => Code::OutOfRange,
            Self::NoLeader | Self::Stopped | Self::TimedOut | Self::TimedOutLeaderFailed => Code::Unavailable,
            Self::Corrupt => Code::DataLoss,
        }
    }

    /// The text that etcd answers with.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::MemberNotFound => "etcdserver: member not found",
            Self::PeerUrlsExist => "etcdserver: Peer URLs already exists",
            Self::BadPeerUrls => "etcdserver: given member URLs are invalid",
            Self::NotEnoughStarted => "etcdserver: re-configuration failed due to not enough started members",
            Self::Unhealthy => "etcdserver: unhealthy cluster",
            Self::NotLearner => "etcdserver: can only promote a learner member",
            Self::LearnerNotReady => "etcdserver: can only promote a learner member which is in sync with leader",
            Self::TooManyLearners => "etcdserver: too many learner members in cluster",
            Self::NotForLearner => "etcdserver: rpc not supported for learner",
            Self::EmptyKey => "etcdserver: key is not provided",
            Self::KeyNotFound => "etcdserver: key not found",
            Self::ValueProvided => "etcdserver: value is provided",
            Self::LeaseProvided => "etcdserver: lease is provided",
            Self::TooManyOperations => "etcdserver: too many operations in txn request",
            Self::DuplicateKey => "etcdserver: duplicate key given in txn request",
            Self::InvalidSortOption => "etcdserver: invalid sort option",
            Self::UnknownCompare => "quorate: unknown result or target in a compare",
            Self::InvalidClientApiVersion => "etcdserver: invalid client api version",
            Self::RequestTooLarge => "etcdserver: request is too large",
            Self::LeaseNotFound => "etcdserver: requested lease not found",
            Self::NoSpace => "etcdserver: mvcc: database space exceeded",
            Self::TooManyRequests => "etcdserver: too many requests",
            Self::Compacted => "etcdserver: mvcc: required revision has been compacted",
            Self::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            Self::NoLeader => "etcdserver: no leader",
            Self::Stopped => "etcdserver: server stopped",
            Self::TimedOut => "etcdserver: request timed out",
            Self::TimedOutLeaderFailed => "etcdserver: request timed out, possibly due to previous leader failure",
            Self::Corrupt => "etcdserver: corrupt cluster",
            Self::SessionExpired => {
                "quorate: session expired: it ended without being renewed, or was never opened here"
            }
            Self::SessionOfAnotherCluster => "quorate: session of another cluster: open one here",
            Self::SequenceAcknowledged => "quorate: sequence acknowledged before: each is used for one command only",
            Self::TooManyOutstanding => "quorate: too many results of the session wait to be acknowledged",
            Self::BadSessionMetadata => {
                "quorate: quorate-session, quorate-sequence (from 1) and quorate-acknowledged belong together"
            }
            Self::BadStaleness => "quorate: quorate-max-staleness is a duration like 500ms, 2s or 100us",
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.text())
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NoLeader => Self::NoLeader,
            WriteError::TimedOut { leader_changed: false } => Self::TimedOut,
            WriteError::TimedOut { leader_changed: true } => Self::TimedOutLeaderFailed,
            WriteError::TooLarge => Self::RequestTooLarge,
            WriteError::Busy => Self::TooManyRequests,
            WriteError::NoSpace => Self::NoSpace,
            WriteError::Session(SessionRefusal::Expired) => Self::SessionExpired,
            WriteError::Session(SessionRefusal::Answered) => Self::SequenceAcknowledged,
            WriteError::Session(SessionRefusal::TooManyOutstanding) => Self::TooManyOutstanding,
            WriteError::Stopped => Self::Stopped,
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoLeader => Self::NoLeader,
            ReadError::TimedOut { leader_changed: false } => Self::TimedOut,
            ReadError::TimedOut { leader_changed: true } => Self::TimedOutLeaderFailed,
            ReadError::Busy => Self::TooManyRequests,
            ReadError::Stopped => Self::Stopped,
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::KeyNotProvided => Self::EmptyKey,
            Invalid::ValueProvided => Self::ValueProvided,
            Invalid::LeaseProvided => Self::LeaseProvided,
            Invalid::TooManyOperations => Self::TooManyOperations,
            Invalid::DuplicateKey => Self::DuplicateKey,
            Invalid::SortOption => Self::InvalidSortOption,
            Invalid::OperationMissing => Self::KeyNotFound,
        }
    }
}

impl From<NoSpace> for Error {
    fn from(_: NoSpace) -> Self {
        Self::NoSpace
    }
}

/// What the store refused when a command was applied.
pub(crate) fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::KeyNotFound => Error::KeyNotFound.into(),
        Refusal::Compacted { .. } => Error::Compacted.into(),
        Refusal::FutureRevision { .. } => Error::FutureRevision.into(),
        Refusal::BadCommand(_) => unmapped(refusal),
    }
}

/// Why the store could not be read.
pub(crate) fn unread(error: StoreReadError) -> Status {
    match error {
        StoreReadError::Compacted { .. } => Error::Compacted.into(),
        StoreReadError::FutureRevision { .. } => Error::FutureRevision.into(),
        StoreReadError::Storage(_) => unmapped(error),
    }
}

/// Why the membership is not changed, in etcd's words where it has some.
pub(crate) fn not_altered(error: AlterError) -> Status {
    match error {
        AlterError::NotMember(_) => Error::MemberNotFound.into(),
        AlterError::NotLearner(_) => Error::NotLearner.into(),
        AlterError::Lagging { .. } => Error::LearnerNotReady.into(),
        AlterError::Waiting(_) | AlterError::Refused(raft::Refusal::NoVoters) => Error::NotEnoughStarted.into(),
        AlterError::Refused(raft::Refusal::LosesQuorum { .. }) => Error::Unhealthy.into(),
        AlterError::NotNow | AlterError::Changed | AlterError::Refused(_) => {
            Status::failed_precondition(format!("quorate: {error}"))
        }
    }
}

/// The same for whatever comes of asking the leader.
pub(crate) fn no_answer(error: MemberError) -> Status {
    match error {
        MemberError::Refused(error) => not_altered(error),
        MemberError::NoLeader => Error::NoLeader.into(),
        MemberError::TimedOut { leader_changed: false } => Error::TimedOut.into(),
        MemberError::TimedOut { leader_changed: true } => Error::TimedOutLeaderFailed.into(),
        MemberError::Busy => Error::TooManyRequests.into(),
        MemberError::Stopped => Error::Stopped.into(),
    }
}

/// Something that etcd has no text for: it says itself what happened, under the code that etcd uses then.
pub(crate) fn unmapped(error: impl std::fmt::Display) -> Status {
    Status::unknown(format!("quorate: {error}"))
}

/// The state machine answered a command with the answer to another kind of command.
pub(crate) fn wrong_answer(command: &str) -> Status {
    unmapped(format!("the store answered a {command} with something else: members of different versions?"))
}

/// Why the leadership was not handed over. etcd waits for a target that it can't reach, and then says that its time is over.
pub(crate) fn not_transferred(error: TransferError) -> Status {
    match error {
        TransferError::NotLeader { .. } => Status::failed_precondition("etcdserver: not leader"),
        TransferError::NotVoter(_) => Status::failed_precondition("etcdserver: bad leader transferee"),
        TransferError::TimedOut | TransferError::Unreachable(_) => {
            Status::unknown("etcdserver: request timed out, leader transfer took too long")
        }
        TransferError::InProgress(_) => unmapped(error),
        TransferError::Stopped => Error::Stopped.into(),
    }
}

/// A call of the API that this member does not serve (yet).
pub(crate) fn not_served(call: &str) -> Status {
    Status::unimplemented(format!("quorate: {call} is not served yet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code number and text, written out once more, so that neither changes by accident.
    const TABLE: [(Error, i32, &str); 35] = [
        (Error::EmptyKey, 3, "etcdserver: key is not provided"),
        (Error::KeyNotFound, 3, "etcdserver: key not found"),
        (Error::ValueProvided, 3, "etcdserver: value is provided"),
        (Error::LeaseProvided, 3, "etcdserver: lease is provided"),
        (Error::TooManyOperations, 3, "etcdserver: too many operations in txn request"),
        (Error::DuplicateKey, 3, "etcdserver: duplicate key given in txn request"),
        (Error::InvalidSortOption, 3, "etcdserver: invalid sort option"),
        (Error::UnknownCompare, 3, "quorate: unknown result or target in a compare"),
        (Error::InvalidClientApiVersion, 3, "etcdserver: invalid client api version"),
        (Error::RequestTooLarge, 3, "etcdserver: request is too large"),
        (Error::LeaseNotFound, 5, "etcdserver: requested lease not found"),
        (Error::NoSpace, 8, "etcdserver: mvcc: database space exceeded"),
        (Error::TooManyRequests, 8, "etcdserver: too many requests"),
        (Error::Compacted, 11, "etcdserver: mvcc: required revision has been compacted"),
        (Error::FutureRevision, 11, "etcdserver: mvcc: required revision is a future revision"),
        (Error::NoLeader, 14, "etcdserver: no leader"),
        (Error::Stopped, 14, "etcdserver: server stopped"),
        (Error::TimedOut, 14, "etcdserver: request timed out"),
        (Error::TimedOutLeaderFailed, 14, "etcdserver: request timed out, possibly due to previous leader failure"),
        (Error::Corrupt, 15, "etcdserver: corrupt cluster"),
        (
            Error::SessionExpired,
            9,
            "quorate: session expired: it ended without being renewed, or was never opened here",
        ),
        (Error::SessionOfAnotherCluster, 9, "quorate: session of another cluster: open one here"),
        (Error::SequenceAcknowledged, 9, "quorate: sequence acknowledged before: each is used for one command only"),
        (Error::TooManyOutstanding, 8, "quorate: too many results of the session wait to be acknowledged"),
        (
            Error::BadSessionMetadata,
            3,
            "quorate: quorate-session, quorate-sequence (from 1) and quorate-acknowledged belong together",
        ),
        (Error::MemberNotFound, 5, "etcdserver: member not found"),
        (Error::PeerUrlsExist, 9, "etcdserver: Peer URLs already exists"),
        (Error::BadPeerUrls, 3, "etcdserver: given member URLs are invalid"),
        (Error::NotEnoughStarted, 9, "etcdserver: re-configuration failed due to not enough started members"),
        (Error::Unhealthy, 14, "etcdserver: unhealthy cluster"),
        (Error::NotLearner, 9, "etcdserver: can only promote a learner member"),
        (Error::LearnerNotReady, 9, "etcdserver: can only promote a learner member which is in sync with leader"),
        (Error::TooManyLearners, 9, "etcdserver: too many learner members in cluster"),
        (Error::NotForLearner, 9, "etcdserver: rpc not supported for learner"),
        (Error::BadStaleness, 3, "quorate: quorate-max-staleness is a duration like 500ms, 2s or 100us"),
    ];

    #[test]
    fn every_error_has_etcds_code_and_text() {
        assert_eq!(TABLE.map(|(error, ..)| error), Error::ALL);
        for (error, code, text) in TABLE {
            let status = Status::from(error);
            assert_eq!((status.code() as i32, status.message()), (code, text), "{error:?}");
        }
    }

    #[test]
    fn what_a_member_refuses_has_its_error() {
        let writes = [
            (WriteError::NoLeader, Error::NoLeader),
            (WriteError::TimedOut { leader_changed: false }, Error::TimedOut),
            (WriteError::TimedOut { leader_changed: true }, Error::TimedOutLeaderFailed),
            (WriteError::TooLarge, Error::RequestTooLarge),
            (WriteError::Busy, Error::TooManyRequests),
            (WriteError::NoSpace, Error::NoSpace),
            (WriteError::Session(SessionRefusal::Expired), Error::SessionExpired),
            (WriteError::Session(SessionRefusal::Answered), Error::SequenceAcknowledged),
            (WriteError::Session(SessionRefusal::TooManyOutstanding), Error::TooManyOutstanding),
            (WriteError::Stopped, Error::Stopped),
        ];
        for (from, to) in writes {
            assert_eq!(Error::from(from), to);
        }
        let reads = [
            (ReadError::NoLeader, Error::NoLeader),
            (ReadError::TimedOut { leader_changed: false }, Error::TimedOut),
            (ReadError::TimedOut { leader_changed: true }, Error::TimedOutLeaderFailed),
            (ReadError::Busy, Error::TooManyRequests),
            (ReadError::Stopped, Error::Stopped),
        ];
        for (from, to) in reads {
            assert_eq!(Error::from(from), to);
        }
    }
}
