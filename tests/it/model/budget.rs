//! The budget's judge, I5: no request while locked, and no more than the ceiling in any minute. Where others use the same
//! token the mirror cannot help running into a lock, only asking again in it.

use std::time::Duration;

use chatmirror::simulator::{Request, Simulator};

use super::ground::Ground;

const MINUTE: Duration = Duration::from_mins(1);

/// Judges every request so far. `shared`: whether others use the token. `killed_after`: how many requests had been made when
/// a process was killed. What it had under way may reach the source only after the next process has waited its minute: here that
/// minute passes at once. And of a lock whose answer it was killed over the next process knows nothing, and asks once more.
pub fn holds(
    simulator: &Simulator,
    ground: &Ground,
    shared: bool,
    killed_after: &[u64],
) -> Result<(), String> {
    let requests = simulator.requests();
    stops_at_locks(&requests, ground.in_flight, shared, killed_after)?;
    waits_a_minute_unsaid(&requests, ground.in_flight, killed_after)?;
    let busiest = simulator.busiest_minute();
    let under_way = if killed_after.is_empty() {
        0
    } else {
        ground.in_flight
    };
    if ground.ceiling > 0 && busiest > ground.ceiling as usize + under_way {
        return Err(format!("I5: {busiest} requests in a minute"));
    }
    Ok(())
}

fn stops_at_locks(
    requests: &[Request],
    in_flight: usize,
    shared: bool,
    killed_after: &[u64],
) -> Result<(), String> {
    // What was on its way when the lock fell could not be held back.
    let (mut late, mut on_their_way) = (0, in_flight - 1);
    for (place, request) in requests.iter().enumerate() {
        let last_answers = &requests[place.saturating_sub(in_flight)..place];
        let lock_unheard = was_killed_over(&requests[..place], in_flight, killed_after)
            && last_answers.iter().any(|answer| answer.status == 423);
        if !request.while_locked {
            (late, on_their_way) = (0, in_flight - 1);
        } else if lock_unheard {
            (late, on_their_way) = (1, in_flight);
        } else {
            late += 1;
        }
        if request.method != "GET" || late > on_their_way || (request.over_limit && !shared) {
            return Err(format!("I5: {request:?}, request {place}"));
        }
    }
    Ok(())
}

/// Whether a process was killed that may have had the last of these requests under way. When it was killed the source need not have
/// seen them yet; but if it had answered one with a lock by then, it was that one, and what follows comes from the next process.
fn was_killed_over(made: &[Request], in_flight: usize, killed_after: &[u64]) -> bool {
    let at_least = made.len().saturating_sub(in_flight);
    (at_least..=made.len()).any(|seen| {
        let last_seen = &made[seen.saturating_sub(in_flight)..seen];
        let unseen = seen == made.len() || last_seen.iter().all(|answer| answer.status != 423);
        unseen && killed_after.contains(&(seen as u64))
    })
}

/// A lock that does not say how long it lasts lasts a minute.
fn waits_a_minute_unsaid(
    requests: &[Request],
    in_flight: usize,
    killed_after: &[u64],
) -> Result<(), String> {
    let is_unsaid =
        |answer: &Request| answer.status == 423 && !answer.over_limit && !answer.while_locked;
    let early = requests.windows(2).zip(1..).find(|(pair, made)| {
        is_unsaid(&pair[0])
            && in_flight == 1
            && !was_killed_over(&requests[..*made], in_flight, killed_after)
            && pair[1].at.since(pair[0].at) < MINUTE
    });
    early.map_or(Ok(()), |(pair, _)| {
        Err(format!("I5: {:?} right after {:?}", pair[1], pair[0]))
    })
}
