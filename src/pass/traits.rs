//! What was learned of the source at run time: kept in the mirror, with its evidence, and doubted at every page.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Pass, PassError};
use crate::model::ChatList;
use crate::plan::{Evidence, ListOrder, Mode};
use crate::store::{Reader, StoreError};

/// Where a backfill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Backfill {
    /// The list of chats is being read.
    Listing,
    /// Every chat is listed and owed; their messages are being read.
    Reading,
}

/// What is known of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Traits {
    /// How the list of chats is ordered.
    pub(super) chat_order: ListOrder,
    /// What that was learned from.
    pub(super) chat_evidence: Option<Evidence>,
    /// How lists of messages are ordered.
    pub(super) message_order: ListOrder,
    /// Whether the list of chats without a state holds the open and the closed ones.
    pub(super) union: Option<bool>,
    /// Whether pages of one item are given, whose number is an exact count.
    pub(super) counts_by_one: Option<bool>,
    /// How much later than its own time a change may become visible, whole seconds.
    pub(super) skew_seconds: u64,
    /// A backfill under way.
    pub(super) backfill: Option<Backfill>,
    /// Whether the last reading of the lists left it uncertain that every chat was met: a walk did not close, or the counts did not fit.
    pub(super) unclosed_list: bool,
    /// The page of the list of chats that the next test of its order reads.
    #[serde(default)]
    pub(super) next_probe: u32,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            chat_order: ListOrder::Unknown,
            chat_evidence: None,
            message_order: ListOrder::Unknown,
            union: None,
            counts_by_one: None,
            skew_seconds: 1,
            backfill: None,
            unclosed_list: false,
            next_probe: 2,
        }
    }
}

const NAME: &str = "source";

impl Traits {
    pub(super) async fn load(reader: &Reader) -> Result<Self, StoreError> {
        Ok(reader.learned(NAME).await?.unwrap_or_default())
    }

    /// The order of the list of chats is not to be relied on, until a walk proves one again.
    pub(super) fn distrust_order(&mut self) {
        self.chat_order = ListOrder::Other;
        self.chat_evidence = None;
    }

    pub(super) fn skew(&self) -> Duration {
        Duration::from_secs(self.skew_seconds)
    }
}

/// Whether a backfill has listed every chat and reads their messages.
///
/// # Errors
/// Whatever SQLite says.
pub async fn reads_history(reader: &Reader) -> Result<bool, StoreError> {
    Ok(Traits::load(reader).await?.backfill == Some(Backfill::Reading))
}

/// Whether a walk of lists of chats was cut short, and a pass that walks them to their end goes on with it.
///
/// # Errors
/// Whatever SQLite says.
pub async fn lists_are_half_read(reader: &Reader) -> Result<bool, StoreError> {
    for list in [ChatList::All, ChatList::Open, ChatList::Closed] {
        if reader.checkpoint(&list.to_string()).await?.walk.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Pass<'_> {
    pub(super) fn traits(&self) -> Result<Traits, PassError> {
        Ok(self.traits.lock().map_err(|_| PassError::Poisoned)?.clone())
    }

    /// Changes what is known, and writes it down if it changed.
    pub(super) async fn learn(&self, change: impl FnOnce(&mut Traits)) -> Result<(), PassError> {
        let learned = {
            let mut traits = self.traits.lock().map_err(|_| PassError::Poisoned)?;
            let before = traits.clone();
            change(&mut traits);
            if *traits == before {
                return Ok(());
            }
            traits.clone()
        };
        let now = self.setting.clock.now();
        self.setting.store.learn(NAME, &learned, now).await?;
        Ok(())
    }

    /// A new backfill owes every chat a full reading; one that was cut short goes on.
    pub(super) async fn begin_backfill(&self) -> Result<(), PassError> {
        if self.mode != Mode::Backfill || self.traits()?.backfill.is_some() {
            return Ok(());
        }
        self.setting.store.owe_every_chat().await?;
        self.learn(|traits| traits.backfill = Some(Backfill::Listing))
            .await
    }
}
