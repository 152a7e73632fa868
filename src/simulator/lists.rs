//! The order of chats in their lists, kept as they change, and the cutting of a list into pages.

use std::ops::Range;

use super::account::{Account, Chat, ChatState};
use super::options::{ChatOrder, Options, PastTheEnd};
use super::refusal::Refusal;

/// The three lists of chats, each in the account's order.
#[derive(Debug)]
pub(super) struct Lists {
    order: ChatOrder,
    all: Ranking,
    open: Ranking,
    closed: Ranking,
}

/// Ids with the value they are sorted by. A sorted vector: any page is at hand at once, and moving a
/// chat costs one short copy of memory.
type Ranking = Vec<(i64, i64)>;

impl Lists {
    /// The lists of `account` as it stands.
    pub(super) fn of(account: &Account, order: ChatOrder) -> Self {
        let mut lists = Self {
            order,
            all: ranking(account, order, |_| true),
            open: ranking(account, order, |chat| chat.state == ChatState::Open),
            closed: ranking(account, order, |chat| chat.state == ChatState::Closed),
        };
        for list in [&mut lists.all, &mut lists.open, &mut lists.closed] {
            list.sort_unstable();
        }
        lists
    }

    /// Takes a chat out, as it is before a change.
    pub(super) fn remove(&mut self, chat: &Chat) {
        let key = key(self.order, chat);
        for list in self.holding(chat.state) {
            if let Ok(place) = list.binary_search(&key) {
                list.remove(place);
            }
        }
    }

    /// Puts a chat in, as it is after a change.
    pub(super) fn insert(&mut self, chat: &Chat) {
        let key = key(self.order, chat);
        for list in self.holding(chat.state) {
            if let Err(place) = list.binary_search(&key) {
                list.insert(place, key);
            }
        }
    }

    /// The ids of one list, in order.
    pub(super) fn ids(&self, state: Option<ChatState>) -> impl ExactSizeIterator<Item = i64> {
        self.list(state).iter().map(|(_, id)| *id)
    }

    /// The ids of one list, in order, but equal ones the other way round.
    pub(super) fn ids_with_ties_turned(&self, state: Option<ChatState>) -> Vec<i64> {
        let ties = self.list(state).chunk_by(|one, other| one.0 == other.0);
        ties.flat_map(|tie| tie.iter().rev().map(|(_, id)| *id))
            .collect()
    }

    fn list(&self, state: Option<ChatState>) -> &Ranking {
        match state {
            None => &self.all,
            Some(ChatState::Open) => &self.open,
            Some(ChatState::Closed) => &self.closed,
        }
    }

    fn holding(&mut self, state: ChatState) -> [&mut Ranking; 2] {
        match state {
            ChatState::Open => [&mut self.all, &mut self.open],
            ChatState::Closed => [&mut self.all, &mut self.closed],
        }
    }
}

fn ranking(account: &Account, order: ChatOrder, wanted: impl Fn(&Chat) -> bool) -> Ranking {
    let chats = account.chats.values().filter(|chat| wanted(chat));
    chats.map(|chat| key(order, chat)).collect()
}

fn key(order: ChatOrder, chat: &Chat) -> (i64, i64) {
    // The second value is always the id, with its sign, so that it can be read back by `ids`.
    match order {
        ChatOrder::NewestFirst => (-chat.updated_at.millis(), chat.id),
        ChatOrder::OldestFirst => (chat.updated_at.millis(), chat.id),
        ChatOrder::ById => (chat.id, chat.id),
        ChatOrder::Shuffled => (scramble(chat.id), chat.id),
    }
}

/// A fixed hash (the finisher of `SplitMix64`): the order must not differ from one run to the next.
fn scramble(id: i64) -> i64 {
    let mut hash = id.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).cast_signed()
}

/// The page that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Which page, from 1.
    pub(super) page: usize,
    /// How many items make one.
    pub(super) limitation: usize,
}

/// Where a page lies in its list, and what its cursor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) range: Range<usize>,
}

impl Window {
    /// Finds the page in a list of `total` items.
    pub(super) fn cut(self, total: usize, options: &Options) -> Result<Cut, Refusal> {
        let pages = if total == 0 {
            options.pages_when_empty
        } else {
            total.div_ceil(self.limitation)
        };
        let mut page = self.page;
        if page > pages.max(1) {
            match options.past_the_end {
                PastTheEnd::Refused => return Err(Refusal::bad_request("Page does not exist")),
                PastTheEnd::Empty => {}
                PastTheEnd::LastPage => page = pages.max(1),
            }
        }
        let start = total.min((page - 1).saturating_mul(self.limitation));
        let end = total.min(start.saturating_add(self.limitation));
        let range = start..end;
        Ok(Cut { page, pages, range })
    }
}
