//! SIGTERM and SIGINT: the first asks to stop, the second ends the process at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What shells report for a process that SIGINT ended: 128 + 2.
const EXIT_INTERRUPTED: i32 = 130;

/// A token that the first signal cancels. Needs a running runtime.
///
/// # Errors
/// If the signals cannot be listened to.
pub fn stop_on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if token.is_cancelled() {
                tracing::warn!("second signal: leaving at once");
                std::process::exit(EXIT_INTERRUPTED);
            }
            tracing::info!("stopping; a second signal leaves at once");
            token.cancel();
        }
    });
    Ok(stop)
}
