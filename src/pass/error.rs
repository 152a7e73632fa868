//! Why a pass could not go on.

use crate::source::SourceError;
use crate::store::StoreError;

/// Why a pass could not go on. What it had read is kept, and the next pass goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// It was told to stop.
    #[error("told to stop")]
    Stopped,
    /// The source.
    #[error("failed to {0}")]
    Source(#[source] SourceError),
    /// The mirror's file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More chats are gone from the list than can be believed.
    #[error(
        "{gone} of {stored} chats are gone from the source's list at once; nothing was marked as deleted"
    )]
    TooManyGone {
        /// Chats that the list no longer has.
        gone: usize,
        /// Chats that the mirror has.
        stored: usize,
    },
    /// A belief that the plan was made from has fallen; for the pass itself, never for its caller.
    #[error("the plan no longer fits: {why}")]
    PlanAgain {
        /// What fell.
        why: &'static str,
    },
    /// Another task of the pass has panicked.
    #[error("a part of the pass broke down")]
    Poisoned,
}

impl PassError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::TooManyGone { .. } => Some(
                "look at the account in the platform's own window: if the chats are really gone, run `chatmirror sync --reconcile --accept-deletions`",
            ),
            Self::Stopped | Self::PlanAgain { .. } | Self::Poisoned => None,
        }
    }

    /// Whether only this chat is concerned and the others can still be read.
    pub(super) fn spares_the_others(&self) -> bool {
        matches!(
            self,
            Self::Source(
                SourceError::ServerFailed { .. }
                    | SourceError::Unreachable { .. }
                    | SourceError::Redirected { .. }
                    | SourceError::Unreadable { .. }
                    | SourceError::Refused { .. }
                    | SourceError::NotFound { .. }
            )
        )
    }
}
