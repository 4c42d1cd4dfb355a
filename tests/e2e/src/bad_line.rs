//! A bad line: a forwarder of TCP connections that cuts each after so many bytes. It does not know what travels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::ports::free_ports;

/// Forwards connections to a port, and cuts those that carry much.
#[derive(Debug)]
pub struct BadLine {
    /// Where to connect instead.
    pub port: u16,
    counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Counts {
    cut_after: AtomicU64,
    bytes: AtomicU64,
    cuts: AtomicU64,
}

impl BadLine {
    /// Forwards to `to`; a connection is cut when it has carried `cut_after` bytes there.
    ///
    /// # Panics
    /// When it can't listen.
    pub async fn to(to: u16, cut_after: u64) -> Self {
        let port = free_ports(1)[0];
        let counts = Counts { cut_after: cut_after.into(), bytes: AtomicU64::new(0), cuts: AtomicU64::new(0) };
        let (counts, listener) = (Arc::new(counts), TcpListener::bind(("127.0.0.1", port)).await);
        let (listener, shared) = (listener.expect("the port is free"), counts.clone());
        let task = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(forward(from, to, shared.clone()));
            }
        });
        Self { port, counts, task }
    }

    /// Bytes that went there.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Connections that were cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.counts.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for BadLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(from: TcpStream, to: u16, counts: Arc<Counts>) {
    let Ok(there) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let ((mut from_read, mut from_write), (mut there_read, mut there_write)) = (from.into_split(), there.into_split());
    let away = async {
        let (mut buffer, mut carried) = (vec![0; 64 << 10], 0);
        loop {
            let Ok(bytes @ 1..) = from_read.read(&mut buffer).await else { return };
            if there_write.write_all(&buffer[..bytes]).await.is_err() {
                return;
            }
            carried += bytes as u64;
            counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            if carried >= counts.cut_after.load(Ordering::Relaxed) {
                counts.cuts.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    };
    let back = async {
        let _it_ends_with_the_other = tokio::io::copy(&mut there_read, &mut from_write).await;
    };
    tokio::select! { () = away => {}, () = back => {} }
}
