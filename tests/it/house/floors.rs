//! The floors of the house and the one direction that imports take.

use super::masking::{rust, without_tests};
use super::tree::File;

const FLOORS: [(&str, u8); 10] = [
    ("clock", 0),
    ("model", 0),
    ("config", 1),
    ("plan", 2),
    ("source", 3),
    ("store", 3),
    ("pass", 4),
    ("export", 4),
    ("daemon", 5),
    ("cli", 6),
];

/// The imports in `file` that its floor does not allow.
pub fn imports(file: &File) -> Vec<String> {
    let own = file.module();
    if ["lib", "main"].contains(&own) {
        return Vec::new();
    }
    if own != "simulator" && floor(own).is_none() {
        return vec![format!("{}: {own} has no floor in the house", file.path)];
    }
    let masked = rust(&file.text);
    let production = without_tests(&masked).len();
    imported(&masked, file)
        .into_iter()
        .filter(|(at, target)| {
            let testing = file.is_test() || *at >= production;
            !allowed(own, target, testing)
        })
        .map(|(at, target)| {
            let line = masked[..at].matches('\n').count() + 1;
            format!("{}:{line}: {own} may not import {target}", file.path)
        })
        .collect()
}

fn floor(module: &str) -> Option<u8> {
    let mut floors = FLOORS.iter();
    floors
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

fn allowed(own: &str, target: &str, testing: bool) -> bool {
    if own == target {
        return true;
    }
    if own == "simulator" {
        return target == "clock";
    }
    if target == "simulator" {
        return own == "cli" || testing;
    }
    match (floor(own), floor(target)) {
        (Some(0), Some(0)) => true,
        (Some(own), Some(target)) => target < own,
        _ => false,
    }
}

/// Each module at the top that the text reaches, and where it does.
fn imported(masked: &str, file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::", "chatmirror::"] {
        for (at, _) in words(masked, root) {
            found.extend(
                names(&masked[at + root.len()..])
                    .into_iter()
                    .map(|name| (at, name)),
            );
        }
    }
    for (at, _) in words(masked, "super::") {
        let chain = &masked[at..];
        let rest = chain.trim_start_matches("super::");
        let steps = (chain.len() - rest.len()) / "super::".len();
        let reached = names(rest)
            .into_iter()
            .filter(|name| floor(name).is_some() || name == "simulator");
        // Fewer steps stay inside the module; what they reach only shares a floor's name.
        if steps >= depth(&file.path) && !masked[..at].ends_with("super::") {
            found.extend(reached.map(|name| (at, name)));
        }
    }
    found
}

/// How many modules deep the file is: 1 for `src/plan.rs` and `src/store/mod.rs`, 2 for `src/store/read.rs`.
fn depth(path: &str) -> usize {
    path.trim_end_matches("/mod.rs").matches('/').count()
}

/// Where `word` stands in the text and does not merely end another word.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices(word).filter(|(at, _)| {
        let before = text[..*at].chars().last();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The first names of a path or of a group of paths.
fn names(text: &str) -> Vec<String> {
    let Some(group) = text.trim_start().strip_prefix('{') else {
        return vec![first_name(text)];
    };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => parts.push(String::new()),
            '{' => depth += 1,
            '}' => depth -= 1,
            c if depth == 0 => parts.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    parts
        .iter()
        .filter(|part| !part.trim().is_empty())
        .map(|part| first_name(part))
        .collect()
}

fn first_name(path: &str) -> String {
    let path = path.trim_start();
    if path.starts_with('*') {
        return "everything".to_owned();
    }
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
