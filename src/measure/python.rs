//! The user's interpreter: finding it, asking it what it is, building an environment from requirements, and the runtime
//! client for it. Linux only.
//!
//! Nothing is installed into an environment of the user's: what is built lies in the cache folder, under a name that is
//! a hash of what it was built from. Depends on `diagnostic`, `tool` and `report`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::report::Client;
use super::tool::{self, Failure};
use super::{Cancelled, RuntimeClient};
use crate::diagnostic::{Diagnostic, Kind};

/// The newest release of the runtime client that this was tested with; pip takes the newest that fits.
const CLIENT_REQUIREMENT: &str = "awslambdaric>=2";

/// What an interpreter says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Interpreter {
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// Its path.
    pub executable: PathBuf,
    /// Its environment.
    pub prefix: PathBuf,
    /// Its installation.
    pub base_prefix: PathBuf,
    /// Version and platform, as file names have them.
    pub tag: String,
    /// Where it looks for modules.
    pub folders: Vec<PathBuf>,
    /// Where its shared library is.
    pub libraries: Vec<PathBuf>,
    /// The base of packages installed with `--user`, if there are any.
    pub user_base: Option<String>,
    /// Version of the runtime client in its environment.
    pub awslambdaric: Option<String>,
    /// Version of memray in its environment.
    pub memray: Option<String>,
    /// Version of the functions framework in its environment.
    pub functions_framework: Option<String>,
}

impl Interpreter {
    /// `3.11`.
    pub fn minor(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// `3.11.7`.
    pub fn full(&self) -> String {
        format!("{}.{}.{}", self.version.0, self.version.1, self.version.2)
    }
}

/// The oldest version that the harness runs in.
const OLDEST: (u32, u32) = (3, 8);

/// Asks an interpreter what it is.
///
/// # Errors
/// `no-interpreter`: it does not start, or is not Python 3.8 or later.
pub fn probe(
    program: &Path,
    script: &Path,
    root: &Path,
    caller: &BTreeMap<OsString, OsString>,
    cancelled: Cancelled<'_>,
) -> Result<Interpreter, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::new(Kind::NoInterpreter, format!("`{}` cannot run the handler: {why}", program.display()))
            .help("name a Python 3.8 or later with `--python`, an environment with `--venv`, or `--requirements`")
    };
    let mut command = Command::new(program);
    command.arg("-B").arg(script).arg(root).env_clear();
    for name in super::environment::PASSED.iter().chain(&["HOME"]) {
        if let Some(value) = caller.get(OsStr::new(name)) {
            command.env(name, value);
        }
    }
    let out = match tool::run(command, Duration::from_secs(30), cancelled) {
        Ok(out) => out,
        Err(Failure::Interrupted) => return Err(super::interrupted()),
        Err(failure) => return Err(wrong(failure.words())),
    };
    let found: Interpreter =
        serde_json::from_slice(&out).map_err(|_| wrong("it does not answer as Python does".to_owned()))?;
    if (found.version.0, found.version.1) < OLDEST {
        return Err(wrong(format!("it is Python {}, which is too old", found.full())));
    }
    Ok(found)
}

/// The path of a command: as it is if it is one, else looked up on `PATH`.
pub fn lookup(name: &Path, caller: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = caller.get(OsStr::new("PATH"))?;
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A name for what is built from these texts: 128 bits of FNV-1a.
fn key(parts: &[&[u8]]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts {
        for byte in part.iter().chain(&[0]) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    format!("{hash:032x}")
}

/// Builds a folder of the cache once: under a lock, marked when it is whole.
fn built(
    folder: &Path,
    build: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<Result<PathBuf, Failure>, std::io::Error> {
    let parent = folder.parent().unwrap_or(folder);
    fs_err::create_dir_all(parent)?;
    let mark = folder.join(".complete");
    if mark.is_file() {
        return Ok(Ok(folder.to_path_buf()));
    }
    // Another process that builds the same holds the lock until it is done, or dead.
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if mark.is_file() {
        return Ok(Ok(folder.to_path_buf()));
    }
    let _ = fs_err::remove_dir_all(folder);
    fs_err::create_dir_all(folder)?;
    Ok(match build(folder) {
        Ok(()) => {
            fs_err::write(&mark, "")?;
            Ok(folder.to_path_buf())
        }
        Err(failure) => {
            let _ = fs_err::remove_dir_all(folder);
            Err(failure)
        }
    })
}

/// pip of an interpreter, with the caller's environment: its proxies and indexes are the user's.
fn pip(python: &Path, words: &[&OsStr]) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "-q", "install"]);
    command.args(words);
    command
}

/// An environment with what a requirements file asks for; gives its interpreter.
///
/// # Errors
/// `cannot-install`, with what pip said; `cannot-write`.
pub fn with_requirements(
    base: &Interpreter,
    requirements: &Path,
    cache: &Path,
    cancelled: Cancelled<'_>,
) -> Result<PathBuf, Diagnostic> {
    let text = fs_err::read(requirements)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(requirements))?;
    let name = key(&[&text, base.executable.as_os_str().as_encoded_bytes(), base.full().as_bytes()]);
    let folder = cache.join("environments").join(name);
    let build = |folder: &Path| {
        let mut venv = Command::new(&base.executable);
        venv.args(["-m", "venv", "--clear"]).arg(folder);
        tool::run(venv, Duration::from_secs(120), cancelled)?;
        let python = folder.join("bin/python");
        let words = [OsStr::new("-r"), requirements.as_os_str()];
        tool::run(pip(&python, &words), Duration::from_secs(1800), cancelled).map(|_| ())
    };
    match built(&folder, build) {
        Ok(Ok(folder)) => Ok(folder.join("bin/python")),
        Ok(Err(Failure::Interrupted)) => Err(super::interrupted()),
        Ok(Err(failure)) => Err(Diagnostic::new(
            Kind::CannotInstall,
            format!("the requirements cannot be installed for Python {}: {}", base.full(), failure.words()),
        )
        .in_file(requirements)
        .help("install them into an environment yourself, and name it with `--venv`")),
        Err(error) => Err(super::cannot_write(&folder, &error)),
    }
}

/// The runtime client that an interpreter is to use: what it is, and the folder that it is in if it is not in the
/// interpreter's own environment.
///
/// # Errors
/// `cannot-install` if the user asked for `awslambdaric` and it cannot be had; `cannot-write`.
pub fn runtime_client(
    interpreter: &Interpreter,
    wanted: RuntimeClient,
    cache: &Path,
    cancelled: Cancelled<'_>,
) -> Result<(Client, Option<PathBuf>), Diagnostic> {
    let minimal = |reason: &str| Client { name: "minimal".to_owned(), version: None, reason: reason.to_owned() };
    if wanted == RuntimeClient::Minimal {
        return Ok((minimal("asked for"), None));
    }
    let real = |version: Option<String>, reason: &str| Client {
        name: "awslambdaric".to_owned(),
        version: version.filter(|version| !version.is_empty()),
        reason: reason.to_owned(),
    };
    if let Some(version) = &interpreter.awslambdaric {
        return Ok((real(Some(version.clone()), "found in the environment"), None));
    }
    let folder = cache.join("runtime-clients").join(&interpreter.tag);
    let failed = folder.with_extension("failed");
    // What failed an hour ago for want of a network would fail again, slowly.
    let failed_lately = std::fs::metadata(&failed)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < Duration::from_secs(3600)));
    if failed_lately && wanted == RuntimeClient::Auto && !folder.join(".complete").is_file() {
        let said = std::fs::read_to_string(&failed).unwrap_or_default();
        return Ok((minimal(&format!("awslambdaric could not be installed within the last hour: {said}")), None));
    }
    let build = |folder: &Path| {
        let words = ["--only-binary", ":all:", "--retries", "0", "--timeout", "10", "--target"];
        let mut words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        words.push(folder.as_os_str());
        words.push(OsStr::new(CLIENT_REQUIREMENT));
        tool::run(pip(&interpreter.executable, &words), Duration::from_secs(120), cancelled).map(|_| ())
    };
    match built(&folder, build) {
        Ok(Ok(folder)) => {
            let _ = std::fs::remove_file(&failed);
            Ok((real(installed_version(&folder), "from PyPI, in the cache of this tool"), Some(folder)))
        }
        Ok(Err(Failure::Interrupted)) => Err(super::interrupted()),
        Ok(Err(failure)) if wanted == RuntimeClient::Auto => {
            let _ = std::fs::write(&failed, failure.words());
            Ok((minimal(&format!("awslambdaric cannot be installed: {}", failure.words())), None))
        }
        Ok(Err(failure)) => Err(Diagnostic::new(
            Kind::CannotInstall,
            format!("awslambdaric cannot be installed for Python {}: {}", interpreter.full(), failure.words()),
        )
        .help("use `--runtime-client minimal`, which needs nothing")),
        Err(error) if wanted == RuntimeClient::Auto => {
            Ok((minimal(&format!("no cache for awslambdaric: {error}")), None))
        }
        Err(error) => Err(super::cannot_write(&folder, &error)),
    }
}

/// The version in the name of a `.dist-info` folder.
fn installed_version(folder: &Path) -> Option<String> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        Some(name.strip_prefix("awslambdaric-")?.strip_suffix(".dist-info")?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_parts_apart() {
        assert_eq!(key(&[b"a", b"b"]), key(&[b"a", b"b"]));
        assert_ne!(key(&[b"ab"]), key(&[b"a", b"b"]));
        assert_ne!(key(&[b"a", b""]), key(&[b"a"]));
    }
}
