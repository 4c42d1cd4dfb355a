//! A process without a folder finds out which member it is: it asks the peers that it was told of, again and again until one
//! knows it, all that can be reached know that they don't, or its patience ends. It writes nothing.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use raft::{Configuration, NodeId};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::connect::GREETING_MAX;
use super::frame::{self, HEADER_BYTES};
use super::whoami::{self, ANSWER_BYTES_MAX, Found, NotFound};

const PAUSE: Duration = Duration::from_millis(250);
/// A member that was just added may not be known everywhere yet: who does not know it may refuse it for another one that was at the
/// same place.
const UNKNOWN_FOR: Duration = Duration::from_secs(3);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Who a new member is, as the cluster told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Names the cluster.
    pub cluster: u64,
    /// The new member's id.
    pub node: NodeId,
    /// The committed configuration of the member that was asked: what the new one begins with.
    pub configuration: Configuration,
}

/// Why a process is no member of the cluster that it was to join.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JoinError {
    /// It is told no peer.
    #[error("--initial-cluster names no other member: a member that joins asks the others which member it is")]
    NoPeers,
    /// Nobody answered.
    #[error("none of the peers answered for {} s: {}", waited.as_secs(), tried.join("; "))]
    Nobody {
        /// How long it was tried.
        waited: Duration,
        /// Each address and what became of it.
        tried: Vec<String>,
    },
    /// Those who answered don't know it.
    #[error("{0}")]
    Unknown(String),
    /// It may not join.
    #[error("{peer} refused: {reason}")]
    Refused {
        /// Who said so.
        peer: String,
        /// In its words.
        reason: String,
    },
    /// The peers are of two clusters.
    #[error("the peers are of different clusters ({}): check --initial-cluster", found.join(", "))]
    TwoClusters {
        /// Each address and its cluster.
        found: Vec<String>,
    },
}

/// Asks `peers` (`host:port` each) who is known by `claim`, for at most `patience`.
///
/// # Errors
/// See [`JoinError`]; each says what to do.
pub async fn join(peers: &[String], claim: &[u8], patience: Duration) -> Result<Invitation, JoinError> {
    if peers.is_empty() {
        return Err(JoinError::NoPeers);
    }
    let start = Instant::now();
    let (mut told, mut unknown_since) = (start, None);
    loop {
        let answers = ask_all(peers, claim).await;
        let verdict = judge(&answers, unknown_since.is_some_and(|since: Instant| since.elapsed() >= UNKNOWN_FOR));
        if let Some(verdict) = verdict {
            return verdict;
        }
        let known_nowhere = answers.values().any(|answer| matches!(answer, Ok(Err(_))));
        unknown_since = if known_nowhere { unknown_since.or(Some(Instant::now())) } else { None };
        let tried: Vec<String> = answers.iter().map(|(peer, answer)| format!("{peer}: {}", words(answer))).collect();
        if start.elapsed() >= patience && !known_nowhere {
            return Err(JoinError::Nobody { waited: start.elapsed(), tried });
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            info!(
                seconds = start.elapsed().as_secs(),
                tried = tried.join("; "),
                "asking the peers which member this is"
            );
        }
        sleep(PAUSE).await;
    }
}

type Answer = io::Result<Result<Found, NotFound>>;

async fn ask_all(peers: &[String], claim: &[u8]) -> BTreeMap<String, Answer> {
    let asked = peers.iter().map(|peer| async move {
        let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"));
        (peer.clone(), timeout(GREETING_MAX, ask(peer, claim)).await.unwrap_or_else(|_| late()))
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

async fn ask(peer: &str, claim: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(peer).await?;
    let mut bytes = BytesMut::new();
    frame::put_frame(&mut bytes, |out| whoami::put(claim, out));
    stream.write_all(&bytes).await?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let (length, checksum) = frame::payload_length(&header, ANSWER_BYTES_MAX)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    frame::check(&payload, checksum)?;
    Ok(whoami::take_answer(Bytes::from(payload)))
}

/// What the answers say together, if they say enough. `unknown` says that those who answered had time to hear of a new member.
fn judge(answers: &BTreeMap<String, Answer>, unknown: bool) -> Option<Result<Invitation, JoinError>> {
    let found: Vec<(&String, &Found)> =
        answers.iter().filter_map(|(peer, answer)| Some((peer, answer.as_ref().ok()?.as_ref().ok()?))).collect();
    if found.windows(2).any(|pair| pair[0].1.cluster != pair[1].1.cluster) {
        let found = found.iter().map(|(peer, found)| format!("{peer}: {:016x}", found.cluster)).collect();
        return Some(Err(JoinError::TwoClusters { found }));
    }
    // The newest, where several know it.
    if let Some((_, found)) = found.into_iter().max_by_key(|(_, found)| found.configuration.next_node) {
        let Found { cluster, node, configuration } = found.clone();
        return Some(Ok(Invitation { cluster, node, configuration }));
    }
    if !unknown {
        return None;
    }
    // Who refuses for a reason knows more than who knows nothing.
    let refused = answers.iter().find_map(|(peer, answer)| match answer {
        Ok(Err(NotFound::Refused(reason))) => Some(JoinError::Refused { peer: peer.clone(), reason: reason.clone() }),
        _ => None,
    });
    let stranger = answers.values().find_map(|answer| match answer {
        Ok(Err(NotFound::Unknown(reason))) => Some(JoinError::Unknown(reason.clone())),
        _ => None,
    });
    refused.or(stranger).map(Err)
}

fn words(answer: &Answer) -> String {
    match answer {
        Ok(Ok(found)) => format!("{} of cluster {:016x}", found.node, found.cluster),
        Ok(Err(NotFound::Unknown(reason) | NotFound::Refused(reason))) => reason.clone(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cluster: u64) -> Answer {
        let configuration = Configuration::of_voters([NodeId(1)]);
        Ok(Ok(Found { cluster, node: NodeId(2), configuration }))
    }

    fn silent() -> Answer {
        Err(io::Error::other("nobody listens"))
    }

    fn unknown() -> Answer {
        Ok(Err(NotFound::Unknown("add it".into())))
    }

    fn refused() -> Answer {
        Ok(Err(NotFound::Refused("wiped".into())))
    }

    fn judged(answers: Vec<Answer>, patient: bool) -> Option<Result<Invitation, JoinError>> {
        let named = answers.into_iter().enumerate().map(|(at, answer)| (format!("p{at}"), answer));
        judge(&named.collect(), patient)
    }

    #[test]
    fn one_who_knows_is_enough_and_a_refusal_outweighs_ignorance() {
        for others in [vec![silent(), unknown()], vec![refused()]] {
            let answers = others.into_iter().chain([found(1)]).collect();
            assert_eq!(judged(answers, false).unwrap().unwrap().node, NodeId(2));
        }
        assert_eq!(judged(vec![refused()], false), None, "it may not have heard of the newest change");
        assert!(matches!(judged(vec![unknown(), refused()], true), Some(Err(JoinError::Refused { .. }))));
    }

    #[test]
    fn unknown_is_the_end_only_after_a_while_and_silence_never() {
        assert_eq!(judged(vec![silent(), unknown()], false), None);
        assert_eq!(judged(vec![silent(), unknown()], true), Some(Err(JoinError::Unknown("add it".into()))));
        assert_eq!(judged(vec![silent(), silent()], true), None);
    }

    #[test]
    fn peers_of_two_clusters_are_named() {
        let Some(Err(error)) = judged(vec![found(1), found(2)], false) else { panic!("two clusters") };
        assert!(error.to_string().contains("p0: 0000000000000001, p1: 0000000000000002"), "{error}");
    }

    #[tokio::test]
    async fn nobody_answers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = join(std::slice::from_ref(&peer), b"claim", Duration::ZERO).await.unwrap_err();
        assert!(matches!(&error, JoinError::Nobody { tried, .. } if tried[0].starts_with(&peer)), "{error}");
        assert_eq!(join(&[], b"claim", Duration::ZERO).await, Err(JoinError::NoPeers));
    }
}
