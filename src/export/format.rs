//! The formats, and the file that is being written in one.

use std::fmt;
use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};

use super::text::{Csv, Jsonl};
use crate::store::{Cell, MirrorTable};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Typed columns, compressed.
    Parquet,
    /// Comma-separated values under a line of names.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// How its files end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// Whether this build can write it.
    #[must_use]
    pub fn is_built(self) -> bool {
        cfg!(feature = "parquet") || self != Self::Parquet
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending())
    }
}

/// A file that is being written.
pub(super) enum Writer {
    Csv(Csv),
    Jsonl(Jsonl),
    #[cfg(feature = "parquet")]
    Parquet(super::parquet::Parquet),
}

impl Writer {
    pub(super) fn new(format: Format, file: File, table: &MirrorTable) -> io::Result<Self> {
        match format {
            Format::Csv => Ok(Self::Csv(Csv::new(file, table)?)),
            Format::Jsonl => Ok(Self::Jsonl(Jsonl::new(file, table))),
            #[cfg(feature = "parquet")]
            Format::Parquet => Ok(Self::Parquet(super::parquet::Parquet::new(file, table)?)),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        match self {
            Self::Csv(csv) => csv.row(cells),
            Self::Jsonl(jsonl) => jsonl.row(cells),
            #[cfg(feature = "parquet")]
            Self::Parquet(parquet) => parquet.row(cells),
        }
    }

    /// Ends the file, sees it written through to the disk, and tells its size.
    pub(super) fn end(self) -> io::Result<u64> {
        let file = match self {
            Self::Csv(csv) => csv.end()?,
            Self::Jsonl(jsonl) => jsonl.end()?,
            #[cfg(feature = "parquet")]
            Self::Parquet(parquet) => parquet.end()?,
        };
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}
