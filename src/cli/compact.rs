//! `chatmirror compact`: the file in order again, and no larger than what it holds.

use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, bytes};
use crate::config::Environment;
use crate::store::{FileSizes, Reader, Store};

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let path = &config.database.path;
    // Only what is there is put in order: opening to write would make a new file.
    drop(Reader::open(path).await?);
    let before = FileSizes::of(path);
    let store = Store::open(path).await?;
    let compacted = store.compact().await;
    store.close().await;
    compacted?;
    let after = FileSizes::of(path);
    output.done(
        &json!({ "database": path, "before": before, "after": after }),
        &format!(
            "{}: {} before, {} now",
            path.display(),
            bytes(before.database + before.wal),
            bytes(after.database + after.wal)
        ),
    );
    Ok(Exit::Done)
}
