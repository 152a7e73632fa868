//! The first run: from a token to a configuration that works, and what shells and manuals need.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use chatmirror::simulator::Options;

use crate::support::program::ended;
use crate::support::{World, account, truth};

fn init(world: &World, config: &Path, more: &[&str]) -> Command {
    let text = std::fs::read_to_string(world.config_path()).unwrap();
    let url = text.split("base_url = \"").nth(1).unwrap();
    let url = url.split('"').next().unwrap();
    let mut program = world.program(&["init", "--base-url", url]);
    program.args(more).arg("--config").arg(config);
    // The option of the world's own configuration, before it, is not wanted here.
    let arguments: Vec<_> = program.get_args().skip(2).map(ToOwned::to_owned).collect();
    let mut clean = Command::new(program.get_program());
    clean
        .args(arguments)
        .env("CHATMIRROR_TOKEN", world.simulator.options().token)
        .env_remove("CHATMIRROR_CONFIG")
        .env_remove("CREDENTIALS_DIRECTORY")
        .stdin(std::process::Stdio::null())
        .current_dir(world.dir());
    clean
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_all_that_is_needed_to_begin() {
    let world = World::real(account(30, 400, 5), Options::default()).await;
    let config = world.dir().join("acme.toml");
    let database = world.dir().join("acme.db");
    let begun = ended(init(
        &world,
        &config,
        &["--database", database.to_str().unwrap()],
    ))
    .await;
    assert_eq!(begun.code, 0, "{begun:?}");
    for words in [
        "opens account",
        "30 chats with about",
        "requests",
        "sync --backfill",
    ] {
        assert!(begun.out.contains(words), "{words}: {begun:?}");
    }
    let token = world.dir().join("acme.token");
    assert_eq!((mode(&config), mode(&token)), (0o600, 0o600));
    let text = std::fs::read_to_string(&config).unwrap();
    let secret = world.simulator.options().token;
    assert!(!text.contains(&secret) && !begun.out.contains(&secret));
    // What it says to do next works as it stands, and without the variable.
    for next in [&["check"][..], &["sync", "--backfill"], &["status"]] {
        let mut program = world.program(&[]);
        program = Command::new(program.get_program());
        program.arg("--config").arg(&config).args(next);
        program
            .env_remove("CHATMIRROR_TOKEN")
            .current_dir(world.dir());
        let next = ended(program).await;
        assert_eq!(next.code, 0, "{next:?}");
    }
    truth::assert_equal(&database, &world.simulator.account(Clone::clone)).await;
    let again = ended(init(&world, &config, &[])).await;
    assert_eq!(again.code, 78, "{again:?}");
    assert!(again.err.contains("is there already"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    assert_eq!(ended(init(&world, &config, &["--force"])).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_unit_reads_is_written_for_the_unit() {
    let world = World::real(account(3, 20, 5), Options::default()).await;
    let config = world.dir().join("config.toml");
    std::fs::rename(world.config_path(), world.dir().join("old")).unwrap();
    std::fs::copy(world.dir().join("old"), world.config_path()).unwrap();
    let begun = ended(init(&world, &config, &["--systemd", "--force"])).await;
    assert_eq!(begun.code, 0, "{begun:?}");
    assert!(begun.out.contains("systemctl enable --now chatmirror"));
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("path = \"/var/lib/chatmirror/chatmirror.db\""));
    assert!(text.contains("token_file = \"\""), "{text}");
    assert_eq!(mode(&world.dir().join("token")), 0o600);
    // Its user must be able to read it, and it holds no secret.
    assert_eq!(mode(&config), 0o644);
    let acme = ended(init(&world, &world.dir().join("acme.toml"), &["--systemd"])).await;
    assert!(
        acme.out.contains("enable --now chatmirror@acme"),
        "{acme:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_nothing_is_written() {
    let world = World::real(account(3, 20, 5), Options::default()).await;
    let config = world.dir().join("new.toml");
    world.simulator.set_token_valid(false);
    let refused = ended(init(&world, &config, &[])).await;
    assert_eq!(refused.code, 77, "{refused:?}");
    let mut none = init(&world, &config, &[]);
    none.env_remove("CHATMIRROR_TOKEN");
    let none = ended(none).await;
    assert_eq!(none.code, 78, "{none:?}");
    assert!(none.err.contains("--token-file"), "{none:?}");
    assert!(!config.exists() && !world.dir().join("new.token").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_and_manuals_know_every_command() {
    let world = World::real(account(1, 5, 5), Options::default()).await;
    for shell in ["bash", "fish", "zsh"] {
        let completions = ended(world.program(&["completions", shell])).await;
        assert_eq!(completions.code, 0);
        for command in ["backfill", "verify", "compact", "init"] {
            assert!(completions.out.contains(command), "{shell}: {command}");
        }
    }
    let page = ended(world.program(&["man"])).await;
    assert!(page.out.contains(".TH chatmirror 1"), "{page:?}");
    let pages = world.dir().join("pages");
    let none = ended(world.program(&["man", "--dir", pages.to_str().unwrap()])).await;
    assert_eq!(none.code, 78, "{none:?}");
    std::fs::create_dir(&pages).unwrap();
    let written = ended(world.program(&["man", "--dir", pages.to_str().unwrap()])).await;
    assert_eq!(written.code, 0, "{written:?}");
    for page in ["chatmirror.1", "chatmirror-sync.1", "chatmirror-check.1"] {
        assert!(pages.join(page).exists(), "{page}");
    }
}
