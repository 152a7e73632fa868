//! chatmirror mirrors a hosted chat account into one SQLite file, and proves that nothing is missing.
//!
//! The house, from the ground up; a floor imports only from the floors below it:
//!
//! - [`clock`] and [`model`]: the vocabulary

pub mod clock;
pub mod model;
pub mod simulator;
