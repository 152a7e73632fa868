//! The service: the mirror opened and bound to its account, and the one loop that works when the scheduler rings.

mod heart;
mod http;
mod metrics;
mod mirror;
mod outcome;
mod reload;
mod ringer;
mod service;
mod snapshots;

pub use heart::Heart;
pub use http::ServerError;
pub use mirror::{Mirror, OpenError, Order, client, restore_budget};
pub use reload::Reload;
pub use service::{Orders, ServiceError, serve};
