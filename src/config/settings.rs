//! The checked configuration: what holds one of these need not doubt it. Relative paths start at the working directory.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use reqwest::Url;

/// Everything the program can be told by its configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The account to mirror.
    pub source: Source,
    /// The mirror.
    pub database: Database,
    /// When what is done.
    pub schedule: Schedule,
    /// The re-reading of what may have changed silently.
    pub audit: Audit,
    /// The lines that tell of changes.
    pub changes: Changes,
    /// How the views count days and hours.
    pub report: Report,
    /// The full-text index.
    pub search: Search,
    /// The sealed copies.
    pub snapshot: Snapshot,
    /// The daemon's own server.
    pub http: Http,
    /// The receiver of pushed events.
    pub receiver: Receiver,
    /// What is asked of a platform that pushes, so that what was lost is made good.
    pub repair: Repair,
    /// What the daemon says.
    pub log: Log,
}

/// The account to mirror, and how to ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The platform.
    pub kind: Kind,
    /// Where its API begins: `https`, or `http` on a loopback address; no credentials, no query, no slash at the end
    /// but the one of an empty path.
    pub base_url: Url,
    /// The file that holds the token.
    pub token_file: Option<PathBuf>,
    /// The zone of the source's times that carry none.
    pub time_zone: Tz,
    /// The most requests in any minute; 0 for no pacing.
    pub requests_per_minute: u32,
    /// The most requests under way at once, 1 to 64.
    pub max_in_flight: u32,
    /// How long one request may take in all.
    pub request_timeout: Duration,
    /// Whether system messages are mirrored too.
    pub activities: bool,
}

/// A platform that can be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Smart Sender, which is asked.
    SmartSender,
    /// IQChannels, which pushes.
    IqChannels,
}

/// The mirror's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its path.
    pub path: PathBuf,
}

/// When the scheduler rings, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// For an incremental pass.
    pub incremental: Cron,
    /// For a full listing with its proof.
    pub reconcile: Cron,
    /// For a sealed copy, if at all.
    pub snapshot: Option<Cron>,
}

/// A cron expression with seconds that the scheduler understands and that rings at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron(pub(super) String);

/// The re-reading of what may have changed silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Every message is read again within this many days, as far as the budget allows; nothing: off.
    pub days: Option<u32>,
}

impl Audit {
    /// How old the last full reading of a chat may become; nothing: as old as it will.
    #[must_use]
    pub fn horizon(self) -> Option<Duration> {
        self.days
            .map(|days| Duration::from_hours(24 * u64::from(days)))
    }
}

/// The lines that tell of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Lines older than this many days are dropped; nothing: all are kept.
    pub keep_days: Option<u32>,
}

/// How the views count days and hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The zone in which a day begins and ends.
    pub time_zone: Tz,
    /// When somebody is at the desk; nothing: no hours are set.
    pub business: Option<Business>,
}

/// When somebody is at the desk, in the report zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Business {
    /// When the desk opens.
    pub opens: NaiveTime,
    /// When it closes, later on the same day.
    pub closes: NaiveTime,
    /// On which days, at least one.
    pub days: Vec<Weekday>,
}

/// The full-text index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whether it is kept.
    pub index: bool,
}

/// The sealed copies that the schedule makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where they are put; always given where the schedule has a time for them.
    pub directory: Option<PathBuf>,
    /// How many of them are kept, at least one.
    pub keep: u32,
}

/// The daemon's own server: health, metrics and the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// The address it listens on, if at all.
    pub listen: Option<SocketAddr>,
    /// `/readyz` calls the mirror fresh while it is complete through a moment no longer ago than this.
    pub fresh_within: Duration,
}

/// The receiver of pushed events. On an address that others can reach it always has a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// The path it answers on: begins with a slash and is none of the server's own.
    pub path: String,
    /// The file that holds the secret it asks for.
    pub secret_file: Option<PathBuf>,
    /// Bodies are kept as they came for so many days; nothing: they are not kept.
    pub keep_days: Option<u32>,
}

/// What is asked of a platform that pushes. Where anything is, `source.base_url` is the installation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Whether its lists are read.
    pub lists: bool,
    /// Whether its stream of events is followed.
    pub stream: bool,
    /// The HTTP header sent with every request.
    pub header: Header,
}

impl Repair {
    /// Whether the platform is asked for anything.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.lists || self.stream
    }
}

/// A header with a place for the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// What stands before the token.
    pub before: String,
    /// What stands behind it.
    pub behind: String,
}

/// What the daemon says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// In which form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, an object a line.
    Json,
}

impl Source {
    /// What tells one installation of a platform that pushes from another: its address, where one is given.
    #[must_use]
    pub fn installation(&self) -> &str {
        match self.base_url.as_str() {
            super::raw::BASE_URL => "local",
            address => address,
        }
    }
}

impl Kind {
    /// The word for it in the configuration and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SmartSender => "smartsender",
            Self::IqChannels => "iqchannels",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Cron {
    /// The expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
