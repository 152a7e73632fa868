//! The integration tests, one program: the house rules, and what the documents promise.

mod bad_input;
mod documents;
mod exact;
mod house;
mod service;
mod support;
