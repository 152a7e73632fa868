//! The integration tests, one program: the house rules, and what the documents promise.

mod audit;
mod bad_input;
mod care;
mod changes;
mod dictionary;
mod doctor;
mod documents;
mod dry_run;
mod exact;
#[cfg(feature = "parquet")]
mod export;
mod first_run;
mod house;
mod iqchannels;
mod killed;
mod live;
mod measure;
mod migrations;
mod model;
mod orders;
mod published;
mod questions;
mod readers;
mod rejects;
mod roundtrip;
mod search;
mod service;
mod signals;
mod snapshot;
mod soak;
mod support;
mod systemd;
mod verify;
