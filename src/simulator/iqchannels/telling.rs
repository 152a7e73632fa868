//! What becomes of what is told: in another order, twice, never, or with the state of a later moment beside it.

use std::collections::BTreeSet;

use super::history::History;
use super::wire::{self, Beside};

/// How an installation pushes. Shares are of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Events that are never pushed.
    pub lost: u8,
    /// Events that are pushed again, with what there is by then beside them, and a part of it only.
    pub repeated: u8,
    /// How many deliveries one may be overtaken by; 0: they come in their order.
    pub overtaken: usize,
}

/// Deliveries in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The bodies.
    pub bodies: Vec<String>,
    /// Events whose first telling was lost, whether or not they were told again.
    pub lost: BTreeSet<i64>,
}

impl Habits {
    /// Everything once and in its order.
    #[must_use]
    pub fn good() -> Self {
        Self {
            lost: 0,
            repeated: 0,
            overtaken: 0,
        }
    }

    /// Lets so many things happen, and tells of them.
    #[must_use]
    pub fn tell(self, history: &mut History, steps: usize) -> Told {
        let mut told = Told::default();
        let mut known = history.account().events.len();
        for _ in 0..steps {
            history.step();
            for place in known..history.account().events.len() {
                self.tell_first(history, place, &mut told);
            }
            known = history.account().events.len();
            self.tell_again(history, &mut told);
        }
        self.mix(history, &mut told.bodies);
        told
    }

    fn tell_first(self, history: &mut History, place: usize, told: &mut Told) {
        let event = history.account().events[place].clone();
        if history.rng().u8(0..100) < self.lost {
            told.lost.insert(event.id);
            return;
        }
        let account = history.account();
        let rels = Beside::of_event(account, &event).rels(account, |_| false);
        told.bodies.push(wire::pushed(&event, &rels));
    }

    fn tell_again(self, history: &mut History, told: &mut Told) {
        if history.rng().u8(0..100) >= self.repeated {
            return;
        }
        let event = history
            .rng()
            .clone()
            .choice(&history.account().events)
            .cloned();
        let Some(event) = event else {
            return;
        };
        let mut rng = history.rng().fork();
        let account = history.account();
        let beside = Beside::of_event(account, &event);
        let rels = beside.rels(account, |_| rng.u8(0..3) == 0);
        told.bodies.push(wire::pushed(&event, &rels));
        if rng.u8(0..4) == 0 {
            told.bodies.push(wire::typing(event.chat_id));
        }
    }

    fn mix(self, history: &mut History, bodies: &mut [String]) {
        let rng = history.rng();
        for window in bodies.chunks_mut(self.overtaken + 1) {
            rng.shuffle(window);
        }
    }
}
