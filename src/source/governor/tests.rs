//! What the governor promises, on a clock that is told what time it is.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use futures_util::future::join_all;

use super::book::WINDOW;
use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn paced(ceiling: u32) -> (Governor, Clock) {
    let clock = Clock::simulated(at(1_700_000_000_000));
    (Governor::new(ceiling, clock.clone()), clock)
}

/// The `step`th number of the sequence `seed`, below `bound`.
fn random(seed: u64, step: u64, bound: u64) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, step)) % bound
}

fn most_in_a_minute(sent: &[Timestamp]) -> usize {
    let in_minute_of = |first: &Timestamp| {
        let minute = *first..first.plus(MINUTE);
        sent.iter().filter(|sent| minute.contains(sent)).count()
    };
    sent.iter().map(in_minute_of).max().unwrap_or(0)
}

async fn send(governor: &Governor, clock: &Clock) -> Timestamp {
    let slot = governor.admit().await.unwrap();
    let sent = clock.now();
    drop(slot);
    sent
}

#[tokio::test]
async fn no_minute_has_more_than_the_ceiling() {
    for seed in 0..40 {
        let ceiling = [1, 2, 5, 7, 60, 180][usize::try_from(seed % 6).unwrap()];
        let (governor, clock) = paced(ceiling);
        let mut sent = Vec::new();
        for step in 0..300 {
            match random(seed, step, 12) {
                0 => clock.advance(Duration::from_millis(random(seed, step + 1000, 90_000))),
                1..4 => clock.advance(Duration::from_millis(random(seed, step + 1000, 900))),
                4 => {
                    let callers = (0..6).map(|_| send(&governor, &clock));
                    sent.extend(join_all(callers).await);
                }
                _ => sent.push(send(&governor, &clock).await),
            }
        }
        let most = most_in_a_minute(&sent);
        assert!(most <= ceiling as usize, "seed {seed}: {most} of {ceiling}");
    }
}

#[tokio::test]
async fn no_minute_has_more_across_restarts() {
    for seed in 0..20 {
        let (mut governor, clock) = paced(60);
        let mut sent = Vec::new();
        for step in 0..400 {
            if random(seed, step, 25) == 0 {
                let state = serde_json::to_string(&governor.state()).unwrap();
                governor = Governor::new(60, clock.clone());
                governor.restore(&serde_json::from_str(&state).unwrap());
            }
            sent.push(send(&governor, &clock).await);
        }
        assert!(most_in_a_minute(&sent) <= 60, "seed {seed}");
    }
}

#[tokio::test]
async fn the_budget_is_used() {
    let (governor, clock) = paced(120);
    let start = clock.now();
    for _ in 0..5 {
        assert_eq!(
            send(&governor, &clock).await,
            start,
            "a short pass does not wait"
        );
    }
    for _ in 5..1200 {
        send(&governor, &clock).await;
    }
    let took = clock.now().since(start);
    assert!(took < MINUTE * 10 + Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn without_a_ceiling_nobody_waits() {
    let (governor, clock) = paced(0);
    let start = clock.now();
    for _ in 0..1000 {
        drop(governor.admit().await.unwrap());
    }
    assert_eq!(clock.now(), start);
    governor.lock(start.plus(MINUTE));
    assert!(governor.admit().await.is_err(), "a lock holds all the same");
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

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nobody_for_long() {
    let (governor, clock) = paced(2);
    send(&governor, &clock).await;
    send(&governor, &clock).await;
    if let Clock::Simulated(millis) = &clock {
        millis.fetch_sub(3_600_000, std::sync::atomic::Ordering::SeqCst);
    }
    let start = clock.now();
    send(&governor, &clock).await;
    assert!(clock.now().since(start) <= WINDOW);
}

#[tokio::test]
async fn no_minute_of_the_source_has_more_however_late_requests_arrive() {
    for seed in 0..40 {
        let ceiling = [1, 2, 5, 7, 60, 180][usize::try_from(seed % 6).unwrap()];
        let (governor, clock) = paced(ceiling);
        let mut under_way: Vec<(Slot, Timestamp)> = Vec::new();
        let mut arrived = Vec::new();
        for step in 0..600 {
            let full = under_way.len() >= (ceiling as usize).min(4);
            if full || random(seed, step, 3) == 0 {
                if !under_way.is_empty() {
                    let place = random(seed, step + 1, under_way.len() as u64);
                    let (slot, sent) = under_way.swap_remove(usize::try_from(place).unwrap());
                    // Some are quick, some hang for minutes; the source sees each at some moment on its way.
                    let most =
                        [300, 3000, 200_000][usize::try_from(random(seed, step + 2, 3)).unwrap()];
                    clock.advance(Duration::from_millis(random(seed, step + 3, most)));
                    let way = u64::try_from(clock.now().since(sent).as_millis()).unwrap();
                    arrived.push(sent.plus(Duration::from_millis(random(seed, step + 4, way + 1))));
                    drop(slot);
                }
            } else {
                let slot = governor.admit().await.unwrap();
                under_way.push((slot, clock.now()));
            }
        }
        arrived.sort_unstable();
        let most = most_in_a_minute(&arrived);
        assert!(most <= ceiling as usize, "seed {seed}: {most} of {ceiling}");
    }
}

#[tokio::test]
async fn a_request_that_hangs_keeps_its_place() {
    let (governor, clock) = paced(2);
    let hanging = governor.admit().await.unwrap();
    drop(governor.admit().await.unwrap());
    clock.advance(MINUTE * 3);
    let _second = governor.admit().await.unwrap();
    let start = clock.now();
    let waiting = async { (governor.admit().await.unwrap(), clock.now()) };
    let ending = async {
        tokio::task::yield_now().await;
        drop(hanging);
    };
    let ((_third, at), ()) = tokio::join!(waiting, ending);
    assert!(at.since(start) >= MINUTE, "{start} to {at}");
}

#[tokio::test]
async fn a_lock_without_own_fault_shows_what_others_leave() {
    let (governor, clock) = paced(180);
    for _ in 0..121 {
        send(&governor, &clock).await;
    }
    governor.lock(clock.now().plus(MINUTE));
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
    for _ in 0..10 {
        send(&governor, &clock).await;
    }
    governor.lock(clock.now().plus(MINUTE));
    assert_eq!(governor.state().share, None);
}

#[tokio::test]
async fn a_small_share_holds_for_any_minute() {
    let (governor, clock) = paced(180);
    for _ in 0..61 {
        send(&governor, &clock).await;
    }
    governor.lock(clock.now().plus(MINUTE));
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
