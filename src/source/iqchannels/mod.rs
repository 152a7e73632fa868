//! IQChannels: the way from a pushed body, or a list that was asked for, to sightings of the mirror's objects.

mod answer;
mod body;
mod client;
mod event;
mod list;
mod message;
mod object;
mod shapes;
mod stream;

pub use body::{Unreadable, read};
pub use client::{Client, Settings};
pub use list::{Item, Listed};
pub use stream::Stream;

#[cfg(test)]
mod tests;
