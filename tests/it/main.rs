//! The integration tests, one program: the house rules, and what the documents promise.

mod audit;
mod bad_input;
mod changes;
mod dictionary;
mod documents;
mod exact;
mod house;
mod killed;
mod measure;
mod model;
mod published;
mod questions;
mod roundtrip;
mod search;
mod service;
mod snapshot;
mod support;
mod verify;
