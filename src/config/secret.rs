//! Where the token and the receiver's secret come from. Neither is ever printed, not even when it is refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::environment::Environment;
use super::error::ConfigError;
use super::settings::{Receiver, Source};

/// No secret is longer; a file that is was named by mistake.
const LONGEST: u64 = 16 * 1024;

impl Source {
    /// The token: from `CHATMIRROR_TOKEN`, else the file `source.token_file`, else systemd's credential `token`.
    ///
    /// # Errors
    ///
    /// When there is none, when its file cannot be read, and when it is not one word of ASCII.
    pub fn token(&self, env: &Environment) -> Result<SecretString, ConfigError> {
        if let Some(token) = env.token.as_deref().filter(|token| !token.is_empty()) {
            return checked(OsStr::as_encoded_bytes(token), "CHATMIRROR_TOKEN");
        }
        if let Some(file) = &self.token_file {
            return read(file, "source.token_file");
        }
        let Some(credential) = credential(env) else {
            return Err(ConfigError::NoToken);
        };
        match read(&credential, "systemd's credential `token`") {
            Err(ConfigError::UnreadableSecret { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Err(ConfigError::NoToken)
            }
            outcome => outcome,
        }
    }

    /// The file that the token is read from; nothing if it comes from the environment.
    #[must_use]
    pub fn token_path(&self, env: &Environment) -> Option<PathBuf> {
        if env.token.as_deref().is_some_and(|token| !token.is_empty()) {
            return None;
        }
        self.token_file.clone().or_else(|| credential(env))
    }
}

/// Where systemd puts the credential `token`.
fn credential(env: &Environment) -> Option<PathBuf> {
    Some(env.credentials_directory.as_ref()?.join("token"))
}

impl Receiver {
    /// The secret that pushed events must bring, from the file `receiver.secret_file`; nothing if none is asked for.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and when what it holds is not one word of ASCII.
    pub fn secret(&self) -> Result<Option<SecretString>, ConfigError> {
        self.secret_file
            .as_deref()
            .map(|file| read(file, "receiver.secret_file"))
            .transpose()
    }
}

fn read(path: &Path, origin: &'static str) -> Result<SecretString, ConfigError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|source| ConfigError::UnreadableSecret { origin, source })?;
    checked(&bytes, origin)
}

/// A secret goes into a header, so it is one word of visible ASCII; white space around it is an editor's.
fn checked(bytes: &[u8], origin: &'static str) -> Result<SecretString, ConfigError> {
    let refused = |why| Err(ConfigError::BadSecret { origin, why });
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return refused("is empty");
    }
    if bytes.len() as u64 > LONGEST {
        return refused("is too long to be one: more than 16 KiB");
    }
    if bytes.iter().any(u8::is_ascii_whitespace) {
        return refused(
            "has white space inside: give it bare, without the word `Bearer`, on one line",
        );
    }
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return refused("has characters that are not visible ASCII");
    }
    match std::str::from_utf8(bytes) {
        Ok(word) => Ok(SecretString::from(word)),
        Err(_) => refused("has characters that are not visible ASCII"),
    }
}
