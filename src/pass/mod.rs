//! One pass: plan, walk, close. The only place where a source and the store meet.
//!
//! The way of a page: `ask` fetches it, the store compares it with what is stored, the plan's rules say what
//! follows, and one batch writes the rows that differ together with the position they bring the pass to.

mod ask;
mod audit;
mod chats;
mod count;
mod crossing;
mod deliveries;
mod error;
mod gone;
mod lists;
mod messages;
mod page;
mod progress;
mod repair;
mod traits;
mod verify;
mod visits;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::model::ChatList;
use crate::plan::{self, Facts, ListOrder, Mode, Owed, Rule, Rules, Step};
use crate::source::smartsender::Client;
use crate::source::{Governor, GovernorState, SourceError};
use crate::store::{Reader, RunEnd, RunStatus, RunTotals, Store};

pub use audit::{Audit, chats_to_audit};
pub use deliveries::{Manner, Parcel, Receipt, take_in};
pub use error::PassError;
pub use progress::{Phase, Progress};
pub use repair::{Repair, Repaired, follow, repair};
pub use traits::{lists_are_half_read, reads_history};
pub use verify::{Difference, Uncompared, Verification, requests_to_count, verify};

use crossing::Written;
use lists::Peeks;
use traits::{Backfill, Traits};
use visits::Visits;

/// Plans of one pass: a source that refutes every one of them is out of order.
const MOST_PLANS: u32 = 6;

/// What a pass works with.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The source.
    pub client: &'a Client,
    /// Its budget.
    pub governor: &'a Governor,
    /// The mirror.
    pub store: &'a Store,
    /// Our clock; the source's own is read from its answers.
    pub clock: &'a Clock,
    /// Told to stop, a pass leaves between two pages.
    pub stop: &'a CancellationToken,
    /// Told that others wait, a pass ends after the chats at hand; what is left stays owed.
    pub give_way: &'a CancellationToken,
    /// Where it tells how it is getting on.
    pub progress: &'a watch::Sender<Progress>,
    /// How many requests may be under way at once.
    pub max_in_flight: usize,
    /// How many of the chats that are due are held in memory at once: of a large account all may be.
    pub chats_at_a_time: usize,
    /// What may be spent on re-reading what is not owed.
    pub audit: Option<Audit>,
    /// Whether a sudden loss of many chats, or of much that many of them held, is to be believed.
    pub accept_deletions: bool,
    /// How often to look for news while lists are walked to their end; nothing: not at all.
    pub look_every: Option<Duration>,
    /// How long a pass that is told to stop waits for the answer that is under way, in real time.
    pub last_answer: Duration,
    /// Whether chats that have just changed are left until they have settled: read once, and a little later.
    pub settled_only: bool,
    /// Which rules are kept: all, but in the tests that show what each is for.
    pub rules: Rules,
}

/// How a pass went.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// What it was for.
    pub mode: Mode,
    /// How it ended.
    pub status: RunStatus,
    /// Requests made.
    pub requests: u64,
    /// Rows written.
    pub rows: RunTotals,
    /// Chats that were found new or changed.
    pub chats_changed: u64,
    /// Chats read.
    pub chats_read: u64,
    /// Chats that could not be read and stay owed.
    pub chats_failed: u64,
    /// Chats re-read although nothing was owed of them.
    pub chats_audited: u64,
}

/// A pass under way.
pub(crate) struct Pass<'a> {
    setting: &'a Setting<'a>,
    /// Cancelled when the pass is told to stop, or when one of its chats meets what concerns them all.
    halt: CancellationToken,
    /// A permit for each request that may be under way.
    in_flight: Semaphore,
    run_id: i64,
    mode: Mode,
    traits: Mutex<Traits>,
    /// The latest `Date` of the source.
    server_now: Mutex<Option<Timestamp>>,
    /// The `Date` of the pass's first answer: what was missing before it was missed by an earlier pass.
    first_answer: Mutex<Option<Timestamp>>,
    /// Where the looks for news stand that are made during long walks.
    peeks: Mutex<Peeks>,
    /// How often each chat was read.
    visits: Visits,
    /// Whose messages were written of late.
    written: Written,
    /// Whether the order of the list of chats has fallen in this pass: what made it fall may not show in a later walk.
    order_fell: AtomicBool,
    chats_changed: AtomicU64,
    chats_read: AtomicU64,
    chats_failed: AtomicU64,
    failures_in_a_row: AtomicU64,
    audited: AtomicU64,
}

/// Runs one pass.
///
/// # Errors
/// [`PassError`], after its row in the ledger is closed. What was read before it is kept.
pub async fn run(setting: &Setting<'_>, mode: Mode) -> Result<Outcome, PassError> {
    let before = setting.client.requests();
    let run_id = setting.store.begin_run(mode, setting.clock.now()).await?;
    let budget = GovernorState {
        in_use: true,
        ..setting.governor.state()
    };
    let now = setting.clock.now();
    setting
        .store
        .learn(GovernorState::NAME, &budget, now)
        .await?;
    let pass = Pass::new(setting, mode, run_id).await?;
    let result = pass.carry_out().await;
    let (status, error) = match &result {
        Ok(status) => (*status, None),
        Err(PassError::Stopped) => (RunStatus::CutShort, None),
        Err(error) => (RunStatus::Failed, Some(error.to_string())),
    };
    let requests = setting.client.requests() - before;
    let end = RunEnd {
        status,
        requests,
        audited: pass.audited.load(Ordering::Relaxed),
        error: error.as_deref(),
        at: setting.clock.now(),
    };
    if result.is_err() {
        // Pages that share the failing one's transaction are lost with it: the failure itself tells of that.
        let _ = setting.store.settle().await;
    }
    let rows = setting.store.finish_run(run_id, end).await?;
    // The next process must know what this one has asked in the last minute.
    let now = setting.clock.now();
    setting
        .store
        .learn(GovernorState::NAME, &setting.governor.state(), now)
        .await?;
    result?;
    Ok(Outcome {
        mode,
        status,
        requests,
        rows,
        chats_changed: pass.chats_changed.load(Ordering::Relaxed),
        chats_read: pass.chats_read.load(Ordering::Relaxed),
        chats_failed: pass.chats_failed.load(Ordering::Relaxed),
        chats_audited: pass.audited.load(Ordering::Relaxed),
    })
}

/// What the plan of the next pass is made from, by what is stored, and how large the account is: that takes looking at
/// every row.
///
/// # Errors
/// Whatever the store says.
pub async fn facts(reader: &Reader, now: Timestamp) -> Result<Facts, PassError> {
    let sizes = reader.sizes().await?;
    Ok(Facts {
        chats: sizes.chats,
        open_chats: sizes.open_chats,
        pages: sizes.pages,
        ..deciding_facts(reader, now).await?
    })
}

/// What decides what a pass does: as quickly told of ten million messages as of none.
async fn deciding_facts(reader: &Reader, now: Timestamp) -> Result<Facts, PassError> {
    let traits = Traits::load(reader).await?;
    let due = reader.due_counts(now).await?;
    Ok(Facts {
        order: traits.chat_order,
        watermark: reader
            .checkpoint(&ChatList::All.to_string())
            .await?
            .watermark,
        union: traits.union,
        due_chats: due.chats.cast_unsigned(),
        due_whole: due.whole.cast_unsigned(),
        due_new: due.new.cast_unsigned(),
        backfill_under_way: traits.backfill == Some(Backfill::Reading),
        ..Facts::default()
    })
}

impl<'a> Pass<'a> {
    /// A pass that has not begun; `run_id` is its row in the ledger.
    async fn new(setting: &'a Setting<'a>, mode: Mode, run_id: i64) -> Result<Self, PassError> {
        Ok(Self {
            setting,
            halt: setting.stop.child_token(),
            in_flight: Semaphore::new(setting.max_in_flight),
            run_id,
            mode,
            traits: Mutex::new(Traits::load(setting.store.reader()).await?),
            server_now: Mutex::new(None),
            first_answer: Mutex::new(None),
            peeks: Mutex::new(Peeks::new(setting.clock.now())),
            visits: Visits::default(),
            written: Written::default(),
            order_fell: AtomicBool::new(false),
            chats_changed: AtomicU64::new(0),
            chats_read: AtomicU64::new(0),
            chats_failed: AtomicU64::new(0),
            failures_in_a_row: AtomicU64::new(0),
            audited: AtomicU64::new(0),
        })
    }
}

impl Pass<'_> {
    /// Plans, and carries the plan out. Learning on the way that the plan was made from a wrong belief, it plans again.
    async fn carry_out(&self) -> Result<RunStatus, PassError> {
        self.begin_backfill().await?;
        if self.setting.accept_deletions {
            self.setting.store.believe_losses().await?;
        }
        let mut plans = 0;
        loop {
            plans += 1;
            let now = self.setting.clock.now();
            let mut facts = deciding_facts(self.setting.store.reader(), now).await?;
            if !self.keeps(Rule::ProvenOrder) {
                facts.order = ListOrder::NewestFirst;
            }
            match self.carry_out_steps(plan::steps(self.mode, &facts)).await {
                Err(PassError::PlanAgain { why }) if plans < MOST_PLANS => {
                    tracing::info!(why, "planning again");
                }
                Err(PassError::PlanAgain { why }) => {
                    return Err(PassError::Source(SourceError::Unreadable {
                        why: format!("the lists contradict themselves again and again: {why}"),
                    }));
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        if let Some(audit) = self.setting.audit {
            self.audit(audit).await?;
        }
        self.close().await
    }

    async fn carry_out_steps(&self, steps: Vec<Step>) -> Result<(), PassError> {
        let mut looks = Vec::new();
        for step in steps {
            match step {
                Step::List {
                    list, reach, why, ..
                } => {
                    tracing::debug!(%list, ?reach, why, "reading a list");
                    looks.push(self.look_at_list(list, reach).await?);
                }
                Step::State { reach, why, .. } => {
                    tracing::debug!(?reach, why, "reading the open chats");
                    if self.keeps(Rule::StateLook) {
                        self.look_at_states(reach, &looks).await?;
                    }
                    self.learn_union().await?;
                    self.lists_are_done(&looks).await?;
                }
                Step::Messages { why, .. } => {
                    tracing::debug!(why, "reading messages");
                    self.read_due_chats().await?;
                }
            }
        }
        Ok(())
    }

    /// Whether everything was met that the pass demands.
    async fn close(&self) -> Result<RunStatus, PassError> {
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let (mut unread, mut debts) = (false, false);
        let gave_way = self.gives_way();
        let reader = self.setting.store.reader();
        reader
            .each_due(now, |due| {
                // What was put off may have become due just now, and holds nothing back.
                let may_wait = matches!(due.owed, Owed::Missing | Owed::Doubted);
                let is_left = !self.visits.has(due.chat_id) && !may_wait;
                unread |= gave_way || is_left;
                // What was read in the second of its change is due again by itself; any other debt left over is one.
                debts |= due.owed.is_debt() && due.owed != Owed::Unsettled;
            })
            .await?;
        // What could not be read stays owed like any debt, and holds no backfill up.
        if !unread && self.traits()?.backfill == Some(Backfill::Reading) {
            self.learn(|traits| traits.backfill = None).await?;
        }
        let failed = self.chats_failed.load(Ordering::Relaxed) > 0;
        let unclosed = self.traits()?.unclosed_list;
        Ok(if failed || debts || unread || unclosed {
            RunStatus::Partial
        } else {
            RunStatus::Complete
        })
    }

    fn saw(&self, date: Timestamp) -> Result<(), PassError> {
        let mut now = self.server_now.lock().map_err(|_| PassError::Poisoned)?;
        *now = now.max(Some(date));
        self.first_answer
            .lock()
            .map_err(|_| PassError::Poisoned)?
            .get_or_insert(date);
        let requests = self.setting.client.requests();
        self.setting
            .progress
            .send_modify(|progress| progress.requests = requests);
        Ok(())
    }

    /// Whether a rule is kept.
    fn keeps(&self, rule: Rule) -> bool {
        self.setting.rules.keep(rule)
    }

    fn server_now(&self) -> Option<Timestamp> {
        self.server_now.lock().ok().and_then(|now| *now)
    }
}
