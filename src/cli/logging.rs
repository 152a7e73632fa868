//! Log lines: to stderr, as text or JSON, at the level that was asked for.

use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::arguments::Arguments;
use super::bars;
use crate::config::LogFormat;

/// Starts logging. `usual`: the level of this command when nobody asks for another.
pub(super) fn start(arguments: &Arguments, format: LogFormat, usual: LevelFilter) {
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => usual,
        (_, 1) => LevelFilter::DEBUG,
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
    let colours = io::stderr().is_terminal() && !no_colour();
    let registry = tracing_subscriber::registry().with(targets);
    let lines = fmt::layer()
        .with_writer(Lines::default)
        .with_ansi(colours)
        .with_target(false);
    // A second start, in one process's tests, is not a failure.
    let _ = match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}

/// The usual level of a pass that somebody watches: a terminal shows bars instead of lines, and wants warnings only.
pub(super) fn watched() -> LevelFilter {
    if io::stderr().is_terminal() {
        LevelFilter::WARN
    } else {
        LevelFilter::INFO
    }
}

/// `no-color.org`: set, to whatever but nothing.
pub(super) fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Gathers a log line and writes it whole, above the progress bars where there are any.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.0);
        bars::above(|| io::stderr().lock().write_all(&line))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            // Nowhere is left to say that stderr is gone.
            let _ = self.flush();
        }
    }
}
