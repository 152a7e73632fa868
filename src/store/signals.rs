//! Numbers for those who watch: cheap questions that are asked every few seconds, for years.

use std::path::Path;

use super::{Reader, StoreError};

/// A pass, as a counter sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSeen {
    /// Its number.
    pub id: i64,
    /// What it was for.
    pub mode: String,
    /// How it ended, or `running`.
    pub status: String,
    /// Rows that were new.
    pub inserted: i64,
    /// Rows that had changed.
    pub updated: i64,
    /// Rows that are gone at the source.
    pub deleted: i64,
    /// Items that could not be read.
    pub rejects: i64,
}

/// How large the mirror is on its disk, and how much room is left there, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileSizes {
    /// The database.
    pub database: u64,
    /// What was written and has not found its way into it yet; it grows while a reader holds a transaction open.
    pub wal: u64,
    /// What this user may still write on that disk; nothing where the system does not tell.
    pub free: Option<u64>,
}

impl FileSizes {
    /// By what the file system says of the mirror at `path`; what is not there has no bytes.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let bytes = |path: &Path| path.metadata().map_or(0, |file| file.len());
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
        let room = rustix::fs::statvfs(directory.unwrap_or(Path::new(".")));
        Self {
            database: bytes(path),
            wal: bytes(Path::new(&wal)),
            free: room.ok().map(|room| room.f_bavail * room.f_frsize),
        }
    }
}

impl Reader {
    /// The number of the last pass; 0 before the first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_run_id(&self) -> Result<i64, StoreError> {
        let id = sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "id!: i64" from sync_runs"#)
            .fetch_one(&self.pool)
            .await?;
        Ok(id)
    }

    /// The passes from the number `id` on, in their order.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn runs_from(&self, id: i64) -> Result<Vec<RunSeen>, StoreError> {
        let runs = sqlx::query_as!(
            RunSeen,
            "select id, mode, status, rows_inserted as inserted, rows_updated as updated,
                    rows_deleted as deleted, rejects
             from sync_runs where id >= ?1 order by id",
            id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(runs)
    }

    /// How many kinds of values the source sends that no column is meant for.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn drift_kinds(&self) -> Result<i64, StoreError> {
        let kinds = sqlx::query_scalar!("select count(*) from schema_drift")
            .fetch_one(&self.pool)
            .await?;
        Ok(kinds)
    }
}
