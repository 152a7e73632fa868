//! What a run of the day has shown.

use std::collections::HashMap;
use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::Request;

/// A message that arrived at the source.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub at: Timestamp,
    pub chat: i64,
    pub message: i64,
}

/// The moments at which the first page of each chat's messages was answered. What was on it is committed before the next request,
/// and no time passes between.
pub struct Answers(HashMap<i64, Vec<Timestamp>>);

impl Answers {
    pub fn of(requests: &[Request]) -> Self {
        let mut answers: HashMap<i64, Vec<Timestamp>> = HashMap::new();
        for request in requests.iter().filter(|request| request.status == 200) {
            let Some(rest) = request.target.strip_prefix("/v1/chats/") else {
                continue;
            };
            if let Some((chat, query)) = rest.split_once("/messages?")
                && query.starts_with("page=1&limitation=20")
            {
                answers
                    .entry(chat.parse().unwrap())
                    .or_default()
                    .push(request.at);
            }
        }
        Self(answers)
    }

    /// When the arrival was in the mirror.
    pub fn to(&self, arrival: &Arrival) -> Option<Timestamp> {
        let answers = self.0.get(&arrival.chat)?;
        let place = answers.partition_point(|at| *at < arrival.at);
        answers.get(place).copied()
    }
}

/// The lags of some messages.
#[derive(Default)]
pub struct Lags(Vec<Duration>);

impl Lags {
    pub fn add(&mut self, lag: Duration) {
        self.0.push(lag);
    }

    pub fn line(mut self, name: &str) -> String {
        self.0.sort_unstable();
        let count = self.0.len();
        let part = |thousandths: usize| {
            let place = (count * thousandths / 1000).min(count.saturating_sub(1));
            self.0.get(place).map_or(0.0, Duration::as_secs_f64)
        };
        format!(
            "  {name:<10} {count:>6} messages   median {:>7.1} s   95 % {:>7.1} s   99 % {:>7.1} s   worst {:>7.1} s",
            part(500),
            part(950),
            part(990),
            part(1000)
        )
    }
}
