//! Messages that a closed walk did not meet: missing at first, deleted when a later pass misses them too.

use std::collections::HashSet;

use super::reading::Books;
use crate::clock::Timestamp;
use crate::pass::{Pass, PassError};
use crate::plan::Rule;
use crate::store::{MessageRow, Write};

impl Pass<'_> {
    /// What a closed walk did not meet is missing; what an earlier pass had missed already is deleted. Says whether a
    /// message is missing that another pass must look for.
    pub(super) async fn mark_missing(
        &self,
        books: &mut Books,
        chat_id: i64,
        unmet: &[i64],
        here: &HashSet<i64>,
        now: Timestamp,
    ) -> Result<bool, PassError> {
        if unmet.is_empty() && !books.stored.has_missing {
            return Ok(false);
        }
        let mut newly = books.transaction.messages(unmet).await?;
        newly.retain(|row| row.message.chat_id == chat_id);
        let mut before_this_pass = *self.first_answer.lock().map_err(|_| PassError::Poisoned)?;
        if !self.keeps(Rule::SecondLookForDeletions) {
            before_this_pass = None;
        }
        let before_this_pass = before_this_pass.unwrap_or(now);
        let (gone, undecided): (Vec<_>, Vec<_>) = books
            .transaction
            .missing_messages(chat_id)
            .await?
            .into_iter()
            .filter(|row| !here.contains(&row.message.id))
            .partition(|row| row.missing_since < Some(before_this_pass));
        let missing = newly.into_iter().map(|row| Write {
            row: MessageRow {
                missing_since: Some(now),
                ..row.clone()
            },
            before: Some(row),
        });
        let count = books.batch.rows.messages.len();
        books.batch.rows.messages.extend(missing);
        let some_missing = books.batch.rows.messages.len() > count || !undecided.is_empty();
        let deleted = gone.into_iter().map(|row| {
            let mut after = row.clone();
            after.message.deleted_at = Some(now);
            Write {
                row: after,
                before: Some(row),
            }
        });
        books.batch.rows.messages.extend(deleted);
        Ok(some_missing)
    }
}
