//! Hands the mirror to other engines: files a month, of which only those are written again in which something has changed.
//!
//! All files are written beside the dataset first and moved into it at the end, so whoever is stopped before that leaves it as it was.

mod error;
mod format;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::TryStreamExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::store::{Held, MirrorOf, MirrorTable, Month, Reader, Since};
use format::Writer;
use manifest::{FileEntry, Manifest, TableEntry};
use place::Place;

pub use error::ExportError;
pub use format::Format;

/// Rows between two words on how it is getting on.
const TELL_EVERY: u64 = 100;

/// What is to be exported, and whereto.
#[derive(Clone, Debug)]
pub struct Order {
    /// In which format.
    pub format: Format,
    /// The directory that holds the dataset, of this account and perhaps of others.
    pub out: PathBuf,
    /// Whether months are written in which nothing has changed, too.
    pub full: bool,
}

/// How an export is getting on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows written.
    pub rows: u64,
    /// Rows there are to write.
    pub of: u64,
}

/// What an export has done.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The account's part of the dataset.
    pub directory: PathBuf,
    /// The format.
    pub format: Format,
    /// Why everything was written; nothing if only what had changed was.
    pub full_because: Option<&'static str>,
    /// Rows written.
    pub rows: u64,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are as they were.
    pub files_kept: u64,
    /// Files removed, for there are no more rows of theirs.
    pub files_removed: u64,
    /// The last line of `changes` that is in it.
    pub position: i64,
    /// Through when it is complete.
    pub complete_through: Option<Timestamp>,
}

/// A file of the dataset.
#[derive(Clone, Debug)]
struct Piece {
    table: MirrorTable,
    month: Month,
    rows: u64,
}

/// Writes the dataset, or what has changed since it was written. `watch` is told how it is getting on; `stop` ends it early.
///
/// # Errors
/// [`ExportError`]; the dataset is then as it was, unless the disk failed while finished files were moved into it. Running it again
/// mends that.
pub async fn export(
    reader: &Reader,
    order: &Order,
    watch: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Result<Exported, ExportError> {
    let mut held = reader.hold().await?;
    let mirror = held.mirror_of().await?.ok_or(ExportError::NoAccount)?;
    let place = Place::take(&order.out, &mirror)?;
    let former = place.manifest(&mirror, order.format)?;
    let tables = held.tables().await?;
    let (former, full_because) = usable(&mut held, former, order.full, &mirror).await?;
    let pieces = due(&mut held, &place, tables.clone(), former.as_ref()).await?;
    let written = write(&mut held, &place, order.format, &pieces, (watch, stop)).await?;
    let manifest = Manifest {
        format: order.format,
        mirror,
        position: held.position().await?,
        complete_through: held.complete_through().await?,
        exported_at: Timestamp::now(),
        tables: entries(&tables, former.as_ref(), &pieces, &written),
    };
    drop(held);
    if stop.is_cancelled() {
        return Err(ExportError::Stopped);
    }
    let gone = pieces.iter().filter(|piece| piece.rows == 0);
    let gone: Vec<String> = gone.map(|piece| piece.path(order.format)).collect();
    let files_removed = place.put(&manifest, &written, &gone, former.is_none())?;
    let files = written.len() as u64;
    Ok(Exported {
        directory: place.directory().to_owned(),
        format: order.format,
        full_because,
        rows: written.iter().map(|file| file.rows).sum(),
        files,
        bytes: written.iter().map(|file| file.bytes).sum(),
        files_kept: manifest.files() as u64 - files,
        files_removed,
        position: manifest.position,
        complete_through: manifest.complete_through,
    })
}

/// The former manifest, if one can go on from it; else why not.
async fn usable(
    held: &mut Held,
    former: Option<Manifest>,
    full: bool,
    mirror: &MirrorOf,
) -> Result<(Option<Manifest>, Option<&'static str>), ExportError> {
    let Some(former) = former else {
        return Ok((None, Some("it is the first export into this directory")));
    };
    let because = if full {
        Some("it was asked for")
    } else if former.mirror.bound_at != mirror.bound_at {
        Some("the mirror was begun anew since the last export")
    } else if held.since(former.position).await? == Since::Lost {
        Some("the mirror no longer has every change since the last export")
    } else {
        None
    };
    Ok((because.is_none().then_some(former), because))
}

/// The files that are to be written; those without rows are to go.
async fn due(
    held: &mut Held,
    place: &Place,
    tables: Vec<MirrorTable>,
    former: Option<&Manifest>,
) -> Result<Vec<Piece>, ExportError> {
    let mut pieces = Vec::new();
    for table in tables {
        let entry = former.and_then(|former| former.table(&table.name));
        let months = match (former, entry) {
            (Some(former), Some(entry)) if entry.columns == table.columns => {
                let mut months = held.changed_months(&table, former.position).await?;
                months.extend(spoilt(place, entry));
                months
            }
            _ => held.months(&table).await?,
        };
        for month in months {
            let rows = held.count(&table, &month).await?;
            pieces.push(Piece {
                table: table.clone(),
                month,
                rows,
            });
        }
    }
    Ok(pieces)
}

/// Months whose files are not what the manifest says.
fn spoilt(place: &Place, entry: &TableEntry) -> BTreeSet<Month> {
    let files = entry.files.iter();
    let spoilt = files.filter(|file| place.size(&file.path) != Some(file.bytes));
    spoilt.map(|file| Month(file.month.clone())).collect()
}

type Watched<'a> = (&'a (dyn Fn(Progress) + Sync), &'a CancellationToken);

/// Writes the files beside the dataset.
async fn write(
    held: &mut Held,
    place: &Place,
    format: Format,
    pieces: &[Piece],
    (watch, stop): Watched<'_>,
) -> Result<Vec<FileEntry>, ExportError> {
    let mut progress = Progress {
        rows: 0,
        of: pieces.iter().map(|piece| piece.rows).sum(),
    };
    watch(progress);
    let mut written = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.rows > 0) {
        let path = piece.path(format);
        let failed = |error| ExportError::write(place.directory().join(&path), error);
        let file = place.stage(&path)?;
        let mut writer = Writer::new(format, file, &piece.table).map_err(failed)?;
        let mut rows = held.rows(&piece.table, &piece.month);
        let mut count = 0;
        while let Some(row) = rows.try_next().await? {
            if stop.is_cancelled() {
                return Err(ExportError::Stopped);
            }
            let cells = piece.table.columns.iter().enumerate();
            let cells = cells.map(|(number, column)| row.cell(number, column.kind));
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            writer.row(&cells).map_err(failed)?;
            count += 1;
            progress.rows += 1;
            if progress.rows.is_multiple_of(TELL_EVERY) {
                watch(progress);
            }
        }
        let bytes = writer.end().map_err(failed)?;
        written.push(FileEntry {
            path,
            month: piece.month.0.clone(),
            rows: count,
            bytes,
        });
    }
    watch(progress);
    Ok(written)
}

/// What the dataset holds now, table by table.
fn entries(
    tables: &[MirrorTable],
    former: Option<&Manifest>,
    pieces: &[Piece],
    written: &[FileEntry],
) -> Vec<TableEntry> {
    let entry = |table: &MirrorTable| {
        let kept = former.and_then(|former| former.table(&table.name));
        let mut files: BTreeMap<Option<String>, FileEntry> = kept
            .into_iter()
            .flat_map(|entry| entry.files.iter())
            .map(|file| (file.month.clone(), file.clone()))
            .collect();
        for piece in pieces.iter().filter(|piece| piece.table.name == table.name) {
            files.remove(&piece.month.0);
        }
        let head = format!("table={}/", table.name);
        let new = written.iter().filter(|file| file.path.starts_with(&head));
        files.extend(new.map(|file| (file.month.clone(), file.clone())));
        TableEntry {
            name: table.name.clone(),
            columns: table.columns.clone(),
            files: files.into_values().collect(),
        }
    };
    tables.iter().map(entry).collect()
}

/// What Hive, and whoever reads as it does, takes for no value.
const NO_MONTH: &str = "__HIVE_DEFAULT_PARTITION__";

impl Piece {
    /// Where the file is, from the account's directory on.
    fn path(&self, format: Format) -> String {
        let month = self.month.0.as_deref().unwrap_or(NO_MONTH);
        let (table, ending) = (&self.table.name, format.ending());
        format!("table={table}/month={month}/part-0.{ending}")
    }
}
