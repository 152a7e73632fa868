//! What a platform that pushes is asked, so that what a lost push did not tell is made good: its lists are read, and its stream is
//! followed. What comes goes the way of what is pushed.

mod follow;
mod walk;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Manner, PassError};
use crate::clock::Clock;
use crate::model::Delivery;
use crate::plan::Mode;
use crate::source::SourceError;
use crate::source::iqchannels::{Client, Listed};
use crate::store::{Intake, ListedPage, Place, RunEnd, RunStatus, RunTotals, Span, Store};

pub use follow::follow;

/// An installation with more channels is none.
const MOST_CHANNELS: usize = 10_000;

/// What a repair works with.
#[derive(Debug)]
pub struct Repair<'a> {
    /// The source.
    pub client: &'a Client,
    /// The mirror.
    pub store: &'a Store,
    /// Our clock.
    pub clock: &'a Clock,
    /// Told to stop, it leaves between two pages.
    pub stop: &'a CancellationToken,
    /// How many chats may be read at once.
    pub max_in_flight: usize,
}

/// How a repair went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// `incremental`: chats that had changed; `reconcile` and `backfill`: all of them.
    pub mode: Mode,
    /// How it ended.
    pub status: RunStatus,
    /// Requests made.
    pub requests: u64,
    /// Rows written.
    pub rows: RunTotals,
    /// Chats listed.
    pub chats: u64,
    /// Chats of which messages were read.
    pub chats_read: u64,
    /// Chats that could not be read.
    pub chats_failed: u64,
}

/// A repair under way.
struct Walking<'a> {
    repair: &'a Repair<'a>,
    run_id: i64,
    in_flight: Semaphore,
    chats: AtomicU64,
    chats_read: AtomicU64,
    chats_failed: AtomicU64,
    rejects: AtomicI64,
}

/// Reads the lists. `mode`: [`Mode::Incremental`] reads the messages of chats that have changed since the last time, any other all of
/// them, and finds messages that are gone.
///
/// # Errors
/// [`PassError`], after its row in the ledger is closed. What was read before it is kept, and the next time goes on from there.
pub async fn repair(repair: &Repair<'_>, mode: Mode) -> Result<Repaired, PassError> {
    let before = repair.client.requests();
    let run_id = repair.store.begin_run(mode, repair.clock.now()).await?;
    let walking = Walking {
        repair,
        run_id,
        in_flight: Semaphore::new(repair.max_in_flight),
        chats: AtomicU64::new(0),
        chats_read: AtomicU64::new(0),
        chats_failed: AtomicU64::new(0),
        rejects: AtomicI64::new(0),
    };
    let outcome = walking.walk(mode).await;
    let failed = walking.chats_failed.load(Ordering::Relaxed);
    let status = match &outcome {
        Ok(()) if failed == 0 => RunStatus::Complete,
        Ok(()) => RunStatus::Partial,
        Err(PassError::Stopped) => RunStatus::CutShort,
        Err(_) => RunStatus::Failed,
    };
    let requests = repair.client.requests() - before;
    let error = outcome.as_ref().err().map(ToString::to_string);
    let end = RunEnd {
        status,
        requests,
        audited: 0,
        error: error.as_deref(),
        at: repair.clock.now(),
    };
    let rows = repair.store.finish_run(run_id, end).await?;
    outcome?;
    Ok(Repaired {
        mode,
        status,
        requests,
        rows,
        chats: walking.chats.into_inner(),
        chats_read: walking.chats_read.into_inner(),
        chats_failed: failed,
    })
}

impl Walking<'_> {
    /// Asks, unless it is told to stop.
    async fn ask(
        &self,
        request: impl Future<Output = Result<Listed, SourceError>>,
    ) -> Result<Listed, PassError> {
        tokio::select! {
            biased;
            () = self.repair.stop.cancelled() => Err(PassError::Stopped),
            answer = request => answer.map_err(PassError::Source),
        }
    }

    /// Takes a page in.
    async fn take(
        &self,
        delivery: Delivery,
        span: Option<Span>,
        place: Option<Place>,
    ) -> Result<(), PassError> {
        let intake = Intake {
            run_id: self.run_id,
            at: self.repair.clock.now(),
            delivery,
            bodies: Vec::new(),
        };
        let page = ListedPage {
            intake,
            span,
            place,
        };
        let taken = self.repair.store.take_listed(page).await?;
        self.rejects.fetch_add(taken.rejects, Ordering::Relaxed);
        Ok(())
    }
}

/// The ids of all channels: `page` asks for those from an offset on, until none is new.
async fn every_channel<E>(
    mut page: impl AsyncFnMut(usize) -> Result<Vec<i64>, E>,
) -> Result<BTreeSet<i64>, E> {
    let mut channels = BTreeSet::new();
    loop {
        let before = channels.len();
        channels.extend(page(before).await?);
        if channels.len() == before || channels.len() > MOST_CHANNELS {
            return Ok(channels);
        }
    }
}

/// One body of a stream, with the place after it.
async fn take_streamed(
    store: &Store,
    body: &[u8],
    manner: Manner,
    place: impl FnOnce(Option<i64>) -> Option<Place>,
) -> Result<(), PassError> {
    let (mut delivery, bodies) = super::deliveries::opened(body, manner.keep);
    let last = delivery.last_event();
    for reject in &mut delivery.rejects {
        reject.why = format!("from the stream: {}", reject.why);
    }
    let intake = Intake {
        run_id: manner.run_id,
        at: manner.at,
        delivery,
        bodies,
    };
    let page = ListedPage {
        intake,
        span: None,
        place: place(last),
    };
    store.take_listed(page).await?;
    Ok(())
}
