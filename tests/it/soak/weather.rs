//! What a source does to those who ask it: spells of faults that end.

use std::time::Duration;

use chatmirror::simulator::{Fault, FaultRule, Occasion, Simulator, Target};

/// A spell of one kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// One answer in five is a server's failure.
    Failing,
    /// One connection in five is dropped, before the answer or in the middle of it.
    Dropping,
    /// Nothing is answered at all.
    Down,
    /// One answer in ten is no JSON, or no answer to what was asked.
    Garbled,
    /// One answer in ten comes late, or never.
    Stalling,
    /// The token is locked, as after too many requests.
    Locked,
    /// The token is refused, until somebody mends it.
    Revoked,
}

impl Weather {
    /// In this order a lock is long over when the token is refused: who waits one out does not ask.
    pub const ALL: [Self; 10] = [
        Self::Fair,
        Self::Failing,
        Self::Dropping,
        Self::Revoked,
        Self::Down,
        Self::Garbled,
        Self::Stalling,
        Self::Locked,
        Self::Fair,
        Self::Failing,
    ];

    pub fn begins(self, simulator: &Simulator) {
        let now_and_then = |fault: Fault, chance: f64| {
            simulator.fault(FaultRule {
                target: Target::Anything,
                fault,
                occasion: Occasion::Chance(chance),
            });
        };
        match self {
            Self::Fair => {}
            Self::Failing => {
                now_and_then(Fault::Status(500), 0.1);
                now_and_then(Fault::Status(503), 0.1);
            }
            Self::Dropping => {
                now_and_then(Fault::Reset, 0.1);
                now_and_then(Fault::CutBody, 0.1);
            }
            Self::Down => simulator.fault(FaultRule {
                target: Target::Anything,
                fault: Fault::Status(502),
                occasion: Occasion::Always,
            }),
            Self::Garbled => {
                now_and_then(Fault::Html(200), 0.04);
                now_and_then(Fault::InvalidJson, 0.03);
                now_and_then(Fault::ErrorWithStatus200, 0.03);
            }
            Self::Stalling => {
                now_and_then(Fault::Stall(Some(Duration::from_secs(2))), 0.08);
                now_and_then(Fault::Stall(None), 0.02);
            }
            Self::Locked => {
                simulator.change_options(|options| options.requests_per_minute = Some(20));
            }
            Self::Revoked => simulator.set_token_valid(false),
        }
    }

    /// What clearing the faults does not end.
    pub fn ends(self, simulator: &Simulator) {
        match self {
            Self::Locked => simulator.change_options(|options| options.requests_per_minute = None),
            Self::Revoked => simulator.set_token_valid(true),
            _ => {}
        }
    }

    /// Whether the daemon gives up, because waiting would not help.
    pub fn ends_the_daemon(self) -> bool {
        self == Self::Revoked
    }
}
