//! What can be wrong with a configuration, in words for the person who writes it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(super) const TOKEN_WAYS: &str = "set CHATMIRROR_TOKEN, or let source.token_file name a file that holds it, \
    or give the systemd unit a credential named `token`";

/// Why there is no usable configuration, or no usable secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nobody named a file, and none is in the usual places.
    #[error("no configuration found: looked for {}", listed(places))]
    NotFound {
        /// The files looked for.
        places: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("cannot read {}{}: {source}", path.display(), named_by(*by))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The option or variable that names it; nothing for the usual places.
        by: Option<&'static str>,
        /// What the system said.
        source: io::Error,
    },
    /// The file can be read, and these things in it are wrong.
    #[error("{}", counted(path.as_deref(), problems))]
    Invalid {
        /// The file; nothing for text that came from no file.
        path: Option<PathBuf>,
        /// All that is wrong, by line. Never empty.
        problems: Vec<Problem>,
    },
    /// No token is given anywhere.
    #[error("no token for the source")]
    NoToken,
    /// A secret is given that cannot be one. What it is stays unsaid.
    #[error("the secret from {origin} {why}")]
    BadSecret {
        /// The variable, key or credential it comes from.
        origin: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A secret's file cannot be read. Its path stays unsaid, for people paste secrets where a path belongs.
    #[error("cannot read the file of {origin}: {source}")]
    UnreadableSecret {
        /// The key or credential that names the file.
        origin: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ConfigError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "begin with a copy of config.example.toml as config.toml, or name a file with --config; \
                 `chatmirror demo` needs none"
            }
            Self::Unreadable { .. } | Self::UnreadableSecret { .. } => {
                "check the path and that this user may read the file; a relative path starts at the working directory"
            }
            Self::Invalid { .. } => {
                "mend that and run it again; config.example.toml shows every key with its default"
            }
            Self::NoToken => TOKEN_WAYS,
            Self::BadSecret { .. } => {
                "give the secret alone, as the platform shows it: no quotes, no `Bearer`, one line"
            }
        }
    }

    /// What is wrong, one entry a problem, for those who read JSON.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let key = match self {
            Self::Invalid { problems, .. } => return problems.clone(),
            Self::NotFound { .. } | Self::Unreadable { by: None, .. } => "--config",
            Self::Unreadable { by: Some(by), .. } => by,
            Self::NoToken => "source.token_file",
            Self::BadSecret { origin, .. } | Self::UnreadableSecret { origin, .. } => origin,
        };
        vec![Problem::new(key, None, None, self.to_string())]
    }
}

/// One thing that is wrong: where, what was given, and why it will not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key, as in `source.base_url`; empty where the text is not even TOML.
    pub key: String,
    /// The value as given; nothing where there is none to show, or where it might hold a secret.
    pub value: Option<String>,
    /// Why it is refused, and what would do.
    pub why: String,
    /// The line it is on, from 1; nothing for what is not in the file.
    pub line: Option<usize>,
}

impl Problem {
    pub(super) fn new(
        key: impl Into<String>,
        value: Option<String>,
        line: Option<usize>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            value,
            why: why.into(),
            line,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match (self.key.as_str(), &self.value) {
            ("", _) => {}
            (key, Some(value)) => write!(f, "{key} = {value}: ")?,
            (key, None) => write!(f, "{key}: ")?,
        }
        f.write_str(&self.why)
    }
}

fn named_by(by: Option<&str>) -> String {
    by.map(|by| format!(" (from {by})")).unwrap_or_default()
}

fn listed(places: &[PathBuf]) -> String {
    let places: Vec<_> = places
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    places.join(", ")
}

fn counted(path: Option<&Path>, problems: &[Problem]) -> String {
    let place = path.map_or_else(
        || "the configuration".to_owned(),
        |path| path.display().to_string(),
    );
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    format!("{count} in {place}:\n  {}", lines.join("\n  "))
}
