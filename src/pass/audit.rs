//! The audit: old messages change silently, so requests that nothing else needs re-read chats of which nothing is owed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Pass, PassError, Phase};
use crate::clock::Timestamp;
use crate::plan::Owed;
use crate::store::{DueChat, Reader};

/// Chats that changed within this time are the likeliest to change again.
const RECENT: Duration = Duration::from_hours(7 * 24);

/// They are re-read when their last full reading is older than this.
const RECENT_HORIZON: Duration = Duration::from_hours(24);

/// Chats owed a re-reading at a time, at most: a stopped audit leaves no more than these.
const AT_A_TIME: u32 = 20;

/// With less than this to spend, the learned order is not put to the test: a busy account is looked at every few seconds.
const ENOUGH_TO_PROBE: u64 = 10;

/// What a pass may spend on re-reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Requests; a long chat that was begun is read to its end.
    pub requests: u64,
    /// Every chat's last full reading is to be younger than this.
    pub horizon: Duration,
}

/// The chats that are to be re-read at `now` so that every one's last full reading is younger than `horizon`: `most` of them, the
/// recently active before the others.
///
/// # Errors
/// Whatever the store says.
pub async fn chats_to_audit(
    reader: &Reader,
    now: Timestamp,
    horizon: Duration,
    most: u32,
) -> Result<Vec<i64>, PassError> {
    let (recent, recent_horizon) = (now.minus(RECENT), now.minus(RECENT_HORIZON));
    let chats = reader
        .stale_chats(recent, recent_horizon, now.minus(horizon), most)
        .await?;
    Ok(chats)
}

impl Pass<'_> {
    /// Puts the learned order to the test, and re-reads the chats whose last full reading is too old, recently active ones first, until the requests are spent.
    pub(super) async fn audit(&self, audit: Audit) -> Result<(), PassError> {
        let Some(now) = self.server_now() else {
            return Ok(());
        };
        let begun = self.setting.client.requests();
        if audit.requests >= ENOUGH_TO_PROBE && !self.gives_way() {
            self.probe_order().await?;
        }
        let spent = || self.setting.client.requests() - begun;
        while spent() < audit.requests && !self.gives_way() {
            self.setting
                .progress
                .send_modify(|progress| progress.phase = Phase::Audit);
            // Whoever watches may have waited for this to tell the pass that others wait: then no chat is owed in vain.
            tokio::task::yield_now().await;
            if self.gives_way() {
                break;
            }
            let left = u32::try_from(audit.requests - spent()).unwrap_or(u32::MAX);
            let at_a_time = u32::try_from(self.chats_side_by_side()).unwrap_or(u32::MAX);
            let left = left.min(at_a_time).min(AT_A_TIME);
            let reader = self.setting.store.reader();
            let mut chats = chats_to_audit(reader, now, audit.horizon, left).await?;
            chats.retain(|chat_id| !self.visits.has(*chat_id));
            if chats.is_empty() {
                break;
            }
            self.owe_reread(&chats).await?;
            self.setting.progress.send_modify(|progress| {
                progress.chats_due = progress.chats_read + chats.len() as u64;
            });
            let due = chats
                .iter()
                .map(|chat_id| DueChat {
                    chat_id: *chat_id,
                    owed: Owed::Reread,
                })
                .collect();
            self.read_side_by_side(due).await?;
            // Told to stop, no chat was begun, nothing was spent, and the next ones would be owed in vain.
            if self.halt.is_cancelled() {
                return Err(PassError::Stopped);
            }
            let read = chats.iter().filter(|chat_id| self.visits.has(**chat_id));
            self.audited
                .fetch_add(read.count() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn owe_reread(&self, chats: &[i64]) -> Result<(), PassError> {
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let mut transaction = self.setting.store.begin().await?;
        let mut batch = self.batch("audit".to_owned(), None, now);
        batch.debts = transaction.chat_syncs(chats).await?;
        for chat in &mut batch.debts {
            chat.owe(Owed::Reread, None);
        }
        transaction.commit(batch).await?;
        Ok(())
    }
}
