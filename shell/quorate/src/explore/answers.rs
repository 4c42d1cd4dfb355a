//! What the explorer answers over HTTP: the page's files, its stories, traces, exports. It knows no sockets.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use explorer::Refusal;
use explorer::request::{ExportRequest, Form, TraceRequest};
use explorer::story::Story;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use server::web::{Answer, file, not_that_way, protect, refused, typed};
use tokio::time::timeout;

use super::work::Work;
use crate::assets::Assets;

/// A request is here within this time.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Everything that is served.
pub(super) struct Answers {
    assets: Assets,
    work: Work,
    stories: Bytes,
    /// It is for this machine only: who asks by another name was led here by another site's name server.
    here_only: bool,
    patience: Duration,
}

impl Answers {
    /// Of these stories; `listens` is where it listens.
    pub(super) fn new(assets: Assets, stories: &[Story], listens: IpAddr) -> Self {
        let stories = serde_json::to_vec(stories).unwrap_or_default().into();
        Self { assets, work: Work::new(), stories, here_only: listens.is_loopback(), patience: BODY_TIME_MAX }
    }

    /// Answers any request.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let mut answer = match (head.uri.path(), &head.method) {
            _ if self.here_only && !names_this_machine(&head) => refused(
                StatusCode::MISDIRECTED_REQUEST,
                "the explorer answers to localhost and 127.0.0.1 only; for other names start it with --listen and an address of the network",
            ),
            ("/api/explorer/trace" | "/api/explorer/export", &Method::POST) => {
                self.ask(head.uri.path(), &head.headers, body).await.unwrap_or_else(|refused| refused)
            }
            ("/api/explorer/scenarios", &Method::GET | &Method::HEAD) => {
                typed(StatusCode::OK, "application/json", self.stories.clone())
            }
            ("/api/explorer/trace" | "/api/explorer/export", _) => not_that_way("POST"),
            ("/api/explorer/scenarios", _) => not_that_way("GET"),
            (path, &Method::GET | &Method::HEAD) => match self.assets.get(path) {
                Some(page) => file(page, &head.headers),
                None => {
                    refused(StatusCode::NOT_FOUND, &format!("there is nothing at {path}: the page is at /explorer"))
                }
            },
            _ => not_that_way("GET"),
        };
        protect(&mut answer);
        answer
    }

    async fn ask<B>(&self, path: &str, headers: &HeaderMap, body: B) -> Result<Answer, Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Other pages can't send this type without asking first, and are not let.
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if !content_type.starts_with("application/json") {
            let what = "what is asked must be JSON (content-type: application/json)";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
        }
        let seconds = self.patience.as_secs();
        let late = |_| refused(StatusCode::REQUEST_TIMEOUT, &format!("the request was not here after {seconds} s"));
        let body = timeout(self.patience, read(body)).await.map_err(late)??;
        if path == "/api/explorer/trace" {
            let request = TraceRequest::read(&body).map_err(|refusal| of_refusal(&refusal))?;
            let trace = self.work.trace(request, body).await.map_err(|refusal| of_refusal(&refusal))?;
            return Ok(typed(StatusCode::OK, "application/json", trace));
        }
        let request = ExportRequest::read(&body).map_err(|refusal| of_refusal(&refusal))?;
        let name = match request.form {
            Form::Html => "attachment; filename=\"run.html\"",
            Form::Trace => "attachment; filename=\"run.trace.json\"",
            Form::Shiviz => "attachment; filename=\"run.shiviz.txt\"",
        };
        let made = self.work.export(request, self.assets.texts()).await;
        let (content_type, text) = made.map_err(|refusal| of_refusal(&refusal))?;
        let mut answer = typed(StatusCode::OK, content_type, text.into());
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
        Ok(answer)
    }
}

/// Whether the request is for a name that means this machine, on any port.
fn names_this_machine(head: &http::request::Parts) -> bool {
    let by_header = || head.headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let Some(authority) = head.uri.authority().cloned().or_else(by_header) else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The whole body, if it is small enough.
async fn read<B>(body: B) -> Result<Bytes, Answer>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, explorer::limits::BODY_BYTES_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let most = explorer::limits::BODY_BYTES_MAX >> 10;
            let what = format!("what is asked is larger than {most} kB: a run with a shorter script fits");
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, &what))
        }
        Err(error) => Err(refused(StatusCode::BAD_REQUEST, &format!("the request broke off: {error}"))),
    }
}

fn of_refusal(refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::Request(_) => StatusCode::BAD_REQUEST,
        Refusal::Run(_) | Refusal::TooLarge(_) | Refusal::Window(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Panics => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refused(status, &refusal.to_string())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use sim::run::Run;

    use super::*;

    fn answers() -> Answers {
        Answers::new(Assets::new(None).unwrap(), &[], IpAddr::from([127, 0, 0, 1]))
    }

    fn asked(method: &str, path: &str, content_type: &str, body: String) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content_type);
        let request = request.header(header::HOST, "localhost:2471");
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(answers().answer(request));
        let (head, body) = answer.into_parts();
        let body = runtime.block_on(body.collect()).unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    fn json(path: &str, body: &serde_json::Value) -> (StatusCode, String) {
        let (status, _, body) = asked("POST", path, "application/json", body.to_string());
        (status, body)
    }

    #[test]
    fn a_trace_is_what_the_explorer_says() {
        let run = Run::teaching(1, 3);
        let body = serde_json::json!({ "run": run, "from": 0, "until": 300_000 });
        let (status, text) = json("/api/explorer/trace", &body);
        let window = explorer::trace::Window { from: 0, until: 300_000 };
        let trace = explorer::trace(&run, window).unwrap();
        assert_eq!((status, text), (StatusCode::OK, serde_json::to_string(&trace).unwrap()));
    }

    #[test]
    fn an_export_plays_alone() {
        let body = serde_json::json!({ "run": Run::teaching(1, 3), "until": 300_000, "as": "html" });
        let (status, page) = json("/api/explorer/export", &body);
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("id=\"embedded\"") && page.contains("const m_explorer_main = "), "{}", page.len());
        for (what, begins) in [("trace", "{\"run\":"), ("shiviz", "n")] {
            let body = serde_json::json!({ "run": Run::teaching(1, 3), "until": 300_000, "as": what });
            assert!(json("/api/explorer/export", &body).1.starts_with(begins));
        }
    }

    #[test]
    fn mistakes_are_told_in_a_sentence() {
        let of = |body: serde_json::Value| json("/api/explorer/trace", &body);
        let (status, text) = of(serde_json::json!({ "run": { "v": 9 }, "from": 0, "until": 1 }));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text.starts_with("{\"error\":\"the run has version 9"), "{text}");
        let (status, text) = of(serde_json::json!({ "run": Run::teaching(1, 3) }));
        assert_eq!(
            (status, text.contains("can't be read: missing field `from`")),
            (StatusCode::BAD_REQUEST, true),
            "{text}"
        );
        let (status, text) = of(serde_json::json!({ "run": Run::teaching(1, 3), "from": 0, "until": 90_000_000 }));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text.contains("ten seconds"), "{text}");
        let (status, _, text) = asked("POST", "/api/explorer/trace", "application/json", "x".repeat(70_000));
        assert_eq!((status, text.contains("64 kB")), (StatusCode::PAYLOAD_TOO_LARGE, true), "{text}");
        let (status, ..) = asked("POST", "/api/explorer/trace", "text/plain", "{}".into());
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let (status, headers, _) = asked("GET", "/api/explorer/trace", "", String::new());
        assert_eq!(
            (status, &headers[header::ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("POST"))
        );
        let (status, _, text) = asked("GET", "/nothing", "", String::new());
        assert_eq!((status, text.contains("/explorer")), (StatusCode::NOT_FOUND, true));
    }

    #[test]
    fn the_page_is_guarded_and_cached_by_its_content() {
        let (status, headers, body) = asked("GET", "/explorer", "", String::new());
        assert_eq!(
            (status, &headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &HeaderValue::from_static("text/html; charset=utf-8"))
        );
        assert!(body.starts_with("<!doctype html>"));
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'self';"));
        let again = Request::builder().uri("/explorer").header(header::HOST, "[::1]");
        let again = again.header(header::IF_NONE_MATCH, &headers[header::ETAG]);
        let again = again.body(Full::new(Bytes::new())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(answers().answer(again)).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn on_this_machine_only_its_own_names_are_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = |listens: [u8; 4], host: Option<&str>| {
            let answers = Answers::new(Assets::new(None).unwrap(), &[], IpAddr::from(listens));
            let request = Request::builder().uri("/explorer");
            let request = host.into_iter().fold(request, |request, host| request.header(header::HOST, host));
            runtime.block_on(answers.answer(request.body(Full::new(Bytes::new())).unwrap())).status()
        };
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:2471", "127.9.9.9", "[::1]:2471"] {
            assert_eq!(status([127, 0, 0, 1], Some(host)), StatusCode::OK, "{host}");
        }
        for host in ["rebound.example", "localhost.example:2471", "10.0.0.1", "127.0.0.1.example", ""] {
            assert_eq!(status([127, 0, 0, 1], Some(host)), StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert_eq!(status([0, 0, 0, 0], Some(host)), StatusCode::OK, "{host}");
        }
        assert_eq!(status([127, 0, 0, 1], None), StatusCode::MISDIRECTED_REQUEST);
    }

    /// A body that never comes.
    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }

    #[test]
    fn who_never_ends_to_ask_is_not_waited_for() {
        let answers = Answers { patience: Duration::from_millis(5), ..answers() };
        let request = Request::builder().method("POST").uri("/api/explorer/trace").header(header::HOST, "localhost");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Never).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(answers.answer(request)).status(), StatusCode::REQUEST_TIMEOUT);
    }
}
