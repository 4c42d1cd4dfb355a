//! Who is asked, in which order, and what may be asked again of the next one: never a write that may have taken effect.
//!
//! Knows connections and gRPC codes; does not know what is asked.

use std::time::Duration;

use thiserror::Error;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use crate::url::Url;

/// A member on the same network answers a connection at once.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// Longer than a member may take (five seconds and two election timeouts), so that its own words arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// What a member says when it turned a request away, before anything was replicated, that another may serve.
const ANOTHER_MAY: [&str; 2] = ["etcdserver: no leader", "etcdserver: rpc not supported for learner"];

/// A refusal for good under a code that otherwise leaves everything open.
const UNHEALTHY: &str = "etcdserver: unhealthy cluster";

/// Members to ask, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints(pub(crate) Vec<Url>);

/// Whether asking twice can do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes nothing.
    Read,
    /// Changes something, maybe without telling.
    Write,
    /// Changes who are members, likewise.
    Members,
}

impl Kind {
    /// Where to look whether it took effect.
    fn look_with(self) -> &'static str {
        match self {
            Self::Read | Self::Write => "quorate ctl get",
            Self::Members => "quorate ctl member list",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Failure {
    /// The member refused, for good.
    #[error("{message} (from {endpoint})")]
    Refused {
        /// Who.
        endpoint: Url,
        /// In its words.
        message: String,
    },
    /// A write went out and no answer came.
    #[error(
        "{message} (from {endpoint}); whether the write took effect is unknown, and it was not sent again: look with `{look_with}`"
    )]
    Unknown {
        /// Who was asked.
        endpoint: Url,
        /// What happened.
        message: String,
        /// The command that shows it.
        look_with: &'static str,
    },
    /// Nobody could be reached, or nobody could answer.
    #[error("no member answered: {}", tried.join("; "))]
    Nobody {
        /// Each endpoint and what became of it.
        tried: Vec<String>,
    },
    /// What is asked for can't be: nobody was asked to do anything.
    #[error("{0}")]
    Choice(String),
    /// Standard input can't be read.
    #[error("standard input can't be read: {0}")]
    StandardInput(String),
    /// What was asked for can't be.
    #[error("{0}")]
    Input(String),
}

/// What an error means for the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Ask,
    StopRefused,
    StopUnknown,
}

impl Endpoints {
    /// Reads `HOST:PORT,..`, each with or without `http://`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let with_scheme = |part: &str| match part.trim() {
            part if part.contains("://") => part.to_owned(),
            part => format!("http://{part}"),
        };
        let urls: Result<Vec<Url>, _> = text.split(',').map(|part| Url::parse(&with_scheme(part))).collect();
        urls.map(Self).map_err(|error| error.to_string())
    }

    /// Asks one after the other until one answers.
    pub(crate) async fn ask<T, F, R>(&self, kind: Kind, request: R) -> Result<T, Failure>
    where
        R: Fn(Channel) -> F,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut tried = Vec::new();
        for endpoint in &self.0 {
            let channel = match connect(endpoint).await {
                Ok(channel) => channel,
                Err(reason) => {
                    tried.push(format!("{endpoint}: {reason}"));
                    continue;
                }
            };
            let status = match request(channel).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let message = words(&status);
            match next(kind, &status) {
                Next::Ask => tried.push(format!("{endpoint}: {message}")),
                Next::StopRefused => return Err(Failure::Refused { endpoint: endpoint.clone(), message }),
                Next::StopUnknown => {
                    let look_with = kind.look_with();
                    return Err(Failure::Unknown { endpoint: endpoint.clone(), message, look_with });
                }
            }
        }
        Err(Failure::Nobody { tried })
    }
}

/// Opens a connection now, so that a failure here means that nothing was sent.
pub(crate) async fn connect(endpoint: &Url) -> Result<Channel, String> {
    let address = Endpoint::from_shared(endpoint.to_string()).map_err(|error| error.to_string())?;
    let address = address.connect_timeout(CONNECT_TIME).timeout(REQUEST_TIME).tcp_nodelay(true);
    // The outer limit also covers a host that accepts and then says nothing.
    match tokio::time::timeout(CONNECT_TIME, address.connect()).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(deepest(&error)),
        Err(_) => Err("no connection within two seconds".to_owned()),
    }
}

/// The words of an error for a person.
pub(crate) fn words(status: &Status) -> String {
    let cause = std::error::Error::source(status).map(deepest);
    match (status.message(), cause) {
        ("", None) => status.code().to_string(),
        ("" | "transport error", Some(cause)) => cause,
        (message, _) => message.to_owned(),
    }
}

fn next(kind: Kind, status: &Status) -> Next {
    let refused_for_good = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
            | Code::Unauthenticated
    );
    match kind {
        _ if ANOTHER_MAY.contains(&status.message()) => Next::Ask,
        _ if refused_for_good || status.message() == UNHEALTHY => Next::StopRefused,
        Kind::Read => Next::Ask,
        Kind::Write | Kind::Members => Next::StopUnknown,
    }
}

/// The cause at the bottom: "Connection refused", not "transport error".
fn deepest(error: &dyn std::error::Error) -> String {
    let mut bottom = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn endpoints_come_with_or_without_a_scheme() {
        let endpoints = Endpoints::parse("127.0.0.1:1, http://n2:2,[::1]:3").expect("endpoints");
        assert_eq!(
            endpoints.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["http://127.0.0.1:1", "http://n2:2", "http://[::1]:3"]
        );
        for (text, part) in [("", "port"), ("127.0.0.1", "port"), ("https://a:1", "TLS"), ("a:1,,b:2", "port")] {
            assert!(Endpoints::parse(text).expect_err(text).contains(part), "{text}");
        }
    }

    #[test]
    fn a_write_is_only_asked_again_when_it_was_surely_not_done() {
        for (code, message, read, write) in [
            (Code::Unavailable, "etcdserver: no leader", Next::Ask, Next::Ask),
            (Code::FailedPrecondition, "etcdserver: rpc not supported for learner", Next::Ask, Next::Ask),
            (Code::Unavailable, "etcdserver: unhealthy cluster", Next::StopRefused, Next::StopRefused),
            (Code::Unavailable, "etcdserver: request timed out", Next::Ask, Next::StopUnknown),
            (Code::Unavailable, "transport error", Next::Ask, Next::StopUnknown),
            (Code::DeadlineExceeded, "", Next::Ask, Next::StopUnknown),
            (Code::Cancelled, "Timeout expired", Next::Ask, Next::StopUnknown),
            (Code::Internal, "h2 protocol error", Next::Ask, Next::StopUnknown),
            (Code::Unknown, "", Next::Ask, Next::StopUnknown),
            (Code::InvalidArgument, "etcdserver: key is not provided", Next::StopRefused, Next::StopRefused),
            (
                Code::OutOfRange,
                "etcdserver: mvcc: required revision has been compacted",
                Next::StopRefused,
                Next::StopRefused,
            ),
            (
                Code::ResourceExhausted,
                "etcdserver: mvcc: database space exceeded",
                Next::StopRefused,
                Next::StopRefused,
            ),
        ] {
            let status = Status::new(code, message);
            assert_eq!((next(Kind::Read, &status), next(Kind::Write, &status)), (read, write), "{code:?} {message}");
            assert_eq!(next(Kind::Members, &status), write, "{code:?} {message}");
        }
    }
}
