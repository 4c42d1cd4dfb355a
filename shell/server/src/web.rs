//! What pages in a browser are answered with: a page's file, JSON, a refusal in a sentence, and the headers that keep everything from
//! elsewhere out. The dashboard answers so, and so may whoever serves another page. It does not know what is asked.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// An answer that is all there.
pub type Answer = Response<Full<Bytes>>;

/// Nothing from elsewhere, and no text that becomes script.
const POLICY: &str = "default-src 'self'; require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of a page.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it holds.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// Another one for other bytes, in quotes (`ETag`).
    pub tag: String,
}

/// Keeps script and style from elsewhere out of what is answered, and other sites away from it.
pub fn protect<B>(answer: &mut Response<B>) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

/// The file, or that it is what the browser has already (`If-None-Match`).
#[must_use]
pub fn file(page: Page, headers: &HeaderMap) -> Answer {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == page.tag));
    let (status, bytes) = if same { (StatusCode::NOT_MODIFIED, Bytes::new()) } else { (StatusCode::OK, page.bytes) };
    let mut answer = typed(status, page.content_type, bytes);
    if let Ok(tag) = HeaderValue::from_str(&page.tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// `{"error": "a sentence"}`.
#[must_use]
pub fn refused(status: StatusCode, what: &str) -> Answer {
    typed(status, "application/json", serde_json::json!({ "error": what }).to_string().into())
}

/// The path is there, but for another method.
#[must_use]
pub fn not_that_way(allow: &'static str) -> Answer {
    let mut answer = refused(StatusCode::METHOD_NOT_ALLOWED, &format!("this is asked for by {allow}"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

/// These bytes, of this media type.
#[must_use]
pub fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    dress(&mut answer, content_type);
    answer
}

/// Says what it is, and that it may be another thing the next time.
pub(crate) fn dress<B>(answer: &mut Response<B>, content_type: &'static str) {
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}
