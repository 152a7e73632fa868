//! The ledger tables: what is covered and owed, where walks stand, what could not be read.

mod chat_sync;
mod due;
mod losses;
mod notes;
mod positions;

pub(super) use chat_sync::save as save_chats;
pub use due::{DueChat, DueCounts};
pub(super) use notes::{note_drift, note_rejects, settle_rejects};
pub use positions::StoredCheckpoint;
pub(super) use positions::{save_checkpoint, track};
