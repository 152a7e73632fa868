//! What the configuration takes from the process around it, as a value, so that tests need not touch the process's own.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The few things of the process's environment that the configuration looks at. An empty variable counts as unset.
#[derive(Clone, Default)]
pub struct Environment {
    /// `CHATMIRROR_CONFIG`: the configuration file, where no `--config` names one.
    pub config: Option<PathBuf>,
    /// `CHATMIRROR_TOKEN`: the source's token.
    pub token: Option<OsString>,
    /// `CREDENTIALS_DIRECTORY`: where systemd puts the unit's credentials.
    pub credentials_directory: Option<PathBuf>,
    /// The files looked for, in this order, where nobody names one.
    pub places: Vec<PathBuf>,
}

impl Environment {
    /// The environment of this process, and the usual places.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            config: variable("CHATMIRROR_CONFIG").map(PathBuf::from),
            token: variable("CHATMIRROR_TOKEN"),
            credentials_directory: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            places: vec![
                PathBuf::from("./config.toml"),
                PathBuf::from("/etc/chatmirror/config.toml"),
            ],
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("config", &self.config)
            .field("token", &self.token.as_ref().map(|_| "[redacted]"))
            .field("credentials_directory", &self.credentials_directory)
            .field("places", &self.places)
            .finish()
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
