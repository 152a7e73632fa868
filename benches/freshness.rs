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

/// Chats of the account, unless `--chats` says otherwise.
const CHATS: usize = 100_000;

/// Messages a chat when the day begins.
const MESSAGES: usize = 6;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1)?.parse::<usize>().ok()
    };
    let day = arguments.iter().any(|argument| argument == "--day");
    let hours = if day { 0..24 } else { 10..14 };
    let chats = after("--chats").unwrap_or(CHATS);
    println!(
        "{chats} chats with {} messages, from {} to {} o'clock",
        chats * MESSAGES,
        hours.start,
        hours.end
    );
    let scene = Scene::prepare(account::recipe(chats, chats * MESSAGES)).await;
    let only = after("--only");
    for (place, situation) in situations().iter().enumerate() {
        if only.is_none_or(|only| only == place + 1) {
            scene.run(situation, hours.clone()).await.print();
        }
    }
}

fn situations() -> [Situation; 3] {
    let alone = Situation {
        name: "alone",
        order: ChatOrder::NewestFirst,
        others: 0,
    };
    [
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
    ]
}
