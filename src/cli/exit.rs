//! How the program ends: exit codes that scripts and unit files rely on, and failures with a way out.

use std::error::Error;
use std::process::ExitCode;

use crate::config::{ConfigError, Problem};
use crate::daemon::{OpenError, ServerError, ServiceError};
use crate::export::ExportError;
use crate::pass::PassError;
use crate::source::SourceError;
use crate::store::StoreError;

/// The exit codes, after `sysexits.h` where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Unexpected = 1,
    /// What was asked for cannot be done.
    Usage = 2,
    /// Finished, but something is missing or was set aside.
    Incomplete = 65,
    /// The source cannot be reached.
    Unreachable = 69,
    /// Another process holds the mirror.
    Held = 75,
    /// The source refused the token.
    TokenRefused = 77,
    /// The configuration, or the file it names.
    Configuration = 78,
    /// Told to stop before the end.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong, for a person, and what can be done about it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) problems: Vec<Problem>,
}

impl Failure {
    pub(super) fn unexpected(error: &dyn Error) -> Self {
        Self::new(Exit::Unexpected, error.to_string(), None)
    }

    pub(super) fn new(exit: Exit, message: String, hint: Option<&str>) -> Self {
        Self {
            exit,
            message,
            hint: hint.map(str::to_owned),
            problems: Vec::new(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self {
            problems: error.problems(),
            ..Self::new(Exit::Configuration, error.to_string(), Some(error.hint()))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Held { .. } => Exit::Held,
            StoreError::ShortQuery => Exit::Usage,
            StoreError::Missing(_)
            | StoreError::NoIndex
            | StoreError::Snapshot { .. }
            | StoreError::NotAMirror { .. }
            | StoreError::Newer { .. }
            | StoreError::Older { .. }
            | StoreError::NoDirectory(_)
            | StoreError::Unreadable { .. }
            | StoreError::OtherAccount { .. }
            | StoreError::ActivitiesChanged { .. }
            | StoreError::ReadOnly { .. } => Exit::Configuration,
            _ => Exit::Unexpected,
        };
        Self::new(exit, error.to_string(), error.hint())
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let exit = match error {
            ExportError::Store(error) => return error.into(),
            ExportError::NotBuilt(_) => Exit::Usage,
            ExportError::Held(_) => Exit::Held,
            ExportError::Stopped => Exit::Interrupted,
            ExportError::NoAccount
            | ExportError::OtherAccount { .. }
            | ExportError::Inside(_)
            | ExportError::OtherFormat { .. }
            | ExportError::Manifest { .. }
            | ExportError::Write { .. } => Exit::Configuration,
        };
        Self::new(exit, error.to_string(), error.hint())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let exit = match &error {
            SourceError::TokenRefused { .. } => Exit::TokenRefused,
            SourceError::Setup { .. } => Exit::Configuration,
            _ => Exit::Unreachable,
        };
        Self::new(exit, format!("failed to {error}"), error.hint())
    }
}

impl From<PassError> for Failure {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Store(error) => error.into(),
            PassError::Source(error) => error.into(),
            PassError::Stopped => Self::new(
                Exit::Interrupted,
                "stopped before the end".to_owned(),
                Some("what was read is kept; run the same command again to go on"),
            ),
            PassError::TooManyGone { .. } => {
                Self::new(Exit::Incomplete, error.to_string(), error.hint())
            }
            PassError::PlanAgain { .. } | PassError::Poisoned => Self::unexpected(&error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
            OpenError::Source(error) => error.into(),
            OpenError::Stopped => PassError::Stopped.into(),
            OpenError::NotPushed(_) => Self::new(
                Exit::Configuration,
                error.to_string(),
                Some("set source.kind = \"iqchannels\", with a database.path of its own"),
            ),
            OpenError::Kind(_) => Self::new(
                Exit::Configuration,
                error.to_string(),
                Some(
                    "let `chatmirror run` receive its events, or give `chatmirror ingest` a file of them; its lists are read if repair.lists is on",
                ),
            ),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Open(error) => error.into(),
            ServiceError::Pass(error) => error.into(),
            ServiceError::Server(ServerError::Store(error)) => error.into(),
            // The address may come with its network and the port with its holder's end: a later start may succeed.
            ServiceError::Server(ServerError::Listen { .. }) => Self::new(
                Exit::Unexpected,
                error.to_string(),
                Some(
                    "let http.listen name a free port on an address of this machine, or leave it empty",
                ),
            ),
            ServiceError::Deaf => Self::new(
                Exit::Configuration,
                error.to_string(),
                Some("set http.listen to an address of this machine, such as \"127.0.0.1:9090\""),
            ),
            ServiceError::Scheduler(_) => Self::unexpected(&error),
        }
    }
}
