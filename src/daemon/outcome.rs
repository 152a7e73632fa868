//! How a pass went: what is worth a line in the log, and what ends the service.

use super::http::ServerError;
use super::mirror::OpenError;
use super::trouble::Trouble;
use crate::clock::Timestamp;
use crate::pass::{Outcome, PassError, Progress};
use crate::plan::Mode;
use crate::source::SourceError;
use crate::store::{RunStatus, RunTotals, StoreError};

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

/// Tries of a backfill in a row that fail and get on before news are looked for: it may get on to the same place each time.
const MOST_TRIES: u32 = 3;

/// Logs how a pass went that ended at `now`; gives nothing if it did not come to its end. What a later pass can mend does not end
/// the service.
pub(super) fn report(
    outcome: Result<Outcome, PassError>,
    trouble: &mut Trouble,
    now: Timestamp,
) -> Result<Option<Outcome>, ServiceError> {
    match outcome {
        Ok(outcome) => {
            log_done(&outcome);
            trouble.is_over(now);
            Ok(Some(outcome))
        }
        Err(PassError::Stopped) => Ok(None),
        Err(error) => match fate(&error) {
            Fate::Final => Err(error.into()),
            fate => {
                let heals = fate == Fate::Heals;
                let words = "pass failed; the next ring tries again";
                trouble.met(&error, error.hint(), heals, words, now);
                Ok(None)
            }
        },
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

/// Whether it failed, and a later pass will most likely succeed.
pub(super) fn heals(outcome: &Result<Outcome, PassError>) -> bool {
    matches!(outcome, Err(error) if fate(error) == Fate::Heals)
}

/// Whether a pass has read something, which the next one need not read again: then it is worth another try at once.
pub(super) fn has_read(progress: &Progress) -> bool {
    progress.rows_listed + progress.chats_read > 0
}

/// Whether the source has refused the token.
pub(super) fn is_refused(error: &PassError) -> bool {
    matches!(error, PassError::Source(SourceError::TokenRefused { .. }))
}

/// Backfills that failed, one after the other: whether another pass comes before the next try.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The last pass was one that is not worth another try at once.
    makes_room: bool,
    /// How many that had got on were tried again at once.
    tried_again: u32,
}

impl Failures {
    /// A pass has ended. `failed`: it was a backfill that failed; `got_on`: for what heals, and after it had read something.
    pub(super) fn ended(&mut self, failed: bool, got_on: bool) {
        let again = failed && got_on && self.tried_again < MOST_TRIES;
        self.tried_again = if again { self.tried_again + 1 } else { 0 };
        self.makes_room = failed && !again;
    }

    /// Whether another pass comes now; says so once.
    pub(super) fn makes_room(&mut self) -> bool {
        std::mem::take(&mut self.makes_room)
    }
}

/// What becomes of a failure if nobody does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A later pass will most likely succeed.
    Heals,
    /// Later passes are tried, and fail alike until somebody has done something.
    Stays,
    /// No later pass can succeed.
    Final,
}

fn fate(error: &PassError) -> Fate {
    match error {
        error if is_refused(error) => Fate::Final,
        PassError::Source(_) => Fate::Heals,
        PassError::Store(StoreError::DiskFull(_)) | PassError::TooManyGone { .. } => Fate::Stays,
        PassError::Store(error) if error.is_transient() => Fate::Heals,
        _ => Fate::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backfill_that_gets_on_is_tried_again_and_makes_room_in_the_end() {
        let mut failures = Failures::default();
        for _ in 0..2 {
            for _ in 0..MOST_TRIES {
                failures.ended(true, true);
                assert!(!failures.makes_room());
            }
            failures.ended(true, true);
            assert!(failures.makes_room() && !failures.makes_room());
        }
        failures.ended(true, false);
        assert!(failures.makes_room());
        failures.ended(false, false);
        assert!(!failures.makes_room());
    }
}
