//! `chatmirror check`: the doctor. A line a thing, and the way out where something is wrong.

mod files;
mod mirror;
mod source;

use std::fmt::Write;

use serde::Serialize;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::Output;
use super::paint::{Colour, Paint};
use crate::config::{Config, Environment};
use crate::model::Account;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Good,
    /// Worth a look; nothing stops for it.
    Doubtful,
    Bad,
}

/// What was looked at, and how it is.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    good: bool,
    level: Level,
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
            level: Level::Good,
            told: told.into(),
            hint: None,
            exit: Exit::Done,
        }
    }

    /// Told with its way out; the exit code stays 0.
    fn doubtful(what: &'static str, told: String, hint: &str) -> Self {
        Self {
            level: Level::Doubtful,
            hint: Some(hint.to_owned()),
            ..Self::good(what, told)
        }
    }

    fn bad(what: &'static str, failure: Failure) -> Self {
        Self {
            what,
            good: false,
            level: Level::Bad,
            told: failure.message,
            hint: failure.hint,
            exit: failure.exit,
        }
    }

    fn wrong(what: &'static str, told: String, hint: &str) -> Self {
        Self::bad(what, Failure::new(Exit::Configuration, told, Some(hint)))
    }
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let findings = match Config::load(arguments.config.as_deref(), &environment) {
        Err(error) => vec![Finding::bad("config", error.into())],
        Ok(loaded) => {
            logging::start(arguments, loaded.config.log.format, LevelFilter::ERROR);
            let mut findings = vec![Finding::good("config", loaded.path.display().to_string())];
            findings.extend(files::modes(&loaded, &environment));
            let (source, account) = source::look(&loaded.config, &environment).await;
            findings.extend(source);
            findings.extend(mirror::look(&loaded.config, account.as_ref()).await);
            findings
        }
    };
    let exit = findings
        .iter()
        .map(|finding| finding.exit)
        .find(|exit| *exit != Exit::Done);
    output.report(
        &json!({ "findings": findings }),
        &told(&findings, Paint::stdout()),
    );
    Ok(exit.unwrap_or(Exit::Done))
}

fn told(findings: &[Finding], paint: Paint) -> String {
    let mut text = String::new();
    for Finding {
        what,
        level,
        told,
        hint,
        ..
    } in findings
    {
        let (mark, colour) = match level {
            Level::Good => ("✔", Colour::Green),
            Level::Doubtful => ("!", Colour::Yellow),
            Level::Bad => ("✘", Colour::Red),
        };
        let mark = paint.in_colour(colour, mark);
        let _ = writeln!(text, "{mark} {what:<9} {told}");
        if let Some(hint) = hint {
            let _ = writeln!(text, "            what to do: {hint}");
        }
    }
    text
}

fn named(account: &Account) -> String {
    let name = account.name.as_deref().unwrap_or("without a name");
    format!("{} ({name})", account.id)
}
