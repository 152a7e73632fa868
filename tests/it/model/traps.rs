//! The traps that engines of this kind are known to fall into, set for the program itself; and an account whose answers are bad for days.

use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{
    Account, ChatOrder, Damage, Fault, FaultRule, Hook, Mutation, Occasion, Options, Speaker,
    Target,
};

use crate::support::program::ended;
use crate::support::{World, account, dump, noon, truth};

pub(super) fn say(chat: i64) -> Mutation {
    Mutation::say(chat, Speaker::Contact, "Чи є новини?")
}

/// The chats, the latest change first.
pub(super) fn by_change(account: &Account) -> Vec<i64> {
    let mut chats: Vec<_> = account.chats.values().collect();
    chats.sort_by_key(|chat| (-chat.updated_at.millis(), chat.id));
    chats.iter().map(|chat| chat.id).collect()
}

/// The longest chat, and its oldest message.
pub(super) fn longest(account: &Account) -> (i64, i64) {
    let chats = account.chats.values();
    let chat = chats.max_by_key(|chat| chat.messages.len()).unwrap();
    (chat.id, chat.messages[0].id)
}

async fn assert_equal(world: &World) {
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

/// A world whose chats are all closed: the list of open ones would show what the other list has lost.
pub(super) async fn world(options: Options) -> World {
    let world = World::new(account(90, 600, 5), options).await;
    for chat in world.simulator.account(by_change) {
        world.simulator.apply(Mutation::Close { chat });
    }
    world
}

pub(super) async fn mirrored(options: Options) -> World {
    let world = world(options).await;
    for mode in [Mode::Backfill, Mode::Incremental] {
        world.pass(mode).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
    }
    world
}

/// Passes after which everything is there.
pub(super) async fn settle(world: &World, passes: usize) {
    for _ in 0..passes {
        world.clock.advance(Duration::from_secs(5));
        world.pass(Mode::Incremental).await.unwrap();
    }
    assert_equal(world).await;
}

/// A pass by the program, on its own clock: the account's stands still between two requests, so that seconds can tie. It says `Incomplete`
/// where something is still owed.
async fn program_syncs(world: &World, mode: Mode) {
    let arguments: &[&str] = match mode {
        Mode::Backfill => &["sync", "--backfill"],
        Mode::Reconcile => &["sync", "--reconcile"],
        Mode::Incremental => &["sync"],
    };
    let ended = ended(world.program(arguments)).await;
    assert!([0, 65].contains(&ended.code), "{ended:?}");
}

/// Passes by the program after which everything is there.
async fn program_settles(world: &World, passes: usize) {
    for _ in 0..passes {
        world.clock.advance(Duration::from_secs(5));
        program_syncs(world, Mode::Incremental).await;
    }
    assert_equal(world).await;
}

/// Nothing is missing or wrong, only what is gone from the account may not be marked yet: that takes a second look.
pub(super) async fn assert_nothing_missing(world: &World) {
    let account = world.simulator.account(Clone::clone);
    let found = truth::differences(&world.database(), &account).await;
    assert!(
        found.iter().all(|found| found.contains("should not be")),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_deleted_while_the_list_is_read() {
    for chat_order in [ChatOrder::NewestFirst, ChatOrder::ById] {
        let options = Options {
            chat_order,
            ..Options::default()
        };
        let world = world(options).await;
        let first = match chat_order {
            ChatOrder::ById => world
                .simulator
                .account(|account| *account.chats.keys().next().unwrap()),
            _ => world.simulator.account(by_change)[0],
        };
        let gone = vec![Mutation::DeleteChat { chat: first }];
        let hook = Hook::after(Target::ChatsWithoutState, 1, gone);
        world.simulator.when_served(hook);
        program_syncs(&world, Mode::Backfill).await;
        assert_nothing_missing(&world).await;
        program_settles(&world, 2).await;
    }
    // And in an update walk of several pages.
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[40..] {
        world.simulator.apply(say(*chat));
        world.clock.advance(Duration::from_secs(1));
    }
    let first = world.simulator.account(by_change)[0];
    let gone = vec![Mutation::DeleteChat { chat: first }];
    let hook = Hook::after(Target::ChatsWithoutState, 2, gone);
    world.simulator.when_served(hook);
    program_syncs(&world, Mode::Incremental).await;
    assert_nothing_missing(&world).await;
    program_syncs(&world, Mode::Reconcile).await;
    program_settles(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_of_the_last_page_moves_to_the_top_while_the_list_is_read() {
    let world = world(Options::default()).await;
    let last = *world.simulator.account(by_change).last().unwrap();
    let hook = Hook::after(Target::ChatsWithoutState, 1, vec![say(last)]);
    world.simulator.when_served(hook);
    program_syncs(&world, Mode::Backfill).await;
    assert_equal(&world).await;
    // And in an update walk of several pages.
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[..50] {
        world.simulator.apply(say(*chat));
        world.clock.advance(Duration::from_secs(1));
    }
    let hook = Hook::after(Target::ChatsWithoutState, 2, vec![say(chats[89])]);
    world.simulator.when_served(hook);
    program_syncs(&world, Mode::Incremental).await;
    assert_equal(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_message_comes_in_the_second_of_the_watermark() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    world.simulator.apply(say(chats[3]));
    program_syncs(&world, Mode::Incremental).await;
    world.simulator.apply(say(chats[3]));
    world.simulator.apply(say(chats[70]));
    program_settles(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_show_up_later_than_their_own_time() {
    let world = mirrored(Options {
        lag: Duration::from_secs(7),
        ..Options::default()
    })
    .await;
    let chats = world.simulator.account(by_change);
    world.pass(Mode::Incremental).await.unwrap();
    world.simulator.apply(say(chats[60]));
    world.pass(Mode::Incremental).await.unwrap();
    let skew = "select value->>'skew_seconds' from source_traits where name = 'source'";
    let skew = dump::value(&world.database(), skew).await;
    assert!(skew.as_i64().is_some_and(|skew| skew >= 7), "{skew}");
    // From here on margins are wide enough for a page and more of late changes.
    for chat in &chats[10..50] {
        world.simulator.apply(say(*chat));
    }
    world.pass(Mode::Incremental).await.unwrap();
    world.simulator.apply(say(chats[70]));
    world.pass(Mode::Incremental).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    settle(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_seen_first_long_after_the_start() {
    let world = mirrored(Options::default()).await;
    let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
    for age in 1..=70 {
        world.simulator.apply(Mutation::ImportMessage {
            chat,
            created_at: noon().minus(Duration::from_secs(86_400 * age)),
        });
    }
    program_settles(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_killed_between_two_pages_of_an_update_walk() {
    let world = World::real(account(60, 500, 7), Options::default()).await;
    let status = world.program(&["sync", "--backfill"]).status().unwrap();
    assert!(status.success());
    let chat = world.simulator.account(by_change)[8];
    for _ in 0..55 {
        world.simulator.apply(say(chat));
    }
    // Long enough that the program is still waiting for the second page when the first is seen to be served.
    world
        .simulator
        .change_options(|options| options.latency = Duration::from_millis(400));
    let mut program = world.program(&["sync"]).spawn().unwrap();
    let page = format!("/v1/chats/{chat}/messages?page=1&");
    let before = world.simulator.requests().len();
    let is_served = || {
        let requests = world.simulator.requests();
        requests[before..]
            .iter()
            .any(|request| request.target.starts_with(&page))
    };
    for _ in 0..600 {
        if is_served() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(is_served(), "the update walk never began");
    tokio::time::sleep(Duration::from_millis(150)).await;
    program.kill().unwrap();
    program.wait().unwrap();
    let second = format!("/v1/chats/{chat}/messages?page=2&");
    let requests = world.simulator.requests();
    assert!(
        !requests
            .iter()
            .skip(before)
            .any(|request| request.target.starts_with(&second))
    );
    world
        .simulator
        .change_options(|options| options.latency = Duration::ZERO);
    let status = world.program(&["sync"]).status().unwrap();
    assert!(status.success());
    assert_equal(&world).await;
}

/// A tenth of all answers is bad, some way or other.
fn bad_answers() -> Vec<FaultRule> {
    let faults = [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(423),
        Fault::Reset,
        Fault::CutBody,
        Fault::Html(200),
        Fault::Html(404),
        Fault::InvalidJson,
        Fault::ErrorWithStatus200,
        Fault::Stall(Some(Duration::from_millis(5))),
        Fault::BadItem {
            id: None,
            damage: Damage::GarbledTime,
        },
    ];
    let rule = |target, fault: &Fault| FaultRule {
        target,
        fault: fault.clone(),
        occasion: Occasion::Chance(0.0095),
    };
    [Target::Chats, Target::Messages]
        .iter()
        .flat_map(|target| faults.iter().map(|fault| rule(*target, fault)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_for_a_whole_backfill_and_fifty_passes_leave_it_exact() {
    let options = Options {
        requests_per_minute: Some(180),
        ..Options::default()
    };
    let mut world = World::new(account(90, 1200, 11), options).await;
    world.config.source.requests_per_minute = 120;
    for rule in bad_answers() {
        world.simulator.fault(rule);
    }
    world.simulator.fault(FaultRule {
        target: Target::Messages,
        fault: Fault::EndlessBody,
        occasion: Occasion::Next(1),
    });
    let mut backfilled = false;
    for _ in 0..20 {
        backfilled |= world.attempt(Mode::Backfill).await;
    }
    assert!(backfilled, "no backfill came to its end");
    let mut rng = fastrand::Rng::with_seed(17);
    for pass in 0..50 {
        world.simulator.churn(5, &mut rng);
        world.clock.advance(Duration::from_secs(20));
        world.simulator.set_token_valid(!(20..25).contains(&pass));
        // Others use up most of the budget for a while, so that the mirror is locked out.
        let left = if (30..34).contains(&pass) { 20 } else { 180 };
        world
            .simulator
            .change_options(|options| options.requests_per_minute = Some(left));
        world.attempt(Mode::Incremental).await;
    }
    world.simulator.clear_faults();
    world.clock.advance(Duration::from_mins(15));
    for mode in [
        Mode::Incremental,
        Mode::Incremental,
        Mode::Backfill,
        Mode::Backfill,
        Mode::Backfill,
    ] {
        world.clock.advance(Duration::from_secs(5));
        world.pass(mode).await.unwrap();
    }
    assert_equal(&world).await;
    let asked_in_vain = world.simulator.violations();
    assert!(asked_in_vain.iter().all(|request| !request.while_locked));
}

impl World {
    /// A pass that may fail; says whether it came to its end.
    async fn attempt(&self, mode: Mode) -> bool {
        self.pass(mode).await.is_ok()
    }
}
