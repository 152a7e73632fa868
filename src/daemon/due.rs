//! A reconcile pass that is due, until one has come to its end: what fails in between does not put it off to the next night.

use super::mirror::Mirror;
use crate::clock::Timestamp;
use crate::store::StoreError;

/// Tries that get on and fail before it is left to the next ring: one that fails at the same place each time would read the lists all day.
const MOST_TRIES: u32 = 8;

/// Whether a reconcile pass is due.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Tries that are left; nothing is due without one.
    tries: u32,
    /// The last try had not got on: a look at the heads comes before the next.
    makes_room: bool,
}

impl Due {
    /// It is due from now on.
    pub(super) fn rings(&mut self) {
        self.tries = MOST_TRIES;
        self.makes_room = false;
    }

    /// Whether it is due.
    pub(super) fn is_due(&self) -> bool {
        self.tries > 0
    }

    /// Whether it comes now; one that makes room says so once.
    pub(super) fn comes(&mut self) -> bool {
        self.is_due() && !std::mem::take(&mut self.makes_room)
    }

    /// It came to its end, or failed for what another try does not heal.
    pub(super) fn is_over(&mut self) {
        self.tries = 0;
    }

    /// It failed, and another try may succeed; `got_on`: it had read some of the lists, and goes on from there unless another pass comes between.
    pub(super) fn failed(&mut self, got_on: bool) {
        self.tries = self.tries.saturating_sub(u32::from(got_on));
        self.makes_room = !got_on;
    }
}

/// Under this name the mirror keeps when the last one had its turn.
const NAME: &str = "daemon.reconciled";

impl Mirror {
    /// Notes that a reconcile pass has had its turn. What stands in the way for a while only costs another one at the next start.
    ///
    /// # Errors
    /// Whatever else the store says.
    pub async fn note_reconcile(&self) -> Result<(), StoreError> {
        let now = self.clock().now();
        match self.store().learn(NAME, &now, now).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "that a reconcile pass has had its turn could not be noted");
                Ok(())
            }
            noted => noted,
        }
    }

    /// Whether one was due at `last`, while nobody was there to hear it ring. A mirror that never had one waits for the first.
    pub(super) async fn reconcile_was_missed(
        &self,
        last: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let noted: Option<Timestamp> = self.store().reader().learned(NAME).await?;
        if noted.is_none() {
            self.note_reconcile().await?;
        }
        Ok(noted.is_some_and(|noted| last.is_some_and(|last| noted < last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_stays_due_until_it_is_done() {
        let mut due = Due::default();
        assert!(!due.comes());
        due.rings();
        assert!(due.comes());
        due.failed(true);
        assert!(due.comes(), "it goes on from where it was");
        for _ in 0..100 {
            due.failed(false);
            assert!(!due.comes() && due.comes(), "a look comes before the next");
        }
        due.is_over();
        assert!(!due.comes() && !due.is_due());
    }

    #[test]
    fn one_that_never_ends_is_left_to_the_next_ring() {
        let mut due = Due::default();
        due.rings();
        for _ in 0..MOST_TRIES {
            assert!(due.comes());
            due.failed(true);
        }
        assert!(!due.comes());
        due.rings();
        assert!(due.comes());
    }
}
