//! The integration tests, one program: the house rules, and what the documents promise.

mod documents;
mod exact;
mod house;
mod model;
mod support;
