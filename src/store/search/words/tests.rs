//! What people type finds what people wrote.

use super::*;

/// How well `typed` fits `text`, and what is shown of it.
fn found(typed: &str, text: &str) -> Option<(u32, String)> {
    let hit = Words::of(typed).find(text)?;
    Some((hit.score, hit.snippet(text)))
}

#[track_caller]
fn shows(typed: &str, text: &str, shown: &str) {
    assert_eq!(
        found(typed, text).map(|(_, shown)| shown),
        Some(shown.to_owned())
    );
}

#[test]
fn letters_that_are_typed_one_for_the_other_are_one() {
    shows("еще", "Жду ЕЩЁ ответа", "Жду [ЕЩЁ] ответа");
    shows("пiд'їзд", "Який під’їзд?", "Який [під’їзд]?");
    shows("ганок", "Ґанок зліва", "[Ґанок] зліва");
    shows("DELIVERY", "a Delivery today", "a [Delivery] today");
}

#[test]
fn numbers_are_found_whatever_stands_between_their_figures() {
    shows(
        "0671234567",
        "+38 (067) 123-45-67 звоните",
        "+38 ([067) 123-45-67] звоните",
    );
    shows("123 45", "тел. 067-12-345", "тел. 067-[12-345]");
    shows("заказ 12.345", "ЗАКАЗ №12345", "[ЗАКАЗ] №[12345]");
    assert_eq!(found("124", "12 3 4"), None);
}

#[test]
fn all_words_must_be_there_and_whole_words_fit_best() {
    assert_eq!(found("доставка чай", "доставка кофе"), None);
    let scores = ["дом", "домик", "роддом"].map(|text| found("дом", text).unwrap().0);
    assert_eq!(scores, [3, 2, 1]);
    assert_eq!(
        found("дом кот", "кот и домик").unwrap(),
        (5, "[кот] и [дом]ик".to_owned())
    );
}

#[test]
fn nothing_that_is_typed_is_syntax() {
    let question = |typed| Words::of(typed).question();
    assert_eq!(
        question("say \"no\" OR near(*)").unwrap(),
        r#""say" AND """no""" AND "near(*)""#
    );
    assert_eq!(question("a до 12"), None);
    assert_eq!(question(" - ( "), None);
    assert_eq!(question("a доставка").unwrap(), "\"доставка\"");
}

#[test]
fn long_messages_are_cut_around_the_first_find() {
    let text = format!("{} иголка {}", "сено ".repeat(40), "сено ".repeat(40));
    let (_, shown) = found("иголка", &text).unwrap();
    assert!(shown.starts_with("…") && shown.ends_with('…'), "{shown}");
    assert!(shown.contains("сено [иголка] сено"), "{shown}");
    assert!(shown.chars().count() < 130, "{shown}");
    shows("строка", "первая\n\n  строка", "первая [строка]");
}
