//! What a person is asked, where no option says it. A token that is typed is not shown.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;

use crate::cli::arguments::InitOptions;
use crate::cli::exit::{Exit, Failure};
use crate::config::{Config, Environment};

/// The token: from `CHATMIRROR_TOKEN`, from the file that was named, or from whoever sits at the terminal.
pub(super) fn token(
    options: &InitOptions,
    environment: &Environment,
) -> Result<SecretString, Failure> {
    let given = environment.token.is_some() || options.token_file.is_some();
    let mut environment = environment.clone();
    if !given {
        let words = "The project's API token (it is not shown): ";
        let typed = asked(words, false)?;
        environment.token = Some(typed.into());
    }
    let mut source = Config::parse("")?.source;
    source.token_file.clone_from(&options.token_file);
    Ok(source.token(&environment)?)
}

/// Where the mirror shall be.
pub(super) fn database(options: &InitOptions, of_unit: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = &options.database {
        return Ok(path.clone());
    }
    if options.systemd {
        return Ok(PathBuf::from(of_unit));
    }
    let usual = "chatmirror.db";
    if !io::stdin().is_terminal() {
        return Ok(PathBuf::from(usual));
    }
    let typed = asked(&format!("Where shall the mirror be? [{usual}] "), true)?;
    Ok(PathBuf::from(if typed.is_empty() { usual } else { &typed }))
}

/// What is typed after `words`, without white space around it.
fn asked(words: &str, shown: bool) -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new(
            Exit::Configuration,
            "no token for the source, and no terminal to ask for it".to_owned(),
            Some("set CHATMIRROR_TOKEN, or name a file that holds the token with --token-file"),
        ));
    }
    let unexpected = |error: io::Error| Failure::unexpected(&error);
    let mut stderr = io::stderr();
    write!(stderr, "{words}")
        .and_then(|()| stderr.flush())
        .map_err(unexpected)?;
    let mut line = String::new();
    let before = tcgetattr(&stdin).map_err(|error| unexpected(error.into()))?;
    if !shown {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &silent)
            .map_err(|error| unexpected(error.into()))?;
    }
    let read = stdin.lock().read_line(&mut line);
    if !shown {
        tcsetattr(&stdin, OptionalActions::Flush, &before)
            .map_err(|error| unexpected(error.into()))?;
        let _ = writeln!(stderr);
    }
    read.map_err(unexpected)?;
    Ok(line.trim().to_owned())
}
