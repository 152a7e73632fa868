//! What shells and manuals need: made from the command line itself, so that it is never behind.

use std::io::{self, Write};

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsOptions, ManOptions};
use super::exit::{Exit, Failure};

/// `chatmirror completions`.
pub(super) fn completions(options: &CompletionsOptions) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Arguments::command(),
        "chatmirror",
        &mut text,
    );
    // A reader that has seen enough is not a failure.
    let _ = io::stdout().lock().write_all(&text);
    Exit::Done
}

/// `chatmirror man`.
pub(super) fn man(options: &ManOptions) -> Result<Exit, Failure> {
    let command = Arguments::command();
    let Some(directory) = &options.dir else {
        let mut text = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut text);
        rendered.map_err(|error| Failure::unexpected(&error))?;
        let _ = io::stdout().lock().write_all(&text);
        return Ok(Exit::Done);
    };
    clap_mangen::generate_to(command, directory).map_err(|error| {
        Failure::new(
            Exit::Configuration,
            format!("{} cannot be written: {error}", directory.display()),
            Some("make the directory, or name another with --dir"),
        )
    })?;
    Ok(Exit::Done)
}
