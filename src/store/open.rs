//! Opening the file: as its one writer, or to read.

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqlitePool;

use super::connect::{
    Durability, at_rest, connect, is_at_rest, named_path, reading, reading_beside, writing,
};
use super::lock::WriterLock;
use super::writer::Writer;
use super::{Reader, StoreError};
use crate::clock::Timestamp;
use crate::model::Account;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// `chmr`, so that `file` and other tools can tell a mirror from any other database.
pub(super) const APPLICATION_ID: i64 = 0x6368_6d72;

/// The first library without the bug that could corrupt a database when its WAL was reset (`sqlite.org/wal.html`).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// People's messages are nothing for everybody on the machine.
pub(super) const NEW_FILE_MODE: u32 = 0o640;

/// The mirror, open for writing. Only one process has it at a time.
#[derive(Debug)]
pub struct Store {
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    _lock: WriterLock,
}

/// Whose account is offered to the mirror, and how it is read.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The platform, such as `smartsender`.
    pub kind: &'static str,
    /// The account that the token opens.
    pub account: Account,
    /// Whether system messages are read too.
    pub activities: bool,
}

/// Connections beside the writer's: a pass asks one thing at a time, and whoever watches it another. Each has a cache of its own.
const READERS: u32 = 2;

impl Store {
    /// Opens the mirror at `path` for writing, makes it if it is not there, and brings its schema up to date. What is committed
    /// to it can be asked for again.
    ///
    /// # Errors
    /// [`StoreError`] says which of the many things that may be wrong with a file it was; the file is then as it was.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, Durability::Lazy).await
    }

    /// Like [`Store::open`], with commits that return when `durability` says.
    ///
    /// # Errors
    /// As there.
    pub async fn open_as(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        refuse_foreign_file(path)?;
        refuse_newer(path, peek(path).await?)?;
        let lock = WriterLock::take(path)?;
        begin_file(path);
        // A pool of one: whoever has the connection is the writer.
        let writer = Writer::new(connect(path, writing(path, durability), 1).await?);
        let store = Self {
            reader: Reader {
                pool: connect(path, reading_beside(path), READERS).await?,
                path: path.to_owned(),
            },
            writer,
            _lock: lock,
        };
        match store.prepare(path).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(named_path(path, error))
            }
        }
    }

    /// The mirror, to be asked.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.reader.path
    }

    /// Binds the mirror to the account that is offered; at the first run it is remembered, later it must be the same.
    ///
    /// # Errors
    /// [`StoreError::OtherAccount`] or [`StoreError::ActivitiesChanged`].
    pub async fn bind(&self, binding: &Binding, at: Timestamp) -> Result<(), StoreError> {
        let Binding {
            kind,
            account,
            activities,
        } = binding;
        let stored = sqlx::query!("select kind, account_id, name, activities from source_account")
            .fetch_optional(&self.reader.pool)
            .await?;
        let Some(stored) = stored else {
            sqlx::query!(
                "insert into source_account (only, kind, account_id, name, time_zone, activities, bound_at)
                 values (1, ?1, ?2, ?3, ?4, ?5, ?6)",
                kind,
                account.id,
                account.name,
                account.time_zone,
                activities,
                at
            )
            .execute(self.writer.alone().await?.pool)
            .await?;
            return Ok(());
        };
        let path = self.path().to_owned();
        if stored.kind != *kind || stored.account_id != account.id {
            return Err(StoreError::OtherAccount {
                path,
                stored: named(&stored.kind, &stored.account_id, stored.name.as_deref()),
                offered: named(kind, &account.id, account.name.as_deref()),
            });
        }
        if stored.activities != *activities {
            return Err(StoreError::ActivitiesChanged {
                path,
                stored: stored.activities,
                offered: *activities,
            });
        }
        Ok(())
    }

    /// Closes the file in order. The last to leave is a reader: its log stays, empty, for those who could not open it without.
    pub async fn close(self) {
        self.writer.close().await;
        self.reader.pool.close().await;
    }

    async fn prepare(&self, path: &Path) -> Result<(), StoreError> {
        // Once more, under the lock: the file may have changed since it was looked at.
        let found = identify(&self.reader.pool, path).await?;
        refuse_newer(path, found)?;
        let known = schema_version();
        // First whose file it is, last that its tables are whole: a start that is cut off between them can be repeated.
        if found < known {
            self.mark("application_id", APPLICATION_ID).await?;
        }
        MIGRATIONS.run(&self.writer.pool).await?;
        if found < known {
            self.mark("user_version", known).await?;
        }
        self.close_cut_runs().await
    }

    /// Writes a number into the file's header. A pragma takes no bound value; these are ours.
    async fn mark(&self, pragma: &str, number: i64) -> Result<(), StoreError> {
        let statement = format!("pragma {pragma} = {number}");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(self.writer.alone().await?.pool)
            .await?;
        Ok(())
    }
}

impl Reader {
    /// Opens the mirror at `path` to read: it neither waits for the writer nor makes it wait.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or what is wrong with the file.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        refuse_foreign_file(path)?;
        let found = peek(path).await?;
        refuse_newer(path, found)?;
        let known = schema_version();
        if found < known {
            return Err(StoreError::Older {
                path: path.to_owned(),
                found,
                known,
            });
        }
        let pool = connect(path, reading(path), 2).await?;
        let pool = match identify(&pool, path).await {
            Ok(_) => pool,
            // In a directory that is not ours to write in SQLite cannot put its files beside a mirror at rest.
            Err(_) if is_at_rest(path) => {
                pool.close().await;
                connect(path, at_rest(path), 2).await?
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            pool,
            path: path.to_owned(),
        })
    }
}

/// Looks at a file, if there is one, and leaves everything as it is: the file, its journal mode, and what stands beside it.
async fn peek(path: &Path) -> Result<i64, StoreError> {
    if path.metadata().map_or(0, |file| file.len()) == 0 {
        return Ok(0);
    }
    let options = if is_at_rest(path) {
        at_rest(path)
    } else {
        reading(path)
    };
    let pool = connect(path, options, 1).await?;
    let found = identify(&pool, path).await;
    pool.close().await;
    found
}

/// The file's schema version; 0 for a new file.
async fn identify(pool: &SqlitePool, path: &Path) -> Result<i64, StoreError> {
    let named = |error: sqlx::Error| named_path(path, error.into());
    let version: String = sqlx::query_scalar("select sqlite_version()")
        .fetch_one(pool)
        .await
        .map_err(named)?;
    if parsed_version(&version) < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite(version));
    }
    let application: i64 = sqlx::query_scalar("pragma application_id")
        .fetch_one(pool)
        .await
        .map_err(named)?;
    let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema")
        .fetch_one(pool)
        .await
        .map_err(named)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(StoreError::NotAMirror {
            path: path.to_owned(),
            why: "another program made it".to_owned(),
        });
    }
    sqlx::query_scalar("pragma user_version")
        .fetch_one(pool)
        .await
        .map_err(named)
}

fn refuse_newer(path: &Path, found: i64) -> Result<(), StoreError> {
    let known = schema_version();
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// The schema version that this program writes.
fn schema_version() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// A new mirror is for its owner and the readers of its group; what SQLite puts beside it is for the same. Where it cannot be
/// made, SQLite says why.
fn begin_file(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(NEW_FILE_MODE)
        .open(path);
}

/// Looks at the first bytes only, before SQLite may touch the file.
fn refuse_foreign_file(path: &Path) -> Result<(), StoreError> {
    use std::io::Read;
    let not_a_mirror = |why: &str| {
        Err(StoreError::NotAMirror {
            path: path.to_owned(),
            why: why.to_owned(),
        })
    };
    if path.is_dir() {
        return not_a_mirror("it is a directory");
    }
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(StoreError::Unreadable {
                path: path.to_owned(),
                why: error.to_string(),
            });
        }
    };
    let mut head = Vec::new();
    let read = file.by_ref().take(16).read_to_end(&mut head);
    if read.is_ok() && !head.is_empty() && head != b"SQLite format 3\0" {
        return not_a_mirror("it is no SQLite file");
    }
    Ok(())
}

fn parsed_version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn named(kind: &str, id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{kind} account {id} ({name})"),
        None => format!("{kind} account {id}"),
    }
}

/// Where a reader's file is.
impl Reader {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &PathBuf {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_given_up_is_replaced_by_one_that_is_as_safe() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror.db");
        let store = Store::open_as(&path, Durability::OnDisk).await.unwrap();
        let pool = &store.writer.pool;
        let synchronous = async || -> i64 {
            let asked = sqlx::query_scalar("pragma synchronous").fetch_one(pool);
            asked.await.unwrap()
        };
        assert_eq!(synchronous().await, 2);
        // As a commit leaves it that found no room.
        sqlx::query("begin").execute(pool).await.unwrap();
        assert_eq!(synchronous().await, 2);
        store.close().await;
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(parsed_version("3.51.3") >= OLDEST_SQLITE);
        assert!(parsed_version("3.100.0") >= OLDEST_SQLITE);
        assert!(parsed_version("3.51.2") < OLDEST_SQLITE);
        assert!(parsed_version("nonsense") < OLDEST_SQLITE);
    }
}
