//! SIGTERM and SIGINT: the first one lets the work under way come to an orderly end, the second one does not wait for it.
//! SIGHUP has the daemon read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;

use super::exit::Failure;

/// What signals ask of a command.
#[derive(Debug, Default)]
pub(super) struct Signals {
    stop: CancellationToken,
    at_once: CancellationToken,
}

impl Signals {
    /// From now on signals are heard here; a command that never calls this is ended by the first one. The token is cancelled by it.
    pub(super) fn listen(&self) -> Result<CancellationToken, Failure> {
        let mut term = heard(SignalKind::terminate())?;
        let mut int = heard(SignalKind::interrupt())?;
        let (stop, at_once) = (self.stop.clone(), self.at_once.clone());
        tokio::spawn(async move {
            either(&mut term, &mut int).await;
            tracing::info!("told to stop");
            stop.cancel();
            either(&mut term, &mut int).await;
            at_once.cancel();
        });
        Ok(self.stop.clone())
    }

    /// Returns when a second signal has come.
    pub(super) async fn insisted(&self) {
        self.at_once.cancelled().await;
    }
}

/// Rings at each SIGHUP; what rings while nobody listens rings once.
pub(super) fn reloads() -> Result<Receiver<()>, Failure> {
    let mut hangup = heard(SignalKind::hangup())?;
    let (sender, bell) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() && !sender.is_closed() {
            // A bell that is still ringing need not be rung again.
            let _ = sender.try_send(());
        }
    });
    Ok(bell)
}

fn heard(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::unexpected(&error))
}

async fn either(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
