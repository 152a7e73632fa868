//! What a backfill will cost: the number of chats is exact, that of messages is drawn from a few chats all over the list.

use serde::Serialize;

use crate::model::{ChatList, Listed, Window};
use crate::source::SourceError;
use crate::source::smartsender::Client;

/// Chats whose messages are counted: two requests each.
const DRAWN: u32 = 8;

/// How large an account is, and what reading it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cost {
    pub(super) chats: u64,
    pub(super) messages: u64,
    pub(super) requests: u64,
    /// At the configured rate; nothing without one.
    pub(super) minutes: Option<u64>,
}

/// Asks at most 17 times. Nothing where pages of one item are not given, for then counting costs too much.
///
/// # Errors
/// Whatever the client met.
pub(super) async fn estimate(
    client: &Client,
    per_minute: u32,
) -> Result<Option<Cost>, SourceError> {
    let head = client.chats(ChatList::All, Window::COUNT).await?;
    let Some(chats) = head
        .list_length()
        .and_then(|length| u32::try_from(length).ok())
    else {
        return Ok(None);
    };
    let mut lengths = Vec::new();
    for page in drawn(chats) {
        let window = Window { page, limit: 1 };
        let page = client.chats(ChatList::All, window).await?;
        let Some(Ok(chat)) = page.items.first() else {
            continue;
        };
        let messages = client.messages(chat.id(), Window::COUNT).await?;
        let Some(length) = messages.list_length() else {
            return Ok(None);
        };
        lengths.push(length);
    }
    Ok(Some(from(u64::from(chats), &lengths, per_minute)))
}

/// Places in the list, from 1, evenly apart.
fn drawn(chats: u32) -> Vec<u32> {
    let most = chats.min(DRAWN);
    let place = |n: u32| u64::from(chats) * (2 * u64::from(n) + 1) / (2 * u64::from(most)) + 1;
    let places = (0..most).filter_map(|n| u32::try_from(place(n)).ok());
    places.collect()
}

fn from(chats: u64, lengths: &[u64], per_minute: u32) -> Cost {
    let drawn = (lengths.len() as u64).max(1);
    let messages = lengths.iter().sum::<u64>() * chats / drawn;
    let pages: u64 = lengths
        .iter()
        .map(|length| length.div_ceil(20).max(1))
        .sum();
    // Both lists of chats, a page in twenty walked twice, and every page of every chat.
    let requests = chats.div_ceil(19) * 2 + pages * chats / drawn;
    Cost {
        chats,
        messages,
        requests,
        minutes: (per_minute > 0).then(|| requests.div_ceil(u64::from(per_minute))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_are_drawn_from_the_whole_list_and_never_from_behind_its_end() {
        assert!(drawn(0).is_empty());
        assert_eq!(drawn(1), [1]);
        assert_eq!(drawn(8), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(drawn(800), [51, 151, 251, 351, 451, 551, 651, 751]);
    }

    #[test]
    fn a_cost_is_what_was_drawn_times_all() {
        let cost = from(100, &[10, 30], 120);
        assert_eq!(
            (cost.messages, cost.requests, cost.minutes),
            (2000, 162, Some(2))
        );
        assert_eq!(from(0, &[], 0).requests, 0);
    }
}
