//! A walk: one list read page by page. It knows what to ask for next, and whether rows slipped between two pages.
//!
//! While a list is read it changes. A row that leaves it pulls the rows behind it forward, over the seam
//! between two pages, unseen. So the pages of a walk overlap: the next one begins inside the one before, and
//! if the two share no row, the walk steps back. Where that would cost too much, pages abut and counts decide.

use serde::{Deserialize, Serialize};

use super::{Evidence, ListOrder};
use crate::clock::Timestamp;
use crate::model::{Listed, MOST_PER_PAGE, Page, Reject, Window};

/// Steps back in a row after which a walk has lost its place and begins again.
const MOST_STEPS_BACK: u32 = 3;

/// How the pages of a walk lie beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Each begins inside the one before: no row can slip through unnoticed.
    Overlapping,
    /// Each begins where the one before ended: fewest requests, and only counts tell whether a row slipped through.
    Abutting,
}

/// What follows from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ask for the next part.
    Next,
    /// The page does not follow on what was read, and proves nothing: ask for another part.
    Disjoint,
    /// The list's end was reached; it had this many items then.
    End {
        /// The exact length.
        length: u64,
    },
    /// The pages no longer fit together: begin again.
    Lost,
}

impl Turn {
    /// Whether the page follows on what was read before it, and may prove something.
    #[must_use]
    pub fn joins(self) -> bool {
        !matches!(self, Self::Disjoint | Self::Lost)
    }
}

/// Where a walk stands. It is stored with the rows of each page, so a stopped walk goes on where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The server's clock at the first page: what had been in the list by then is what the walk can claim.
    pub started_at: Option<Timestamp>,
    /// Pages that were read.
    pub pages_read: u32,
    /// The list's length before the walk began, where it was asked for.
    pub counted: Option<u64>,
    /// The list's length when its end was reached.
    pub ended: Option<u64>,
    /// What the rows say of the list's order.
    pub evidence: Evidence,
    spacing: Spacing,
    window: Window,
    /// Position just behind the last row read.
    reached: u64,
    /// The last rows read, by id and time: what the next page must share one of. A row whose time has changed may stand elsewhere now.
    tail: Vec<(i64, Option<Timestamp>)>,
    /// How many items at the end of the last page show no id: the next page must reach beyond them to share a row.
    #[serde(default)]
    nameless: u64,
    must_share: bool,
    steps_back: u32,
    /// The farthest position that a page has led to.
    farthest: u64,
}

impl Walk {
    /// A walk from the list's first item.
    #[must_use]
    pub fn from_start(spacing: Spacing) -> Self {
        Self::at(spacing, Window::FIRST)
    }

    /// A walk that begins with this window.
    #[must_use]
    pub fn at(spacing: Spacing, window: Window) -> Self {
        Self {
            started_at: None,
            pages_read: 0,
            counted: None,
            ended: None,
            evidence: Evidence::default(),
            spacing,
            window,
            reached: window.start(),
            tail: Vec::new(),
            nameless: 0,
            must_share: false,
            steps_back: 0,
            farthest: 0,
        }
    }

    /// What to ask for next.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// How its pages lie.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Lets the pages abut from here on. It must be certain that the last row read stood where it was read when the list was counted:
    /// then none has slipped between the page before and the count that proves the rest.
    pub fn abut(&mut self) {
        self.spacing = Spacing::Abutting;
        self.must_share = false;
        self.window = following(self.reached, 0);
    }

    /// The id of the last row read and its position, from 1; nothing if its id cannot be told.
    #[must_use]
    pub fn last_read(&self) -> Option<(i64, u64)> {
        let (id, _) = self.tail.last().filter(|_| self.nameless == 0)?;
        Some((*id, self.reached))
    }

    /// Takes up a stored walk: the next page must share a row with what was read before the stop.
    pub fn resume(&mut self) {
        if self.pages_read > 0 && self.ended.is_none() {
            self.must_share = true;
            self.aim();
        }
    }

    /// Takes in the page that [`Walk::window`] asked for.
    pub fn absorb<T: Listed>(&mut self, page: &Page<T>) -> Turn {
        let past_the_end = page.window.page > page.pages.max(1);
        if past_the_end || !self.continues_with(page) {
            if !past_the_end && self.was_pushed_down(page) {
                return self.step_forward(page.window.end());
            }
            return self.step_back(page.window.start());
        }
        self.accept(page);
        match page.list_length() {
            Some(length) if page.window.limit > 1 || page.pages <= page.window.page => {
                self.ended = Some(length);
                Turn::End { length }
            }
            _ => {
                self.aim();
                Turn::Next
            }
        }
    }

    /// The page asked for is not there any more: the list has become shorter.
    pub fn past_the_end(&mut self) -> Turn {
        self.step_back(self.window.start())
    }

    /// Whether every row between the pages read so far is known to have been met.
    fn continues_with<T: Listed>(&self, page: &Page<T>) -> bool {
        let required = self.must_share || self.spacing == Spacing::Overlapping;
        self.pages_read == 0 || !required || rows(page).any(|row| self.tail.contains(&row))
    }

    /// Whether what was read last stands below the page: so many rows have come to the head of the list since.
    fn was_pushed_down<T: Listed>(&self, page: &Page<T>) -> bool {
        let newest_first = self.evidence.suggests() == ListOrder::NewestFirst;
        let last = page.readable().next_back().and_then(Listed::moment);
        newest_first && last > self.evidence.last_time()
    }

    fn accept<T: Listed>(&mut self, page: &Page<T>) {
        self.started_at.get_or_insert(page.date);
        // What stands above a row that was read before was read too, or has come there since: it says nothing of the order.
        let was_read = |item| row(item).is_some_and(|row| self.tail.contains(&row));
        let above = page.items.iter().rposition(was_read);
        let below = above.map_or(0, |place| place + 1);
        for item in page.items.iter().skip(below).flatten() {
            if let Some(moment) = item.moment()
                && !self.tail.iter().any(|(id, _)| *id == item.id())
            {
                self.evidence.add(item.id(), moment);
            }
        }
        // Two pages' worth, so that a step back by one page still finds what it fits to.
        let keep = (2 * MOST_PER_PAGE as usize).saturating_sub(page.items.len());
        let surplus = self.tail.len().saturating_sub(keep);
        self.tail.drain(..surplus);
        self.tail.extend(rows(page));
        self.nameless = page
            .items
            .iter()
            .rev()
            .take_while(|item| id(item).is_none())
            .count() as u64;
        self.pages_read += 1;
        // Only a page that leads farther ends a row of steps back: rows that trade places between two requests would
        // otherwise keep a walk going back and forth for ever.
        if page.window.end() > self.farthest {
            self.farthest = page.window.end();
            self.steps_back = 0;
        }
        self.reached = page.window.end();
        self.must_share = false;
    }

    /// Such steps come to an end with the list.
    fn step_forward(&mut self, to: u64) -> Turn {
        self.must_share = true;
        self.window = full_page_at(to);
        Turn::Disjoint
    }

    fn step_back(&mut self, from: u64) -> Turn {
        self.steps_back += 1;
        if from == 0 || self.steps_back > MOST_STEPS_BACK {
            return Turn::Lost;
        }
        self.must_share = true;
        self.window = full_page_at(from - 1);
        Turn::Disjoint
    }

    /// Sets the window that follows on what was read.
    fn aim(&mut self) {
        if self.spacing == Spacing::Abutting && !self.must_share {
            self.window = following(self.reached, 0);
            return;
        }
        let beyond_the_nameless = following(self.reached, 1 + self.nameless);
        self.window = if beyond_the_nameless.end() > self.reached {
            beyond_the_nameless
        } else {
            following(self.reached, 1)
        };
    }
}

/// The rows in the list's order, by id and time; those of rejects included where an id could be read.
fn rows<T: Listed>(page: &Page<T>) -> impl Iterator<Item = (i64, Option<Timestamp>)> {
    page.items.iter().filter_map(row)
}

fn row<T: Listed>(item: &Result<T, Reject>) -> Option<(i64, Option<Timestamp>)> {
    let moment = item.as_ref().ok().and_then(Listed::moment);
    Some((id(item)?, moment))
}

fn id<T: Listed>(item: &Result<T, Reject>) -> Option<i64> {
    match item {
        Ok(item) => Some(item.id()),
        Err(reject) => reject.item_id,
    }
}

/// The window that begins at least `overlap` rows before position `reached` (and not behind it) and ends farthest on.
fn following(reached: u64, overlap: u64) -> Window {
    let latest_start = reached.saturating_sub(overlap);
    let window_of = |limit: u32| Window {
        page: u32::try_from(latest_start / u64::from(limit) + 1).unwrap_or(u32::MAX),
        limit,
    };
    (1..=MOST_PER_PAGE)
        .map(window_of)
        .max_by_key(|window| (window.end(), window.limit))
        .unwrap_or(Window::FIRST)
}

/// Where to begin looking for news in a list whose newest items are last and of which `stored` are known:
/// the page that holds the last known one.
#[must_use]
pub fn update_start(stored: u64) -> Window {
    full_page_at(stored.saturating_sub(1))
}

/// The page of full size that shows position `position`.
fn full_page_at(position: u64) -> Window {
    let pages_before = position / u64::from(MOST_PER_PAGE);
    Window {
        page: u32::try_from(pages_before + 1).unwrap_or(u32::MAX),
        limit: MOST_PER_PAGE,
    }
}

#[cfg(test)]
mod tests;
