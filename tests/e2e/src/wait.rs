//! Waiting for something that must come, and saying what did not.

use std::time::{Duration, Instant};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(10);

/// Long enough for anything that takes an election or a start, on a busy machine; a test that waits so long has failed.
#[must_use]
pub fn soon() -> Duration {
    Duration::from_secs(30)
}

/// Asks until there is an answer.
///
/// # Panics
/// When there is none in time, with what was waited for.
pub async fn wait_until<T>(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {:.1} s in vain: {what}", start.elapsed().as_secs_f64());
        tokio::time::sleep(PERIOD).await;
    }
}
