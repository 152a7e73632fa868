//! `chatmirror run`: the daemon.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::logging;
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::Environment;
use crate::daemon::{self, Mirror};

/// A long pass tells this often how far it is.
const LINE_EVERY: Duration = Duration::from_mins(1);

pub(super) async fn run(arguments: &Arguments, signals: &Signals) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, LevelFilter::INFO);
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let mirror = Mirror::open(&config, token, Clock::System).await?;
    tracing::info!(database = %config.database.path.display(), "mirroring");
    let watcher = Watcher::in_lines(LINE_EVERY);
    let served = daemon::serve(&mirror, &config, &stop, watcher.sender()).await;
    watcher.stop().await;
    mirror.close().await;
    served?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}
