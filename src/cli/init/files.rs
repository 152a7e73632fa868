//! The files of a first run: the example with the answers in it, and the token on its own.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::cli::arguments::InitOptions;
use crate::cli::exit::{Exit, Failure};

/// Every key with its comment.
const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) config: PathBuf,
    pub(super) token: PathBuf,
}

/// Nobody's configuration is written over.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    if path.exists() && !force {
        return Err(Failure::new(
            Exit::Configuration,
            format!("{} is there already", path.display()),
            Some(
                "name another file with --config, or write over it with --force; `chatmirror check` looks at the one that is there",
            ),
        ));
    }
    Ok(())
}

/// Nor is a file that holds something else than this token.
pub(super) fn refuse_another_token(
    config: &Path,
    token: &SecretString,
    force: bool,
) -> Result<(), Failure> {
    let beside = token_beside(config);
    let is_same = match std::fs::read_to_string(&beside) {
        Ok(text) => text.trim() == token.expose_secret(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    if is_same || force {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Configuration,
        format!(
            "{} is there already, and is not this token",
            beside.display()
        ),
        Some(
            "move it away, name another configuration with --config, or write over it with --force",
        ),
    ))
}

/// `config.toml` has its `token` beside it, `acme.toml` its `acme.token`: the names that the units go by.
pub(super) fn token_beside(config: &Path) -> PathBuf {
    match config.file_stem() {
        Some(stem) if stem != "config" => config.with_extension("token"),
        _ => config.with_file_name("token"),
    }
}

/// The example with the answers in it.
pub(super) fn text(options: &InitOptions, database: &Path, token: &Path) -> String {
    let mut text = with(
        EXAMPLE,
        "path",
        "chatmirror.db",
        &database.to_string_lossy(),
    );
    if let Some(url) = &options.base_url {
        text = with(&text, "base_url", "https://api.smartsender.com/v1", url);
    }
    if let Some(zone) = &options.time_zone {
        text = with(&text, "time_zone", "UTC", zone);
    }
    if !options.systemd {
        // The unit takes it as a credential, which only root can read.
        text = with(&text, "token_file", "", &token.to_string_lossy());
    }
    text
}

/// The text with another value of a key that has `old`.
fn with(text: &str, key: &str, old: &str, new: &str) -> String {
    let new = toml::Value::String(new.to_owned());
    text.replacen(
        &format!("\n{key} = \"{old}\"\n"),
        &format!("\n{key} = {new}\n"),
        1,
    )
}

/// Writes both. The unit's configuration holds no secret and is read by its user; a person's is that person's.
pub(super) fn write(
    config: &Path,
    text: &str,
    token: &SecretString,
    options: &InitOptions,
) -> Result<Written, Failure> {
    let beside = token_beside(config);
    let secret = format!("{}\n", token.expose_secret());
    write_one(&beside, &secret, 0o600)?;
    write_one(config, text, if options.systemd { 0o644 } else { 0o600 })?;
    Ok(Written {
        config: config.to_owned(),
        token: beside,
    })
}

fn write_one(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path);
    let written = opened.and_then(|mut file| {
        // A file that was there keeps its mode otherwise.
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| {
        Failure::new(
            Exit::Configuration,
            format!("{} cannot be written: {error}", path.display()),
            Some("let this user write there, or name another file with --config"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_answer_finds_its_key_in_the_example() {
        let options = InitOptions {
            base_url: Some("http://127.0.0.1:8080/v1".to_owned()),
            time_zone: Some("Europe/Kyiv".to_owned()),
            ..InitOptions::default()
        };
        let text = text(&options, Path::new("a \"b\".db"), Path::new("/c/token"));
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.source.base_url.as_str(), "http://127.0.0.1:8080/v1");
        assert_eq!(config.source.time_zone.name(), "Europe/Kyiv");
        assert_eq!(
            config.source.token_file.as_deref(),
            Some(Path::new("/c/token"))
        );
        assert_eq!(config.database.path, Path::new("a \"b\".db"));
        assert_eq!(text.matches("\n#").count(), EXAMPLE.matches("\n#").count());
    }

    #[test]
    fn what_is_not_this_token_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config.toml");
        let refused =
            |force| refuse_another_token(&config, &"secret".to_owned().into(), force).is_err();
        assert!(!refused(false));
        std::fs::write(dir.path().join("token"), "secret\n").unwrap();
        assert!(!refused(false));
        std::fs::write(dir.path().join("token"), "notes on a token\n").unwrap();
        assert!(refused(false) && !refused(true));
    }

    #[test]
    fn the_token_lies_where_the_units_look_for_it() {
        let beside = |path| token_beside(Path::new(path));
        assert_eq!(
            beside("/etc/chatmirror/config.toml"),
            Path::new("/etc/chatmirror/token")
        );
        assert_eq!(
            beside("/etc/chatmirror/acme.toml"),
            Path::new("/etc/chatmirror/acme.token")
        );
    }
}
