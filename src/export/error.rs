//! Why an export could not be made, in words that say what to do.

use std::io;
use std::path::PathBuf;

use super::Format;
use crate::store::StoreError;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The mirror could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No pass has told yet whose mirror it is.
    #[error("the mirror is empty, and not bound to an account yet")]
    NoAccount,
    /// The directory is an account's part of a dataset, and not this one's.
    #[error("{} holds the export of {theirs}, this mirror is of {ours}", path.display())]
    OtherAccount {
        /// The directory.
        path: PathBuf,
        /// Whose export it is.
        theirs: String,
        /// Whose mirror this is.
        ours: String,
    },
    /// The directory is within an account's part of a dataset.
    #[error("{} is inside an account's part of an export", .0.display())]
    Inside(PathBuf),
    /// The export there is in another format.
    #[error("the export in {} is in {there}", path.display())]
    OtherFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        there: Format,
    },
    /// What tells of the export there cannot be read.
    #[error("{} is no manifest of an export: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Another process exports into the same directory.
    #[error("another process exports into {}", .0.display())]
    Held(PathBuf),
    /// A file or directory could not be written.
    #[error("{} cannot be written: {why}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It was told to stop.
    #[error("stopped before the end")]
    Stopped,
    /// The program was built without the format.
    #[error("this build cannot write {0}")]
    NotBuilt(Format),
}

impl ExportError {
    pub(super) fn write(path: impl Into<PathBuf>, why: io::Error) -> Self {
        let path = path.into();
        if why.kind() == io::ErrorKind::StorageFull {
            return StoreError::DiskFull(why.to_string()).into();
        }
        Self::Write { path, why }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::NoAccount => "run `chatmirror sync --backfill` first",
            Self::OtherAccount { .. } | Self::Inside(_) => {
                "name the directory that holds the `account=…` directories, or a new one; nothing was changed"
            }
            Self::OtherFormat { .. } => {
                "export in that format, or name another directory; nothing was changed"
            }
            Self::Manifest { .. } => {
                "move it away, and everything is exported anew, or name another directory"
            }
            Self::Held(_) => "let it finish; the next export takes what has changed since",
            Self::Write { .. } => "name a directory in which this user may write",
            Self::Stopped => "the export is as it was before; run the same command again",
            Self::NotBuilt(_) => "use --format csv or jsonl, or build with `--features parquet`",
        })
    }
}
