//! What is asked of a platform that pushes while the daemon runs: its lists by the schedule, its stream all the time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::mailbox::Mailbox;
use super::outcome::ServiceError;
use super::ringer::{Ring, Ringer};
use crate::config::Config;
use crate::pass::{self, PassError, Repair, Repaired};
use crate::plan::Mode;
use crate::source::iqchannels::Client;

/// After a failure that may pass, and after twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The bell is looked after this often.
const ROUND: Duration = Duration::from_hours(1);

/// Reads the lists and follows the stream, as far as the configuration wants it, until told to stop.
pub(super) async fn keep(
    mailbox: &Mailbox,
    config: &Config,
    client: &Client,
    stop: &CancellationToken,
) -> Result<(), ServiceError> {
    let repair = Repair {
        client,
        store: mailbox.store(),
        clock: mailbox.clock(),
        stop,
        max_in_flight: usize::try_from(config.source.max_in_flight).unwrap_or(1),
    };
    let lists = async {
        if config.repair.lists {
            read_lists(&repair, config).await
        } else {
            Ok(())
        }
    };
    let stream = async {
        if config.repair.stream {
            follow(&repair, mailbox).await;
        }
    };
    let (read, ()) = tokio::join!(lists, stream);
    read
}

/// Begins with what was lost while nobody listened; then reads all of it whenever the schedule wants it.
async fn read_lists(repair: &Repair<'_>, config: &Config) -> Result<(), ServiceError> {
    let mut ringer = Ringer::start(&config.schedule, repair.clock).await?;
    let mut mode = Mode::Incremental;
    while !repair.stop.is_cancelled() {
        read_until_done(repair, mode).await;
        mode = Mode::Reconcile;
        loop {
            let round = repair.clock.now().plus(ROUND);
            tokio::select! {
                biased;
                () = repair.stop.cancelled() => break,
                ring = ringer.wait(round) => if ring == Ring::Reconcile {
                    break;
                }
            }
        }
    }
    ringer.stop().await;
    Ok(())
}

/// Reads the lists, again while that may help.
async fn read_until_done(repair: &Repair<'_>, mode: Mode) {
    let mut wait = FIRST_PAUSE;
    loop {
        let error = match pass::repair(repair, mode).await {
            Ok(repaired) => return told(&repaired),
            Err(PassError::Stopped) => return,
            Err(error) => error,
        };
        let hint = error.hint();
        if !may_pass(&error) {
            tracing::error!(%error, hint, "the lists were not read; tried again by schedule.reconcile");
            return;
        }
        let again_in_s = wait.as_secs();
        tracing::warn!(%error, hint, again_in_s, "reading the lists was interrupted");
        tokio::select! {
            biased;
            () = repair.stop.cancelled() => return,
            () = repair.clock.sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_PAUSE);
    }
}

fn may_pass(error: &PassError) -> bool {
    match error {
        PassError::Source(error) => error.is_transient(),
        _ => true,
    }
}

fn told(repaired: &Repaired) {
    tracing::info!(
        mode = repaired.mode.word(),
        status = repaired.status.word(),
        requests = repaired.requests,
        chats = repaired.chats,
        chats.read = repaired.chats_read,
        chats.failed = repaired.chats_failed,
        rows.inserted = repaired.rows.inserted,
        rows.updated = repaired.rows.updated,
        rows.deleted = repaired.rows.deleted,
        "the lists have been read"
    );
}

/// Follows the stream, and begins again when the file could not take something.
async fn follow(repair: &Repair<'_>, mailbox: &Mailbox) {
    while !repair.stop.is_cancelled() {
        let followed = async {
            let manner = mailbox.manner().await?;
            pass::follow(repair, manner).await
        };
        if let Err(error) = followed.await {
            let hint = error.hint();
            tracing::error!(%error, hint, "what the stream brings could not be taken in; tried again");
            tokio::select! {
                biased;
                () = repair.stop.cancelled() => return,
                () = repair.clock.sleep(FIRST_PAUSE) => {}
            }
        }
    }
}
