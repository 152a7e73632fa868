//! The mirror's file: the only place with SQL.
//!
//! The way of a page: [`Store::begin_page`] opens a transaction and looks up what is stored, `compare_…` holds the page against
//! it, and [`Transaction::commit`] takes one [`Batch`]: the rows that differ and the checkpoint that covers them. Batches that come
//! fast are written together.

mod batch;
mod calendar;
mod care;
mod changes;
mod columns;
mod connect;
mod deliveries;
mod error;
mod export;
mod glance;
mod holders;
mod kept;
mod ledger;
mod lock;
mod open;
mod report;
mod rows;
mod runs;
mod search;
mod signals;
mod snapshot;
mod writer;

pub use batch::{Batch, ChatComparison, Checkpoint, MessageComparison, Rows, Unmet};
pub use connect::Durability;
pub use deliveries::{Body, Intake, ListedPage, Place, Span, TakenIn};
pub use error::StoreError;
pub use export::{Cell, ExportRow, Held, Kind, MirrorOf, MirrorTable, Month, Since, TableColumn};
pub use glance::{Lookup, Stored};
pub use holders::{WalHolder, wal_holders};
pub use ledger::{DueChat, DueCounts, StoredCheckpoint};
pub use lock::{WriterLock, writer_of};
pub use open::{Binding, Store};
pub use report::{
    AuditSummary, Coverage, Freshness, OwedChat, OwedCount, Reader, RejectLine, RunLine, Sizes,
    TableCount,
};
pub use rows::{ChatRow, GateRow, MessageRow, Write};
pub use runs::{RunEnd, RunStatus, RunTotals};
pub use search::{Found, Search};
pub use signals::{FileSizes, RunSeen};
pub use snapshot::Snapshot;
pub use writer::Transaction;
