//! Pages as the platform, or something in its place, may send them.

use super::*;

const DATE: &str = "2020-02-01 16:12:30.000";

fn window(page: u32, limit: u32) -> Window {
    Window { page, limit }
}

/// Reads a page of items `{"id"}`, to their ids.
fn ids(body: &str, window: Window) -> Result<Page<i64>, SourceError> {
    read_list(body, window, DATE.parse().unwrap(), |object, drift| {
        let mut fields = Fields::new("item", object);
        let id = fields.take_id("id").ok_or("it has no usable id")?;
        fields.leave(drift);
        Ok(id)
    })
}

fn items(page: &Page<i64>) -> Vec<i64> {
    page.readable().copied().collect()
}

#[test]
fn a_bad_item_spoils_only_itself() {
    let bad = r#"{"id": "x", "note": "kept \/ as it came"}"#;
    let body = format!(
        r#"{{"cursor": {{"page": "1", "pages": "3"}}, "collection": [{{"id": 1}}, {bad}, 5, {{"id": 3, "text": "\ud800"}}, {{"id": 4}}]}}"#
    );
    let page = ids(&body, Window::FIRST).unwrap();
    assert_eq!(page.pages, 3);
    assert_eq!(items(&page), [1, 4]);
    let rejects: Vec<&Reject> = page.rejects().collect();
    assert_eq!(rejects[0].raw, bad);
    assert_eq!(rejects[0].why, "it has no usable id");
    assert_eq!(rejects[1].raw, "5");
    assert_eq!(rejects[2].raw, r#"{"id": 3, "text": "\ud800"}"#);
    assert_eq!(page.items.len(), 5);
}

#[test]
fn what_stands_beside_the_items_is_noted() {
    let body =
        r#"{"cursor": {"page": 1, "pages": 1}, "collection": [{"id": 1, "odd": 7}], "total": 12}"#;
    let page = ids(body, Window::FIRST).unwrap();
    let paths: Vec<&str> = page.drift.iter().map(|drift| drift.path.as_str()).collect();
    assert_eq!(paths, ["page.total", "item.odd"]);
}

#[test]
fn an_empty_list_says_no_or_one_page() {
    for pages in [0, 1] {
        let body = format!(r#"{{"cursor": {{"page": 1, "pages": {pages}}}, "collection": []}}"#);
        let page = ids(&body, Window::FIRST).unwrap();
        assert_eq!(page.list_length(), Some(0));
    }
}

#[test]
fn the_last_page_again_is_not_the_page_behind_it() {
    for told in [2, 5] {
        let body =
            format!(r#"{{"cursor": {{"page": {told}, "pages": 2}}, "collection": [{{"id": 9}}]}}"#);
        let page = ids(&body, window(5, 20)).unwrap();
        assert!(page.items.is_empty());
        assert_eq!(page.list_length(), None);
    }
}

#[test]
fn another_page_than_the_one_asked_for_is_not_believed() {
    let body = r#"{"cursor": {"page": 1, "pages": 9}, "collection": [{"id": 9}]}"#;
    let error = ids(body, window(3, 20)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the source's answer: it is page 1 and page 3 was asked for"
    );
}

#[test]
fn a_longer_page_than_asked_is_a_refusal_of_the_window() {
    let body = r#"{"cursor": {"page": 1, "pages": 9}, "collection": [{"id": 1}, {"id": 2}]}"#;
    let error = ids(body, Window::COUNT).unwrap_err();
    assert!(matches!(error, SourceError::Refused { status: 200, .. }));
}

#[test]
fn what_is_no_page() {
    let cases = [
        ("<html>Мария</html>", "it is a page of HTML"),
        (
            r#"{"cursor": {"page": 1, "pa"#,
            "it is JSON that is cut off (line 1, column 26)",
        ),
        (
            r#"["Мария"]"#,
            "it is JSON of another shape (line 1, column 0)",
        ),
        ("", "it is JSON that is cut off (line 1, column 0)"),
        (
            r#"{"cursor": {"page": 1, "pages": 1}}"#,
            "it has no collection",
        ),
        (r#"{"collection": []}"#, "it has no cursor"),
        (
            r#"{"cursor": {"page": 1}, "collection": []}"#,
            "it does not say how many pages there are",
        ),
        (
            r#"{"cursor": {"page": 1, "pages": 1}, "collection": "Мария"}"#,
            "its collection has another shape",
        ),
    ];
    for (body, expected) in cases {
        match ids(body, Window::FIRST) {
            Err(SourceError::Unreadable { why }) => assert_eq!(why, expected, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn complaints() {
    let cases = [
        (
            r#"{"error": {"code": 400, "message": "Maximum available limitation reached"}}"#,
            Some((Some(400), "Maximum available limitation reached")),
        ),
        (r#"{"error": "gone"}"#, Some((None, "gone"))),
        (r#"{"error": null}"#, None),
        (r#"{"id": 5, "error": "a field"}"#, None),
        ("<html>", None),
    ];
    for (body, expected) in cases {
        let expected = expected.map(|(code, message)| Complaint {
            code,
            message: message.to_owned(),
        });
        assert_eq!(complaint(body), expected, "{body}");
    }
}

#[test]
fn an_account() {
    let body = r#"{"id": 17, "name": "Shop", "photo": null, "timezone": "Europe\/Kyiv"}"#;
    let account = read_account(body).unwrap();
    assert_eq!(account.id, "17");
    assert_eq!(account.time_zone.as_deref(), Some("Europe/Kyiv"));
    assert!(read_account(r#"{"name": "Shop"}"#).is_err());
}
