//! How a pass went: what is worth a line in the log, and what ends the service.

use super::service::ServiceError;
use crate::pass::{Outcome, PassError};
use crate::plan::Mode;
use crate::source::SourceError;
use crate::store::{RunStatus, RunTotals};

/// Logs how a pass went; gives nothing if it did not come to its end. What a later pass can mend does not end the service.
pub(super) fn report(outcome: Result<Outcome, PassError>) -> Result<Option<Outcome>, ServiceError> {
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
