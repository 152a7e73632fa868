//! The one writer. Pages that come fast share a transaction, so that a commit is paid once for several of them; a page
//! behind which nobody waits is committed at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::runs::{self, Gains};
use super::{Store, StoreError};
use crate::model::Channel;

/// Pages that may share a transaction: what a killed process loses at most, beside the pages in flight.
const MOST_TOGETHER: u32 = 16;

/// Whoever holds the turn writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    desk: Arc<Mutex<Desk>>,
    waiting: Arc<AtomicUsize>,
}

/// What the one who writes finds.
#[derive(Debug, Default)]
struct Desk {
    /// The transaction that the pages before have left open.
    shared: Option<sqlx::Transaction<'static, Sqlite>>,
    pages: u32,
    /// What those pages add to the books of their pass.
    gains: Option<Gains>,
    /// Channels as they are stored: there are few, and every page names some.
    channels: HashMap<i64, Channel>,
    /// Whether pages were given up that their writers take for written.
    lost_pages: bool,
}

/// A write transaction: other writers wait, readers do not.
#[derive(Debug)]
pub struct Transaction {
    desk: OwnedMutexGuard<Desk>,
    waiting: Arc<AtomicUsize>,
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

impl Writer {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            desk: Arc::default(),
            waiting: Arc::default(),
        }
    }

    async fn turn(&self) -> OwnedMutexGuard<Desk> {
        let _waiting = Waiting::of(&self.waiting);
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

impl Desk {
    async fn settle(&mut self) -> Result<(), StoreError> {
        self.refuse_after_loss()?;
        let Some(shared) = self.shared.take() else {
            return Ok(());
        };
        self.pages = 0;
        let committed = commit(shared, self.gains.take()).await;
        if committed.is_err() {
            // What is at hand may have come from the pages that are not in the file now.
            self.channels.clear();
        }
        committed
    }

    /// Whoever comes next is told of a loss, so that nobody goes on as if nothing had happened.
    fn refuse_after_loss(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.lost_pages) {
            return Err(StoreError::GivenUp);
        }
        Ok(())
    }

    /// Nothing of what was left open comes into the file.
    fn forget(&mut self) {
        self.lost_pages |= self.pages > 0;
        self.pages = 0;
        self.shared = None;
        self.gains = None;
        self.channels.clear();
    }
}

async fn commit(
    mut shared: sqlx::Transaction<'static, Sqlite>,
    gains: Option<Gains>,
) -> Result<(), StoreError> {
    if let Some(gains) = gains {
        runs::add(&mut shared, gains).await?;
    }
    Ok(shared.commit().await?)
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
            waiting: Arc::clone(&self.writer.waiting),
            ended: false,
        })
    }

    /// Commits what pages have left open: from here on readers see it, and nothing takes it back.
    ///
    /// # Errors
    /// Whatever SQLite says; then nothing of it is in the file.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.writer.turn().await.settle().await
    }
}

impl Transaction {
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match &mut self.desk.shared {
            Some(shared) => Ok(shared),
            None => Err(StoreError::GivenUp),
        }
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

    /// Ends a page that was written. It is committed now, or with the next ones if others wait to write.
    pub(super) async fn end_page(mut self, gains: Option<Gains>) -> Result<(), StoreError> {
        if let Some(gains) = gains {
            let so_far = self.desk.gains.take();
            self.desk.gains = Some(so_far.map_or(gains, |so_far| so_far.and(gains)));
        }
        self.ended = true;
        self.desk.pages += 1;
        let others_wait = self.waiting.load(Ordering::Relaxed) > 0;
        if others_wait && self.desk.pages < MOST_TOGETHER {
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
        if self.waiting.load(Ordering::Relaxed) > 0 {
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
