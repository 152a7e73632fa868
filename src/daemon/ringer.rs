//! The scheduler only rings: into channels of one, so that a ring during a pass is not lost and never piles up.

use std::time::Duration;

use chrono::DateTime;
use croner::parser::{CronParser, Seconds};
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::clock::{Clock, Timestamp};
use crate::config::{Cron, Schedule};

/// A ring that is this late will not come: the loop goes on without it.
const LATE: Duration = Duration::from_mins(1);

/// Why the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    /// A reconcile pass is due.
    Reconcile,
    /// It is time to look at the heads.
    Look,
}

/// The bells of a service.
pub(super) struct Ringer {
    incremental: Bell,
    reconcile: Bell,
    clock: Clock,
    /// Nothing on a simulated clock, whose time only passes when somebody waits: there the bells are known to ring on time.
    scheduler: Option<JobScheduler>,
}

struct Bell {
    times: croner::Cron,
    rung: Receiver<()>,
    /// When it rings next, on a simulated clock.
    next: Option<Timestamp>,
}

impl Ringer {
    /// Starts ringing by the schedule, in UTC: the scheduler's own zones stay at the offset they had when it started.
    pub(super) async fn start(
        schedule: &Schedule,
        clock: &Clock,
    ) -> Result<Self, JobSchedulerError> {
        let scheduler = match clock {
            Clock::System => Some(JobScheduler::new().await?),
            Clock::Simulated(_) => None,
        };
        let now = clock.now();
        let incremental = Bell::hang(scheduler.as_ref(), &schedule.incremental, now).await?;
        let reconcile = Bell::hang(scheduler.as_ref(), &schedule.reconcile, now).await?;
        if let Some(scheduler) = &scheduler {
            scheduler.start().await?;
        }
        Ok(Self {
            incremental,
            reconcile,
            clock: clock.clone(),
            scheduler,
        })
    }

    /// Rings by another schedule from now on. Says whether a reconcile pass has come due by the old one, for nobody rings for it again.
    pub(super) async fn go_by(&mut self, schedule: &Schedule) -> Result<bool, JobSchedulerError> {
        let next = Self::start(schedule, &self.clock).await?;
        let has_rung = self.reconcile.has_rung(self.clock.now());
        std::mem::replace(self, next).stop().await;
        Ok(has_rung)
    }

    /// When a reconcile pass was due last.
    pub(super) fn last_reconcile(&self) -> Option<Timestamp> {
        self.reconcile.before(self.clock.now())
    }

    /// When the schedule asks for the next look after `moment`.
    pub(super) fn next_look(&self, moment: Timestamp) -> Timestamp {
        // An expression that never rings again is one that was checked years ago.
        self.incremental
            .after(moment)
            .unwrap_or(moment.plus(LATE * 60))
    }

    /// Waits until a reconcile pass is due, or until `at`: if that is when the schedule asks for a look, for its ring.
    pub(super) async fn wait(&mut self, at: Timestamp) -> Ring {
        let begun = self.clock.now();
        // A clock that was set back meanwhile makes `at` a time far off.
        let at = at.min(self.next_look(begun));
        if self.reconcile.has_rung(begun) {
            return Ring::Reconcile;
        }
        let rings = self.scheduler.is_some() && self.next_look(begun) <= at;
        let patience = at.since(begun) + if rings { LATE } else { Duration::ZERO };
        let span = self
            .reconcile
            .next
            .map_or(patience, |next| patience.min(next.since(begun)));
        let clock = self.clock.clone();
        let waiting = clock.sleep(span);
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                Some(()) = self.reconcile.rung.recv() => return Ring::Reconcile,
                Some(()) = self.incremental.rung.recv() => {
                    // One that rang during the pass before has been answered by it.
                    if self.clock.now() >= at {
                        return Ring::Look;
                    }
                }
                () = &mut waiting => break,
            }
        }
        if rings {
            let patience_s = patience.as_secs();
            tracing::warn!(
                patience_s,
                "the scheduler did not ring; going on without it"
            );
        }
        if self.reconcile.has_rung(self.clock.now()) {
            return Ring::Reconcile;
        }
        Ring::Look
    }

    pub(super) async fn stop(mut self) {
        if let Some(scheduler) = &mut self.scheduler
            && let Err(error) = scheduler.shutdown().await
        {
            tracing::debug!(%error, "the scheduler did not stop in order");
        }
    }
}

/// A bell that rings by `cron`.
pub(super) async fn bell(
    scheduler: &JobScheduler,
    cron: &str,
) -> Result<Receiver<()>, JobSchedulerError> {
    let (sender, receiver) = mpsc::channel(1);
    scheduler
        .add(Job::new(cron, move |_, _| ring(&sender))?)
        .await?;
    Ok(receiver)
}

impl Bell {
    async fn hang(
        scheduler: Option<&JobScheduler>,
        cron: &Cron,
        now: Timestamp,
    ) -> Result<Self, JobSchedulerError> {
        let (sender, rung) = mpsc::channel(1);
        // As the scheduler itself reads it.
        let times = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(cron.as_str())
            .map_err(|_| JobSchedulerError::ParseSchedule)?;
        let mut bell = Self {
            times,
            rung,
            next: None,
        };
        match scheduler {
            Some(scheduler) => {
                let job = Job::new(cron.as_str(), move |_, _| ring(&sender))?;
                scheduler.add(job).await?;
            }
            None => bell.next = bell.after(now),
        }
        Ok(bell)
    }

    /// When it rings next after `moment`, by its expression.
    fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = DateTime::from_timestamp_millis(moment.millis())?;
        let next = self.times.find_next_occurrence(&moment, false).ok()?;
        Some(Timestamp::from(next).second())
    }

    /// When it rang last before `moment`, by its expression.
    fn before(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = DateTime::from_timestamp_millis(moment.millis())?;
        let last = self.times.find_previous_occurrence(&moment, false).ok()?;
        Some(Timestamp::from(last).second())
    }

    /// Whether it has rung since it was last asked.
    fn has_rung(&mut self, now: Timestamp) -> bool {
        match self.next {
            Some(next) if next <= now => {
                self.next = self.after(now);
                true
            }
            Some(_) => false,
            None => self.rung.try_recv().is_ok(),
        }
    }
}

fn ring(sender: &Sender<()>) {
    match sender.try_send(()) {
        // A bell that is still ringing need not be rung again.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Closed(())) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    async fn hung(schedule: &str, clock: &Clock) -> Ringer {
        let config = Config::parse(&format!("[schedule]\n{schedule}\n")).unwrap();
        Ringer::start(&config.schedule, clock).await.unwrap()
    }

    #[tokio::test]
    async fn the_bells_ring_by_their_expressions() {
        let start: Timestamp = "2026-03-01 12:00:01.250".parse().unwrap();
        let clock = Clock::simulated(start);
        let schedule = "incremental = \"*/20 * * * * *\"\nreconcile = \"5 1 12 * * *\"";
        let mut ringer = hung(schedule, &clock).await;
        let mut rings = Vec::new();
        for _ in 0..5 {
            let at = ringer.next_look(clock.now());
            let ring = ringer.wait(at).await;
            rings.push((ring, clock.now().since(start).as_millis()));
        }
        let expected = [
            (Ring::Look, 18_750),
            (Ring::Look, 38_750),
            (Ring::Look, 58_750),
            (Ring::Reconcile, 63_750),
            (Ring::Look, 78_750),
        ];
        assert_eq!(rings, expected);
    }

    #[tokio::test]
    async fn a_ring_during_a_pass_is_answered_once_after_it() {
        let clock = Clock::simulated("2026-03-01 12:00:00.000".parse().unwrap());
        let mut ringer = hung("reconcile = \"30 * * * * *\"", &clock).await;
        clock.advance(Duration::from_mins(3));
        let long_ago = clock.now().minus(Duration::from_mins(2));
        assert_eq!(ringer.wait(long_ago).await, Ring::Reconcile);
        assert_eq!(ringer.wait(long_ago).await, Ring::Look);
    }

    #[tokio::test]
    async fn what_has_rung_by_the_old_schedule_is_told_to_whoever_takes_the_new_one() {
        let clock = Clock::simulated("2026-03-01 12:00:00.000".parse().unwrap());
        let mut ringer = hung("reconcile = \"30 0 12 * * *\"", &clock).await;
        clock.advance(Duration::from_mins(3));
        let config = Config::parse("[schedule]\nreconcile = \"0 0 3 * * *\"\n").unwrap();
        assert!(ringer.go_by(&config.schedule).await.unwrap());
        assert!(!ringer.go_by(&config.schedule).await.unwrap());
        let last = "2026-03-01 03:00:00.000".parse().unwrap();
        assert_eq!(ringer.last_reconcile(), Some(last));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_delays_no_look_beyond_the_schedule() {
        let clock = Clock::simulated("2026-03-01 12:00:00.000".parse().unwrap());
        let mut ringer = hung("incremental = \"*/20 * * * * *\"", &clock).await;
        let begun = clock.now();
        let before_the_jump = begun.plus(Duration::from_hours(3));
        assert_eq!(ringer.wait(before_the_jump).await, Ring::Look);
        assert_eq!(clock.now().since(begun), Duration::from_secs(20));
    }

    #[tokio::test]
    async fn on_the_machines_clock_the_scheduler_rings() {
        let mut ringer = hung("incremental = \"* * * * * *\"", &Clock::System).await;
        let at = ringer.next_look(Timestamp::now());
        assert_eq!(ringer.wait(at).await, Ring::Look);
        assert!(Timestamp::now() >= at);
        ringer.stop().await;
    }
}
