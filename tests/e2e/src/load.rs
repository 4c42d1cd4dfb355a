//! Many clients that write at once and keep a journal. Each asks one member at a time and goes to the next when that one fails;
//! no write is ever sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;
use tonic::Status;

use crate::client::{Client, Outcome, classify};
use crate::journal::{Fate, Journal, number};
use crate::wait::{soon, wait_until};

/// How hard the clients work.
#[derive(Debug, Clone, Copy)]
pub struct LoadPlan {
    /// Clients at once.
    pub workers: usize,
    /// Between the answer to one request and the next request.
    pub pause: Duration,
    /// Bytes of a unique key's value.
    pub value_bytes: usize,
}

impl Default for LoadPlan {
    fn default() -> Self {
        Self { workers: 12, pause: Duration::from_millis(8), value_bytes: 64 }
    }
}

/// Running clients.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<Journal>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    start: Instant,
    acknowledged: AtomicU64,
    /// The latest begin of an acknowledged write, in microseconds since `start`.
    latest_begin: AtomicU64,
}

impl Load {
    /// Starts the clients. `name` keeps the keys of several loads on one cluster apart.
    #[must_use]
    pub fn start(name: &str, clients: &[Client], plan: LoadPlan) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            start: Instant::now(),
            acknowledged: AtomicU64::new(0),
            latest_begin: AtomicU64::new(0),
        });
        let mut workers = JoinSet::new();
        for number in 0..plan.workers {
            let worker = Worker {
                name: format!("{name}/w{number:02}"),
                clients: clients.to_vec(),
                at: number % clients.len(),
                plan,
                shared: shared.clone(),
                journal: Journal::default(),
                chain: Chain::default(),
            };
            workers.spawn(worker.run());
        }
        Self { workers, shared }
    }

    /// Acknowledged writes so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more writes are acknowledged.
    pub async fn wait_more(&self, more: u64) {
        let goal = self.acknowledged() + more;
        wait_until(&format!("{more} more acknowledged writes"), 2 * soon(), async || {
            (self.acknowledged() >= goal).then_some(())
        })
        .await;
    }

    /// Waits until a write that began after `moment` is acknowledged.
    pub async fn wait_write_after(&self, moment: Instant) {
        let goal = micros(moment.duration_since(self.shared.start));
        wait_until("a write that begins now is acknowledged", soon(), async || {
            (self.shared.latest_begin.load(Ordering::Relaxed) > goal).then_some(())
        })
        .await;
    }

    /// Lets each client finish its request, and gathers their notes.
    ///
    /// # Panics
    /// When a client panicked.
    pub async fn finish(mut self) -> Journal {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut journal = Journal::default();
        while let Some(worker) = self.workers.join_next().await {
            journal.absorb(worker.expect("clients do not panic"));
        }
        journal
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

struct Worker {
    name: String,
    clients: Vec<Client>,
    at: usize,
    plan: LoadPlan,
    shared: Arc<Shared>,
    journal: Journal,
    chain: Chain,
}

/// What a worker knows of its chain.
#[derive(Debug, Default)]
struct Chain {
    value: i64,
    mod_revision: i64,
    /// The last step may or may not have been taken.
    open: bool,
    /// It had not been taken when it was looked at, and may be yet.
    late: bool,
}

impl Worker {
    async fn run(mut self) -> Journal {
        let mut step = 0_u64;
        while !self.shared.stop.load(Ordering::Relaxed) {
            match step % 4 {
                0 | 1 => self.write_unique(step).await,
                2 => self.grow_chain().await,
                _ => self.write_counter(step).await,
            }
            step += 1;
            tokio::time::sleep(self.plan.pause).await;
        }
        self.journal.chains.insert(self.chain_key(), (self.chain.value, self.chain.open || self.chain.late));
        self.journal
    }

    async fn write_unique(&mut self, step: u64) {
        let key = Bytes::from(format!("{}/{step:08}", self.name));
        let mut value = format!("value of {}/{step} ", self.name).into_bytes();
        value.resize(value.len().max(self.plan.value_bytes), b'.');
        let value = Bytes::from(value);
        let begin = Instant::now();
        let fate = match classify(self.client().put(key.clone(), value.clone()).await) {
            Outcome::Done(answer) => {
                self.acknowledged(begin);
                Fate::Acknowledged(answer.header.map_or(0, |header| header.revision))
            }
            Outcome::Refused(status) => Fate::Refused(self.failed(&status)),
            Outcome::Unknown(status) => Fate::Unknown(self.failed(&status)),
        };
        self.journal.unique.insert(key, (value, fate));
    }

    async fn write_counter(&mut self, step: u64) {
        let key = Bytes::from(format!("{}/count", self.name));
        let begin = Instant::now();
        let outcome = classify(self.client().put(key.clone(), step.to_string()).await);
        let tally = self.journal.counters.entry(key).or_default();
        match outcome {
            Outcome::Done(_) => {
                tally.acknowledged += 1;
                self.acknowledged(begin);
            }
            Outcome::Unknown(status) => {
                tally.unknown += 1;
                self.failed(&status);
            }
            Outcome::Refused(status) => _ = self.failed(&status),
        }
    }

    async fn grow_chain(&mut self) {
        if self.chain.open && !self.look_at_chain().await {
            return;
        }
        let (key, next) = (self.chain_key(), self.chain.value + 1);
        let begin = Instant::now();
        let outcome = classify(self.client().put_if_unchanged(&key, next.to_string(), self.chain.mod_revision).await);
        match outcome {
            Outcome::Done(answer) if answer.succeeded => {
                let mod_revision = answer.header.map_or(0, |header| header.revision);
                self.chain = Chain { value: next, mod_revision, open: false, late: false };
                self.acknowledged(begin);
            }
            Outcome::Done(_) if self.chain.late => self.chain.open = true,
            Outcome::Done(_) => {
                let sentence =
                    format!("{key:?} is not at revision {}, where its only writer left it", self.chain.mod_revision);
                self.journal.violations.push(sentence);
                self.chain.open = true;
            }
            Outcome::Refused(status) => _ = self.failed(&status),
            Outcome::Unknown(status) => {
                self.chain.open = true;
                self.failed(&status);
            }
        }
    }

    /// Whether the open step was taken so far. If not, it may be taken later, unless the next step is: both compare with the same
    /// revision.
    async fn look_at_chain(&mut self) -> bool {
        let key = self.chain_key();
        let request = server::api::etcdserverpb::RangeRequest { key: key.clone(), ..Default::default() };
        match self.client().range(request).await {
            Ok(answer) => {
                let (value, mod_revision) =
                    answer.kvs.first().map_or((0, 0), |row| (number(&row.value), row.mod_revision));
                if value < self.chain.value || value > self.chain.value + 1 {
                    let sentence = format!("{key:?} reads {value} after {} was acknowledged", self.chain.value);
                    self.journal.violations.push(sentence);
                }
                let late = value == self.chain.value;
                self.chain = Chain { value, mod_revision, open: false, late };
                true
            }
            Err(status) => {
                self.failed(&status);
                false
            }
        }
    }

    fn chain_key(&self) -> Bytes {
        Bytes::from(format!("{}/chain", self.name))
    }

    fn client(&self) -> Client {
        self.clients[self.at].clone()
    }

    fn acknowledged(&mut self, begin: Instant) {
        self.journal.acknowledged.push((begin, Instant::now()));
        self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.shared.latest_begin.fetch_max(micros(begin.duration_since(self.shared.start)), Ordering::Relaxed);
    }

    /// Notes the error and goes to the next member.
    fn failed(&mut self, status: &Status) -> String {
        self.at = (self.at + 1) % self.clients.len();
        let text = format!("{:?}: {}", status.code(), status.message());
        *self.journal.errors.entry(text.clone()).or_default() += 1;
        text
    }
}
