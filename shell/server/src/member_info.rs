//! What a cluster's configuration keeps of each member for its clients: name, API id and URLs, as opaque bytes to everything
//! below. The format has a version. It knows nothing of where the bytes lie or how they change.
//!
//! Version 1: the byte `1`, the API id (8 bytes, big endian), the name, the peer URLs, the client URLs. A text is its length
//! and its UTF-8 bytes; a list is its count and its texts; lengths and counts are 4 bytes, big endian.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

const VERSION: u8 = 1;

/// One member as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberInfo {
    /// For people (etcd's `--name`). Empty until the member has started.
    pub name: String,
    /// The number that clients know it by. Never 0 for a member.
    pub api_id: u64,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it. Empty until known.
    pub client_urls: Vec<String>,
}

/// Why bytes are no [`MemberInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberInfoError {
    /// They end inside a field.
    #[error("member information ends inside {field}")]
    Truncated {
        /// Which.
        field: &'static str,
    },
    /// A later version of this program wrote them.
    #[error("member information has format {0}, this version reads up to format {VERSION}: run a newer version")]
    Version(u8),
    /// A text is not UTF-8.
    #[error("member information holds a {field} that is no text")]
    NotText {
        /// Which.
        field: &'static str,
    },
    /// More follows after the last field.
    #[error("member information has {0} bytes too many")]
    TooLong(usize),
}

impl MemberInfo {
    /// The bytes of it.
    ///
    /// # Panics
    /// When a text or list has 4 GiB or more, which no flag can hold.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_u8(VERSION);
        out.put_u64(self.api_id);
        put_text(&mut out, &self.name);
        for urls in [&self.peer_urls, &self.client_urls] {
            put_length(&mut out, urls.len());
            urls.iter().for_each(|url| put_text(&mut out, url));
        }
        out.freeze()
    }

    /// Reads what [`MemberInfo::encode`] wrote.
    ///
    /// # Errors
    /// See [`MemberInfoError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MemberInfoError> {
        let mut input = Input(bytes);
        let version = input.take(1, "the format's version")?[0];
        if version != VERSION {
            return Err(MemberInfoError::Version(version));
        }
        let mut id = [0; 8];
        id.copy_from_slice(input.take(8, "the id")?);
        let info = Self {
            api_id: u64::from_be_bytes(id),
            name: input.text("name")?,
            peer_urls: input.texts("peer URL")?,
            client_urls: input.texts("client URL")?,
        };
        if input.0.is_empty() { Ok(info) } else { Err(MemberInfoError::TooLong(input.0.len())) }
    }
}

fn put_length(out: &mut BytesMut, length: usize) {
    out.put_u32(u32::try_from(length).expect("a text or list of one member is shorter than 4 GiB"));
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_length(out, text.len());
    out.put_slice(text.as_bytes());
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], MemberInfoError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(MemberInfoError::Truncated { field })?;
        self.0 = rest;
        Ok(taken)
    }

    fn length(&mut self, field: &'static str) -> Result<usize, MemberInfoError> {
        let mut length = [0; 4];
        length.copy_from_slice(self.take(4, field)?);
        usize::try_from(u32::from_be_bytes(length)).map_err(|_| MemberInfoError::Truncated { field })
    }

    fn text(&mut self, field: &'static str) -> Result<String, MemberInfoError> {
        let length = self.length(field)?;
        let text = self.take(length, field)?;
        String::from_utf8(text.to_vec()).map_err(|_| MemberInfoError::NotText { field })
    }

    /// Never reserves by the count that the bytes claim.
    fn texts(&mut self, field: &'static str) -> Result<Vec<String>, MemberInfoError> {
        let count = self.length(field)?;
        (0..count).map(|_| self.text(field)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> MemberInfo {
        MemberInfo {
            name: "n1".into(),
            api_id: 0x8e9e_05c5_2164_694d,
            peer_urls: vec!["http://127.0.0.1:2380".into()],
            client_urls: vec!["http://127.0.0.1:2379".into(), "http://localhost:2379".into()],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for info in [MemberInfo::default(), example()] {
            assert_eq!(MemberInfo::decode(&info.encode()), Ok(info));
        }
    }

    #[test]
    fn the_format_is_this_one() {
        let info = MemberInfo { name: "a".into(), api_id: 2, peer_urls: vec![], client_urls: vec!["b".into()] };
        assert_eq!(&info.encode()[..], b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x01a\0\0\0\0\0\0\0\x01\0\0\0\x01b");
    }

    #[test]
    fn every_cut_is_told_as_one() {
        let bytes = example().encode();
        for length in 0..bytes.len() {
            let error = MemberInfo::decode(&bytes[..length]).unwrap_err();
            assert!(matches!(error, MemberInfoError::Truncated { .. }), "{length} bytes: {error}");
        }
    }

    #[test]
    fn what_is_no_member_information_says_why() {
        let mut bytes = example().encode().to_vec();
        bytes.push(0);
        assert_eq!(MemberInfo::decode(&bytes), Err(MemberInfoError::TooLong(1)));
        bytes[0] = 2;
        assert_eq!(MemberInfo::decode(&bytes), Err(MemberInfoError::Version(2)));
        let mut bytes = example().encode().to_vec();
        bytes[13] = 0xff;
        assert_eq!(MemberInfo::decode(&bytes), Err(MemberInfoError::NotText { field: "name" }));
        bytes[9..13].fill(0xff);
        assert_eq!(MemberInfo::decode(&bytes), Err(MemberInfoError::Truncated { field: "name" }));
    }
}
