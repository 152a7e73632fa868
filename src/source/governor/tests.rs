//! What the governor promises, on a clock that is told what time it is.

mod locks;

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

fn set_back(clock: &Clock, span: Duration) {
    if let Clock::Simulated(millis) = clock {
        let span = i64::try_from(span.as_millis()).unwrap();
        millis.fetch_sub(span, std::sync::atomic::Ordering::SeqCst);
    }
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
async fn a_clock_that_is_set_back_stops_nobody_for_long() {
    let (governor, clock) = paced(2);
    send(&governor, &clock).await;
    send(&governor, &clock).await;
    set_back(&clock, MINUTE * 60);
    let start = clock.now();
    send(&governor, &clock).await;
    assert!(clock.now().since(start) <= WINDOW);
}

#[tokio::test]
async fn nor_where_one_is_under_way_when_it_is_set_back() {
    let (governor, clock) = paced(2);
    send(&governor, &clock).await;
    let under_way = governor.admit().await.unwrap();
    set_back(&clock, MINUTE * 180);
    let start = clock.now();
    drop(under_way);
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
