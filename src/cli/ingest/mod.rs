//! `chatmirror ingest`: pushed events from files or standard input.

mod bodies;

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::bodies::{Bodies, Item};
use super::arguments::{Arguments, IngestOptions};
use super::bars::Meter;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, counted, grouped};
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::Environment;
use crate::daemon::Mailbox;
use crate::pass::{Parcel, PassError};
use crate::store::{RunStatus, TakenIn};

/// Bodies, and bytes of them, that share a transaction.
const MOST_TOGETHER: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// Of what was set aside, so many are shown; the table `rejects` has all.
const SHOWN: usize = 10;

/// What reading came to.
#[derive(Debug, Default, Serialize)]
struct Report {
    bodies: i64,
    taken: TakenIn,
    /// Bodies of which nothing could be read.
    refused: i64,
    /// The first of them.
    set_aside: Vec<SetAside>,
    #[serde(skip)]
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct SetAside {
    origin: Option<String>,
    why: String,
}

pub(super) async fn run(
    arguments: &Arguments,
    options: &IngestOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, logging::watched());
    let sources = sources(&options.files)?;
    let stop = signals.listen()?;
    let mailbox = Mailbox::open(&config, Clock::System).await?;
    let mut meter = Meter::start(arguments.quiet, length(&options.files));
    let mut report = Report::default();
    let outcome = take_all(&mailbox, sources, &stop, &mut report, &mut meter).await;
    meter.stop();
    let status = match &outcome {
        Ok(()) if stop.is_cancelled() => RunStatus::CutShort,
        Ok(()) if report.taken.rejects > 0 => RunStatus::Partial,
        Ok(()) => RunStatus::Complete,
        Err(_) => RunStatus::Failed,
    };
    let closed = mailbox.close(status).await;
    outcome?;
    closed?;
    if stop.is_cancelled() {
        return Err(PassError::Stopped.into());
    }
    output.done(&json!(report), &told(&report));
    Ok(if report.taken.rejects > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    })
}

/// A stream, and what to call it.
struct Source {
    name: String,
    reader: Box<dyn Read + Send>,
}

/// All of them opened before any is read: a name that is wrong is told at once.
fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let open = |path: &PathBuf| {
        if path == Path::new("-") {
            return Ok(Source {
                name: "standard input".to_owned(),
                reader: Box::new(io::stdin()),
            });
        }
        let file = File::open(path).and_then(|file| {
            if file.metadata()?.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(file)
        });
        file.map(|file| Source {
            name: path.display().to_string(),
            reader: Box::new(file),
        })
        .map_err(|error| unreadable(&path.display().to_string(), &error))
    };
    files.iter().map(open).collect()
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{name} cannot be read: {error}"),
        Some("name files that this user may read, or - for standard input"),
    )
}

/// How many bytes there are to read, if that is known.
fn length(files: &[PathBuf]) -> Option<u64> {
    let length = |path: &PathBuf| {
        let metadata = path.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    };
    files.iter().map(length).sum()
}

/// Reads on a thread of its own, a little ahead of what is being written.
async fn take_all(
    mailbox: &Mailbox,
    sources: Vec<Source>,
    stop: &CancellationToken,
    report: &mut Report,
    meter: &mut Meter,
) -> Result<(), Failure> {
    let (sender, mut batches) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read_all(sources, &sender));
    while let Some(batch) = batches.recv().await {
        if stop.is_cancelled() {
            return Ok(());
        }
        let receipt = mailbox.take_in(&batch).await?;
        report.taken = report.taken.and(receipt.taken);
        report.bodies += i64::try_from(batch.len()).unwrap_or(i64::MAX);
        report.refused += i64::try_from(receipt.refused.len()).unwrap_or(i64::MAX);
        let length: usize = batch.iter().map(|parcel| parcel.body.len()).sum();
        report.bytes += length as u64;
        for (place, why) in receipt.refused {
            let origin = batch.get(place).and_then(|parcel| parcel.origin.clone());
            tracing::debug!(origin, why, "set aside");
            if report.set_aside.len() < SHOWN {
                report.set_aside.push(SetAside { origin, why });
            }
        }
        meter.at(report.bytes, report.bodies);
    }
    match reading.await {
        Ok(outcome) => outcome,
        Err(error) => Err(Failure::unexpected(&error)),
    }
}

fn read_all(sources: Vec<Source>, sender: &mpsc::Sender<Vec<Parcel>>) -> Result<(), Failure> {
    for Source { name, reader } in sources {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for item in Bodies::new(reader) {
            let Item { line, bytes: body } = item.map_err(|error| unreadable(&name, &error))?;
            bytes += body.len();
            batch.push(Parcel {
                body,
                origin: Some(format!("{name}, line {line}")),
            });
            if batch.len() < MOST_TOGETHER && bytes < MOST_BYTES {
                continue;
            }
            bytes = 0;
            // Nobody takes any more: told to stop.
            if sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        if !batch.is_empty() && sender.blocking_send(batch).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn told(report: &Report) -> String {
    let TakenIn {
        events,
        inserted,
        updated,
        deleted,
        rejects,
    } = report.taken;
    let mut text = format!(
        "{} read, {}\nrows: {} new, {} changed, {} gone\n",
        bodies(report.bodies),
        counted(events, "new event"),
        grouped(inserted),
        grouped(updated),
        grouped(deleted)
    );
    if rejects > 0 {
        let items = counted(rejects, "item");
        let _ = writeln!(
            text,
            "{items} could not be read and were set aside (table rejects)"
        );
    }
    for SetAside { origin, why } in &report.set_aside {
        let origin = origin.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {origin}: {why}");
    }
    text
}

fn bodies(number: i64) -> String {
    match number {
        1 => "1 body".to_owned(),
        number => format!("{} bodies", grouped(number)),
    }
}
