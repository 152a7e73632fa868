//! chatmirror mirrors a hosted chat account into one SQLite file, and proves that nothing is missing.
//!
//! The house, from the ground up; a floor imports only from the floors below it:
//!
//! - [`clock`] and [`model`]: the vocabulary
//! - [`plan`]: pure decisions
//! - [`store`]: the file

pub mod clock;
pub mod config;
pub mod model;
pub mod plan;
pub mod store;
