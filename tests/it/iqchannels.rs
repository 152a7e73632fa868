//! The platform that pushes: whatever comes in whatever order, the rows are the same.

mod demo;
mod facts;
mod flood;
mod histories;
mod ingest;
mod office;
mod questions;
mod receiver;
mod repair;
mod truth;
