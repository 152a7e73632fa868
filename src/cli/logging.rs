//! Log lines: to stderr, as text or JSON, at the level that was asked for.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::arguments::Arguments;
use crate::config::LogFormat;

/// Starts logging. `usual`: the level of this command when nobody asks for another.
pub(super) fn start(arguments: &Arguments, format: LogFormat, usual: LevelFilter) {
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => usual,
        (_, 1) => LevelFilter::DEBUG.min(usual.max(LevelFilter::INFO)),
        _ => LevelFilter::TRACE,
    };
    // Other crates are let in only at the highest verbosity: their lines may show addresses and bodies.
    let others = if arguments.verbose > 2 {
        level
    } else {
        LevelFilter::WARN.min(level)
    };
    let targets = Targets::new()
        .with_default(others)
        .with_target("chatmirror", level);
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let registry = tracing_subscriber::registry().with(targets);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false);
    // A second start, in one process's tests, is not a failure.
    let _ = match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}
