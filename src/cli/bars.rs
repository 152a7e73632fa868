//! How a pass is getting on: progress bars on a terminal, a log line now and then without one.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::pass::{Phase, Progress};

/// Without a terminal, a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// On a terminal, a new picture this often.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Somebody who watches a pass.
pub(super) struct Watcher {
    sender: watch::Sender<Progress>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch. `quiet`: nothing is shown.
    pub(super) fn start(quiet: bool) -> Self {
        let (sender, receiver) = watch::channel(Progress::default());
        let task = if quiet {
            tokio::spawn(async {})
        } else if std::io::stderr().is_terminal() {
            tokio::spawn(draw(receiver))
        } else {
            tokio::spawn(log(receiver))
        };
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

async fn draw(mut progress: watch::Receiver<Progress>) {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let chats = bars.add(bar("chats", "{pos}/{len} ({eta} left)"));
    let messages = bars.add(bar("messages", "{pos} ({per_sec})"));
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        show(&now, &chats, &messages);
        tokio::time::sleep(DRAW_EVERY).await;
    }
    chats.finish_and_clear();
    messages.finish_and_clear();
}

fn show(now: &Progress, chats: &ProgressBar, messages: &ProgressBar) {
    let (done, of) = match now.phase {
        Phase::Messages => (now.chats_read, now.chats_due),
        Phase::Lists | Phase::Waiting => (now.rows_listed.min(now.rows_in_list), now.rows_in_list),
    };
    chats.set_length(of);
    chats.set_position(done);
    chats.set_message(match (now.locked_until, now.phase) {
        (Some(until), _) => format!("the source asks to wait until {until} UTC"),
        (None, Phase::Messages) => "reading messages".to_owned(),
        (None, _) => "reading lists".to_owned(),
    });
    messages.set_position(now.messages_read);
    messages.set_message(format!("{} requests", now.requests));
}

fn bar(name: &'static str, numbers: &str) -> ProgressBar {
    let template = format!("{{prefix:>9}} {{bar:30}} {numbers}  {{msg}}");
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

async fn log(mut progress: watch::Receiver<Progress>) {
    let mut last = tokio::time::Instant::now();
    while progress.changed().await.is_ok() {
        if last.elapsed() < LINE_EVERY {
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
