//! `chatmirror sync` for a platform that pushes: its lists are read, so that what a lost push did not tell is made good.

use std::fmt::Write;
use std::time::Instant;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Output, counted, grouped};
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::daemon::{self, Mailbox};
use crate::pass::{self, Repair, Repaired};
use crate::plan::Mode;
use crate::source::Governor;
use crate::store::RunStatus;

pub(super) async fn run(
    config: &Config,
    environment: &Environment,
    mode: Mode,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let token = config.source.token(environment)?;
    let stop = signals.listen()?;
    let clock = Clock::System;
    let governor = Governor::new(config.source.requests_per_minute, clock.clone());
    let client = daemon::asking(config, &token, governor, clock.clone())?;
    let mailbox = Mailbox::open(config, clock.clone()).await?;
    let begun = Instant::now();
    let repair = Repair {
        client: &client,
        store: mailbox.store(),
        clock: &clock,
        stop: &stop,
        max_in_flight: usize::try_from(config.source.max_in_flight).unwrap_or(1),
    };
    let outcome = pass::repair(&repair, mode).await;
    let closed = mailbox.close(RunStatus::Complete).await;
    let repaired = outcome?;
    closed?;
    output.done(
        &json!({ "pass": repaired }),
        &told(&repaired, begun.elapsed().as_secs_f64()),
    );
    let whole = repaired.status == RunStatus::Complete && repaired.rows.rejects == 0;
    Ok(if whole { Exit::Done } else { Exit::Incomplete })
}

/// A repair in words.
pub(super) fn told(repaired: &Repaired, seconds: f64) -> String {
    let count = |number: u64| number.cast_signed();
    let mut text = format!(
        "lists read in {seconds:.1} s ({}, {}): {} listed, {} read\n",
        repaired.mode.word(),
        repaired.status.word(),
        counted(count(repaired.chats), "chat"),
        counted(count(repaired.chats_read), "chat"),
    );
    let rows = repaired.rows;
    let _ = writeln!(
        text,
        "{}; rows: {} new, {} changed, {} gone",
        counted(count(repaired.requests), "request"),
        grouped(rows.inserted),
        grouped(rows.updated),
        grouped(rows.deleted)
    );
    if rows.rejects > 0 {
        let items = counted(rows.rejects, "item");
        let _ = writeln!(
            text,
            "{items} could not be read and were set aside (table rejects)"
        );
    }
    if repaired.chats_failed > 0 {
        let chats = counted(count(repaired.chats_failed), "chat");
        let _ = writeln!(text, "{chats} could not be read: the next time tries again");
    }
    text
}
