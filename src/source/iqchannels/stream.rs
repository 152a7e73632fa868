//! The stream of events (server-sent events): one body after another, until it breaks off.

use std::time::Duration;

use reqwest::Response;

use super::answer::{broken, unreadable};
use crate::source::SourceError;

/// The platform says that it is still there every two minutes; who says nothing for longer is gone.
pub(super) const SILENCE: Duration = Duration::from_secs(150);

/// No event is longer.
const LONGEST: usize = 16 << 20;

/// A stream that is open.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    text: Lines,
}

impl Stream {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            text: Lines::default(),
        }
    }

    /// The next body; nothing when the stream has ended.
    ///
    /// # Errors
    /// `Unreachable` if it breaks off, `Unreadable` if it says nothing for too long or an event does not end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SourceError> {
        loop {
            if let Some(body) = self.text.body() {
                return Ok(Some(body));
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| unreadable("the stream has fallen silent"))?;
            match chunk.map_err(broken)? {
                Some(chunk) => self.text.add(&chunk)?,
                None => return Ok(None),
            }
        }
    }
}

/// Text as it comes, and the event under way in it.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    /// So much of `rest` is known to hold no end of a line.
    looked: usize,
    data: Vec<u8>,
    has_data: bool,
}

impl Lines {
    fn add(&mut self, chunk: &[u8]) -> Result<(), SourceError> {
        self.rest.extend_from_slice(chunk);
        if self.rest.len() + self.data.len() > LONGEST {
            return Err(unreadable("an event of the stream does not end"));
        }
        Ok(())
    }

    /// The data of the next event that is whole.
    fn body(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.rest[self.looked..]
                .iter()
                .position(|byte| *byte == b'\n');
            let Some(end) = end else {
                self.looked = self.rest.len();
                return None;
            };
            let length = self.looked + end + 1;
            let rest = self.rest.split_off(length);
            let line = std::mem::replace(&mut self.rest, rest);
            self.looked = 0;
            let line = line.trim_ascii_end();
            if line.is_empty() {
                if std::mem::take(&mut self.has_data) {
                    return Some(std::mem::take(&mut self.data));
                }
            } else if let Some(data) = line.strip_prefix(b"data:") {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(data.trim_ascii_start());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_however_they_come() {
        let text = b": hello\n\nid: 7\ndata: {\"a\":\ndata: 1}\r\n\r\n: still here\n\ndata:{}\n\ndata: {\"cut\"";
        for step in [1, 3, text.len()] {
            let mut lines = Lines::default();
            let mut bodies = Vec::new();
            for chunk in text.chunks(step) {
                lines.add(chunk).unwrap();
                while let Some(body) = lines.body() {
                    bodies.push(String::from_utf8(body).unwrap());
                }
            }
            assert_eq!(bodies, ["{\"a\":\n1}", "{}"], "{step} bytes at a time");
        }
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 1 << 20];
        let outcome = (0..20).try_for_each(|_| {
            lines.add(&chunk)?;
            assert_eq!(lines.body(), None);
            Ok::<_, SourceError>(())
        });
        assert!(outcome.is_err());
    }
}
