//! A walk through the TOML that asks for each known key once and notes everything that is not as it should be.

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, TOKEN_WAYS};
use super::nearest::nearest;

/// A value, and the line it is on if the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given<T> {
    pub key: &'static str,
    pub value: T,
    pub line: Option<usize>,
}

/// The walk: what was asked for is what is known, so no list of keys is kept beside the questions.
pub(super) struct Walk<'a> {
    text: &'a str,
    root: &'a DeTable<'a>,
    asked: Vec<(&'static str, Value)>,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    pub fn new(text: &'a str, root: &'a DeTable<'a>) -> Self {
        Self {
            text,
            root,
            asked: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The text at `key`, as in `source.kind`, or `default`.
    pub fn text(&mut self, key: &'static str, default: &str) -> Given<String> {
        self.ask(
            key,
            default.to_owned(),
            "text in quotes",
            |value| match value {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            },
        )
    }

    /// The whole number at `key`, or `default`.
    pub fn whole(&mut self, key: &'static str, default: i64) -> Given<i64> {
        self.ask(key, default, "a whole number", |value| match value {
            // A number too great for 64 bits is out of any range there is here, which is said of the greatest as well.
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .map_or(Some(i64::MAX), |number| {
                    let bounded = number.clamp(i64::MIN.into(), i64::MAX.into());
                    i64::try_from(bounded).ok()
                }),
            _ => None,
        })
    }

    /// The flag at `key`, or `default`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> Given<bool> {
        self.ask(
            key,
            default,
            "true or false",
            |value: &DeValue<'_>| match value {
                DeValue::Boolean(flag) => Some(*flag),
                _ => None,
            },
        )
    }

    /// Ends the walk: every key that nobody asked for is a problem too. Gives what was asked for, and all problems.
    pub fn finish(mut self) -> (Vec<(&'static str, Value)>, Vec<Problem>) {
        for (name, value) in self.root {
            let line = self.line(name.span().start);
            match value.get_ref() {
                DeValue::Table(table) if self.is_section(name.get_ref()) => {
                    self.unknown_in(name.get_ref(), table);
                }
                found if self.is_section(name.get_ref()) => {
                    let why = format!(
                        "must be a table, [{}], not {}",
                        name.get_ref(),
                        named(found)
                    );
                    self.note(name.get_ref().to_string(), line, why);
                }
                found => {
                    let why = self.unknown("", name.get_ref(), found.is_table());
                    self.note(name.get_ref().to_string(), line, why);
                }
            }
        }
        (self.asked, self.problems)
    }

    fn ask<T: Clone + Into<Value>>(
        &mut self,
        key: &'static str,
        default: T,
        wanted: &str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Given<T> {
        self.asked.push((key, default.clone().into()));
        let Some((found, line)) = self.find(key) else {
            return Given {
                key,
                value: default,
                line: None,
            };
        };
        let value = read(found).unwrap_or_else(|| {
            let why = format!("must be {wanted}, not {}", named(found));
            self.problems
                .push(Problem::new(key, shown(found), Some(line), why));
            default
        });
        Given {
            key,
            value,
            line: Some(line),
        }
    }

    fn find(&self, key: &str) -> Option<(&'a DeValue<'a>, usize)> {
        let (section, name) = key.split_once('.')?;
        let table = self.root.get(section)?.get_ref().as_table()?;
        let (name, value) = table.get_key_value(name)?;
        Some((value.get_ref(), self.line(name.span().start)))
    }

    fn unknown_in(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{section}.{}", name.get_ref());
            if self.asked.iter().any(|(known, _)| *known == key) {
                continue;
            }
            let line = self.line(name.span().start);
            let why = self.unknown(section, name.get_ref(), value.get_ref().is_table());
            self.note(key, line, why);
        }
    }

    /// Why `name` is not known in `section`, and what it might have been meant to be.
    fn unknown(&self, section: &str, name: &str, is_table: bool) -> String {
        match name {
            "token" => return format!("the token does not belong in this file: {TOKEN_WAYS}"),
            "secret" => return "the secret does not belong in this file: let receiver.secret_file name a file that holds it".to_owned(),
            _ => {}
        }
        let what = if is_table {
            "unknown table"
        } else {
            "unknown key"
        };
        let keys = self.asked.iter().filter_map(|(key, _)| key.split_once('.'));
        let home = keys
            .clone()
            .find(|(home, key)| *home != section && *key == name);
        if let Some((home, _)) = home.filter(|_| !is_table) {
            return format!("{what}; `{name}` belongs in [{home}]");
        }
        let candidates: Vec<_> = match section {
            "" => keys.map(|(home, _)| home).collect(),
            _ => keys
                .filter(|(home, _)| *home == section)
                .map(|(_, key)| key)
                .collect(),
        };
        match nearest(name, &candidates) {
            Some(near) => format!("{what}; did you mean `{near}`?"),
            None => what.to_owned(),
        }
    }

    fn is_section(&self, name: &str) -> bool {
        self.asked.iter().any(|(key, _)| {
            key.split_once('.')
                .is_some_and(|(section, _)| section == name)
        })
    }

    /// Notes a problem without the value: nobody knows what an unknown key holds, and it may be a secret.
    fn note(&mut self, key: String, line: usize, why: String) {
        self.problems.push(Problem::new(key, None, Some(line), why));
    }

    fn line(&self, offset: usize) -> usize {
        line_of(self.text, offset)
    }
}

/// The line, from 1, that the byte at `offset` is on.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn shown(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("{text:?}")),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(moment) => Some(moment.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
