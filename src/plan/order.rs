//! In which order a list stands: nobody documents it, so it is learned, with evidence, and doubted ever after.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How a list is ordered, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    /// Not enough was seen.
    #[default]
    Unknown,
    /// By time of change, the latest first: a walk may stop early.
    NewestFirst,
    /// By time of change, the latest last.
    OldestFirst,
    /// Some other order, or none.
    Other,
}

/// Rows that a whole walk must have shown before an order counts as learned. Below it, chance and small
/// accounts imitate every order; the number was found by trying random accounts in a model.
const ENOUGH_ROWS: u64 = 40;

/// What the rows of a walk say of their list's order; rows are added in the list's own order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, each refuted by itself"
)]
pub struct Evidence {
    /// Rows seen, repeats left out.
    pub rows: u64,
    last: Option<(Timestamp, i64)>,
    times_never_rise: bool,
    times_never_fall: bool,
    ids_never_rise: bool,
    ids_never_fall: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            rows: 0,
            last: None,
            times_never_rise: true,
            times_never_fall: true,
            ids_never_rise: true,
            ids_never_fall: true,
        }
    }
}

impl Evidence {
    /// Takes in the next row, by its id and its time of change. Repeats must be left out by the caller.
    pub fn add(&mut self, id: i64, time: Timestamp) {
        if let Some((last_time, last_id)) = self.last {
            self.times_never_rise &= time <= last_time;
            self.times_never_fall &= time >= last_time;
            self.ids_never_rise &= id <= last_id;
            self.ids_never_fall &= id >= last_id;
        }
        self.last = Some((time, id));
        self.rows += 1;
    }

    /// The time of the row that came last.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.last.map(|(time, _)| time)
    }

    /// The order that a *whole* walk's rows prove.
    ///
    /// A list by id looks ordered by time until an old chat gets a message, so times prove an order only
    /// where neither id order explains the same rows.
    #[must_use]
    pub fn of_whole_walk(&self) -> ListOrder {
        let by_id = self.ids_never_rise || self.ids_never_fall;
        match (self.times_never_rise, self.times_never_fall) {
            (false, false) => ListOrder::Other,
            _ if self.rows < ENOUGH_ROWS || by_id => ListOrder::Unknown,
            (true, false) => ListOrder::NewestFirst,
            (false, true) => ListOrder::OldestFirst,
            (true, true) => ListOrder::Unknown,
        }
    }

    /// The order that the rows of one message list suggest: good enough to choose where to begin
    /// reading, where a count decides whether the reading may be believed.
    #[must_use]
    pub fn suggests(&self) -> ListOrder {
        match (self.times_never_rise, self.times_never_fall) {
            (true, true) => ListOrder::Unknown,
            (true, false) => ListOrder::NewestFirst,
            (false, true) => ListOrder::OldestFirst,
            (false, false) => ListOrder::Other,
        }
    }

    /// Whether the rows forbid that their list is ordered by time, the latest first.
    #[must_use]
    pub fn contradicts_newest_first(&self) -> bool {
        !self.times_never_rise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(rows: impl IntoIterator<Item = (i64, i64)>) -> Evidence {
        let mut evidence = Evidence::default();
        for (id, second) in rows {
            evidence.add(id, Timestamp::from_millis(second * 1000).unwrap());
        }
        evidence
    }

    /// Ids that neither rise nor fall.
    fn mixed(id: i64) -> i64 {
        (id * 7) % 41
    }

    #[test]
    fn forty_rows_by_time_that_no_id_order_explains_prove_it() {
        let falling = evidence((0..40).map(|n| (mixed(n), 1000 - n)));
        assert_eq!(falling.of_whole_walk(), ListOrder::NewestFirst);
        let rising = evidence((0..40).map(|n| (mixed(n), n)));
        assert_eq!(rising.of_whole_walk(), ListOrder::OldestFirst);
    }

    #[test]
    fn too_few_rows_prove_nothing() {
        let falling = evidence((0..39).map(|n| (mixed(n), 1000 - n)));
        assert_eq!(falling.of_whole_walk(), ListOrder::Unknown);
    }

    #[test]
    fn rows_that_an_id_order_explains_prove_nothing() {
        let by_id = evidence((0..40).map(|n| (100 - n, 1000 - n)));
        assert_eq!(by_id.of_whole_walk(), ListOrder::Unknown);
        let by_rising_id = evidence((0..40).map(|n| (n, 1000 - n)));
        assert_eq!(by_rising_id.of_whole_walk(), ListOrder::Unknown);
    }

    #[test]
    fn one_row_out_of_order_refutes_it() {
        let mut rows = evidence((0..40).map(|n| (mixed(n), 1000 - n)));
        rows.add(7, Timestamp::from_millis(5_000_000).unwrap());
        assert_eq!(rows.of_whole_walk(), ListOrder::Other);
        assert!(rows.contradicts_newest_first());
    }

    #[test]
    fn one_moment_for_all_proves_nothing() {
        let ties = evidence((0..60).map(|n| (mixed(n), 5)));
        assert_eq!(ties.of_whole_walk(), ListOrder::Unknown);
        assert!(!ties.contradicts_newest_first());
    }
}
