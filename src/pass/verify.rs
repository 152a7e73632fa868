//! The proof on demand: the source's counts against the stored ones, of chats and chat by chat, and ids where they differ.

mod listing;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::messages::stream as message_stream;
use super::{Pass, PassError, Phase, Setting};
use crate::model::ChatList;
use crate::plan::{ListOrder, Mode, Owed};
use crate::source::SourceError;

/// A chat that is not stored as the source has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The chat.
    pub chat_id: i64,
    /// How many messages the source has.
    pub source: u64,
    /// How many of them are stored.
    pub stored: u64,
    /// Messages that the source has and the mirror has not.
    pub missing: Vec<i64>,
    /// Messages that the mirror counts as present and the source has no longer.
    pub surplus: Vec<i64>,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Chats that the source lists.
    pub source_chats: u64,
    /// Chats that the mirror counts as present.
    pub stored_chats: u64,
    /// Chats that the source has and the mirror has not, though they changed before its last look at the lists.
    pub missing_chats: Vec<i64>,
    /// Chats that the mirror counts as present and the source lists no longer.
    pub surplus_chats: Vec<i64>,
    /// Whether the two above are known: not where the numbers of chats are equal, nor where the source shows chats of one time in another
    /// order at every request.
    pub chats_compared: bool,
    /// Chats that were compared.
    pub checked: u64,
    /// Those that differ, by id.
    pub differences: Vec<Difference>,
    /// Requests made.
    pub requests: u64,
}

impl Verification {
    /// Whether everything that was compared is as the source has it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.has_all_chats()
    }

    /// Whether the mirror has the chats that the source lists, but for those that began after its last look.
    #[must_use]
    pub fn has_all_chats(&self) -> bool {
        let none_differs = self.missing_chats.is_empty() && self.surplus_chats.is_empty();
        none_differs && (self.chats_compared || self.source_chats == self.stored_chats)
    }
}

/// Compares these chats with the source. What differs is owed, and repaired by the next pass.
///
/// # Errors
/// [`PassError`].
pub async fn verify(setting: &Setting<'_>, chats: Vec<i64>) -> Result<Verification, PassError> {
    let before = setting.client.requests();
    // A verification is no pass: it writes no row of a mirrored table, and so has no line in the ledger of passes.
    let pass = Pass::new(setting, Mode::Incremental, 0).await?;
    let stored_chats = setting.store.reader().sizes().await?.chats;
    let source_chats = pass.count_all_chats().await?;
    let checked = chats.len() as u64;
    setting.progress.send_modify(|progress| {
        progress.phase = Phase::Messages;
        progress.chats_due = checked;
    });
    let done = AtomicU64::new(0);
    let mut comparing = stream::iter(chats)
        .map(|chat_id| pass.compare_chat(chat_id, &done))
        .buffer_unordered(setting.max_in_flight);
    let mut differences = Vec::new();
    while let Some(compared) = comparing.next().await {
        differences.extend(compared?);
    }
    differences.sort_unstable_by_key(|difference| difference.chat_id);
    for difference in &differences {
        pass.owe_repair(difference.chat_id).await?;
    }
    let mut verification = Verification {
        source_chats,
        stored_chats,
        missing_chats: Vec::new(),
        surplus_chats: Vec::new(),
        chats_compared: false,
        checked,
        differences,
        requests: 0,
    };
    if source_chats != stored_chats {
        pass.compare_chats(&mut verification).await?;
    }
    verification.requests = setting.client.requests() - before;
    Ok(verification)
}

impl Pass<'_> {
    async fn count_all_chats(&self) -> Result<u64, PassError> {
        if self.traits()?.union == Some(false) {
            let open = self.count_chats(ChatList::Open).await?;
            return Ok(open + self.count_chats(ChatList::Closed).await?);
        }
        self.count_chats(ChatList::All).await
    }

    /// Reads the lists of chats: which the mirror has not, and which the source has not. What differs makes the next pass read them whole.
    async fn compare_chats(&self, verification: &mut Verification) -> Result<(), PassError> {
        let stored: BTreeSet<i64> = self
            .setting
            .store
            .reader()
            .listed_chats(None)
            .await?
            .into_iter()
            .collect();
        let Some(listed) = self.chat_ids().await? else {
            return self.doubt_lists().await;
        };
        // What changed after the mirror's last look is not missing: it is news for the next pass.
        let seen_through = self.stored_watermark().await?;
        verification.chats_compared = true;
        verification.missing_chats = listed
            .iter()
            .filter(|(id, at)| !stored.contains(id) && **at <= seen_through)
            .map(|(id, _)| *id)
            .collect();
        verification.surplus_chats = stored
            .into_iter()
            .filter(|id| !listed.contains_key(id))
            .collect();
        if verification.has_all_chats() {
            return Ok(());
        }
        self.doubt_lists().await
    }

    /// A walk that was stopped may have passed by what is missing, and a look at the head would not reach it.
    async fn doubt_lists(&self) -> Result<(), PassError> {
        self.setting.store.end_list_walks().await?;
        self.learn(|traits| {
            if traits.chat_order == ListOrder::NewestFirst {
                traits.distrust_order();
            }
        })
        .await
    }

    /// One request where the counts agree; the whole list where they do not.
    async fn compare_chat(
        &self,
        chat_id: i64,
        done: &AtomicU64,
    ) -> Result<Option<Difference>, PassError> {
        let source = match self.count_messages(chat_id).await {
            Err(PassError::Source(SourceError::NotFound { .. })) => 0,
            counted => counted?,
        };
        let stored = self.stored_ids(chat_id).await?;
        let read = done.fetch_add(1, Ordering::Relaxed) + 1;
        self.setting
            .progress
            .send_modify(|progress| progress.chats_read = read);
        if source == stored.len() as u64 {
            return Ok(None);
        }
        // Of a list whose pages do not fit together the number alone is known to differ.
        let listed = self.message_ids(chat_id).await?;
        // What arrived after the mirror's last look is not missing: it is news for the next pass.
        let seen_through = self.stored_watermark().await?;
        let missing: Vec<i64> = listed
            .iter()
            .flatten()
            .filter(|(id, at)| !stored.contains(id) && **at <= seen_through)
            .map(|(id, _)| *id)
            .collect();
        let surplus: Vec<i64> = stored
            .iter()
            .filter(|id| {
                listed
                    .as_ref()
                    .is_some_and(|listed| !listed.contains_key(id))
            })
            .copied()
            .collect();
        if listed.is_some() && missing.is_empty() && surplus.is_empty() {
            return Ok(None);
        }
        Ok(Some(Difference {
            chat_id,
            source,
            stored: stored.len() as u64,
            missing,
            surplus,
        }))
    }

    async fn stored_ids(&self, chat_id: i64) -> Result<BTreeSet<i64>, PassError> {
        let mut transaction = self.setting.store.begin().await?;
        let ids = transaction.listed_ids(chat_id).await?;
        transaction.leave().await?;
        Ok(ids.into_iter().collect())
    }

    async fn owe_repair(&self, chat_id: i64) -> Result<(), PassError> {
        let complete_through = self.stored_watermark().await?;
        let mut transaction = self.setting.store.begin().await?;
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let mut batch = self.batch(message_stream(chat_id), Some(chat_id), now);
        batch.debts = transaction.chat_syncs(&[chat_id]).await?;
        for chat in &mut batch.debts {
            chat.walk = None;
            chat.owe(Owed::Count, complete_through);
        }
        transaction.commit(batch).await?;
        Ok(())
    }
}
