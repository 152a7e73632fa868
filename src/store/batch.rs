//! A page on its way into the file: held against what is stored, then written with its checkpoint in one transaction.

mod compare;

use sqlx::SqliteConnection;

use super::changes::{self, Change};
use super::rows::{self, ChatRow, GateRow, MessageRow, Write};
use super::runs::Gains;
use super::writer::Transaction;
use super::{StoreError, kept, ledger};
use crate::clock::Timestamp;
use crate::model::{Attachment, Channel, Contact, Drift, Reject};
use crate::plan::{ChatSync, Walk};

pub use compare::{ChatComparison, MessageComparison};

/// The rows of a batch that differ from what is stored.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Channels.
    pub channels: Vec<Write<Channel>>,
    /// Contacts.
    pub contacts: Vec<Write<Contact>>,
    /// Chats.
    pub chats: Vec<Write<ChatRow>>,
    /// Gates.
    pub gates: Vec<Write<GateRow>>,
    /// Messages.
    pub messages: Vec<Write<MessageRow>>,
    /// Attachments.
    pub attachments: Vec<Write<Attachment>>,
    /// Attachments that their messages no longer have.
    pub gone_attachments: Vec<Attachment>,
}

/// What a batch moves forward.
#[derive(Clone, Debug)]
pub enum Checkpoint {
    /// A list of chats: the walk that goes on, if it does, and the new watermark, if it moves.
    List {
        /// The list, such as `chats`.
        stream: String,
        /// The walk under way after this page.
        walk: Option<Walk>,
        /// Through when the list has been seen now.
        watermark: Option<Timestamp>,
    },
    /// A chat's messages.
    Chat(Box<ChatSync>),
    /// Nothing: the page belongs to a walk that begins again if it is stopped.
    Standing,
}

/// The stored rows that a whole walk still has to meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// No whole walk is under way.
    Untracked,
    /// The walk begins with this page: every listed row is to be met, these have been.
    Begin(Vec<i64>),
    /// These have been met.
    Met(Vec<i64>),
    /// The walk is over.
    Clear,
}

/// All that one answer changes, and nothing of it without the rest.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The pass.
    pub run_id: i64,
    /// The server's clock of the answer.
    pub at: Timestamp,
    /// The list it is from, such as `chats` or `messages/7`.
    pub stream: String,
    /// The chat whose list it is, if it is one's.
    pub chat_id: Option<i64>,
    /// Rows that differ.
    pub rows: Rows,
    /// What became due or done of chats beside the checkpoint's own.
    pub debts: Vec<ChatSync>,
    /// Items that could not be read.
    pub rejects: Vec<Reject>,
    /// Items that could: rejects of theirs are settled.
    pub read: Vec<i64>,
    /// Values without a column.
    pub drift: Vec<Drift>,
    /// Whether the page was read again although nothing was owed: what differs then had changed silently.
    pub is_audit: bool,
    /// Whether the list may have items that could not be read before and can be now.
    pub had_rejects: bool,
    /// Bookkeeping of a whole walk.
    pub unmet: Unmet,
    /// What is covered now.
    pub checkpoint: Checkpoint,
}

impl Transaction {
    /// Writes the batch and ends the page. If the batch changes nothing, nothing is written at all.
    ///
    /// # Errors
    /// Whatever SQLite says; then nothing of the batch is in the file, nor of the pages that share its transaction.
    pub async fn commit(mut self, batch: Batch) -> Result<(), StoreError> {
        let new_channels = !batch.rows.channels.is_empty();
        let gains = write(self.connection()?, batch).await?;
        if new_channels {
            self.channels().clear();
        }
        self.end_page(gains).await
    }
}

/// Writes what there is to write, and says what that adds to the books of the pass.
async fn write(
    connection: &mut SqliteConnection,
    batch: Batch,
) -> Result<Option<Gains>, StoreError> {
    let Batch {
        run_id,
        at,
        stream,
        chat_id,
        rows,
        debts,
        rejects,
        read,
        drift,
        is_audit,
        had_rejects,
        unmet,
        checkpoint,
    } = batch;
    let changes = write_rows(connection, &rows).await?;
    if !changes.is_empty() {
        changes::write(connection, &changes, at, run_id).await?;
        ledger::note_drift(connection, &drift, at).await?;
    }
    ledger::track(connection, &stream, chat_id, &unmet).await?;
    ledger::note_rejects(connection, &stream, chat_id, &rejects, at).await?;
    if had_rejects {
        ledger::settle_rejects(connection, &stream, &read, at).await?;
    }
    let mut owing = debts;
    match checkpoint {
        Checkpoint::List {
            stream,
            walk,
            watermark,
        } => {
            ledger::save_checkpoint(connection, &stream, walk.as_ref(), watermark, at).await?;
        }
        Checkpoint::Chat(chat) => owing.push(*chat),
        Checkpoint::Standing => {}
    }
    if !owing.is_empty() {
        ledger::save_chats(connection, &owing).await?;
    }
    let tally = changes::tally(&changes);
    let gains = Gains {
        run_id,
        tally,
        rejects: i64::try_from(rejects.len()).unwrap_or(i64::MAX),
        findings: if is_audit { tally.all() } else { 0 },
    };
    Ok((!changes.is_empty() || !rejects.is_empty()).then_some(gains))
}

/// Writes the rows, parents first, and tells what changed.
pub(super) async fn write_rows(
    connection: &mut SqliteConnection,
    rows: &Rows,
) -> Result<Vec<Change>, StoreError> {
    let Rows {
        channels,
        contacts,
        chats,
        gates,
        messages,
        attachments,
        gone_attachments,
    } = rows;
    let mut changes = Vec::new();
    macro_rules! write_table {
        ($rows:ident, $write:path) => {
            if !$rows.is_empty() {
                $write(connection, $rows).await?;
                for row in $rows {
                    changes.push(changes::written(row)?);
                }
            }
        };
    }
    write_table!(channels, rows::write_channels);
    write_table!(contacts, rows::write_contacts);
    write_table!(chats, rows::write_chats);
    write_table!(gates, rows::write_gates);
    kept::take_out(connection, messages).await?;
    write_table!(messages, rows::write_messages);
    kept::put_in(connection, messages).await?;
    write_table!(attachments, rows::write_attachments);
    if !gone_attachments.is_empty() {
        rows::remove_attachments(connection, gone_attachments).await?;
        for row in gone_attachments {
            changes.push(changes::removed(row)?);
        }
    }
    Ok(changes)
}
