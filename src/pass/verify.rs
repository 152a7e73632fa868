//! The proof on demand: the source's counts against the stored ones, of chats and chat by chat, and ids where they differ.

mod listing;

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::chats::MOST_FAILURES_IN_A_ROW;
use super::messages::stream as message_stream;
use super::traits::Traits;
use super::{Pass, PassError, Phase, Setting};
use crate::model::ChatList;
use crate::plan::{ListOrder, Mode, Owed};
use crate::source::SourceError;
use crate::store::Reader;

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

/// A chat that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uncompared {
    /// The chat.
    pub chat_id: i64,
    /// What the source answered.
    pub error: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Those that could not be compared.
    pub uncompared: Vec<Uncompared>,
    /// Whether it came to its end.
    pub complete: bool,
    /// Requests made.
    pub requests: u64,
}

impl Verification {
    /// Whether everything that was compared is as the source has it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let all_equal = self.differences.is_empty() && self.uncompared.is_empty();
        self.complete && all_equal && self.has_all_chats()
    }

    /// Whether the mirror has the chats that the source lists, but for those that began after its last look.
    #[must_use]
    pub fn has_all_chats(&self) -> bool {
        let none_differs = self.missing_chats.is_empty() && self.surplus_chats.is_empty();
        none_differs && (self.chats_compared || self.source_chats == self.stored_chats)
    }
}

/// How many requests it takes to count the messages of so many chats.
///
/// # Errors
/// Whatever the store says.
pub async fn requests_to_count(reader: &Reader, chats: u64) -> Result<u64, PassError> {
    let by_one = Traits::load(reader).await?.counts_by_one != Some(false);
    // Without pages of one item it is the first page that tells where the last one is.
    Ok(if by_one { chats } else { 2 * chats })
}

/// Compares these chats with the source. What differs is owed at once, and repaired by the next pass. `found`: what was found, also until an
/// error.
///
/// # Errors
/// [`PassError`], where it concerns more than one chat.
pub async fn verify(
    setting: &Setting<'_>,
    chats: Vec<i64>,
    found: &mut Verification,
) -> Result<(), PassError> {
    let before = setting.client.requests();
    let compared = compare(setting, chats, found).await;
    found.requests = setting.client.requests() - before;
    found
        .differences
        .sort_unstable_by_key(|difference| difference.chat_id);
    found.complete = compared.is_ok();
    compared
}

async fn compare(
    setting: &Setting<'_>,
    chats: Vec<i64>,
    found: &mut Verification,
) -> Result<(), PassError> {
    // A verification is no pass: it writes no row of a mirrored table, and so has no line in the ledger of passes.
    let pass = Pass::new(setting, Mode::Incremental, 0).await?;
    found.stored_chats = setting.store.reader().sizes().await?.chats;
    found.source_chats = pass.count_all_chats().await?;
    setting.progress.send_modify(|progress| {
        progress.phase = Phase::Messages;
        progress.chats_due = chats.len() as u64;
    });
    let mut comparing = stream::iter(chats)
        .map(async |chat_id| (chat_id, pass.compare_chat(chat_id).await))
        .buffer_unordered(setting.max_in_flight);
    let mut failures_in_a_row = 0;
    let mut outcome = Ok(());
    // When one of them meets what concerns them all, the others leave at their next request, and are waited for: what they owe is
    // written together.
    while let Some((chat_id, compared)) = comparing.next().await {
        match compared {
            Ok(difference) => {
                failures_in_a_row = 0;
                found.checked += 1;
                found.differences.extend(difference);
            }
            Err(error) if error.spares_the_others() => {
                failures_in_a_row += 1;
                found.uncompared.push(Uncompared {
                    chat_id,
                    error: error.to_string(),
                });
                if failures_in_a_row >= MOST_FAILURES_IN_A_ROW && outcome.is_ok() {
                    pass.halt.cancel();
                    outcome = Err(error);
                }
            }
            Err(error) => {
                pass.halt.cancel();
                outcome = outcome.and(Err(error));
            }
        }
        setting
            .progress
            .send_modify(|progress| progress.chats_read += 1);
    }
    setting.store.settle().await?;
    outcome?;
    if found.source_chats != found.stored_chats {
        pass.compare_chats(found).await?;
    }
    Ok(())
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

    /// One request where the counts agree; the whole list where they do not. A chat that differs is owed a reading.
    async fn compare_chat(&self, chat_id: i64) -> Result<Option<Difference>, PassError> {
        let source = match self.count_messages(chat_id).await {
            Err(PassError::Source(SourceError::NotFound { .. })) => 0,
            counted => counted?,
        };
        let stored = self.stored_ids(chat_id).await?;
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
        self.owe_repair(chat_id).await?;
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
