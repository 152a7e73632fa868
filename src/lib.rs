//! chatmirror mirrors a hosted chat account into one `SQLite` file, and proves that nothing is missing.
//!
//! The house, from the ground up; a floor imports only from the floors below it:
//!
//! - [`clock`] and [`model`]: the vocabulary
//! - [`config`]: raw TOML in, checked values out
//! - [`plan`]: pure decisions
//! - [`source`] and [`store`]: what knows a platform, and what knows the file; strangers to each other
//! - [`pass`]: one pass, the only place where the two meet
//! - [`export`]: the mirror handed to other engines
//! - [`daemon`]: the service that runs passes when the scheduler rings
//! - [`cli`]: the door
//!
//! Beside it stands [`simulator`], an account made up from a seed, for trials and for every test.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod export;
pub mod model;
pub mod pass;
pub mod plan;
pub mod simulator;
pub mod source;
pub mod store;
