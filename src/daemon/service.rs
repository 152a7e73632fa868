//! The loop: wait for a ring, run a pass, until told to stop. Passes never overlap, because nothing else runs them.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::heart::Heart;
use super::http::{Server, ServerError};
use super::mirror::{Mirror, OpenError, Order};
use super::reload::{Fresh, Reload};
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
    /// The daemon's own server could not be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The scheduler could not be started.
    #[error("the scheduler could not be started: {0}")]
    Scheduler(#[from] tokio_cron_scheduler::JobSchedulerError),
}

/// What reaches a service from outside.
#[derive(Debug)]
pub struct Orders<'a> {
    /// Told to stop, it comes to an orderly end.
    pub stop: &'a CancellationToken,
    /// Told to, it reads its configuration again.
    pub reload: Reload,
    /// Where it tells how a pass is getting on.
    pub progress: &'a watch::Sender<Progress>,
}

/// Runs passes by the schedule until it is told to stop.
///
/// # Errors
/// [`ServiceError`], when going on is of no use: the token is refused, the file cannot be written.
pub async fn serve(
    mirror: &mut Mirror,
    config: Config,
    orders: Orders<'_>,
    heart: &mut Heart,
) -> Result<(), ServiceError> {
    heart.suit(&config);
    let server = Server::start(&config.http, mirror, heart.signs()).await?;
    let bound = bind(mirror, orders.stop);
    if !heart
        .while_starting("asking the source whose account it is", bound)
        .await?
    {
        heart.stopping();
        return Ok(());
    }
    let reader = mirror.store().reader().clone();
    let (clock, settings) = (mirror.clock().clone(), config.clone());
    let over = orders.stop.child_token();
    let mut service = Service {
        ringer: Ringer::start(&config.schedule).await?,
        mirror,
        config,
        orders,
        heart,
        server,
    };
    let working = async {
        let ended = service.work().await;
        over.cancel();
        ended
    };
    let (ended, kept) = tokio::join!(working, snapshots::keep(&reader, &settings, &clock, &over));
    service.heart.stopping();
    service.ringer.stop().await;
    ended?;
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

/// The service at work.
struct Service<'a> {
    mirror: &'a mut Mirror,
    config: Config,
    ringer: Ringer,
    orders: Orders<'a>,
    heart: &'a mut Heart,
    server: Option<Server>,
}

impl Service<'_> {
    async fn work(&mut self) -> Result<(), ServiceError> {
        // What was missed while the service was down is not waited for.
        let mut mode = first_mode(self.mirror).await?;
        self.heart.ready();
        while !self.orders.stop.is_cancelled() {
            mode = match self.pass(mode).await? {
                After::Again(mode) => mode,
                After::Rest => self.next_mode().await?,
            };
        }
        Ok(())
    }

    /// Runs one pass, and says what follows it. Meanwhile the heart beats, the bell may ring, and a new configuration may come.
    async fn pass(&mut self, mode: Mode) -> Result<After, ServiceError> {
        let Self {
            mirror,
            config,
            ringer,
            orders,
            heart,
            server: _,
        } = self;
        let give_way = CancellationToken::new();
        let halt = orders.stop.child_token();
        let before = orders.progress.borrow().clone();
        let order = Order {
            audit: spare(config, ringer.till_next().await),
            ..Order::from(mode)
        };
        let mut fresh = None;
        let outcome = {
            let pass = mirror.pass(order, &halt, &give_way, orders.progress);
            let rung = rung_and_read(ringer, orders.progress, &before);
            tokio::pin!(pass, rung);
            loop {
                tokio::select! {
                    outcome = &mut pass => break outcome,
                    // Heads never starve: a pass that reads history makes room for the next look at them.
                    () = &mut rung, if !give_way.is_cancelled() => give_way.cancel(),
                    () = orders.reload.asked(), if fresh.is_none() => {
                        fresh = read_again(&orders.reload, config, heart);
                        if fresh.is_some() {
                            halt.cancel();
                        }
                    }
                    () = heart.pulse(orders.progress) => {}
                }
            }
        };
        let cut = matches!(outcome, Err(PassError::Stopped));
        let again = report(outcome)? && give_way.is_cancelled();
        if mode == Mode::Reconcile && !cut {
            let tidy = heart.beside(mirror.tidy(config.changes)).await;
            tidy.map_err(PassError::from)?;
        }
        if let Some(fresh) = fresh {
            self.take_up(fresh).await?;
            return Ok(After::Again(if cut { mode } else { Mode::Incremental }));
        }
        Ok(if again {
            After::Again(Mode::Incremental)
        } else {
            After::Rest
        })
    }

    /// Waits for a ring. A ring that does not come is replaced.
    async fn next_mode(&mut self) -> Result<Mode, ServiceError> {
        self.rest_in_words().await?;
        let patience = self.ringer.till_next().await.unwrap_or_default() + LATE;
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        loop {
            self.heart.at_rest();
            tokio::select! {
                biased;
                () = self.orders.stop.cancelled() => return Ok(Mode::Incremental),
                Some(()) = self.ringer.reconcile.recv() => return Ok(Mode::Reconcile),
                Some(()) = self.ringer.incremental.recv() => return Ok(Mode::Incremental),
                () = self.orders.reload.asked() => {
                    if let Some(fresh) = read_again(&self.orders.reload, &self.config, self.heart) {
                        self.take_up(fresh).await?;
                        return Ok(Mode::Incremental);
                    }
                }
                () = &mut late => {
                    tracing::warn!(patience_s = patience.as_secs(), "the scheduler did not ring; going on without it");
                    return Ok(Mode::Incremental);
                }
                () = tokio::time::sleep(self.heart.every()) => {}
            }
        }
    }

    /// Between two passes, `systemctl status` shows how complete the mirror is.
    async fn rest_in_words(&mut self) -> Result<(), ServiceError> {
        let freshness = self.mirror.store().reader().freshness().await;
        let freshness = freshness.map_err(PassError::from)?;
        self.heart.say(&match freshness.complete_through {
            Some(through) => format!("complete through {through} UTC"),
            None => format!("not complete yet: {} chats are owed", freshness.owed_chats),
        });
        Ok(())
    }

    /// Works by the new configuration from now on, if the source agrees with it; by the old one if not.
    async fn take_up(&mut self, fresh: Fresh) -> Result<(), ServiceError> {
        let Fresh { config, token } = fresh;
        let reconfigured = self.mirror.reconfigure(&config.source, token);
        match self.heart.beside(reconfigured).await {
            Ok(()) => {
                let ringer = Ringer::start(&config.schedule).await?;
                std::mem::replace(&mut self.ringer, ringer).stop().await;
                self.heart.suit(&config);
                if let Some(server) = &self.server {
                    server.watch(self.mirror.governor());
                }
                self.config = config;
                tracing::info!("the new configuration is in use");
                self.heart.ready();
            }
            Err(error) => refuse(&error, self.heart),
        }
        Ok(())
    }
}

/// What follows a pass.
enum After {
    /// Another one, at once.
    Again(Mode),
    /// Nothing, until the bell rings.
    Rest,
}

/// Reads the configuration again; nothing if it will not do, and then the one in use stays.
fn read_again(reload: &Reload, in_use: &Config, heart: &mut Heart) -> Option<Fresh> {
    heart.reloading();
    match reload.read(in_use) {
        Ok(fresh) => Some(fresh),
        Err(error) => {
            refuse(&error, heart);
            None
        }
    }
}

fn refuse(error: &dyn std::error::Error, heart: &mut Heart) {
    tracing::error!(%error, "the new configuration is refused; the old one stays in use");
    heart.say(&format!("the new configuration is refused: {error}"));
    heart.ready();
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
