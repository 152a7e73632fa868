//! What can go wrong with the file, in words that say what to do.

use std::path::PathBuf;

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
    /// The directory or the file does not let itself be written.
    #[error("{} cannot be written: {why}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No room is left.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// Anything else that SQLite said.
    #[error("the database answered: {0}")]
    Database(#[source] sqlx::Error),
    /// The migrations could not be applied.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A row that this program wrote could not be read back.
    #[error("the ledger holds what this program did not write: {0}")]
    Ledger(#[from] serde_json::Error),
}

/// Primary result codes of SQLite (`sqlite3.h`), in the low byte of what it reports.
const SQLITE_READONLY: i32 = 8;
const SQLITE_FULL: i32 = 13;

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
            Self::Newer { .. } => "install the newer chatmirror again; this file was left as it is",
            Self::OtherAccount { .. } => {
                "use that account's token, or another `database.path`: one file holds one account"
            }
            Self::ActivitiesChanged { .. } => {
                "set it back, or begin a new mirror under another `database.path`"
            }
            Self::OldSqlite(_) => "build with the bundled library",
            Self::ReadOnly { .. } => {
                "give this user write access to the directory (SQLite writes files beside the database), or move `database.path`"
            }
            Self::DiskFull(_) => {
                "make room and start again: what was committed is safe, and the mirror goes on where it was"
            }
            Self::Database(_) | Self::Migration(_) | Self::Ledger(_) => return None,
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|said| said.code())
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(SQLITE_FULL) => Self::DiskFull(error.to_string()),
            Some(SQLITE_READONLY) => Self::ReadOnly {
                path: PathBuf::from("the database"),
                why: error.to_string(),
            },
            _ => Self::Database(error),
        }
    }
}
