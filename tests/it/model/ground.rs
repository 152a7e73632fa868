//! The ground of a history: how large the account is, and how its platform behaves where no document says.

use std::collections::BTreeSet;
use std::time::Duration;

use chatmirror::pass::Audit;
use chatmirror::simulator::{
    Account, Cause, ChatOrder, LockAnswer, MessageOrder, Options, PastTheEnd, Recipe, Ties,
    TimeFormat,
};
use fastrand::Rng;

use crate::support::noon;

/// Grounds that begin with a mirror: few, so that the file need not be made for each history.
const STANDING: u64 = 48;

/// How long an answer may take that comes, in real time.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a history begins with.
#[derive(Clone, Debug)]
pub struct Ground {
    /// A mirror of the account exists already; it is the same for all grounds of this number.
    pub standing: Option<u64>,
    pub recipe: Recipe,
    pub options: Options,
    /// Chats read side by side.
    pub in_flight: usize,
    /// Due chats held in memory at once.
    pub at_a_time: usize,
    /// The ceiling that the mirror is configured with.
    pub ceiling: u32,
    /// Requests are scarce: chats are left until they have settled.
    pub settled_only: bool,
    /// Whether news are looked for after every page of a long walk.
    pub peeks: bool,
    /// While a pass runs, another process wants one, too.
    pub crowded: bool,
    /// How long an answer may take, in real time.
    pub patience: Duration,
    /// What passes may spend on re-reading.
    pub audit: Option<Audit>,
}

impl Ground {
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x6772_6f75_6e64);
        let standing = (rng.u8(0..10) < 7).then(|| rng.u64(0..STANDING));
        let mut fixed = match standing {
            Some(number) => Rng::with_seed(number),
            None => rng.fork(),
        };
        let (chats, messages) = match standing {
            Some(number) if number % 3 < 2 => {
                let chats = fixed.usize(41..=66);
                (chats, chats + fixed.usize(0..60))
            }
            Some(_) => (fixed.usize(2..=5), fixed.usize(80..=260)),
            None => match rng.u8(0..10) {
                0 => (0, 0),
                1..7 => (rng.usize(1..=6), rng.usize(0..40)),
                7..9 => (rng.usize(7..=24), rng.usize(0..40)),
                _ => (rng.usize(41..=50), rng.usize(0..30)),
            },
        };
        let recipe = Recipe {
            seed: fixed.u64(..),
            chats,
            messages,
            until: noon(),
            days: fixed.u64(1..40),
            oddities: fixed.bool(),
        };
        let mut options = platform(&mut fixed);
        options.seed = rng.u64(..);
        options.keep_past = true;
        options.moved_by = causes(&mut rng);
        options.jitter = Duration::from_millis(if rng.bool() { rng.u64(0..900) } else { 0 });
        if rng.u8(0..12) == 0 {
            options.ties = Ties::Moving;
        }
        // No more than the least skew, so that all promises hold.
        if seed % 10 == 9 {
            options.lag = Duration::from_millis(Rng::with_seed(seed).u64(1..=1000));
        }
        let ceiling = if rng.u8(0..4) == 0 { 120 } else { 0 };
        if ceiling > 0 {
            options.requests_per_minute = Some(180);
        }
        options.lock_answer = LockAnswer {
            status: if rng.bool() { 423 } else { 429 },
            retry_after: rng.bool(),
            calls_prolong: rng.bool(),
        };
        Self {
            standing,
            recipe,
            options,
            in_flight: if rng.u8(0..6) == 0 { 3 } else { 1 },
            // Seeds that broke the mirror before there were rounds are of none of these classes: their histories stay what they were.
            at_a_time: match seed % 24 {
                1 | 11 | 21 => 1,
                4 | 16 | 19 => 3,
                6 | 18 | 22 => 5,
                _ => 1000,
            },
            ceiling,
            settled_only: seed % 8 == 1,
            peeks: seed % 3 == 1,
            crowded: seed % 16 == 6,
            // Some answers never come, or never end: it takes a second to find out, so they are few.
            patience: if seed % 48 == 9 {
                Duration::from_secs(1)
            } else {
                PATIENCE
            },
            audit: (rng.u8(0..4) == 0).then(|| Audit {
                requests: rng.u64(1..16),
                horizon: Duration::from_secs(2),
            }),
        }
    }

    pub fn account(&self) -> Account {
        self.recipe.account()
    }

    /// Whether some answers never come, or never end.
    pub fn hangs(&self) -> bool {
        self.patience < PATIENCE
    }

    /// Whether `updatedAt` moves with every message, which the claim of completeness rests on.
    pub fn moves_with_messages(&self) -> bool {
        self.options.moved_by.contains(&Cause::Message)
    }

    /// Whether the platform may show chats of one second in another order each time, where that matters.
    pub fn ties_move(&self) -> bool {
        let by_time = matches!(
            self.options.chat_order,
            ChatOrder::NewestFirst | ChatOrder::OldestFirst
        );
        by_time && self.options.ties == Ties::Moving
    }

    pub fn in_words(&self) -> String {
        format!(
            "{} chats with {} messages (recipe {:?}), mirrored before: {}, {} side by side, {} held at once, ceiling {}, {:?}",
            self.recipe.chats,
            self.recipe.messages,
            self.recipe,
            self.standing.is_some(),
            self.in_flight,
            self.at_a_time,
            self.ceiling,
            self.options
        )
    }
}

fn platform(rng: &mut Rng) -> Options {
    Options {
        chat_order: match rng.u8(0..10) {
            0..6 => ChatOrder::NewestFirst,
            6 => ChatOrder::OldestFirst,
            7 => ChatOrder::ById,
            _ => ChatOrder::Shuffled,
        },
        message_order: if rng.u8(0..3) == 0 {
            MessageOrder::OldestFirst
        } else {
            MessageOrder::NewestFirst
        },
        time_format: *rng
            .choice(&[
                TimeFormat::Plain,
                TimeFormat::Rfc3339,
                TimeFormat::EpochSeconds,
                TimeFormat::EpochMillis,
            ])
            .unwrap(),
        time_zone: if rng.u8(0..4) == 0 {
            chrono_tz::Europe::Kyiv
        } else {
            chrono_tz::Tz::UTC
        },
        pages_when_empty: rng.usize(0..=1),
        past_the_end: *rng
            .choice(&[PastTheEnd::Refused, PastTheEnd::Empty, PastTheEnd::LastPage])
            .unwrap(),
        least_limitation: if rng.u8(0..4) == 0 { 2 } else { 1 },
        chats_are_union: rng.u8(0..5) > 0,
        escaped: rng.bool(),
        ..Options::default()
    }
}

/// What moves `updatedAt`: messages nearly always, anything else as often as not.
fn causes(rng: &mut Rng) -> BTreeSet<Cause> {
    let others = [
        Cause::State,
        Cause::Edit,
        Cause::Deletion,
        Cause::Seen,
        Cause::Details,
    ];
    let mut causes: BTreeSet<Cause> = others.into_iter().filter(|_| rng.bool()).collect();
    if rng.u8(0..12) > 0 {
        causes.insert(Cause::Message);
    }
    causes
}
