//! IQChannels: the way from a pushed body to sightings of the mirror's objects. The platform is never asked for anything.

mod body;
mod event;
mod message;
mod object;
mod shapes;

pub use body::{Unreadable, read};

#[cfg(test)]
mod tests;
