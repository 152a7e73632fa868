//! Where secrets come from, which are refused, and that none is ever shown.

use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;

use crate::config::{Config, ConfigError, Environment, Source};

fn source(token_file: Option<&Path>) -> Source {
    let mut source = Config::parse("").unwrap().source;
    source.token_file = token_file.map(Path::to_owned);
    source
}

fn token(source: &Source, env: &Environment) -> String {
    source.token(env).unwrap().expose_secret().to_owned()
}

#[test]
fn the_variable_comes_before_the_file_before_the_credential() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token.txt");
    fs::write(&file, "from-file\n").unwrap();
    fs::write(directory.path().join("token"), "from-credential").unwrap();
    let mut env = Environment {
        token: Some(" from-variable\n".into()),
        credentials_directory: Some(directory.path().to_owned()),
        ..Environment::default()
    };
    assert_eq!(token(&source(Some(&file)), &env), "from-variable");
    env.token = Some("".into());
    assert_eq!(token(&source(Some(&file)), &env), "from-file");
    assert_eq!(token(&source(None), &env), "from-credential");
}

#[test]
fn a_missing_token_tells_the_three_ways() {
    let directory = tempfile::tempdir().unwrap();
    let without = Environment::default();
    let no_credential = Environment {
        credentials_directory: Some(directory.path().to_owned()),
        ..Environment::default()
    };
    for env in [without, no_credential] {
        let error = source(None).token(&env).unwrap_err();
        assert!(matches!(error, ConfigError::NoToken), "{error:?}");
        for way in ["CHATMIRROR_TOKEN", "source.token_file", "credential"] {
            assert!(error.hint().contains(way), "{error}");
        }
    }
}

#[test]
fn a_token_file_that_is_not_there_is_an_error_even_beside_a_credential() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("token"), "from-credential").unwrap();
    let env = Environment {
        credentials_directory: Some(directory.path().to_owned()),
        ..Environment::default()
    };
    let error = source(Some(Path::new("hunter2"))).token(&env).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the file of source.token_file"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[test]
fn what_cannot_be_a_token_is_refused_and_not_shown() {
    let long = "x".repeat(20_000);
    for (given, why) in [
        ("  \n", "empty"),
        ("hunter2 hunter2", "white space inside"),
        ("hunter2\nhunter2", "white space inside"),
        ("Bearer hunter2", "without the word `Bearer`"),
        ("hunter2é", "visible ASCII"),
        ("hunter2\u{1}", "visible ASCII"),
        ("\u{feff}hunter2", "visible ASCII"),
        (long.as_str(), "too long"),
    ] {
        let env = Environment {
            token: Some(given.into()),
            ..Environment::default()
        };
        let error = source(None).token(&env).unwrap_err();
        let said = format!("{error} {error:?} {env:?}");
        assert!(error.to_string().contains(why), "{given:?}: {error}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_token_is_not_shown_by_debug() {
    let env = Environment {
        token: Some("hunter2".into()),
        ..Environment::default()
    };
    let token = source(None).token(&env).unwrap();
    assert_eq!(token.expose_secret(), "hunter2");
    assert!(!format!("{token:?} {env:?}").contains("hunter2"));
}

#[test]
fn the_receiver_reads_its_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    let mut receiver = Config::parse("").unwrap().receiver;
    assert!(receiver.secret().unwrap().is_none());
    receiver.secret_file = Some(file.clone());
    assert!(matches!(
        receiver.secret(),
        Err(ConfigError::UnreadableSecret { .. })
    ));
    fs::write(&file, "word\n").unwrap();
    assert_eq!(receiver.secret().unwrap().unwrap().expose_secret(), "word");
}
