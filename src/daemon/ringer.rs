//! The scheduler only rings: into channels of one, so that a ring during a pass is not lost and never piles up.

use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::config::Schedule;

/// The bells of a service.
pub(super) struct Ringer {
    /// Rings when an incremental pass is due.
    pub(super) incremental: Receiver<()>,
    /// Rings when a reconcile pass is due.
    pub(super) reconcile: Receiver<()>,
    scheduler: JobScheduler,
}

impl Ringer {
    /// Starts ringing by the schedule, in UTC: the scheduler's own zones stay at the offset they had when it started.
    pub(super) async fn start(schedule: &Schedule) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let incremental = bell(&scheduler, schedule.incremental.as_str()).await?;
        let reconcile = bell(&scheduler, schedule.reconcile.as_str()).await?;
        scheduler.start().await?;
        Ok(Self {
            incremental,
            reconcile,
            scheduler,
        })
    }

    /// How long it is to the next ring, if the scheduler still knows of one.
    pub(super) async fn till_next(&mut self) -> Option<std::time::Duration> {
        self.scheduler.time_till_next_job().await.ok().flatten()
    }

    pub(super) async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
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

fn ring(sender: &Sender<()>) {
    match sender.try_send(()) {
        // A bell that is still ringing need not be rung again.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Closed(())) => {}
    }
}
