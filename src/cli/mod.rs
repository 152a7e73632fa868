//! The door: one file a command, the only place that prints, and the exit codes.

mod arguments;
mod bars;
mod check;
mod compact;
mod demo;
mod dry_run;
mod exit;
mod export;
mod ingest;
mod init;
mod logging;
mod outlook;
mod output;
mod paint;
mod rate;
mod repair;
mod run;
mod search;
mod shell;
mod signals;
mod simulate;
mod snapshot;
mod status;
mod sync;
mod verify;

use std::num::NonZero;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use exit::{Exit, Failure};
use output::Output;
use signals::Signals;

/// Threads that work, on however large a machine: SQLite has its own, and what is left is waiting for answers. Each keeps memory of its own.
const MOST_WORKERS: usize = 4;

/// Reads the command line, does what it says, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json, arguments.quiet);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_WORKERS))
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(until_insisted(&arguments, &output));
            // What a second signal has cut off is not waited for: the file is safe at any moment.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::unexpected(&error)),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

async fn until_insisted(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let signals = Signals::default();
    tokio::select! {
        outcome = carry_out(arguments, output, &signals) => outcome,
        () = signals.insisted() => Ok(Exit::Interrupted),
    }
}

async fn carry_out(
    arguments: &Arguments,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Init(options) => init::run(arguments, options, output).await,
        Command::Run => run::run(arguments, signals).await,
        Command::Sync(options) => sync::run(arguments, options, output, signals).await,
        Command::Search(options) => search::run(arguments, options, output).await,
        Command::Export(options) => export::run(arguments, options, output, signals).await,
        Command::Snapshot(options) => snapshot::run(arguments, options, output, signals).await,
        Command::Ingest(options) => ingest::run(arguments, options, output, signals).await,
        Command::Status(options) => status::run(arguments, options, output, signals).await,
        Command::Verify(options) => verify::run(arguments, options, output, signals).await,
        Command::Check => check::run(arguments, output).await,
        Command::Compact => compact::run(arguments, output).await,
        Command::Demo(options) => demo::run(arguments, options, output, signals).await,
        Command::Simulate(options) => simulate::run(arguments, options, output, signals).await,
        Command::Completions(options) => Ok(shell::completions(options)),
        Command::Man(options) => shell::man(options),
    }
}
