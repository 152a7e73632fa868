//! An errand for the daemon: a backfill that somebody asks for beside it. It lies as a file beside the mirror until it is done, so that
//! whoever may write there may ask, and neither a kill nor a restart forgets it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Clock;

/// A daemon looks at each beat of its heart, which is every ten seconds at least.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever has asked looks this often whether somebody took it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The backfill that may be asked for.
#[derive(Debug)]
pub struct Errand {
    /// There while nobody has taken it.
    asked: PathBuf,
    /// There from then on, until it is done.
    taken: PathBuf,
    /// Taken after the pass at hand had begun: the next one does it.
    is_for_next: bool,
}

impl Errand {
    /// The errand of the mirror at `database`.
    #[must_use]
    pub fn beside(database: &Path) -> Self {
        let beside = |suffix: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self {
            asked: beside("-backfill-asked"),
            taken: beside("-backfill"),
            is_for_next: false,
        }
    }

    /// Asks for it, and waits until a daemon has taken it. Says whether one has; if not, nothing is asked for any more.
    ///
    /// # Errors
    /// When nothing may be written beside the mirror.
    pub async fn ask(&self, clock: &Clock) -> io::Result<bool> {
        std::fs::write(&self.asked, "")?;
        let begun = clock.now();
        while clock.now().since(begun) < PATIENCE {
            clock.sleep(LOOK_EVERY).await;
            if !self.asked.exists() {
                return Ok(true);
            }
        }
        match std::fs::remove_file(&self.asked) {
            // Taken at the last moment.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            removed => removed.map(|()| false),
        }
    }

    /// Takes it, if somebody has asked. Says whether somebody has.
    pub(super) fn take(&mut self) -> bool {
        match std::fs::rename(&self.asked, &self.taken) {
            Ok(()) => {
                self.is_for_next = true;
                tracing::info!("a backfill is asked for: it follows the pass at hand");
                return true;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "failed to take an order for a backfill"),
        }
        false
    }

    /// A pass begins: if it is a backfill, it does what was asked for until now.
    pub(super) fn begin(&mut self) {
        self.is_for_next = false;
    }

    /// Whether it was taken and is not done.
    pub(super) fn is_owed(&self) -> bool {
        self.taken.exists()
    }

    /// Every chat has been read or is owed a reading: what remains, any pass does. A backfill that was asked for in the middle
    /// of it is still owed, for this one had read some chats before.
    pub fn is_done(&self) {
        if self.is_for_next {
            return;
        }
        match std::fs::remove_file(&self.taken) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, "failed to strike out a backfill that is done");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_for_is_owed_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("mirror.db");
        let (client, mut errand) = (Errand::beside(&database), Errand::beside(&database));
        assert!(!errand.take() && !errand.is_owed());
        let (asked, ()) = tokio::join!(client.ask(&Clock::System), async {
            while !errand.is_owed() {
                errand.take();
                tokio::task::yield_now().await;
            }
        });
        assert!(asked.unwrap());
        assert!(!errand.take() && errand.is_owed());
        errand.begin();
        errand.is_done();
        assert!(!errand.is_owed());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_asked_for_in_the_middle_of_a_backfill_is_done_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut errand = Errand::beside(&dir.path().join("mirror.db"));
        std::fs::write(&errand.asked, "").unwrap();
        assert!(errand.take());
        errand.begin();
        std::fs::write(&errand.asked, "").unwrap();
        assert!(errand.take());
        errand.is_done();
        assert!(errand.is_owed());
        errand.begin();
        errand.is_done();
        assert!(!errand.is_owed());
    }
}
