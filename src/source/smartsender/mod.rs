//! Smart Sender: its read-only client and the way from its JSON to the mirror's rows.

mod chat;
mod client;
mod content;
mod fields;
mod message;
mod page;
mod times;
mod transport;

pub use client::{Answer, Client, Settings};

#[cfg(test)]
mod tests;
