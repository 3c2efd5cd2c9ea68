//! The order of things: environments, groups, starts, events, figures, ends. Linux only.
//!
//! One [`Instance`] is one process of the user's with all that belongs to it. Phases begin and end while that process
//! waits for us (for the answer to `next`, or for a byte on the control channel), so that reading figures costs it
//! neither time nor memory. Depends on every other file of `measure`.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{CString, OsString};
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use super::cgroup::{Group, Version};
use super::environment::{Function, environment};
use super::http::Answer;
use super::imports::{self, Imports};
use super::python::{self, Interpreter};
use super::report::{
    Client, Fault, Figures, HandlerName, Init, Invocation, Limit, LimitKind, MB, Measurement, Outcome, PageCache, Peak,
    Phase, PythonName, Response, Temporary,
};
use super::runtime_api::{Call, Server};
use super::sampler::{Sampler, Seen, Tree};
use super::supervisor::{self, Launch, Supervisor, Told};
use super::sys::{self, Pid};
use super::tool;
use super::{Cancelled, LimitBy, Plan, Python, page_cache, process};
use crate::diagnostic::{Diagnostic, Kind, Schema};
use crate::project::discover::Platform;

/// The harness: its files, as they are written into the run's folder.
const HARNESS: &[(&str, &str)] = &[
    ("start.py", include_str!("harness/start.py")),
    ("meminterface_client.py", include_str!("harness/meminterface_client.py")),
    ("meminterface_record.py", include_str!("harness/meminterface_record.py")),
    ("meminterface_platforms.py", include_str!("harness/meminterface_platforms.py")),
    ("imports.py", include_str!("harness/imports.py")),
    ("probe.py", include_str!("harness/probe.py")),
];

/// How much of what the handler writes is kept, in bytes.
const LOG_BYTES: usize = 16 * 1024;

/// How long the engine waits before it looks whether the user asked for an end.
const TICK: Duration = Duration::from_millis(50);

/// How long a process may take to be killed with all that it started.
const KILL_TIME: Duration = Duration::from_secs(30);

/// The platform's own limit of the initialisation. Source: AWS Lambda, "Understanding the Lambda execution environment
/// lifecycle": "The Init phase is limited to 10 seconds" (read 2025-11).
const PLATFORM_INIT: Duration = Duration::from_secs(10);

/// Something that happened.
#[derive(Debug)]
enum Message {
    Call(Call),
    Told(Told),
    /// The harness says that a phase is over, and waits.
    PhaseOver(Instant),
}

/// The run's private folder. Dropping it removes it.
#[derive(Debug)]
struct RunFolder(PathBuf);

impl RunFolder {
    fn make(parent: &Path) -> Result<Self, Diagnostic> {
        use std::os::unix::fs::DirBuilderExt;
        fs_err::create_dir_all(parent).map_err(|error| super::cannot_write(parent, &error))?;
        let parent = parent.canonicalize().map_err(|error| super::cannot_write(parent, &error))?;
        for _ in 0..100 {
            let path = parent.join(format!("meminterface-{}-{:08x}", std::process::id(), random() & 0xffff_ffff));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(super::cannot_write(&path, &error)),
            }
        }
        Err(super::cannot_write(&parent, &std::io::Error::from(std::io::ErrorKind::AlreadyExists)))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Diagnostic> {
        let path = self.0.join(name);
        fs_err::write(&path, text).map_err(|error| super::cannot_write(&path, &error))?;
        Ok(path)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A number that differs from call to call and from run to run.
fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// An id of the form that the platform gives to requests.
fn request_id() -> String {
    let (a, b) = (random(), random());
    let variant = 0x8000 | (b >> 48) & 0x3fff;
    format!("{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b & 0xffff_ffff_ffff)
}

fn cannot_measure(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::CannotMeasure, what)
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}

fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, Diagnostic> {
    CString::new(text).map_err(|_| cannot_measure("a path or a variable holds a NUL character"))
}

/// What stays the same for all instances of a measurement.
struct Engine<'a> {
    plan: &'a Plan,
    cancelled: Cancelled<'a>,
    folder: RunFolder,
    root: PathBuf,
    layers: Vec<PathBuf>,
    interpreter: Interpreter,
    client: Client,
    /// Where the runtime client is, if not in the interpreter's own environment.
    client_folder: Option<PathBuf>,
    server: Server,
    log: Arc<Mutex<VecDeque<u8>>>,
    notes: Vec<String>,
    instances: usize,
    limit: Option<Limit>,
    temporary: Option<Temporary>,
    page_cache: Option<PageCache>,
    name_of_group: String,
}

/// A process of the user's.
struct Instance {
    // Dropped in this order: what ends processes first, then what they were in.
    sampler: Option<Sampler>,
    supervisor: Supervisor,
    group: Option<Group>,
    /// Its folder or image for `/tmp`.
    temporary: Vec<PathBuf>,
    messages: Receiver<Message>,
    control: Option<UnixStream>,
    tree: Tree,
    pid: Pid,
    /// Workers that wait for an event.
    waiting: Vec<SyncSender<Answer>>,
    /// Extensions: whether they registered, and how to answer them.
    extensions: BTreeMap<String, Option<SyncSender<Answer>>>,
    extensions_expected: usize,
    marks: Marks,
    /// Anonymous and resident memory when the last phase was over.
    level: (u64, u64),
    ended: Option<i32>,
    /// CPU time of processes that ended and were waited for by the supervisor.
    gone_cpu: Duration,
    gone_resident: u64,
    watched_folder: Option<(PathBuf, u64)>,
    watched_at: Instant,
}

/// The counters as a phase begins.
#[derive(Clone, Copy, Debug)]
struct Marks {
    at: Instant,
    cpu: Duration,
    major_faults: u64,
    limit_hits: u64,
    killed: u64,
    charged_peak: u64,
}

/// Why waiting ended.
enum Waited {
    Message(Message),
    TooLong,
    TemporaryFull,
}

/// How an event goes to the process: which event, and its request.
#[derive(Clone, Debug)]
struct Job {
    event: usize,
}

/// Measures; see [`super::measure`].
pub fn measure(plan: &Plan, cancelled: Cancelled<'_>) -> Result<Measurement, Diagnostic> {
    let mut engine = Engine::new(plan, cancelled)?;
    let mut inits = Vec::new();
    let mut invocations = Vec::new();
    for run in 1..=plan.runs.max(1) {
        engine.run(run, &mut inits, &mut invocations)?;
    }
    if let Some(path) = &plan.flamegraph {
        engine.flamegraph(path)?;
    }
    Ok(engine.finish(inits, invocations))
}

/// Runs all events once more and notes values; see [`super::record`].
pub fn record(plan: &Plan, points: &[super::Point], cancelled: Cancelled<'_>) -> Result<super::Recorded, Diagnostic> {
    let mut engine = Engine::new(plan, cancelled)?;
    let text = serde_json::to_string(points).map_err(|error| cannot_measure(error.to_string()))?;
    let file = engine.folder.write("points.json", &text)?;
    engine.traced(&format!("record:{}", file.display()))?;
    let out = engine.folder.0.join("points.json.out");
    let text = std::fs::read_to_string(&out).map_err(|_| {
        let log = engine.log_text();
        let said = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it ended before its first event");
        cannot_measure(format!("no values could be noted: {said}"))
    })?;
    serde_json::from_str(&text).map_err(|error| cannot_measure(format!("the notes are not whole: {error}")))
}

/// How a script ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code, or the signal that ended it; none if it took too long.
    pub status: Option<Result<i32, i32>>,
    /// The end of what it wrote.
    pub log: String,
}

/// Runs scripts of this tool's own as a handler is run: in the user's interpreter, with the platform's environment, a
/// private `/tmp`, code that is read-only, and nothing left behind. For other parts than `measure`.
pub struct Scripts<'a> {
    engine: Engine<'a>,
}

impl<'a> Scripts<'a> {
    /// Finds the interpreter and makes the private folder.
    ///
    /// # Errors
    /// As [`super::measure`].
    pub fn new(plan: &'a Plan, cancelled: Cancelled<'a>) -> Result<Self, Diagnostic> {
        Ok(Self { engine: Engine::new(plan, cancelled)? })
    }

    /// The private folder, which is writable for the script and holds the harness. It goes with `self`.
    pub fn folder(&self) -> &Path {
        &self.engine.folder.0
    }

    /// The interpreter.
    pub fn interpreter(&self) -> &Interpreter {
        &self.engine.interpreter
    }

    /// Runs one script of the private folder.
    ///
    /// # Errors
    /// `cannot-measure` if no process can be started, `interrupted`.
    pub fn run(&mut self, words: &[OsString], most: Duration) -> Result<Ended, Diagnostic> {
        let mut script = self.start(words)?;
        let deadline = Instant::now() + most;
        let waited = loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.poll(&mut script, rest) {
                Ok(Polled::Ended(status)) => break Ok(Some(status)),
                Ok(Polled::Full) => break Ok(None),
                Ok(Polled::Running) if Instant::now() >= deadline => break Ok(None),
                Ok(Polled::Running) => {}
                Err(problem) => break Err(problem),
            }
        };
        let log = self.end(script);
        Ok(Ended { status: waited?, log })
    }

    /// Starts one script of the private folder. One runs at a time: end it before the next.
    ///
    /// # Errors
    /// `cannot-measure` if no process can be started.
    pub fn start(&mut self, words: &[OsString]) -> Result<Script, Diagnostic> {
        self.forget();
        Ok(Script(self.engine.start(words)?))
    }

    /// Waits for a script's end, but no longer than this.
    ///
    /// # Errors
    /// `interrupted`, `cannot-measure`.
    pub fn poll(&mut self, script: &mut Script, most: Duration) -> Result<Polled, Diagnostic> {
        let deadline = Instant::now() + most;
        loop {
            match self.engine.wait(&mut script.0, Some(deadline))? {
                Waited::Message(Message::Told(Told::Ended(status, ..))) => {
                    return Ok(Polled::Ended(sys::decode(status)));
                }
                Waited::Message(Message::PhaseOver(_)) => script.0.answer_control(),
                Waited::Message(_) => {}
                Waited::TooLong => return Ok(Polled::Running),
                Waited::TemporaryFull => return Ok(Polled::Full),
            }
        }
    }

    /// Ends a script with all that it started, and gives the end of what it wrote.
    pub fn end(&mut self, script: Script) -> String {
        self.engine.end(script.0);
        self.engine.log_text()
    }

    /// The end of what a script wrote so far.
    pub fn log(&self) -> String {
        self.engine.log_text()
    }

    /// Forgets what was written so far.
    pub fn forget(&mut self) {
        self.engine.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A script that runs. Dropping it ends it.
pub struct Script(Instance);

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("pid", &self.0.pid).finish_non_exhaustive()
    }
}

/// What became of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It runs still.
    Running,
    /// It ended: its exit code, or the signal that ended it.
    Ended(Result<i32, i32>),
    /// It wrote more to `/tmp` than that holds.
    Full,
}

impl std::fmt::Debug for Scripts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts").field("folder", &self.engine.folder.0).finish_non_exhaustive()
    }
}

/// Measures imports; see [`super::measure_imports`].
pub fn measure_imports(plan: &Plan, cancelled: Cancelled<'_>) -> Result<Imports, Diagnostic> {
    let mut engine = Engine::new(plan, cancelled)?;
    let out = engine.folder.0.join("imports.json");
    let entry = &plan.target.entry;
    let module = entry.rsplit_once('.').map_or(entry.as_str(), |(module, _)| module).replace('/', ".");
    let words = [
        engine.folder.0.join("imports.py").into_os_string(),
        engine.root.clone().into_os_string(),
        module.clone().into(),
        out.clone().into_os_string(),
    ];
    let mut instance = engine.start(&words)?;
    let deadline = Instant::now() + plan.init_timeout;
    let status = loop {
        match engine.wait(&mut instance, Some(deadline))? {
            Waited::Message(Message::Told(Told::Ended(status, ..))) => break Some(status),
            Waited::Message(Message::PhaseOver(_)) => instance.answer_control(),
            Waited::Message(_) => {}
            Waited::TooLong | Waited::TemporaryFull => break None,
        }
    };
    let killed = instance.killed_for_memory() > 0;
    engine.end(instance);
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let log = engine.log_text();
    match (status.map(sys::decode), imports::Recorded::parse(&text)) {
        (Some(Ok(0)), Some(recorded)) => {
            let state = engine.page_cache.clone().unwrap_or_default();
            Ok(imports::tree(recorded, &module, engine.python_name(), &state.state))
        }
        (status, _) => {
            let why = match status {
                None => format!("took longer than {} s", plan.init_timeout.as_secs_f64()),
                Some(Err(_)) if killed => "was killed for its memory limit".to_owned(),
                Some(Err(signal)) => format!("was killed by signal {signal}"),
                Some(Ok(_)) => log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("ended").to_owned(),
            };
            Err(cannot_measure(format!("`{module}` cannot be imported: {why}")).in_file(&plan.target.file))
        }
    }
}

impl<'a> Engine<'a> {
    fn new(plan: &'a Plan, cancelled: Cancelled<'a>) -> Result<Self, Diagnostic> {
        let folder = RunFolder::make(&plan.work)?;
        for (name, text) in HARNESS {
            folder.write(name, text)?;
        }
        let root = absolute(&plan.target.code_root);
        let probe = folder.0.join("probe.py");
        let ask = |program: &Path| {
            let found = python::lookup(program, &plan.caller).ok_or_else(|| {
                Diagnostic::new(Kind::NoInterpreter, format!("there is no `{}`", program.display()))
                    .help("name an interpreter with `--python`, or an environment with `--venv`")
            })?;
            python::probe(&absolute_link(&found), &probe, &root, &plan.caller, cancelled)
        };
        let interpreter = match &plan.python {
            Python::Program(program) => ask(program)?,
            Python::Environment(venv) => {
                let program = venv.join("bin/python");
                if !program.is_file() {
                    return Err(Diagnostic::new(Kind::NoInterpreter, "is no environment: it has no bin/python")
                        .in_file(venv)
                        .help("make one with `python3 -m venv DIR`"));
                }
                ask(&program)?
            }
            Python::Requirements(requirements, program) => {
                let base = ask(program)?;
                ask(&python::with_requirements(&base, &absolute(requirements), &plan.cache, cancelled)?)?
            }
        };
        let mut notes = Vec::new();
        let is_aws = !matches!(plan.target.platform, Platform::GoogleCloud | Platform::Azure);
        let (client, client_folder) = if is_aws {
            python::runtime_client(&interpreter, plan.client, &plan.cache, cancelled)?
        } else {
            let framework = interpreter.functions_framework.clone();
            let with = plan.target.platform == Platform::GoogleCloud && framework.is_some();
            let client = Client {
                name: if with { "functions-framework" } else { "plain-call" }.to_owned(),
                version: if with { framework } else { None },
                reason: if with { "found in the environment" } else { "the handler is called directly" }.to_owned(),
            };
            (client, None)
        };
        let mut layers = Vec::new();
        for layer in &plan.layers {
            if layer.is_dir() {
                layers.push(absolute(layer));
            } else {
                notes.push(format!("the layer {} is no folder here: its memory is missing", layer.display()));
            }
        }
        let server = Server::start().map_err(|error| {
            cannot_measure(format!("the Runtime API cannot listen on the loopback interface: {error}"))
        })?;
        let name_of_group = format!("meminterface-{}-{:08x}", std::process::id(), random() & 0xffff_ffff);
        Ok(Self {
            plan,
            cancelled,
            folder,
            root,
            layers,
            interpreter,
            client,
            client_folder,
            server,
            log: Arc::default(),
            notes,
            instances: 0,
            limit: None,
            temporary: None,
            page_cache: None,
            name_of_group,
        })
    }

    fn is_aws(&self) -> bool {
        !matches!(self.plan.target.platform, Platform::GoogleCloud | Platform::Azure)
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn log_text(&self) -> String {
        let bytes: Vec<u8> = self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn python_name(&self) -> PythonName {
        PythonName { version: self.interpreter.full(), executable: self.interpreter.executable.display().to_string() }
    }

    // Starting and ending.

    fn group(&mut self, limit_bytes: Option<u64>) -> Result<(Option<Group>, bool), Diagnostic> {
        let mb = self.plan.memory_mb;
        let size = mb.map_or_else(|| "no memory setting was given".to_owned(), |mb| format!("{mb} MB, no swap"));
        let no = |reason: String| {
            Diagnostic::new(Kind::NoLimit, format!("the limit cannot be enforced: {reason}"))
                .help("run it as root, or in a container started with --privileged")
        };
        let mut reason = "none was asked for".to_owned();
        if matches!(self.plan.limit_by, LimitBy::Auto | LimitBy::Cgroup) {
            let name = format!("{}-{}", self.name_of_group, self.instances);
            match Group::make(limit_bytes, &name) {
                Ok(group) => {
                    let (kind, version) = match group.version() {
                        Version::V2 => (LimitKind::CgroupV2, 2),
                        Version::V1 => (LimitKind::CgroupV1, 1),
                    };
                    let meaning = match mb {
                        Some(_) => format!("{size}, enforced by the kernel (memory cgroup, version {version})"),
                        None => format!("{size}: measured in a memory cgroup (version {version}) without a limit"),
                    };
                    if !group.resets() {
                        self.note(
                            "this kernel cannot reset a group's high-water mark: the peak charged of a phase that is \
                             not the largest is sampled",
                        );
                    }
                    self.limit = Some(Limit { kind, memory_mb: mb, enforced: mb.is_some(), meaning });
                    return Ok((Some(group), false));
                }
                Err(why) if self.plan.limit_by == LimitBy::Cgroup => return Err(no(why)),
                Err(why) => reason = why,
            }
        }
        if matches!(self.plan.limit_by, LimitBy::Auto | LimitBy::Systemd) {
            match self.systemd_works() {
                Ok(()) => {
                    // Whether the limit holds is seen when the process is in its scope.
                    self.limit = Some(Limit {
                        kind: LimitKind::SystemdScope,
                        memory_mb: mb,
                        enforced: false,
                        meaning: format!("{size}, in a scope of systemd"),
                    });
                    return Ok((None, true));
                }
                Err(why) if self.plan.limit_by == LimitBy::Systemd => return Err(no(why)),
                Err(why) => reason = format!("{reason}; {why}"),
            }
        }
        let meaning = match mb {
            Some(mb) => format!(
                "not enforced ({reason}): the run could use more than {mb} MB and survive; figures of what is charged, \
                 page cache included, are missing"
            ),
            None => format!("no group could be made ({reason}): figures of what is charged are missing"),
        };
        self.limit = Some(Limit { kind: LimitKind::None, memory_mb: mb, enforced: false, meaning });
        Ok((None, false))
    }

    /// Whether the user's systemd makes scopes.
    fn systemd_works(&self) -> Result<(), String> {
        let program = python::lookup(Path::new("systemd-run"), &self.plan.caller)
            .ok_or_else(|| "there is no systemd-run".to_owned())?;
        let mut command = Command::new(program);
        command.args(["--user", "--scope", "--quiet", "--collect", "--", "true"]);
        let result = tool::run(command, Duration::from_secs(5), self.cancelled);
        result.map(|_| ()).map_err(|failure| format!("systemd-run: {}", failure.words()))
    }

    /// The folder, and where it can be the image, of a new `/tmp`.
    fn new_tmp(&mut self) -> Result<supervisor::Temporary, Diagnostic> {
        let folder = self.folder.0.join(format!("tmp-{}", self.instances));
        fs_err::create_dir(&folder).map_err(|error| super::cannot_write(&folder, &error))?;
        let _ = std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o1777));
        let is_root = sys::user_and_group().0 == 0;
        let mkfs = python::lookup(Path::new("mkfs.ext4"), &self.plan.caller).or_else(|| {
            ["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"].map(PathBuf::from).into_iter().find(|p| p.is_file())
        });
        if let (true, Some(mkfs)) = (is_root && Path::new("/dev/loop-control").exists(), mkfs) {
            let image = self.folder.0.join(format!("tmp-{}.img", self.instances));
            // What the file system needs for itself comes on top: about a sixtieth, and some tables.
            let bytes = self.plan.tmp_mb.max(1).saturating_mul(MB);
            let bytes = bytes + bytes / 50 + 2 * MB;
            let made = std::fs::File::create(&image).and_then(|file| file.set_len(bytes)).is_ok();
            let mut command = Command::new(mkfs);
            command.args(["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1"]).arg(&image);
            if made && tool::run(command, Duration::from_secs(20), self.cancelled).is_ok() {
                return Ok(supervisor::Temporary::Image(image, folder));
            }
            let _ = std::fs::remove_file(&image);
        }
        Ok(supervisor::Temporary::Folder(folder))
    }

    fn told_temporary(&mut self, kind: &str, reason: &str, folder: &Path) {
        let size_mb = self.plan.tmp_mb;
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let mut meaning = match kind {
            "image" => format!("private, a file system of {size_mb} MB"),
            "folder" => format!("private; a run that puts more than {size_mb} MB there is ended{because}"),
            _ => format!("not private{because}: TMPDIR names a folder of the run's own instead"),
        };
        if kind != "image" && sys::is_in_memory(folder) {
            meaning.push_str("; it lies in memory, and what is written there is charged to the run");
        }
        self.temporary = Some(Temporary { kind: kind.to_owned(), size_mb, meaning });
    }

    /// Starts the interpreter with these words, and waits until it runs.
    fn start(&mut self, words: &[OsString]) -> Result<Instance, Diagnostic> {
        self.instances += 1;
        let state = if self.plan.evict { page_cache::evict(&self.own_files()) } else { PageCache::default() };
        let state = if self.plan.evict { state } else { PageCache { state: "warm".to_owned(), ..state } };
        // The worst state of several starts is the one to tell.
        if self.page_cache.as_ref().is_none_or(|before| before.still_cached_bytes < state.still_cached_bytes) {
            self.page_cache = Some(state);
        }
        let limit_bytes = self.plan.memory_mb.map(|mb| mb.saturating_mul(MB));
        let (group, with_systemd) = self.group(limit_bytes)?;
        let temporary = self.new_tmp()?;
        let mut command = Vec::new();
        if with_systemd {
            let program = python::lookup(Path::new("systemd-run"), &self.plan.caller).unwrap_or_default();
            command.push(c_string(program.as_os_str().as_bytes())?);
            for word in ["--user", "--scope", "--quiet", "--collect", "-p", "MemorySwapMax=0"] {
                command.push(c_string(word)?);
            }
            if let Some(limit) = limit_bytes {
                command.push(c_string("-p")?);
                command.push(c_string(format!("MemoryMax={limit}"))?);
            }
            // systemd's own variables, which it needs to be reached, are not the handler's.
            for word in ["--", "/usr/bin/env", "-u", "XDG_RUNTIME_DIR", "-u", "DBUS_SESSION_BUS_ADDRESS"] {
                command.push(c_string(word)?);
            }
        }
        command.push(c_string(self.interpreter.executable.as_os_str().as_bytes())?);
        command.push(c_string("-B")?);
        for word in words {
            command.push(c_string(word.as_bytes())?);
        }
        let extension_files = self.extension_files();
        let extensions: Vec<Vec<CString>> = extension_files
            .iter()
            .map(|file| c_string(file.as_os_str().as_bytes()).map(|word| vec![word]))
            .collect::<Result<_, _>>()?;

        let failed = |error: std::io::Error| cannot_measure(format!("a process cannot be started: {error}"));
        let (output, write_end) = std::io::pipe().map_err(failed)?;
        let (control, their_control) = UnixStream::pair().map_err(failed)?;
        let tmp_folder = match &temporary {
            supervisor::Temporary::Image(_, folder) | supervisor::Temporary::Folder(folder) => folder.clone(),
        };
        let has_size = matches!(temporary, supervisor::Temporary::Image(..));
        let launch = Launch {
            command,
            extensions,
            environment: self.environment(with_systemd)?,
            folder: self.root.clone(),
            join: group.as_ref().map(Group::join_file),
            group: group.as_ref().map(|group| group.path().to_path_buf()),
            run_folder: self.folder.0.clone(),
            temporary: temporary.clone(),
            shown: self.shown(),
            read_only: if self.is_aws() { vec![self.root.clone()] } else { Vec::new() },
            sealed: self.plan.sealed.then(|| {
                let code = (!self.is_aws()).then(|| self.root.clone());
                std::iter::once(self.folder.0.clone()).chain(code).collect()
            }),
            largest_file: (!has_size).then_some(self.plan.tmp_mb.saturating_mul(MB)),
            output: write_end.into(),
            control: their_control.into(),
        };
        let supervisor = Supervisor::start(launch).map_err(failed)?;
        let (sender, messages) = channel();
        let calls = sender.clone();
        self.server.listen(Some(Arc::new(move |call| calls.send(Message::Call(call)).is_ok())));
        let lines = supervisor.lines().map_err(failed)?;
        let told = sender.clone();
        std::thread::spawn(move || {
            for line in lines {
                if told.send(Message::Told(line)).is_err() {
                    return;
                }
            }
        });
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || keep_log(output, &log));
        let phases = control.try_clone().map_err(failed)?;
        std::thread::spawn(move || {
            let mut phases = phases;
            let mut buffer = [0_u8; 64];
            while let Ok(1..) = phases.read(&mut buffer) {
                if sender.send(Message::PhaseOver(Instant::now())).is_err() {
                    return;
                }
            }
        });
        let members = group.as_ref().map(Group::join_file);
        let tree = Tree { supervisor: supervisor.pid(), members };
        let now = Instant::now();
        let mut files = vec![tmp_folder.clone()];
        if let supervisor::Temporary::Image(image, _) = &temporary {
            files.push(image.clone());
        }
        let mut instance = Instance {
            sampler: None,
            supervisor,
            group,
            temporary: files,
            messages,
            control: Some(control),
            tree: tree.clone(),
            pid: 0,
            waiting: Vec::new(),
            extensions: BTreeMap::new(),
            extensions_expected: extension_files.len(),
            marks: Marks { at: now, cpu: Duration::ZERO, major_faults: 0, limit_hits: 0, killed: 0, charged_peak: 0 },
            level: (0, 0),
            ended: None,
            gone_cpu: Duration::ZERO,
            gone_resident: 0,
            watched_folder: None,
            watched_at: now,
        };
        // Until the interpreter runs.
        loop {
            match self.wait(&mut instance, Some(now + Duration::from_secs(30)))? {
                Waited::Message(Message::Told(Told::Temporary(kind, reason))) => {
                    if kind != "image" {
                        instance.watched_folder = Some((tmp_folder.clone(), self.plan.tmp_mb.saturating_mul(MB)));
                    }
                    self.told_temporary(&kind, &reason, &tmp_folder);
                }
                Waited::Message(Message::Told(Told::Started(pid))) => {
                    instance.pid = pid;
                    break;
                }
                Waited::Message(Message::Told(Told::Failed(what, number))) => {
                    let why = std::io::Error::from_raw_os_error(number);
                    return Err(cannot_measure(format!("{what}: {why}")));
                }
                Waited::Message(Message::Told(Told::Ended(..) | Told::Gone)) | Waited::TooLong => {
                    return Err(cannot_measure("the interpreter did not start"));
                }
                Waited::Message(_) | Waited::TemporaryFull => {}
            }
        }
        instance.sampler = Some(Sampler::start(tree).map_err(failed)?);
        instance.marks.at = Instant::now();
        Ok(instance)
    }

    /// Folders that the process needs, wherever they are.
    fn shown(&self) -> Vec<PathBuf> {
        let mut all = vec![self.root.clone(), self.folder.0.clone()];
        all.extend(self.layers.iter().cloned());
        all.extend(self.client_folder.clone());
        all.extend([self.interpreter.prefix.clone(), self.interpreter.base_prefix.clone()]);
        all.extend(self.interpreter.executable.parent().map(Path::to_path_buf));
        all.extend(self.interpreter.folders.iter().filter(|folder| folder.is_dir()).cloned());
        all.extend(self.interpreter.user_base.as_ref().map(PathBuf::from));
        all.dedup();
        all
    }

    /// What is read from disk in a new instance: code, packages, the interpreter.
    fn own_files(&self) -> Vec<PathBuf> {
        let mut all = vec![self.root.clone(), self.interpreter.executable.clone()];
        all.extend(self.layers.iter().cloned());
        all.extend(self.client_folder.clone());
        all.extend(self.interpreter.folders.iter().cloned());
        for folder in &self.interpreter.libraries {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let is_python =
                |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libpython"));
            all.extend(entries.flatten().map(|entry| entry.path()).filter(is_python));
        }
        all
    }

    /// Executable files of the layers' `extensions` folders, sorted.
    fn extension_files(&self) -> Vec<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let mut files = Vec::new();
        for layer in &self.layers {
            let Ok(entries) = std::fs::read_dir(layer.join("extensions")) else { continue };
            files.extend(entries.flatten().map(|entry| entry.path()).filter(|path| {
                path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
            }));
        }
        files.sort();
        files
    }

    fn environment(&self, with_systemd: bool) -> Result<Vec<CString>, Diagnostic> {
        let minor = self.interpreter.minor();
        let mut packages: Vec<OsString> = Vec::new();
        let mut commands: Vec<OsString> = Vec::new();
        for layer in &self.layers {
            for folder in [layer.join("python"), layer.join(format!("python/lib/python{minor}/site-packages"))] {
                if folder.is_dir() {
                    packages.push(folder.into());
                }
            }
            if layer.join("bin").is_dir() {
                commands.push(layer.join("bin").into());
            }
        }
        let api = self.server.address();
        let function = Function {
            name: &self.plan.target.name,
            entry: &self.plan.target.entry,
            memory_mb: self.plan.memory_mb,
            root: self.root.as_os_str(),
            python: &minor,
            api: &api,
            packages: &packages,
            commands: &commands,
            user_base: self.interpreter.user_base.as_deref(),
            concurrency: self.plan.concurrency,
            is_aws: self.is_aws(),
            real_client: self.client.name == "awslambdaric",
        };
        let mut all = environment(&function, &self.plan.caller, &self.plan.passed, &self.plan.variables);
        if with_systemd {
            for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
                if let Some(value) = self.plan.caller.get(std::ffi::OsStr::new(name)) {
                    all.entry(name.into()).or_insert_with(|| value.clone());
                }
            }
        }
        all.iter().map(|(name, value)| c_string([name.as_bytes(), b"=", value.as_bytes()].concat())).collect()
    }

    /// Ends an instance: every process of it, its group, its `/tmp`.
    fn end(&mut self, mut instance: Instance) {
        self.server.listen(None);
        // Workers that wait go on waiting until they are killed: a closed connection would be one more thing to log.
        instance.supervisor.kill();
        let deadline = Instant::now() + KILL_TIME;
        while let Ok(message) = instance.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if matches!(message, Message::Told(Told::Gone)) {
                break;
            }
        }
        let files = std::mem::take(&mut instance.temporary);
        drop(instance);
        for path in files {
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
    }

    // Waiting.

    /// The next thing that happens. Ends of processes are booked on the way.
    fn wait(&self, instance: &mut Instance, deadline: Option<Instant>) -> Result<Waited, Diagnostic> {
        loop {
            if (self.cancelled)() {
                return Err(super::interrupted());
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Ok(Waited::TooLong);
            }
            if instance.watched_at + Duration::from_millis(100) < now
                && let Some((folder, most)) = &instance.watched_folder
            {
                instance.watched_at = now;
                if bytes_below(folder) > *most {
                    return Ok(Waited::TemporaryFull);
                }
            }
            let pause = deadline.map_or(TICK, |deadline| deadline.saturating_duration_since(now).min(TICK));
            match instance.messages.recv_timeout(pause) {
                Ok(message) => {
                    match &message {
                        Message::Told(Told::Ended(status, cpu, resident)) => {
                            instance.ended = Some(*status);
                            instance.gone_cpu += Duration::from_micros(*cpu);
                            instance.gone_resident = *resident;
                        }
                        Message::Told(Told::Orphan(cpu)) => instance.gone_cpu += Duration::from_micros(*cpu),
                        Message::Told(_) | Message::Call(_) | Message::PhaseOver(_) => {}
                    }
                    return Ok(Waited::Message(message));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(cannot_measure("the supervisor is gone")),
            }
        }
    }

    // One run: all events, with as many processes as that takes.

    fn run(&mut self, run: usize, inits: &mut Vec<Init>, invocations: &mut Vec<Invocation>) -> Result<(), Diagnostic> {
        let mut jobs: VecDeque<Job> = VecDeque::new();
        for event in 0..self.plan.events.len() {
            for _ in 0..self.plan.times() {
                jobs.push_back(Job { event });
            }
        }
        while !jobs.is_empty() {
            let words = self.words("");
            let mut instance = self.start(&words)?;
            let result = self.instance(run, &mut instance, &mut jobs, inits, invocations);
            self.end(instance);
            if !result? {
                break;
            }
        }
        Ok(())
    }

    /// The words that start the harness.
    fn words(&self, trace: &str) -> Vec<OsString> {
        let platform = match self.plan.target.platform {
            Platform::GoogleCloud => "google-cloud",
            Platform::Azure => "azure",
            Platform::AwsLambda | Platform::Unknown => "aws-lambda",
        };
        let client = if self.client.name == "awslambdaric" && trace.is_empty() { "awslambdaric" } else { "minimal" };
        vec![
            self.folder.0.join("start.py").into_os_string(),
            client.into(),
            platform.into(),
            self.root.clone().into_os_string(),
            self.plan.target.entry.clone().into(),
            self.plan.concurrency.max(1).to_string().into(),
            self.client_folder.clone().unwrap_or_default().into_os_string(),
            trace.into(),
        ]
    }

    /// Initialisation and as many events as the process lives for. Says whether further events make sense.
    fn instance(
        &mut self,
        run: usize,
        instance: &mut Instance,
        jobs: &mut VecDeque<Job>,
        inits: &mut Vec<Init>,
        invocations: &mut Vec<Invocation>,
    ) -> Result<bool, Diagnostic> {
        let mut init = self.initialise(instance)?;
        init.run = run;
        let is_ok = init.outcome == Some(Outcome::Ok);
        let start = inits.len();
        inits.push(init);
        if !is_ok {
            return Ok(false);
        }
        let mut cold = true;
        while !jobs.is_empty() {
            let count = self.plan.concurrency.max(1).min(instance.waiting.len()).min(jobs.len());
            if count == 0 {
                // All workers are gone, though the process lives: another one.
                return Ok(true);
            }
            let batch: Vec<Job> = jobs.drain(..count).collect();
            let lives = self.invoke(run, start, cold, instance, &batch, invocations)?;
            cold = false;
            if !lives || self.plan.isolate {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn initialise(&mut self, instance: &mut Instance) -> Result<Init, Diagnostic> {
        let deadline = Instant::now() + self.plan.init_timeout;
        let mut init = Init { outcome: Some(Outcome::Ok), ..Init::default() };
        let mut fault: Option<Fault> = None;
        let mut outcome = Outcome::Ok;
        let mut ready_at = None;
        loop {
            let workers = instance.waiting.len() >= self.plan.concurrency.max(1);
            let registered = instance.extensions.values().filter(|reply| reply.is_some()).count();
            if workers && registered >= instance.extensions_expected {
                break;
            }
            match self.wait(instance, Some(deadline))? {
                Waited::Message(Message::PhaseOver(at)) => {
                    self.adopt_scope(instance);
                    let figures = instance.finish_phase(Some(at));
                    init.figures = init.figures.then(&figures);
                    init.phases.push(Phase { name: "runtime-start", figures });
                    instance.begin_phase();
                    instance.answer_control();
                }
                Waited::Message(Message::Call(Call::Next { at, reply })) => {
                    ready_at = Some(at);
                    instance.waiting.push(reply);
                }
                Waited::Message(Message::Call(Call::InitError { body, kind })) => {
                    fault = Some(fault_of(&body, kind));
                    outcome = Outcome::InitError;
                }
                Waited::Message(Message::Call(call)) => {
                    if let Some(said) = instance.extension(call) {
                        self.note(said);
                        instance.extensions_expected = instance.extensions_expected.saturating_sub(1);
                    }
                }
                Waited::Message(Message::Told(Told::Ended(status, ..))) => {
                    outcome = Outcome::InitError;
                    if instance.killed_for_memory() > instance.marks.killed {
                        outcome = Outcome::OutOfMemory;
                        fault = None;
                    }
                    let said = self.death(outcome, status);
                    fault.get_or_insert(said);
                    break;
                }
                Waited::Message(Message::Told(_)) => {}
                Waited::TooLong => {
                    let missing = instance.extensions_expected > 0 && !instance.waiting.is_empty();
                    let who = if missing { "an extension was" } else { "the handler's module was" };
                    outcome = Outcome::Timeout;
                    let seconds = self.plan.init_timeout.as_secs_f64();
                    fault = Some(Fault {
                        kind: "Sandbox.Timedout".to_owned(),
                        message: format!("{who} not ready after {seconds} s"),
                        ..Fault::default()
                    });
                    break;
                }
                Waited::TemporaryFull => {
                    outcome = Outcome::InitError;
                    fault = Some(self.tmp_is_full());
                    break;
                }
            }
        }
        let figures = instance.finish_phase(ready_at);
        if outcome == Outcome::Ok && figures.wall_ms + init.figures.wall_ms > PLATFORM_INIT.as_secs_f64() * 1000.0 {
            self.note("the initialisation took more than 10 s: AWS Lambda would repeat it within the first invocation");
        }
        init.figures = init.figures.then(&figures);
        init.phases.push(Phase { name: "import", figures });
        init.outcome = Some(outcome);
        init.error = fault;
        instance.begin_phase();
        Ok(init)
    }

    /// A process that systemd put into its scope: the group is there only now.
    fn adopt_scope(&mut self, instance: &mut Instance) {
        let is_systemd = self.limit.as_ref().is_some_and(|limit| limit.kind == LimitKind::SystemdScope);
        if !is_systemd || instance.group.is_some() {
            return;
        }
        let bytes = self.plan.memory_mb.map(|mb| mb.saturating_mul(MB));
        instance.group = Group::of_process(instance.pid, bytes);
        if let Some(limit) = &mut self.limit {
            limit.enforced = instance.group.is_some() && limit.memory_mb.is_some();
            match (&instance.group, limit.memory_mb) {
                (Some(_), Some(mb)) => limit.meaning = format!("{mb} MB, no swap, enforced by a scope of systemd"),
                (Some(_), None) => {}
                (None, _) => {
                    limit.kind = LimitKind::None;
                    limit.meaning =
                        "not enforced: systemd made a scope, but its memory limit did not take effect".to_owned();
                }
            }
        }
        if let Some(group) = &instance.group {
            instance.tree.members = Some(group.join_file());
        }
    }

    fn tmp_is_full(&self) -> Fault {
        Fault {
            kind: "OSError".to_owned(),
            message: format!("/tmp holds more than its {} MB (see `tmp`): the run was ended", self.plan.tmp_mb),
            ..Fault::default()
        }
    }

    /// Why a process is gone, as the platform says it.
    fn death(&self, outcome: Outcome, status: i32) -> Fault {
        if outcome == Outcome::OutOfMemory {
            let message = match self.plan.memory_mb {
                Some(mb) => format!("needs more than {mb} MB: killed at its limit"),
                None => "killed for want of memory: the machine, or a limit around the run, has no more".to_owned(),
            };
            return Fault { kind: "Runtime.OutOfMemory".to_owned(), message, ..Fault::default() };
        }
        let message = match sys::decode(status) {
            Ok(code) => format!("Runtime exited with error: exit status {code}"),
            Err(11) => "Runtime exited with error: signal: segmentation fault".to_owned(),
            Err(9) => "Runtime exited with error: signal: killed".to_owned(),
            Err(6) => "Runtime exited with error: signal: aborted".to_owned(),
            Err(7) => "Runtime exited with error: signal: bus error".to_owned(),
            Err(signal) => format!("Runtime exited with error: signal {signal}"),
        };
        Fault { kind: "Runtime.ExitError".to_owned(), message, ..Fault::default() }
    }

    /// Gives a batch of events to the process and waits for all of it. Says whether the process lives on.
    fn invoke(
        &mut self,
        run: usize,
        start: usize,
        cold: bool,
        instance: &mut Instance,
        batch: &[Job],
        invocations: &mut Vec<Invocation>,
    ) -> Result<bool, Diagnostic> {
        let mut open: Vec<Invocation> = Vec::new();
        let mut answers = Vec::new();
        let deadline_ms = millis_since_1970() + u64::try_from(self.plan.timeout.as_millis()).unwrap_or(u64::MAX / 2);
        for job in batch {
            let Some(event) = self.plan.events.get(job.event) else { continue };
            let id = event
                .context
                .as_ref()
                .and_then(|context| context.get("aws_request_id")?.as_str())
                .filter(|id| {
                    !id.is_empty() && id.len() < 200 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
                .filter(|id| !open.iter().any(|other: &Invocation| other.request_id == **id))
                .map_or_else(request_id, str::to_owned);
            answers.push(self.next(&id, event, deadline_ms));
            open.push(Invocation {
                run,
                start,
                event: job.event + 1,
                name: event.name.clone(),
                request_id: id,
                cold,
                concurrent: batch.len(),
                outcome: Outcome::Ok,
                figures: Figures::default(),
                response: None,
                response_bytes: 0,
                error: None,
            });
        }
        let mut answered = vec![false; open.len()];
        let handed: Vec<SyncSender<Answer>> = instance.waiting.drain(..open.len()).collect();
        let extensions_asked = instance.tell_extensions(&open, deadline_ms);
        instance.begin_phase();
        let deadline = instance.marks.at + self.plan.timeout;
        for (reply, answer) in handed.into_iter().zip(answers) {
            let _ = reply.send(answer);
        }
        let workers = instance.waiting.len() + open.len();
        let mut lives = true;
        let mut last = None;
        let mut ended: Option<i32> = None;
        // A response that was on its way when the process ended still counts.
        let mut grace: Option<Instant> = None;
        loop {
            let back = instance.waiting.len() >= workers && instance.extensions_ready() >= extensions_asked;
            if back {
                break;
            }
            match self.wait(instance, grace.or(Some(deadline)))? {
                Waited::Message(Message::Call(Call::Next { at, reply })) => {
                    last = Some(at);
                    instance.waiting.push(reply);
                }
                Waited::Message(Message::Call(Call::Response { id, body, content_type, .. })) => {
                    if let Some(n) = open.iter().position(|one| one.request_id == id)
                        && let (Some(one), Some(done)) = (open.get_mut(n), answered.get_mut(n))
                    {
                        *done = true;
                        one.response_bytes = body.len() as u64;
                        one.response = Some(response_of(&body, &content_type));
                    }
                }
                Waited::Message(Message::Call(Call::Refused { id, kind, message, .. })) => {
                    let fault = Fault { kind: kind.to_owned(), message, ..Fault::default() };
                    settle(&mut open, &mut answered, &id, Outcome::Error, fault);
                }
                Waited::Message(Message::Call(Call::Error { id, body, kind, .. })) => {
                    settle(&mut open, &mut answered, &id, Outcome::Error, fault_of(&body, kind));
                }
                Waited::Message(Message::Call(call)) => {
                    if let Some(said) = instance.extension(call) {
                        self.note(said);
                    }
                }
                Waited::Message(Message::Told(Told::Ended(status, ..))) => {
                    ended = Some(status);
                    last = Some(Instant::now());
                    grace = Some(Instant::now() + Duration::from_millis(30));
                }
                Waited::Message(Message::Told(_) | Message::PhaseOver(_)) => {}
                Waited::TooLong => {
                    lives = false;
                    if let Some(status) = ended {
                        let killed = instance.killed_for_memory() > instance.marks.killed;
                        let outcome = if killed { Outcome::OutOfMemory } else { Outcome::Error };
                        let fault = self.death(outcome, status);
                        fail_rest(&mut open, &answered, outcome, &fault);
                        if answered.iter().all(|done| *done) {
                            self.note("the process ended after its response: the next event starts another one");
                        }
                    } else {
                        let message = format!("Task timed out after {:.2} seconds", self.plan.timeout.as_secs_f64());
                        let fault = Fault { kind: "Sandbox.Timedout".to_owned(), message, ..Fault::default() };
                        // One that answered but does not come back for the next event hangs as well.
                        let rest =
                            if answered.iter().all(|done| *done) { vec![false; open.len()] } else { answered.clone() };
                        fail_rest(&mut open, &rest, Outcome::Timeout, &fault);
                    }
                    break;
                }
                Waited::TemporaryFull => {
                    lives = false;
                    fail_rest(&mut open, &answered, Outcome::Error, &self.tmp_is_full());
                    break;
                }
            }
        }
        // A child that was killed while the handler went on: it did not fit either.
        if instance.killed_for_memory() > instance.marks.killed {
            let mut fault = self.death(Outcome::OutOfMemory, 0);
            if lives {
                fault.message.push_str(" (a process that the handler started)");
            }
            for one in &mut open {
                if one.outcome != Outcome::OutOfMemory {
                    one.outcome = Outcome::OutOfMemory;
                    one.error = Some(fault.clone());
                }
            }
        }
        let figures = instance.finish_phase(last);
        for mut one in open {
            one.figures = figures.clone();
            invocations.push(one);
        }
        Ok(lives)
    }

    /// What the platform answers to `next`.
    fn next(&self, id: &str, event: &crate::project::events::Event, deadline_ms: u64) -> Answer {
        let mut answer = Answer::json(200, event.json.get());
        let name = &self.plan.target.name;
        let (a, b) = (random(), random());
        let mut put = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
        put("Lambda-Runtime-Aws-Request-Id", id.to_owned());
        put("Lambda-Runtime-Deadline-Ms", deadline_ms.to_string());
        put(
            "Lambda-Runtime-Invoked-Function-Arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{}", name.replace(|c: char| !c.is_ascii(), "-")),
        );
        let seconds = millis_since_1970() / 1000;
        put(
            "Lambda-Runtime-Trace-Id",
            format!("Root=1-{seconds:08x}-{a:016x}{:08x};Parent={b:016x};Sampled=0", b >> 32),
        );
        if let Some(context) = &event.context {
            for (key, header) in
                [("client_context", "Lambda-Runtime-Client-Context"), ("identity", "Lambda-Runtime-Cognito-Identity")]
            {
                if let Some(value) = context.get(key).filter(|value| !value.is_null()) {
                    put(header, ascii_json(value));
                }
            }
        }
        answer
    }

    // The end.

    fn finish(mut self, mut inits: Vec<Init>, invocations: Vec<Invocation>) -> Measurement {
        let outcomes = inits
            .iter()
            .map(|init| (init.outcome.unwrap_or(Outcome::Ok), init.error.as_ref()))
            .chain(invocations.iter().map(|one| (one.outcome, one.error.as_ref())));
        let worst = outcomes.into_iter().find(|(outcome, _)| *outcome != Outcome::Ok);
        let (outcome, message) = match worst {
            None => (Outcome::Ok, String::new()),
            Some((outcome, fault)) => {
                (outcome, fault.map_or_else(String::new, |fault| format!("{}: {}", fault.kind, fault.message)))
            }
        };
        let asked = self.plan.events.len() * self.plan.times() * self.plan.runs.max(1);
        if invocations.len() < asked && outcome != Outcome::Ok {
            let left = asked - invocations.len();
            self.note(format!("{left} of {asked} invocations were not made, for the handler could not be loaded"));
        }
        if self.client.name == "minimal" && self.is_aws() {
            self.note(MINIMAL_NOTE);
        }
        let sampled =
            inits.iter().any(|init| init.figures.sampled) || invocations.iter().any(|one| one.figures.sampled);
        if sampled {
            self.note(
                "with several processes, or where one was killed, peaks of anonymous and resident memory are the \
                 largest of samples (every 4 to 20 ms), not high-water marks; the peak charged is exact",
            );
        }
        let init = if inits.is_empty() { Init::default() } else { inits.remove(0) };
        let log = self.log_text();
        let python = self.python_name();
        let mut measurement = Measurement {
            schema: Schema::MEASURE,
            tool_version: env!("CARGO_PKG_VERSION"),
            measured_at: millis_since_1970() / 1000,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            handler: HandlerName {
                file: self.plan.target.file.display().to_string(),
                entry: self.plan.target.entry.clone(),
                platform: match self.plan.target.platform {
                    Platform::AwsLambda => "aws-lambda",
                    Platform::GoogleCloud => "google-cloud",
                    Platform::Azure => "azure",
                    Platform::Unknown => "unknown",
                },
            },
            python,
            client: self.client,
            limit: self.limit.unwrap_or(Limit {
                kind: LimitKind::None,
                memory_mb: self.plan.memory_mb,
                enforced: false,
                meaning: "nothing ran".to_owned(),
            }),
            timeout_s: self.plan.timeout.as_secs_f64(),
            tmp: self.temporary.unwrap_or(Temporary {
                kind: "none".to_owned(),
                size_mb: self.plan.tmp_mb,
                meaning: "nothing ran".to_owned(),
            }),
            page_cache: self.page_cache.unwrap_or_default(),
            outcome,
            message,
            init,
            restarts: inits,
            invocations,
            peak: Peak::default(),
            max_memory_used_estimate_mb: None,
            notes: self.notes,
            log,
        };
        measurement.peak = measurement.largest();
        if matches!(self.plan.target.platform, Platform::AwsLambda | Platform::Unknown) {
            // The platform never shows more than the setting.
            let most = measurement.limit.memory_mb.unwrap_or(u64::MAX);
            let is_cold = measurement.page_cache.state == "cold";
            let of_start = |(number, init): (usize, &Init)| {
                let mine = measurement.invocations.iter().filter(|one| one.start == number);
                let peak = mine.map(|one| one.figures.peak_resident_bytes).max().unwrap_or(0);
                let growth = peak.saturating_sub(init.figures.end_resident_bytes);
                super::estimate::max_memory_used_mb(&init.figures, growth, is_cold)
            };
            let estimate = measurement.starts().enumerate().filter_map(of_start).max();
            measurement.max_memory_used_estimate_mb = estimate.map(|mb| mb.min(most));
        }
        measurement
    }

    /// One more run of all events, traced by memray, and its picture.
    fn flamegraph(&mut self, path: &Path) -> Result<(), Diagnostic> {
        if self.interpreter.memray.is_none() {
            return Err(Diagnostic::new(
                Kind::CannotMeasure,
                "a flame graph needs memray in the handler's environment",
            )
            .help("install it there: `python -m pip install memray`"));
        }
        let trace = self.folder.0.join("trace.bin");
        self.traced(&trace.to_string_lossy())?;
        let mut command = Command::new(&self.interpreter.executable);
        command.args(["-m", "memray", "flamegraph", "-f", "-o"]).arg(path).arg(&trace);
        tool::run(command, Duration::from_secs(600), self.cancelled)
            .map_err(|failure| cannot_measure(format!("memray draws no flame graph: {}", failure.words())))?;
        Ok(())
    }

    /// One more run of all events under something that looks on, to its orderly end.
    fn traced(&mut self, trace: &str) -> Result<(), Diagnostic> {
        let words = self.words(trace);
        let mut instance = self.start(&words)?;
        let mut jobs: VecDeque<Job> = (0..self.plan.events.len()).map(|event| Job { event }).collect();
        let (mut inits, mut invocations) = (Vec::new(), Vec::new());
        let result = self.instance(0, &mut instance, &mut jobs, &mut inits, &mut invocations);
        // The last word: the tracker writes the end of its file.
        for reply in instance.waiting.drain(..) {
            let _ = reply.send(Answer::json(410, "{}"));
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while result.is_ok() && instance.ended.is_none() {
            match self.wait(&mut instance, Some(deadline))? {
                Waited::Message(_) => {}
                Waited::TooLong | Waited::TemporaryFull => break,
            }
        }
        self.end(instance);
        result.map(|_| ())
    }
}

/// Said where the minimal client ran. The figures are from docs/MEASURE.md.
const MINIMAL_NOTE: &str = "the minimal runtime client ran the handler: awslambdaric itself would take about 0.1 MB more \
                            anonymous and 1.4 MB more resident memory (measured, Python 3.11)";

impl Instance {
    fn answer_control(&mut self) {
        if let Some(control) = &mut self.control {
            let _ = control.write_all(b"\n");
        }
    }

    fn killed_for_memory(&self) -> u64 {
        self.group.as_ref().map_or(0, Group::killed_for_memory)
    }

    fn cpu(&self, processes: &[Pid]) -> Duration {
        if let Some(cpu) = self.group.as_ref().and_then(Group::cpu) {
            return cpu;
        }
        self.gone_cpu + processes.iter().map(|pid| process::cpu(*pid)).sum::<Duration>()
    }

    fn major_faults(&self, processes: &[Pid]) -> u64 {
        match self.group.as_ref().and_then(Group::major_faults) {
            Some(faults) => faults,
            None => processes.iter().map(|pid| process::major_faults(*pid)).sum(),
        }
    }

    /// Resets every mark. The process waits meanwhile.
    fn begin_phase(&mut self) {
        let processes = self.tree.processes();
        for pid in &processes {
            process::reset_high_water(*pid);
        }
        if let Some(group) = &mut self.group {
            group.reset_peak();
        }
        if let Some(sampler) = &self.sampler {
            sampler.take();
        }
        self.marks = Marks {
            at: Instant::now(),
            cpu: self.cpu(&processes),
            major_faults: self.major_faults(&processes),
            limit_hits: self.group.as_ref().map_or(0, Group::limit_hits),
            killed: self.killed_for_memory(),
            charged_peak: self.group.as_mut().and_then(Group::peak_bytes).unwrap_or(0),
        };
    }

    /// Reads every figure of the phase that ended at this time (now, if not given).
    fn finish_phase(&mut self, at: Option<Instant>) -> Figures {
        let at = at.unwrap_or_else(Instant::now);
        let processes = self.tree.processes();
        let cpu = self.cpu(&processes);
        let seen = self.sampler.as_ref().map_or_else(Seen::default, Sampler::take);
        let now: Vec<(Pid, process::Memory)> =
            processes.iter().filter_map(|pid| Some((*pid, process::memory(*pid)?))).collect();
        let end_anonymous: u64 = now.iter().map(|(_, memory)| memory.anonymous_share).sum();
        let end_resident = process::together(now.iter().map(|(_, memory)| memory));
        let mut peak_anonymous = end_anonymous.max(seen.anonymous);
        let mut peak_resident = end_resident;
        let alone = seen.processes <= 1 && now.len() == 1;
        if !alone {
            peak_resident = peak_resident.max(seen.resident);
        }
        // The mark of the process itself: exact for one alone, a lower bound among several.
        if let Some((_, memory)) = now.iter().find(|(pid, _)| *pid == self.pid).or(now.first()) {
            let of_files = memory.resident.saturating_sub(memory.anonymous);
            peak_resident = peak_resident.max(memory.high_water);
            peak_anonymous = peak_anonymous.max(memory.high_water.saturating_sub(of_files));
        }
        if now.is_empty() {
            // It held at least what it held as the phase began.
            peak_anonymous = peak_anonymous.max(self.level.0);
            peak_resident = peak_resident.max(self.level.1).max(seen.resident);
            // It ended: its last mark is what the kernel told when it was waited for. That also counts what it was
            // before it ran its program, a copy of this process.
            let copied =
                process::memory(Pid::try_from(std::process::id()).unwrap_or(0)).map_or(0, |own| own.high_water);
            if self.gone_resident > copied {
                peak_resident = peak_resident.max(self.gone_resident);
            }
        }
        self.level = (end_anonymous, end_resident);
        let end_charged = self.group.as_ref().and_then(Group::charged_bytes);
        // Without resets the mark is of the whole run: it is of this phase only if it rose in it.
        let before = if self.group.as_ref().is_some_and(Group::resets) { None } else { Some(self.marks.charged_peak) };
        let peak_charged = self.group.as_mut().and_then(|group| {
            let mark = group.peak_bytes();
            match before {
                None => mark,
                Some(before) => mark.filter(|mark| *mark > before).or(Some(seen.charged)),
            }
        });
        let elapsed = at.saturating_duration_since(self.marks.at);
        Figures {
            wall_ms: rounded(elapsed),
            cpu_ms: rounded(cpu.saturating_sub(self.marks.cpu)),
            peak_anonymous_bytes: peak_anonymous,
            peak_resident_bytes: peak_resident.max(end_resident),
            peak_charged_bytes: peak_charged.max(end_charged),
            end_anonymous_bytes: end_anonymous,
            end_resident_bytes: end_resident,
            end_charged_bytes: end_charged,
            processes: seen.processes.max(now.len() as u64),
            sampled: !alone,
            major_faults: self.major_faults(&processes).saturating_sub(self.marks.major_faults),
            limit_hits: self.group.as_ref().map_or(0, Group::limit_hits).saturating_sub(self.marks.limit_hits),
        }
    }

    // Extensions.

    /// Books what an extension asks; gives what a user should know.
    fn extension(&mut self, call: Call) -> Option<String> {
        match call {
            Call::Register { name } => {
                self.extensions.insert(name, None);
                None
            }
            Call::ExtensionNext { name, reply } => {
                self.extensions.insert(name, Some(reply));
                None
            }
            Call::ExtensionError { name, body } => {
                self.extensions.remove(&name);
                Some(format!("the extension `{name}` failed: {}", String::from_utf8_lossy(&body)))
            }
            Call::Next { .. }
            | Call::Response { .. }
            | Call::Refused { .. }
            | Call::Error { .. }
            | Call::InitError { .. } => None,
        }
    }

    fn extensions_ready(&self) -> usize {
        self.extensions.values().filter(|reply| reply.is_some()).count()
    }

    /// Tells waiting extensions of an invocation; gives how many there are.
    fn tell_extensions(&mut self, open: &[Invocation], deadline_ms: u64) -> usize {
        let mut told = 0;
        for reply in self.extensions.values_mut() {
            let id = open.first().map_or("", |one| one.request_id.as_str());
            if let Some(reply) = reply.take() {
                let event = serde_json::json!({"eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": id,
                    "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:function"});
                let _ = reply.send(Answer::json(200, event.to_string()));
                told += 1;
            }
        }
        told
    }
}

/// A link is kept: an environment's `bin/python` is one to its base, and says by its own place which environment it is.
fn absolute_link(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn millis_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// JSON in ASCII: what a header may hold.
fn ascii_json(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// Marks one invocation as failed.
fn settle(open: &mut [Invocation], answered: &mut [bool], id: &str, outcome: Outcome, fault: Fault) {
    if let Some(n) = open.iter().position(|one| one.request_id == id)
        && let (Some(one), Some(done)) = (open.get_mut(n), answered.get_mut(n))
    {
        *done = true;
        one.outcome = outcome;
        one.response = None;
        one.error = Some(fault);
    }
}

/// Marks those that were not answered.
fn fail_rest(open: &mut [Invocation], answered: &[bool], outcome: Outcome, fault: &Fault) {
    for (one, done) in open.iter_mut().zip(answered) {
        if !done {
            one.outcome = outcome;
            one.error = Some(fault.clone());
        }
    }
}

/// The error that a runtime client posted.
fn fault_of(body: &[u8], kind: Option<String>) -> Fault {
    #[derive(serde::Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Posted {
        error_type: Option<String>,
        error_message: Option<String>,
        stack_trace: Vec<serde_json::Value>,
    }
    let posted: Posted = serde_json::from_slice(body).unwrap_or_default();
    Fault {
        kind: posted.error_type.or(kind).unwrap_or_else(|| "Error".to_owned()),
        message: posted.error_message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
        stack: posted
            .stack_trace
            .iter()
            .map(|line| line.as_str().map_or_else(|| line.to_string(), |text| text.trim_end().to_owned()))
            .collect(),
    }
}

fn response_of(body: &[u8], content_type: &str) -> Response {
    if content_type.starts_with("application/json")
        && let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(body)
    {
        return Response::Json(raw);
    }
    match std::str::from_utf8(body) {
        Ok(text) => Response::Text(text.to_owned()),
        Err(_) => Response::Text(format!("({} bytes that are no text)", body.len())),
    }
}

/// Keeps the end of what a process writes.
fn keep_log(mut from: impl Read, log: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0_u8; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let mut kept = log.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(buffer.iter().take(count));
                let excess = kept.len().saturating_sub(LOG_BYTES);
                kept.drain(..excess);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Disk space below a folder, in bytes.
fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&path) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512;
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_have_the_platforms_form() {
        let id = request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_ne!(id, request_id());
    }

    #[test]
    fn errors_are_understood_whoever_posts_them() {
        let fault = fault_of(br#"{"errorType": "E", "errorMessage": "m", "stackTrace": ["a\n", 3]}"#, None);
        assert_eq!(fault, Fault { kind: "E".into(), message: "m".into(), stack: vec!["a".into(), "3".into()] });
        assert_eq!(fault_of(b"\xff", Some("K".to_owned())).kind, "K");
    }

    #[test]
    fn headers_are_ascii() {
        assert_eq!(ascii_json(&serde_json::json!({"a": "é😀"})), "{\"a\":\"\\u00e9\\ud83d\\ude00\"}");
    }
}
