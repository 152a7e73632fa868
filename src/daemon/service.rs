//! The loop: wait for a ring, run a pass, until told to stop. Passes never overlap, because nothing else runs them.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::mirror::{Mirror, OpenError, Order};
use super::ringer::{Ring, Ringer};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::pass::{Audit, Outcome, PassError, Progress};
use crate::plan::{Mode, Pulse, Purse};
use crate::source::SourceError;
use crate::store::{RunStatus, RunTotals};

/// While the source cannot be reached at the start, it is asked again after this, and after twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest of those pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A source without a ceiling is not asked more often than this a minute for what nobody waits for.
const UNPACED: u32 = 600;

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
    let mut ringer = Ringer::start(&config.schedule, mirror.clock()).await?;
    let served = work(mirror, config, &mut ringer, stop, progress).await;
    ringer.stop().await;
    served
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
    let mut pulse = Pulse::default();
    while !stop.is_cancelled() {
        let begun = mirror.clock().now();
        pulse.looks(begun);
        let ring = ringer.next_look(begun);
        let next = pulse.next_look(purse(mirror), ring);
        let order = Order {
            audit: spare(config, purse(mirror), next.at.since(begun)),
            settled_only: next.settled_only,
            ..Order::from(mode)
        };
        let give_way = CancellationToken::new();
        let before = progress.borrow().clone();
        let pass = mirror.pass(order, stop, &give_way, progress);
        tokio::pin!(pass);
        let outcome = tokio::select! {
            outcome = &mut pass => outcome,
            () = due_and_read(mirror.clock(), next.at, progress, &before) => {
                // Heads never starve: a pass that reads history makes room for the next look at them.
                give_way.cancel();
                pass.await
            }
        };
        let outcome = report(outcome)?;
        if mode == Mode::Reconcile {
            mirror.tidy(config.changes).await.map_err(PassError::from)?;
        }
        let at = match &outcome {
            Some(outcome) => {
                pulse.found(begun, outcome.chats_changed);
                pulse.next_look(purse(mirror), ring).at
            }
            None => ringer.next_look(mirror.clock().now()),
        };
        let partial = outcome.is_some_and(|outcome| outcome.status == RunStatus::Partial);
        mode = if partial && give_way.is_cancelled() {
            Mode::Incremental
        } else {
            next_mode(ringer, at, stop).await
        };
    }
    Ok(())
}

fn purse(mirror: &Mirror) -> Purse {
    let room = mirror.room();
    Purse {
        allowed: room.a_minute,
        used: room.used,
    }
}

/// What may be spent on re-reading until the next look.
fn spare(config: &Config, purse: Purse, till_next: Duration) -> Option<Audit> {
    let days = config.audit.days?;
    Some(Audit {
        requests: purse.spare(till_next, UNPACED),
        horizon: Duration::from_hours(24 * u64::from(days)),
    })
}

/// Returns once the next look is due and the pass has read something of its chats: a pass that gave way before that would
/// never come to them where walking the lists takes longer than it is from look to look. A pass gives way between two
/// answers, so it is enough to look at the clock whenever it tells of one.
async fn due_and_read(
    clock: &Clock,
    at: Timestamp,
    progress: &watch::Sender<Progress>,
    before: &Progress,
) {
    let mut watched = progress.subscribe();
    let read = watched.wait_for(|now| {
        let has_read =
            now.chats_read > before.chats_read || now.messages_read > before.messages_read;
        has_read && clock.now() >= at
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

/// Waits until it is time for the next pass: for its ring, or for the next look at a busy account.
async fn next_mode(ringer: &mut Ringer, at: Timestamp, stop: &CancellationToken) -> Mode {
    tokio::select! {
        biased;
        () = stop.cancelled() => Mode::Incremental,
        ring = ringer.wait(at) => match ring {
            Ring::Reconcile => Mode::Reconcile,
            Ring::Look => Mode::Incremental,
        },
    }
}

/// Logs how a pass went; gives nothing if it did not come to its end. What a later pass can mend does not end the service.
fn report(outcome: Result<Outcome, PassError>) -> Result<Option<Outcome>, ServiceError> {
    match outcome {
        Ok(outcome) => {
            log_done(&outcome);
            Ok(Some(outcome))
        }
        Err(PassError::Stopped) => Ok(None),
        Err(error) if can_pass(&error) => {
            tracing::error!(%error, hint = error.hint(), "pass failed; the next ring tries again");
            Ok(None)
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
