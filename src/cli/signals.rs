//! SIGTERM and SIGINT: the pass under way leaves between two pages.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Failure;

/// Cancelled at the first signal; the second one ends the process at once.
pub(super) fn stop_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut term = signal(SignalKind::terminate()).map_err(|error| Failure::unexpected(&error))?;
    let mut int = signal(SignalKind::interrupt()).map_err(|error| Failure::unexpected(&error))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("told to stop");
        told.cancel();
    });
    Ok(stop)
}
