//! Sessions as clients name them: a token for the cluster and the session, and the metadata that make a call of KV a command of
//! one. It does not know what sessions do.

use std::fmt;

use node::{SessionCommand, SessionId};
use tonic::metadata::MetadataMap;

use crate::status::Error;

/// Names a session towards clients: `<cluster id>-<number>-<word>`, id and word in 16 hex digits. A number alone would mean another
/// session in another cluster, and with its id alone another one in a cluster that was wiped and founded anew as it was (C9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) cluster_id: u64,
    pub(crate) session: SessionId,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}-{:016x}", self.cluster_id, self.session.index, self.session.word)
    }
}

impl Token {
    /// The session of this cluster that a token names.
    pub(crate) fn read(text: &str, cluster_id: u64) -> Result<SessionId, Error> {
        let token = Self::parse(text).filter(|token| token.session.index > 0 && token.to_string() == text);
        match token {
            Some(token) if token.cluster_id != cluster_id => Err(Error::SessionOfAnotherCluster),
            Some(token) => Ok(token.session),
            None => Err(Error::BadSessionMetadata),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let cluster_id = u64::from_str_radix(parts.next()?, 16).ok()?;
        let index = parts.next()?.parse().ok()?;
        let word = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { cluster_id, session: SessionId { index, word } })
    }
}

const KEYS: [&str; 3] = ["quorate-session", "quorate-sequence", "quorate-acknowledged"];

/// Which command of which session a call is, if its client says so: all three metadata or none.
pub(crate) fn command(metadata: &MetadataMap, cluster_id: u64) -> Result<Option<SessionCommand>, Error> {
    let [session, sequence, acknowledged] = KEYS.map(|key| metadata.get(key));
    let (session, sequence, acknowledged) = match (session, sequence, acknowledged) {
        (None, None, None) => return Ok(None),
        (Some(session), Some(sequence), Some(acknowledged)) => (session, sequence, acknowledged),
        _ => return Err(Error::BadSessionMetadata),
    };
    let number = |value: &tonic::metadata::AsciiMetadataValue| {
        value.to_str().ok().and_then(|text| text.parse::<u64>().ok()).ok_or(Error::BadSessionMetadata)
    };
    let token = session.to_str().map_err(|_| Error::BadSessionMetadata)?;
    let session = Token::read(token, cluster_id)?;
    let (sequence, acknowledged) = (number(sequence)?, number(acknowledged)?);
    if sequence == 0 || acknowledged >= sequence {
        return Err(Error::BadSessionMetadata);
    }
    Ok(Some(SessionCommand { session, sequence, acknowledged }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: u64 = 0xab;
    const TWELVE: SessionId = SessionId { index: 12, word: 0xcd };

    #[test]
    fn a_token_names_cluster_and_session_in_one_way_only() {
        let token = Token { cluster_id: CLUSTER, session: TWELVE }.to_string();
        assert_eq!(token, "00000000000000ab-12-00000000000000cd");
        assert_eq!(Token::read(&token, CLUSTER), Ok(TWELVE));
        assert_eq!(Token::read(&token, 0xac), Err(Error::SessionOfAnotherCluster), "C9");
        for (part, bad) in [
            ("00000000000000ab", "ab"),
            ("00000000000000ab", "00000000000000AB"),
            ("00000000000000ab", "zz"),
            ("-12-", "--"),
            ("-12-", "-0-"),
            ("-12-", "-012-"),
            ("-12-00000000000000cd", "-12"),
            ("-12-00000000000000cd", "-12-"),
            ("00000000000000cd", "cd"),
            ("00000000000000cd", "00000000000000cd-"),
            (token.as_str(), ""),
            (token.as_str(), "12"),
            (token.as_str(), "-"),
        ] {
            let bad = token.replace(part, bad);
            assert_eq!(Token::read(&bad, CLUSTER), Err(Error::BadSessionMetadata), "{bad}");
        }
    }

    #[test]
    fn metadata_belong_together() {
        let of = |values: [&str; 3]| {
            let mut metadata = MetadataMap::new();
            for (key, value) in KEYS.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
                metadata.insert(*key, value.parse().unwrap());
            }
            command(&metadata, CLUSTER)
        };
        let token = "00000000000000ab-12-00000000000000cd";
        assert_eq!(of(["", "", ""]), Ok(None), "who names no session has none");
        let whole = SessionCommand { session: TWELVE, sequence: 7, acknowledged: 5 };
        assert_eq!(of([token, "7", "5"]), Ok(Some(whole)));
        for bad in [["", "7", "5"], [token, "", "5"], [token, "7", ""], [token, "0", "0"], [token, "x", "5"]] {
            assert_eq!(of(bad), Err(Error::BadSessionMetadata), "{bad:?}");
        }
        for bad in [[token, "7", "7"], [token, "7", "-1"], ["12", "7", "5"], [token, "18446744073709551616", "5"]] {
            assert_eq!(of(bad), Err(Error::BadSessionMetadata), "{bad:?}");
        }
    }
}
