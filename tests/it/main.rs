//! The integration tests, one program: the house rules, and what the documents promise.

mod audit;
mod bad_input;
mod care;
mod changes;
mod doctor;
mod documents;
mod exact;
mod first_run;
mod house;
mod killed;
mod model;
mod published;
mod roundtrip;
mod service;
mod signals;
mod support;
mod systemd;
mod verify;
