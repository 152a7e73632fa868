//! The service: the mirror opened and bound to its account, and the one loop that works when the scheduler rings.

mod mirror;
mod ringer;
mod service;
mod snapshots;

pub use mirror::{Mirror, OpenError, Order, client, restore_budget};
pub use service::{ServiceError, serve};
