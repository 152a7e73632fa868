//! From the body of an answer to a page of a list, a chat or an account.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::drift::{cut, noted};
use super::super::raw::{self, Pairs};
use super::fields::{Fields, whole_number};
use crate::clock::Timestamp;
use crate::model::{Account, Drift, Page, Reject, Window};
use crate::source::SourceError;

type Top<'a> = BTreeMap<String, &'a RawValue>;

/// A body that is an object and no complaint.
struct Opened<'a> {
    top: Top<'a>,
    /// Whether a key stands twice in it; then the last one is here.
    repeats: bool,
}

/// What the source says when it refuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Its own code.
    pub code: Option<i64>,
    /// Its own words, cut.
    pub message: String,
}

/// Reads the page that `window` asked for, each item from its own text by `read_item`.
///
/// Behind the end of a list the platform may repeat its last page: by its own count those items
/// are not the ones asked for, and the page is given as an empty one.
///
/// # Errors
///
/// `Unreadable` if it is no page or not the one asked for, `Refused` if it is a complaint or longer than asked.
pub(super) fn read_list<T>(
    body: &str,
    window: Window,
    date: Timestamp,
    mut read_item: impl FnMut(Map<String, Value>, &mut Vec<Drift>) -> Result<T, String>,
) -> Result<Page<T>, SourceError> {
    let Opened { mut top, repeats } = open(body)?;
    if repeats {
        return Err(unreadable("a key stands twice in it"));
    }
    let cursor = take(&mut top, "cursor", |raw| raw::object(raw).ok())?;
    let pages = cursor.get("pages").and_then(small_number);
    let pages = pages.ok_or_else(|| unreadable("it does not say how many pages there are"))?;
    let collection = take(&mut top, "collection", raw::list)?;
    let mut drift = Vec::new();
    for (key, value) in &cursor {
        if !["page", "pages"].contains(&key.as_str()) {
            drift.push(noted(format!("page.cursor.{key}"), value));
        }
    }
    note_rest(top, &mut drift);
    let mut page = Page {
        window,
        pages,
        date,
        items: Vec::new(),
        drift,
    };
    if shows_asked(&cursor, &collection, &page)? {
        page.items = collection
            .iter()
            .map(|raw| read_raw(raw, &mut page.drift, &mut read_item))
            .collect();
    }
    Ok(page)
}

/// Reads the body that is one object, such as a chat, by `read_item`.
///
/// # Errors
///
/// `Unreadable` if it is no object, `Refused` if it is a complaint.
pub(super) fn read_object<T>(
    body: &str,
    read_item: impl FnMut(Map<String, Value>, &mut Vec<Drift>) -> Result<T, String>,
) -> Result<Result<T, Reject>, SourceError> {
    open(body)?;
    let raw: &RawValue = parse(body)?;
    Ok(read_raw(raw, &mut Vec::new(), read_item))
}

/// Reads whose token it is.
///
/// # Errors
///
/// As [`read_object`]; `Unreadable` also if it has no id.
pub(super) fn read_account(body: &str) -> Result<Account, SourceError> {
    open(body)?;
    let mut fields = Fields::new("account", parse(body)?);
    let id = fields.take_text("id").filter(|id| !id.is_empty());
    Ok(Account {
        id: id.ok_or_else(|| unreadable("the account has no id"))?,
        name: fields.take_text("name"),
        time_zone: fields.take_text("timezone"),
    })
}

/// The complaint that a body is, if it is one: `{"error": {"code", "message"}}`.
pub(super) fn complaint(body: &str) -> Option<Complaint> {
    complaint_of(&serde_json::from_str(body).ok()?)
}

/// Whether `body` is an object of JSON: then the platform's program spoke, and not some proxy.
pub(super) fn is_object(body: &str) -> bool {
    serde_json::from_str::<Top<'_>>(body).is_ok()
}

fn complaint_of(top: &Top<'_>) -> Option<Complaint> {
    // An object that has both is not a complaint but something with a field of that name.
    if top.contains_key("id") || top.contains_key("collection") {
        return None;
    }
    let error: Value = serde_json::from_str(top.get("error")?.get()).ok()?;
    let message = error.get("message").unwrap_or(&error);
    let message = match message {
        Value::Null => return None,
        Value::String(text) => cut(text, 200),
        _ => "no message".to_owned(),
    };
    let code = error.get("code").and_then(whole_number);
    Some(Complaint { code, message })
}

/// The keys of a body, unless it is a complaint. (A complaint with status 200 is not excluded.)
fn open(body: &str) -> Result<Opened<'_>, SourceError> {
    let Pairs(pairs) = parse(body)?;
    let keys = pairs.len();
    let top: Top<'_> = pairs.into_iter().collect();
    let repeats = top.len() < keys;
    match complaint_of(&top) {
        None => Ok(Opened { top, repeats }),
        Some(Complaint { code, message }) => Err(SourceError::Refused {
            status: 200,
            code,
            message,
        }),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(body: &'a str) -> Result<T, SourceError> {
    serde_json::from_str(body).map_err(|error| {
        // The error's own text may quote the body, which is people's data.
        if body.trim_start().starts_with('<') {
            return unreadable("it is a page of HTML");
        }
        let what = match error.classify() {
            serde_json::error::Category::Eof => "JSON that is cut off",
            serde_json::error::Category::Data => "JSON of another shape",
            _ => "no JSON",
        };
        let (line, column) = (error.line(), error.column());
        unreadable(&format!("it is {what} (line {line}, column {column})"))
    })
}

fn take<'a, T>(
    top: &mut Top<'a>,
    key: &str,
    read: impl FnOnce(&'a RawValue) -> Option<T>,
) -> Result<T, SourceError> {
    let raw = top
        .remove(key)
        .ok_or_else(|| unreadable(&format!("it has no {key}")))?;
    read(raw).ok_or_else(|| unreadable(&format!("its {key} has another shape")))
}

/// Whether the items are those that were asked for; if not, the page lies behind the end.
fn shows_asked<T>(
    cursor: &Map<String, Value>,
    items: &[&RawValue],
    page: &Page<T>,
) -> Result<bool, SourceError> {
    let asked = page.window.page;
    let told = cursor.get("page").and_then(small_number).unwrap_or(asked);
    if asked > page.pages.max(1) {
        return Ok(false);
    }
    if told != asked && !items.is_empty() {
        let why = format!("it is page {told} and page {asked} was asked for");
        return Err(unreadable(&why));
    }
    if items.len() > page.window.limit as usize {
        return Err(SourceError::Refused {
            status: 200,
            code: None,
            message: format!(
                "{} items came when {} were asked for",
                items.len(),
                page.window.limit
            ),
        });
    }
    Ok(true)
}

fn read_raw<T>(
    raw: &RawValue,
    drift: &mut Vec<Drift>,
    mut read_item: impl FnMut(Map<String, Value>, &mut Vec<Drift>) -> Result<T, String>,
) -> Result<T, Reject> {
    let reject = |item_id, why| Reject {
        item_id,
        raw: raw.get().to_owned(),
        why,
    };
    let id_of = |object: &Map<String, Value>| object.get("id").and_then(whole_number);
    let object = raw::object(raw).map_err(|why| {
        let last_words = serde_json::from_str(raw.get()).ok();
        reject(last_words.as_ref().and_then(id_of), why)
    })?;
    let item_id = id_of(&object);
    // Of an item that cannot be read, the whole text is kept: its fields are no drift.
    let mut seen = Vec::new();
    let item = read_item(object, &mut seen).map_err(|why| reject(item_id, why))?;
    drift.append(&mut seen);
    Ok(item)
}

fn note_rest(top: Top<'_>, drift: &mut Vec<Drift>) {
    for (key, raw) in top {
        let value = serde_json::from_str(raw.get()).unwrap_or(Value::Null);
        drift.push(noted(format!("page.{key}"), &value));
    }
}

fn small_number(value: &Value) -> Option<u32> {
    whole_number(value).and_then(|number| u32::try_from(number).ok())
}

fn unreadable(why: &str) -> SourceError {
    SourceError::Unreadable {
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;
