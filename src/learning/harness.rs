//! Makes traces: starts the harness in the user's interpreter, a process a callable, and keeps what it writes. Linux only.
//!
//! A trace is appended to its file as soon as it is there, so that a run that was interrupted goes on where it was.
//! Depends on `diagnostic`.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Cancelled;
use crate::diagnostic::{Diagnostic, Kind};

/// The harness: its files, as they are written into the run's folder.
const FILES: &[(&str, &str)] = &[
    ("learn_run.py", include_str!("harness/learn_run.py")),
    ("meminterface_workloads.py", include_str!("harness/meminterface_workloads.py")),
    ("check.py", include_str!("harness/check.py")),
    ("parquet_lines.py", include_str!("harness/parquet_lines.py")),
];

/// What is set for the traced processes: memory that does not depend on the number of cores, and that goes back to the
/// system when it is freed.
const VARIABLES: &[(&str, &str)] = &[
    ("OPENBLAS_NUM_THREADS", "1"),
    ("OMP_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("NUMEXPR_NUM_THREADS", "1"),
    ("POLARS_MAX_THREADS", "1"),
    ("ARROW_DEFAULT_MEMORY_POOL", "system"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_ARENA_MAX", "1"),
    ("PYTHONHASHSEED", "0"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONUNBUFFERED", "1"),
    ("MPLBACKEND", "Agg"),
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "x"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
];

/// One point of a workload.
#[derive(Clone, Debug, Deserialize)]
pub struct Point {
    /// The sizes and kinds.
    pub point: Json,
    /// Whether it is an edge size.
    pub edge: bool,
}

/// A workload, as the harness lists it.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    /// Unique among the workloads of a run.
    pub label: String,
    /// Qualified name of what is called.
    pub callable: String,
    /// The workload file.
    pub file: PathBuf,
    /// The library.
    pub library: String,
    /// Its version; none if it cannot be told.
    pub library_version: Option<String>,
    /// What is tried.
    pub points: Vec<Point>,
    /// How often a fourth of them; the others once.
    pub repetitions: u64,
}

/// A workload file that cannot be used.
#[derive(Clone, Debug, Deserialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub problem: String,
    /// The library that is not installed, if that is why.
    pub missing: Option<String>,
}

/// What an interpreter can trace.
#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    /// The workloads.
    pub workloads: Vec<Workload>,
    /// Files that cannot be used.
    pub problems: Vec<Problem>,
    /// The interpreter's version.
    pub python: String,
    /// `linux-x86_64`.
    pub platform: String,
    /// Whether memray is there, so that native allocations are seen.
    pub memray: bool,
}

/// How to trace.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The interpreter.
    pub python: PathBuf,
    /// The workload files.
    pub files: Vec<PathBuf>,
    /// Fewer points.
    pub quick: bool,
    /// Where traces are kept.
    pub traces: PathBuf,
    /// How many callables at a time.
    pub jobs: usize,
    /// How long a call may take, in seconds.
    pub limit: u64,
    /// How many bytes a call may take.
    pub memory: u64,
}

/// The private folder of a run; it goes with this.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it, with the harness and the given workload texts in it.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn new() -> Result<Self, Diagnostic> {
        let path = std::env::temp_dir().join(format!("meminterface-learn-{}", std::process::id()));
        let folder = Self(path);
        for (name, text) in FILES {
            folder.write(name, text)?;
        }
        Ok(folder)
    }

    /// Writes a file into it.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Diagnostic> {
        let path = self.0.join(name);
        let parent = path.parent().unwrap_or(&self.0);
        fs_err::create_dir_all(parent)
            .and_then(|()| fs_err::write(&path, text))
            .map_err(|error| cannot_write(&path, &error))?;
        Ok(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Kind::CannotWrite, format!("cannot be written: {error}"))
        .in_file(path)
        .help("check the folder, its permissions and the space left")
}

fn interrupted() -> Diagnostic {
    Diagnostic::new(Kind::Interrupted, "the run was interrupted").help("run it again: it goes on where it was")
}

fn no_interpreter(python: &Path, why: &str) -> Diagnostic {
    Diagnostic::new(Kind::NoInterpreter, format!("`{}` cannot trace: {why}", python.display()))
        .help("name a Python 3.9 or later that has the libraries with `--python`")
}

fn command(ask: &Ask, folder: &Folder, words: &[&str]) -> Command {
    let mut command = Command::new(&ask.python);
    command.args(["-B", "-W", "ignore"]).arg(folder.path().join("learn_run.py")).args(words).arg("--").args(&ask.files);
    command.envs(VARIABLES.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A terminal's Ctrl-C comes to us alone; we end the harness.
    command.process_group(0);
    command
}

/// Ends a child when it is dropped, whatever happened.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a pipe in a thread of its own, at most its first MiB.
fn collect(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(1 << 20).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned()
}

/// Asks an interpreter which workloads it can trace.
///
/// # Errors
/// `no-interpreter`, `interrupted`.
pub fn list(ask: &Ask, folder: &Folder, cancelled: Cancelled<'_>) -> Result<Listing, Diagnostic> {
    let mut words = vec!["--list"];
    if ask.quick {
        words.push("--quick");
    }
    let child = command(ask, folder, &words).stdin(Stdio::null()).spawn();
    let mut child = Running(child.map_err(|error| no_interpreter(&ask.python, &error.to_string()))?);
    let errors = collect(child.0.stderr.take());
    let mut out = child.0.stdout.take();
    let text = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(out) = &mut out {
            let _ = out.read_to_string(&mut text);
        }
        text
    });
    while matches!(child.0.try_wait(), Ok(None)) {
        if cancelled() {
            return Err(interrupted());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = text.join().unwrap_or_default();
    serde_json::from_str(&text).map_err(|_| no_interpreter(&ask.python, &last_line(&errors.join().unwrap_or_default())))
}

/// The file that the traces of a workload are kept in.
pub fn trace_file(traces: &Path, workload: &Workload) -> PathBuf {
    let safe: String =
        workload.label.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' }).collect();
    traces.join(&workload.library).join(format!("{safe}.jsonl"))
}

/// What tells traces of a file apart: sizes and kinds, repetition, versions, way of measuring.
fn key(axes: &Json, repetition: u64, library: Option<&str>, python: &str, method: &str) -> String {
    format!("{axes}|{repetition}|{}|{python}|{method}", library.unwrap_or_default())
}

/// The traces that a file has already; a last line that was cut short is taken off.
fn present(file: &Path) -> BTreeSet<String> {
    let Ok(text) = std::fs::read_to_string(file) else { return BTreeSet::new() };
    if !text.is_empty() && !text.ends_with('\n') {
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if let Ok(file) = std::fs::OpenOptions::new().write(true).open(file) {
            let _ = file.set_len(whole as u64);
        }
    }
    text.lines()
        .filter_map(|line| serde_json::from_str::<Json>(line).ok())
        .map(|trace| {
            let text = |name: &str| trace.get(name).and_then(Json::as_str);
            let repetition = trace.get("repetition").and_then(Json::as_u64).unwrap_or(0);
            let axes = trace.get("axes").unwrap_or(&Json::Null);
            key(axes, repetition, text("library_version"), text("python").unwrap_or(""), text("method").unwrap_or(""))
        })
        .collect()
}

/// What is to be traced of a workload that is not there yet.
pub fn open_jobs(ask: &Ask, listing: &Listing, workload: &Workload) -> Vec<Json> {
    let present = present(&trace_file(&ask.traces, workload));
    let method = if listing.memray { "memray" } else { "tracemalloc" };
    let mut jobs = Vec::new();
    for repetition in 0..workload.repetitions.max(1) {
        for (n, point) in workload.points.iter().enumerate() {
            // A fourth of the sizes is enough to see what repeats differ by.
            if repetition > 0 && workload.points.len() > 1 && (n % 4 != 1 || point.edge) {
                continue;
            }
            let version = workload.library_version.as_deref();
            if !present.contains(&key(&point.point, repetition, version, &listing.python, method)) {
                jobs.push(json!({"label": workload.label, "point": point.point, "edge": point.edge,
                                 "repetition": repetition}));
            }
        }
    }
    jobs
}

/// Traces what is not there yet. `done` hears of each trace, with the workload's name.
///
/// # Errors
/// `interrupted`, `cannot-write`. Workloads that cannot be traced are in the list that is given back.
pub fn run(
    ask: &Ask,
    folder: &Folder,
    work: Vec<(Workload, Vec<Json>)>,
    done: &(dyn Fn(&str) + Sync),
    cancelled: Cancelled<'_>,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let queue: Mutex<VecDeque<(Workload, Vec<Json>)>> = Mutex::new(work.into());
    let problems: Mutex<Vec<(String, Diagnostic)>> = Mutex::new(Vec::new());
    let failed: Mutex<Option<Diagnostic>> = Mutex::new(None);
    let stop = AtomicBool::new(false);
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ask.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.pop_front());
                    let Some((workload, jobs)) = next else { break };
                    if cancelled() || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let scratch = format!("job{}", count.fetch_add(1, Ordering::Relaxed));
                    match one(ask, folder, &workload, jobs, &scratch, done, cancelled) {
                        Ok(found) => {
                            if let (Some(problem), Ok(mut all)) = (found, problems.lock()) {
                                all.push((workload.label.clone(), problem));
                            }
                        }
                        Err(problem) => {
                            stop.store(true, Ordering::Relaxed);
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(problem);
                            }
                        }
                    }
                }
            });
        }
    });
    if cancelled() {
        return Err(interrupted());
    }
    if let Some(problem) = failed.into_inner().ok().flatten() {
        return Err(problem);
    }
    let mut problems = problems.into_inner().unwrap_or_default();
    problems.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(problems.into_iter().map(|(_, problem)| problem).collect())
}

/// Traces one workload; gives what kept it from being traced whole.
fn one(
    ask: &Ask,
    folder: &Folder,
    workload: &Workload,
    jobs: Vec<Json>,
    scratch: &str,
    done: &(dyn Fn(&str) + Sync),
    cancelled: Cancelled<'_>,
) -> Result<Option<Diagnostic>, Diagnostic> {
    let file = trace_file(&ask.traces, workload);
    let failed = |error: &std::io::Error| cannot_write(&file, error);
    if let Some(parent) = file.parent() {
        fs_err::create_dir_all(parent).map_err(|error| failed(&error))?;
    }
    let mut out = fs_err::OpenOptions::new().create(true).append(true).open(&file).map_err(|error| failed(&error))?;
    out.seek(std::io::SeekFrom::End(0)).map_err(|error| failed(&error))?;
    let scratch = folder.path().join(scratch);
    fs_err::create_dir_all(&scratch).map_err(|error| cannot_write(&scratch, &error))?;
    let (limit, memory) = (ask.limit.to_string(), ask.memory.to_string());
    let place = scratch.to_string_lossy().into_owned();
    let words = ["--label", &workload.label, "--scratch", &place, "--limit", &limit, "--memory", &memory];
    let one_file = Ask { files: vec![workload.file.clone()], ..ask.clone() };
    let child = command(&one_file, folder, &words).current_dir(&scratch).stdin(Stdio::piped()).spawn();
    let mut child = Running(child.map_err(|error| no_interpreter(&ask.python, &error.to_string()))?);
    let errors = collect(child.0.stderr.take());
    let total = jobs.len();
    let input = child.0.stdin.take();
    let writer = std::thread::spawn(move || {
        if let Some(mut input) = input {
            for job in jobs {
                if writeln!(input, "{job}").is_err() {
                    break;
                }
            }
        }
    });
    let (send, receive) = std::sync::mpsc::channel();
    let pipe = child.0.stdout.take();
    let reader = std::thread::spawn(move || {
        for line in pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let mut seen = 0;
    let mut result = Ok(());
    loop {
        match receive.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => {
                result = out.write_all(format!("{line}\n").as_bytes());
                if result.is_err() {
                    break;
                }
                seen += 1;
                done(&workload.callable);
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) if cancelled() => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    drop(child);
    let _ = writer.join();
    let _ = reader.join();
    let errors = errors.join().unwrap_or_default();
    result.map_err(|error| failed(&error))?;
    if seen < total && !cancelled() {
        let message = format!(
            "{}: {} of {total} calls could not be traced: {}",
            workload.callable,
            total - seen,
            last_line(&errors)
        );
        return Ok(Some(
            Diagnostic::new(Kind::NotTraced, message)
                .in_file(&workload.file)
                .help("run the workload by hand, or leave it out with `--only`"),
        ));
    }
    Ok(None)
}

/// The traces of Parquet files as JSON lines, by the interpreter's pyarrow.
///
/// # Errors
/// `cannot-read` with what Python said.
pub fn parquet(python: &Path, folder: &Folder, file: &Path) -> Result<Vec<u8>, Diagnostic> {
    let failed = |why: String| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {why}")).in_file(file).help(
            "Parquet is read by pyarrow: install it into the interpreter that `--python` names, or give JSON lines",
        )
    };
    let done = Command::new(python)
        .arg("-B")
        .arg(folder.path().join("parquet_lines.py"))
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if done.status.success() { Ok(done.stdout) } else { Err(failed(last_line(&String::from_utf8_lossy(&done.stderr)))) }
}
