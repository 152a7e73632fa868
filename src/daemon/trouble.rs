//! Failures in a row, and how loudly each is told: what heals itself must not wake anybody, what does not must not be silent.

use std::error::Error;
use std::time::Duration;

use crate::clock::Timestamp;

/// While nothing changes, it is told again after this.
const AGAIN: Duration = Duration::from_mins(10);

/// How loudly a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Voice {
    /// It was told a moment ago.
    Debug,
    /// It will most likely heal itself.
    Warn,
    /// It does not heal itself, or has not for longer than the mirror may go without news.
    Error,
}

/// The failures since something last succeeded.
#[derive(Debug)]
pub(super) struct Trouble {
    /// For so long nobody is woken: the mirror is still fresh.
    patience: Duration,
    began: Option<Timestamp>,
    times: u64,
    told: Option<(Voice, Timestamp)>,
    last: String,
}

impl Trouble {
    /// No trouble yet. `patience`: how long what heals itself may go on before it is told as an error.
    pub(super) fn none(patience: Duration) -> Self {
        Self {
            patience,
            began: None,
            times: 0,
            told: None,
            last: String::new(),
        }
    }

    /// Another failure at `now`, told with `words`: as a warning if it `heals` by itself, as an error if not or if it has gone
    /// on for too long, and not again every few seconds.
    pub(super) fn met(
        &mut self,
        error: &dyn Error,
        hint: Option<&str>,
        heals: bool,
        words: &str,
        now: Timestamp,
    ) {
        let voice = self.voice(heals, now);
        self.last = error.to_string();
        let failures = self.times;
        match voice {
            Voice::Error => tracing::error!(%error, hint, failures, "{words}"),
            Voice::Warn => tracing::warn!(%error, hint, failures, "{words}"),
            Voice::Debug => tracing::debug!(%error, hint, failures, "{words}"),
        }
    }

    fn voice(&mut self, heals: bool, now: Timestamp) -> Voice {
        let began = *self.began.get_or_insert(now);
        self.times += 1;
        let serious = !heals || now.since(began) >= self.patience;
        let due = if serious { Voice::Error } else { Voice::Warn };
        match self.told {
            Some((told, at)) if told >= due && now.since(at) < AGAIN => Voice::Debug,
            _ => {
                self.told = Some((due, now));
                due
            }
        }
    }

    /// Something succeeded. Whoever read of the failures reads of their end.
    pub(super) fn is_over(&mut self, now: Timestamp) {
        if let Some(began) = self.began {
            let after_s = now.since(began).as_secs();
            tracing::info!(
                failures = self.times,
                after_s,
                "it works again after failures"
            );
        }
        *self = Self::none(self.patience);
    }

    /// What goes wrong at present, and since when.
    pub(super) fn in_words(&self) -> Option<String> {
        let began = self.began?;
        Some(format!(
            "failing since {} UTC: {}",
            began.second(),
            self.last
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(15);

    fn minute(n: u64) -> Timestamp {
        Timestamp::from_millis(0)
            .unwrap()
            .plus(Duration::from_mins(n))
    }

    #[test]
    fn what_heals_itself_is_a_warning_now_and_then_and_an_error_once_it_has_gone_on_for_too_long() {
        let mut trouble = Trouble::none(PATIENCE);
        let voices: Vec<_> = (0..30)
            .map(|n| (n, trouble.voice(true, minute(n))))
            .filter(|(_, voice)| *voice != Voice::Debug)
            .collect();
        let expected = [
            (0, Voice::Warn),
            (10, Voice::Warn),
            (15, Voice::Error),
            (25, Voice::Error),
        ];
        assert_eq!(voices, expected);
        trouble.is_over(minute(30));
        assert_eq!(trouble.in_words(), None);
        assert_eq!(trouble.voice(true, minute(31)), Voice::Warn);
    }

    #[test]
    fn what_does_not_heal_itself_is_an_error_at_once() {
        let mut trouble = Trouble::none(PATIENCE);
        assert_eq!(trouble.voice(true, minute(0)), Voice::Warn);
        assert_eq!(trouble.voice(false, minute(1)), Voice::Error);
        assert_eq!(trouble.voice(false, minute(2)), Voice::Debug);
        assert_eq!(trouble.voice(true, minute(3)), Voice::Debug);
    }

    #[test]
    fn what_goes_wrong_is_said_in_words() {
        let mut trouble = Trouble::none(PATIENCE);
        trouble.met(&std::fmt::Error, None, true, "pass failed", minute(1));
        let words = trouble.in_words().unwrap();
        assert!(
            words.starts_with("failing since 1970-01-01 00:01:00"),
            "{words}"
        );
    }
}
