//! The explorer's socket: HTTP/1.1, for a person or a few. It does not know what is answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::answers::Answers;
use crate::terminal;

/// Who connects says something within this time.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Connections at once.
const CONNECTIONS_MAX: usize = 128;
/// After the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Prints where the page is, `opens` being what it opens with, and what else there is to say; then serves until Ctrl-C.
pub(super) async fn serve(address: SocketAddr, answers: Arc<Answers>, opens: &str, more: &str) -> Result<(), String> {
    let in_use = |error| format!("{address} can't be listened on: {error}; choose another with --listen");
    let listener = TcpListener::bind(address).await.map_err(in_use)?;
    let here = listener.local_addr().map_err(|error| format!("the system named no address: {error}"))?;
    terminal::out(&format!("The explorer is at http://{here}/explorer{opens}\n{more}"));
    if !here.ip().is_loopback() {
        terminal::out("Everybody who reaches this address can use it; it shows simulated clusters only.\n");
    }
    tokio::select! {
        () = accept(listener, answers) => Ok(()),
        asked = tokio::signal::ctrl_c() => asked.map_err(|error| format!("Ctrl-C can't be heard: {error}")),
    }
}

async fn accept(listener: TcpListener, answers: Arc<Answers>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answers = answers.clone();
                drop(tokio::spawn(async move {
                    converse(stream, answers).await;
                    drop(place);
                }));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One browser; its errors are its own.
async fn converse(stream: TcpStream, answers: Arc<Answers>) {
    let service = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let _its_own = builder.serve_connection(TokioIo::new(stream), service).await;
}
