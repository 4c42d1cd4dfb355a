//! The sockets: accepting clients, speaking HTTP/1.1 or HTTP/2 with each (told apart by their first bytes), and stopping
//! without cutting anyone off. It does not know what is answered.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::authority::Painted;
use crate::dispatch::Services;
use crate::gather::Gathered;
use crate::member::Member;

/// A client that has connected says something within this time, and ends each head of HTTP/1.1 within it.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// An HTTP/2 client is asked so often whether it is still there ...
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// ... and answers within this time.
const PING_TIME_MAX: Duration = Duration::from_secs(20);
/// Requests at once on one connection. etcd has no bound; more than this wait at the client.
const STREAMS_MAX: u32 = 65_535;
/// What a client may send ahead on one stream, and on all of them.
const STREAM_WINDOW_BYTES: u32 = 512 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// After the system refused a connection (mostly: out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections share.
struct Shared<M> {
    services: Arc<Services<M>>,
    http: auto::Builder<TokioExecutor>,
    stop: CancellationToken,
    stop_time: Duration,
}

/// Serves all listeners until `stop`; then takes no new request, gives those under way `stop_time`, and returns.
pub(crate) async fn serve<M: Member>(
    listeners: Vec<TcpListener>,
    services: Arc<Services<M>>,
    connections_max: usize,
    stop_time: Duration,
    stop: CancellationToken,
) -> io::Result<()> {
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on for clients"));
    }
    let places = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
    let shared = Arc::new(Shared { services, http: http_builder(), stop, stop_time });
    let tasks = TaskTracker::new();
    for listener in listeners {
        tasks.spawn(accept(listener, places.clone(), shared.clone(), tasks.clone()));
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn http_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    builder
}

async fn accept<M: Member>(listener: TcpListener, places: Arc<Semaphore>, shared: Arc<Shared<M>>, tasks: TaskTracker) {
    let accepting = async {
        loop {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) => drop(tasks.spawn(converse(stream, place, shared.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shared.stop.cancelled() => {}
    }
}

/// One client, from its first byte to its last. Its errors are its own: they are for the log of someone who looks for them.
async fn converse<M: Member>(stream: TcpStream, place: OwnedSemaphorePermit, shared: Arc<Shared<M>>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    tokio::select! {
        spoken = timeout(HEAD_TIME_MAX, stream.readable()) => if spoken.is_err() { return },
        () = shared.stop.cancelled() => return,
    }
    let services = shared.services.clone();
    let service = service_fn(move |request| services.clone().answer(request));
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(Painted::new(Gathered::new(stream))), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(shared.stop_time, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a client's connection ended");
    }
    drop(place);
}
