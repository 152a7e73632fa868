//! A page on its way into the file: held against what is stored, then written with its checkpoint in one transaction. What
//! several pages change is written with one statement a table.

mod compare;

use sqlx::SqliteConnection;

use super::changes::{self, Change};
use super::rows::{self, ChatRow, GateRow, MessageRow, Write};
use super::runs::Gains;
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
    /// A peek beside the walk `walk` has shown these, which are new: the walk is still to meet them.
    Late {
        /// The stream of the walk.
        walk: String,
        /// What was shown.
        ids: Vec<i64>,
    },
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

impl Batch {
    /// A batch of this pass that changes nothing yet.
    #[must_use]
    pub fn new(run_id: i64, stream: String, chat_id: Option<i64>, at: Timestamp) -> Self {
        Self {
            run_id,
            at,
            stream,
            chat_id,
            rows: Rows::default(),
            debts: Vec::new(),
            rejects: Vec::new(),
            read: Vec::new(),
            drift: Vec::new(),
            is_audit: false,
            had_rejects: true,
            unmet: Unmet::Untracked,
            checkpoint: Checkpoint::Standing,
        }
    }

    /// What the batch adds to the books of its pass, if anything; `changes` are its own.
    fn gains(&self, changes: &[Change]) -> Option<Gains> {
        let tally = changes::tally(changes);
        let gains = Gains {
            run_id: self.run_id,
            tally,
            rejects: i64::try_from(self.rejects.len()).unwrap_or(i64::MAX),
            findings: if self.is_audit { tally.all() } else { 0 },
        };
        (!changes.is_empty() || !self.rejects.is_empty()).then_some(gains)
    }
}

impl Rows {
    fn append(&mut self, mut more: Self) {
        self.channels.append(&mut more.channels);
        self.contacts.append(&mut more.contacts);
        self.chats.append(&mut more.chats);
        self.gates.append(&mut more.gates);
        self.messages.append(&mut more.messages);
        self.attachments.append(&mut more.attachments);
        self.gone_attachments.append(&mut more.gone_attachments);
    }

    /// The change that each row makes, parents first.
    pub(super) fn changes(&self) -> Result<Vec<Change>, serde_json::Error> {
        let mut changes = Vec::new();
        macro_rules! note_table {
            ($rows:expr, $change:path) => {
                for row in $rows {
                    changes.push($change(row)?);
                }
            };
        }
        note_table!(&self.channels, changes::written);
        note_table!(&self.contacts, changes::written);
        note_table!(&self.chats, changes::written);
        note_table!(&self.gates, changes::written);
        note_table!(&self.messages, changes::written);
        note_table!(&self.attachments, changes::written);
        note_table!(&self.gone_attachments, changes::removed);
        Ok(changes)
    }

    /// Writes the rows, parents first.
    pub(super) async fn write(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        macro_rules! write_table {
            ($rows:expr, $write:path) => {
                if !$rows.is_empty() {
                    $write(connection, &$rows).await?;
                }
            };
        }
        write_table!(self.channels, rows::write_channels);
        write_table!(self.contacts, rows::write_contacts);
        write_table!(self.chats, rows::write_chats);
        write_table!(self.gates, rows::write_gates);
        kept::take_out(connection, &self.messages).await?;
        write_table!(self.messages, rows::write_messages);
        kept::put_in(connection, &self.messages).await?;
        write_table!(self.attachments, rows::write_attachments);
        write_table!(self.gone_attachments, rows::remove_attachments);
        Ok(())
    }
}

/// Writes what the batches change, and says what each adds to the books of its pass.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    mut batches: Vec<Batch>,
) -> Result<Vec<Gains>, StoreError> {
    let mut lines = Vec::new();
    let mut gains = Vec::new();
    let mut drift = Vec::new();
    let mut rows = Rows::default();
    for batch in &mut batches {
        let changes = batch.rows.changes()?;
        gains.extend(batch.gains(&changes));
        if !changes.is_empty() {
            drift.extend(batch.drift.drain(..).map(|drift| (drift, batch.at)));
        }
        lines.extend(
            changes
                .into_iter()
                .map(|change| change.at(batch.at, batch.run_id)),
        );
        rows.append(std::mem::take(&mut batch.rows));
    }
    rows.write(connection).await?;
    changes::write(connection, &lines).await?;
    ledger::note_drift(connection, &drift).await?;
    write_ledger(connection, batches).await?;
    Ok(gains)
}

/// Writes what the batches cover and owe.
async fn write_ledger(
    connection: &mut SqliteConnection,
    batches: Vec<Batch>,
) -> Result<(), StoreError> {
    let walks = batches
        .iter()
        .map(|batch| (batch.stream.as_str(), batch.chat_id, &batch.unmet));
    ledger::track(connection, walks).await?;
    let mut owing = Vec::new();
    for batch in batches {
        let Batch {
            at,
            stream,
            chat_id,
            debts,
            rejects,
            read,
            had_rejects,
            checkpoint,
            ..
        } = batch;
        ledger::note_rejects(connection, &stream, chat_id, &rejects, at).await?;
        if had_rejects {
            ledger::settle_rejects(connection, &stream, &read, at).await?;
        }
        owing.extend(debts);
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
    }
    if !owing.is_empty() {
        ledger::save_chats(connection, &owing).await?;
    }
    Ok(())
}
