//! A simulated account behind a real socket: for trying the program out, and for proving the mirror right.
//!
//! It is a state, not a set of canned answers, and shares no code with the engine that it tests:
//!
//! - [`Account`] (`account`, `content`) is the truth; [`Recipe`] (`recipe`, with `shop`, `invent`, `showcase` and `phrases`) makes one from a seed
//! - [`Mutation`] (`mutation`, applied by `change`) is what can happen to it
//! - [`Options`] are the questions that no document of the platform answers
//! - `wire`, `lists`, `routes` and `refusal` render it as the platform would; `lock` counts the requests
//! - [`Hook`] lets the account change at the worst moment, [`Fault`] lets an answer go wrong
//! - `world` is all of that in one place, [`Simulator`] the handle to it, `server` the socket
//! - [`iqchannels`] is another platform, which pushes events
//! - [`Published`] serves the vendor's own examples instead of an account

mod account;
mod change;
mod content;
mod fault;
mod handle;
mod hooks;
mod invent;
pub mod iqchannels;
mod lists;
mod lock;
mod mutation;
mod options;
mod phrases;
mod published;
mod recipe;
mod refusal;
mod request;
mod routes;
mod server;
mod shop;
mod showcase;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use account::{
    Account, Channel, Chat, ChatState, Contact, ContactIds, Delivery, Extra, Gate, GateIds,
    Message, NextIds, Operator, Project, Sender, SenderKind,
};
pub use content::{Content, FileKind, Media, PictureKind, Template};
pub use fault::{Damage, Fault, FaultRule, Occasion};
pub use handle::Simulator;
pub use hooks::{Hook, Moment, Reaction};
pub use mutation::Mutation;
pub use options::{
    Cause, ChatOrder, LockAnswer, MessageOrder, Options, PastTheEnd, Ties, TimeFormat,
};
pub use phrases::Speaker;
pub use published::Published;
pub use recipe::Recipe;
pub use request::{Request, Target};
