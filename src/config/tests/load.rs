//! Which file is loaded, and what is said when there is none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, Environment};

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_option_comes_before_the_variable_before_the_places() {
    let directory = tempfile::tempdir().unwrap();
    let option = written(directory.path(), "option.toml", "");
    let variable = written(directory.path(), "variable.toml", "");
    let place = written(directory.path(), "place.toml", "");
    let mut env = Environment {
        config: Some(variable.clone()),
        places: vec![directory.path().join("absent.toml"), place.clone()],
        ..Environment::default()
    };
    let loaded = |option: Option<&Path>, env: &Environment| Config::load(option, env).unwrap().path;
    assert_eq!(loaded(Some(&option), &env), option);
    assert_eq!(loaded(None, &env), variable);
    env.config = None;
    assert_eq!(loaded(None, &env), place);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent.toml");
    let env = Environment {
        config: Some(absent.clone()),
        places: vec![written(directory.path(), "place.toml", "")],
        ..Environment::default()
    };
    for (option, by) in [
        (Some(absent.as_path()), "--config"),
        (None, "CHATMIRROR_CONFIG"),
    ] {
        let error = Config::load(option, &env).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!("{}", absent.display())), "{said}");
        assert!(said.contains(by), "{said}");
        assert_eq!(error.problems()[0].key, by);
    }
}

#[test]
fn without_any_file_the_places_and_the_beginning_are_told() {
    let env = Environment {
        places: vec!["nowhere/a.toml".into(), "nowhere/b.toml".into()],
        ..Environment::default()
    };
    let said = Config::load(None, &env).unwrap_err().to_string();
    assert_eq!(
        said,
        "no configuration found: looked for nowhere/a.toml, nowhere/b.toml"
    );
}

#[test]
fn a_place_that_cannot_be_read_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let env = Environment {
        places: vec![
            directory.path().to_owned(),
            written(directory.path(), "place.toml", ""),
        ],
        ..Environment::default()
    };
    let error = Config::load(None, &env).unwrap_err();
    assert!(
        matches!(error, ConfigError::Unreadable { by: None, .. }),
        "{error:?}"
    );
}

#[test]
fn problems_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path(), "c.toml", "[source]\nkind = 1\n");
    let error = Config::load(Some(&path), &Environment::default()).unwrap_err();
    let expected = format!(
        "1 problem in {}:\n  line 2: source.kind = 1: must be text in quotes, not a whole number",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_usual_places_are_the_directory_and_then_the_system() {
    let places = Environment::of_process().places;
    assert_eq!(
        places,
        [
            Path::new("./config.toml"),
            Path::new("/etc/chatmirror/config.toml")
        ]
    );
}

#[test]
fn a_link_to_the_mirror_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let real = written(directory.path(), "real.db", "")
        .canonicalize()
        .unwrap();
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let path_of = |database: &Path| {
        let text = format!("[database]\npath = \"{}\"\n", database.display());
        let config = written(directory.path(), "config.toml", &text);
        let loaded = Config::load(Some(&config), &Environment::default()).unwrap();
        loaded.config.database.path
    };
    assert_eq!(path_of(&link), real);
    let absent = directory.path().join("absent.db");
    assert_eq!(path_of(&absent), absent);
}
