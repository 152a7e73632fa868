//! What tells of an export: whose it is, through which change, and every file with its size.

use serde::{Deserialize, Serialize};

use super::Format;
use crate::clock::Timestamp;
use crate::store::{MirrorOf, TableColumn};

/// An account's part of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: Format,
    pub(super) mirror: MirrorOf,
    /// The last line of `changes` that is in it.
    pub(super) position: i64,
    pub(super) complete_through: Option<Timestamp>,
    pub(super) exported_at: Timestamp,
    pub(super) tables: Vec<TableEntry>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableEntry {
    pub(super) name: String,
    pub(super) columns: Vec<TableColumn>,
    pub(super) files: Vec<FileEntry>,
}

/// A file, by its path from the account's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub(super) path: String,
    /// Nothing: rows whose time is not known.
    pub(super) month: Option<String>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Manifest {
    pub(super) fn table(&self, name: &str) -> Option<&TableEntry> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// How many files there are.
    pub(super) fn files(&self) -> usize {
        self.tables.iter().map(|table| table.files.len()).sum()
    }

    /// Whether the file belongs to it.
    pub(super) fn has(&self, path: &str) -> bool {
        let mut files = self.tables.iter().flat_map(|table| &table.files);
        files.any(|file| file.path == path)
    }
}
