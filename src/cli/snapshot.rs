//! `chatmirror snapshot`: a sealed copy in one file.

use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, SnapshotOptions};
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, grouped, moment};
use super::signals::Signals;
use crate::config::Environment;
use crate::pass::PassError;
use crate::store::Reader;

pub(super) async fn run(
    arguments: &Arguments,
    options: &SnapshotOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let stop = signals.listen()?;
    let reader = Reader::open(&config.database.path).await?;
    let made = match reader.snapshot(&options.file, &stop).await {
        Err(_) if stop.is_cancelled() => return Err(PassError::Stopped.into()),
        made => made?,
    };
    let through = made.complete_through.map_or_else(
        || "not complete yet".to_owned(),
        |through| format!("complete through {} UTC", moment(through)),
    );
    let bytes = grouped(made.bytes.cast_signed());
    let text = format!("{}: {bytes} bytes, checked, {through}", made.path.display());
    output.done(&made, &text);
    Ok(Exit::Done)
}
