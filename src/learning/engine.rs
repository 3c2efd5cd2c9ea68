//! Learning on more machines than one: traces are parted by callable, each callable is fitted for itself, and the files of all
//! of them are joined.
//!
//! The work is done by Dask (`harness/learn_dask.py`), whose workers run this command: `learn --partition` for each file of
//! traces, then `learn` for each callable. All workers see the traces and a folder for what lies between. As parts keep the
//! order of the files and summaries merge (`summary`), the contracts are those of one machine. Depends on `diagnostic`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, Kind, Span};

const DRIVER: &str = include_str!("harness/learn_dask.py");

/// Parts of a callable that one worker reads; more are summarised first, so many at a time.
const MOST_PARTS: usize = 100;

/// What is asked of the cluster.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The interpreter that has Dask.
    pub python: PathBuf,
    /// This command, as workers start it.
    pub command: PathBuf,
    /// A running scheduler; none: a cluster of its own on this machine.
    pub scheduler: Option<String>,
    /// Workers of such a cluster.
    pub jobs: usize,
    /// Traces of a callable that are kept.
    pub most: usize,
    /// Median error on held-back sizes up to which a contract is written, in percent.
    pub most_error: f64,
    /// Files of traces, in the order in which one machine reads them.
    pub files: Vec<PathBuf>,
    /// Patterns of callables.
    pub only: Vec<String>,
    /// Where parts and their contracts are kept meanwhile.
    pub folder: PathBuf,
}

/// What the cluster answers.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// Callables as `learn --format json` has them.
    pub callables: Vec<Json>,
    /// Diagnostics as JSON.
    pub left_out: Vec<Json>,
    /// Contract files, one or more for each callable, in the order of the callables.
    pub files: Vec<PathBuf>,
    /// How many workers there were.
    pub workers: usize,
}

/// Learns on a cluster.
///
/// # Errors
/// `no-interpreter` with what Python or a worker said; `cannot-write`.
pub fn run(ask: &Ask) -> Result<Answer, Diagnostic> {
    let failed = |why: String| {
        Diagnostic::new(Kind::NoInterpreter, format!("`{}` cannot run a Dask cluster: {why}", ask.python.display()))
            .help("name a Python with `pip install \"dask[distributed]\"` by `--python`; workers need this command and the traces")
    };
    let driver = ask.folder.join("learn_dask.py");
    fs_err::create_dir_all(&ask.folder).and_then(|()| fs_err::write(&driver, DRIVER)).map_err(|error| {
        Diagnostic::new(Kind::CannotWrite, format!("cannot be written: {error}"))
            .in_file(&driver)
            .help("check the folder, its permissions and the space left")
    })?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let wish = json!({"command": text(&ask.command), "python": text(&ask.python), "scheduler": ask.scheduler, "jobs": ask.jobs,
                      "most": ask.most, "most_error": ask.most_error, "most_parts": MOST_PARTS, "only": ask.only, "folder": text(&ask.folder),
                      "files": ask.files.iter().map(|file| text(file)).collect::<Vec<_>>()});
    let mut child = Command::new(&ask.python)
        .args(["-B", "-W", "ignore"])
        .arg(&driver)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // What ends before it has read that says why on its own.
        let _ = input.write_all(wish.to_string().as_bytes());
    }
    let done = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !done.status.success() {
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        let last = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        return Err(failed(last.trim().to_owned()));
    }
    serde_json::from_slice(&done.stdout).map_err(|error| failed(format!("its answer is no JSON: {error}")))
}

/// A diagnostic that a worker wrote as JSON.
pub fn diagnostic(json: &Json) -> Diagnostic {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    let kind = Kind::ALL.iter().copied().find(|kind| Some(kind.id()) == text("id")).unwrap_or(Kind::NotTraced);
    let mut found = Diagnostic::new(kind, text("message").unwrap_or_default());
    if let Some(file) = text("file") {
        found = found.in_file(file);
    }
    let number = |name: &str| json.get(name).and_then(Json::as_u64);
    if let Some(line) = number("line") {
        let at = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        found = found.at(Span::point(at(line), at(number("column").unwrap_or(1))));
    }
    match text("help") {
        Some(help) => found.help(help),
        None => found,
    }
}
