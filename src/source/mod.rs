//! The sources: what knows a platform, one folder each, and what they all share.

mod counts;
mod drift;
mod error;
mod governor;
mod http;
pub mod iqchannels;
mod raw;
pub mod smartsender;

pub use counts::RequestCounts;
pub use error::SourceError;
pub use governor::{Governor, GovernorState, Locked, Room, Share, Slot};
