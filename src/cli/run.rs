//! `chatmirror run`: the daemon.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::logging;
use super::signals::{self, Signals};
use crate::clock::Clock;
use crate::config::{Config, Environment, Kind};
use crate::daemon::{self, Heart, Mailbox, Mirror, Orders, Reception, Reload};
use crate::store::RunStatus;

/// A long pass tells this often how far it is.
const LINE_EVERY: Duration = Duration::from_mins(1);

pub(super) async fn run(arguments: &Arguments, signals: &Signals) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, LevelFilter::INFO);
    if config.source.kind == Kind::IqChannels {
        return receive(arguments, &config, environment, signals).await;
    }
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let bell = signals::reloads()?;
    let mut heart = Heart::new(Clock::System);
    let opened = Mirror::open(&config, token, Clock::System);
    let opened = heart.while_starting("opening the mirror", opened).await;
    let mut mirror = opened.map_err(|error| told(&mut heart, error.into()))?;
    tracing::info!(database = %config.database.path.display(), "mirroring");
    let watcher = Watcher::in_lines(LINE_EVERY);
    let orders = Orders {
        stop: &stop,
        reload: Reload {
            path: arguments.config.clone(),
            environment,
            bell,
        },
        progress: watcher.sender(),
    };
    let served = daemon::serve(&mut mirror, config, orders, &mut heart).await;
    watcher.stop().await;
    mirror.close().await;
    served.map_err(|error| told(&mut heart, error.into()))?;
    heart.say("stopped");
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// The daemon for a platform that pushes.
async fn receive(
    arguments: &Arguments,
    config: &Config,
    environment: Environment,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let secret = config.receiver.secret()?;
    let asked = config.repair.is_on();
    let token = asked.then(|| config.source.token(&environment));
    let token = token.transpose()?;
    let stop = signals.listen()?;
    let bell = signals::reloads()?;
    let mut heart = Heart::new(Clock::System);
    let opened = Mailbox::open(config, Clock::System);
    let opened = heart.while_starting("opening the mirror", opened).await;
    let mailbox = opened.map_err(|error| told(&mut heart, error.into()))?;
    tracing::info!(database = %config.database.path.display(), "mirroring");
    let reception = Reception {
        config,
        secret,
        token,
        stop: &stop,
        reload: Reload {
            path: arguments.config.clone(),
            environment,
            bell,
        },
        listening: None,
    };
    let received = daemon::receive(&mailbox, reception, &mut heart).await;
    let status = match &received {
        Ok(()) => RunStatus::Complete,
        Err(_) => RunStatus::Failed,
    };
    let closed = mailbox.close(status).await;
    received.map_err(|error| told(&mut heart, error.into()))?;
    closed?;
    heart.say("stopped");
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// `systemctl status` shows why it ended.
fn told(heart: &mut Heart, failure: Failure) -> Failure {
    heart.say(&format!("ended: {}", failure.message));
    failure
}
