//! `chatmirror export`: the mirror in files that other engines read.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::Instant;

use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, ExportOptions};
use super::bars::{LINE_EVERY, rows_bar};
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, bytes, counted, grouped, moment};
use super::signals::Signals;
use crate::config::Environment;
use crate::export::{ExportError, Exported, Format, Order, Progress, export};
use crate::store::Reader;

pub(super) async fn run(
    arguments: &Arguments,
    options: &ExportOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::INFO);
    let format = Format::from(options.format);
    if !format.is_built() {
        return Err(ExportError::NotBuilt(format).into());
    }
    let stop = signals.listen()?;
    let order = Order {
        format,
        out: options.out.clone(),
        full: options.full,
    };
    let reader = Reader::open(&config.database.path).await?;
    let exported = match rows_bar(arguments.quiet || arguments.json) {
        Some(bar) => {
            let watch = |progress: Progress| {
                bar.set_length(progress.of);
                bar.set_position(progress.rows);
            };
            let exported = export(&reader, &order, &watch, &stop).await;
            bar.finish_and_clear();
            exported?
        }
        None => export(&reader, &order, &in_lines(), &stop).await?,
    };
    output.done(&exported, &told(&exported));
    Ok(Exit::Done)
}

/// Without a terminal, a log line now and then.
fn in_lines() -> impl Fn(Progress) + Sync {
    let last = Mutex::new(Instant::now());
    move |progress| {
        // Asking for the time costs more than writing a row.
        if !progress.rows.is_multiple_of(1000) {
            return;
        }
        if let Ok(mut last) = last.lock()
            && last.elapsed() >= LINE_EVERY
        {
            *last = Instant::now();
            tracing::info!(rows = progress.rows, of = progress.of, "under way");
        }
    }
}

fn told(exported: &Exported) -> String {
    let rows = counted(exported.rows.cast_signed(), "row");
    let files = counted(exported.files.cast_signed(), "file");
    let mut text = format!(
        "{}: {rows} in {files} written ({})",
        exported.directory.display(),
        bytes(exported.bytes)
    );
    if let Some(why) = exported.full_because {
        let _ = write!(text, "; everything, for {why}");
    } else {
        let kept = grouped(exported.files_kept.cast_signed());
        let _ = write!(text, "; {kept} are as they were");
    }
    if exported.files_removed > 0 {
        let removed = grouped(exported.files_removed.cast_signed());
        let _ = write!(text, "; {removed} removed");
    }
    let through = exported
        .complete_through
        .map(|through| format!("complete through {} UTC", moment(through)));
    let _ = write!(
        text,
        "; {}",
        through.as_deref().unwrap_or("not complete yet")
    );
    text
}
