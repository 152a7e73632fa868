//! Content that is more than bare words, every kind in turn.

use std::collections::BTreeMap;

use serde_json::json;

use super::account::Extra;
use super::content::{Content, FileKind, Media, PictureKind, Template};
use super::invent::Inventor;
use super::phrases;
use crate::clock::Timestamp;

type Maker = fn(&mut Inventor, &str, Timestamp) -> Content;

const EXHIBITS: [Maker; 22] = [
    |inventor, words, _| picture(inventor, PictureKind::Picture, words),
    |inventor, _, _| activity(inventor),
    |inventor, _, _| file(inventor, FileKind::Voice, "ogg"),
    |_, words, _| Template::Input(words.to_owned()).into(),
    |inventor, _, _| greeting(inventor),
    |inventor, _, _| file(inventor, FileKind::File, "pdf"),
    |inventor, _, _| media_group(inventor),
    |inventor, _, _| file(inventor, FileKind::Link, "html"),
    |inventor, _, _| location(inventor),
    |_, words, at| deleted(Content::text(words), at),
    |inventor, _, _| file(inventor, FileKind::Video, "mp4"),
    |inventor, words, _| picture(inventor, PictureKind::TelegramCaptionedPicture, words),
    |_, words, _| with_buttons(words),
    |inventor, _, _| phone_number(inventor),
    |inventor, _, _| file(inventor, FileKind::TelegramVideoNote, "mp4"),
    |inventor, _, _| invoice(inventor),
    |inventor, words, _| picture(inventor, PictureKind::Animation, words),
    |inventor, _, _| file(inventor, FileKind::Audio, "mp3"),
    |_, words, _| nothing_to_replace(words),
    |inventor, words, at| deleted(picture(inventor, PictureKind::Picture, words), at),
    |inventor, _, _| unknown(inventor),
    |_, _, _| unknown_and_empty(),
];

/// The content number `number`: all kinds come in turn.
pub(super) fn exhibit(
    inventor: &mut Inventor,
    number: usize,
    words: &str,
    at: Timestamp,
) -> Content {
    EXHIBITS[number % EXHIBITS.len()](inventor, words, at)
}

fn address(inventor: &mut Inventor, ending: &str) -> String {
    let number = inventor.rng.u32(1..1_000_000);
    format!("https://cdn.example.com/storage/files/{number}.{ending}")
}

fn picture(inventor: &mut Inventor, kind: PictureKind, words: &str) -> Content {
    let ending = if kind == PictureKind::Animation {
        "gif"
    } else {
        "jpeg"
    };
    let url = address(inventor, ending);
    let caption = (!inventor.one_in(3)).then(|| words.to_owned());
    Template::Picture { kind, url, caption }.into()
}

fn file(inventor: &mut Inventor, kind: FileKind, ending: &str) -> Content {
    let url = address(inventor, ending);
    Template::File { kind, url }.into()
}

fn activity(inventor: &mut Inventor) -> Content {
    Template::Action(inventor.pick(phrases::ACTIVITIES).to_owned()).into()
}

fn greeting(inventor: &mut Inventor) -> Content {
    let replacement = BTreeMap::from([
        ("{{ name }}".to_owned(), inventor.name()),
        (
            "{{ order }}".to_owned(),
            inventor.rng.u32(4000..6000).to_string(),
        ),
    ]);
    let content = "{{ name }}, ваше замовлення №{{ order }} прийнято!".to_owned();
    Template::PendingText {
        content,
        replacement,
    }
    .into()
}

/// The empty map, which PHP writes as a list.
fn nothing_to_replace(words: &str) -> Content {
    let content = words.to_owned();
    let replacement = BTreeMap::new();
    Template::PendingText {
        content,
        replacement,
    }
    .into()
}

fn media_group(inventor: &mut Inventor) -> Content {
    let count = inventor.rng.usize(2..=4);
    let media = (0..count).map(|position| Media {
        url: address(inventor, "jpeg"),
        caption: (position != 1).then(|| inventor.pick(phrases::CAPTIONS).to_owned()),
    });
    Template::MediaGroup(media.collect()).into()
}

fn location(inventor: &mut Inventor) -> Content {
    let metres = f64::from(inventor.rng.u16(0..10_000)) / 100_000.0;
    Template::Location {
        latitude: 50.4 + metres,
        longitude: 30.5 - metres,
    }
    .into()
}

fn phone_number(inventor: &mut Inventor) -> Content {
    let number = inventor.rng.u32(1_000_000..10_000_000);
    Template::Contact {
        name: inventor.name(),
        phone_number: format!("+38067{number}"),
    }
    .into()
}

fn invoice(inventor: &mut Inventor) -> Content {
    let number = inventor.rng.u32(4000..6000);
    Template::TelegramInvoice {
        title: format!("Рахунок №{number}"),
        description: "Чашка «Карпати», 2 шт.".to_owned(),
    }
    .into()
}

fn with_buttons(words: &str) -> Content {
    let mut content = Content::text(words);
    content.buttons = vec!["Оплатити".to_owned(), "Скасувати".to_owned()];
    content
}

fn deleted(original: Content, deleted_at: Timestamp) -> Content {
    let original = Box::new(original);
    Template::Transient {
        original,
        deleted_at,
    }
    .into()
}

fn unknown(inventor: &mut Inventor) -> Content {
    let mut parameters = Extra::new();
    parameters.insert("emoji".to_owned(), json!("🫖"));
    parameters.insert("packId".to_owned(), json!(inventor.rng.u32(1..100)));
    let kind = "telegramSticker".to_owned();
    Template::Unknown { kind, parameters }.into()
}

fn unknown_and_empty() -> Content {
    let kind = "missedCall".to_owned();
    let parameters = Extra::new();
    Template::Unknown { kind, parameters }.into()
}
