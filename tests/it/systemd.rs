//! Under systemd: what the daemon tells it, how it takes up a new configuration, and how the units are.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use chatmirror::simulator::{Fault, Target};
use tokio::net::UnixDatagram;

use crate::service::{always, catches_up, something_new, stops, stored, world};
use crate::support::program::{Running, until};
use crate::support::{World, dump};

/// As the service manager: hears what the daemon tells it.
struct Manager {
    heard: Arc<Mutex<Vec<String>>>,
    socket: std::path::PathBuf,
}

impl Manager {
    fn listening(world: &World) -> Self {
        let socket = world.dir().join("notify");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = UnixDatagram::bind(&socket).unwrap();
        let book = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut words = vec![0; 4096];
            while let Ok(length) = listener.recv(&mut words).await {
                let text = String::from_utf8_lossy(&words[..length]).into_owned();
                let mut book = book.lock().unwrap();
                book.extend(text.lines().map(str::to_owned));
            }
        });
        Self { heard, socket }
    }

    /// Starts the daemon as systemd does, with a watchdog that wants a sign every tenth of a second and the token as a
    /// credential.
    fn starts(&self, world: &World) -> Running {
        let credentials = world.dir().join("credentials");
        std::fs::create_dir_all(&credentials).unwrap();
        std::fs::write(credentials.join("token"), world.simulator.options().token).unwrap();
        let mut program = world.program(&["run"]);
        program
            .env_remove("CHATMIRROR_TOKEN")
            .env("CREDENTIALS_DIRECTORY", credentials)
            .env("NOTIFY_SOCKET", &self.socket)
            .env("WATCHDOG_USEC", "200000")
            .env_remove("WATCHDOG_PID");
        Running::start(world, program)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How often something was heard that begins with `words`.
    fn count(&self, words: &str) -> usize {
        let heard = self.heard();
        heard.iter().filter(|line| line.starts_with(words)).count()
    }

    async fn hears(&self, words: &str, times: usize) {
        until(words, async || self.count(words) >= times).await;
    }

    /// Asks for a reload, and waits for its end. Gives what was heard from its beginning on.
    async fn reloads(&self, daemon: &Running) -> Vec<String> {
        let before = self.heard().len();
        let readies = self.count("READY=1");
        daemon.signal("HUP");
        self.hears("READY=1", readies + 1).await;
        let heard = self.heard().split_off(before);
        let begun = heard.iter().position(|line| line == "RELOADING=1");
        heard[begun.expect("RELOADING=1 comes before READY=1")..].to_vec()
    }
}

fn change(world: &World, from: &str, to: &str) {
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    assert!(config.contains(from), "{config}");
    std::fs::write(world.config_path(), config.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_said_when_the_mirror_is_open_and_bound_and_beats_come_from_then_to_the_end() {
    let world = world(5, 40, 0).await;
    always(&world, Target::Me, Fault::Status(503));
    let manager = Manager::listening(&world);
    let mut daemon = manager.starts(&world);
    // While the source is down, a start takes longer: it says so, and is not ready.
    manager.hears("EXTEND_TIMEOUT_USEC=", 2).await;
    manager.hears("STATUS=asking the source", 1).await;
    assert_eq!(manager.count("READY=1"), 0, "{:?}", manager.heard());
    world.simulator.clear_faults();
    manager.hears("READY=1", 1).await;
    let bound = "select count(*) from source_account";
    assert_eq!(stored(&world, bound).await, 1);
    catches_up(&world).await;
    manager.hears("STATUS=complete through 20", 1).await;
    let beats = manager.count("WATCHDOG=1");
    manager.hears("WATCHDOG=1", beats + 3).await;
    stops(&world, &mut daemon).await;
    manager.hears("STATUS=stopped", 1).await;
    assert_eq!(manager.count("READY=1"), 1);
    assert_eq!(manager.count("STOPPING=1"), 1);
    assert!(!daemon.said().contains(&world.simulator.options().token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_will_not_do_is_refused_in_words_and_the_old_one_goes_on() {
    let world = world(5, 40, 0).await;
    let manager = Manager::listening(&world);
    let mut daemon = manager.starts(&world);
    manager.hears("READY=1", 1).await;
    let good = std::fs::read_to_string(world.config_path()).unwrap();
    let token_file = world.dir().join("other-token");
    std::fs::write(&token_file, "a-token-of-nobody").unwrap();
    let other_token = format!("[source]\ntoken_file = \"{}\"", token_file.display());
    for (from, to, words) in [
        ("* * * * * *", "whenever", "schedule.incremental"),
        ("mirror.db", "other.db", "database.path cannot change"),
        ("[source]", &other_token, "refused the token"),
    ] {
        change(&world, from, to);
        let heard = manager.reloads(&daemon).await;
        let status = heard.iter().find(|line| line.contains("is refused"));
        assert!(status.is_some_and(|line| line.contains(words)), "{heard:?}");
        std::fs::write(world.config_path(), &good).unwrap();
    }
    assert!(daemon.said().contains("the old one stays in use"));
    assert!(!daemon.said().contains("a-token-of-nobody"));
    something_new(&world.simulator, "Ще тут?");
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_is_taken_up_while_a_pass_hangs() {
    let world = world(5, 40, 0).await;
    change(&world, "* * * * * *", "0 0 0 1 1 *");
    always(&world, Target::Messages, Fault::Stall(None));
    let manager = Manager::listening(&world);
    let mut daemon = manager.starts(&world);
    manager.hears("STATUS=reading messages", 1).await;
    world.simulator.clear_faults();
    change(&world, "0 0 0 1 1 *", "* * * * * *");
    manager.reloads(&daemon).await;
    assert!(daemon.said().contains("the new configuration is in use"));
    catches_up(&world).await;
    // Only the new schedule brings this before next year.
    something_new(&world.simulator, "А зараз?");
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_token_no_name_and_no_word_of_a_message() {
    let world = world(20, 200, 0).await;
    let manager = Manager::listening(&world);
    let mut daemon = manager.starts(&world);
    catches_up(&world).await;
    something_new(&world.simulator, "Пароль від сейфа 4711");
    catches_up(&world).await;
    always(&world, Target::Messages, Fault::Status(503));
    something_new(&world.simulator, "Нікому не кажіть");
    daemon.says("this chat stays owed").await;
    world.simulator.clear_faults();
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
    let said = daemon.said() + &manager.heard().join("\n");
    assert!(!said.contains(&world.simulator.options().token));
    let personal = "select name as word from contacts union select sender_name from messages
                    union select text from messages union select phone from contacts
                    union select email from contacts";
    let mut looked_for = 0;
    for row in dump::query(&world.database(), personal).await {
        // A word of three letters may stand in any line.
        if let Some(word) = row["word"].as_str().filter(|word| word.len() > 6) {
            assert!(!said.contains(word), "{word}");
            looked_for += 1;
        }
    }
    assert!(looked_for > 20, "{looked_for}");
}

fn unit(name: &str) -> String {
    let path = format!("{}/contrib/systemd/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_unit_of_many_accounts_is_the_unit_of_one_with_the_instance_in_its_paths() {
    let one = unit("chatmirror.service")
        .replace("a hosted chat account", "the hosted chat account %i")
        .replace("/config.toml", "/%i.toml")
        .replace("chatmirror/token", "chatmirror/%i.token")
        .replace("StateDirectory=chatmirror", "StateDirectory=chatmirror/%i")
        .replace("/var/lib/chatmirror", "/var/lib/chatmirror/%i");
    assert_eq!(unit("chatmirror@.service"), one);
}

#[test]
fn the_units_are_valid_and_as_hard_as_they_are_said_to_be() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("skipped: systemd-analyze is not on this machine");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The program need not be installed here, and an instance stands for its template.
    for (source, name) in [
        ("chatmirror.service", "chatmirror.service"),
        ("chatmirror@.service", "chatmirror@acme.service"),
    ] {
        let path = dir.path().join(name);
        let text = unit(source).replace("/usr/bin/chatmirror", env!("CARGO_BIN_EXE_chatmirror"));
        std::fs::write(&path, text).unwrap();
        let said = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
        assert_eq!(said, "", "systemd-analyze verify {source}");
        let said = analyze(&["security", "--offline=true", "--no-pager"], &path);
        let exposure = said
            .rsplit_once(": ")
            .and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok());
        assert!(exposure.is_some_and(|found| found <= 1.2), "{said}");
    }
}

fn analyze(arguments: &[&str], unit: &Path) -> String {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}
