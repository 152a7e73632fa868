//! `chatmirror sync --dry-run`: the plan of the next pass, told from what is stored; nothing is asked and nothing written.

use std::fmt::Write;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::outlook::minutes;
use super::output::{Output, counted};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::ChatList;
use crate::pass;
use crate::plan::{self, Facts, Mode, Reach, Step};
use crate::store::{Reader, StoreError};

pub(super) async fn run(config: &Config, mode: Mode, output: &Output) -> Result<Exit, Failure> {
    let facts = match Reader::open(&config.database.path).await {
        Ok(reader) => pass::facts(&reader, Clock::System.now()).await?,
        Err(StoreError::Missing(_)) => Facts::default(),
        Err(error) => return Err(error.into()),
    };
    let mode = if facts.watermark.is_none() {
        Mode::Backfill
    } else {
        mode
    };
    let steps = plan::steps(mode, &facts);
    let requests: u64 = steps.iter().map(Step::requests).sum();
    let minutes = minutes(requests, config.source.requests_per_minute);
    output.report(
        &json!({ "mode": mode, "steps": steps, "requests": requests, "minutes": minutes }),
        &told(mode, &facts, &steps, requests, minutes),
    );
    Ok(Exit::Done)
}

fn told(mode: Mode, facts: &Facts, steps: &[Step], requests: u64, minutes: Option<u64>) -> String {
    let never_read = facts.chats == 0;
    let mut text = format!("plan of the next {} pass\n", mode.word());
    for (number, step) in steps.iter().enumerate() {
        let (what, why) = in_words(step);
        let about = match step.requests() {
            0 => String::new(),
            _ if never_read => String::new(),
            requests => format!(": about {}", counted(requests.cast_signed(), "request")),
        };
        let _ = writeln!(text, "  {}. {what}{about}\n     why: {why}", number + 1);
    }
    let _ = match minutes {
        _ if never_read => writeln!(
            text,
            "the account has never been listed, so nobody knows yet how many requests it takes"
        ),
        Some(minutes) => writeln!(
            text,
            "about {} in all, {} at the configured rate",
            counted(requests.cast_signed(), "request"),
            counted(minutes.cast_signed(), "minute")
        ),
        None => writeln!(
            text,
            "about {} in all",
            counted(requests.cast_signed(), "request")
        ),
    };
    text.push_str("nothing was asked and nothing was changed");
    text
}

fn in_words(step: &Step) -> (String, &'static str) {
    match step {
        Step::List {
            list, reach, why, ..
        } => {
            let name = match list {
                ChatList::All => "the list of chats",
                ChatList::Open => "the list of open chats",
                ChatList::Closed => "the list of closed chats",
                ChatList::Unread => "the list of unread chats",
            };
            (reading(name, *reach), why)
        }
        Step::State { reach, why, .. } => (reading("the list of open chats", *reach), why),
        Step::Messages { chats: 0, why, .. } => {
            let what = "read the messages of the chats that the lists show to be owed".to_owned();
            (what, why)
        }
        Step::Messages { chats, why, .. } => {
            let chats = counted(chats.cast_signed(), "chat");
            let what = format!("read the messages of {chats}, and of those that the lists add");
            (what, why)
        }
    }
}

fn reading(list: &str, reach: Reach) -> String {
    match reach {
        Reach::Head => format!("read {list} from its head down to what is known"),
        Reach::Whole => format!("read {list} to its end"),
    }
}
