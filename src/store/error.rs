//! What can go wrong with the file, in words that say what to do.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes this mirror.
    #[error("another process (pid {pid}) holds the mirror {}", path.display())]
    Held {
        /// The mirror.
        path: PathBuf,
        /// That process, or `unknown`.
        pid: String,
    },
    /// There is no file yet, and this command does not make one.
    #[error("there is no mirror at {}", .0.display())]
    Missing(PathBuf),
    /// The file is something else.
    #[error("{} is not a chatmirror database: {why}", path.display())]
    NotAMirror {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        why: String,
    },
    /// The file was written by a newer program.
    #[error("{} has schema version {found}, this program knows versions up to {known}", path.display())]
    Newer {
        /// The mirror.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was written by an older program, and this command does not write.
    #[error("{} has schema version {found}, this program reads version {known}", path.display())]
    Older {
        /// The mirror.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file mirrors another account.
    #[error("{} mirrors {stored}, the token belongs to {offered}", path.display())]
    OtherAccount {
        /// The mirror.
        path: PathBuf,
        /// Whose it is.
        stored: String,
        /// Whose the token is.
        offered: String,
    },
    /// A setting that is fixed at the first run was changed.
    #[error("source.activities was {stored} when {} was made and is {offered} now", path.display())]
    ActivitiesChanged {
        /// The mirror.
        path: PathBuf,
        /// As it was.
        stored: bool,
        /// As it is now.
        offered: bool,
    },
    /// The SQLite library has a known bug that corrupts files like this one.
    #[error("the SQLite library {0} can corrupt a database in WAL mode; 3.51.3 or newer is needed")]
    OldSqlite(String),
    /// The file is there and may not be read.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The directory for the file is not there.
    #[error("the directory {} does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// The directory or the file does not let itself be written.
    #[error("{} cannot be written: {why}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No room is left.
    #[error("no room is left on the disk: {0}")]
    DiskFull(String),
    /// Another program keeps the file locked for longer than is waited for.
    #[error("another program keeps the database locked: {0}")]
    Busy(String),
    /// What stands in the file is not what SQLite wrote.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The mirror keeps no full-text index.
    #[error("this mirror keeps no full-text index")]
    NoIndex,
    /// No word of a search is long enough for the index.
    #[error("a search needs a word of at least three characters")]
    ShortQuery,
    /// A sealed copy could not be made.
    #[error("the snapshot {} could not be made: {why}", path.display())]
    Snapshot {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A page could not be brought to its end, and those that shared its transaction went with it.
    #[error("pages were given up before they were in the file; they will be read again")]
    GivenUp,
    /// The machine did not let SQLite read or write.
    #[error("the machine failed at the database: {0}")]
    Machine(String),
    /// Anything else that SQLite said.
    #[error("the database answered: {}", said(.0))]
    Database(#[source] sqlx::Error),
    /// The migrations could not be applied.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[source] MigrateError),
    /// A row that this program wrote could not be read back.
    #[error("the ledger holds what this program did not write: {0}")]
    Ledger(#[from] serde_json::Error),
}

/// Primary result codes of SQLite (`sqlite3.h`), in the low byte of what it reports.
const SQLITE_BUSY: i32 = 5;
const SQLITE_NOMEM: i32 = 7;
const SQLITE_READONLY: i32 = 8;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;

/// Where SQLite does not say which file it means.
const UNNAMED: &str = "the database";

impl StoreError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Held { .. } => {
                "stop that process first, or let it do the work: a mirror has one writer"
            }
            Self::Missing(_) => {
                "make it with `chatmirror sync --backfill`, or check `database.path`"
            }
            Self::NotAMirror { .. } => {
                "point `database.path` to a new file, or to a mirror; this file was left as it is"
            }
            Self::Newer { .. } => {
                "run the newer chatmirror that wrote it, or point `database.path` to a new file; this file was left as it is"
            }
            Self::Older { .. } => {
                "run `chatmirror sync`, or restart the daemon: either brings the file up to date"
            }
            Self::OtherAccount { .. } => {
                "use that account's token, or another `database.path`: one file holds one account"
            }
            Self::ActivitiesChanged { .. } => {
                "set it back, or begin a new mirror under another `database.path`"
            }
            Self::OldSqlite(_) => "build with the bundled library",
            Self::Unreadable { .. } => {
                "let this user read the file, or run the command as the user that runs the daemon"
            }
            Self::NoDirectory(_) => "make the directory, or change `database.path`",
            Self::ReadOnly { .. } => {
                "let this user write the file and its directory (SQLite puts files beside the database), or change `database.path`"
            }
            Self::Busy(_) => {
                "end the program that has a transaction open in the file, then run this again; what was committed is safe"
            }
            Self::Damaged { .. } => {
                "put a snapshot in its place, or move the file away and run `chatmirror sync --backfill`"
            }
            Self::DiskFull(_) => {
                "make room and run it again: what was committed is safe, and the mirror goes on from there"
            }
            Self::NoIndex => {
                "set `search.index = true` and run `chatmirror sync`, or restart the daemon: either makes the index"
            }
            Self::ShortQuery => {
                "write more of the word; shorter words only narrow down what longer ones find"
            }
            Self::Snapshot { .. } => {
                "name a path in a directory that this user may write, with room for the whole mirror"
            }
            Self::Machine(_) => {
                "look at the disk, its quota and the system's log; nothing is lost, and the program tries again"
            }
            Self::GivenUp => {
                "run it again: what was committed is safe, and the mirror goes on from there"
            }
            Self::Database(_) | Self::Migration(_) | Self::Ledger(_) => return None,
        })
    }
}

impl StoreError {
    /// Whether the same work may succeed later, once somebody has made room or let go of the file.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::DiskFull(_) | Self::Busy(_) | Self::Machine(_) | Self::GivenUp
        )
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        let (path, why) = (PathBuf::from(UNNAMED), said(&error));
        match code {
            Some(SQLITE_FULL) => Self::DiskFull(why),
            Some(SQLITE_BUSY) => Self::Busy(why),
            Some(SQLITE_READONLY | SQLITE_CANTOPEN) => Self::ReadOnly { path, why },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged { path, why },
            // A quota that is used up is an error of input and output, too.
            Some(SQLITE_NOMEM | SQLITE_IOERR) => Self::Machine(why),
            _ => match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => {
                    Self::Machine(why)
                }
                error => Self::Database(error),
            },
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Migration(other),
        }
    }
}

/// SQLite's own words, without the library's around them.
fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(said) => said.message().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_machine_does_not_let_through_is_no_fault_of_the_statement() {
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::WorkerCrashed,
            sqlx::Error::Io(std::io::Error::other("Disk quota exceeded")),
        ] {
            let error = StoreError::from(error);
            assert!(matches!(error, StoreError::Machine(_)), "{error:?}");
            assert!(error.is_transient() && error.hint().is_some());
        }
        let pool = sqlx::sqlite::SqlitePool::connect("sqlite::memory:")
            .await
            .unwrap();
        let broken = sqlx::query("select nonsense").execute(&pool).await;
        let error = StoreError::from(broken.unwrap_err());
        assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    }
}
