//! No room left on the disk: a real small one, in a mount namespace of its own that ends with the test.

use std::path::Path;
use std::process::Command;

use super::{told_clearly, told_to_script, world};
use crate::support::program::{Ended, ended, integrity};
use crate::support::{World, truth};

/// Mounts a disk of the size given, fills it in two runs, then makes room and runs once more. Each run leaves what it printed
/// and its exit code; the mirror as it was while the disk was full, and as it is in the end, are copied out.
const SCRIPT: &str = r#"
mount -t tmpfs -o size="$2" none "$1/disk" || exit 200
run() { name=$1; shift; "$PROGRAM" "$@" >"$DIR/$name.out" 2>"$DIR/$name.err"; echo $? >"$DIR/$name.code"; }
DIR=$1
run person --config "$1/config.toml" sync --backfill
run script --config "$1/config.toml" sync --backfill --json
mkdir "$1/full"; cp "$1"/disk/mirror.db* "$1/full/"
mount -o remount,size=64m "$1/disk" || exit 201
run roomy --config "$1/config.toml" sync --backfill
cp "$1"/disk/mirror.db "$1/whole.db"
"#;

/// Lets the daemon fill the disk, makes room once it has said so, and ends it once it has said that it works again.
const DAEMON: &str = r#"
mount -t tmpfs -o size="$2" none "$1/disk" || exit 200
DIR=$1
"$PROGRAM" --config "$1/config.toml" run 2>"$1/said" &
daemon=$!
says() {
    tries=0
    until grep -q "$1" "$DIR/said"; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || { kill -KILL $daemon; exit "$2"; }
        sleep 0.1
    done
}
says "no room is left" 202
mount -o remount,size=64m "$1/disk" || exit 201
says "it works again" 203
kill -TERM $daemon
wait $daemon || exit 204
"$PROGRAM" --config "$1/config.toml" sync || exit 205
cp "$1"/disk/mirror.db "$1/whole.db"
"#;

/// Whether this machine lets the test have a disk of its own.
fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--mount", "--map-root-user", "mount", "-t", "tmpfs"])
        .args(["none", "/mnt"])
        .output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        println!("skipped: this machine lets no test mount a disk of its own (unshare --mount)");
    }
    may
}

fn run_of(dir: &Path, name: &str) -> Ended {
    let read = |suffix: &str| std::fs::read_to_string(dir.join(format!("{name}.{suffix}")));
    Ended {
        code: read("code").unwrap().trim().parse().unwrap(),
        out: read("out").unwrap(),
        err: read("err").unwrap(),
    }
}

/// A world whose mirror is to be on a disk of its own.
async fn world_with_a_disk() -> World {
    let mut world = world().await;
    let disk = world.dir().join("disk");
    std::fs::create_dir(&disk).unwrap();
    world.config.database.path = disk.join("mirror.db");
    world.write_config("");
    world
}

async fn play(script: &str, world: &World, size: &str) {
    let program = world.program(&[]);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(world.dir())
        .arg(size)
        .env("PROGRAM", program.get_program())
        .env("CHATMIRROR_TOKEN", world.simulator.options().token);
    let played = ended(command).await;
    assert_eq!(played.code, 0, "{played:?}");
}

async fn fill_a_disk_of(size: &str) -> World {
    let world = world_with_a_disk().await;
    play(SCRIPT, &world, size).await;
    let words = ["no room is left", "make room"];
    told_clearly(&run_of(world.dir(), "person"), 1, &words);
    told_to_script(&run_of(world.dir(), "script"), 1, &words);
    let roomy = run_of(world.dir(), "roomy");
    assert_eq!(roomy.code, 0, "{roomy:?}");
    let account = world.simulator.account(Clone::clone);
    truth::assert_equal(&world.dir().join("whole.db"), &account).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_before_anything_is_stored() {
    if may_mount() {
        fill_a_disk_of("64k").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_in_the_middle_of_a_backfill() {
    if !may_mount() {
        return;
    }
    let world = fill_a_disk_of("500k").await;
    let full = world.dir().join("full/mirror.db");
    assert_eq!(integrity(&full).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_daemon_is_an_error_in_its_log_and_over_when_there_is_room() {
    if !may_mount() {
        return;
    }
    let world = world_with_a_disk().await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let schedule = "[schedule]\nincremental = \"* * * * * *\"\n";
    std::fs::write(world.config_path(), config + schedule).unwrap();
    play(DAEMON, &world, "500k").await;
    let said = std::fs::read_to_string(world.dir().join("said")).unwrap();
    let loud: Vec<_> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(loud.len(), 1, "told once, not at each ring: {said}");
    assert!(
        loud[0].contains("no room is left") && loud[0].contains("make room"),
        "{said}"
    );
    let account = world.simulator.account(Clone::clone);
    truth::assert_equal(&world.dir().join("whole.db"), &account).await;
}
