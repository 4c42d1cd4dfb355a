//! One number that one writer raises, and readers at every member: whoever begins a linearizable read must see at least what was
//! acknowledged before.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};

use crate::check::Contents;
use crate::client::Client;
use crate::journal::number;
use crate::wait::wait_until;

const KEY: &str = "register";
/// A member that does not answer is left alone after this, as a client with a deadline would.
const WRITE_TIME: Duration = Duration::from_secs(2);
/// Between two reads of one member begin, whether the earlier ones were answered or not: those that wait in the sockets of a
/// member that stands still are answered when it goes on.
const READ_PERIOD: Duration = Duration::from_millis(20);

/// A running writer and its readers.
#[derive(Debug)]
pub struct Register {
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
    readers: Vec<JoinHandle<Vec<String>>>,
}

#[derive(Debug, Default)]
struct Shared {
    acknowledged: AtomicI64,
    reads: AtomicU64,
    stop: AtomicBool,
}

/// What was seen.
#[derive(Debug)]
pub struct Summary {
    last: i64,
    reads: u64,
    stale: Vec<String>,
}

impl Register {
    /// Starts one writer, and a reader for each of `clients`.
    #[must_use]
    pub fn start(clients: &[Client]) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = tokio::spawn(write(shared.clone(), clients.to_vec()));
        let readers = clients.iter().map(|client| tokio::spawn(read(shared.clone(), client.clone()))).collect();
        Self { shared, writer, readers }
    }

    /// Waits until so many reads were answered since the beginning.
    ///
    /// # Panics
    /// When they are not, in ten minutes.
    pub async fn wait_reads(&self, reads: u64) {
        let answered = async || (self.shared.reads.load(Ordering::Relaxed) >= reads).then_some(());
        wait_until(&format!("{reads} reads"), Duration::from_secs(600), answered).await;
    }

    /// Stops them, once all reads are answered.
    ///
    /// # Panics
    /// When one of them panicked.
    pub async fn finish(self) -> Summary {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut stale = Vec::new();
        for reader in self.readers {
            stale.extend(reader.await.expect("readers do not panic"));
        }
        self.writer.await.expect("the writer does not panic");
        let last = self.shared.acknowledged.load(Ordering::SeqCst);
        Summary { last, reads: self.shared.reads.load(Ordering::SeqCst), stale }
    }
}

impl Summary {
    /// No read was stale, and the last number is there. Takes the register out of what the store holds.
    ///
    /// # Panics
    /// When a read was stale, or the last number is lost.
    pub fn assert_holds(&self, rows: &mut Contents) {
        assert!(self.stale.is_empty(), "{} stale reads, such as {}", self.stale.len(), self.stale[0]);
        assert!(self.reads > 20 && self.last > 20, "too little was done: {self}");
        let value = rows.remove(KEY.as_bytes()).map_or(0, |row| number(&row.value));
        assert!(value >= self.last, "{value} is there, {} was acknowledged", self.last);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} linearizable reads of a number that reached {}", self.reads, self.last)
    }
}

async fn write(shared: Arc<Shared>, clients: Vec<Client>) {
    let (mut next, mut at, mut revision) = (1_i64, 0_usize, 0);
    while !shared.stop.load(Ordering::SeqCst) {
        let client = &clients[at % clients.len()];
        // Compare-and-swap: a write of which nobody knows is either seen, or can never come late.
        match tokio::time::timeout(WRITE_TIME, client.put_if_unchanged(KEY.as_bytes(), next.to_string(), revision))
            .await
        {
            Ok(Ok(answer)) if answer.succeeded => {
                revision = answer.header.map_or(0, |header| header.revision);
                shared.acknowledged.store(next, Ordering::SeqCst);
                next += 1;
            }
            Ok(Ok(_)) => (next, revision) = look(client, next, revision).await,
            Ok(Err(_)) | Err(_) => at += 1,
        }
    }
}

/// Where the register stands after a write of unknown outcome took effect after all.
async fn look(client: &Client, next: i64, revision: i64) -> (i64, i64) {
    let request = server::api::etcdserverpb::RangeRequest { key: KEY.into(), ..Default::default() };
    match tokio::time::timeout(WRITE_TIME, client.range(request)).await {
        Ok(Ok(answer)) => answer.kvs.first().map_or((next, revision), |row| (number(&row.value) + 1, row.mod_revision)),
        Ok(Err(_)) | Err(_) => (next, revision),
    }
}

async fn read(shared: Arc<Shared>, client: Client) -> Vec<String> {
    let mut reads = JoinSet::new();
    while !shared.stop.load(Ordering::SeqCst) {
        let (shared, client) = (shared.clone(), client.clone());
        reads.spawn(async move {
            let floor = shared.acknowledged.load(Ordering::SeqCst);
            let value = client.get(KEY).await.ok()?;
            shared.reads.fetch_add(1, Ordering::Relaxed);
            let value = value.map_or(0, |value| number(&value));
            (value < floor).then(|| format!("read {value} after {floor} was acknowledged"))
        });
        tokio::time::sleep(READ_PERIOD).await;
    }
    reads.join_all().await.into_iter().flatten().collect()
}
