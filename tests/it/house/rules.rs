//! The rules that need one file at a time: each says what it finds, with the line.

use super::masking::{COMMENT, rust, sql, without_tests};
use super::tree::File;

/// Files longer than this are two files.
const MOST_LINES: usize = 400;

/// Names under which anything can be put away.
const DRAWERS: [&str; 4] = ["utils", "common", "helpers", "types"];

/// The declared types that readers of the mirror go by, written as they are promised.
const TYPES: [&str; 3] = ["BOOLEAN", "DATETIME", "JSON"];

/// What only certain modules may do.
pub fn places(file: &File) -> Vec<String> {
    let masked = rust(&file.text);
    let production = if file.is_test() {
        ""
    } else {
        without_tests(&masked)
    };
    let own = file.module();
    let mut found = Vec::new();
    let mut only = |modules: &[&str], code: &str, words: &[&str], why: &str| {
        if !modules.contains(&own) {
            let mut hits: Vec<_> = words
                .iter()
                .flat_map(|word| lines_with(code, word))
                .collect();
            hits.sort_unstable();
            hits.dedup();
            found.extend(
                hits.iter()
                    .map(|line| format!("{}:{line}: {why}", file.path)),
            );
        }
    };
    only(&["store"], &masked, &["sqlx"], "only store mentions sqlx");
    let prints = ["println!", "print!", "eprintln!", "eprint!"];
    only(&["cli"], production, &prints, "only cli prints");
    only(&["main"], &masked, &["process::exit"], "only main may exit");
    let clocks = ["Utc::now", "Local::now", "SystemTime::now"];
    only(&["clock"], &masked, &clocks, "the time comes from clock");
    only(
        &["clock", "cli"],
        production,
        &["Instant::now"],
        "the time comes from clock",
    );
    found
}

/// How a file of code looks.
pub fn shape(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut found = Vec::new();
    let first = file.text.lines().next().unwrap_or_default();
    if first
        .strip_prefix("//! ")
        .is_none_or(|said| said.trim().is_empty())
    {
        found.push(format!(
            "{path}:1: must open with a `//!` line that says what the file is for"
        ));
    }
    let lines = file.text.lines().count();
    if lines >= MOST_LINES {
        found.push(format!(
            "{path}: has {lines} lines, and files stay under {MOST_LINES} lines"
        ));
    }
    let parts = path
        .split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part));
    found.extend(
        parts
            .filter(|part| DRAWERS.contains(part))
            .map(|part| format!("{path}: `{part}` is a drawer, not a name")),
    );
    let masked = rust(&file.text);
    for word in ["todo!", "unimplemented!", "dbg!"] {
        found.extend(
            lines_with(&masked, word).map(|line| format!("{path}:{line}: {word} is left over")),
        );
    }
    let allows = masked
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("#[") || line.contains("#!["));
    found.extend(
        allows
            .filter(|(_, line)| lines_with(line, "allow(").next().is_some())
            .map(|(at, _)| {
                format!(
                    "{path}:{}: use #[expect(…, reason)] instead of allow",
                    at + 1
                )
            }),
    );
    found
}

/// Paths that exist on somebody's machine only.
pub fn machine_paths(file: &File) -> Vec<String> {
    // Put together here, so that this file does not hold what it looks for.
    let tops = ["work", "root", "home"].map(|top| format!("/{top}/"));
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| {
            tops.iter()
                .any(|top| lines_with(line, top).next().is_some())
        })
        .map(|(at, _)| format!("{}:{}: names a path of one machine", file.path, at + 1))
        .collect()
}

/// How a migration is written.
pub fn migration(file: &File) -> Vec<String> {
    let masked = sql(&file.text);
    let mut found = Vec::new();
    for (at, line) in masked.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.any(|word| word.contains(char::is_uppercase) && !TYPES.contains(&word)) {
            found.push(format!(
                "{}:{}: SQL is written in lower case",
                file.path,
                at + 1
            ));
        }
    }
    for (at, _) in masked.match_indices("create table") {
        if !body(&masked[at..]).contains(COMMENT) {
            let line = masked[..at].matches('\n').count() + 1;
            found.push(format!(
                "{}:{line}: the table has no comment inside it",
                file.path
            ));
        }
    }
    found
}

/// What stands between the first parenthesis and the one that closes it.
fn body(statement: &str) -> &str {
    let start = statement.find('(').unwrap_or(statement.len());
    let mut depth = 0;
    for (at, c) in statement[start..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return &statement[start..start + at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    &statement[start..]
}

/// The lines, from 1, on which `word` stands and does not merely end another word.
fn lines_with<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    let hits = text.match_indices(word).filter(|(at, _)| {
        let before = text[..*at].chars().last();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    hits.map(|(at, _)| text[..at].matches('\n').count() + 1)
}
