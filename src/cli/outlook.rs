//! What is left to be read, in requests and in the time that they take at the rate there is.

use serde::Serialize;

use super::exit::Failure;
use super::output::{counted, moment, span};
use super::rate::Rate;
use crate::clock::Timestamp;
use crate::pass;
use crate::plan::{self, Mode, Step};
use crate::store::{Coverage, Reader};

/// What is owed by now. What happens at the source meanwhile comes on top.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Outlook {
    /// Chats that are due.
    chats: u64,
    /// About how many requests they take.
    requests: u64,
    /// Whether more chats may be due than are known, for the list of them has not been read to its end.
    at_least: bool,
    /// How many minutes, where a rate is set.
    minutes: Option<u64>,
    /// When that is over, where a rate is set.
    ends_at: Option<Timestamp>,
}

impl Outlook {
    /// Of the mirror at `now`.
    pub(super) async fn of(
        reader: &Reader,
        coverage: &Coverage,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        // Messages are not counted once more where nothing is owed.
        if coverage.owed.is_empty() {
            return Ok(None);
        }
        let facts = pass::facts(reader, now).await?;
        let steps = plan::steps(Mode::Incremental, &facts);
        let owed = steps.iter().find_map(|step| match step {
            Step::Messages {
                chats, requests, ..
            } if *chats > 0 => Some((*chats, *requests)),
            _ => None,
        });
        Ok(owed.map(|(chats, requests)| Self {
            chats,
            requests,
            at_least: facts.watermark.is_none(),
            minutes: rate.minutes(requests),
            ends_at: rate.end(requests, now),
        }))
    }

    pub(super) fn told(&self) -> String {
        let owed = format!(
            "{} to read: {} {}",
            counted(self.chats.cast_signed(), "chat"),
            if self.at_least { "at least" } else { "about" },
            counted(self.requests.cast_signed(), "request")
        );
        match (self.minutes, self.ends_at) {
            (Some(minutes), Some(end)) => {
                let takes = span(minutes * 60);
                format!("{owed}, {takes} at this rate, until {} UTC", moment(end))
            }
            _ => owed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_with_its_end_where_a_rate_is_set() {
        let mut outlook = Outlook {
            chats: 1,
            requests: 4000,
            at_least: false,
            minutes: Some(34),
            ends_at: Some("2026-03-01 12:34:00.000".parse().unwrap()),
        };
        assert_eq!(
            outlook.told(),
            "1 chat to read: about 4,000 requests, 34 min at this rate, until 2026-03-01 12:34:00 UTC"
        );
        (outlook.minutes, outlook.ends_at, outlook.at_least) = (None, None, true);
        assert_eq!(outlook.told(), "1 chat to read: at least 4,000 requests");
    }
}
