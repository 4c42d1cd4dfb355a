//! What a call may end with when it does not end well. The first question after any error is whether the request took effect,
//! so every error answers it. It does not know how that was found out.

use std::fmt;

use thiserror::Error;
use tonic::Code;

/// Whether a request that ended with an error took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did not, and never will. A read always ends so.
    NotApplied,
    /// It did; only its answer can't be used.
    Applied,
    /// Nobody can say: it may have, and it may yet.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApplied => "the request was not applied",
            Self::Applied => "the request was applied",
            Self::Unknown => "whether the request took effect is unknown",
        })
    }
}

/// Why a call ended without its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The cluster refuses this request, now and later; asking elsewhere changes nothing.
    Refused {
        /// The gRPC code that it was refused with.
        code: Code,
        /// In the words of the member.
        message: String,
    },
    /// A write without a session was sent and its answer did not come. It is not sent again, lest it takes effect twice.
    Interrupted {
        /// What came instead.
        message: String,
    },
    /// No member gave the answer within [`Config::request_time`](crate::Config::request_time).
    OutOfTime,
    /// No member was there, and [`Config::patience`](crate::Config::patience) is over.
    Nobody,
    /// The session ended while the write was under way, and nobody remembers any more what became of it.
    SessionLost,
    /// The members do not serve sessions: they are no Quorate, or an older one.
    NoSessions,
    /// The endpoint answers for another cluster than the one that this client met first.
    OtherCluster {
        /// The id of the cluster that this client met.
        met: u64,
        /// The id that came with the answer.
        came: u64,
    },
}

/// What one endpoint said, or what became of the connection to it, the last time that it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// As in `http://127.0.0.1:2379`.
    pub endpoint: String,
    /// In its words, or the system's.
    pub message: String,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.message)
    }
}

/// A call that ended without its answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Error {
    /// Whether the request took effect all the same.
    pub outcome: Outcome,
    /// What ended the call.
    pub reason: Reason,
    /// The endpoints that were tried, the last one last.
    pub tried: Vec<Tried>,
}

impl Error {
    /// The member's code, when it refused the request.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match &self.reason {
            Reason::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    fn everyone(&self) -> String {
        let words: Vec<String> = self.tried.iter().map(ToString::to_string).collect();
        if words.is_empty() { "no endpoint was tried".to_owned() } else { words.join("; ") }
    }

    fn last(&self) -> &str {
        self.tried.last().map_or("nobody", |tried| &tried.endpoint)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Refused { message, .. } => write!(f, "{message} (from {})", self.last())?,
            Reason::Interrupted { message } => {
                write!(f, "{message} (from {}), and it was not sent again", self.last())?;
            }
            Reason::OutOfTime => write!(f, "no answer in time: {}", self.everyone())?,
            Reason::Nobody => write!(f, "no member answered: {}", self.everyone())?,
            Reason::SessionLost => write!(f, "the session ended while the request was under way: {}", self.everyone())?,
            Reason::NoSessions => {
                write!(f, "{} serves no exactly-once sessions: ask a Quorate that does, or do without", self.last())?;
            }
            Reason::OtherCluster { met, came } => write!(
                f,
                "{} answers for cluster {came:x}, this client met cluster {met:x} first: give it endpoints of one cluster",
                self.last()
            )?,
        }
        if self.outcome == Outcome::NotApplied { Ok(()) } else { write!(f, "; {}", self.outcome) }
    }
}

/// Why a text names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// None was given.
    #[error("give at least one endpoint, as in 127.0.0.1:2379")]
    None,
    /// It asks for TLS.
    #[error("{0:?} asks for TLS, which this client does not speak yet; use http:// on a trusted network")]
    Tls(String),
    /// It is no `HOST:PORT`.
    #[error("{0:?} is no endpoint: it must be HOST:PORT or http://HOST:PORT")]
    Malformed(String),
}
