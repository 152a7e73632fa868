//! Who may read what only the daemon and its readers should.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::config::{Environment, Loaded};

/// The bits that let everybody on the machine read or write.
const EVERYBODY: u32 = 0o006;

/// A finding for each file that everybody may read or write and nobody should.
pub(super) fn modes(loaded: &Loaded, environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(token) = loaded.config.source.token_path(environment) {
        findings.extend(finding("token", "the token in", &token, "chmod 600"));
    }
    if let Some(secret) = loaded.config.receiver.secret_file.as_deref() {
        findings.extend(finding("secret", "the secret in", secret, "chmod 640"));
    }
    let mirror = &loaded.config.database.path;
    findings.extend(finding(
        "mirror",
        "people's messages in",
        mirror,
        "chmod 640",
    ));
    findings
}

fn finding(what: &'static str, words: &str, path: &Path, remedy: &str) -> Option<Finding> {
    // What is not there, or may not be looked at, is told where it is used.
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & EVERYBODY != 0).then(|| {
        let path = path.display();
        Finding::doubtful(
            what,
            format!(
                "everybody on this machine may read {words} {path} (mode {:03o})",
                mode & 0o777
            ),
            &format!("{remedy} {path}"),
        )
    })
}
