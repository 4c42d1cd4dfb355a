//! Traces on threads of their own: a few at once, none for longer than somebody would wait. What was computed before is kept for
//! what comes after it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use explorer::request::{ExportRequest, TraceRequest};
use explorer::{Asset, Explorer, Refusal};
use tokio::sync::Semaphore;

/// So many traces at once.
const AT_ONCE: usize = 2;
/// None takes longer, with the time that it waits for its turn.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Answers that are kept, and how many bytes all of them may have.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 64 << 20;

/// Worlds and answers of before.
#[derive(Clone)]
pub(super) struct Work {
    turns: Arc<Semaphore>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    explorer: Explorer,
    /// What was asked, word by word, and answered; the most lately asked last.
    answers: VecDeque<(Bytes, Bytes)>,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), shared: Arc::default() }
    }

    /// A window of a run as JSON; `asked` is the request's body.
    pub(super) async fn trace(&self, request: TraceRequest, asked: Bytes) -> Result<Bytes, Refusal> {
        if let Some(known) = self.with(|shared| shared.known(&asked)) {
            return Ok(known);
        }
        let work = self.clone();
        self.on_a_thread(move |goes_on| {
            let mut job = work.with(|shared| shared.explorer.begin(&request.run, request.window))?;
            let trace = job.trace(goes_on)?;
            let bytes = Bytes::from(serde_json::to_vec(&trace).unwrap_or_default());
            work.with(|shared| {
                shared.explorer.park(job);
                shared.keep(asked, bytes.clone());
            });
            Ok(bytes)
        })
        .await
    }

    /// What somebody takes away, and its type.
    pub(super) async fn export(
        &self,
        request: ExportRequest,
        assets: Vec<(&'static str, String)>,
    ) -> Result<(&'static str, String), Refusal> {
        self.on_a_thread(move |goes_on| {
            let assets: Vec<Asset<'_>> = assets.iter().map(|(path, text)| Asset { path, text }).collect();
            explorer::export(&request, &assets, goes_on)
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn FnMut() -> bool) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let deadline = Instant::now() + TIME_MAX;
        let turn = tokio::time::timeout(TIME_MAX, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Refusal::Stopped) };
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut || Instant::now() < deadline);
            drop(turn);
            done
        });
        done.await.unwrap_or(Err(Refusal::Panics))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        // Whoever panicked has left nothing half done: a world is taken out while it is worked on.
        act(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn known(&mut self, asked: &Bytes) -> Option<Bytes> {
        let place = self.answers.iter().position(|(other, _)| other == asked)?;
        let found = self.answers.remove(place)?;
        self.answers.push_back(found.clone());
        Some(found.1)
    }

    fn keep(&mut self, asked: Bytes, bytes: Bytes) {
        self.answers.push_back((asked, bytes));
        while self.answers.len() > KEPT || self.answers.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > KEPT_BYTES
        {
            self.answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_leaves_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = Work::new();
        for _ in 0..=AT_ONCE {
            let panics = work.on_a_thread(|_| Ok("no number".parse::<u8>().unwrap()));
            assert_eq!(runtime.block_on(panics), Err(Refusal::Panics));
        }
        assert_eq!(runtime.block_on(work.on_a_thread(|_| Ok(7))), Ok(7));
    }
}
