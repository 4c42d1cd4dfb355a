//! Asks another member over its client port, with little patience: whoever does not answer within a second is told to be silent, with the
//! cause. It does not know what is asked.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// All of it takes no longer.
pub(crate) const PATIENCE: Duration = Duration::from_millis(800);
/// An answer is no larger.
const ANSWER_BYTES_MAX: usize = 512 << 10;

/// What stands at `path` of the first of these URLs that answers.
///
/// # Errors
/// The cause, as the end of a sentence.
pub(crate) async fn get(urls: &[String], path: &str) -> Result<Bytes, String> {
    let connected = AtomicBool::new(false);
    let any = async {
        let mut cause = "it has not said where clients reach it".to_owned();
        for url in urls {
            connected.store(false, Relaxed);
            match one(url, path, &connected).await {
                Ok(answer) => return Ok(answer),
                Err(error) => cause = error,
            }
        }
        Err(cause)
    };
    timeout(PATIENCE, any).await.unwrap_or_else(|_| {
        let patience = PATIENCE.as_secs_f64();
        Err(if connected.load(Relaxed) {
            format!("its port takes connections, but no answer comes within {patience:.1} s (does it hang, or is it paused?)")
        } else {
            format!("no connection within {patience:.1} s")
        })
    })
}

/// `connected` is set as soon as there is a connection.
async fn one(url: &str, path: &str, connected: &AtomicBool) -> Result<Bytes, String> {
    if url.starts_with("https:") {
        return Err(format!("its client URL {url:?} asks for TLS, which members do not speak to each other"));
    }
    let uri: Uri = url.parse().map_err(|_| format!("its client URL {url:?} is none"))?;
    let authority = uri.authority().ok_or_else(|| format!("its client URL {url:?} names no host"))?;
    let port = uri.port_u16().unwrap_or(80);
    let stream = TcpStream::connect(format!("{}:{port}", authority.host())).await.map_err(|error| cause(&error))?;
    connected.store(true, Relaxed);
    let broken = |error: hyper::Error| format!("the connection broke off: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let ask = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        if !answer.status().is_success() {
            return Err(format!("it answers {} (an older version?)", answer.status()));
        }
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(|error| format!("its answer broke off: {error}"))
    };
    // The connection does its work while the answer is waited for, and ends with it.
    let mut ask = std::pin::pin!(ask);
    tokio::select! {
        answer = &mut ask => answer,
        ended = connection => match ended {
            Ok(()) => ask.await,
            Err(error) => Err(broken(error)),
        },
    }
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        _ => error.to_string(),
    }
}
