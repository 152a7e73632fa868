//! `chatmirror sync`: one pass, or its plan.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::{Arguments, SyncOptions};
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::output::{Output, counted, grouped, moment};
use super::signals::Signals;
use super::{dry_run, logging, repair};
use crate::clock::Clock;
use crate::config::{Config, Environment, Kind};
use crate::daemon::{Errand, Mirror, OpenError, Order};
use crate::pass::{Audit, Outcome};
use crate::plan::Mode;
use crate::store::{Freshness, RunStatus, StoreError};

pub(super) async fn run(
    arguments: &Arguments,
    options: &SyncOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, logging::watched());
    let mode = match (options.backfill, options.reconcile) {
        (true, _) => Mode::Backfill,
        (_, true) => Mode::Reconcile,
        _ => Mode::Incremental,
    };
    if config.source.kind == Kind::IqChannels {
        // Nothing there is rationed, or waits to be asked for again.
        if !config.repair.lists || options.dry_run || options.retry_rejects {
            return Err(OpenError::Kind(config.source.kind).into());
        }
        return repair::run(&config, &environment, mode, output, signals).await;
    }
    if options.dry_run {
        return dry_run::run(&config, mode, output).await;
    }
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let mirror = match Mirror::open(&config, token, Clock::System).await {
        // What a person believes is not handed over: the daemon's next backfill believes nothing.
        Err(OpenError::Store(StoreError::Held { path, pid }))
            if mode == Mode::Backfill && !options.accept_deletions =>
        {
            return hand_over(path, pid, output).await;
        }
        opened => opened?,
    };
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
    if mode == Mode::Backfill && outcome.is_ok() {
        Errand::beside(mirror.store().path()).is_done();
    }
    if mode == Mode::Reconcile && outcome.is_ok() {
        mirror.note_reconcile().await?;
    }
    let freshness = mirror.store().reader().freshness().await;
    mirror.close().await;
    let (outcome, freshness) = (outcome?, freshness?);
    let text = told(&outcome, &freshness, begun.elapsed().as_secs_f64());
    output.done(&json!({ "pass": outcome, "freshness": freshness }), &text);
    Ok(exit(&outcome))
}

/// A backfill beside a daemon is the daemon's: it has the mirror, and the budget of requests.
async fn hand_over(path: PathBuf, pid: String, output: &Output) -> Result<Exit, Failure> {
    output.say(&format!(
        "another process (pid {pid}) holds the mirror: asking it for the backfill"
    ));
    if !Errand::beside(&path)
        .ask(&Clock::System)
        .await
        .unwrap_or(false)
    {
        return Err(StoreError::Held { path, pid }.into());
    }
    let text = format!(
        "the daemon (pid {pid}) reads everything again, as soon as the pass at hand is done; new messages arrive \
         meanwhile, and `chatmirror status` tells how far it is"
    );
    output.done(&json!({ "handed_to": pid }), &text);
    Ok(Exit::Done)
}

/// A reconcile pass is given as long as it takes for the audit that is due.
fn order(config: &Config, mode: Mode, options: &SyncOptions) -> Order {
    let horizon = config.audit.horizon().filter(|_| mode == Mode::Reconcile);
    Order {
        accept_deletions: options.accept_deletions,
        audit: horizon.map(|horizon| Audit {
            requests: u64::MAX,
            horizon,
        }),
        ..Order::from(mode)
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
        (Some(through), None) => format!("complete through {} UTC", moment(through)),
        (Some(through), Some(reason)) => format!(
            "complete through {} UTC; held back by {} (the first: chat {}, {reason})",
            moment(through),
            counted(freshness.owed_chats, "chat"),
            freshness.held_by_chat.unwrap_or_default(),
        ),
        (None, Some(_)) => format!(
            "not complete yet: {} still to be read",
            counted(freshness.owed_chats, "chat")
        ),
        (None, None) => {
            "not complete yet: the lists of chats have not been read to their end".to_owned()
        }
    }
}
