//! The URLs of etcd's flags: `http://HOST:PORT`, nothing else.
//!
//! Knows no sockets: a host is looked up where it is used.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// A plain-text endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Url {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub(crate) host: String,
    /// The TCP port.
    pub(crate) port: u16,
}

/// Why a text is no URL that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UrlError {
    /// `https://` or `unixs://`.
    #[error("{0:?} asks for TLS, which Quorate does not have yet; use http:// on a trusted network")]
    Tls(String),
    /// `unix://`, `grpc://`, or no scheme.
    #[error("{0:?} must begin with http://")]
    Scheme(String),
    /// No port, or not a number up to 65535.
    #[error("{0:?} must end in a port, as in http://127.0.0.1:2379")]
    Port(String),
    /// No host, or a strange one.
    #[error("{0:?} has no valid host, as in http://127.0.0.1:2379")]
    Host(String),
    /// Something follows the port.
    #[error("{0:?} must end after its port")]
    Path(String),
}

impl Url {
    /// Reads one URL.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        let owned = || text.to_owned();
        if text.starts_with("https://") || text.starts_with("unixs:") {
            return Err(UrlError::Tls(owned()));
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| UrlError::Scheme(owned()))?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() || place.contains(['?', '#', '@']) {
            return Err(UrlError::Path(owned()));
        }
        let (host, port) = place.rsplit_once(':').ok_or_else(|| UrlError::Port(owned()))?;
        let port = port.parse().map_err(|_| UrlError::Port(owned()))?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| UrlError::Host(owned()))?.to_string(),
            None if is_name(host) => host.to_owned(),
            None => return Err(UrlError::Host(owned())),
        };
        Ok(Self { host, port })
    }

    /// Reads a list with commas between.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, UrlError> {
        text.split(',').map(Self::parse).collect()
    }

    /// The address, when the host is one, or `localhost`.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        if self.host == "localhost" {
            return Some(IpAddr::from([127, 0, 0, 1]));
        }
        self.host.parse().ok()
    }

    /// Whether it is reachable from this machine only.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address().is_some_and(|address| address.is_loopback())
    }

    /// `HOST:PORT`, as sockets take it.
    pub(crate) fn host_and_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host_and_port())
    }
}

/// Several URLs as the flags write them.
pub(crate) fn joined(urls: &[Url]) -> String {
    urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls_come_back_as_they_were() {
        for text in ["http://127.0.0.1:2379", "http://n1.example.com:80", "http://[::1]:2380", "http://localhost:1"] {
            assert_eq!(Url::parse(text).map(|url| url.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            Url::parse(" http://0.0.0.0:2379/ ").map(|url| url.to_string()),
            Ok("http://0.0.0.0:2379".to_owned())
        );
    }

    #[test]
    fn bad_urls_say_what_is_wrong() {
        let wrong = |text: &str| Url::parse(text).expect_err(text);
        let own = |text: &str| text.to_owned();
        assert_eq!(wrong("https://a:1"), UrlError::Tls(own("https://a:1")));
        assert_eq!(wrong("unixs:/tmp/x"), UrlError::Tls(own("unixs:/tmp/x")));
        for text in ["unix:///tmp/x", "127.0.0.1:2379", "", "HTTP://a:1"] {
            assert_eq!(wrong(text), UrlError::Scheme(own(text)));
        }
        for text in ["http://a", "http://a:", "http://a:65536", "http://a:x", "http://a:-1"] {
            assert_eq!(wrong(text), UrlError::Port(own(text)));
        }
        for text in ["http://:2379", "http://a b:1", "http://::1:1", "http://[::g]:1", "http://é:1"] {
            assert_eq!(wrong(text), UrlError::Host(own(text)));
        }
        for text in ["http://a:1/v3", "http://u@a:1", "http://a:1?x"] {
            assert_eq!(wrong(text), UrlError::Path(own(text)));
        }
    }

    #[test]
    fn loopback_is_known() {
        let loopback = |text| Url::parse(text).map(|url| url.is_loopback());
        assert_eq!(
            ["http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1"].map(loopback),
            [Ok(true), Ok(true), Ok(true)]
        );
        assert_eq!(
            ["http://0.0.0.0:1", "http://10.0.0.1:1", "http://a:1"].map(loopback),
            [Ok(false), Ok(false), Ok(false)]
        );
    }
}
