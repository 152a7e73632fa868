//! `chatmirror check`: the doctor. A line a thing, and the way out where something is wrong.

use std::fmt::Write;

use serde::Serialize;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::Output;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Environment};
use crate::daemon;
use crate::model::Account;
use crate::source::Governor;
use crate::store::{Reader, StoreError};

/// Clocks that differ by more make every moment that is shown doubtful; the mirror itself goes by the source's clock.
const MOST_DRIFT_SECONDS: u64 = 60;

/// What was looked at, and how it is.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    good: bool,
    told: String,
    hint: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Finding {
    fn good(what: &'static str, told: impl Into<String>) -> Self {
        Self {
            what,
            good: true,
            told: told.into(),
            hint: None,
            exit: Exit::Done,
        }
    }

    fn bad(what: &'static str, failure: Failure) -> Self {
        Self {
            what,
            good: false,
            told: failure.message,
            hint: failure.hint,
            exit: failure.exit,
        }
    }

    fn doubtful(what: &'static str, told: String, hint: &str) -> Self {
        Self {
            what,
            good: false,
            told,
            hint: Some(hint.to_owned()),
            exit: Exit::Configuration,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let findings = match Config::load(arguments.config.as_deref(), &environment) {
        Err(error) => vec![Finding::bad("config", error.into())],
        Ok(loaded) => {
            logging::start(arguments, loaded.config.log.format, LevelFilter::ERROR);
            let mut findings = vec![Finding::good("config", loaded.path.display().to_string())];
            let (source, account) = look_at_source(&loaded.config, &environment).await;
            findings.extend(source);
            findings.extend(look_at_file(&loaded.config, account.as_ref()).await);
            findings
        }
    };
    let exit = findings
        .iter()
        .map(|finding| finding.exit)
        .find(|exit| *exit != Exit::Done);
    output.report(&json!({ "findings": findings }), &told(&findings));
    Ok(exit.unwrap_or(Exit::Done))
}

/// What there is to say of the source, and the account that the token opens.
async fn look_at_source(
    config: &Config,
    environment: &Environment,
) -> (Vec<Finding>, Option<Account>) {
    match ask_source(config, environment).await {
        Ok((findings, account)) => (findings, Some(account)),
        Err(finding) => (vec![finding], None),
    }
}

async fn ask_source(
    config: &Config,
    environment: &Environment,
) -> Result<(Vec<Finding>, Account), Finding> {
    let token = config
        .source
        .token(environment)
        .map_err(|error| Finding::bad("token", error.into()))?;
    let clock = Clock::System;
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    // What is wrong with the file is told on its own line.
    if let Ok(mirror) = Reader::open(&config.database.path).await {
        let _ = daemon::restore_budget(&governor, &mirror).await;
    }
    let client = daemon::client(&config.source, token, governor, clock.clone())
        .map_err(|error| Finding::bad("source", error.into()))?;
    let answer = client
        .account()
        .await
        .map_err(|error| Finding::bad("source", error.into()))?;
    let account = answer.value;
    let findings = vec![
        Finding::good(
            "source",
            format!(
                "{} opens account {}",
                config.source.base_url,
                named(&account)
            ),
        ),
        clock_finding(clock.now(), answer.date),
        zone_finding(config, account.time_zone.as_deref()),
    ];
    Ok((findings, account))
}

fn named(account: &Account) -> String {
    let name = account.name.as_deref().unwrap_or("without a name");
    format!("{} ({name})", account.id)
}

fn clock_finding(ours: Timestamp, theirs: Timestamp) -> Finding {
    let drift = ours.since(theirs).max(theirs.since(ours)).as_secs();
    if drift <= MOST_DRIFT_SECONDS {
        return Finding::good(
            "clock",
            format!("within {} s of the source's", drift.max(1)),
        );
    }
    Finding::doubtful(
        "clock",
        format!("{drift} s off the source's clock"),
        "set this machine's clock by a time server; the mirror goes by the source's clock, but lags would be told wrong",
    )
}

fn zone_finding(config: &Config, theirs: Option<&str>) -> Finding {
    let ours = config.source.time_zone.name();
    Finding::good(
        "zone",
        match theirs {
            Some(theirs) if theirs != ours => format!(
                "times without a zone are read as {ours}; the account itself is set to {theirs}"
            ),
            _ => format!("times without a zone are read as {ours}"),
        },
    )
}

async fn look_at_file(config: &Config, offered: Option<&Account>) -> Vec<Finding> {
    let path = &config.database.path;
    let reader = match Reader::open(path).await {
        Err(StoreError::Missing(_)) => {
            let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
            if let Some(missing) = directory.filter(|path| !path.is_dir()) {
                let error = StoreError::NoDirectory(missing.to_owned());
                return vec![Finding::bad("database", error.into())];
            }
            let told = format!(
                "{} is not there yet; the first pass makes it",
                path.display()
            );
            return vec![Finding::good("database", told)];
        }
        Err(error) => return vec![Finding::bad("database", error.into())],
        Ok(reader) => reader,
    };
    let sound = match reader.quick_check().await {
        Ok(problems) if problems.is_empty() => {
            Finding::good("database", format!("{} is sound", path.display()))
        }
        Ok(problems) => {
            let (path, why) = (path.clone(), problems.join("; "));
            Finding::bad("database", StoreError::Damaged { path, why }.into())
        }
        Err(error) => Finding::bad("database", error.into()),
    };
    let bound = match reader.account().await {
        Ok(bound) => bound_finding(bound.as_ref(), offered),
        Err(error) => Finding::bad("account", error.into()),
    };
    vec![sound, bound]
}

/// One file holds one account: the one that the token opens should be the one that is mirrored.
fn bound_finding(mirrored: Option<&Account>, offered: Option<&Account>) -> Finding {
    let Some(mirrored) = mirrored else {
        return Finding::good("account", "the mirror is bound to none yet");
    };
    match offered {
        Some(offered) if offered.id != mirrored.id => Finding::doubtful(
            "account",
            format!(
                "the mirror is of account {}, the token opens account {}",
                named(mirrored),
                named(offered)
            ),
            "use that account's token, or another `database.path`: one file holds one account",
        ),
        _ => Finding::good(
            "account",
            format!("the mirror is of account {}", named(mirrored)),
        ),
    }
}

fn told(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding {
        what,
        good,
        told,
        hint,
        ..
    } in findings
    {
        let mark = if *good { '✔' } else { '✘' };
        let _ = writeln!(text, "{mark} {what:<9} {told}");
        if let Some(hint) = hint {
            let _ = writeln!(text, "            what to do: {hint}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_another_account_is_told() {
        let account = |id: &str| Account {
            id: id.to_owned(),
            name: None,
            time_zone: None,
        };
        assert!(bound_finding(None, Some(&account("1"))).good);
        assert!(bound_finding(Some(&account("1")), None).good);
        assert!(bound_finding(Some(&account("1")), Some(&account("1"))).good);
        assert!(!bound_finding(Some(&account("1")), Some(&account("2"))).good);
    }

    #[test]
    fn a_clock_that_is_off_by_minutes_is_told() {
        let at = |second: i64| Timestamp::from_millis(second * 1000).unwrap();
        assert!(clock_finding(at(1000), at(1030)).good);
        assert!(!clock_finding(at(1000), at(1090)).good);
        assert!(!clock_finding(at(1090), at(1000)).good);
    }
}
