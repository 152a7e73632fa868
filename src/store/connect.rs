//! Connections to the file, and the settings that they need.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::StoreError;

/// How long to wait for readers that hold the file for a moment; writers never meet, the lock file sees to that.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages in the WAL after which it is brought into the file: a page that many batches change is then brought in once.
const CHECKPOINT_PAGES: &str = "4000";

/// Left over after a checkpoint, the WAL is cut back to this.
pub(super) const WAL_LIMIT_BYTES: u64 = 64 << 20;

/// When a commit returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the operating system has it: a power cut may take the latest commits, and what they held is asked for again.
    Lazy,
    /// When the disk has it: for what cannot be asked for again.
    OnDisk,
}

/// How the writer opens the file. A setting that every connection must have belongs here: one that was given up is replaced.
pub(super) fn writing(path: &Path, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Lazy => SqliteSynchronous::Normal,
            Durability::OnDisk => SqliteSynchronous::Full,
        })
        .auto_vacuum(SqliteAutoVacuum::None)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", WAL_LIMIT_BYTES.to_string())
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", "-6000")
}

/// How a reader opens the file.
pub(super) fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// How it is read beside the writer, for as long as that runs: what it asks again and again is little.
pub(super) fn reading_beside(path: &Path) -> SqliteConnectOptions {
    reading(path).pragma("cache_size", "-500")
}

/// Whether the file alone holds everything: nobody has it open for writing, and nobody was cut off doing so.
pub(super) fn is_at_rest(path: &Path) -> bool {
    ["-wal", "-journal"].iter().all(|suffix| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        !Path::new(&beside).exists()
    })
}

/// How a file at rest is opened where nothing can be put beside it.
pub(super) fn at_rest(path: &Path) -> SqliteConnectOptions {
    reading(path).immutable(true)
}

/// Opens that many connections.
pub(super) async fn connect(
    path: &Path,
    options: SqliteConnectOptions,
    connections: u32,
) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_mins(10))
        .idle_timeout(None)
        .max_lifetime(None)
        // SQLite itself takes a transaction back for which there is no room; sqlx then counts on for ever with one that is open.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        // A long statement heals itself; a warning with its text in an operator's journal does not help.
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|error| named_path(path, StoreError::from(error)))
}

/// SQLite does not say which file it could not write.
pub(super) fn named_path(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::ReadOnly { why, .. } => StoreError::ReadOnly {
            path: path.to_owned(),
            why,
        },
        StoreError::Damaged { why, .. } => StoreError::Damaged {
            path: path.to_owned(),
            why,
        },
        other => other,
    }
}
