//! The texts that name endpoints. It does not connect to them.

use std::sync::Arc;

use tonic::transport::Uri;

use crate::error::EndpointError;

/// Where a member answers its clients, as in `http://127.0.0.1:2379`: always with scheme and port, and nothing behind it.
pub(crate) type Url = Arc<str>;

/// Reads `HOST:PORT`, with or without `http://`.
pub(crate) fn parse(text: &str) -> Result<Url, EndpointError> {
    let text = text.trim();
    if text.starts_with("https://") {
        return Err(EndpointError::Tls(text.to_owned()));
    }
    let malformed = || EndpointError::Malformed(text.to_owned());
    let place = text.strip_prefix("http://").unwrap_or(text);
    let place = place.strip_suffix('/').unwrap_or(place);
    let url = format!("http://{place}");
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let authority = uri.authority().ok_or_else(malformed)?;
    let plain = authority.as_str() == place && !place.contains('@');
    let named = authority.port_u16().is_some_and(|port| port > 0) && !authority.host().is_empty();
    if plain && named { Ok(url.into()) } else { Err(malformed()) }
}

/// Reads all of them, each once, in their order.
pub(crate) fn parse_all<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<Url>, EndpointError> {
    let mut urls = Vec::new();
    for text in texts {
        let url = parse(text.as_ref())?;
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    if urls.is_empty() { Err(EndpointError::None) } else { Ok(urls) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_come_with_or_without_a_scheme() {
        let urls = parse_all(["127.0.0.1:1", " http://n2:2/", "[::1]:3", "http://127.0.0.1:1"]).unwrap();
        assert_eq!(
            urls.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            ["http://127.0.0.1:1", "http://n2:2", "http://[::1]:3"]
        );
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        assert_eq!(parse("https://a:1"), Err(EndpointError::Tls("https://a:1".into())));
        for text in ["", "a", "a:", "a:x", "a:0", "a:65536", ":1", "a:1/v3", "u@a:1", "grpc://a:1", "a:1?x", "a b:1"] {
            assert_eq!(parse(text), Err(EndpointError::Malformed(text.into())), "{text}");
        }
        assert_eq!(parse_all([] as [&str; 0]), Err(EndpointError::None));
    }
}
