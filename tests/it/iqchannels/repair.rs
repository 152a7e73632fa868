//! What pushes have lost, the lists and the stream make good.

use std::collections::BTreeSet;
use std::time::Duration;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::{self, Mailbox};
use chatmirror::pass::{self, PassError, Repair, Repaired};
use chatmirror::plan::Mode;
use chatmirror::simulator::iqchannels::{Habits, Installation, Options};
use chatmirror::source::Governor;
use chatmirror::source::iqchannels::Client;
use chatmirror::store::RunStatus;
use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::histories::{history, kept_differences, take_in};
use super::office::Office;
use super::truth;
use crate::support::program::{ended, until};

/// An installation that is served, and a mirror of it.
struct Scene {
    installation: Installation,
    base_url: String,
    config: Config,
    /// Waiting for another try lets it pass, and nobody waits.
    clock: Clock,
    stop: CancellationToken,
    _dir: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Scene {
    async fn of(seed: u64, chats: i64, options: Options) -> Self {
        let installation = Installation::new(history(seed, chats), options);
        let stop = CancellationToken::new();
        let base_url = installation.spawn(stop.clone()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "[source]\nkind = \"iqchannels\"\nbase_url = \"{base_url}\"\nrequests_per_minute = 0\n[repair]\nlists = true\n"
        );
        let mut config = Config::parse(&text).unwrap();
        config.database.path = dir.path().join("mirror.db");
        Self {
            installation,
            base_url,
            config,
            clock: Clock::simulated(Timestamp::now()),
            stop,
            _dir: dir,
        }
    }

    async fn mailbox(&self) -> Mailbox {
        Mailbox::open(&self.config, self.clock.clone())
            .await
            .unwrap()
    }

    fn client(&self) -> Client {
        let governor = Governor::new(0, self.clock.clone());
        let token = "simulated-token".into();
        daemon::asking(&self.config, &token, governor, self.clock.clone()).unwrap()
    }

    async fn repairs(&self, mailbox: &Mailbox, mode: Mode) -> Result<Repaired, PassError> {
        self.repairs_until(mailbox, mode, &self.stop).await
    }

    async fn repairs_until(
        &self,
        mailbox: &Mailbox,
        mode: Mode,
        stop: &CancellationToken,
    ) -> Result<Repaired, PassError> {
        self.clock.advance(Duration::from_mins(1));
        let repair = Repair {
            client: &self.client(),
            store: mailbox.store(),
            clock: &self.clock,
            stop,
            max_in_flight: 3,
        };
        pass::repair(&repair, mode).await
    }
}

#[tokio::test]
async fn whatever_is_lost_the_lists_bring_the_mirror_to_what_the_installation_is() {
    for seed in 0..16 {
        let mut rng = Rng::with_seed(seed);
        let options = Options {
            most_items: rng.usize(2..6),
            with_max_id: rng.bool(),
            newest_first: rng.bool(),
            fails_each: rng.usize(0..3) * 7,
            ..Options::default()
        };
        let scene = Scene::of(seed, 9, options).await;
        let mailbox = scene.mailbox().await;
        let habits = Habits {
            lost: rng.u8(10..70),
            repeated: 30,
            overtaken: 60,
        };
        let mut bodies = Vec::new();
        let mut lost = BTreeSet::new();
        for _ in 0..2 {
            let told = scene.installation.live(habits, 60);
            lost.extend(told.lost);
            // What was delivered before the lists were read comes again after them.
            bodies.extend(told.bodies);
            rng.shuffle(&mut bodies);
            take_in(&mailbox, &bodies, &mut rng).await;
            scene.repairs(&mailbox, Mode::Incremental).await.unwrap();
        }
        // What is missing in two walks is gone.
        for _ in 0..2 {
            let repaired = scene.repairs(&mailbox, Mode::Reconcile).await.unwrap();
            assert_eq!(repaired.status, RunStatus::Complete);
        }
        mailbox.close(RunStatus::Complete).await.unwrap();
        let path = &scene.config.database.path;
        let account = scene.installation.account(Clone::clone);
        let mut found = truth::differences(path, &account, &lost).await;
        found.extend(kept_differences(path).await);
        assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    }
}

#[tokio::test]
async fn a_walk_that_finds_nothing_writes_nothing_and_a_light_one_reads_no_chat() {
    let options = Options {
        idle: Duration::from_mins(2),
        ..Options::default()
    };
    let scene = Scene::of(5, 20, options).await;
    let _not_pushed = scene.installation.live(Habits::good(), 400);
    let mailbox = scene.mailbox().await;
    let first = scene.repairs(&mailbox, Mode::Incremental).await.unwrap();
    assert_eq!(first.chats_read, 20);
    let rows = first.rows.inserted;
    assert!(rows > 300, "{first:?}");
    let again = scene.repairs(&mailbox, Mode::Reconcile).await.unwrap();
    assert_eq!(again.chats_read, 20);
    let written = again.rows.inserted + again.rows.updated + again.rows.deleted;
    assert_eq!(written, 0, "{again:?}");
    let light = scene.repairs(&mailbox, Mode::Incremental).await.unwrap();
    assert_eq!(light.chats_read, 0, "{light:?}");
    // Two lists of chats for each of two channels, each with the page that ends it, and the channels with theirs.
    assert!(light.requests <= 10, "{light:?}");
    mailbox.close(RunStatus::Complete).await.unwrap();
}

#[tokio::test]
async fn a_walk_that_is_interrupted_goes_on_where_it_was() {
    let options = Options {
        most_items: 4,
        ..Options::default()
    };
    let scene = Scene::of(8, 30, options).await;
    let _not_pushed = scene.installation.live(Habits::good(), 300);
    let mailbox = scene.mailbox().await;
    let stop = CancellationToken::new();
    let stopping = async {
        until("half of it", async || {
            scene.installation.requests().len() > 60
        })
        .await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(
        scene.repairs_until(&mailbox, Mode::Reconcile, &stop),
        stopping
    );
    assert!(matches!(ended, Err(PassError::Stopped)), "{ended:?}");
    let rest = scene.repairs(&mailbox, Mode::Reconcile).await.unwrap();
    let whole = scene.repairs(&mailbox, Mode::Reconcile).await.unwrap();
    assert_eq!(whole.chats_read, 30);
    assert!(rest.requests + 30 < whole.requests, "{rest:?} {whole:?}");
    mailbox.close(RunStatus::Complete).await.unwrap();
    let account = scene.installation.account(Clone::clone);
    let lost = account.events.iter().map(|event| event.id).collect();
    let found = truth::differences(&scene.config.database.path, &account, &lost).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The real program with this in its configuration.
fn office(scene: &Scene, more: &str) -> Office {
    let office = Office::open();
    let text = format!(
        "[source]\nkind = \"iqchannels\"\nbase_url = \"{}\"\nrequests_per_minute = 0\n[database]\npath = \"{}\"\n{more}",
        scene.base_url,
        office.database().display()
    );
    office.file("config.toml", &text);
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_reads_the_lists_where_it_is_told_to() {
    let scene = Scene::of(2, 8, Options::default()).await;
    let _not_pushed = scene.installation.live(Habits::good(), 120);
    let sync = |office: &Office, token: &str| {
        let mut command = office.program(&["sync"]);
        command.env("CHATMIRROR_TOKEN", token);
        ended(command)
    };
    let asked = office(&scene, "[repair]\nlists = true\n");
    let refused = sync(&asked, "wrong").await;
    assert_eq!(refused.code, 77, "{refused:?}");
    let done = sync(&asked, "simulated-token").await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.out.contains("8 chats listed, 8 chats read"),
        "{}",
        done.out
    );
    let account = scene.installation.account(Clone::clone);
    let lost = account.events.iter().map(|event| event.id).collect();
    let found = truth::differences(&asked.database(), &account, &lost).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
    let mut check = asked.program(&["check"]);
    check.env("CHATMIRROR_TOKEN", "simulated-token");
    let check = ended(check).await;
    assert!(check.out.contains("lists 2 channels"), "{}", check.out);
    let before = scene.installation.requests().len();
    let not_asked = sync(&office(&scene, ""), "simulated-token").await;
    assert_eq!(not_asked.code, 78, "{not_asked:?}");
    assert!(not_asked.err.contains("repair.lists"), "{not_asked:?}");
    assert_eq!(scene.installation.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_followed_and_taken_up_again_where_it_broke_off() {
    let options = Options {
        streams_history: true,
        stream_breaks_after: 25,
        authorization: "Token simulated-token".to_owned(),
        ..Options::default()
    };
    let scene = Scene::of(3, 6, options).await;
    let _not_pushed = scene.installation.live(Habits::good(), 40);
    let repair = "[repair]\nstream = true\nheader = \"Authorization: Token {token}\"\n";
    let office = office(&scene, repair);
    let mut command = office.program(&["run"]);
    command.env("CHATMIRROR_TOKEN", "simulated-token");
    command.stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let all = async || {
        let events = scene.installation.account(|account| account.events.len());
        office.database().exists() && office.count("events").await == Some(events)
    };
    until("the first events", all).await;
    let _not_pushed = scene.installation.live(Habits::good(), 40);
    until("the events since", all).await;
    let told = std::process::Command::new("kill")
        .args(["-s", "TERM", &child.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    until("its end", async || child.try_wait().unwrap().is_some()).await;
    let account = scene.installation.account(Clone::clone);
    // Told late, a closing is shown beside a chat that may have another request by then: which one was closed is not known.
    let events = account.events.iter();
    let closings = events.filter(|event| event.value["Type"] == "chat_closed");
    let closings = closings.map(|event| event.id).collect();
    let found = truth::differences(&office.database(), &account, &closings).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
    let requests = scene.installation.requests();
    let resumed = requests
        .iter()
        .filter(|request| request.contains("FromId="));
    assert!(resumed.count() > 1, "{requests:?}");
    let places = office
        .value("select count(*) from checkpoints where stream like 'stream/%'")
        .await;
    assert_eq!(places, Value::from(2));
}
