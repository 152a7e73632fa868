//! One page of a list, fetched: what of a list can be met on the way, before anything is made of it.

use super::{Pass, PassError};
use crate::clock::Timestamp;
use crate::model::{Listed, Page, Window};
use crate::source::SourceError;
use crate::source::smartsender::Client;

/// What asking for a page brought.
pub(super) enum Found<T> {
    /// The page.
    Page(Page<T>),
    /// The list has become too short for it.
    NoPage,
    /// There is no such list: what it belongs to is gone.
    NoList {
        /// The server's clock when it said so.
        date: Timestamp,
    },
}

impl Pass<'_> {
    /// Fetches a page of the list that rejects know as `stream`. One with items that cannot be read and were never met before is asked for
    /// twice: it may have been a slip.
    pub(super) async fn fetch_page<T: Listed>(
        &self,
        stream: &str,
        window: Window,
        request: impl AsyncFn(&Client, Window) -> Result<Page<T>, SourceError>,
    ) -> Result<Found<T>, PassError> {
        let mut is_second = false;
        loop {
            let page = match self.ask(async |client| request(client, window).await).await {
                Err(PassError::Source(SourceError::NotFound { date })) => {
                    self.saw(date)?;
                    return Ok(if window.page > 1 {
                        Found::NoPage
                    } else {
                        Found::NoList { date }
                    });
                }
                Err(PassError::Source(SourceError::Refused { .. })) if window.page > 1 => {
                    return Ok(Found::NoPage);
                }
                answer => answer?,
            };
            if is_second || !self.has_unheard_rejects(stream, &page).await? {
                self.saw(page.date)?;
                return Ok(Found::Page(page));
            }
            is_second = true;
        }
    }

    /// Whether the page has unreadable items that this list has never shown.
    async fn has_unheard_rejects<T: Listed>(
        &self,
        stream: &str,
        page: &Page<T>,
    ) -> Result<bool, PassError> {
        let rejects: Vec<_> = page.rejects().cloned().collect();
        if rejects.is_empty() {
            return Ok(false);
        }
        let mut transaction = self.setting.store.begin().await?;
        let unheard = transaction.unheard_rejects(stream, &rejects).await?;
        transaction.leave().await?;
        Ok(unheard > 0)
    }
}
