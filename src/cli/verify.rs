//! `chatmirror verify`: the source's count against the stored one, chat by chat.

use std::fmt::Write;

use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, VerifyOptions};
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, counted, grouped, span};
use super::rate::Rate;
use super::signals::Signals;
use crate::clock::Clock;
use crate::config::Environment;
use crate::daemon::Mirror;
use crate::pass::{self, Difference, Uncompared, Verification};

/// Ids that are shown of each kind and chat.
const IDS: usize = 5;

pub(super) async fn run(
    arguments: &Arguments,
    options: &VerifyOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let config = arguments.config(&environment)?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let token = config.source.token(&environment)?;
    let stop = signals.listen()?;
    let mirror = Mirror::open(&config, token, Clock::System).await?;
    let watcher = Watcher::start(arguments.quiet);
    let mut found = Verification::default();
    let verified = async {
        let sample = (!options.all).then_some(options.sample);
        let reader = mirror.store().reader();
        let chats = reader.listed_chats(sample).await?;
        let requests = pass::requests_to_count(reader, chats.len() as u64).await?;
        let rate = Rate::of(
            reader,
            config.source.requests_per_minute,
            Clock::System.now(),
        )
        .await?;
        output.say(&beforehand(requests, rate));
        mirror.bind(&stop).await?;
        let sender = watcher.sender();
        Ok::<_, Failure>(mirror.verify(chats, &mut found, &stop, sender).await?)
    }
    .await;
    watcher.stop().await;
    mirror.close().await;
    // What was found is told even if the rest could not be compared.
    if found.complete || found.checked > 0 {
        output.report(&found, &told(&found));
    }
    verified?;
    Ok(if found.is_clean() {
        Exit::Done
    } else {
        Exit::Incomplete
    })
}

fn beforehand(requests: u64, rate: Rate) -> String {
    let minutes = rate.minutes(requests).map_or_else(String::new, |minutes| {
        format!(" ({} at the present rate)", span(minutes * 60))
    });
    let requests = counted(requests.cast_signed(), "request");
    format!("this takes about {requests}{minutes}, and more where something differs")
}

fn told(verification: &Verification) -> String {
    let Verification {
        source_chats,
        stored_chats,
        checked,
        differences,
        uncompared,
        complete,
        requests,
        ..
    } = verification;
    let mut text = String::new();
    if !differences.is_empty() {
        let _ = writeln!(
            text,
            "{:>12} {:>9} {:>9}  what differs",
            "chat", "source", "stored"
        );
    }
    for Difference {
        chat_id,
        source,
        stored,
        missing,
        surplus,
    } in differences
    {
        let what = what_differs(missing, surplus, "its list did not stand still");
        let _ = writeln!(text, "{chat_id:>12} {source:>9} {stored:>9}  {what}");
    }
    for Uncompared { chat_id, error } in uncompared {
        let _ = writeln!(text, "{chat_id:>12} could not be compared: {error}");
    }
    if *complete && !verification.has_all_chats() {
        let _ = writeln!(
            text,
            "the source lists {}, the mirror {}: {}; the next pass reads the lists to their end",
            counted(source_chats.cast_signed(), "chat"),
            grouped(stored_chats.cast_signed()),
            which_chats(verification),
        );
    }
    let compared = counted(checked.cast_signed(), "chat");
    let asked = counted(requests.cast_signed(), "request");
    let so_far = if *complete { "" } else { " so far" };
    let _ = match differences.len() {
        0 if *checked == 0 => writeln!(text, "no chat could be compared"),
        0 => writeln!(
            text,
            "{compared} compared{so_far} with {asked}: every count is equal"
        ),
        differing => writeln!(
            text,
            "{compared} compared{so_far} with {asked}: {differing} differ; the next pass repairs them"
        ),
    };
    text
}

fn which_chats(verification: &Verification) -> String {
    what_differs(
        &verification.missing_chats,
        &verification.surplus_chats,
        "which differ could not be told, for their order did not stand still",
    )
}

fn what_differs(missing: &[i64], surplus: &[i64], unknown: &str) -> String {
    let mut what = Vec::new();
    if !missing.is_empty() {
        what.push(format!("missing here: {}", ids(missing)));
    }
    if !surplus.is_empty() {
        what.push(format!("gone at the source: {}", ids(surplus)));
    }
    if what.is_empty() {
        unknown.to_owned()
    } else {
        what.join("; ")
    }
}

fn ids(ids: &[i64]) -> String {
    let shown: Vec<String> = ids.iter().take(IDS).map(i64::to_string).collect();
    match ids.len().saturating_sub(IDS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
