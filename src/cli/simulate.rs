//! `chatmirror simulate`: a simulated account to try things on.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, Order, SimulateOptions};
use super::exit::{Exit, Failure};
use super::logging;
use super::output::Output;
use super::signals::Signals;
use crate::clock::{Clock, Timestamp};
use crate::config::LogFormat;
use crate::simulator::{ChatOrder, Options, Recipe, Simulator};

pub(super) async fn run(
    arguments: &Arguments,
    options: &SimulateOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    logging::start(arguments, LogFormat::Text, LevelFilter::WARN);
    let stop = signals.listen()?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| cannot_listen(options, &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::unexpected(&error))?;
    let simulator = simulator(options);
    let base_url = format!("http://{address}/v1");
    let token = simulator.options().token;
    let text = format!(
        "a simulated account of {} chats answers at {base_url}\nto mirror it, in another window:\n\n  \
         printf '[source]\\nbase_url = \"{base_url}\"\\nrequests_per_minute = 0\\n' > simulated.toml\n  \
         export CHATMIRROR_TOKEN={token}\n  chatmirror --config simulated.toml sync --backfill\n\nCtrl-C ends it",
        options.chats
    );
    output.report(&json!({ "base_url": base_url, "token": token }), &text);
    tokio::select! {
        served = simulator.clone().serve(listener, stop.clone()) => {
            served.map_err(|error| Failure::unexpected(&error))?;
        }
        () = churn(&simulator, options, &stop) => {}
    }
    Ok(Exit::Done)
}

fn cannot_listen(options: &SimulateOptions, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("cannot listen on {}: {error}", options.listen),
        Some("name another address with --listen; port 0 takes any that is free"),
    )
}

fn simulator(options: &SimulateOptions) -> Simulator {
    let recipe = Recipe {
        seed: options.seed,
        chats: options.chats,
        messages: options.messages,
        until: Timestamp::now(),
        ..Recipe::default()
    };
    let settings = Options {
        chat_order: match options.order {
            Order::NewestFirst => ChatOrder::NewestFirst,
            Order::OldestFirst => ChatOrder::OldestFirst,
            Order::ById => ChatOrder::ById,
            Order::Shuffled => ChatOrder::Shuffled,
        },
        requests_per_minute: options.limit,
        seed: options.seed,
        ..Options::default()
    };
    Simulator::new(recipe.account(), settings, Clock::System)
}

/// Lets the account live: so many changes a minute, until it is told to stop.
async fn churn(simulator: &Simulator, options: &SimulateOptions, stop: &CancellationToken) {
    let mut random = fastrand::Rng::with_seed(options.seed);
    let Some(pause) = Duration::from_mins(1).checked_div(options.churn) else {
        return stop.cancelled().await;
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => simulator.churn(1, &mut random),
        }
    }
}
