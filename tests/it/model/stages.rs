//! Openings that set the stage for what chance alone brings about too seldom.

use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{Moment, Target};
use fastrand::Rng;

use super::churn::{Churn, Taste};
use super::history::{Step, Stop};

/// How the history of this seed opens: one in four is staged.
pub fn opening(seed: u64, rng: &mut Rng) -> Vec<Step> {
    match seed % 16 {
        7 => stampede(rng, Taste::Leaving),
        3 => {
            // Where all chats are closed, the list of the open ones shows nothing that the other list has lost.
            let taste = if rng.bool() {
                Taste::Leaving
            } else {
                Taste::Bumps
            };
            let mut steps = vec![churn(rng, 1, Taste::Closing), settle()];
            steps.extend(stampede(rng, taste));
            steps
        }
        11 => vec![churn(rng, 2, Taste::Importing), settle(), pass()],
        13 => moved_behind_the_back(rng),
        _ => Vec::new(),
    }
}

/// So many chats change that the head takes several pages, and something happens while they are read.
fn stampede(rng: &mut Rng, taste: Taste) -> Vec<Step> {
    vec![
        churn(rng, 110, Taste::Bumps),
        settle(),
        Step::Hook {
            target: Target::ChatsWithoutState,
            page: 2,
            moment: Moment::After,
            wait: Duration::ZERO,
            churn: drawn(rng, 2, taste),
        },
        pass(),
    ]
}

/// A chat that waits to be read goes on in one that was read just now.
fn moved_behind_the_back(rng: &mut Rng) -> Vec<Step> {
    vec![
        churn(rng, 6, Taste::Bumps),
        settle(),
        churn(rng, 6, Taste::Bumps),
        settle(),
        Step::Hook {
            target: Target::Messages,
            page: 1,
            moment: Moment::After,
            wait: Duration::ZERO,
            churn: drawn(rng, 1, Taste::Merging),
        },
        pass(),
    ]
}

fn drawn(rng: &mut Rng, count: usize, taste: Taste) -> Churn {
    Churn {
        seed: rng.u64(..),
        count,
        taste,
    }
}

fn churn(rng: &mut Rng, count: usize, taste: Taste) -> Step {
    Step::Churn(drawn(rng, count, taste))
}

/// Long enough that what happened before is no longer of the present second.
fn settle() -> Step {
    Step::Tick(Duration::from_millis(2500))
}

fn pass() -> Step {
    Step::Pass(Mode::Incremental, Stop::Not)
}
