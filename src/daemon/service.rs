//! The loop: wait for a ring, run a pass, until told to stop. Passes never overlap, because nothing else runs them.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::mirror::{Mirror, OpenError, Order};
use super::ringer::Ringer;
use super::snapshots;
use crate::config::Config;
use crate::pass::{Audit, Outcome, PassError, Progress};
use crate::plan::Mode;
use crate::source::SourceError;
use crate::store::{RunStatus, RunTotals};

/// A ring that is this late will not come: the loop goes on without it.
const LATE: Duration = Duration::from_mins(1);

/// While the source cannot be reached at the start, it is asked again after this, and after twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest of those pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A source without a ceiling is not asked more often than this a minute for what nobody waits for.
const UNPACED: u64 = 600;

/// Why the service ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The mirror could not be opened or bound.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A pass met what no later pass can mend.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// The scheduler could not be started.
    #[error("the scheduler could not be started: {0}")]
    Scheduler(#[from] tokio_cron_scheduler::JobSchedulerError),
}

/// Runs passes by the schedule until `stop`.
///
/// # Errors
/// [`ServiceError`], when going on is of no use: the token is refused, the file cannot be written.
pub async fn serve(
    mirror: &Mirror,
    config: &Config,
    stop: &CancellationToken,
    progress: &watch::Sender<Progress>,
) -> Result<(), ServiceError> {
    if !bind(mirror, stop).await? {
        return Ok(());
    }
    let mut ringer = Ringer::start(&config.schedule).await?;
    let over = stop.child_token();
    let working = async {
        let served = work(mirror, config, &mut ringer, stop, progress).await;
        over.cancel();
        served
    };
    let reader = mirror.store().reader();
    let (served, kept) = tokio::join!(
        working,
        snapshots::keep(reader, config, mirror.clock(), &over)
    );
    ringer.stop().await;
    served?;
    Ok(kept?)
}

/// Binds, however long the source cannot be reached. Says whether it is bound: not if it was told to stop before.
async fn bind(mirror: &Mirror, stop: &CancellationToken) -> Result<bool, ServiceError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match mirror.bind(stop).await {
            Err(OpenError::Source(error)) if error.is_transient() => {
                let hint = error.hint();
                let again_in_s = pause.as_secs();
                tracing::warn!(%error, hint, again_in_s, "failed to learn whose account it is; trying again");
                tokio::select! {
                    () = stop.cancelled() => return Ok(false),
                    () = mirror.clock().sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(OpenError::Stopped) => return Ok(false),
            outcome => return Ok(outcome.map(|()| true)?),
        }
    }
}

async fn work(
    mirror: &Mirror,
    config: &Config,
    ringer: &mut Ringer,
    stop: &CancellationToken,
    progress: &watch::Sender<Progress>,
) -> Result<(), ServiceError> {
    // What was missed while the service was down is not waited for.
    let mut mode = first_mode(mirror).await?;
    while !stop.is_cancelled() {
        let give_way = CancellationToken::new();
        let before = progress.borrow().clone();
        let order = Order {
            audit: spare(config, ringer.till_next().await),
            ..Order::from(mode)
        };
        let pass = mirror.pass(order, stop, &give_way, progress);
        tokio::pin!(pass);
        let outcome = tokio::select! {
            outcome = &mut pass => outcome,
            () = rung_and_read(ringer, progress, &before) => {
                // Heads never starve: a pass that reads history makes room for the next look at them.
                give_way.cancel();
                pass.await
            }
        };
        let again = report(outcome)? && give_way.is_cancelled();
        if mode == Mode::Reconcile {
            mirror.tidy(config.changes).await.map_err(PassError::from)?;
        }
        mode = if again {
            Mode::Incremental
        } else {
            next_mode(ringer, stop).await
        };
    }
    Ok(())
}

/// Half of the requests that the budget allows until the next ring re-read what may have changed silently; the other half is
/// left to the customer's other programs.
fn spare(config: &Config, till_next: Option<Duration>) -> Option<Audit> {
    let days = config.audit.days?;
    let per_minute = match config.source.requests_per_minute {
        0 => UNPACED,
        ceiling => u64::from(ceiling),
    };
    let seconds = till_next.map_or(0, |span| span.as_secs());
    Some(Audit {
        requests: per_minute * seconds / 120,
        horizon: Duration::from_hours(24 * u64::from(days)),
    })
}

/// Returns once the bell has rung and the pass has read something of its chats: a pass that gave way before that would
/// never come to them where walking the lists takes longer than it is from ring to ring.
async fn rung_and_read(ringer: &mut Ringer, progress: &watch::Sender<Progress>, before: &Progress) {
    if ringer.incremental.recv().await.is_none() {
        return std::future::pending().await;
    }
    let mut watched = progress.subscribe();
    let read = watched.wait_for(|now| {
        now.chats_read > before.chats_read || now.messages_read > before.messages_read
    });
    // The sender outlives the pass, so this only ends because something was read.
    let _ = read.await;
}

/// An empty mirror begins with a backfill; one that was cut short goes on with it.
async fn first_mode(mirror: &Mirror) -> Result<Mode, ServiceError> {
    let freshness = mirror
        .store()
        .reader()
        .freshness()
        .await
        .map_err(PassError::from)?;
    Ok(match freshness.lists_seen_through {
        None => Mode::Backfill,
        Some(_) => Mode::Incremental,
    })
}

/// Waits for a ring. A ring that does not come is replaced.
async fn next_mode(ringer: &mut Ringer, stop: &CancellationToken) -> Mode {
    let patience = ringer.till_next().await.unwrap_or_default() + LATE;
    tokio::select! {
        biased;
        () = stop.cancelled() => Mode::Incremental,
        Some(()) = ringer.reconcile.recv() => Mode::Reconcile,
        Some(()) = ringer.incremental.recv() => Mode::Incremental,
        () = tokio::time::sleep(patience) => {
            tracing::warn!(patience_s = patience.as_secs(), "the scheduler did not ring; going on without it");
            Mode::Incremental
        }
    }
}

/// Logs how a pass went; says whether it left something to go on with. What a later pass can mend does not end the service.
fn report(outcome: Result<Outcome, PassError>) -> Result<bool, ServiceError> {
    match outcome {
        Ok(outcome) => {
            log_done(&outcome);
            Ok(outcome.status == RunStatus::Partial)
        }
        Err(PassError::Stopped) => Ok(false),
        Err(error) if can_pass(&error) => {
            tracing::error!(%error, hint = error.hint(), "pass failed; the next ring tries again");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// A look that found nothing new is nothing to tell, every few seconds for months.
fn log_done(outcome: &Outcome) {
    let Outcome { mode, status, .. } = outcome;
    if *mode == Mode::Incremental
        && *status == RunStatus::Complete
        && outcome.rows == RunTotals::default()
    {
        tracing::debug!(requests = outcome.requests, "nothing new");
        return;
    }
    tracing::info!(
        mode = mode.word(),
        status = status.word(),
        requests = outcome.requests,
        chats.read = outcome.chats_read,
        chats.failed = outcome.chats_failed,
        rows.inserted = outcome.rows.inserted,
        rows.updated = outcome.rows.updated,
        rows.deleted = outcome.rows.deleted,
        rejects = outcome.rows.rejects,
        "pass done"
    );
}

fn can_pass(error: &PassError) -> bool {
    match error {
        PassError::Source(error) => !matches!(error, SourceError::TokenRefused { .. }),
        PassError::Store(error) => error.is_transient(),
        PassError::TooManyGone { .. } => true,
        _ => false,
    }
}
