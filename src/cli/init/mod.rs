//! `chatmirror init`: the first run. Asks for what is needed, sees that the token opens an account, and writes a configuration.

mod answers;
mod cost;
mod files;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, InitOptions};
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, counted};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::daemon;
use crate::model::Account;
use crate::source::{Governor, SourceError};

use cost::Cost;
use files::Written;

/// Where the package's unit looks.
const UNIT_CONFIG: &str = "/etc/chatmirror/config.toml";
const UNIT_DATABASE: &str = "/var/lib/chatmirror/chatmirror.db";

pub(super) async fn run(
    arguments: &Arguments,
    options: &InitOptions,
    output: &Output,
) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let path = place(arguments.config.as_deref(), options.systemd, &environment);
    files::refuse_existing(&path, options.force)?;
    let token = answers::token(options, &environment)?;
    files::refuse_another_token(&path, &token, options.force)?;
    let database = answers::database(options, UNIT_DATABASE)?;
    let text = files::text(options, &database, &files::token_beside(&path));
    let config = Config::parse(&text)?;
    logging::start(arguments, config.log.format, LevelFilter::ERROR);
    let (account, cost) = ask(&config, token.clone()).await?;
    let written = files::write(&path, &text, &token, options)?;
    output.report(
        &json!({
            "config": written.config,
            "token": written.token,
            "database": config.database.path,
            "account": { "id": account.id, "name": account.name, "time_zone": account.time_zone },
            "backfill": cost,
        }),
        &told(&config, &account, cost.as_ref(), &written, options.systemd),
    );
    Ok(Exit::Done)
}

/// Where the configuration goes: where it is found later.
fn place(named: Option<&Path>, systemd: bool, environment: &Environment) -> PathBuf {
    match (named, &environment.config) {
        (Some(named), _) => named.to_owned(),
        // The unit knows nothing of the variables of this shell.
        (None, _) if systemd => PathBuf::from(UNIT_CONFIG),
        (None, Some(found)) => found.clone(),
        (None, None) => PathBuf::from("config.toml"),
    }
}

/// Whose account it is, and what reading its history takes; nothing where the source does not tell enough.
async fn ask(config: &Config, token: SecretString) -> Result<(Account, Option<Cost>), Failure> {
    let clock = Clock::System;
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    let client = daemon::client(&config.source, token, governor, clock)?;
    let account = client.account().await?.value;
    match cost::estimate(&client, config.source.requests_per_minute).await {
        Ok(cost) => Ok((account, cost)),
        // Nothing of this is kept: a daemon that is started now would ask in the lock.
        Err(error @ SourceError::Locked { .. }) => Err(error.into()),
        Err(_) => Ok((account, None)),
    }
}

fn told(
    config: &Config,
    account: &Account,
    cost: Option<&Cost>,
    written: &Written,
    systemd: bool,
) -> String {
    let name = account.name.as_deref().unwrap_or("without a name");
    let mut text = format!("the token opens account {} ({name})\n", account.id);
    let _ = writeln!(text, "written   {}", written.config.display());
    let _ = writeln!(
        text,
        "          {} (the token; only its owner may read it)",
        written.token.display()
    );
    if let Some(theirs) = account.time_zone.as_deref() {
        let ours = config.source.time_zone.name();
        if theirs != ours {
            let _ = writeln!(
                text,
                "zone      times without a zone are read as {ours}; the account is set to {theirs}. Compare one message with \
                 what the platform shows before the backfill"
            );
        }
    }
    let _ = match cost {
        Some(cost) => writeln!(text, "history   {}", cost.in_words()),
        None => writeln!(
            text,
            "history   the platform did not tell how much there is"
        ),
    };
    text.push_str(&next_steps(written, systemd));
    text
}

fn next_steps(written: &Written, systemd: bool) -> String {
    if systemd {
        let unit = match written.config.file_stem().and_then(|stem| stem.to_str()) {
            None | Some("config") => "chatmirror".to_owned(),
            Some(account) => format!("chatmirror@{account}"),
        };
        return format!(
            "next      systemctl enable --now {unit}   (it begins with the backfill)\n\
             \x20         systemctl status {unit}\n"
        );
    }
    let named = match written.config.to_str() {
        Some("config.toml") | None => String::new(),
        Some(path) => format!(" --config {path}"),
    };
    format!(
        "next      chatmirror{named} check\n\
         \x20         chatmirror{named} sync --backfill   (may be stopped and started again)\n\
         \x20         chatmirror{named} run\n"
    )
}

impl Cost {
    fn in_words(&self) -> String {
        let Self {
            chats,
            messages,
            requests,
            minutes,
        } = self;
        let time = match minutes {
            Some(minutes) => format!(
                ", {} at the configured rate",
                counted(minutes.cast_signed(), "minute")
            ),
            None => String::new(),
        };
        format!(
            "{} with about {}: the backfill takes about {}{time}",
            counted(chats.cast_signed(), "chat"),
            counted(messages.cast_signed(), "message"),
            counted(requests.cast_signed(), "request"),
        )
    }
}
