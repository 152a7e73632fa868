//! The real program as its user meets it: what it printed, how it ended, and how to stop it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{World, dump};

/// No command of these tests takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// What `--json` printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command to its end; the simulated accounts go on answering meanwhile.
pub async fn ended(mut command: Command) -> Ended {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.expect("the command should have ended").unwrap();
    Ended {
        code: output
            .status
            .code()
            .expect("no signal should have ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until `holds`, and fails with `what` if it does not in time.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A process that goes on until it is told to stop; it does not outlive the test.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts the command; what it says goes into a file of the world's.
    pub fn start(world: &World, mut command: Command) -> Self {
        let log = world.dir().join("said");
        command.stdout(Stdio::null());
        command.stderr(File::create(&log).unwrap());
        Self {
            child: command.spawn().unwrap(),
            log,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said `words`.
    pub async fn says(&self, words: &str) {
        until(words, async || self.said().contains(words)).await;
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// Waits for its end; how it ended and after how long.
    pub async fn end(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "still runs: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What SQLite finds wrong with the file: `ok` if nothing.
pub async fn integrity(path: &Path) -> Value {
    dump::value(path, "pragma integrity_check").await
}

/// The files that SQLite keeps beside a database while it is open.
pub fn files_beside(path: &Path) -> Vec<String> {
    let beside = |suffix: &&str| Path::new(&format!("{}{suffix}", path.display())).exists();
    let suffixes = ["-wal", "-shm", "-journal"].into_iter();
    suffixes.filter(beside).map(str::to_owned).collect()
}
