//! What ends a member: SIGTERM, Ctrl-C, or, for a member with `--parent-pipe`, the end of its standard input, which comes when the
//! process that started it is gone, however it went.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal, as shells name an end by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Cancels `stop` on the first sign, and ends the process at once on the second signal.
///
/// # Errors
/// When the system gives no signals.
pub(crate) fn listen(stop: &CancellationToken, parent_pipe: bool) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let on_signal = stop.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if on_signal.is_cancelled() {
                tracing::warn!("{name} while stopping: ending at once");
                std::process::exit(INTERRUPTED);
            }
            tracing::info!("{name}: stopping");
            on_signal.cancel();
        }
    });
    if parent_pipe {
        let on_end = stop.clone();
        // A thread of its own: a read of standard input can't be cancelled, and must not hold up the runtime's end.
        std::thread::Builder::new().name("parent-pipe".to_owned()).spawn(move || {
            let mut ignored = [0; 64];
            while std::io::stdin().read(&mut ignored).is_ok_and(|count| count > 0) {}
            tracing::info!(
                "standard input ended, so the process that started this member is gone or wants it to stop: stopping"
            );
            on_end.cancel();
        })?;
    }
    Ok(())
}
