//! What a lock does to the pace, to what others leave, and to the next process.

use std::time::Duration;

use super::super::{Governor, Locked};
use super::{MINUTE, most_in_a_minute, paced, send, set_back};
use crate::clock::Clock;

/// The source locks for a minute after so many requests.
async fn is_locked_after(requests: u32, governor: &Governor, clock: &Clock) {
    for _ in 0..requests {
        send(governor, clock).await;
    }
    governor.lock(clock.now().plus(MINUTE));
}

#[tokio::test]
async fn a_lock_turns_everybody_away_at_once() {
    let (governor, clock) = paced(60);
    let until = clock.now().plus(MINUTE);
    governor.lock(until);
    assert_eq!(governor.admit().await.unwrap_err(), Locked { until });
    assert_eq!(clock.now().plus(MINUTE), until, "and nobody waited");
    clock.advance(MINUTE);
    assert!(governor.admit().await.is_ok());
}

#[tokio::test]
async fn a_lock_reaches_those_who_wait() {
    let (governor, clock) = paced(1);
    drop(governor.admit().await.unwrap());
    let until = clock.now().plus(MINUTE * 5);
    let waiting = governor.admit();
    let locking = async { governor.lock(until) };
    let (waited, ()) = tokio::join!(waiting, locking);
    assert_eq!(waited.unwrap_err(), Locked { until });
    assert!(clock.now() < until);
}

#[test]
fn locks_in_a_row_last_longer_each_time() {
    let (governor, clock) = paced(60);
    let mut spans = Vec::new();
    for _ in 0..14 {
        let span = governor.next_lock();
        spans.push(span.as_secs());
        governor.lock(clock.now().plus(span));
        assert_eq!(
            governor.next_lock(),
            span,
            "a second answer tells of the same lock"
        );
        governor.served();
        clock.advance(span);
    }
    assert_eq!(spans[..3], [60, 120, 180]);
    assert_eq!(spans[10..], [660, 720, 720, 720]);
    governor.served();
    assert_eq!(governor.next_lock(), MINUTE);
}

#[test]
fn the_pace_falls_with_a_lock_and_comes_back_slowly() {
    let (governor, clock) = paced(120);
    governor.lock(clock.now().plus(MINUTE));
    governor.lock(clock.now().plus(MINUTE));
    assert_eq!(governor.state().pace, 60);
    clock.advance(MINUTE);
    assert_eq!(governor.state().pace, 60, "a lock is no time to recover in");
    clock.advance(MINUTE);
    assert_eq!(governor.state().pace, 66);
    clock.advance(MINUTE * 30);
    assert_eq!(governor.state().pace, 120);
}

#[test]
fn the_state_outlives_the_process() {
    let (governor, clock) = paced(120);
    let until = clock.now().plus(MINUTE);
    governor.lock(until);
    let kept = serde_json::to_string(&governor.state()).unwrap();
    let next = Governor::new(120, clock.clone());
    next.restore(&serde_json::from_str(&kept).unwrap());
    assert_eq!(next.locked_until(), Some(until));
    assert_eq!(next.state(), governor.state());
    clock.advance(MINUTE);
    assert_eq!(next.locked_until(), None);
}

#[test]
fn a_lock_does_not_outlast_its_word_where_the_clock_is_set_back() {
    let (governor, clock) = paced(120);
    governor.lock(clock.now().plus(MINUTE));
    clock.advance(MINUTE / 2);
    assert!(governor.locked_until().is_some());
    set_back(&clock, MINUTE * 180);
    let left = governor.locked_until().unwrap().since(clock.now());
    assert_eq!(left, MINUTE / 2);
    clock.advance(left);
    assert_eq!(governor.locked_until(), None);
    clock.advance(MINUTE * 20);
    assert_eq!(
        governor.room().a_minute,
        Some(120),
        "and the pace comes back"
    );
}

#[test]
fn nor_does_one_that_a_restart_finds() {
    let (governor, clock) = paced(120);
    governor.lock(clock.now().plus(MINUTE));
    let state = governor.state();
    set_back(&clock, MINUTE * 60 * 24 * 365);
    let next = Governor::new(120, clock.clone());
    next.restore(&state);
    assert_eq!(next.locked_until(), Some(clock.now().plus(MINUTE)));
    clock.advance(MINUTE * 21);
    assert_eq!(next.room().a_minute, Some(120));
}

#[tokio::test]
async fn another_ceiling_leaves_as_many_to_others() {
    let (governor, clock) = paced(120);
    is_locked_after(81, &governor, &clock).await;
    let state = governor.state();
    clock.advance(MINUTE * 30);
    for ceiling in [180, 120, 70] {
        let next = Governor::new(ceiling, clock.clone());
        next.restore(&state);
        clock.advance(MINUTE * 30);
        let a_minute = next.room().a_minute.unwrap();
        assert!((66..=68).contains(&a_minute), "{a_minute} of {ceiling}");
    }
}

#[test]
fn relapses_are_forgotten_by_the_hour_and_not_by_a_restart() {
    let (governor, clock) = paced(120);
    for _ in 0..3 {
        governor.lock(clock.now().plus(MINUTE));
        clock.advance(MINUTE * 2);
    }
    clock.advance(MINUTE * 61);
    let next = Governor::new(120, clock.clone());
    next.restore(&governor.state());
    assert_eq!(next.state(), governor.state());
}

#[test]
fn a_ceiling_that_is_raised_is_used_at_once() {
    let (governor, clock) = paced(60);
    let next = Governor::new(180, clock.clone());
    next.restore(&governor.state());
    assert_eq!(next.room().a_minute, Some(180));
    governor.lock(clock.now().plus(MINUTE));
    next.restore(&governor.state());
    assert_eq!(next.room().a_minute, Some(30), "but not after a lock");
}

/// Others take 165 of 180 a minute, evenly, and nothing while locked; the mirror all that it may. A lock comes with the request that is too much.
#[tokio::test]
async fn others_who_take_nearly_all_are_seldom_locked() {
    let (governor, clock) = paced(180);
    let mut locks = Vec::new();
    let begun = clock.now();
    while clock.now().since(begun) < MINUTE * 60 * 12 {
        let Ok(slot) = governor.admit().await else {
            clock.advance(Duration::from_secs(5));
            continue;
        };
        drop(slot);
        if governor.room().used > 15 {
            governor.lock(clock.now().plus(MINUTE));
            locks.push(clock.now());
        }
    }
    assert!(locks.len() < 36, "{} locks in twelve hours", locks.len());
}

#[tokio::test]
async fn a_lock_without_own_fault_shows_what_others_leave() {
    let (governor, clock) = paced(180);
    is_locked_after(121, &governor, &clock).await;
    let state = governor.state();
    assert_eq!(
        state.left_by_others(180, clock.now()),
        Some(101),
        "85 % of 120"
    );
    clock.advance(Duration::from_mins(21));
    assert_eq!(
        governor.room().a_minute,
        Some(101),
        "and the pace recovers no further"
    );
    let next = Governor::new(180, clock.clone());
    next.restore(&serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap());
    clock.advance(Duration::from_mins(21));
    assert_eq!(next.room().a_minute, Some(101), "nor after a restart");
    clock.advance(Duration::from_hours(24));
    let a_day_later = governor.room().a_minute.unwrap();
    assert!(
        (110..120).contains(&a_day_later),
        "{a_day_later}: a constant competitor is not met again within a day"
    );
    clock.advance(Duration::from_hours(48));
    assert_eq!(
        governor.room().a_minute,
        Some(180),
        "and one that has gone leaves everything"
    );
    assert_eq!(governor.state().left_by_others(180, clock.now()), None);
}

#[tokio::test]
async fn a_lock_after_hardly_a_request_shows_nothing() {
    let (governor, clock) = paced(180);
    is_locked_after(10, &governor, &clock).await;
    assert_eq!(governor.state().share, None);
}

#[tokio::test]
async fn a_small_share_holds_for_any_minute() {
    let (governor, clock) = paced(180);
    is_locked_after(61, &governor, &clock).await;
    clock.advance(MINUTE * 30);
    let mut sent = Vec::new();
    for _ in 0..300 {
        sent.push(send(&governor, &clock).await);
    }
    let most = most_in_a_minute(&sent);
    assert!(
        (85..=91).contains(&most),
        "{most}: half of the ceiling, for one lock may come by chance"
    );
}
