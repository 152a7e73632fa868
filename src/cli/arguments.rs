//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::exit::Failure;
use crate::clock::Timestamp;
use crate::config::{Config, Environment};
use crate::export::Format;
use crate::model::Direction;

/// Mirrors a hosted chat account into one SQLite file, and proves that nothing is missing.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help = "The configuration [default: $CHATMIRROR_CONFIG, ./config.toml, /etc/chatmirror/config.toml]"
    )]
    pub(super) config: Option<PathBuf>,

    /// Report in JSON, for scripts
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// Say more (-vv: everything)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,

    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Begin: check the token, write a configuration, tell what the history will cost
    Init(InitOptions),
    /// Keep the mirror current until told to stop: the daemon
    Run,
    /// Run one pass, then exit
    Sync(SyncOptions),
    /// Tell how much is mirrored, through when it is complete, and what is owed
    Status(StatusOptions),
    /// Find messages by words, numbers and parts of them
    Search(SearchOptions),
    /// Hand the mirror to other engines, as Parquet, CSV or JSON lines
    Export(ExportOptions),
    /// Make a sealed copy in one file, for tools elsewhere
    Snapshot(SnapshotOptions),
    /// Take in events that a platform has pushed, from files or standard input (IQChannels)
    Ingest(IngestOptions),
    /// Compare with the source, chat by chat, and tell what is missing
    Verify(VerifyOptions),
    /// Look for what is wrong with configuration, token, source and file
    Check,
    /// Give the room of deleted rows back to the disk, and put the file in order
    Compact,
    /// Mirror a simulated account: nothing to configure
    Demo(DemoOptions),
    /// Serve a simulated account, for trials
    Simulate(SimulateOptions),
    /// Print what a shell needs to complete commands and options
    Completions(CompletionsOptions),
    /// Print the manual page, or write all of them into a directory
    Man(ManOptions),
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct SyncOptions {
    /// Read every chat and every message; goes on where it was if it is stopped
    #[arg(long, conflicts_with = "reconcile")]
    pub(super) backfill: bool,

    /// Read the whole list of chats, and find what is gone
    #[arg(long)]
    pub(super) reconcile: bool,

    /// Print the plan and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Read again what could not be read, after an upgrade
    #[arg(long, conflicts_with = "backfill")]
    pub(super) retry_rejects: bool,

    /// Believe it when many chats are gone at once (with --reconcile), or much of what they held
    #[arg(long)]
    pub(super) accept_deletions: bool,
}

#[derive(Debug, Default, Args)]
pub(super) struct InitOptions {
    /// Where the platform's API begins [default: Smart Sender's]
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,

    /// The zone of times that carry none, such as Europe/Kyiv [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(super) time_zone: Option<String>,

    /// Where the mirror shall be
    #[arg(long, value_name = "PATH")]
    pub(super) database: Option<PathBuf>,

    #[arg(
        long,
        value_name = "PATH",
        help = "A file that holds the token [default: $CHATMIRROR_TOKEN, or it is asked for]"
    )]
    pub(super) token_file: Option<PathBuf>,

    /// Write what the systemd unit of the package reads
    #[arg(long)]
    pub(super) systemd: bool,

    /// Write over a configuration that is there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsOptions {
    /// Which shell
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManOptions {
    /// Write a page a command into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct StatusOptions {
    /// Tell it again and again, until you press Ctrl-C
    #[arg(long)]
    pub(super) watch: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyOptions {
    /// Compare every chat
    #[arg(long, conflicts_with = "sample")]
    pub(super) all: bool,

    /// Compare so many chats, drawn by lot
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) sample: u32,
}

#[derive(Debug, Args)]
pub(super) struct SearchOptions {
    /// Words that the message must hold; three characters of each are enough
    #[arg(required = true)]
    pub(super) query: Vec<String>,

    /// Only in the chat with this id
    #[arg(long, value_name = "ID")]
    pub(super) chat: Option<i64>,

    /// Only through the channel with this id, or channels of this type or name
    #[arg(long)]
    pub(super) channel: Option<String>,

    /// Only what was written since then, in UTC: a day, with an hour and a minute if you like
    #[arg(long, value_name = "MOMENT", value_parser = since)]
    pub(super) since: Option<Timestamp>,

    /// Only what went this way
    #[arg(long, value_enum)]
    pub(super) direction: Option<Way>,

    /// At most so many messages
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Way {
    Inbound,
    Outbound,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Inbound => Self::Inbound,
            Way::Outbound => Self::Outbound,
        }
    }
}

/// Reads the beginning of a moment: `2026-03-01`, `2026-03-01 09:30`.
fn since(text: &str) -> Result<Timestamp, String> {
    const REST: &str = "0000-00-00 00:00:00.000";
    let text = text.replace('T', " ");
    let rest = REST.get(text.len()..).unwrap_or_default();
    let whole = format!("{text}{rest}");
    whole
        .parse()
        .ok()
        .filter(|_| text.len() >= "0000-00-00".len())
        .ok_or_else(|| {
            "must be a day, such as 2026-03-01, or a moment, such as \"2026-03-01 09:30\""
                .to_owned()
        })
}

#[derive(Debug, Args)]
pub(super) struct ExportOptions {
    /// How rows are written
    #[arg(long, value_enum)]
    pub(super) format: FileFormat,

    /// The directory of the dataset; several accounts may stand in it side by side
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,

    /// Write every month, whether or not it has changed
    #[arg(long)]
    pub(super) full: bool,
}

/// Formats of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FileFormat {
    Parquet,
    Csv,
    Jsonl,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Parquet => Self::Parquet,
            FileFormat::Csv => Self::Csv,
            FileFormat::Jsonl => Self::Jsonl,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct IngestOptions {
    /// Files of bodies: one a file, one a line, or one after another; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SnapshotOptions {
    /// Where the copy is put; an older copy there is replaced in one step
    pub(super) file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DemoOptions {
    /// Which platform: one that is asked, or one that pushes events
    #[arg(long, value_enum, default_value_t = Platform::Smartsender)]
    pub(super) kind: Platform,

    /// Where the mirror is put [default: a directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

/// Platforms that can be simulated.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Platform {
    Smartsender,
    Iqchannels,
}

#[derive(Debug, Args)]
pub(super) struct SimulateOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,

    /// How many chats the account has
    #[arg(long, default_value_t = 500)]
    pub(super) chats: usize,

    /// About how many messages
    #[arg(long, default_value_t = 14_000)]
    pub(super) messages: usize,

    /// What the account is made from: the same seed, the same account
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,

    /// The order of the lists of chats
    #[arg(long, value_enum, default_value_t = Order::NewestFirst)]
    pub(super) order: Order,

    /// Requests a minute before it locks, as the platform does [default: no limit]
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,

    /// Changes a minute while it runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) churn: u32,
}

/// Orders that a list of chats may have.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
    ById,
    Shuffled,
}

impl Arguments {
    /// The configuration that this command line leads to.
    pub(super) fn config(&self, environment: &Environment) -> Result<Config, Failure> {
        Ok(Config::load(self.config.as_deref(), environment)?.config)
    }
}
