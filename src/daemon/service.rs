//! The loop: wait for a ring, run a pass, until told to stop. Passes never overlap, because nothing else runs them.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::begin::{bind, first_mode};
use super::errand::Errand;
use super::heart::Heart;
use super::http::{Parts, Server, ServerError};
use super::mirror::{Mirror, OpenError, Order};
use super::outcome::{Failures, got_on, report};
use super::reload::{Fresh, Reload};
use super::ringer::{Ring, Ringer};
use super::snapshots::{self, Copies};
use super::trouble::Trouble;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::pass::{Audit, PassError, Phase, Progress};
use crate::plan::{Mode, Pulse, Purse};
use crate::store::RunStatus;

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
    /// The daemon's own server could not be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// There is no address to receive on.
    #[error("http.listen is empty: there is nothing to receive events on")]
    Deaf,
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
    let server = Server::start(&config.http, parts(mirror), heart.signs(), None).await?;
    let mut trouble = Trouble::none(config.http.fresh_within);
    let bound = bind(mirror, orders.stop, &mut trouble);
    if !heart
        .while_starting("asking the source whose account it is", bound)
        .await?
    {
        heart.stopping();
        return Ok(());
    }
    let reader = mirror.store().reader().clone();
    let clock = mirror.clock().clone();
    let (copies, ordered) = watch::channel(Copies::by(&config));
    let over = orders.stop.child_token();
    let mut service = Service {
        ringer: Ringer::start(&config.schedule, mirror.clock()).await?,
        pulse: Pulse::default(),
        errand: Errand::beside(&config.database.path),
        backfill: Failures::default(),
        trouble,
        copies,
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
    let (ended, kept) = tokio::join!(working, snapshots::keep(&reader, ordered, &clock, &over));
    service.heart.stopping();
    service.ringer.stop().await;
    ended?;
    Ok(kept?)
}

/// What the daemon's own server tells of.
fn parts(mirror: &Mirror) -> Parts {
    Parts {
        reader: mirror.store().reader().clone(),
        clock: mirror.clock().clone(),
        requests: mirror.request_counts(),
        governor: mirror.governor().clone(),
    }
}

/// News of an account whose lists take long to walk come by peeks beside the walk; so long at most they wait for the chats after it.
const LONGEST_TURN: Duration = Duration::from_mins(5);

/// The service at work.
struct Service<'a> {
    mirror: &'a mut Mirror,
    config: Config,
    ringer: Ringer,
    /// How busy the account is.
    pulse: Pulse,
    /// What may be asked of it beside the schedule.
    errand: Errand,
    /// How the last backfills failed, if they did.
    backfill: Failures,
    /// What has been failing of late.
    trouble: Trouble,
    /// When sealed copies are made, and where.
    copies: watch::Sender<Copies>,
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
            self.errand.take();
            // One that fails again and again, such as for a loss that is not believed, keeps no news waiting.
            if self.errand.is_owed() && !self.backfill.makes_room() {
                mode = Mode::Backfill;
            }
            mode = match self.pass(mode).await? {
                After::Again(mode) => mode,
                After::Rest { until } => self.next_mode(until).await?,
            };
        }
        Ok(())
    }

    /// Runs one pass, and says what follows it. Meanwhile the heart beats, the next look may come due, and a new configuration may come.
    async fn pass(&mut self, mode: Mode) -> Result<After, ServiceError> {
        let Self {
            mirror,
            config,
            ringer,
            pulse,
            errand,
            backfill,
            trouble,
            orders,
            heart,
            copies: _,
            server: _,
        } = self;
        let begun = mirror.clock().now();
        pulse.looks(begun);
        let ring = ringer.next_look(begun);
        let next = pulse.next_look(purse(mirror), ring);
        let give_way = CancellationToken::new();
        let halt = orders.stop.child_token();
        // What the last pass ended with says nothing of this one.
        orders.progress.send_modify(Progress::begin);
        let order = Order {
            audit: spare(config, purse(mirror), next.at.since(begun)),
            look_every: Some(next.at.since(begun)),
            settled_only: next.settled_only,
            ..Order::from(mode)
        };
        let mut fresh = None;
        let outcome = {
            let pass = mirror.pass(order, &halt, &give_way, orders.progress);
            let due = due_and_read(mirror.clock(), next.at, orders.progress);
            tokio::pin!(pass, due);
            loop {
                tokio::select! {
                    outcome = &mut pass => break outcome,
                    // Heads never starve: a pass that reads history makes room for the next look at them.
                    () = &mut due, if !give_way.is_cancelled() => give_way.cancel(),
                    () = orders.reload.asked(), if fresh.is_none() => {
                        fresh = read_again(&orders.reload, config, heart);
                        if fresh.is_some() {
                            halt.cancel();
                        }
                    }
                    () = heart.pulse(orders.progress) => {
                        errand.take();
                    }
                }
            }
        };
        let cut = matches!(outcome, Err(PassError::Stopped));
        let got_on = got_on(&outcome, &orders.progress.borrow());
        let outcome = report(outcome, trouble, mirror.clock().now())?;
        if mode == Mode::Backfill && outcome.is_some() {
            errand.is_done();
        }
        backfill.ended(mode == Mode::Backfill && outcome.is_none() && !cut, got_on);
        if mode == Mode::Reconcile && !cut {
            let tidied = heart.beside(mirror.tidy(config.changes)).await;
            tidied.map_err(PassError::from)?;
        }
        let until = match &outcome {
            Some(outcome) => {
                pulse.found(begun, outcome.chats_changed);
                pulse.next_look(purse(mirror), ring).at
            }
            None => ringer.next_look(mirror.clock().now()),
        };
        if let Some(fresh) = fresh {
            self.take_up(fresh).await?;
            return Ok(After::Again(if cut { mode } else { Mode::Incremental }));
        }
        let partial = outcome.is_some_and(|outcome| outcome.status == RunStatus::Partial);
        Ok(if partial && give_way.is_cancelled() {
            After::Again(Mode::Incremental)
        } else {
            After::Rest { until }
        })
    }

    /// Waits until it is time for the next pass: for its ring, or for the next look at a busy account.
    async fn next_mode(&mut self, at: Timestamp) -> Result<Mode, ServiceError> {
        self.rest_in_words().await?;
        let fresh = {
            let Self {
                config,
                ringer,
                errand,
                orders,
                heart,
                ..
            } = self;
            let waiting = ringer.wait(at);
            tokio::pin!(waiting);
            loop {
                heart.at_rest();
                if errand.take() {
                    return Ok(Mode::Backfill);
                }
                tokio::select! {
                    biased;
                    () = orders.stop.cancelled() => return Ok(Mode::Incremental),
                    ring = &mut waiting => return Ok(match ring {
                        Ring::Reconcile => Mode::Reconcile,
                        Ring::Look => Mode::Incremental,
                    }),
                    () = orders.reload.asked() => {
                        if let Some(fresh) = read_again(&orders.reload, config, heart) {
                            break fresh;
                        }
                    }
                    () = tokio::time::sleep(heart.every()) => {}
                }
            }
        };
        self.take_up(fresh).await?;
        Ok(Mode::Incremental)
    }

    /// Between two passes, `systemctl status` shows how complete the mirror is.
    async fn rest_in_words(&mut self) -> Result<(), ServiceError> {
        let freshness = self.mirror.store().reader().freshness().await;
        let freshness = freshness.map_err(PassError::from)?;
        let complete = match freshness.complete_through {
            Some(through) => format!("complete through {through} UTC"),
            None => format!("not complete yet: {} chats are owed", freshness.owed_chats),
        };
        self.heart.say(&match self.trouble.in_words() {
            Some(trouble) => format!("{complete}; {trouble}"),
            None => complete,
        });
        Ok(())
    }

    /// Works by the new configuration from now on, if the source agrees with it; by the old one if not.
    async fn take_up(&mut self, fresh: Fresh) -> Result<(), ServiceError> {
        let Fresh { config, token } = fresh;
        let reconfigured = self.mirror.reconfigure(&config.source, token);
        match self.heart.beside(reconfigured).await {
            Ok(()) => {
                let ringer = Ringer::start(&config.schedule, self.mirror.clock()).await?;
                std::mem::replace(&mut self.ringer, ringer).stop().await;
                self.heart.suit(&config);
                if let Some(server) = &self.server {
                    server.watch(self.mirror.governor());
                }
                self.copies.send_replace(Copies::by(&config));
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
    /// Nothing, until the next look.
    Rest {
        /// When that is.
        until: Timestamp,
    },
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

fn purse(mirror: &Mirror) -> Purse {
    let room = mirror.room();
    Purse {
        allowed: room.a_minute,
        used: room.used,
    }
}

/// What may be spent on re-reading until the next look.
fn spare(config: &Config, purse: Purse, till_next: Duration) -> Option<Audit> {
    Some(Audit {
        requests: purse.spare(till_next, UNPACED),
        horizon: config.audit.horizon()?,
    })
}

/// Returns once the next look is due and the pass has had its turn at its chats: a pass that gave way before that would hardly
/// come to them where walking the lists takes longer than it is from look to look. So its turn is as long as the lists took, and
/// it has read something; what a peek beside the lists reads does not count. A pass gives way between two answers, so it is enough to look at the
/// clock whenever it tells of one.
async fn due_and_read(clock: &Clock, at: Timestamp, progress: &watch::Sender<Progress>) {
    let mut watched = progress.subscribe();
    let (mut lists, mut turn) = (None, None);
    let read = watched.wait_for(|progress| {
        let now = clock.now();
        if progress.phase == Phase::Lists {
            lists.get_or_insert(now);
        }
        if !matches!(progress.phase, Phase::Messages | Phase::Audit) {
            turn = None;
            return false;
        }
        let read = (progress.chats_read, progress.messages_read);
        let (phase, since, before) = *turn.get_or_insert((progress.phase, now, read));
        if phase != progress.phase {
            // What is read again has a turn of its own.
            turn = Some((progress.phase, now, read));
            return false;
        }
        let its_turn = lists.map_or(Duration::ZERO, |lists| since.since(lists));
        read != before && now >= at && now.since(since) >= its_turn.min(LONGEST_TURN)
    });
    // The sender outlives the pass, so this only ends because something was read.
    let _ = read.await;
}
