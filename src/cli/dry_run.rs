//! `chatmirror sync --dry-run`: the plan of the next pass, told from what is stored; nothing is asked and nothing written.

use std::fmt::Write;

use serde::Serialize;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Output, counted, moment};
use super::rate::Rate;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::model::ChatList;
use crate::pass;
use crate::plan::{self, Facts, Mode, Reach, Step};
use crate::store::{Reader, StoreError};

/// The plan, and what it comes to.
struct Plan {
    mode: Mode,
    facts: Facts,
    steps: Vec<Step>,
    /// What is read again by a reconcile pass, because its last reading is too old.
    audit: Option<Reread>,
    /// Requests of all that.
    requests: u64,
    rate: Rate,
    now: Timestamp,
}

impl Plan {
    /// Whether nothing is known of the account's size.
    fn never_listed(&self) -> bool {
        self.facts.chats == 0 && !self.is_listed()
    }

    /// Whether the list of chats has been read to its end.
    fn is_listed(&self) -> bool {
        self.facts.watermark.is_some()
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Reread {
    chats: u64,
    requests: u64,
    /// The horizon, in days.
    days: u32,
}

pub(super) async fn run(config: &Config, mode: Mode, output: &Output) -> Result<Exit, Failure> {
    let plan = match Reader::open(&config.database.path).await {
        Ok(reader) => of(&reader, config, mode).await?,
        Err(StoreError::Missing(_)) => first(config),
        Err(error) => return Err(error.into()),
    };
    let requests = (!plan.never_listed()).then_some(plan.requests);
    let value = json!({
        "mode": plan.mode,
        "steps": plan.steps,
        "audit": plan.audit,
        "requests": requests,
        "at_least": !plan.is_listed(),
        "requests_per_minute": plan.rate.a_minute(),
        "minutes": requests.and_then(|requests| plan.rate.minutes(requests)),
        "ends_at": requests.and_then(|requests| plan.rate.end(requests, plan.now)),
    });
    output.report(&value, &told(&plan));
    Ok(Exit::Done)
}

async fn of(reader: &Reader, config: &Config, mode: Mode) -> Result<Plan, Failure> {
    let now = Clock::System.now();
    let rate = Rate::of(reader, config.source.requests_per_minute, now).await?;
    let facts = pass::facts(reader, now).await?;
    let mode = if facts.watermark.is_none() {
        Mode::Backfill
    } else {
        mode
    };
    let mut audit = None;
    let due = config.audit.days.zip(config.audit.horizon());
    if let (Mode::Reconcile, Some((days, horizon))) = (mode, due) {
        let chats = pass::chats_to_audit(reader, now, horizon, u32::MAX).await?;
        let chats = chats.len() as u64;
        let requests = plan::requests_to_read(chats, &facts);
        audit = Some(Reread {
            chats,
            requests,
            days,
        });
    }
    let steps = plan::steps(mode, &facts);
    let of_steps: u64 = steps.iter().map(Step::requests).sum();
    Ok(Plan {
        mode,
        facts,
        steps,
        audit,
        requests: of_steps + audit.map_or(0, |audit| audit.requests),
        rate,
        now,
    })
}

/// Of a mirror that does not exist yet.
fn first(config: &Config) -> Plan {
    let facts = Facts::default();
    let steps = plan::steps(Mode::Backfill, &facts);
    Plan {
        mode: Mode::Backfill,
        requests: steps.iter().map(Step::requests).sum(),
        facts,
        steps,
        audit: None,
        rate: Rate::configured(config.source.requests_per_minute),
        now: Clock::System.now(),
    }
}

fn told(plan: &Plan) -> String {
    let Plan {
        mode,
        steps,
        audit,
        requests,
        rate,
        now,
        ..
    } = plan;
    let never_listed = plan.never_listed();
    let (about, end_about) = if plan.is_listed() {
        ("about", "about")
    } else {
        ("at least", "not before")
    };
    let mut text = format!("plan of the next {} pass\n", mode.word());
    for (number, step) in steps.iter().enumerate() {
        let (what, why) = in_words(step);
        let about = match step.requests() {
            0 => String::new(),
            _ if never_listed => String::new(),
            requests => format!(": {about} {}", counted(requests.cast_signed(), "request")),
        };
        let _ = writeln!(text, "  {}. {what}{about}\n     why: {why}", number + 1);
    }
    if let Some(Reread {
        chats,
        requests,
        days,
    }) = audit
    {
        let _ = writeln!(
            text,
            "  {}. read {} again: about {}\n     why: what changes silently is found within {} only by reading it again",
            steps.len() + 1,
            counted(chats.cast_signed(), "chat"),
            counted(requests.cast_signed(), "request"),
            counted(i64::from(*days), "day"),
        );
    }
    let all = counted(requests.cast_signed(), "request");
    let _ = match (rate.minutes(*requests), rate.end(*requests, *now)) {
        _ if never_listed => writeln!(
            text,
            "the account has never been listed, so nobody knows yet how many requests it takes"
        ),
        (Some(minutes), Some(end)) => writeln!(
            text,
            "{about} {all} in all, {} at the present rate of {} a minute: begun now, it ends {end_about} {} UTC",
            counted(minutes.cast_signed(), "minute"),
            rate.a_minute().unwrap_or_default(),
            moment(end),
        ),
        _ => writeln!(text, "{about} {all} in all"),
    };
    if !never_listed && !plan.is_listed() {
        text.push_str("the list of chats has not been read to its end: more of them may follow\n");
    }
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
