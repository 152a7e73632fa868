//! Plays a history against the mirror, and lets the oracle look after every pass.

use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::pass::{self, Outcome, PassError, Progress, Setting};
use chatmirror::plan::{Mode, Rules};
use chatmirror::simulator::{Account, Mutation, Simulator};
use chatmirror::source::smartsender::{Client, Settings};
use chatmirror::source::{Governor, GovernorState};
use chatmirror::store::{RunStatus, Store};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::crowd::Other;
use super::ground::{self, Ground};
use super::history::{History, Step, Stop};
use super::oracle::Oracle;
use super::{budget, files, rest};
use crate::support::noon;

/// Requests after which a pass is held to go on for ever: no account here is nearly as large.
const MOST_REQUESTS: u64 = 6000;

/// What was looked at: a history that never comes to a claim proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub passes: u64,
    pub requests: u64,
    /// Looks at a mirror that claimed to be complete through some moment.
    pub claims: u64,
    pub kills: u64,
}

/// Plays the history to its end. What broke, in words, if anything did.
pub async fn play(history: &History, rules: Rules) -> Result<Tally, String> {
    // Only what waits for ever is to be caught, however busy the machine is.
    let limit = Duration::from_mins(15);
    let clock = Clock::simulated(noon().plus(Duration::from_hours(1)));
    let scene = Scene::open(&history.ground, clock, rules).await;
    match tokio::time::timeout(limit, scene.play(&history.steps)).await {
        Ok(result) => result,
        Err(_) => Err("it does not end".to_owned()),
    }
}

/// An account, its platform, and a mirror of it.
pub(super) struct Scene {
    ground: Ground,
    rules: Rules,
    clock: Clock,
    simulator: Simulator,
    base_url: String,
    path: PathBuf,
    desk: Option<Desk>,
    tally: Tally,
    /// Others share the budget: the mirror may be locked out through no fault of its own.
    shared_budget: bool,
    /// How many requests had been made when a process was killed.
    killed_after: Vec<u64>,
    /// The last pass came to its end.
    last_was_whole: bool,
    serving: CancellationToken,
    _dir: TempDir,
}

/// What a process of the mirror has in its hands.
struct Desk {
    store: Store,
    governor: Governor,
    client: Client,
}

/// Under this name the program keeps the budget's state.
const LOCK: &str = "source.lock";

impl Scene {
    async fn open(ground: &Ground, clock: Clock, rules: Rules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror.db");
        std::fs::write(&path, files::first(ground).await).unwrap();
        Self::at(ground, clock, rules, path, dir).await
    }

    pub(super) async fn at(
        ground: &Ground,
        clock: Clock,
        rules: Rules,
        path: PathBuf,
        dir: TempDir,
    ) -> Self {
        let simulator = Simulator::new(ground.account(), ground.options.clone(), clock.clone());
        let serving = CancellationToken::new();
        let base_url = simulator.spawn(serving.clone()).await.unwrap();
        let mut scene = Self {
            ground: ground.clone(),
            rules,
            clock,
            simulator,
            base_url,
            path,
            desk: None,
            tally: Tally::default(),
            shared_budget: false,
            killed_after: Vec::new(),
            last_was_whole: true,
            serving,
            _dir: dir,
        };
        scene.sit_down().await;
        scene
    }

    /// A process starts.
    async fn sit_down(&mut self) {
        let options = self.simulator.options();
        let governor = Governor::new(self.ground.ceiling, self.clock.clone());
        let settings = Settings {
            base_url: self.base_url.parse().unwrap(),
            time_zone: options.time_zone,
            requests_per_minute: self.ground.ceiling,
            request_timeout: self.ground.patience,
            activities: true,
        };
        let token = options.token.into();
        let clock = self.clock.clone();
        let client = Client::new(settings, token, governor.clone(), clock).unwrap();
        let store = Store::open(&self.path).await.unwrap();
        let state = store.reader().learned::<GovernorState>(LOCK).await.unwrap();
        if let Some(state) = state {
            governor.restore(&state);
        }
        self.desk = Some(Desk {
            store,
            governor,
            client,
        });
    }

    /// The process is gone.
    async fn leave(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.store.close().await;
        }
    }

    pub(super) async fn close(&mut self) {
        self.leave().await;
        self.serving.cancel();
    }

    pub(super) fn wait(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn play(mut self, steps: &[Step]) -> Result<Tally, String> {
        let result = self.play_on(steps).await;
        self.close().await;
        result.map_err(|broken| format!("{broken}\n{}", self.last_requests()))?;
        Ok(self.tally)
    }

    async fn play_on(&mut self, steps: &[Step]) -> Result<(), String> {
        let mut oracle = Oracle::new(&self.ground, &self.path).await;
        for (place, step) in steps.iter().enumerate() {
            self.take(step, &mut oracle)
                .await
                .map_err(|broken| format!("step {}: {broken}", place + 1))?;
        }
        let quiet_since = self.clock.now();
        self.go_quiet().await;
        let mut result = self.end(&mut oracle).await;
        if result.is_ok() {
            result = self.rest(&mut oracle, quiet_since).await;
        }
        result.map_err(|broken| format!("at the end: {broken}"))
    }

    fn last_requests(&self) -> String {
        let requests = self.simulator.requests();
        let last = &requests[requests.len().saturating_sub(40)..];
        let lines = last
            .iter()
            .map(|request| format!("    {} {} {}\n", request.at, request.status, request.target));
        lines.collect()
    }

    async fn take(&mut self, step: &Step, oracle: &mut Oracle) -> Result<(), String> {
        match step {
            Step::Tick(span) => self.clock.advance(*span),
            Step::Churn(churn) => {
                let changes: Vec<Mutation> =
                    self.simulator.account(|account| churn.mutations(account));
                for change in changes {
                    self.simulator.apply(change);
                }
            }
            Step::Hook { .. } => {
                for hook in self.simulator.account(|account| step.hooks(account)) {
                    self.simulator.when_served(hook);
                }
            }
            Step::Fault(rule) => self.simulator.fault(rule.clone()),
            Step::Heal => {
                self.simulator.clear_faults();
                self.simulator.set_token_valid(true);
            }
            Step::Budget(left) => {
                self.shared_budget = true;
                self.simulator
                    .change_options(|options| options.requests_per_minute = Some(*left));
            }
            Step::Pass(mode, end) => {
                match self.pass(*mode, *end, false).await? {
                    None
                    | Some(
                        Ok(_)
                        | Err(
                            PassError::Stopped
                            | PassError::Source(_)
                            | PassError::TooManyGone { .. },
                        ),
                    ) => {}
                    Some(Err(error)) => return Err(format!("the pass broke down: {error}")),
                }
                self.look(oracle).await?;
            }
        }
        Ok(())
    }

    async fn look(&mut self, oracle: &mut Oracle) -> Result<(), String> {
        budget::holds(
            &self.simulator,
            &self.ground,
            self.shared_budget,
            &self.killed_after,
        )?;
        let claimed = oracle.look(&self.simulator).await?;
        self.tally.claims += u64::from(claimed);
        Ok(())
    }

    /// Nothing: the pass was killed.
    pub(super) async fn pass(
        &mut self,
        mode: Mode,
        how: Stop,
        accept_deletions: bool,
    ) -> Result<Option<Result<Outcome, PassError>>, String> {
        self.tally.passes += 1;
        let before = self.simulator.request_count();
        let outcome = self.drive(mode, how, accept_deletions, before).await?;
        self.last_was_whole =
            matches!(&outcome, Some(Ok(whole)) if whole.status == RunStatus::Complete);
        self.tally.requests += self.simulator.request_count() - before;
        if outcome.is_none() {
            self.tally.kills += 1;
            self.killed_after.push(self.simulator.request_count());
            self.leave().await;
            self.sit_down().await;
        }
        Ok(outcome)
    }

    async fn drive(
        &self,
        mode: Mode,
        how: Stop,
        accept_deletions: bool,
        before: u64,
    ) -> Result<Option<Result<Outcome, PassError>>, String> {
        let Some(desk) = &self.desk else {
            return Err("nobody is at the desk".to_owned());
        };
        let (stop, give_way) = (CancellationToken::new(), CancellationToken::new());
        let (progress, _) = watch::channel(Progress::default());
        let setting = Setting {
            client: &desk.client,
            governor: &desk.governor,
            store: &desk.store,
            clock: &self.clock,
            stop: &stop,
            give_way: &give_way,
            progress: &progress,
            max_in_flight: self.ground.in_flight,
            chats_at_a_time: self.ground.at_a_time,
            audit: self.ground.audit,
            accept_deletions,
            look_every: self.ground.peeks.then_some(Duration::ZERO),
            // An answer comes here however busy the machine is.
            last_answer: Duration::from_mins(1),
            // What is left then is read when the account has gone quiet.
            settled_only: self.ground.settled_only && !accept_deletions,
            rules: self.rules,
        };
        let mut pass = pin!(pass::run(&setting, mode));
        let mut other = Other::of(&self.path, self.ground.crowded);
        let mut breaths = 0;
        std::future::poll_fn(|context| {
            let asked = self.simulator.request_count() - before;
            match how {
                Stop::Cancelled(after) if asked >= after => stop.cancel(),
                Stop::GivesWay(after) if asked >= after => give_way.cancel(),
                Stop::Killed(after, left) if asked >= after => {
                    breaths += 1;
                    if breaths > left {
                        return Poll::Ready(Ok(None));
                    }
                }
                _ => {}
            }
            if let Err(broken) = other.tries(asked, context) {
                return Poll::Ready(Err(broken));
            }
            if asked > MOST_REQUESTS {
                return Poll::Ready(Err(format!("a pass asks {asked} times and goes on")));
            }
            pass.as_mut().poll(context).map(|outcome| Ok(Some(outcome)))
        })
        .await
    }

    /// The source goes quiet, and every answer comes, however busy the machine is.
    async fn go_quiet(&mut self) {
        if self.ground.hangs() {
            self.ground.patience = ground::PATIENCE;
            self.leave().await;
            self.sit_down().await;
        }
        self.simulator.clear_faults();
        self.simulator.clear_hooks();
        self.simulator.set_token_valid(true);
        let budget = self.ground.options.requests_per_minute;
        self.simulator
            .change_options(|options| options.requests_per_minute = budget);
        self.clock.advance(Duration::from_secs(130));
    }

    /// I2: one pass is enough, two if a chat vanished; and every value is right after a full re-read, or two.
    async fn end(&mut self, oracle: &mut Oracle) -> Result<(), String> {
        let gone = oracle.something_is_gone(&self.simulator);
        let was_cut = !self.last_was_whole;
        let half = was_cut && oracle.has_half_a_walk(&self.ground).await;
        let half_backfill = oracle.has_half_a_backfill().await;
        for mode in [Mode::Incremental, Mode::Backfill] {
            let more = match mode {
                Mode::Incremental => half,
                _ => half_backfill,
            };
            for _ in 0..=usize::from(gone) + usize::from(more) {
                // A second look decides if the first lies further back than changes may become visible late.
                let apart = Duration::from_secs(5) + oracle.skew().await;
                self.clock.advance(apart);
                match self.pass(mode, Stop::Not, true).await? {
                    Some(Ok(_)) => {}
                    outcome => return Err(format!("a quiet pass fails: {outcome:?}")),
                }
                self.look(oracle).await?;
            }
            match mode {
                Mode::Incremental => oracle.complete(&self.simulator).await?,
                _ => oracle.exact(&self.simulator, &self.path).await?,
            }
        }
        Ok(())
    }

    /// Once everything was read a pass finds nothing to do, and the mirror says so.
    async fn rest(&mut self, oracle: &mut Oracle, quiet_since: Timestamp) -> Result<(), String> {
        let before = oracle.last_change().await;
        let account = self.simulator.account(Account::clone);
        let most = rest::most_requests(&self.ground, &account);
        for _ in 0..2 {
            self.clock.advance(Duration::from_secs(5));
            let asked = self.simulator.request_count();
            match self.pass(Mode::Incremental, Stop::Not, false).await? {
                Some(Ok(_)) => {}
                outcome => return Err(format!("a pass at rest fails: {outcome:?}")),
            }
            let asked = self.simulator.request_count() - asked;
            if most.is_some_and(|most| asked > most) {
                return Err(format!("rest: {asked} requests for nothing"));
            }
        }
        let after = oracle.last_change().await;
        if after != before {
            return Err(format!(
                "rest: nothing changed, and {} changes were written",
                after - before
            ));
        }
        oracle.rests(&self.simulator, quiet_since).await
    }
}
