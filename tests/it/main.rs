//! The integration tests, one program: the house rules, and what the documents promise.

mod audit;
mod bad_input;
mod changes;
mod documents;
mod exact;
mod house;
mod killed;
mod live;
mod model;
mod published;
mod roundtrip;
mod service;
mod support;
mod verify;
