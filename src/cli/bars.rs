//! How a pass is getting on: progress bars on a terminal, a log line now and then without one.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::output::{grouped, moment, span};
use crate::pass::{Phase, Progress};

/// Without a terminal, a line this often.
pub(super) const LINE_EVERY: Duration = Duration::from_secs(10);

/// On a terminal, a new picture this often.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The one place of the terminal where bars stand: whoever writes a line meanwhile asks it to make room.
static SCREEN: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

/// Writes a line above the bars, if there are any.
pub(super) fn above<T>(write: impl FnOnce() -> T) -> T {
    SCREEN.suspend(write)
}

/// Somebody who watches a pass.
pub(super) struct Watcher {
    sender: watch::Sender<Progress>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch. `quiet`: nothing is shown.
    pub(super) fn start(quiet: bool) -> Self {
        if quiet {
            return Self::showing(|_| std::future::ready(()));
        }
        if std::io::stderr().is_terminal() {
            Self::showing(draw)
        } else {
            Self::in_lines(LINE_EVERY)
        }
    }

    /// Begins to watch, with a log line this often.
    pub(super) fn in_lines(every: Duration) -> Self {
        Self::showing(|progress| log(progress, every))
    }

    fn showing<S>(show: impl FnOnce(watch::Receiver<Progress>) -> S) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(Progress::default());
        let task = tokio::spawn(show(receiver));
        Self { sender, task }
    }

    /// Where a pass tells how it is getting on.
    pub(super) fn sender(&self) -> &watch::Sender<Progress> {
        &self.sender
    }

    /// Ends, and leaves the screen as it was.
    pub(super) async fn stop(self) {
        drop(self.sender);
        // The watcher only shows: whatever became of it is no concern of the pass.
        let _ = self.task.await;
    }
}

/// Somebody who watches bytes being read.
pub(super) struct Meter {
    bar: Option<ProgressBar>,
    told: tokio::time::Instant,
    of: Option<u64>,
}

impl Meter {
    /// Begins to watch; `of`: how many bytes there are. `quiet`: nothing is shown.
    pub(super) fn start(quiet: bool, of: Option<u64>) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let template = match of {
            Some(_) => "{prefix:>9} {bar:30} {bytes}/{total_bytes}  {msg}",
            None => "{prefix:>9} {bytes}  {msg}",
        };
        let bar = shown.then(|| SCREEN.add(line(template, "read")));
        if let (Some(bar), Some(of)) = (&bar, of) {
            bar.set_length(of);
        }
        Self {
            bar,
            told: tokio::time::Instant::now(),
            of,
        }
    }

    /// So many bytes are read, with so many bodies in them.
    pub(super) fn at(&mut self, bytes: u64, bodies: i64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            let rate = format!("{:.0}", bar.per_sec()).parse().unwrap_or(0);
            let left = time_left(bar);
            let bodies = grouped(bodies);
            bar.set_message(format!(
                "{bodies} bodies, {} bytes a second{left}",
                grouped(rate)
            ));
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = tokio::time::Instant::now();
            tracing::info!(bytes, of = self.of, bodies, "under way");
        }
    }

    /// Ends, and leaves the screen as it was.
    pub(super) fn stop(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn draw(mut progress: watch::Receiver<Progress>) {
    let chats = SCREEN.add(line(
        "{prefix:>9} {bar:30} {human_pos}/{human_len}  {msg}",
        "chats",
    ));
    let messages = SCREEN.add(line("{prefix:>9} {human_pos}  {rate}  {msg}", "messages"));
    let mut phase = Phase::Waiting;
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        if now.phase != phase {
            // What is counted is another thing now: its pace is not the former one's.
            chats.reset_eta();
            phase = now.phase;
        }
        show(&now, &chats, &messages);
        tokio::time::sleep(DRAW_EVERY).await;
    }
    chats.finish_and_clear();
    messages.finish_and_clear();
}

fn show(now: &Progress, chats: &ProgressBar, messages: &ProgressBar) {
    let (done, of) = match now.phase {
        Phase::Messages | Phase::Audit => (now.chats_read, now.chats_due),
        Phase::Lists | Phase::Waiting => (now.rows_listed.min(now.rows_in_list), now.rows_in_list),
    };
    chats.set_length(of);
    chats.set_position(done);
    chats.set_message(match (now.locked_until, now.phase) {
        (Some(until), _) => format!("the source takes no requests until {} UTC", moment(until)),
        (None, Phase::Messages) => format!("read{}", time_left(chats)),
        (None, Phase::Audit) => format!("read again{}", time_left(chats)),
        (None, _) => format!("listed{}", time_left(chats)),
    });
    messages.set_position(now.messages_read);
    messages.set_message(format!("{} requests", grouped(now.requests.cast_signed())));
}

fn line(template: &str, name: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate);
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

/// Right after the start nothing can be said yet.
fn time_left(chats: &ProgressBar) -> String {
    match (chats.position(), chats.eta().as_secs()) {
        (0, _) | (_, 0) => String::new(),
        (_, seconds) => format!("  about {} left", span(seconds)),
    }
}

fn rate(state: &ProgressState, to: &mut dyn Write) {
    let whole = format!("{:.0}", state.per_sec()).parse().unwrap_or(0);
    let _ = write!(to, "{} a second", grouped(whole));
}

async fn log(mut progress: watch::Receiver<Progress>, every: Duration) {
    let mut last = tokio::time::Instant::now();
    while progress.changed().await.is_ok() {
        if last.elapsed() < every {
            continue;
        }
        last = tokio::time::Instant::now();
        let now = progress.borrow_and_update().clone();
        tracing::info!(
            chats.listed = now.rows_listed,
            chats.read = now.chats_read,
            chats.due = now.chats_due,
            messages = now.messages_read,
            requests = now.requests,
            "under way"
        );
    }
}

/// A bar for rows that are written, if there is a terminal to draw it on.
pub(super) fn rows_bar(quiet: bool) -> Option<ProgressBar> {
    (!quiet && std::io::stderr().is_terminal()).then(|| {
        SCREEN.add(line(
            "{prefix:>9} {bar:30} {human_pos}/{human_len}  {rate}  about {eta} left",
            "rows",
        ))
    })
}
