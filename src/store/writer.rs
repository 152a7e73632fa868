//! The one writer. Pages that come fast are looked up together, written together and committed together, so that what a
//! statement and a commit cost is paid once for several of them; a page behind which nobody waits is committed at once.

mod desk;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::batch::Batch;
use super::glance::{Lookup, Stored};
use super::{Store, StoreError};
use crate::model::Channel;

use desk::Desk;

/// Pages that may share a transaction: what a killed process loses at most, beside the pages in flight.
const MOST_TOGETHER: u32 = 64;

/// Whoever holds the turn writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    desk: Arc<Mutex<Desk>>,
    queue: Arc<Queue>,
}

/// Those who wait for the turn.
#[derive(Debug, Default)]
struct Queue {
    length: AtomicUsize,
    /// What they will ask first: whoever has the turn may look it up with its own.
    lookups: Lock<Vec<Arc<Lookup>>>,
}

/// A write transaction: other writers wait, readers do not.
#[derive(Debug)]
pub struct Transaction {
    desk: OwnedMutexGuard<Desk>,
    queue: Arc<Queue>,
    /// The chat whose page is at hand, if it is one's.
    page_of: Option<i64>,
    ended: bool,
}

/// One who waits for the turn, counted while it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A lookup in the queue, for as long as its page waits.
struct Asking<'a>(&'a Queue, Arc<Lookup>);

impl<'a> Asking<'a> {
    fn of(queue: &'a Queue, lookup: &Arc<Lookup>) -> Self {
        queue.lookups().push(Arc::clone(lookup));
        Self(queue, Arc::clone(lookup))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0
            .lookups()
            .retain(|lookup| !Arc::ptr_eq(lookup, &self.1));
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.length.load(Ordering::Relaxed) == 0
    }

    fn lookups(&self) -> MutexGuard<'_, Vec<Arc<Lookup>>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            desk: Arc::default(),
            queue: Arc::default(),
        }
    }

    async fn turn(&self) -> OwnedMutexGuard<Desk> {
        let _waiting = Waiting::of(&self.queue.length);
        Arc::clone(&self.desk).lock_owned().await
    }

    /// Gives up what was left open, brings the log into the file as far as readers let it, and gives up the connection.
    pub(super) async fn close(&self) {
        self.turn().await.forget();
        for statement in [
            "pragma busy_timeout = 1000",
            "pragma wal_checkpoint(truncate)",
        ] {
            // What stays in the log is as safe there.
            let _ = sqlx::query(statement).execute(&self.pool).await;
        }
        self.pool.close().await;
    }

    /// The writing connection's pool, with nothing left open. Held, it keeps others from opening a transaction.
    pub(super) async fn alone(&self) -> Result<Alone<'_>, StoreError> {
        let mut desk = self.turn().await;
        desk.settle().await?;
        Ok(Alone {
            pool: &self.pool,
            _desk: desk,
        })
    }
}

/// The writing connection, with nothing left open and nobody else at it.
pub(super) struct Alone<'a> {
    pub(super) pool: &'a SqlitePool,
    _desk: OwnedMutexGuard<Desk>,
}

impl Store {
    /// Opens a write transaction, or goes on with the one that the page before has left open.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut desk = self.writer.turn().await;
        desk.refuse_after_loss()?;
        if desk.shared.is_none() {
            let shared = self.writer.pool.begin_with("begin immediate").await?;
            desk.shared = Some(shared);
        }
        Ok(Transaction {
            desk,
            queue: Arc::clone(&self.writer.queue),
            page_of: None,
            ended: false,
        })
    }

    /// As [`begin`](Self::begin), for a page of one chat's messages: tells what is stored of it. Pages that wait for their
    /// turn at the same time are looked up together.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn begin_page(&self, lookup: Lookup) -> Result<(Transaction, Stored), StoreError> {
        let queue = Arc::clone(&self.writer.queue);
        let lookup = Arc::new(lookup);
        let asking = Asking::of(&queue, &lookup);
        let mut transaction = self.begin().await?;
        drop(asking);
        transaction.page_of = Some(lookup.chat_id);
        let others = || queue.lookups().clone();
        let stored = transaction.desk.stored(&lookup, others).await?;
        Ok((transaction, stored))
    }

    /// Commits what pages have left open: from here on readers see it, and nothing takes it back. For when all who wrote beside each other
    /// have ended: if pages of theirs were lost, every one of them has been refused until now.
    ///
    /// # Errors
    /// Whatever SQLite says; then nothing of it is in the file.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let mut desk = self.writer.turn().await;
        let settled = desk.settle().await;
        desk.begin_anew();
        settled
    }
}

impl Transaction {
    /// The connection, with every page before this one written.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.desk.up_to_date().await
    }

    /// The connection for a question about this chat alone. If it is the chat whose page is at hand, the pages that are still to
    /// be written have no part in it.
    pub(super) async fn connection_about(
        &mut self,
        chat_id: i64,
    ) -> Result<&mut SqliteConnection, StoreError> {
        if self.page_of == Some(chat_id) {
            self.desk.connection()
        } else {
            self.desk.up_to_date().await
        }
    }

    /// The connection as it is: what is asked of it must not depend on the pages that are still to be written.
    pub(super) fn aside(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.desk.connection()
    }

    /// Channels as they are stored, as far as they are at hand.
    pub(super) fn channels(&mut self) -> &mut HashMap<i64, Channel> {
        &mut self.desk.channels
    }

    /// Commits at once, with whatever was left open before.
    pub(super) async fn keep(mut self) -> Result<(), StoreError> {
        self.ended = true;
        self.desk.settle().await
    }

    /// Ends the page. It is written and committed now, or with the next ones if others wait to write. If it changes nothing,
    /// nothing is written at all.
    ///
    /// # Errors
    /// Whatever SQLite says; then nothing of the batch is in the file, nor of the pages that share its transaction.
    pub async fn commit(mut self, batch: Batch) -> Result<(), StoreError> {
        self.ended = true;
        self.desk.take_in(batch);
        if !self.queue.is_empty() && self.desk.pages < MOST_TOGETHER {
            return Ok(());
        }
        self.desk.settle().await
    }

    /// Ends a look that wrote nothing. What the pages before have left open is not left lying.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn leave(mut self) -> Result<(), StoreError> {
        self.ended = true;
        if !self.queue.is_empty() {
            return Ok(());
        }
        self.desk.settle().await
    }
}

impl Drop for Transaction {
    /// What was not brought to its end leaves nothing in the file, nor do the pages that share its transaction.
    fn drop(&mut self) {
        if !self.ended {
            self.desk.forget();
        }
    }
}
