//! The mirrored tables as other engines take them: all of one moment, and a month at a time.

mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, Sqlite, SqliteConnection, ValueRef};

use super::connect::{at_rest, connect, is_at_rest, reading};
use super::{Reader, StoreError};
use crate::clock::Timestamp;

pub use tables::{Kind, MirrorTable, TableColumn};

/// The mirror at one moment: whatever is written meanwhile is not seen here.
#[derive(Debug)]
pub struct Held {
    transaction: sqlx::Transaction<'static, Sqlite>,
}

/// Whose mirror it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorOf {
    /// The platform.
    pub kind: String,
    /// The account.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// When the mirror was begun: two mirrors of one account differ in it.
    pub bound_at: Timestamp,
}

/// How much of `changes` was written after a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Every line of it is still there.
    Known,
    /// Lines are gone, or the position is not of this mirror.
    Lost,
}

/// A month of a table, or the rows whose time is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub Option<String>);

/// A row of a mirrored table.
#[derive(Debug)]
pub struct ExportRow(SqliteRow);

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// The source has not said.
    Null,
    /// A whole number.
    Integer(i64),
    /// A flag.
    Boolean(bool),
    /// A moment.
    Moment(Timestamp),
    /// A JSON text.
    Json(&'a str),
    /// Any other text.
    Text(&'a str),
}

impl Reader {
    /// Holds on to the present moment of the mirror. The writer is not kept waiting, but its log grows for as long as this is held.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn hold(&self) -> Result<Held, StoreError> {
        let path = self.path();
        match hold(path, reading(path)).await {
            // In a directory that is not ours to write in SQLite cannot put its files beside a mirror at rest.
            Err(_) if is_at_rest(path) => hold(path, at_rest(path)).await,
            held => held,
        }
    }
}

/// Holds on to the mirror on a connection of its own, whose statements may take long.
async fn hold(path: &Path, options: SqliteConnectOptions) -> Result<Held, StoreError> {
    let pool = connect(path, options.disable_statement_logging(), 1).await?;
    let mut transaction = pool.begin_with("begin").await?;
    // The moment is that of the first look.
    sqlx::query("select 1 from sqlite_schema limit 1")
        .fetch_optional(&mut *transaction)
        .await?;
    Ok(Held { transaction })
}

impl Held {
    /// Whose mirror it is; nothing before its first pass.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn mirror_of(&mut self) -> Result<Option<MirrorOf>, StoreError> {
        let account = sqlx::query_as!(
            MirrorOf,
            r#"select kind, account_id as id, name, bound_at as "bound_at: Timestamp" from source_account"#
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(account)
    }

    /// Through when the mirror is complete at this moment.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn complete_through(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let moment = sqlx::query_scalar!(
            r#"select complete_through as "complete_through: Timestamp" from freshness"#
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(moment)
    }

    /// The number of the last line that `changes` has had.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn position(&mut self) -> Result<i64, StoreError> {
        let position: Option<i64> =
            sqlx::query_scalar("select seq from sqlite_sequence where name = 'changes'")
                .fetch_optional(&mut *self.transaction)
                .await?;
        Ok(position.unwrap_or(0))
    }

    /// Whether `changes` tells all that has changed since `position`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn since(&mut self, position: i64) -> Result<Since, StoreError> {
        let expected = self.position().await? - position;
        let there = sqlx::query_scalar!("select count(*) from changes where seq > ?1", position)
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(if there == expected {
            Since::Known
        } else {
            Since::Lost
        })
    }

    /// The mirrored tables.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn tables(&mut self) -> Result<Vec<MirrorTable>, StoreError> {
        tables::read(&mut self.transaction).await
    }

    /// The months of a table that has rows in them.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn months(&mut self, table: &MirrorTable) -> Result<BTreeSet<Month>, StoreError> {
        months(&mut self.transaction, table.months_sql(), None).await
    }

    /// The months of a table in which something has changed since `position`; some may have no rows any more.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn changed_months(
        &mut self,
        table: &MirrorTable,
        position: i64,
    ) -> Result<BTreeSet<Month>, StoreError> {
        months(
            &mut self.transaction,
            table.changed_months_sql(),
            Some(position),
        )
        .await
    }

    /// How many rows of the table a month has.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn count(&mut self, table: &MirrorTable, month: &Month) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(table.count_sql(month)))
            .bind(&month.0)
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(count.cast_unsigned())
    }

    /// The rows of a month, in the order of their time and key; they are read as they are asked for.
    pub fn rows<'a>(
        &'a mut self,
        table: &MirrorTable,
        month: &'a Month,
    ) -> BoxStream<'a, Result<ExportRow, StoreError>> {
        let rows = sqlx::query(AssertSqlSafe(table.rows_sql(month)))
            .bind(&month.0)
            .fetch(&mut *self.transaction);
        Box::pin(rows.map_ok(ExportRow).map_err(StoreError::from))
    }
}

async fn months(
    connection: &mut SqliteConnection,
    sql: String,
    position: Option<i64>,
) -> Result<BTreeSet<Month>, StoreError> {
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    if let Some(position) = position {
        query = query.bind(position);
    }
    let months: Vec<Option<String>> = query.fetch_all(connection).await?;
    Ok(months.into_iter().map(Month).collect())
}

impl ExportRow {
    /// The value in the column with this number, counted from 0, read as what its column holds.
    ///
    /// # Errors
    /// If something else stands there.
    pub fn cell(&self, number: usize, kind: Kind) -> Result<Cell<'_>, StoreError> {
        if self.0.try_get_raw(number)?.is_null() {
            return Ok(Cell::Null);
        }
        // What is stored decides, not what sqlx takes the column for.
        let text = || self.0.try_get_unchecked::<&str, _>(number);
        let whole = || self.0.try_get_unchecked::<i64, _>(number);
        Ok(match kind {
            Kind::Integer => Cell::Integer(whole()?),
            Kind::Boolean => Cell::Boolean(whole()? != 0),
            Kind::Moment => Cell::Moment(self.0.try_get_unchecked(number)?),
            Kind::Json => Cell::Json(text()?),
            Kind::Text => Cell::Text(text()?),
        })
    }
}
