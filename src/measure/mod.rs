//! Measuring: the handler in a real process, under a real limit, with true figures.
//!
//! [`measure`] runs a [`Plan`] and gives a [`Measurement`]. The user's code runs in the user's own interpreter, in
//! processes of its own that end with the run, with the user's rights. What is measured and how is in docs/MEASURE.md.
//!
//! One concern a file: `runtime_api` (the platform's side of the protocol), `supervisor` (processes, mounts), `cgroup`
//! (the limit), `process` and `sampler` (figures), `page_cache`, `python` (interpreters), `environment`, `engine` (the
//! order of things), `imports` (the cost of each module), `estimate` (the platform's own figure), `report` (what comes
//! out). Only `sys` has `unsafe` code.
//!
//! Works on Linux; elsewhere [`measure`] says how to get there. Depends on `diagnostic` and `project`.

pub mod report;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod environment;
#[cfg(any(target_os = "linux", test))]
mod estimate;
#[cfg(any(target_os = "linux", test))]
mod http;
pub mod imports;
#[cfg(target_os = "linux")]
mod page_cache;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod python;
#[cfg(any(target_os = "linux", test))]
mod runtime_api;
#[cfg(target_os = "linux")]
mod sampler;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod tool;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Kind};
use crate::project::discover::Platform;
use crate::project::events::Event;

#[cfg(target_os = "linux")]
pub use engine::{Ended, Polled, Script, Scripts};
#[cfg(target_os = "linux")]
pub use python::Interpreter;
pub use report::{Measurement, Outcome};
#[cfg(target_os = "linux")]
pub use sys::Endings;

/// Says whether the user asked for an end; looked at a few times a second.
pub type Cancelled<'a> = &'a dyn Fn() -> bool;

/// Which runtime client runs a handler of AWS Lambda.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeClient {
    /// `awslambdaric` if it is there or can be installed, else the minimal one.
    #[default]
    Auto,
    /// `awslambdaric`, or an error.
    Real,
    /// The minimal one of this tool.
    Minimal,
}

/// What holds the run to its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitBy {
    /// A cgroup where one can be made, else systemd, else nothing.
    #[default]
    Auto,
    /// A cgroup of our own, or an error.
    Cgroup,
    /// A scope of the user's systemd, or an error.
    Systemd,
    /// Nothing.
    Nothing,
}

/// The interpreter to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Python {
    /// This one: a path, or a name on `PATH`.
    Program(PathBuf),
    /// That of an environment.
    Environment(PathBuf),
    /// That of an environment built from a requirements file with this interpreter.
    Requirements(PathBuf, PathBuf),
}

/// The handler to run.
#[derive(Clone, Debug)]
pub struct Target {
    /// The file that defines it, as the user named it.
    pub file: PathBuf,
    /// What the platform calls: `module.function`, as seen from `code_root`.
    pub entry: String,
    /// The folder that its imports start from.
    pub code_root: PathBuf,
    /// Where it runs.
    pub platform: Platform,
    /// The function's name; of no effect but in the context object.
    pub name: String,
}

/// What to run, and how. All paths may be relative to the working folder.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The handler.
    pub target: Target,
    /// The interpreter.
    pub python: Python,
    /// The events, given in their order to one process.
    pub events: Vec<Event>,
    /// The memory setting, which becomes the limit; none measures without a limit.
    pub memory_mb: Option<u64>,
    /// What holds the limit.
    pub limit_by: LimitBy,
    /// The runtime client.
    pub client: RuntimeClient,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long the initialisation may take.
    pub init_timeout: Duration,
    /// Size of `/tmp`.
    pub tmp_mb: u64,
    /// Variables of the function.
    pub variables: Vec<(String, String)>,
    /// Names of the caller's variables to pass on.
    pub passed: Vec<String>,
    /// Folders of layers.
    pub layers: Vec<PathBuf>,
    /// How often all of it is done, each time in a fresh process.
    pub runs: usize,
    /// How often each event is given again, to the same process.
    pub warm: usize,
    /// How many events are given at the same time.
    pub concurrency: usize,
    /// Whether each event gets a fresh process.
    pub isolate: bool,
    /// Whether the run's own files are dropped from the page cache first.
    pub evict: bool,
    /// Whether all file systems but the run's own folder and `/tmp` are read-only for it, where the system allows that.
    pub sealed: bool,
    /// Where memray's flame graph is written.
    pub flamegraph: Option<PathBuf>,
    /// The caller's environment, from which `passed` and a stated list are taken.
    pub caller: BTreeMap<OsString, OsString>,
    /// Where the run's private folder is made.
    pub work: PathBuf,
    /// Where environments and runtime clients are kept.
    pub cache: PathBuf,
}

impl Plan {
    /// How often each event is given to a process: cold and warm, and as often as it takes that `concurrency` of them
    /// run at the same time.
    pub(crate) fn times(&self) -> usize {
        let rounds = self.warm.saturating_add(1);
        let events = self.events.len().max(1);
        if self.isolate { rounds } else { rounds.max(rounds.saturating_mul(self.concurrency.max(1)).div_ceil(events)) }
    }

    /// A plan with the platform's own defaults.
    pub fn new(target: Target, python: Python, events: Vec<Event>, cache: PathBuf) -> Self {
        Self {
            target,
            python,
            events,
            memory_mb: None,
            limit_by: LimitBy::Auto,
            client: RuntimeClient::Auto,
            timeout: Duration::from_secs(60),
            init_timeout: Duration::from_secs(60),
            tmp_mb: 512,
            variables: Vec::new(),
            passed: Vec::new(),
            layers: Vec::new(),
            runs: 1,
            warm: 0,
            concurrency: 1,
            isolate: false,
            evict: true,
            sealed: false,
            flamegraph: None,
            caller: BTreeMap::new(),
            work: cache.join("runs"),
            cache,
        }
    }
}

/// Runs a plan. When it returns, with whatever result, no process, group or file of the run is left.
///
/// # Errors
/// `no-interpreter`, `cannot-install`, `cannot-write`, `no-limit`, `cannot-measure`, `interrupted`; `needs-linux`
/// elsewhere. What the *handler* does wrong is no error but an [`Outcome`].
#[cfg(target_os = "linux")]
pub fn measure(plan: &Plan, cancelled: Cancelled<'_>) -> Result<Measurement, Diagnostic> {
    engine::measure(plan, cancelled)
}

/// Says how to get to Linux.
///
/// # Errors
/// `needs-linux`, always.
#[cfg(not(target_os = "linux"))]
pub fn measure(_plan: &Plan, _cancelled: Cancelled<'_>) -> Result<Measurement, Diagnostic> {
    Err(needs_linux())
}

/// Measures what each module costs that the handler's module imports.
///
/// # Errors
/// As [`measure`], and `cannot-measure` if the module cannot be imported.
#[cfg(target_os = "linux")]
pub fn measure_imports(plan: &Plan, cancelled: Cancelled<'_>) -> Result<imports::Imports, Diagnostic> {
    engine::measure_imports(plan, cancelled)
}

/// Says how to get to Linux.
///
/// # Errors
/// `needs-linux`, always.
#[cfg(not(target_os = "linux"))]
pub fn measure_imports(_plan: &Plan, _cancelled: Cancelled<'_>) -> Result<imports::Imports, Diagnostic> {
    Err(needs_linux())
}

/// A place of the source whose values are to be noted: a memory-critical variable.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Point {
    /// The file.
    pub file: PathBuf,
    /// The line.
    pub line: u32,
    /// The kind, as the interface says it: `trip-count`, `computed-condition`.
    pub kind: String,
    /// The expression that it stands for, or words.
    pub meaning: String,
    /// The values that it may take, where they are few.
    pub values: Vec<String>,
}

/// Values that were noted, by the number of the point.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
pub struct Recorded {
    /// The values as they came; of many a sample.
    pub values: BTreeMap<usize, Vec<serde_json::Value>>,
    /// How many there were.
    pub counts: BTreeMap<usize, u64>,
    /// Why there are none.
    pub why: BTreeMap<usize, String>,
}

/// Runs all events once more, under the minimal client, and notes the values of these points.
///
/// # Errors
/// As [`measure`]; `cannot-measure` if the handler cannot be loaded.
#[cfg(target_os = "linux")]
pub fn record(plan: &Plan, points: &[Point], cancelled: Cancelled<'_>) -> Result<Recorded, Diagnostic> {
    engine::record(plan, points, cancelled)
}

/// Says how to get to Linux.
///
/// # Errors
/// `needs-linux`, always.
#[cfg(not(target_os = "linux"))]
pub fn record(_plan: &Plan, _points: &[Point], _cancelled: Cancelled<'_>) -> Result<Recorded, Diagnostic> {
    Err(needs_linux())
}

/// The message of other systems.
#[cfg_attr(target_os = "linux", allow(dead_code))]
fn needs_linux() -> Diagnostic {
    Diagnostic::new(Kind::NeedsLinux, "measuring needs Linux: its figures are the kernel's").help(
        "run it in a container: docker run --rm --privileged -v \"$PWD:/work\" -w /work python:3.12 \
         sh -c 'pip install meminterface && meminterface measure …'",
    )
}

fn interrupted() -> Diagnostic {
    Diagnostic::new(Kind::Interrupted, "interrupted; nothing of the run is left")
}

fn cannot_write(path: &std::path::Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Kind::CannotWrite, format!("cannot be written: {error}"))
        .in_file(path)
        .help("check the folder, its permissions and the space left; XDG_CACHE_HOME moves it")
}
