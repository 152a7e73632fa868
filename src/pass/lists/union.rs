//! Whether the list of chats without a state holds the open and the closed ones: nobody documents it, so counts tell.

use crate::model::ChatList;
use crate::pass::{Pass, PassError};

/// Times that the counts are taken before a pass gives up learning from them: chats come and go meanwhile.
const MOST_COUNTS: u32 = 5;

impl Pass<'_> {
    /// Learns from the counts whether the list without a state holds the open and the closed chats.
    pub(in crate::pass) async fn learn_union(&self) -> Result<(), PassError> {
        if self.traits()?.union.is_some() {
            return Ok(());
        }
        for _ in 0..MOST_COUNTS {
            let closed = self.count_chats(ChatList::Closed).await?;
            let all = self.count_chats(ChatList::All).await?;
            if closed == 0 {
                // The lists are the same then, and tell nothing. But a chat that stood in neither may have been opened since.
                if all > self.known_chats().await? {
                    self.learn(|traits| traits.unclosed_list = true).await?;
                }
                return Ok(());
            }
            let open = self.count_chats(ChatList::Open).await?;
            // A chat that comes, goes, or changes its state between the counts makes the one look like the other.
            if self.count_chats(ChatList::Closed).await? != closed
                || self.count_chats(ChatList::All).await? != all
            {
                continue;
            }
            if all == open + closed {
                return self.learn(|traits| traits.union = Some(true)).await;
            }
            if all == open {
                self.learn(|traits| traits.union = Some(false)).await?;
                return Err(PassError::PlanAgain {
                    why: "the list without a state does not hold the closed chats",
                });
            }
        }
        // Until it is known where closed chats are listed, nothing is claimed.
        self.learn(|traits| traits.unclosed_list = true).await
    }

    /// Chats that the source lists, by what is stored, those included that could not be read.
    async fn known_chats(&self) -> Result<u64, PassError> {
        let mut transaction = self.setting.store.begin().await?;
        let listed = transaction.listed_chats(None).await?;
        let stream = ChatList::All.to_string();
        let rejects = transaction.open_rejects(&stream, None).await?;
        transaction.leave().await?;
        Ok((listed + rejects).cast_unsigned())
    }
}
