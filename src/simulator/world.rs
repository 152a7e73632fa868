//! Everything behind the socket in one place: a question goes in, the account may change, an answer comes out.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::account::{Account, Chat};
use super::change::Change;
use super::fault::{Fault, Faults};
use super::hooks::{Hooks, Moment, Reaction};
use super::invent::Inventor;
use super::lists::Lists;
use super::lock::{Limiter, Verdict};
use super::mutation::Mutation;
use super::options::Options;
use super::refusal::Refusal;
use super::request::{Question, Request};
use super::routes::Reader;
use super::server::{Answer, Sending};
use super::wire;
use crate::clock::{Clock, Timestamp};

/// How many requests are remembered: a demonstration may run for months.
const REMEMBERED: usize = 400_000;

/// The account with everything around it.
pub(super) struct World {
    pub(super) account: Account,
    pub(super) hooks: Hooks,
    pub(super) faults: Faults,
    pub(super) token_valid: bool,
    pub(super) requests: VecDeque<Request>,
    pub(super) request_count: u64,
    pub(super) past: Vec<(Timestamp, Chat)>,
    /// What is to happen, the soonest first.
    coming: VecDeque<(Timestamp, Mutation)>,
    /// What has happened of that: when, and what it was about.
    pub(super) came: Vec<(Timestamp, Option<i64>)>,
    options: Options,
    clock: Clock,
    lists: Lists,
    limiter: Limiter,
    inventor: Inventor,
}

impl World {
    pub(super) fn new(account: Account, options: Options, clock: Clock) -> Self {
        Self {
            lists: Lists::of(&account, options.chat_order),
            inventor: Inventor::new(options.seed, account.oddities),
            account,
            options,
            clock,
            hooks: Hooks::default(),
            faults: Faults::default(),
            token_valid: true,
            requests: VecDeque::new(),
            request_count: 0,
            past: Vec::new(),
            coming: VecDeque::new(),
            came: Vec::new(),
            limiter: Limiter::default(),
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn change_options(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
        self.lists = Lists::of(&self.account, self.options.chat_order);
    }

    /// Makes a change at the present second.
    pub(super) fn apply(&mut self, mutation: Mutation) -> Option<i64> {
        let now = self.clock.now();
        self.apply_at(now, mutation)
    }

    /// Lets a change happen later.
    pub(super) fn plan(&mut self, at: Timestamp, mutation: Mutation) {
        let place = self.coming.partition_point(|(other, _)| *other <= at);
        self.coming.insert(place, (at, mutation));
    }

    /// Locks so far.
    pub(super) fn locks(&self) -> u64 {
        self.limiter.locks
    }

    /// Makes the changes that were to happen by now, each at its own moment.
    pub(super) fn catch_up(&mut self) {
        let now = self.clock.now();
        while let Some((at, mutation)) = self.coming.pop_front_if(|(at, _)| *at <= now) {
            let about = self.apply_at(at, mutation);
            self.came.push((at, about));
        }
    }

    /// Makes a change, and keeps the lists of chats in order.
    fn apply_at(&mut self, now: Timestamp, mutation: Mutation) -> Option<i64> {
        let touched = mutation.chats();
        for chat in touched.iter().flatten() {
            if let Some(chat) = self.account.chats.get(chat) {
                self.lists.remove(chat);
                if self.options.keep_past {
                    self.past.push((now, chat.clone()));
                }
            }
        }
        let created = (mutation == Mutation::CreateChat).then_some(self.account.next_ids.chat);
        let mut change = Change {
            account: &mut self.account,
            inventor: &mut self.inventor,
            moved_by: &self.options.moved_by,
            now: now.minus(self.options.lag).second(),
        };
        let about = change.make(mutation);
        for chat in touched.iter().flatten().chain(&created) {
            if let Some(chat) = self.account.chats.get(chat) {
                self.lists.insert(chat);
            }
        }
        about
    }

    /// How long the next answer takes.
    pub(super) fn latency(&mut self) -> Duration {
        let jitter = u64::try_from(self.options.jitter.as_millis()).unwrap_or(u64::MAX);
        let extra = match jitter {
            0 => 0,
            most => self.inventor.rng.u64(0..=most),
        };
        self.options.latency + Duration::from_millis(extra)
    }

    /// Answers, and remembers the request.
    pub(super) fn answer(&mut self, question: &Question) -> Answer {
        self.catch_up();
        let at = self.clock.now();
        let verdict = match self.options.requests_per_minute {
            Some(limit) => {
                let prolong = self.options.lock_answer.calls_prolong;
                let others = self.options.others_per_minute;
                self.limiter.others(at, limit, others);
                self.limiter.judge(at, limit, prolong)
            }
            None => Verdict::Admitted,
        };
        let answer = match verdict {
            Verdict::Admitted => self.admitted(question),
            Verdict::Locks(left) | Verdict::WhileLocked(left) => self.locked(left),
        };
        self.remember(question, at, verdict, answer.status);
        answer
    }

    fn admitted(&mut self, question: &Question) -> Answer {
        if question.method != "GET" {
            return self.refuse(&Refusal::new(405, "Method not allowed"));
        }
        if let Some(fault) = self.faults.draw(question, &mut self.inventor.rng) {
            return self.fail(question, fault);
        }
        self.serve(question, |_| {})
    }

    /// Answers as the platform does when nothing goes wrong, hooks included.
    fn serve(&mut self, question: &Question, spoil: impl FnOnce(&mut Value)) -> Answer {
        if let Err(refusal) = self.check_token(question) {
            return self.refuse(&refusal);
        }
        self.react(question, Moment::Before);
        let answer = match self.read(question) {
            Ok(mut value) => {
                spoil(&mut value);
                self.json(200, &value)
            }
            Err(refusal) => self.refuse(&refusal),
        };
        self.react(question, Moment::After);
        answer
    }

    fn check_token(&self, question: &Question) -> Result<(), Refusal> {
        if self.token_valid && question.token.as_ref() == Some(&self.options.token) {
            Ok(())
        } else {
            Err(Refusal::new(401, "Unauthenticated"))
        }
    }

    fn read(&self, question: &Question) -> Result<Value, Refusal> {
        self.check_token(question)?;
        let reader = Reader {
            account: &self.account,
            lists: &self.lists,
            options: &self.options,
            turn: self.request_count,
        };
        reader.answer(question)
    }

    fn react(&mut self, question: &Question, moment: Moment) {
        for reaction in self.hooks.take_due(question, moment) {
            match reaction {
                Reaction::Apply(mutations) => {
                    for mutation in mutations {
                        self.apply(mutation);
                    }
                }
                Reaction::Churn(count) => {
                    let mut rng = self.inventor.rng.fork();
                    self.churn(count, &mut rng);
                }
                Reaction::Wait(span) => self.clock.advance(span),
            }
        }
    }

    /// Makes so many random changes.
    pub(super) fn churn(&mut self, count: usize, rng: &mut fastrand::Rng) {
        for _ in 0..count {
            let mutation = Mutation::random(rng, &self.account);
            self.apply(mutation);
        }
    }

    fn fail(&mut self, question: &Question, fault: Fault) -> Answer {
        let error = Refusal::new(500, "Server error");
        match fault {
            Fault::Status(status) => self.refuse(&Refusal::new(status, "Server error")),
            Fault::Reset => self.refuse(&error).sent(Sending::Reset),
            Fault::Stall(None) => self.refuse(&error).sent(Sending::Never),
            Fault::Stall(Some(span)) => self.serve(question, |_| {}).sent(Sending::Late(span)),
            Fault::CutBody => self.unhooked(question).sent(Sending::Cut),
            Fault::EndlessBody => self.unhooked(question).sent(Sending::Endless),
            Fault::Html(status) => Answer::html(status, self.clock.now()),
            Fault::InvalidJson => {
                let text = "{\"cursor\":{\"page\":1,".to_owned();
                Answer::json(200, text, self.clock.now())
            }
            Fault::ErrorWithStatus200 => self.json(200, &error.envelope()),
            Fault::Redirect(host) => {
                let mut answer = Answer::html(302, self.clock.now());
                answer
                    .headers
                    .push(("location", format!("{host}{}", question.target)));
                answer
            }
            Fault::BadItem { id, damage } => self.serve(question, |page| damage.spoil(page, id)),
            Fault::NothingListed => self.serve(question, |page| {
                page["collection"] = json!([]);
                page["cursor"]["pages"] = json!(0);
            }),
            Fault::TokenRevoked => {
                self.token_valid = false;
                self.serve(question, |_| {})
            }
        }
    }

    /// The answer as it would be: the client will not have it whole, so no hook goes off.
    fn unhooked(&self, question: &Question) -> Answer {
        match self.read(question) {
            Ok(value) => self.json(200, &value),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn locked(&self, left: Duration) -> Answer {
        let seconds = left.as_millis().div_ceil(1000);
        let message = format!("Too many requests. Please, try again in {seconds} seconds");
        let how = self.options.lock_answer;
        let mut answer = self.refuse(&Refusal::new(how.status, message));
        if how.retry_after {
            answer.headers.push(("retry-after", seconds.to_string()));
        }
        answer
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        self.json(refusal.status, &refusal.envelope())
    }

    fn json(&self, status: u16, value: &Value) -> Answer {
        let text = wire::text(value, self.options.escaped);
        Answer::json(status, text, self.clock.now())
    }

    fn remember(&mut self, question: &Question, at: Timestamp, verdict: Verdict, status: u16) {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.request_count += 1;
        self.requests.push_back(Request {
            at,
            method: question.method.clone(),
            target: question.target.clone(),
            status,
            while_locked: matches!(verdict, Verdict::WhileLocked(_)),
            over_limit: matches!(verdict, Verdict::Locks(_)),
        });
    }
}
