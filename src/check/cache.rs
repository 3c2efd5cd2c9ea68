//! Profiles by content, so that only what changed is read again.
//!
//! An entry is named by a fingerprint of the handler's own file, its settings and the tool, and lists what else it rests
//! on: other files of the project with their fingerprints, and files that would be read if they were there. It is used
//! only while all of that still holds. Entries are written under a name of their own and renamed: two runs at once do
//! not disturb each other, and the folder may be deleted at any time. A cache that cannot be written is no error.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::analyse::{Given, Read, Settings};
use super::fingerprint;
use super::profile::Profile;
use crate::project::discover::Handler;

/// A folder of entries.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    /// What tells one build of the tool from another.
    salt: String,
    /// Fingerprints of files of this run.
    files: Mutex<HashMap<PathBuf, Option<u128>>>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    files: Vec<(PathBuf, String)>,
    absent: Vec<PathBuf>,
    profiles: Vec<Profile>,
}

impl Cache {
    /// A cache in a folder, or none. `salt` tells builds of the tool apart.
    pub fn new(folder: Option<PathBuf>, salt: String) -> Self {
        Self { folder, salt, files: Mutex::default() }
    }

    fn file(&self, path: &Path) -> Option<u128> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return *known;
        }
        let print = fs_err::read(path).ok().map(|bytes| fingerprint([bytes.as_slice()]));
        files.insert(path.to_path_buf(), print);
        print
    }

    /// The name of the entry for handlers that are read together. None without a cache, or if their file cannot be
    /// read.
    pub fn key(&self, handlers: &[(&Handler, &[Given])], settings: &Settings) -> Option<String> {
        self.folder.as_ref()?;
        let (first, _) = handlers.first()?;
        let content = self.file(&first.file)?.to_le_bytes();
        let mut text = format!("{}\n{}\n{settings:?}\n", env!("CARGO_PKG_VERSION"), self.salt);
        for (handler, given) in handlers {
            // Everything that a profile says of a handler comes from these and from files.
            text.push_str(&format!("{handler:?}\n{given:?}\n"));
        }
        Some(format!("{:032x}", fingerprint([content.as_slice(), text.as_bytes()])))
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(key.get(..2)?).join(format!("{key}.json")))
    }

    /// What is known, if it still holds.
    pub fn get(&self, key: &str) -> Option<Vec<Profile>> {
        let text = fs_err::read_to_string(self.path(key)?).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let same =
            |(path, print): &(PathBuf, String)| self.file(path).is_some_and(|now| format!("{now:032x}") == *print);
        (entry.files.iter().all(same) && entry.absent.iter().all(|path| !path.exists())).then_some(entry.profiles)
    }

    /// Keeps what was read without problems.
    pub fn put(&self, key: &str, read: &Read) {
        let profiles: Option<Vec<Profile>> = read.profiles.iter().cloned().collect();
        let (Some(path), Some(profiles)) = (self.path(key), profiles) else { return };
        let files: Option<Vec<(PathBuf, String)>> =
            read.files.iter().map(|path| Some((path.clone(), format!("{:032x}", self.file(path)?)))).collect();
        let Some(files) = files.filter(|_| read.diagnostics.is_empty()) else { return };
        let Ok(text) = serde_json::to_string(&Entry { files, absent: read.absent.clone(), profiles }) else { return };
        let Some(folder) = path.parent() else { return };
        if fs_err::create_dir_all(folder).is_err() {
            return;
        }
        // Threads of one process and processes side by side have names of their own.
        let temporary = folder.join(format!(".{key}.{}.{:?}.part", std::process::id(), std::thread::current().id()));
        if fs_err::write(&temporary, text).is_ok() && fs_err::rename(&temporary, &path).is_ok() {
            return;
        }
        let _ = fs_err::remove_file(&temporary);
    }
}
