//! A new configuration for a daemon that runs: read and checked whole before anything of the old one is given up.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc::Receiver;

use super::heart::Heart;
use crate::clock::Timestamp;
use crate::config::{Config, ConfigError, Environment};

/// A source that could not be asked for a new configuration's sake is asked again after this, and after twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest of those pauses.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Where the configuration came from, and whoever asks to read it again.
#[derive(Debug)]
pub struct Reload {
    /// The file that was named on the command line.
    pub path: Option<PathBuf>,
    /// The process's environment.
    pub environment: Environment,
    /// Rings when the configuration is to be read again.
    pub bell: Receiver<()>,
}

/// A configuration that may take the place of the one in use.
#[derive(Clone)]
pub(super) struct Fresh {
    pub(super) config: Config,
    pub(super) token: SecretString,
}

/// A configuration that waits for a source which cannot be asked at present.
pub(super) struct Waiting {
    fresh: Fresh,
    /// When it is asked next.
    at: Timestamp,
    pause: Duration,
}

impl Waiting {
    /// One more time it could not be asked, at `now`: the next time comes after twice as long as the time before.
    pub(super) fn wait(waiting: &mut Option<Self>, fresh: Fresh, now: Timestamp) {
        let before = waiting.as_ref().map_or(FIRST_PAUSE, |before| before.pause);
        *waiting = Some(Self {
            fresh,
            at: now.plus(before),
            pause: (before * 2).min(LONGEST_PAUSE),
        });
    }

    /// The configuration, if it is time to ask again.
    pub(super) fn come(waiting: &mut Option<Self>, now: Timestamp) -> Option<Fresh> {
        let waiting = waiting.as_mut().filter(|waiting| waiting.at <= now)?;
        Some(waiting.fresh.clone())
    }
}

/// Why it may not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{}", .0.to_string().replace("\n ", ""))]
    Config(#[from] ConfigError),
    #[error("{} cannot change while the daemon runs: restart it instead", .0.join(", "))]
    Fixed(Vec<&'static str>),
    #[error(
        "where events are received, only the receiver's secret is read again: restart the daemon for the rest"
    )]
    Restart,
}

impl Reload {
    /// Nobody ever asks.
    #[must_use]
    pub fn never() -> Self {
        Self {
            path: None,
            environment: Environment::default(),
            bell: tokio::sync::mpsc::channel(1).1,
        }
    }

    /// Waits until somebody asks for it.
    pub(super) async fn asked(&mut self) {
        if self.bell.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Reads the receiver's secret again, if the rest of the configuration is as it was.
    pub(super) fn read_secret(&self, in_use: &Config) -> Result<Option<SecretString>, Refused> {
        let config = Config::load(self.path.as_deref(), &self.environment)?.config;
        if config != *in_use {
            return Err(Refused::Restart);
        }
        Ok(config.receiver.secret()?)
    }

    /// Reads the configuration and the token again.
    pub(super) fn read(&self, in_use: &Config) -> Result<Fresh, Refused> {
        let config = Config::load(self.path.as_deref(), &self.environment)?.config;
        let token = config.source.token(&self.environment)?;
        match fixed(in_use, &config) {
            keys if keys.is_empty() => Ok(Fresh { config, token }),
            keys => Err(Refused::Fixed(keys)),
        }
    }
}

/// Reads the configuration again; nothing if it will not do, and then the one in use stays.
pub(super) fn read_again(reload: &Reload, in_use: &Config, heart: &mut Heart) -> Option<Fresh> {
    heart.reloading();
    match reload.read(in_use) {
        Ok(fresh) => Some(fresh),
        Err(error) => {
            refuse(&error, heart);
            None
        }
    }
}

/// Says that the new configuration will not do, and why.
pub(super) fn refuse(error: &dyn std::error::Error, heart: &mut Heart) {
    tracing::error!(%error, "the new configuration is refused; the old one stays in use");
    heart.say(&format!("the new configuration is refused: {error}"));
    heart.ready();
}

/// The keys that differ and are taken at the start only.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let compared = [
        ("source.kind", old.source.kind == new.source.kind),
        (
            "source.activities",
            old.source.activities == new.source.activities,
        ),
        ("database.path", old.database == new.database),
        ("[http]", old.http == new.http),
        ("[receiver]", old.receiver == new.receiver),
        ("[repair]", old.repair == new.repair),
        ("[report]", old.report == new.report),
        ("[search]", old.search == new.search),
        ("[log]", old.log == new.log),
    ];
    let differing = compared.into_iter().filter(|(_, same)| !same);
    differing.map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_at_the_start_only_is_named() {
        let old = Config::parse("").unwrap();
        let new = Config::parse(
            "[source]\nrequests_per_minute = 60\n[database]\npath = \"other.db\"\n[log]\nformat = \"json\"",
        );
        assert_eq!(fixed(&old, &new.unwrap()), ["database.path", "[log]"]);
        assert!(fixed(&old, &old).is_empty());
    }
}
