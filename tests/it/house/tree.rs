//! The files that the house rules are held against. What does not exist is simply not there.

use std::fs;
use std::path::Path;

/// A file: its path from the top of the tree, with slashes, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// What follows `src/` up to the next slash or the end of the name: the module at the top that this belongs to.
    pub fn module(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let top = inner.split('/').next().unwrap_or(inner);
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// Whether the file is nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

pub fn sources() -> Vec<File> {
    files("src", &["rs"])
}

pub fn tests() -> Vec<File> {
    files("tests", &["rs"])
}

pub fn migrations() -> Vec<File> {
    files("migrations", &["sql"])
}

/// All that people read and write, but not a configuration of one's own.
pub fn texts() -> Vec<File> {
    let inside = [
        "src",
        "tests",
        "docs",
        "migrations",
        "packaging",
        ".ci",
        ".github",
    ];
    let mut found: Vec<_> = inside
        .iter()
        .flat_map(|directory| files(directory, &[]))
        .collect();
    for entry in fs::read_dir(top()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap_or_default();
        if [".md", ".toml", ".lock"]
            .iter()
            .any(|end| name.ends_with(end))
            && name != "config.toml"
        {
            found.extend(read(&name));
        }
    }
    found
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under `directory` with one of these endings, or all that are text if none is given, in order.
fn files(directory: &str, endings: &[&str]) -> Vec<File> {
    let Ok(entries) = fs::read_dir(top().join(directory)) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let path = format!("{directory}/{}", name.to_str().unwrap());
        let ending = Path::new(&path)
            .extension()
            .and_then(|ending| ending.to_str());
        if top().join(&path).is_dir() {
            found.extend(files(&path, endings));
        } else if endings.is_empty() || endings.contains(&ending.unwrap_or_default()) {
            found.extend(read(&path));
        }
    }
    found
}

fn read(path: &str) -> Option<File> {
    let text = fs::read_to_string(top().join(path)).ok()?;
    Some(File::new(path, &text))
}
