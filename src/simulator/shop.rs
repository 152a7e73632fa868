//! The shop that every simulated account belongs to: its channels and the people at its desk.

use std::collections::BTreeMap;

use super::account::{Account, Channel, Extra, NextIds, Operator, Project};
use super::invent::Inventor;
use crate::clock::Timestamp;

/// The account of the shop on the day before its first customer.
pub(super) fn open(inventor: &mut Inventor) -> Account {
    Account {
        project: Project {
            id: 731,
            name: "Сонячний глек".to_owned(),
            photo: Some("https://cdn.example.com/storage/projects/731/logo.png".to_owned()),
            timezone: "Europe/Kyiv".to_owned(),
            identifier: "sunny-jug".to_owned(),
        },
        channels: channels(inventor),
        operators: operators(),
        contacts: BTreeMap::new(),
        chats: BTreeMap::new(),
        oddities: inventor.oddities,
        next_ids: NextIds {
            chat: 2101,
            message: 510_001,
            gate: 3301,
            contact: 3401,
            original_contact: 2201,
        },
    }
}

fn channels(inventor: &mut Inventor) -> BTreeMap<i64, Channel> {
    let known = [
        (
            1,
            "telegram",
            "SunnyJugBot",
            "https://t.me/SunnyJugBot",
            "tg://resolve?domain=SunnyJugBot",
        ),
        (
            2,
            "viber",
            "sunnyjug",
            "https://viber.me/sunnyjug",
            "viber://pa?chatURI=sunnyjug",
        ),
        (
            16,
            "instagram",
            "sunny.jug",
            "https://ig.me/m/sunny.jug",
            "instagram://user?username=sunny.jug",
        ),
        (
            34,
            "facebook",
            "Sunny Jug",
            "https://m.me/1139181152871",
            "fb-messenger://1139181152871",
        ),
        (
            35,
            "whatsapp",
            "Сонячний глек",
            "https://wa.me/380501234567",
            "whatsapp://send?phone=380501234567",
        ),
    ];
    let channel = |(id, kind, name, link, app): (i64, &str, &str, &str, &str)| Channel {
        id,
        active: id != 16,
        occupied: true,
        kind: kind.to_owned(),
        name: name.to_owned(),
        referrer: 1,
        link: link.to_owned(),
        app: app.to_owned(),
        created_at: moment(1_564_770_000 + id),
        updated_at: moment(1_574_694_000 + id * 60),
        extra: inventor.extra("color", 3),
    };
    known
        .map(channel)
        .into_iter()
        .map(|channel| (channel.id, channel))
        .collect()
}

fn operators() -> Vec<Operator> {
    let named = [
        (11, "Ірина Дем'яненко", Some("/storage/operators/11.png")),
        (12, "Оксана \"Ксеня\" Лис", None),
        (
            15,
            "Peter Novak",
            Some("https://cdn.example.com/storage/operators/15.png"),
        ),
    ];
    let operator = |(id, name, image): (i64, &str, Option<&str>)| Operator {
        id,
        full_name: name.to_owned(),
        image: image.map(str::to_owned),
    };
    named.map(operator).into()
}

/// A moment by its seconds since 1970.
pub(super) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000).unwrap_or_else(Timestamp::now)
}

impl Account {
    /// An account with its channels and operators, and without a single chat.
    #[must_use]
    pub fn without_chats() -> Self {
        let mut account = open(&mut Inventor::new(0, false));
        for channel in account.channels.values_mut() {
            channel.extra = Extra::new();
        }
        account
    }
}
