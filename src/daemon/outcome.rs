//! How a pass went: what is worth a line in the log, and what ends the service.

use super::service::ServiceError;
use super::trouble::Trouble;
use crate::clock::Timestamp;
use crate::pass::{Outcome, PassError, Progress};
use crate::plan::Mode;
use crate::source::SourceError;
use crate::store::{RunStatus, RunTotals, StoreError};

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

/// Whether a pass that failed is worth another try at once: it has read something, which the next one need not read again, and what it
/// failed for heals.
pub(super) fn got_on(outcome: &Result<Outcome, PassError>, progress: &Progress) -> bool {
    let heals = matches!(outcome, Err(error) if fate(error) == Fate::Heals);
    heals && progress.rows_listed + progress.chats_read > 0
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
        PassError::Source(SourceError::TokenRefused { .. }) => Fate::Final,
        PassError::Source(_) => Fate::Heals,
        PassError::Store(StoreError::DiskFull(_)) | PassError::TooManyGone { .. } => Fate::Stays,
        PassError::Store(error) if error.is_transient() => Fate::Heals,
        _ => Fate::Final,
    }
}
