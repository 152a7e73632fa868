//! Asking the source: so many requests at once, its locks waited out, and an answer under way taken in when the pass is told to stop.

use super::{Pass, PassError, Setting};
use crate::clock::Timestamp;
use crate::source::smartsender::Client;
use crate::source::{GovernorState, SourceError};

impl Pass<'_> {
    /// Asks the source, waiting out its locks. Every request of a pass goes through here.
    pub(super) async fn ask<T>(
        &self,
        request: impl AsyncFn(&Client) -> Result<T, SourceError>,
    ) -> Result<T, PassError> {
        loop {
            let _permit = tokio::select! {
                biased;
                () = self.halt.cancelled() => return Err(PassError::Stopped),
                permit = self.in_flight.acquire() => permit,
            };
            let answer = tokio::select! {
                biased;
                answer = request(self.setting.client) => answer,
                () = self.last_answer() => return Err(PassError::Stopped),
            };
            match answer {
                Err(SourceError::Locked { until, said }) => {
                    self.wait_out_lock(until, &said).await?;
                }
                other => return other.map_err(PassError::Source),
            }
        }
    }

    /// Told to stop, the pass still takes in the answer that is under way, if it comes soon: it may say that the source is locked,
    /// and the next process must know.
    async fn last_answer(&self) {
        self.halt.cancelled().await;
        tokio::time::sleep(self.setting.last_answer).await;
    }

    /// Writes the lock down, so that a restart does not ask either, and waits until it ends.
    async fn wait_out_lock(&self, until: Timestamp, said: &str) -> Result<(), PassError> {
        let Setting {
            store,
            clock,
            governor,
            progress,
            ..
        } = self.setting;
        let now = clock.now();
        let budget = GovernorState {
            in_use: true,
            ..governor.state()
        };
        store.learn(GovernorState::NAME, &budget, now).await?;
        // Several chats meet the same lock side by side: it is told once.
        let first = progress.send_if_modified(|now| now.locked_until.replace(until).is_none());
        if first {
            tracing::warn!(lock.until = %until, said, "the source asks to wait");
        }
        tokio::select! {
            biased;
            () = self.halt.cancelled() => return Err(PassError::Stopped),
            () = clock.sleep(until.since(now)) => {}
        }
        progress.send_modify(|progress| progress.locked_until = None);
        Ok(())
    }
}
