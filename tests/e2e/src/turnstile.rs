//! How many clusters run at once. The tests of one binary run in parallel, and a cluster of three with clients is four
//! processes: too many of them on two cores and every timeout means nothing.

use std::sync::LazyLock;

use tokio::sync::{Semaphore, SemaphorePermit};

static PLACES: LazyLock<(Semaphore, u32)> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let places = u32::try_from(cores.clamp(2, 8)).expect("at most 8");
    (Semaphore::new(places as usize), places)
});

/// Held while a test runs.
pub type Turn = SemaphorePermit<'static>;

/// For a test that measures time or loads the machine: no other runs.
///
/// # Panics
/// Never: the turnstile is not closed.
pub async fn alone() -> Turn {
    PLACES.0.acquire_many(PLACES.1).await.expect("never closed")
}

/// For a test that shares the machine.
///
/// # Panics
/// Never: the turnstile is not closed.
pub async fn beside_others() -> Turn {
    PLACES.0.acquire().await.expect("never closed")
}
