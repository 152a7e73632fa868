//! A simulated day of a big account under the platform's limit: how late messages arrive in the mirror, and what that costs.
//!
//! `cargo bench --bench freshness` runs the four busiest hours in each situation, `cargo bench --bench freshness -- --day` the
//! whole day. The real service runs against the simulated account on a real socket; only the clock is simulated. It stands still
//! while the program works, and requests follow one another on it, so what is measured is waiting: for the next look, for
//! leave to ask, and for answers.

mod freshness {
    pub mod account;
    pub mod lags;
    pub mod scene;
}

use freshness::account;
use freshness::scene::{Scene, Situation};

use chatmirror::simulator::ChatOrder;

/// Chats of the account.
const CHATS: usize = 100_000;

/// Messages of the account when the day begins.
const MESSAGES: usize = 600_000;

#[tokio::main]
async fn main() {
    let wanted = |flag: &str| std::env::args().any(|argument| argument == flag);
    let hours = if wanted("--day") { 0..24 } else { 10..14 };
    println!(
        "{CHATS} chats with {MESSAGES} messages; the hours from {} to {}",
        hours.start, hours.end
    );
    let scene = Scene::prepare(account::recipe(CHATS, MESSAGES)).await;
    let alone = Situation {
        name: "alone",
        order: ChatOrder::NewestFirst,
        others: 0,
    };
    let situations = [
        alone,
        Situation {
            name: "beside a program that takes 60 a minute",
            others: 60,
            ..alone
        },
        Situation {
            name: "alone, with a list in no useful order",
            order: ChatOrder::Shuffled,
            ..alone
        },
    ];
    let only = std::env::args()
        .skip_while(|argument| argument != "--only")
        .nth(1);
    for (place, situation) in situations.iter().enumerate() {
        if only
            .as_ref()
            .is_none_or(|only| *only == (place + 1).to_string())
        {
            scene.run(situation, hours.clone()).await.print();
        }
    }
}
