//! The documented lists, and the events that a stream brings.

use std::time::Duration;

use serde_json::{Value, json};

use super::account::Account;
use super::wire::{self, Beside};

/// How an installation behaves where the vendor's readme is silent, or in trouble.
#[derive(Clone, Debug)]
pub struct Options {
    /// The value of `Authorization` that lets in.
    pub authorization: String,
    /// The most items of a page, whatever is asked for.
    pub most_items: usize,
    /// Whether `MaxId` itself is in the page.
    pub with_max_id: bool,
    /// Whether the list of chats has what changed last at its head, or goes by id.
    pub newest_first: bool,
    /// Every so manieth request fails with status 502; 0: none.
    pub fails_each: usize,
    /// A stream breaks off after so many events; 0: it goes on.
    pub stream_breaks_after: usize,
    /// How long ago the last thing happened, by the clock of the answers.
    pub idle: Duration,
    /// Whether a stream without `FromId` brings what happened before, too.
    pub streams_history: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authorization: "Bearer simulated-token".to_owned(),
            most_items: 50,
            with_max_id: true,
            newest_first: true,
            fails_each: 0,
            stream_breaks_after: 0,
            idle: Duration::ZERO,
            streams_history: false,
        }
    }
}

/// What a list is asked for.
#[derive(Debug)]
pub(super) struct Query(Value);

impl Query {
    /// Reads a request's body; one that cannot be read asks for nothing in particular.
    pub(super) fn of(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.0.get(key)?.as_i64()
    }

    fn window<'a>(
        &self,
        items: impl Iterator<Item = &'a Value>,
        options: &Options,
    ) -> Vec<&'a Value> {
        let number = |key, default| {
            self.number(key)
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(default)
        };
        let limit = number("Limit", 50).min(options.most_items);
        items.skip(number("Offset", 0)).take(limit).collect()
    }
}

/// `/api/v1/channels/query`.
pub(super) fn channels(account: &Account, options: &Options, query: &Query) -> String {
    let page = query.window(account.channels.values(), options);
    wire::answer(
        &json!(page),
        &json!({ "Projects": account.projects.values().collect::<Vec<_>>() }),
    )
}

/// `/api/v1/chats/query_by_channel/:id`.
pub(super) fn chats(
    account: &Account,
    options: &Options,
    channel_id: i64,
    query: &Query,
) -> String {
    let open = query.0.get("Open").and_then(Value::as_bool);
    let mut chats: Vec<&Value> = account
        .chats
        .iter()
        .filter(|(id, _)| account.channel_of(**id) == Some(channel_id))
        .filter(|(id, _)| open.is_none_or(|open| account.open.get(id) == Some(&open)))
        .map(|(_, chat)| chat)
        .collect();
    if options.newest_first {
        chats.sort_by_key(|chat| {
            std::cmp::Reverse((chat["ChangedAt"].as_i64(), chat["Id"].as_i64()))
        });
    }
    let page = query.window(chats.into_iter(), options);
    let rels = Beside::of_chats(account, &page).rels(account, |list| list == "Chats");
    wire::answer(&json!(page), &rels)
}

/// `/api/v1/chats/messages/query_by_chat/:id`.
pub(super) fn messages(
    account: &Account,
    options: &Options,
    chat_id: i64,
    query: &Query,
) -> String {
    let most = query
        .number("MaxId")
        .filter(|id| *id > 0)
        .unwrap_or(i64::MAX);
    let most = if options.with_max_id {
        most
    } else {
        most.saturating_sub(1)
    };
    let newest_first = account.listed(chat_id).rev().filter(|(id, _)| *id <= most);
    let mut page = query.window(newest_first.map(|(_, message)| message), options);
    page.reverse();
    let rels = Beside::of_messages(account, &page).rels(account, |list| list == "ChatMessages");
    wire::answer(&json!(page), &rels)
}

/// The first event of a channel after this one, as a stream brings it: with what there is now beside it.
pub(super) fn event_after(account: &Account, channel_id: i64, id: i64) -> Option<(i64, String)> {
    let first = account.events.partition_point(|event| event.id <= id);
    let of_channel = |chat_id| account.channel_of(chat_id) == Some(channel_id);
    let event = account.events[first..]
        .iter()
        .find(|event| of_channel(event.chat_id))?;
    let rels = Beside::of_event(account, event).rels(account, |_| false);
    Some((event.id, wire::answer(&json!([event.value]), &rels)))
}
