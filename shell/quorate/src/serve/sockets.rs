//! The sockets that a member is reached on, bound before anything else is touched: a port in use is one clear sentence and
//! leaves the data folder as it was.

use std::io::ErrorKind;

use thiserror::Error;
use tokio::net::TcpListener;

use crate::url::Url;

/// Why a URL can't be listened on.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    /// Somebody listens there.
    #[error("{flag}: {url} is in use: stop what listens there, or choose another port")]
    InUse {
        /// What named it.
        flag: &'static str,
        /// The URL.
        url: Url,
    },
    /// The address is not this machine's, the port is reserved, ...
    #[error("{flag}: {url} can't be listened on: {error}")]
    Other {
        /// What named it.
        flag: &'static str,
        /// The URL.
        url: Url,
        /// In the system's words.
        error: std::io::Error,
    },
}

/// Listens on all of `urls`, which `flag` named.
pub(crate) async fn listen(urls: &[Url], flag: &'static str) -> Result<Vec<TcpListener>, SocketError> {
    let mut listeners = Vec::new();
    for url in urls {
        // Flags are only let through with an address or localhost; a name would be looked up by the system.
        let bound = match url.address() {
            Some(address) => TcpListener::bind((address, url.port)).await,
            None => TcpListener::bind(url.host_and_port()).await,
        };
        let named = |error: std::io::Error| match error.kind() {
            ErrorKind::AddrInUse => SocketError::InUse { flag, url: url.clone() },
            _ => SocketError::Other { flag, url: url.clone(), error },
        };
        listeners.push(bound.map_err(named)?);
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[tokio::test]
    async fn a_port_in_use_is_one_sentence() {
        let first = listen(&[url("http://localhost:0")], "--listen-peer-urls").await.expect("a free port");
        let port = first[0].local_addr().expect("an address").port();
        let taken = url(&format!("http://127.0.0.1:{port}"));
        let refusal = listen(&[taken], "--listen-peer-urls").await.expect_err("in use").to_string();
        let sentence = format!(
            "--listen-peer-urls: http://127.0.0.1:{port} is in use: stop what listens there, or choose another port"
        );
        assert_eq!(refusal, sentence);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        // Reserved for documentation (RFC 5737): no machine has it.
        let refusal =
            listen(&[url("http://192.0.2.1:0")], "--listen-client-urls").await.expect_err("not ours").to_string();
        assert!(refusal.starts_with("--listen-client-urls: http://192.0.2.1:0 can't be listened on: "), "{refusal}");
    }
}
