//! An account's part of a dataset on the disk: refused if it is another's, written beside, and moved into place at the end.

use std::fmt::Write;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{FileEntry, Manifest};
use super::{ExportError, Format};
use crate::store::MirrorOf;

// Names that begin like this are not taken for data by those who read such a dataset.
const MANIFEST: &str = "_manifest.json";
const LOCK: &str = "_lock";
const STAGED: &str = "_staged";

/// What an account's directory is called, before its name.
const ACCOUNT: &str = "account=";

/// The directory, for as long as nobody else writes into it.
pub(super) struct Place {
    directory: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the account's directory in `out`, makes it if it is not there, and clears away what a stopped export left behind.
    pub(super) fn take(out: &Path, mirror: &MirrorOf) -> Result<Self, ExportError> {
        refuse_inside(out, mirror)?;
        let directory = out.join(format!("{ACCOUNT}{}", name(mirror)));
        let written = |error| ExportError::write(&directory, error);
        fs::create_dir_all(&directory).map_err(written)?;
        let lock = File::create(directory.join(LOCK)).map_err(written)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ExportError::Held(directory)),
            Err(TryLockError::Error(error)) => return Err(written(error)),
        }
        remove(&directory.join(STAGED)).map_err(written)?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the last export wrote down; nothing before the first.
    pub(super) fn manifest(
        &self,
        mirror: &MirrorOf,
        format: Format,
    ) -> Result<Option<Manifest>, ExportError> {
        let Some(manifest) = read(&self.directory)? else {
            return Ok(None);
        };
        let path = self.directory.clone();
        refuse_other(&path, &manifest, mirror)?;
        if manifest.format != format {
            let there = manifest.format;
            return Err(ExportError::OtherFormat { path, there });
        }
        Ok(Some(manifest))
    }

    /// The size of a file of the dataset, if it is there.
    pub(super) fn size(&self, path: &str) -> Option<u64> {
        let file = fs::metadata(self.directory.join(path));
        file.ok().map(|file| file.len())
    }

    /// Begins a file beside the dataset.
    pub(super) fn stage(&self, path: &str) -> Result<File, ExportError> {
        let staged = self.directory.join(STAGED).join(path);
        let made = || {
            make_parent(&staged)?;
            File::create(&staged)
        };
        made().map_err(|error| ExportError::write(&staged, error))
    }

    /// Moves the written files into the dataset, takes out those that are gone, and those that are nobody's if `alone`; last, the
    /// manifest. Tells how many were taken out.
    pub(super) fn put(
        &self,
        manifest: &Manifest,
        written: &[FileEntry],
        gone: &[String],
        alone: bool,
    ) -> Result<u64, ExportError> {
        let put = || -> io::Result<u64> {
            for file in written {
                let to = self.directory.join(&file.path);
                make_parent(&to)?;
                fs::rename(self.directory.join(STAGED).join(&file.path), &to)?;
            }
            let mut removed = 0;
            for path in gone {
                removed += u64::from(self.take_out(path)?);
            }
            if alone {
                for path in self.files(manifest.format)? {
                    if !manifest.has(&path) {
                        removed += u64::from(self.take_out(&path)?);
                    }
                }
            }
            self.write_down(manifest)?;
            remove(&self.directory.join(STAGED))?;
            Ok(removed)
        };
        put().map_err(|error| ExportError::write(&self.directory, error))
    }

    /// Removes a file and, if nothing else is in it, its directory.
    fn take_out(&self, path: &str) -> io::Result<bool> {
        let path = self.directory.join(path);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Some(month) = path.parent() {
            // It stays where somebody has put something of their own.
            let _ = fs::remove_dir(month);
        }
        Ok(true)
    }

    /// The files of a dataset that are there.
    fn files(&self, format: Format) -> io::Result<Vec<String>> {
        let file = format!("part-0.{}", format.ending());
        let mut files = Vec::new();
        for table in names(&self.directory, "table=")? {
            for month in names(&self.directory.join(&table), "month=")? {
                files.push(format!("{table}/{month}/{file}"));
            }
        }
        Ok(files)
    }

    fn write_down(&self, manifest: &Manifest) -> io::Result<()> {
        let path = self.directory.join(MANIFEST);
        let partial = self.directory.join(format!("{MANIFEST}.partial"));
        let mut text = serde_json::to_string_pretty(manifest)?;
        text.push('\n');
        fs::write(&partial, text)?;
        File::open(&partial)?.sync_all()?;
        fs::rename(partial, path)?;
        File::open(&self.directory)?.sync_all()
    }
}

/// The platform and the account, in letters that a path and every engine takes.
fn name(mirror: &MirrorOf) -> String {
    let whole = format!("{}-{}", mirror.kind, mirror.id);
    let mut name = String::new();
    for byte in whole.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// An account's own directory, or one within it, is not where accounts stand side by side.
fn refuse_inside(out: &Path, mirror: &MirrorOf) -> Result<(), ExportError> {
    let whole = out.canonicalize().unwrap_or_else(|_| out.to_owned());
    for directory in whole.ancestors() {
        // Further up a file of that name may be anybody's.
        if let Ok(Some(manifest)) = read(directory) {
            refuse_other(directory, &manifest, mirror)?;
            return Err(ExportError::Inside(out.to_owned()));
        }
    }
    let name = whole.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name.starts_with(ACCOUNT)) {
        return Err(ExportError::Inside(out.to_owned()));
    }
    Ok(())
}

fn refuse_other(path: &Path, manifest: &Manifest, mirror: &MirrorOf) -> Result<(), ExportError> {
    let theirs = &manifest.mirror;
    if (&theirs.kind, &theirs.id) == (&mirror.kind, &mirror.id) {
        return Ok(());
    }
    Err(ExportError::OtherAccount {
        path: path.to_owned(),
        theirs: format!("{} account {}", theirs.kind, theirs.id),
        ours: format!("{} account {}", mirror.kind, mirror.id),
    })
}

fn read(directory: &Path) -> Result<Option<Manifest>, ExportError> {
    let path = directory.join(MANIFEST);
    let refused = |why: String| ExportError::Manifest {
        path: path.clone(),
        why,
    };
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| refused(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Removes a directory and all that is in it, if it is there.
fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The names in a directory that begin with `head`.
fn names(directory: &Path, head: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.starts_with(head)
        {
            names.push(name);
        }
    }
    Ok(names)
}
