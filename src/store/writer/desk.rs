//! What the one who writes finds at the desk: pages that are to be written, and what was looked up for those to come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{Sqlite, SqliteConnection};

use crate::model::Channel;
use crate::store::StoreError;
use crate::store::batch::{self, Batch};
use crate::store::glance::{Answers, Lookup, Stored};
use crate::store::runs::{self, Gains};

/// Written pages and pages to be written, until they are committed together.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// The transaction that the pages before have left open.
    pub(super) shared: Option<sqlx::Transaction<'static, Sqlite>>,
    /// Pages that share it, written or to be written.
    pub(super) pages: u32,
    /// Pages to be written, in the order in which they came: one statement a table writes them all.
    to_write: Vec<Batch>,
    /// What was looked up for pages whose turn is still to come.
    answers: Answers,
    /// What the written pages add to the books of their pass.
    gains: Option<Gains>,
    /// Channels as they are stored: there are few, and every page names some.
    pub(super) channels: HashMap<i64, Channel>,
    /// Whether pages were given up that their writers take for written.
    lost_pages: bool,
}

impl Desk {
    /// The connection, for questions whose answer does not depend on the pages to be written.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match &mut self.shared {
            Some(shared) => Ok(shared),
            None => Err(StoreError::GivenUp),
        }
    }

    /// The connection, after all pages were written: for whatever else is asked or changed.
    pub(super) async fn up_to_date(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.answers.clear();
        let to_write = std::mem::take(&mut self.to_write);
        if !to_write.is_empty() {
            // Until it has worked out: a writer that is dropped on the way leaves half of it.
            self.lost_pages = true;
            let gains = batch::write(self.connection()?, to_write).await?;
            self.lost_pages = false;
            self.gain(gains);
        }
        self.connection()
    }

    /// Takes a page in, to be written with the next ones.
    pub(super) fn take_in(&mut self, batch: Batch) {
        self.pages += 1;
        self.note_written(&batch);
        for write in &batch.rows.channels {
            self.channels.insert(write.row.id, write.row.clone());
        }
        self.to_write.push(batch);
    }

    /// What the page changes is no longer as it was looked up for others.
    fn note_written(&mut self, batch: &Batch) {
        let Some(chat_id) = batch.chat_id else {
            return self.answers.clear();
        };
        let before = batch
            .rows
            .messages
            .iter()
            .filter_map(|write| write.before.as_ref());
        let (mut chats, messages): (HashSet<i64>, HashSet<i64>) = before
            .map(|row| (row.message.chat_id, row.message.id))
            .unzip();
        chats.insert(chat_id);
        self.answers.forget(&chats, &messages);
    }

    /// What is stored of a page: looked up with an earlier one, or now, with those that wait.
    pub(super) async fn stored(
        &mut self,
        lookup: &Arc<Lookup>,
        others: impl FnOnce() -> Vec<Arc<Lookup>>,
    ) -> Result<Stored, StoreError> {
        if let Some(stored) = self.answers.take(lookup) {
            return Ok(stored);
        }
        let connection = self.up_to_date().await?;
        self.answers = Answers::look_up(connection, Arc::clone(lookup), others()).await?;
        Ok(self.answers.take(lookup).unwrap_or_default())
    }

    /// Writes and commits what was left open.
    pub(super) async fn settle(&mut self) -> Result<(), StoreError> {
        self.refuse_after_loss()?;
        if self.shared.is_none() {
            return Ok(());
        }
        let settled = self.commit().await;
        if settled.is_err() {
            self.forget();
        }
        settled
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        self.up_to_date().await?;
        let Some(mut shared) = self.shared.take() else {
            return Ok(());
        };
        self.lost_pages = self.pages > 0;
        if let Some(gains) = self.gains.take() {
            runs::add(&mut shared, gains).await?;
        }
        shared.commit().await?;
        self.pages = 0;
        self.lost_pages = false;
        Ok(())
    }

    fn gain(&mut self, more: Vec<Gains>) {
        for gains in more {
            let so_far = self.gains.take();
            self.gains = Some(so_far.map_or(gains, |so_far| so_far.and(gains)));
        }
    }

    /// Everybody is told of a loss, so that nobody goes on as if nothing had happened.
    pub(super) fn refuse_after_loss(&mut self) -> Result<(), StoreError> {
        if self.lost_pages {
            // With what was left half written.
            self.forget();
            return Err(StoreError::GivenUp);
        }
        Ok(())
    }

    /// All who wrote beside each other have been told of a loss, if there was one.
    pub(super) fn begin_anew(&mut self) {
        self.lost_pages = false;
    }

    /// Nothing of what was left open comes into the file.
    pub(super) fn forget(&mut self) {
        *self = Self {
            lost_pages: self.lost_pages || self.pages > 0,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_are_lost_are_told_to_everybody_until_all_begin_anew() {
        let mut desk = Desk::default();
        desk.take_in(Batch::new(
            1,
            "chats".to_owned(),
            None,
            crate::clock::Clock::System.now(),
        ));
        desk.forget();
        for _writer in 0..3 {
            assert!(matches!(desk.refuse_after_loss(), Err(StoreError::GivenUp)));
        }
        desk.begin_anew();
        assert!(desk.refuse_after_loss().is_ok());
    }
}
