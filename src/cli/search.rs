//! `chatmirror search`: full-text search in the mirror; the source is not asked.

use std::fmt::Write;

use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, SearchOptions};
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, moment};
use crate::config::Environment;
use crate::model::Direction;
use crate::store::{Found, Reader, Search};

pub(super) async fn run(
    arguments: &Arguments,
    options: &SearchOptions,
    output: &Output,
) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let reader = Reader::open(&config.database.path).await?;
    let search = Search {
        query: options.query.join(" "),
        chat: options.chat,
        channel: options.channel.clone(),
        since: options.since,
        direction: options.direction.map(Into::into),
        limit: options.limit.into(),
    };
    let found = reader.search(&search).await?;
    if found.is_empty() {
        output.say("nothing found");
    }
    let text: String = found.iter().map(told).collect();
    if arguments.json || !text.is_empty() {
        output.report(&json!({ "query": search.query, "found": found }), &text);
    }
    Ok(Exit::Done)
}

/// A message as a person looks through it: a line that says where it is, and a line of what it says.
fn told(found: &Found) -> String {
    let at = found
        .created_at
        .map_or_else(|| "no time".to_owned(), moment);
    let channel = found.channel_type.as_deref().unwrap_or("no channel");
    let chat = found.chat_name.as_deref().unwrap_or("without a name");
    let way = match found.direction {
        Some(Direction::Inbound) => "from",
        Some(Direction::Outbound) => "to",
        None => "in",
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{at}  {channel}  {way} {chat}  (chat {}, message {})",
        found.chat_id, found.message_id
    );
    let _ = writeln!(text, "  {}", found.snippet);
    text
}
