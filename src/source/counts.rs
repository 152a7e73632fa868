//! How often what was asked, and what came of it: numbers for those who watch, nothing that a decision rests on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is asked for, and the status of the answer; no status where none came.
type Kind = (&'static str, Option<u16>);

/// Requests by kind and status since the program started. Clones share one count.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts(Arc<Mutex<BTreeMap<Kind, u64>>>);

impl RequestCounts {
    /// Counts one request.
    pub fn count(&self, kind: &'static str, status: Option<u16>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((kind, status)).or_default() += 1;
    }

    /// The numbers so far.
    #[must_use]
    pub fn so_far(&self) -> BTreeMap<Kind, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}
