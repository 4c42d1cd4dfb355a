//! A client of Quorate, or of anything that serves the etcd v3 API.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use quorate_client::{Client, Config};
//!
//! let client = Client::with(["127.0.0.1:2379"], Config::exactly_once())?;
//! client.put("greeting", "hello").await?;
//! let row = client.get("greeting").await?.expect("it was just put");
//! assert_eq!(row.value, "hello");
//! client.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it takes off your hands
//!
//! - **Finding the cluster.** One endpoint is enough: the members say where the others are, and who leads. Every endpoint is
//!   looked at before anything is sent to it, so one that answers for another cluster is never used.
//! - **Asking again.** A member that is down, cut off, hanging or without a leader is left for another one, with growing pauses
//!   and some chance in them. A read is asked again until [`Config::request_time`] is over.
//! - **Asking again without doing twice.** A write is sent again by itself only when that can't apply it twice: because the
//!   first copy surely never left, because a member promised that it will never take effect, or because the write carries the
//!   number of an exactly-once session ([`Config::exactly_once`]): then the cluster itself tells copies from the first.
//! - **Saying what is.** Every error has an [`Outcome`]: the request was not applied, was applied, or nobody can say.
//!
//! # Sessions
//!
//! With [`Config::exactly_once`] the first write opens a session, which the client keeps alive in the background, and which
//! [`Client::close`] ends. Each write has the session's name and a number; the cluster applies the first copy that arrives,
//! remembers its answer, and gives that answer to every other copy, whoever leads by then and however often all members were
//! restarted. So a write ends in doubt only when time is over, or when the whole cluster was away for longer than the session's
//! life. Many writes may be under way at once; the cluster says how many.
//!
//! # What an error asks of you
//!
//! | [`Outcome`] | the write | what to do |
//! |---|---|---|
//! | [`NotApplied`](Outcome::NotApplied) | has no effect, now or later | read [`Error::reason`]; do it again if you like |
//! | [`Applied`](Outcome::Applied) | took effect, but its answer is of no use | look at the reason: it went astray |
//! | [`Unknown`](Outcome::Unknown) | may have taken effect, or may yet | read, compare, and decide; or use a session |
//!
//! # A tour of the rooms
//!
//! `client` has a line for each call of the API; `call` brings every one of them to its answer, asking `directory` (pure) whom
//! to ask, `verdict` (the only map from gRPC's errors) what came back, and `backoff` how long to wait. `look` fills the
//! directory, `session` opens and keeps sessions, `window` (pure) numbers their commands.
//!
//! It deliberately does not know how a cluster agrees on anything, what is stored, or TLS.

mod attempt;
mod backoff;
mod call;
mod client;
mod config;
mod directory;
mod endpoint;
mod error;
mod look;
mod prefix;
mod session;
mod shared;
mod txn;
mod verdict;
mod window;

pub use ::api;
pub use client::{Client, Consistency, MemberStatus};
pub use config::Config;
pub use error::{EndpointError, Error, Outcome, Reason, Tried};
pub use prefix::prefix;
pub use tonic::Code;
pub use txn::{Compare, Operation, Txn};
