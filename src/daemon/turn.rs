//! A pass's turn: what it may spend, and how long it has the daemon to itself before it makes room for the next look.

use std::time::Duration;

use tokio::sync::watch;

use super::mirror::Mirror;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::pass::{Audit, Phase, Progress};
use crate::plan::Purse;

/// A source without a ceiling is not asked more often than this a minute for what nobody waits for.
const UNPACED: u32 = 600;

/// News of an account whose lists take long to walk come by peeks beside the walk; so long at most they wait for the chats after it.
const LONGEST_TURN: Duration = Duration::from_mins(5);

/// Returns once the next look is due and the pass has had its turn at its chats: a pass that gave way before that would hardly
/// come to them where walking the lists takes longer than it is from look to look. So its turn is as long as the lists took, and
/// it has read something; what a peek beside the lists reads does not count. A pass gives way between two answers, so it is enough to look at the
/// clock whenever it tells of one.
pub(super) async fn due_and_read(clock: &Clock, at: Timestamp, progress: &watch::Sender<Progress>) {
    let begun = clock.now();
    let mut watched = progress.subscribe();
    let (mut lists, mut turn) = (None, None);
    let read = watched.wait_for(|progress| {
        let now = clock.now();
        if progress.phase == Phase::Lists {
            lists.get_or_insert(now);
        }
        if !matches!(progress.phase, Phase::Messages | Phase::Audit) {
            turn = None;
            return false;
        }
        let read = (progress.chats_read, progress.messages_read);
        let (phase, since, before) = *turn.get_or_insert((progress.phase, now, read));
        if phase != progress.phase {
            // What is read again has a turn of its own.
            turn = Some((progress.phase, now, read));
            return false;
        }
        let its_turn = lists.map_or(Duration::ZERO, |lists| since.since(lists));
        // Set back in the middle of a pass, the clock would come to those moments who knows when.
        let is_due = now >= at || now < begun;
        let had_turn = now.since(since) >= its_turn.min(LONGEST_TURN) || now < since;
        read != before && is_due && had_turn
    });
    // The sender outlives the pass, so this only ends because something was read.
    let _ = read.await;
}

/// What the budget holds at present.
pub(super) fn purse(mirror: &Mirror) -> Purse {
    let room = mirror.room();
    Purse {
        allowed: room.a_minute,
        used: room.used,
    }
}

/// What may be spent on re-reading until the next look.
pub(super) fn spare(config: &Config, purse: Purse, till_next: Duration) -> Option<Audit> {
    Some(Audit {
        requests: purse.spare(till_next, UNPACED),
        horizon: config.audit.horizon()?,
    })
}
