//! Another process that wants a pass while one runs: it must be turned away.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use chatmirror::store::{Store, StoreError};

/// Requests after which it comes.
const COMES_AFTER: u64 = 2;

/// A process that has not been turned away yet.
pub struct Other<'a> {
    opening: Pin<Box<dyn Future<Output = Result<Store, StoreError>> + 'a>>,
    waits: bool,
}

impl<'a> Other<'a> {
    /// `comes`: whether there is one.
    pub fn of(path: &'a Path, comes: bool) -> Self {
        Self {
            opening: Box::pin(Store::open(path)),
            waits: comes,
        }
    }

    /// Lets it try, when the pass has made `asked` requests. What went wrong, if it was let in.
    pub fn tries(&mut self, asked: u64, context: &mut Context<'_>) -> Result<(), String> {
        if !self.waits || asked < COMES_AFTER {
            return Ok(());
        }
        match self.opening.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(StoreError::Held { .. })) => {
                self.waits = false;
                Ok(())
            }
            Poll::Ready(_) => Err("two processes write at once".to_owned()),
        }
    }
}
