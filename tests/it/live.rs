//! Live news beside a long backfill: the service on a simulated clock, under the platform's limit.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::daemon::{self, Heart, Mirror, Orders, Reload};
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::{
    ChatOrder, Fault, FaultRule, Mutation, Occasion, Options, Simulator, Speaker, Target,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::{World, account, dump, truth};

/// The schedule's interval, and the time that a pass needs for the news of one interval.
const TWO_LOOKS: Duration = Duration::from_secs(40);

async fn big_account(chats: usize, messages: usize) -> World {
    let options = Options {
        latency: Duration::from_millis(200),
        requests_per_minute: Some(180),
        ..Options::default()
    };
    let mut world = World::new(account(chats, messages, 3), options).await;
    world.config.source.requests_per_minute = 180;
    world.config.source.max_in_flight = 1;
    world
}

/// Lets the service run until `enough` says so.
async fn serve(world: &World, mut enough: impl FnMut(Timestamp) -> bool) {
    let token = world.simulator.options().token.into();
    let mut mirror = Mirror::open(&world.config, token, world.clock.clone())
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let (progress, _) = watch::channel(Progress::default());
    {
        let orders = Orders {
            stop: &stop,
            reload: Reload::never(),
            progress: &progress,
        };
        let mut heart = Heart::new(world.clock.clone());
        let config = world.config.clone();
        let mut service = pin!(daemon::serve(&mut mirror, config, orders, &mut heart));
        let served = poll_fn(|context| {
            if enough(world.clock.now()) {
                stop.cancel();
            }
            service.as_mut().poll(context)
        });
        served.await.unwrap();
    }
    mirror.close().await;
}

/// When the chat's messages were first asked for at or after `since`.
fn asked_for(simulator: &Simulator, chat: i64, since: Timestamp) -> Option<Timestamp> {
    let path = format!("/v1/chats/{chat}/messages?page=1&limitation=20");
    let requests = simulator.requests();
    let mut later = requests
        .iter()
        .filter(|request| request.at >= since && request.target.starts_with(&path));
    later.next().map(|request| request.at)
}

async fn owed(world: &World) -> i64 {
    let sql = "select count(*) from chat_sync where owed is not null";
    dump::value(&world.database(), sql).await.as_i64().unwrap()
}

#[tokio::test]
async fn during_a_long_backfill_new_messages_arrive_within_two_looks() {
    let world = big_account(700, 4000).await;
    let chats: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().collect());
    // The list is read after a minute or so; the history takes several more.
    let first = world.clock.now().plus(Duration::from_mins(2));
    let news: Vec<(Timestamp, i64)> = (0..30)
        .map(|place| {
            let at = first.plus(Duration::from_secs(4 * place));
            (
                at,
                chats[usize::try_from(place * 17).unwrap() % chats.len()],
            )
        })
        .collect();
    for (at, chat) in &news {
        let message = Mutation::say(*chat, Speaker::Contact, "Ще актуально?");
        world.simulator.plan(*at, message);
    }
    let end = news.last().unwrap().0.plus(TWO_LOOKS);
    serve(&world, |now| now >= end).await;
    assert!(
        owed(&world).await > 50,
        "the backfill was over too soon to prove anything"
    );
    for (at, chat) in &news {
        let read = asked_for(&world.simulator, *chat, *at);
        let lag = read.map(|read| read.since(*at));
        assert!(
            lag.is_some_and(|lag| lag <= TWO_LOOKS),
            "{chat} at {at}: {lag:?}"
        );
    }
    // And the history is not starved meanwhile: it comes to its end.
    let mut quiet = world.clock.now().plus(Duration::from_mins(10));
    for _ in 0..6 {
        serve(&world, |now| now >= quiet).await;
        if owed(&world).await == 0 {
            break;
        }
        quiet = world.clock.now().plus(Duration::from_mins(10));
    }
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
    assert_eq!(world.simulator.violations(), []);
    assert!(world.simulator.busiest_minute() <= 180);
}

#[tokio::test]
async fn a_quiet_account_is_asked_by_the_schedule_only_and_a_busy_one_at_once() {
    let mut world = big_account(45, 90).await;
    // Spare requests would be spent on re-reading.
    world.config.audit.days = None;
    let quiet_from = world.clock.now().plus(Duration::from_mins(10));
    let quiet_to = quiet_from.plus(Duration::from_mins(10));
    let busy_to = quiet_to.plus(Duration::from_mins(5));
    let chats: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().collect());
    let news: Vec<(Timestamp, i64)> = (0..30)
        .map(|place| quiet_to.plus(Duration::from_secs(10 * place)))
        .zip(chats.iter().copied().cycle())
        .collect();
    for (at, chat) in &news {
        let message = Mutation::say(*chat, Speaker::Contact, "Добрий день!");
        world.simulator.plan(*at, message);
    }
    serve(&world, |now| now >= busy_to).await;
    let requests = world.simulator.requests();
    let within = |from: Timestamp, to: Timestamp| {
        let inside = |at: Timestamp| at >= from && at < to;
        requests.iter().filter(|request| inside(request.at)).count()
    };
    // Every 20 seconds a look of two requests, and not one more.
    assert_eq!(within(quiet_from, quiet_to), 60);
    let mut lags: Vec<Duration> = news
        .iter()
        .map(|(at, chat)| asked_for(&world.simulator, *chat, *at).unwrap().since(*at))
        .collect();
    lags.sort_unstable();
    assert!(lags[15] < Duration::from_secs(5), "{lags:?}");
    assert!(lags[29] <= Duration::from_secs(21), "{lags:?}");
}

#[tokio::test]
async fn news_that_peeks_have_read_do_not_keep_the_history_waiting() {
    let world = big_account(700, 1400).await;
    world
        .simulator
        .change_options(|options| options.chat_order = ChatOrder::ById);
    let chats: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().collect());
    let begun = world.clock.now();
    for (place, chat) in chats.iter().cycle().take(600).enumerate() {
        let at = begun.plus(Duration::from_secs(5) * u32::try_from(place).unwrap());
        let message = Mutation::say(*chat, Speaker::Contact, "Ще актуально?");
        world.simulator.plan(at, message);
    }
    let end = begun.plus(Duration::from_mins(45));
    serve(&world, |now| now >= end).await;
    let unread = "select count(*) from chat_sync where owed = 'new'";
    assert_eq!(dump::value(&world.database(), unread).await, 0);
}

#[tokio::test]
async fn a_backfill_that_is_refused_keeps_no_news_waiting() {
    let world = big_account(90, 300).await;
    world.pass(Mode::Backfill).await.unwrap();
    let chats: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().collect());
    for chat in &chats[..30] {
        world.simulator.apply(Mutation::DeleteChat { chat: *chat });
    }
    let news = world.clock.now().plus(Duration::from_mins(3));
    let message = Mutation::say(chats[60], Speaker::Contact, "Ще актуально?");
    world.simulator.plan(news, message);
    std::fs::write(format!("{}-backfill", world.database().display()), "").unwrap();
    let end = news.plus(Duration::from_mins(3));
    serve(&world, |now| now >= end).await;
    assert!(asked_for(&world.simulator, chats[60], news).is_some());
}

#[tokio::test]
async fn a_backfill_that_a_bad_minute_stops_goes_on_where_it_stood() {
    let mut world = big_account(300, 600).await;
    // Spare requests would test the order of the list.
    world.config.audit.days = None;
    world.pass(Mode::Backfill).await.unwrap();
    std::fs::write(format!("{}-backfill", world.database().display()), "").unwrap();
    let before = world.simulator.requests().len();
    let asked_for_page = |page: u32| {
        let target = format!("/v1/chats?page={page}&");
        let requests = world.simulator.requests();
        let asked = requests[before..].iter();
        asked
            .filter(|request| request.target.starts_with(&target) && request.status == 200)
            .filter(|request| !request.target.contains("state="))
            .count()
    };
    let mut broken = false;
    let end = world.clock.now().plus(Duration::from_mins(10));
    serve(&world, |now| {
        if !broken && asked_for_page(6) > 0 {
            broken = true;
            world.simulator.fault(FaultRule {
                target: Target::ChatsWithoutState,
                fault: Fault::Status(500),
                // As often as one pass tries.
                occasion: Occasion::Next(4),
            });
        }
        now >= end
    })
    .await;
    // Pages overlap: of the fourth a walk asks for two sizes.
    let asked: Vec<_> = (2..=5).map(asked_for_page).collect();
    assert_eq!(asked, [1, 1, 2, 1]);
    assert!(asked_for_page(9) > 0, "the list was read to its end");
}

#[tokio::test]
async fn news_do_not_wait_for_the_re_reading_of_long_chats() {
    let world = big_account(20, 8000).await;
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(Duration::from_hours(31 * 24));
    let chat = world
        .simulator
        .account(|account| *account.chats.keys().next().unwrap());
    let news = world.clock.now().plus(Duration::from_secs(30));
    let message = Mutation::say(chat, Speaker::Contact, "Ще актуально?");
    world.simulator.plan(news, message);
    let end = news.plus(Duration::from_mins(3));
    serve(&world, |now| now >= end).await;
    let read = asked_for(&world.simulator, chat, news).map(|read| read.since(news));
    assert!(read.is_some_and(|lag| lag <= TWO_LOOKS), "{read:?}");
}

#[tokio::test]
async fn history_is_read_though_more_changes_than_can_be_read() {
    let mut world = big_account(200, 400).await;
    world.config.source.requests_per_minute = 60;
    world.pass(Mode::Backfill).await.unwrap();
    let known: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().collect());
    for _ in 0..20 {
        let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
        let created_at = world.clock.now().minus(Duration::from_hours(9));
        world
            .simulator
            .apply(Mutation::ImportMessage { chat, created_at });
    }
    let begun = world.clock.now();
    let end = begun.plus(Duration::from_mins(15));
    for (place, chat) in known.iter().cycle().take(1800).enumerate() {
        let at = begun.plus(Duration::from_millis(500) * u32::try_from(place).unwrap());
        let message = Mutation::say(*chat, Speaker::Contact, "Ще актуально?");
        world.simulator.plan(at, message);
    }
    serve(&world, |now| now >= end).await;
    let unread = "select count(*) from chat_sync where owed = 'new'";
    assert_eq!(dump::value(&world.database(), unread).await, 0);
    let changed = "select count(*) from chat_sync where owed = 'changed'";
    let changed = dump::value(&world.database(), changed)
        .await
        .as_i64()
        .unwrap();
    assert!(changed > 20, "only {changed}: nothing had to wait");
}
