//! The documents that a test keeps true.

use std::path::Path;
use std::process::Command;

use chatmirror::config::{Config, Environment};

/// What opens the block in the README that shows how the program is used.
const USAGE: &str = "$ chatmirror --help";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_example_is_a_configuration_like_the_defaults() {
    let path = top().join("config.example.toml");
    let loaded = Config::load(Some(&path), &Environment::default()).unwrap();
    assert_eq!(loaded.config, Config::parse("").unwrap());
    assert_eq!(loaded.path, path);
}

#[test]
fn the_example_holds_every_key_with_its_default_and_nothing_else() {
    let text = std::fs::read_to_string(top().join("config.example.toml")).unwrap();
    let example: toml::Table = text.parse().unwrap();
    let mut written = Vec::new();
    for (section, keys) in &example {
        for (name, value) in keys.as_table().unwrap() {
            written.push(format!("{section}.{name} = {value}"));
        }
    }
    let defaults = Config::defaults().into_iter();
    let mut defaults: Vec<_> = defaults
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    written.sort();
    defaults.sort();
    assert_eq!(written, defaults);
}

#[test]
fn the_readme_shows_the_programs_own_usage() {
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    let documented = usage_block(&readme).unwrap();
    if let Some(difference) = difference(&documented, &help()) {
        panic!("the block `{USAGE}` in README.md is not what the program says: {difference}");
    }
}

#[test]
fn a_readme_without_its_block_or_with_an_old_one_is_found() {
    let readme = format!("# x\n\n```toml\na = 1\n```\n\n```text\n{USAGE}\none\n  two\n```\n");
    let block = usage_block(&readme).unwrap();
    assert_eq!(block, "one\n  two");
    assert_eq!(difference(&block, "one  \n  two\n\n"), None);
    let found = difference(&block, "one\n  three\n").unwrap();
    assert!(
        found.contains("line 2") && found.contains("two") && found.contains("three"),
        "{found}"
    );
    assert!(difference(&block, "one\n").unwrap().contains("line 2"));
    assert!(
        difference(&block, "one\n  two\nthree")
            .unwrap()
            .contains("line 3")
    );
    for without in [
        "# x\n",
        "```toml\na = 1\n```\n",
        "```text\n$ chatmirror --help\nno end",
    ] {
        assert!(usage_block(without).unwrap_err().contains(USAGE));
    }
}

/// What the program says, as wide as the documents are.
fn help() -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_chatmirror"));
    let output = program
        .arg("--help")
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The text of the fenced block that begins with [`USAGE`], without that line.
fn usage_block(readme: &str) -> Result<String, String> {
    let missing = || format!("README.md has no fenced block that begins with `{USAGE}`");
    let (_, after) = readme
        .split_once(&format!("\n{USAGE}\n"))
        .ok_or_else(missing)?;
    let (block, _) = after.split_once("\n```").ok_or_else(missing)?;
    Ok(block.to_owned())
}

/// The first line in which the two differ, white space at the end of lines and of the text aside.
fn difference(documented: &str, said: &str) -> Option<String> {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    let (documented, said) = (lines(documented), lines(said));
    let longest = documented.len().max(said.len());
    let at = (0..longest).find(|at| documented.get(*at) != said.get(*at))?;
    let shown = |lines: &[String]| {
        lines
            .get(at)
            .map_or("nothing".to_owned(), |line| format!("{line:?}"))
    };
    Some(format!(
        "line {} is {} in the document and {} by the program; run `chatmirror --help` with COLUMNS=100",
        at + 1,
        shown(&documented),
        shown(&said)
    ))
}
