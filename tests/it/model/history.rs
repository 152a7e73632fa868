//! A history: what happens to the account, to the connection and to the mirror, one step after the other.

use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{
    Account, ChatState, Damage, Fault, FaultRule, Hook, Moment, Occasion, Reaction, Target,
};
use fastrand::Rng;

use super::churn::{Churn, Taste};
use super::ground::Ground;
use super::stages;

/// A ground and what happens on it. The same seed always gives the same.
#[derive(Clone, Debug)]
pub struct History {
    pub seed: u64,
    pub ground: Ground,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// Time passes.
    Tick(Duration),
    /// The account changes.
    Churn(Churn),
    /// The account changes, and time may pass, just when a page is read.
    Hook {
        target: Target,
        page: usize,
        moment: Moment,
        wait: Duration,
        churn: Churn,
    },
    /// Answers go wrong.
    Fault(FaultRule),
    /// Answers go right again, and the token is let in.
    Heal,
    /// Others use the token too: this much is left of the budget.
    Budget(usize),
    /// A pass.
    Pass(Mode, Stop),
}

/// How a pass is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Not,
    /// Told to stop after so many requests.
    Cancelled(u64),
    /// Told that others wait after so many requests.
    GivesWay(u64),
    /// Killed after so many requests, at so manyth await point from there.
    Killed(u64, u32),
}

/// The id from which the chats of an account are numbered.
const FIRST_CHAT: i64 = 2101;

impl History {
    pub fn of(seed: u64) -> Self {
        let ground = Ground::of(seed);
        let mut rng = Rng::with_seed(seed);
        let slips = rng.u8(0..4) == 0;
        let count = rng.usize(3..=14);
        let mut steps = Vec::new();
        steps.extend(stages::opening(seed, &mut rng.clone()));
        for _ in 0..count {
            draw(&mut rng, &ground, slips, &mut steps);
        }
        if ground.hangs() {
            let mut rng = Rng::with_seed(seed);
            let passes = (0..steps.len()).filter(|place| matches!(steps[*place], Step::Pass(..)));
            if let Some(place) = rng.choice(passes.collect::<Vec<_>>()) {
                steps.insert(place, hang(&mut rng));
            }
        }
        Self {
            seed,
            ground,
            steps,
        }
    }

    pub fn in_words(&self) -> String {
        let steps: Vec<String> = self
            .steps
            .iter()
            .map(|step| format!("  - {step:?}"))
            .collect();
        let ground = self.ground.in_words();
        format!("seed {}: {ground}\n{}\n", self.seed, steps.join("\n"))
    }
}

fn draw(rng: &mut Rng, ground: &Ground, slips: bool, steps: &mut Vec<Step>) {
    match rng.u8(0..100) {
        0..14 => steps.push(tick(rng)),
        14..36 => steps.push(Step::Churn(churn(rng, 6))),
        36..60 => {
            for _ in 0..rng.usize(1..=3) {
                steps.push(hook(rng));
            }
            steps.push(pass(rng));
        }
        60..68 if slips => {
            let times = Occasion::Next(rng.usize(1..=6));
            let occasion = if rng.bool() {
                times
            } else {
                Occasion::Chance(0.1)
            };
            steps.push(Step::Fault(fault(rng, occasion)));
            steps.push(pass(rng));
            if rng.bool() {
                steps.push(Step::Heal);
            }
        }
        68..70 if slips && ground.ceiling > 0 => steps.push(Step::Budget(rng.usize(5..60))),
        _ => steps.push(pass(rng)),
    }
}

fn tick(rng: &mut Rng) -> Step {
    Step::Tick(Duration::from_millis(match rng.u8(0..10) {
        0..3 => rng.u64(1..400),
        3..6 => rng.u64(400..1600),
        6..9 => rng.u64(1600..6000),
        _ => rng.u64(6000..300_000),
    }))
}

fn churn(rng: &mut Rng, most: usize) -> Churn {
    let taste = match rng.u8(0..20) {
        0..7 => Taste::Any,
        7..14 => Taste::Bumps,
        14..16 => Taste::Leaving,
        16..18 => Taste::States,
        18 => Taste::Arriving,
        _ => Taste::Silent,
    };
    let count = match rng.u8(0..12) {
        0 => most * 5,
        _ => rng.usize(1..=most),
    };
    Churn {
        seed: rng.u64(..),
        count: if taste == Taste::Leaving {
            count.min(2)
        } else {
            count
        },
        taste,
    }
}

fn hook(rng: &mut Rng) -> Step {
    let target = match rng.u8(0..10) {
        0..2 => Target::Chats,
        2..5 => Target::ChatsWithoutState,
        5 => Target::ChatsInState(ChatState::Open),
        6 => Target::ChatsInState(ChatState::Closed),
        7 => Target::Anything,
        _ => Target::Messages,
    };
    let moment = if rng.bool() {
        Moment::Before
    } else {
        Moment::After
    };
    let wait = if rng.bool() { rng.u64(0..2500) } else { 0 };
    let (page, churn) = (rng.usize(1..=4), churn(rng, 4));
    // In the middle of reading chats, not only at the first of them.
    let target = match (target, i64::try_from(churn.seed % 120)) {
        (Target::Messages, Ok(chat)) if chat < 60 => Target::MessagesOf(FIRST_CHAT + chat),
        _ => target,
    };
    Step::Hook {
        target,
        page,
        moment,
        wait: Duration::from_millis(wait),
        churn,
    }
}

fn pass(rng: &mut Rng) -> Step {
    let mode = match rng.u8(0..12) {
        0 => Mode::Backfill,
        1 => Mode::Reconcile,
        _ => Mode::Incremental,
    };
    let after = if rng.bool() {
        rng.u64(0..8)
    } else {
        rng.u64(0..60)
    };
    let stop = match rng.u8(0..12) {
        0 => Stop::Cancelled(after),
        1 => Stop::GivesWay(after),
        2..5 => Stop::Killed(after, rng.u32(0..40)),
        _ => Stop::Not,
    };
    Step::Pass(mode, stop)
}

/// An answer that never comes, or one that never ends.
fn hang(rng: &mut Rng) -> Step {
    let fault = if rng.bool() {
        Fault::Stall(None)
    } else {
        Fault::EndlessBody
    };
    let targets = [Target::Chats, Target::Messages];
    Step::Fault(FaultRule {
        target: *rng.choice(&targets).unwrap(),
        fault,
        occasion: Occasion::Next(1),
    })
}

fn fault(rng: &mut Rng, occasion: Occasion) -> FaultRule {
    let mut target = *rng
        .choice(&[Target::Anything, Target::Chats, Target::Messages])
        .unwrap();
    let fault = match rng.u8(0..13) {
        0 => Fault::Status(500),
        1 => Fault::Status(503),
        2 => Fault::Reset,
        3 => Fault::CutBody,
        4 => Fault::Html(200),
        5 => Fault::Html(404),
        6 => Fault::InvalidJson,
        7 => Fault::ErrorWithStatus200,
        8 => Fault::Redirect("http://elsewhere.example".to_owned()),
        9 => Fault::TokenRevoked,
        // A lie: the chat is there. Asked for by its id it says so.
        10 => {
            target = Target::Messages;
            Fault::Status(404)
        }
        11 => Fault::Status(423),
        _ => Fault::BadItem {
            id: None,
            damage: *rng
                .choice(&[
                    Damage::NotAnObject,
                    Damage::Null,
                    Damage::NoId,
                    Damage::IdNotANumber,
                    Damage::GarbledTime,
                ])
                .unwrap(),
        },
    };
    FaultRule {
        target,
        fault,
        occasion,
    }
}

impl Step {
    /// The hooks that a step sets, for the account as it is.
    pub fn hooks(&self, account: &Account) -> Vec<Hook> {
        let Self::Hook {
            target,
            page,
            moment,
            wait,
            churn,
        } = self
        else {
            return Vec::new();
        };
        [
            Reaction::Wait(*wait),
            Reaction::Apply(churn.mutations(account)),
        ]
        .into_iter()
        .map(|reaction| Hook {
            target: *target,
            page: Some(*page),
            moment: *moment,
            reaction,
            once: true,
        })
        .collect()
    }
}
