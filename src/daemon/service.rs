//! The loop: wait for a ring, run a pass, until told to stop. Passes never overlap, because nothing else runs them.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::begin::{bind, first_mode};
use super::due::Due;
use super::errand::Errand;
use super::heart::Heart;
use super::http::{Parts, Server};
use super::mirror::{Mirror, OpenError, Order};
use super::outcome::{Failures, ServiceError, has_read, heals, is_refused, report};
use super::reload::{Fresh, Reload, Waiting, read_again, refuse};
use super::ringer::{Ring, Ringer};
use super::snapshots::{self, Copies};
use super::trouble::Trouble;
use super::turn::{due_and_read, purse, spare};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::pass::{Outcome, PassError, Progress, lists_are_half_read, reads_history};
use crate::plan::{EAGER, Mode, NextLook, Pulse};
use crate::store::{Reader, RunStatus, StoreError};

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
        due: Due::default(),
        waiting: None,
        trouble,
        copies,
        mirror,
        config,
        orders,
        heart,
        server,
    };
    let working = async {
        let ended = Box::pin(service.work()).await;
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
    /// Whether a reconcile pass is.
    due: Due,
    /// A new configuration that waits until the source can be asked whether it opens the same account.
    waiting: Option<Waiting>,
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
        let last = self.ringer.last_reconcile();
        if known(self.mirror.reconcile_was_missed(last).await)? {
            self.due.rings();
        }
        self.heart.ready();
        while !self.orders.stop.is_cancelled() {
            self.errand.take();
            // A backfill that is being read has listed every chat before it was asked for: the one that was follows it.
            if self.errand.is_owed() && !known(reads_history(self.reader()).await)? {
                self.errand.begin();
                // One that fails again and again, such as for a loss that is not believed, keeps no news waiting.
                if !self.backfill.makes_room() {
                    mode = Mode::Backfill;
                }
            }
            mode = match self.pass(mode).await? {
                After::Again(mode) => mode,
                After::Rest { until } => self.next_mode(until).await?,
            };
        }
        Ok(())
    }

    /// Runs one pass, and says what follows it.
    async fn pass(&mut self, mode: Mode) -> Result<After, ServiceError> {
        let begun = self.mirror.clock().now();
        self.pulse.looks(begun);
        let ring = self.ringer.next_look(begun);
        let next = self.pulse.next_look(purse(self.mirror), ring);
        let give_way = CancellationToken::new();
        let (outcome, fresh) = self.drive(mode, next, &give_way).await;
        let now = self.mirror.clock().now();
        let outcome = match outcome {
            Err(error) if is_refused(&error) && (fresh.is_some() || self.waiting.is_some()) => {
                let words = "the token in use is refused, and another one waits to be tried";
                self.trouble.met(&error, error.hint(), false, words, now);
                Err(PassError::Stopped)
            }
            outcome => outcome,
        };
        let fresh = fresh.or_else(|| Waiting::come(&mut self.waiting, now));
        let cut = matches!(outcome, Err(PassError::Stopped));
        let outcome = self.judge(mode, outcome).await?;
        let until = match &outcome {
            Some(outcome) => {
                self.pulse.found(begun, outcome.chats_changed);
                self.pulse.next_look(purse(self.mirror), ring).at
            }
            None => self.ringer.next_look(self.mirror.clock().now()),
        };
        if let Some(fresh) = fresh
            && self.take_up(fresh).await?
        {
            return Ok(After::Again(if cut { mode } else { Mode::Incremental }));
        }
        let partial = outcome.is_some_and(|outcome| outcome.status == RunStatus::Partial);
        Ok(if partial && give_way.is_cancelled() {
            After::Again(Mode::Incremental)
        } else {
            After::Rest { until }
        })
    }

    /// Runs one pass. Meanwhile the heart beats, the next look may come due, and a new configuration may come.
    async fn drive(
        &mut self,
        mode: Mode,
        next: NextLook,
        give_way: &CancellationToken,
    ) -> (Result<Outcome, PassError>, Option<Fresh>) {
        let Self {
            mirror,
            config,
            errand,
            orders,
            heart,
            ..
        } = self;
        let halt = orders.stop.child_token();
        // What the last pass ended with says nothing of this one.
        orders.progress.send_modify(Progress::begin);
        let till_next = next.at.since(mirror.clock().now());
        let order = Order {
            audit: spare(config, purse(mirror), till_next),
            look_every: Some(till_next.max(EAGER)),
            settled_only: next.settled_only,
            ..Order::from(mode)
        };
        let mut fresh = None;
        let pass = mirror.pass(order, &halt, give_way, orders.progress);
        let due = due_and_read(mirror.clock(), next.at, orders.progress);
        tokio::pin!(pass, due);
        let outcome = loop {
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
        };
        (outcome, fresh)
    }

    /// What is done about the end of a pass; gives nothing if it did not come to it.
    async fn judge(
        &mut self,
        mode: Mode,
        outcome: Result<Outcome, PassError>,
    ) -> Result<Option<Outcome>, ServiceError> {
        let cut = matches!(outcome, Err(PassError::Stopped));
        let heals = heals(&outcome);
        let got_on = heals && has_read(&self.orders.progress.borrow());
        let outcome = report(outcome, &mut self.trouble, self.mirror.clock().now())?;
        if mode == Mode::Backfill
            && (outcome.is_some() || known(reads_history(self.reader()).await)?)
        {
            self.errand.is_done();
        }
        let failed = outcome.is_none() && !cut;
        self.backfill
            .ended(mode == Mode::Backfill && failed, got_on);
        if mode == Mode::Reconcile && !cut {
            if failed && heals && (!got_on || known(lists_are_half_read(self.reader()).await)?) {
                self.due.failed(got_on);
            } else {
                // What is left after the lists is owed, and any pass reads it.
                self.due.is_over();
            }
            if !self.due.is_due() {
                known(self.mirror.note_reconcile().await)?;
                let tidied = self
                    .heart
                    .beside(self.mirror.tidy(self.config.changes))
                    .await;
                tidied.map_err(PassError::from)?;
            }
        }
        Ok(outcome)
    }

    fn reader(&self) -> &Reader {
        self.mirror.store().reader()
    }

    /// Waits until it is time for the next pass: for its ring, or for the next look at a busy account.
    async fn next_mode(&mut self, at: Timestamp) -> Result<Mode, ServiceError> {
        self.rest_in_words().await?;
        let fresh = {
            let Self {
                config,
                ringer,
                errand,
                due,
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
                    ring = &mut waiting => {
                        if ring == Ring::Reconcile {
                            due.rings();
                        }
                        return Ok(if due.comes() { Mode::Reconcile } else { Mode::Incremental });
                    }
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

    /// Works by the new configuration from now on, if the source agrees with it; by the old one if not. Says whether that is decided: not
    /// while the source cannot be asked.
    async fn take_up(&mut self, fresh: Fresh) -> Result<bool, ServiceError> {
        let Fresh { config, token } = fresh.clone();
        let reconfigured = self
            .mirror
            .reconfigure(&config.source, token, self.orders.stop);
        match self.heart.beside(reconfigured).await {
            Ok(()) => {
                self.waiting = None;
                self.go_by(config).await?;
            }
            Err(OpenError::Stopped) => {}
            Err(OpenError::Source(error)) if error.is_transient() => {
                let words = "the new configuration waits until the source can be asked whose account it opens";
                tracing::warn!(%error, "{words}");
                self.heart.say(words);
                self.heart.ready();
                let now = self.mirror.clock().now();
                Waiting::wait(&mut self.waiting, fresh, now);
                return Ok(false);
            }
            Err(error) => {
                self.waiting = None;
                refuse(&error, self.heart);
            }
        }
        Ok(true)
    }

    /// Works by this configuration, with which the mirror does already.
    async fn go_by(&mut self, config: Config) -> Result<(), ServiceError> {
        if self.ringer.go_by(&config.schedule).await? {
            self.due.rings();
        }
        self.heart.suit(&config);
        if let Some(server) = &self.server {
            server.watch(self.mirror.governor());
        }
        self.copies.send_replace(Copies::by(&config));
        self.config = config;
        tracing::info!("the new configuration is in use");
        self.heart.ready();
        Ok(())
    }
}

/// What the file says of itself.
fn known<T>(told: Result<T, StoreError>) -> Result<T, ServiceError> {
    Ok(told.map_err(PassError::from)?)
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
