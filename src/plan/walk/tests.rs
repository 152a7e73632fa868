//! Walks through lists that change under them.

use super::*;
use crate::model::Reject;

/// An item that is nothing but its id.
struct Item(i64);

impl Listed for Item {
    fn id(&self) -> i64 {
        self.0
    }

    fn moment(&self) -> Option<Timestamp> {
        Timestamp::from_millis(-self.0 * 1000)
    }
}

/// What a source answers for `window` while its list is `list`.
fn page(list: &[i64], window: Window) -> Page<Item> {
    let items: Vec<Result<Item, Reject>> = list
        .iter()
        .skip(usize::try_from(window.start()).unwrap())
        .take(window.limit as usize)
        .map(|id| Ok(Item(*id)))
        .collect();
    Page {
        window,
        pages: u32::try_from(list.len()).unwrap().div_ceil(window.limit),
        date: Timestamp::from_millis(0).unwrap(),
        items,
        drift: Vec::new(),
    }
}

/// Walks `list`, letting `change` happen before each page, and gives the ids met and the last turn.
fn walk_through(
    walk: &mut Walk,
    list: &mut Vec<i64>,
    mut change: impl FnMut(u32, &mut Vec<i64>),
) -> (Vec<i64>, Turn) {
    let mut met = Vec::new();
    for request in 0..1000 {
        change(request, list);
        let page = page(list, walk.window());
        met.extend(page.readable().map(Item::id));
        match walk.absorb(&page) {
            Turn::Next | Turn::Disjoint => {}
            turn => {
                met.sort_unstable();
                met.dedup();
                return (met, turn);
            }
        }
    }
    panic!("the walk does not end");
}

#[test]
fn every_length_is_met_whole_by_either_spacing() {
    for length in 0..=140 {
        for spacing in [Spacing::Overlapping, Spacing::Abutting] {
            let mut list: Vec<i64> = (0..length).collect();
            let whole = list.clone();
            let (met, turn) = walk_through(&mut Walk::from_start(spacing), &mut list, |_, _| {});
            assert_eq!(met, whole);
            let length = u64::try_from(length).unwrap();
            assert_eq!(turn, Turn::End { length });
        }
    }
}

#[test]
fn abutting_pages_are_the_fewest() {
    let mut walk = Walk::from_start(Spacing::Abutting);
    walk_through(&mut walk, &mut (0..400).collect(), |_, _| {});
    assert_eq!(walk.pages_read, 20);
}

#[test]
fn overlap_is_free_for_short_lists_and_costs_about_a_third_on_long_ones() {
    let pages = |length| {
        let mut walk = Walk::from_start(Spacing::Overlapping);
        walk_through(&mut walk, &mut (0..length).collect(), |_, _| {});
        walk.pages_read
    };
    assert_eq!([pages(20), pages(38), pages(54)], [1, 2, 3]);
    assert!(pages(2000) <= 140, "{} pages", pages(2000));
}

#[test]
fn a_row_pulled_over_the_seam_is_met_all_the_same() {
    for request in 1..8 {
        for gone in 0..100 {
            let mut list: Vec<i64> = (0..100).collect();
            let mut walk = Walk::from_start(Spacing::Overlapping);
            let (met, turn) = walk_through(&mut walk, &mut list, |now, list| {
                if now == request {
                    list.retain(|id| *id != gone);
                }
            });
            assert!(matches!(turn, Turn::End { .. }), "{turn:?}");
            for id in (0..100).filter(|id| *id != gone) {
                assert!(
                    met.contains(&id),
                    "{id} was lost when {gone} went before request {request}"
                );
            }
        }
    }
}

#[test]
fn abutting_pages_lose_that_row_which_is_why_counts_decide_there() {
    let mut list: Vec<i64> = (0..100).collect();
    let mut walk = Walk::from_start(Spacing::Abutting);
    let (met, turn) = walk_through(&mut walk, &mut list, |now, list| {
        if now == 1 {
            list.remove(0);
        }
    });
    assert_eq!(turn, Turn::End { length: 99 });
    assert!(!met.contains(&20));
}

#[test]
fn pages_abut_at_once_behind_a_row_that_still_stands_there() {
    let mut list: Vec<i64> = (0..100).collect();
    let mut walk = Walk::from_start(Spacing::Overlapping);
    walk.absorb(&page(&list, walk.window()));
    assert_eq!(walk.last_read(), Some((19, 20)));
    walk.abut();
    assert_eq!(walk.window().start(), 20);
    let (met, turn) = walk_through(&mut walk, &mut list, |_, _| {});
    assert_eq!(turn, Turn::End { length: 100 });
    assert!((20..100).all(|id| met.contains(&id)));
    assert_eq!(walk.pages_read, 5);
}

#[test]
fn pages_reach_beyond_items_that_show_no_id() {
    for nameless in [15..20, 19..20, 37..39, 18..19] {
        let list: Vec<i64> = (0..70).collect();
        let mut walk = Walk::from_start(Spacing::Overlapping);
        let mut met = Vec::new();
        loop {
            let mut page = page(&list, walk.window());
            for item in &mut page.items {
                if nameless.contains(&item.as_ref().unwrap().0) {
                    let reject = Reject {
                        item_id: None,
                        raw: "null".to_owned(),
                        why: "it is null".to_owned(),
                    };
                    *item = Err(reject);
                }
            }
            met.extend(page.readable().map(Item::id));
            match walk.absorb(&page) {
                Turn::Next | Turn::Disjoint => assert!(walk.pages_read < 20),
                turn => break assert_eq!(turn, Turn::End { length: 70 }),
            }
        }
        let readable = list.iter().filter(|id| !nameless.contains(id));
        assert!(readable.into_iter().all(|id| met.contains(id)));
    }
}

#[test]
fn a_whole_page_gone_behind_is_stepped_over() {
    let mut list: Vec<i64> = (0..100).collect();
    let mut walk = Walk::from_start(Spacing::Overlapping);
    let (met, _) = walk_through(&mut walk, &mut list, |now, list| {
        if now == 2 {
            list.drain(..25);
        }
    });
    assert!((25..100).all(|id| met.contains(&id)));
}

#[test]
fn a_list_that_became_another_is_lost() {
    let mut list: Vec<i64> = (0..100).collect();
    let mut walk = Walk::from_start(Spacing::Overlapping);
    let (_, turn) = walk_through(&mut walk, &mut list, |now, list| {
        if now == 2 {
            *list = (1000..1100).collect();
        }
    });
    assert_eq!(turn, Turn::Lost);
}

#[test]
fn rows_that_trade_places_all_the_time_do_not_keep_a_walk_going() {
    let mut list: Vec<i64> = (0..60).collect();
    let mut walk = Walk::from_start(Spacing::Overlapping);
    let (_, turn) = walk_through(&mut walk, &mut list, |now, list| {
        if now >= 1 {
            list.reverse();
        }
    });
    assert_eq!(turn, Turn::Lost);
}

#[test]
fn a_list_that_ends_before_the_page_asked_for_is_walked_back() {
    let mut list: Vec<i64> = (0..100).collect();
    let mut walk = Walk::from_start(Spacing::Overlapping);
    let (met, turn) = walk_through(&mut walk, &mut list, |now, list| {
        if now == 3 {
            list.truncate(30);
        }
    });
    assert_eq!(turn, Turn::End { length: 30 });
    assert!((0..30).all(|id| met.contains(&id)));
}

#[test]
fn a_stored_walk_goes_on_from_a_row_it_knows() {
    for spacing in [Spacing::Overlapping, Spacing::Abutting] {
        let list: Vec<i64> = (0..100).collect();
        let mut walk = Walk::from_start(spacing);
        for _ in 0..2 {
            walk.absorb(&page(&list, walk.window()));
        }
        let stored = serde_json::to_string(&walk).unwrap();
        let mut walk: Walk = serde_json::from_str(&stored).unwrap();
        let reached = walk.reached;
        walk.resume();
        assert!(walk.window().start() < reached);
        assert!(walk.window().end() >= reached);
    }
}

#[test]
fn the_last_known_row_is_on_the_page_where_news_is_looked_for() {
    for stored in 1..100 {
        let window = update_start(stored);
        assert!(window.start() < stored && stored <= window.end());
    }
    assert_eq!(update_start(0), Window::FIRST);
}

/// A chat and when it changed, of a list that is ordered by that, the latest last.
struct Changed(i64, i64);

impl Listed for Changed {
    fn id(&self) -> i64 {
        self.0
    }

    fn moment(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.1)
    }
}

#[test]
fn a_row_that_moved_itself_joins_no_pages() {
    let page = |number: u32, rows: Vec<(i64, i64)>| Page {
        window: Window {
            page: number,
            limit: 20,
        },
        pages: 3,
        date: Timestamp::from_millis(0).unwrap(),
        items: rows
            .into_iter()
            .map(|(id, at)| Ok(Changed(id, at)))
            .collect(),
        drift: Vec::new(),
    };
    let mut walk = Walk::from_start(Spacing::Overlapping);
    let first = (0..20).map(|id| (id, id)).collect();
    assert_eq!(walk.absorb(&page(1, first)), Turn::Next);
    // Five chats have gone from before it, and one has changed and stands at the end: that was read, and these were not.
    let mut last: Vec<(i64, i64)> = (25..44).map(|id| (id, id)).collect();
    last.push((7, 100));
    assert_eq!(walk.absorb(&page(2, last)), Turn::Disjoint);
}
