//! How a service begins: it learns whose account it is, however long that takes, and with which pass it starts.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::mirror::{Mirror, OpenError};
use super::outcome::ServiceError;
use super::trouble::Trouble;
use crate::pass::PassError;
use crate::plan::Mode;

/// While the source cannot be reached at the start, it is asked again after this, and after twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest of those pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Binds, however long the source cannot be reached. Says whether it is bound: not if it was told to stop before.
pub(super) async fn bind(
    mirror: &Mirror,
    stop: &CancellationToken,
    trouble: &mut Trouble,
) -> Result<bool, ServiceError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match mirror.bind(stop).await {
            Err(OpenError::Source(error)) if error.is_transient() => {
                let words = "failed to learn whose account it is; trying again";
                trouble.met(&error, error.hint(), true, words, mirror.clock().now());
                tokio::select! {
                    () = stop.cancelled() => return Ok(false),
                    () = mirror.clock().sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(OpenError::Stopped) => return Ok(false),
            outcome => {
                outcome?;
                trouble.is_over(mirror.clock().now());
                return Ok(true);
            }
        }
    }
}

/// An empty mirror begins with a backfill; one that was cut short goes on with it.
pub(super) async fn first_mode(mirror: &Mirror) -> Result<Mode, ServiceError> {
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
