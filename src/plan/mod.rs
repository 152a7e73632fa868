//! What is to be done next, and what may be believed of it: pure decisions, without clock, network or file.

mod claim;
mod order;
mod poll;
mod rules;
mod steps;
mod walk;

pub use claim::{
    ChatSync, Owed, RESOLUTION, covered_despite, due_again, is_explained, raised_skew, watermark,
};
pub use order::{Evidence, ListOrder};
pub use poll::{EAGER, NextLook, Pulse, Purse};
pub use rules::{Rule, Rules};
pub use steps::{Facts, Mode, Reach, Step, requests_to_read, steps};
pub use walk::{Spacing, Turn, Walk, update_start};
