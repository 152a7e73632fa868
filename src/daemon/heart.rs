//! What the loop that works tells of itself: to systemd by its notify protocol, and to the daemon's own server.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::pass::{Phase, Progress};

/// A beat, and a new word on how things are, at least this often; half of systemd's patience where that is shorter.
const SLOWEST_BEAT: Duration = Duration::from_secs(10);

/// A start that waits for its source, or brings a large file up to date, asks systemd for so much more time at each beat.
const MORE_TIME: Duration = Duration::from_mins(2);

/// A pass that has not got ahead for this long and for [`TRIES`] requests that all timed out is taken for dead: each
/// thing it may wait for (its pace, a busy file, a source that fails) is over by then.
const STANDSTILL: Duration = Duration::from_mins(30);
const TRIES: u32 = 24;

/// The last signs of life, for whoever asks.
#[derive(Debug)]
pub(super) struct Signs {
    beat_at: AtomicI64,
    moved_at: AtomicI64,
}

impl Signs {
    /// When the loop last said that all is well.
    pub(super) fn beat_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.beat_at.load(Ordering::Relaxed))
    }

    /// When the work last got ahead, or there was none to do.
    pub(super) fn moved_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.moved_at.load(Ordering::Relaxed))
    }
}

/// Beats in the loop that works, and nowhere else: a loop that hangs is silent.
#[derive(Debug)]
pub struct Heart {
    every: Duration,
    clock: Clock,
    signs: Arc<Signs>,
    /// Beats that a pass may go without getting ahead.
    patience: u128,
    /// Beats since it last did.
    still: u128,
    seen: Progress,
    said: String,
}

impl Heart {
    /// A heart at rest, which beats as often as systemd wants it to.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let every = match sd_notify::watchdog_enabled() {
            Some(patience) => (patience / 2).min(SLOWEST_BEAT),
            None => SLOWEST_BEAT,
        };
        let now = AtomicI64::new(clock.now().millis());
        Self {
            every: every.max(Duration::from_millis(10)),
            signs: Arc::new(Signs {
                moved_at: AtomicI64::new(clock.now().millis()),
                beat_at: now,
            }),
            clock,
            patience: u128::MAX,
            still: 0,
            seen: Progress::default(),
            said: String::new(),
        }
    }

    /// How long a pass may stand still follows from how long a request may take.
    pub(super) fn suit(&mut self, config: &Config) {
        let standstill = STANDSTILL + TRIES * config.source.request_timeout;
        self.patience = standstill.as_millis() / self.every.as_millis().max(1);
    }

    /// The signs of life.
    pub(super) fn signs(&self) -> Arc<Signs> {
        Arc::clone(&self.signs)
    }

    /// How often it beats.
    pub(super) fn every(&self) -> Duration {
        self.every
    }

    /// Does what a start consists of, and asks for more time as long as that takes.
    pub async fn while_starting<T>(&mut self, words: &str, work: impl Future<Output = T>) -> T {
        self.say(words);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(self.every) => {
                    let more = u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX);
                    tell(&[NotifyState::ExtendTimeoutUsec(more)]);
                    self.beat();
                }
            }
        }
    }

    /// Does what is bounded by itself, and beats meanwhile.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(self.every) => self.beat(),
            }
        }
    }

    /// The first pass begins.
    pub(super) fn ready(&mut self) {
        tell(&[NotifyState::Ready]);
        self.beat();
    }

    /// A new configuration is being read. What follows must be [`Heart::ready`], whatever comes of it.
    pub(super) fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
        self.say("reading the configuration again");
    }

    /// The end has begun.
    pub(super) fn stopping(&mut self) {
        tell(&[NotifyState::Stopping]);
        self.say("stopping: the page at hand is written, then the file is closed");
    }

    /// Says how things are, in words; the same words are not said twice.
    pub fn say(&mut self, words: &str) {
        let line = words.replace(['\n', '\r'], " ");
        if line != self.said {
            tell(&[NotifyState::Status(&line)]);
            self.said = line;
        }
    }

    /// Nothing is to be done until the next ring, which is as good as getting ahead.
    pub(super) fn at_rest(&mut self) {
        self.moved();
        self.beat();
    }

    /// Returns after one beat, or after its time if the pass has stood still for too long to call it well.
    pub(super) async fn pulse(&mut self, progress: &watch::Sender<Progress>) {
        tokio::time::sleep(self.every).await;
        let now = progress.borrow().clone();
        let locked = now
            .locked_until
            .is_some_and(|until| until > self.clock.now());
        if locked || now != self.seen {
            self.moved();
        } else {
            self.still += 1;
        }
        if self.still < self.patience {
            self.say(&in_words(&now));
            self.beat();
        } else if self.still == self.patience {
            tracing::error!(
                "the pass stands still; without a beat systemd ends this process and starts it again"
            );
            self.say("the pass stands still");
        }
        self.seen = now;
    }

    fn moved(&mut self) {
        self.still = 0;
        let now = self.clock.now().millis();
        self.signs.moved_at.store(now, Ordering::Relaxed);
    }

    fn beat(&self) {
        tell(&[NotifyState::Watchdog]);
        let now = self.clock.now().millis();
        self.signs.beat_at.store(now, Ordering::Relaxed);
    }
}

/// Where nobody listens, nothing is said; a listener that does not take it is no reason to stop working.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// What a pass is doing, as `systemctl status` shows it.
fn in_words(progress: &Progress) -> String {
    let Progress {
        phase,
        rows_listed,
        rows_in_list,
        chats_read,
        chats_due,
        messages_read,
        requests: _,
        locked_until,
    } = progress;
    if let Some(until) = locked_until {
        return format!("waiting: the source takes no requests until {until} UTC");
    }
    match phase {
        Phase::Waiting => "a pass begins".to_owned(),
        Phase::Lists if rows_in_list > rows_listed => {
            format!("reading the list of chats: {rows_listed} of about {rows_in_list}")
        }
        Phase::Lists => format!("reading the list of chats: {rows_listed} so far"),
        Phase::Audit => format!(
            "reading again what may have changed silently: {chats_read} of {chats_due} chats"
        ),
        Phase::Messages => {
            format!("reading messages: {chats_read} of {chats_due} chats, {messages_read} messages")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heart(patience: u128) -> (Heart, watch::Sender<Progress>) {
        let mut heart = Heart::new(Clock::System);
        heart.every = Duration::from_millis(1);
        heart.patience = patience;
        (heart, watch::channel(Progress::default()).0)
    }

    fn beats(heart: &Heart) -> i64 {
        heart.signs.beat_at.swap(0, Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_pass_that_stands_still_is_called_well_only_for_so_long() {
        let (mut heart, progress) = heart(2);
        heart.pulse(&progress).await;
        assert!(beats(&heart) > 0);
        heart.pulse(&progress).await;
        assert_eq!(beats(&heart), 0);
        progress.send_modify(|now| now.requests += 1);
        heart.pulse(&progress).await;
        assert!(beats(&heart) > 0);
    }

    #[tokio::test]
    async fn a_pass_that_waits_out_a_lock_does_not_stand_still() {
        let (mut heart, progress) = heart(1);
        let later = Timestamp::now().plus(Duration::from_hours(1));
        progress.send_modify(|now| now.locked_until = Some(later));
        for _ in 0..3 {
            heart.pulse(&progress).await;
            assert!(beats(&heart) > 0);
        }
        progress.send_modify(|now| now.locked_until = Timestamp::from_millis(0));
        heart.pulse(&progress).await;
        assert!(beats(&heart) > 0);
        heart.pulse(&progress).await;
        assert_eq!(beats(&heart), 0);
    }

    #[test]
    fn how_a_pass_gets_on_is_told_in_words() {
        let mut progress = Progress {
            phase: Phase::Messages,
            chats_read: 3,
            chats_due: 10,
            messages_read: 120,
            ..Progress::default()
        };
        assert_eq!(
            in_words(&progress),
            "reading messages: 3 of 10 chats, 120 messages"
        );
        progress.locked_until = Timestamp::from_millis(0);
        assert!(
            in_words(&progress).starts_with("waiting: the source takes no requests until 1970")
        );
    }
}
