//! The configuration: raw TOML in, checked values out, and everything that is wrong with it at once.

mod business;
mod check;
mod environment;
mod error;
mod header;
mod nearest;
mod raw;
mod secret;
mod settings;
mod url;
mod walk;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use settings::{
    Audit, Business, Changes, Config, Cron, Database, Header, Http, Kind, Log, LogFormat, Receiver,
    Repair, Report, Schedule, Search, Snapshot, Source,
};

/// A configuration and the file it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The checked values.
    pub config: Config,
    /// The file.
    pub path: PathBuf,
}

impl Config {
    /// Loads the file that `explicit` (the option `--config`) names, else the one that `CHATMIRROR_CONFIG` names, else
    /// the first that exists of the usual places.
    ///
    /// # Errors
    ///
    /// When there is no file, when it cannot be read, and, with all problems at once, when something in it is wrong.
    pub fn load(explicit: Option<&Path>, env: &Environment) -> Result<Loaded, ConfigError> {
        let (path, text) = find(explicit, env)?;
        match Self::parse(&text) {
            Ok(mut config) => {
                let database = &mut config.database.path;
                *database = resolved(std::mem::take(database));
                Ok(Loaded { config, path })
            }
            Err(ConfigError::Invalid { problems, .. }) => Err(ConfigError::Invalid {
                path: Some(path),
                problems,
            }),
            Err(other) => Err(other),
        }
    }

    /// Every key there is, as in `source.kind`, with its default.
    #[must_use]
    pub fn defaults() -> Vec<(&'static str, toml::Value)> {
        raw::read("").defaults
    }

    /// Reads a configuration from its text; the empty text gives the defaults.
    ///
    /// # Errors
    ///
    /// When something in it is wrong: all problems at once, in the order of the lines.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let reading = raw::read(text);
        check::check(&reading.raw, reading.problems).map_err(|problems| ConfigError::Invalid {
            path: None,
            problems: in_order(problems),
        })
    }
}

/// Where a link to the mirror leads: SQLite puts its files beside the file itself, and so must everybody who looks for them.
fn resolved(path: PathBuf) -> PathBuf {
    match path.canonicalize() {
        Ok(real) if path.is_symlink() => real,
        _ => path,
    }
}

/// By line, and without the echoes that a line which is not even TOML calls forth in the later steps.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let broken: Vec<_> = problems
        .iter()
        .filter(|problem| problem.key.is_empty())
        .filter_map(|problem| problem.line)
        .collect();
    let echo = |problem: &Problem| problem.line.is_some_and(|line| broken.contains(&line));
    problems.retain(|problem| problem.key.is_empty() || !echo(problem));
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn find(explicit: Option<&Path>, env: &Environment) -> Result<(PathBuf, String), ConfigError> {
    if let Some(path) = explicit {
        return read(path, Some("--config"));
    }
    if let Some(path) = &env.config {
        return read(path, Some("CHATMIRROR_CONFIG"));
    }
    for place in &env.places {
        match read(place, None) {
            Err(ConfigError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
    }
    Err(ConfigError::NotFound {
        places: env.places.clone(),
    })
}

fn read(path: &Path, by: Option<&'static str>) -> Result<(PathBuf, String), ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_owned(), text)),
        Err(source) => Err(ConfigError::Unreadable {
            path: path.to_owned(),
            by,
            source,
        }),
    }
}
