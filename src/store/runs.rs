//! The table `sync_runs`: one row a pass.

use serde::Serialize;
use sqlx::SqliteConnection;

use super::changes::Tally;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::plan::Mode;

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It met everything that its plan demands.
    Complete,
    /// It ended, and something is still owed.
    Partial,
    /// It could not go on.
    Failed,
    /// It was told to stop.
    #[serde(rename = "cut short")]
    CutShort,
}

impl RunStatus {
    /// The word for it, in the ledger as on the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::CutShort => "cut short",
        }
    }
}

/// What a pass has done, by its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunTotals {
    /// Rows that were new.
    pub inserted: i64,
    /// Rows that had changed.
    pub updated: i64,
    /// Rows that are gone at the source.
    pub deleted: i64,
    /// Items that could not be read.
    pub rejects: i64,
    /// Of the changed rows, those that changed silently and were found by reading again.
    pub audit_findings: i64,
}

/// How a pass ended, for its row.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd<'a> {
    /// How.
    pub status: RunStatus,
    /// Requests made.
    pub requests: u64,
    /// Chats re-read although nothing was owed of them.
    pub audited: u64,
    /// What went wrong.
    pub error: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Opens the row of a pass and gives its id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn begin_run(&self, mode: Mode, at: Timestamp) -> Result<i64, StoreError> {
        let mode = mode.word();
        let run = sqlx::query!(
            "insert into sync_runs (mode, started_at, status) values (?1, ?2, 'running')",
            mode,
            at
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(run.last_insert_rowid())
    }

    /// Closes the row of a pass and gives what it has done.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn finish_run(&self, run_id: i64, end: RunEnd<'_>) -> Result<RunTotals, StoreError> {
        let RunEnd {
            status,
            requests,
            audited,
            error,
            at,
        } = end;
        let status = status.word();
        let requests = requests.cast_signed();
        let audited = audited.cast_signed();
        let totals = sqlx::query_as!(
            RunTotals,
            "update sync_runs set finished_at = ?2, status = ?3, requests = ?4, error = ?5, audited_chats = ?6
             where id = ?1
             returning rows_inserted as inserted, rows_updated as updated, rows_deleted as deleted, rejects,
                       audit_findings",
            run_id,
            at,
            status,
            requests,
            error,
            audited
        )
        .fetch_one(self.writer.alone().await?.pool)
        .await?;
        Ok(totals)
    }

    /// Drops the lines of `changes` from before `before`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn drop_changes(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query!("delete from changes where at < ?1", before)
            .execute(self.writer.alone().await?.pool)
            .await?;
        Ok(())
    }

    /// Drops the rows of passes from before `before` that changed nothing and met no trouble.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn drop_idle_runs(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from sync_runs
             where started_at < ?1 and status = 'complete' and mode = 'incremental' and error is null
               and rows_inserted + rows_updated + rows_deleted + rejects = 0",
            before
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(())
    }

    /// A pass that is still called running when the file is opened was killed.
    pub(super) async fn close_cut_runs(&self) -> Result<(), StoreError> {
        sqlx::query!("update sync_runs set status = 'cut short' where status = 'running'")
            .execute(self.writer.alone().await?.pool)
            .await?;
        Ok(())
    }
}

/// What pages add to the books of their pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gains {
    pub(super) run_id: i64,
    pub(super) tally: Tally,
    pub(super) rejects: i64,
    /// Silent changes that an audit found.
    pub(super) findings: i64,
}

impl Gains {
    /// Both together; they are of one pass, because passes never overlap.
    pub(super) fn and(self, more: Self) -> Self {
        Self {
            run_id: more.run_id,
            tally: self.tally.and(more.tally),
            rejects: self.rejects + more.rejects,
            findings: self.findings + more.findings,
        }
    }
}

/// Adds to the books of a pass.
pub(super) async fn add(connection: &mut SqliteConnection, gains: Gains) -> Result<(), StoreError> {
    let Gains {
        run_id,
        tally,
        rejects,
        findings,
    } = gains;
    sqlx::query!(
        "update sync_runs
         set rows_inserted = rows_inserted + ?2, rows_updated = rows_updated + ?3,
             rows_deleted = rows_deleted + ?4, rejects = rejects + ?5, audit_findings = audit_findings + ?6
         where id = ?1",
        run_id,
        tally.inserted,
        tally.updated,
        tally.deleted,
        rejects,
        findings
    )
    .execute(connection)
    .await?;
    Ok(())
}
