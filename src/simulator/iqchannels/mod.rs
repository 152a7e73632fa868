//! A simulated installation of IQChannels: an account that lives, and tells of it as the platform does.
//!
//! - [`Account`] (`account`) is the truth, objects as they would be shown now; [`History`] (`history`) lets things happen in it, from a seed
//! - [`Habits`] (`telling`) are what a platform that pushes may do to its deliveries: reorder, repeat, lose, show a later state
//! - `wire` renders envelopes, lists and the objects beside them; `answers` and `server` serve the lists and the stream of events
//! - [`Installation`] is the handle to all of it; [`push`] sends deliveries to a receiver

mod account;
mod answers;
mod handle;
mod history;
mod pushing;
mod server;
mod telling;
#[cfg(test)]
mod tests;
mod wire;

pub use account::{Account, Event, Ticket};
pub use answers::Options;
pub use handle::Installation;
pub use history::{History, Recipe};
pub use pushing::{Pushed, push};
pub use telling::{Habits, Told};
