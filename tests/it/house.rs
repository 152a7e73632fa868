//! The house rules, held against the tree, and each seen to fail on a bad snippet.

mod floors;
mod masking;
mod rules;
mod tree;

use tree::File;

/// Gathers what `rule` finds in `files` and fails with all of it.
#[track_caller]
fn hold(files: &[File], rule: impl Fn(&File) -> Vec<String>) {
    let offences: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn imports_go_down_only() {
    hold(&tree::sources(), floors::imports);
}

#[test]
fn each_thing_is_done_in_its_place() {
    hold(&tree::sources(), rules::places);
}

#[test]
fn files_are_as_the_house_likes_them() {
    hold(&tree::sources(), rules::shape);
    hold(&tree::tests(), rules::shape);
}

#[test]
fn no_text_names_a_path_of_one_machine() {
    hold(&tree::texts(), rules::machine_paths);
}

#[test]
fn migrations_are_lower_case_and_say_what_their_tables_are() {
    hold(&tree::migrations(), rules::migration);
}

#[test]
fn the_tree_is_there() {
    let paths: Vec<_> = tree::sources().into_iter().map(|file| file.path).collect();
    assert!(paths.contains(&"src/lib.rs".to_owned()), "{paths:?}");
    assert!(
        tree::tests()
            .iter()
            .any(|file| file.path == "tests/it/house.rs")
    );
    assert!(tree::texts().iter().any(|file| file.path == "Cargo.toml"));
}

/// Asserts that `rule` finds one offence in `text` at `path`, with these words, or none if there are no words.
#[track_caller]
fn assert_found(rule: impl Fn(&File) -> Vec<String>, path: &str, text: &str, words: &str) {
    let found = rule(&File::new(path, text));
    if words.is_empty() {
        assert!(found.is_empty(), "{path}: {text}: {found:?}");
    } else {
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(words), "{path}: {text}: {found:?}");
        assert!(found[0].starts_with(path), "{found:?}");
    }
}

#[test]
fn bad_imports_are_found() {
    for (path, text, words) in [
        ("src/store/mod.rs", "use crate::model::Chat;", ""),
        ("src/model/mod.rs", "use crate::clock::Timestamp;", ""),
        ("src/store/read.rs", "use crate::store::open;", ""),
        (
            "src/cli/demo.rs",
            "use crate::{pass, simulator::Account};",
            "",
        ),
        ("src/plan.rs", "// use crate::store::Batch;", ""),
        ("src/plan.rs", "let x = \"crate::store\";", ""),
        ("src/source/tests.rs", "use crate::simulator::serve;", ""),
        (
            "src/source/a.rs",
            "#[cfg(test)]\nmod tests { use crate::simulator::serve; }",
            "",
        ),
        (
            "src/plan.rs",
            "use crate::store::Batch;",
            "plan may not import store",
        ),
        (
            "src/plan.rs",
            "use super::store::Batch;",
            "plan may not import store",
        ),
        ("src/a/b.rs", "", "a has no floor"),
        (
            "src/store/a/b.rs",
            "use super::super::super::pass::Pass;",
            "import pass",
        ),
        (
            "src/store/a.rs",
            "use crate::source::Page;",
            "store may not import source",
        ),
        (
            "src/source/a.rs",
            "use crate::store::Batch;",
            "source may not import store",
        ),
        (
            "src/pass/mod.rs",
            "let x = crate::daemon::Lock::new();",
            "pass may not import daemon",
        ),
        (
            "src/pass/mod.rs",
            "use crate::{\n  model::{self, Chat},\n  cli::run,\n};",
            "import cli",
        ),
        ("src/pass/mod.rs", "use ::chatmirror::cli;", "import cli"),
        (
            "src/simulator/mod.rs",
            "use crate::model::Chat;",
            "simulator may not import model",
        ),
        (
            "src/source/a.rs",
            "use crate::simulator::serve;",
            "may not import simulator",
        ),
        ("src/config/mod.rs", "use crate::*;", "import everything"),
        (
            "src/config/mod.rs",
            "use crate::unheard_of::X;",
            "import unheard_of",
        ),
    ] {
        assert_found(floors::imports, path, text, words);
    }
}

#[test]
fn things_out_of_place_are_found() {
    for (path, text, words) in [
        ("src/store/mod.rs", "sqlx::query!(\"select 1\");", ""),
        ("src/pass/mod.rs", "use sqlx::Row;", "sqlx"),
        ("src/cli/status.rs", "println!(\"{count}\");", ""),
        ("src/pass/mod.rs", "println!(\"{count}\");", "print"),
        ("src/pass/mod.rs", "std::eprint!(\"x\");", "print"),
        ("src/pass/tests.rs", "println!(\"seed {seed}\");", ""),
        ("src/main.rs", "std::process::exit(1);", ""),
        ("src/cli/mod.rs", "std::process::exit(1);", "exit"),
        ("src/clock.rs", "Utc::now()", ""),
        ("src/pass/mod.rs", "Utc::now()", "clock"),
        ("src/pass/mod.rs", "std::time::SystemTime::now()", "clock"),
        ("src/pass/mod.rs", "Instant::now()", "clock"),
        ("src/cli/progress.rs", "Instant::now()", ""),
        ("src/cli/progress.rs", "SystemTime::now()", "clock"),
    ] {
        assert_found(rules::places, path, text, words);
    }
}

#[test]
fn files_out_of_shape_are_found() {
    let fine = "//! What this is for.\n";
    let long = format!("{fine}{}", "x\n".repeat(399));
    let full = format!("{fine}{}", "x\n".repeat(398));
    let with = |code: &str| format!("{fine}{code}");
    for (path, text, words) in [
        ("src/a.rs", fine, ""),
        ("src/a.rs", &full, ""),
        ("src/a.rs", &long, "400 lines"),
        ("src/a.rs", "use std::fmt;\n", "//!"),
        ("src/a.rs", "//!\n", "//!"),
        ("src/a/utils.rs", fine, "drawer"),
        ("src/helpers/mod.rs", fine, "drawer"),
        ("src/a.rs", &with("#[allow(dead_code)]"), "allow"),
        ("src/a.rs", &with("#![allow(dead_code)]"), "allow"),
        (
            "src/a.rs",
            &with("#[cfg_attr(test, allow(dead_code))]"),
            "allow",
        ),
        ("src/a.rs", &with("// #[allow(dead_code)]"), ""),
        ("src/a.rs", &with("todo!()"), "todo!"),
        ("src/a.rs", &with("unimplemented!()"), "unimplemented!"),
        ("src/a.rs", &with("dbg!(x)"), "dbg!"),
        ("src/a.rs", &with("let x = \"todo!\";"), ""),
    ] {
        assert_found(rules::shape, path, text, words);
    }
}

#[test]
fn paths_of_a_machine_are_found() {
    for top in ["work", "root", "home"] {
        let text = format!("fine\nsee /{top}/x\n");
        assert_found(rules::machine_paths, "docs/a.md", &text, ":2: ");
    }
    assert_found(
        rules::machine_paths,
        "docs/a.md",
        "/var/lib and homework/x",
        "",
    );
}

#[test]
fn bad_migrations_are_found() {
    for (text, words) in [
        (
            "create table a (\n  -- What A is.\n  id integer primary key not null\n);",
            "",
        ),
        (
            "create table a (id integer /* why */, at DATETIME, raw JSON, on BOOLEAN);",
            "",
        ),
        (
            "create table a (\n  id integer -- (a comment)\n) strict;",
            "",
        ),
        ("create virtual table f using fts5(text);", ""),
        (
            "-- Above it.\ncreate table a (id integer);",
            "no comment inside",
        ),
        (
            "create table a (id text default '--');",
            "no comment inside",
        ),
        ("create table a (id integer); -- after", "no comment inside"),
        ("select 1;\nSELECT 2;", ":2: "),
        ("insert into a values ('Upper', \"id\"); -- Upper", ""),
    ] {
        assert_found(rules::migration, "migrations/1_a.sql", text, words);
    }
}
