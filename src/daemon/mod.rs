//! The service: the mirror opened and bound to its account, and the one loop that works when the scheduler rings.

mod begin;
mod door;
mod due;
mod errand;
mod heart;
mod http;
mod mailbox;
mod metrics;
mod mirror;
mod outcome;
mod readers;
mod receive;
mod receiver;
mod reload;
mod repair;
mod ringer;
mod service;
mod snapshots;
mod trouble;
mod turn;

pub use errand::Errand;
pub use heart::Heart;
pub use http::ServerError;
pub use mailbox::Mailbox;
pub use mirror::{Mirror, OpenError, Order, client, restore_budget};
pub use outcome::ServiceError;
pub use receive::{Reception, asking, receive};
pub use reload::Reload;
pub use service::{Orders, serve};
