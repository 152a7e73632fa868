//! `chatmirror sync`: one pass, or its plan.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, SyncOptions};
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, counted, grouped};
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::daemon::{Mirror, Order};
use crate::pass::{self, Audit, Outcome};
use crate::plan::{self, Facts, Mode, Step};
use crate::store::{Freshness, Reader, RunStatus, StoreError};

pub(super) async fn run(
    arguments: &Arguments,
    options: &SyncOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let mode = match (options.backfill, options.reconcile) {
        (true, _) => Mode::Backfill,
        (_, true) => Mode::Reconcile,
        _ => Mode::Incremental,
    };
    if options.dry_run {
        return dry_run(&config, mode, output).await;
    }
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let mirror = Mirror::open(&config, token, Clock::System).await?;
    let watcher = Watcher::start(arguments.quiet);
    let begun = Instant::now();
    let outcome = pass(
        &mirror,
        order(&config, mode, options),
        options,
        &stop,
        &watcher,
    )
    .await;
    watcher.stop().await;
    let freshness = mirror.store().reader().freshness().await;
    mirror.close().await;
    let (outcome, freshness) = (outcome?, freshness?);
    let text = told(&outcome, &freshness, begun.elapsed().as_secs_f64());
    output.report(&json!({ "pass": outcome, "freshness": freshness }), &text);
    Ok(exit(&outcome))
}

/// A reconcile pass is given as long as it takes for the audit that is due.
fn order(config: &Config, mode: Mode, options: &SyncOptions) -> Order {
    let days = config.audit.days.filter(|_| mode == Mode::Reconcile);
    Order {
        mode,
        accept_deletions: options.accept_deletions,
        audit: days.map(|days| Audit {
            requests: u64::MAX,
            horizon: Duration::from_hours(24 * u64::from(days)),
        }),
    }
}

async fn pass(
    mirror: &Mirror,
    mut order: Order,
    options: &SyncOptions,
    stop: &CancellationToken,
    watcher: &Watcher,
) -> Result<Outcome, Failure> {
    mirror.bind(stop).await?;
    if options.retry_rejects && mirror.store().owe_rejects().await? {
        // An item of a list of chats may stand anywhere in it.
        order.mode = Mode::Reconcile;
    }
    let nobody_waits = CancellationToken::new();
    Ok(mirror
        .pass(order, stop, &nobody_waits, watcher.sender())
        .await?)
}

/// Something is missing, or was set aside: scripts must be able to tell.
fn exit(outcome: &Outcome) -> Exit {
    if outcome.status == RunStatus::Complete && outcome.rows.rejects == 0 {
        Exit::Done
    } else {
        Exit::Incomplete
    }
}

/// A pass in words.
pub(super) fn told(outcome: &Outcome, freshness: &Freshness, seconds: f64) -> String {
    let mut text = format!(
        "{} pass {} in {seconds:.1} s: {}, {} read\n",
        outcome.mode.word(),
        outcome.status.word(),
        counted(outcome.requests.cast_signed(), "request"),
        counted(outcome.chats_read.cast_signed(), "chat"),
    );
    let rows = outcome.rows;
    let _ = writeln!(
        text,
        "rows: {} new, {} changed, {} gone",
        grouped(rows.inserted),
        grouped(rows.updated),
        grouped(rows.deleted)
    );
    if rows.rejects > 0 {
        let _ = writeln!(
            text,
            "{} could not be read and were set aside: see `chatmirror status`",
            counted(rows.rejects, "item")
        );
    }
    if outcome.chats_failed > 0 {
        let _ = writeln!(
            text,
            "{} could not be read: the next pass tries again",
            counted(outcome.chats_failed.cast_signed(), "chat")
        );
    }
    text.push_str(&complete_through(freshness));
    text
}

/// Through when the mirror is complete, in words.
pub(super) fn complete_through(freshness: &Freshness) -> String {
    match (freshness.complete_through, &freshness.held_because) {
        (Some(moment), None) => format!("complete through {moment} UTC"),
        (Some(moment), Some(reason)) => format!(
            "complete through {moment} UTC; held back by {} (the first: chat {}, {reason})",
            counted(freshness.owed_chats, "chat"),
            freshness.held_by_chat.unwrap_or_default(),
        ),
        (None, Some(_)) => format!(
            "not complete yet: {} still to be read for the first time or again",
            counted(freshness.owed_chats, "chat")
        ),
        (None, None) => {
            "not complete yet: the lists of chats have not been read to their end".to_owned()
        }
    }
}

async fn dry_run(config: &Config, mode: Mode, output: &Output) -> Result<Exit, Failure> {
    let clock = Clock::System;
    let facts = match Reader::open(&config.database.path).await {
        Ok(reader) => pass::facts(&reader, clock.now()).await?,
        Err(StoreError::Missing(_)) => Facts::default(),
        Err(error) => return Err(error.into()),
    };
    let mode = if facts.watermark.is_none() {
        Mode::Backfill
    } else {
        mode
    };
    let steps = plan::steps(mode, &facts);
    let requests: u64 = steps.iter().map(Step::requests).sum();
    let minutes = minutes(requests, config.source.requests_per_minute);
    let text = planned(mode, &facts, &steps, requests, minutes);
    output.report(
        &json!({ "mode": mode, "steps": steps, "requests": requests, "minutes": minutes }),
        &text,
    );
    Ok(Exit::Done)
}

/// How long the requests take at this rate; nothing if nothing holds them back.
fn minutes(requests: u64, per_minute: u32) -> Option<u64> {
    (per_minute > 0).then(|| requests.div_ceil(u64::from(per_minute)))
}

fn planned(
    mode: Mode,
    facts: &Facts,
    steps: &[Step],
    requests: u64,
    minutes: Option<u64>,
) -> String {
    let mut text = format!("plan of the next {} pass:\n", mode.word());
    for (number, step) in steps.iter().enumerate() {
        let (what, why) = match step {
            Step::List {
                list, reach, why, ..
            } => (format!("read {list} ({reach:?})").to_lowercase(), why),
            Step::State { reach, why, .. } => (
                format!("read chats?state=open ({reach:?})").to_lowercase(),
                why,
            ),
            Step::Messages { chats, why, .. } => (
                format!(
                    "read the messages of {}",
                    counted(chats.cast_signed(), "chat")
                ),
                why,
            ),
        };
        let about = counted(step.requests().cast_signed(), "request");
        let _ = writeln!(
            text,
            "  {}. {what}: about {about}\n     because {why}",
            number + 1
        );
    }
    let _ = match minutes {
        Some(minutes) => writeln!(
            text,
            "about {}, {} at the configured rate; nothing was asked or changed",
            counted(requests.cast_signed(), "request"),
            counted(minutes.cast_signed(), "minute")
        ),
        None => writeln!(
            text,
            "about {}; nothing was asked or changed",
            counted(requests.cast_signed(), "request")
        ),
    };
    if facts.chats == 0 {
        text.push_str(
            "the account has never been read: what it costs is known once its chats are listed\n",
        );
    }
    text
}
