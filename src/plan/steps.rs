//! The steps of a pass, each with its reason: the same list is printed by a dry run and carried out by a pass.

use serde::{Deserialize, Serialize};

use super::ListOrder;
use crate::clock::Timestamp;
use crate::model::{ChatList, MOST_PER_PAGE};

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every chat and every message is read.
    Backfill,
    /// What changed, and what is owed.
    Incremental,
    /// The whole list of chats, so that what is gone is found; and what is owed.
    Reconcile,
}

impl Mode {
    /// The word for it, in the ledger as on the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Incremental => "incremental",
            Self::Reconcile => "reconcile",
        }
    }
}

/// How far a list is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// From the head down to what is known.
    Head,
    /// To the end.
    Whole,
}

/// What the plan is made from.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The learned order of the list of chats.
    pub order: ListOrder,
    /// Through when the lists have been seen.
    pub watermark: Option<Timestamp>,
    /// Whether the list without a state holds open and closed chats; nothing if that is not known yet.
    pub union: Option<bool>,
    /// Chats stored.
    pub chats: u64,
    /// Chats that are open.
    pub open_chats: u64,
    /// Pages that the stored messages make, chat by chat.
    pub pages: u64,
    /// Chats due now.
    pub due_chats: u64,
    /// Of those, how many must be read whole.
    pub due_whole: u64,
    /// Of those, how many were never read.
    pub due_new: u64,
    /// Whether a backfill has listed all chats and not yet read them all.
    pub backfill_under_way: bool,
}

/// One step of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// Read a list of chats; what is new or changed there is owed.
    List {
        /// Which.
        list: ChatList,
        /// How far.
        reach: Reach,
        /// Why.
        why: &'static str,
        /// About how many requests.
        requests: u64,
    },
    /// Read the open chats to the same depth: a chat met before and not there is closed.
    State {
        /// How far.
        reach: Reach,
        /// Why.
        why: &'static str,
        /// About how many requests.
        requests: u64,
    },
    /// Read the messages of every chat that is due.
    Messages {
        /// How many are due already.
        chats: u64,
        /// Why.
        why: &'static str,
        /// About how many requests.
        requests: u64,
    },
}

impl Step {
    /// About how many requests it takes.
    #[must_use]
    pub fn requests(&self) -> u64 {
        match self {
            Self::List { requests, .. }
            | Self::State { requests, .. }
            | Self::Messages { requests, .. } => *requests,
        }
    }
}

/// The steps of a pass of this mode.
#[must_use]
pub fn steps(mode: Mode, facts: &Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    if !(mode == Mode::Backfill && facts.backfill_under_way) {
        let (reach, why) = reach(mode, facts);
        let lists: &[ChatList] = match facts.union {
            Some(false) => &[ChatList::Open, ChatList::Closed],
            _ => &[ChatList::All],
        };
        steps.extend(lists.iter().map(|list| Step::List {
            list: *list,
            reach,
            why,
            requests: list_requests(reach, facts.chats),
        }));
        steps.push(Step::State {
            reach,
            why: "a chat that is listed, and not among the open ones, is closed",
            requests: list_requests(reach, facts.open_chats),
        });
    }
    steps.push(messages(mode, facts));
    steps
}

fn reach(mode: Mode, facts: &Facts) -> (Reach, &'static str) {
    match (mode, facts.order, facts.watermark) {
        (Mode::Backfill, ..) => (Reach::Whole, "a backfill reads every chat"),
        (Mode::Reconcile, ..) => (
            Reach::Whole,
            "only the whole list shows which chats are gone",
        ),
        (Mode::Incremental, _, None) => (Reach::Whole, "the list has never been read to its end"),
        (Mode::Incremental, ListOrder::NewestFirst, Some(_)) => {
            (Reach::Head, "the latest changes come first in this list")
        }
        (Mode::Incremental, ..) => (
            Reach::Whole,
            "the list is not known to show the latest changes first",
        ),
    }
}

/// Overlapping pages advance by about 14 rows on a long list.
fn list_requests(reach: Reach, rows: u64) -> u64 {
    match reach {
        Reach::Head => 1,
        Reach::Whole if rows <= u64::from(MOST_PER_PAGE) => 1,
        Reach::Whole => rows.div_ceil(14) + 1,
    }
}

fn messages(mode: Mode, facts: &Facts) -> Step {
    let whole = match mode {
        Mode::Backfill if !facts.backfill_under_way => facts.chats,
        _ => facts.due_whole,
    };
    let chats = facts.due_chats.max(whole);
    Step::Messages {
        chats,
        why: match mode {
            Mode::Backfill => "a backfill reads every message",
            _ => "chats that are new, changed, unsettled or otherwise owed",
        },
        requests: chats - whole + requests_to_read(whole, facts),
    }
}

/// About how many requests it takes to read so many chats whole, as long as those are that have been read.
#[must_use]
pub fn requests_to_read(chats: u64, facts: &Facts) -> u64 {
    // What is stored is of the chats that have been read: in a first backfill that is not all of them.
    let read = match facts.chats.saturating_sub(facts.due_new) {
        0 => facts.chats,
        read => read,
    };
    match read {
        0 => chats,
        read => (chats * facts.pages).div_ceil(read).max(chats),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach_of(mode: Mode, facts: &Facts) -> Option<Reach> {
        steps(mode, facts).into_iter().find_map(|step| match step {
            Step::List { reach, .. } => Some(reach),
            _ => None,
        })
    }

    #[test]
    fn a_walk_stops_early_only_on_a_learned_order_and_behind_a_watermark() {
        let learned = Facts {
            order: ListOrder::NewestFirst,
            watermark: Timestamp::from_millis(0),
            ..Facts::default()
        };
        assert_eq!(reach_of(Mode::Incremental, &learned), Some(Reach::Head));
        assert_eq!(reach_of(Mode::Reconcile, &learned), Some(Reach::Whole));
        assert_eq!(reach_of(Mode::Backfill, &learned), Some(Reach::Whole));
        for order in [ListOrder::Unknown, ListOrder::OldestFirst, ListOrder::Other] {
            let facts = Facts {
                order,
                ..learned.clone()
            };
            assert_eq!(reach_of(Mode::Incremental, &facts), Some(Reach::Whole));
        }
        let never_read = Facts {
            watermark: None,
            ..learned
        };
        assert_eq!(reach_of(Mode::Incremental, &never_read), Some(Reach::Whole));
    }

    #[test]
    fn a_backfill_that_has_its_list_reads_only_messages() {
        let facts = Facts {
            backfill_under_way: true,
            due_chats: 5,
            due_whole: 5,
            ..Facts::default()
        };
        let steps = steps(Mode::Backfill, &facts);
        assert!(matches!(steps[..], [Step::Messages { chats: 5, .. }]));
    }

    #[test]
    fn where_the_plain_list_is_not_the_union_both_states_are_read() {
        let facts = Facts {
            union: Some(false),
            ..Facts::default()
        };
        let lists: Vec<ChatList> = steps(Mode::Incremental, &facts)
            .into_iter()
            .filter_map(|step| match step {
                Step::List { list, .. } => Some(list),
                _ => None,
            })
            .collect();
        assert_eq!(lists, [ChatList::Open, ChatList::Closed]);
    }

    #[test]
    fn a_pass_with_nothing_new_is_planned_at_two_requests() {
        let facts = Facts {
            order: ListOrder::NewestFirst,
            watermark: Timestamp::from_millis(0),
            union: Some(true),
            chats: 500,
            open_chats: 200,
            pages: 900,
            ..Facts::default()
        };
        let total: u64 = steps(Mode::Incremental, &facts)
            .iter()
            .map(Step::requests)
            .sum();
        assert_eq!(total, 2);
    }

    #[test]
    fn what_is_left_of_a_first_backfill_is_reckoned_from_the_chats_that_were_read() {
        let facts = Facts {
            backfill_under_way: true,
            chats: 100,
            pages: 25,
            due_chats: 90,
            due_whole: 90,
            due_new: 90,
            ..Facts::default()
        };
        let requests: Vec<u64> = steps(Mode::Backfill, &facts)
            .iter()
            .map(Step::requests)
            .collect();
        // Ten chats had two pages and a half each.
        assert_eq!(requests, [90 * 25 / 10]);
    }
}
