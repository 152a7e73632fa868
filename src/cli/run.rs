//! `chatmirror run`: the daemon.

use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::exit::{Exit, Failure};
use super::logging;
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::Environment;
use crate::daemon::{self, Mirror};
use crate::pass::Progress;

pub(super) async fn run(arguments: &Arguments, signals: &Signals) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, LevelFilter::INFO);
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let mirror = Mirror::open(&config, token, Clock::System).await?;
    tracing::info!(database = %config.database.path.display(), "mirroring");
    let (progress, _) = watch::channel(Progress::default());
    let served = daemon::serve(&mirror, &config, &stop, &progress).await;
    mirror.close().await;
    served?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}
