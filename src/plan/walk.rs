//! A walk: one list read page by page. It knows what to ask for next, and whether rows slipped between two pages.
//!
//! While a list is read it changes. A row that leaves it pulls the rows behind it forward, over the seam
//! between two pages, unseen. So the pages of a walk overlap: the next one begins inside the one before, and
//! if the two share no row, the walk steps back. Where that would cost too much, pages abut and counts decide.

use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::clock::Timestamp;
use crate::model::{Listed, MOST_PER_PAGE, Page, Window};

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
    /// The list's end was reached; it had this many items then.
    End {
        /// The exact length.
        length: u64,
    },
    /// The pages no longer fit together: begin again.
    Lost,
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
    /// The ids of the last rows read: what the next page must share one of.
    tail: Vec<i64>,
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

    /// Lets the pages abut from here on. No row may have slipped between the page before and the count that proves them:
    /// none did if `shown`, the row that stood at [`Walk::reached`] when the list was counted, is the last one read.
    /// Otherwise the next page still overlaps.
    pub fn abut(&mut self, shown: Option<i64>) {
        self.spacing = Spacing::Abutting;
        self.must_share = shown.is_none() || shown != self.tail.last().copied();
        self.window = following(self.reached, u64::from(self.must_share));
    }

    /// The position of the last row read, from 1.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.reached
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
        self.pages_read == 0 || !required || ids(page).any(|id| self.tail.contains(&id))
    }

    fn accept<T: Listed>(&mut self, page: &Page<T>) {
        self.started_at.get_or_insert(page.date);
        for item in page.readable() {
            if let Some(moment) = item.moment()
                && !self.tail.contains(&item.id())
            {
                self.evidence.add(item.id(), moment);
            }
        }
        // Two pages' worth, so that a step back by one page still finds what it fits to.
        let keep = (2 * MOST_PER_PAGE as usize).saturating_sub(page.items.len());
        let surplus = self.tail.len().saturating_sub(keep);
        self.tail.drain(..surplus);
        self.tail.extend(ids(page));
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

    fn step_back(&mut self, from: u64) -> Turn {
        self.steps_back += 1;
        if from == 0 || self.steps_back > MOST_STEPS_BACK {
            return Turn::Lost;
        }
        self.must_share = true;
        self.window = full_page_at(from - 1);
        Turn::Next
    }

    /// Sets the window that follows on what was read.
    fn aim(&mut self) {
        self.window = match (self.spacing, self.must_share) {
            (Spacing::Overlapping, _) => following(self.reached, 1),
            (Spacing::Abutting, false) => following(self.reached, 0),
            // Taken up after a stop: behind the full page that holds the last row read, full pages can abut.
            (Spacing::Abutting, true) => full_page_at(self.reached.saturating_sub(1)),
        };
    }
}

/// Readable ids in the list's order, those of rejects included where they could be read.
fn ids<T: Listed>(page: &Page<T>) -> impl Iterator<Item = i64> {
    page.items.iter().filter_map(|item| match item {
        Ok(item) => Some(item.id()),
        Err(reject) => reject.item_id,
    })
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
