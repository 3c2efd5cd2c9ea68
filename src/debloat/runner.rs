//! Runs a candidate: the package with other texts for some modules, all events, in a process as a platform's. Linux only.
//!
//! Depends on `diagnostic`, `measure`, `oracle` and `rewrite`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::oracle::Run;
use super::rewrite::Side;
use super::tree;
use crate::diagnostic::{Diagnostic, Kind};
use crate::measure::{Cancelled, Plan, Polled, Script, Scripts};
use crate::project::discover::Platform;

const HARNESS: &[(&str, &str)] = &[
    ("debloat_run.py", include_str!("harness/debloat_run.py")),
    ("debloat_load.py", include_str!("harness/debloat_load.py")),
    ("meminterface_ondemand.py", ONDEMAND),
];

/// What goes into a trimmed package to load what was taken out of it.
pub const ONDEMAND: &str = include_str!("harness/meminterface_ondemand.py");

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// Texts that take the place of those of modules, by file.
    pub texts: BTreeMap<&'a Path, &'a str>,
    /// What they load on demand, by key; null where the package itself holds its side files.
    pub sides: Option<BTreeMap<&'a str, &'a Side>>,
    /// Whether evidence is wanted.
    pub trace: bool,
    /// How often all events are given, to one process.
    pub rounds: usize,
    /// The seed of hashes.
    pub seed: u32,
    /// Events, by their place in the plan; none means all.
    pub events: Option<Vec<usize>>,
}

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// What was seen; empty if nothing came back.
    pub run: Run,
    /// Why it is not whole, in words.
    pub fault: Option<String>,
}

/// Runs candidates, as many at a time as there are workers.
pub struct Runner<'a> {
    workers: Vec<Worker<'a>>,
    plan: &'a Plan,
    hidden: Vec<PathBuf>,
    jobs: usize,
    cancelled: Cancelled<'a>,
    ready: Option<Ready>,
    /// How many runs a fork server has made.
    pub forked: usize,
}

/// What a fork server holds ready.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// Modules that no candidate changes, in the order of their first import.
    pub modules: Vec<String>,
    /// Modules that candidates may change: what needs one of them cannot be held ready.
    pub changing: Vec<String>,
}

/// A private folder, with a `/tmp` of its own, in which one run is made at a time.
struct Worker<'a> {
    scripts: Scripts<'a>,
    count: usize,
    written: BTreeMap<String, String>,
    /// The fork server, if it runs.
    server: Option<Script>,
}

/// A run that was started.
struct Running {
    number: usize,
    deadline: Instant,
    most: Duration,
    /// None for a run of the fork server.
    script: Option<Script>,
    out: PathBuf,
    request: PathBuf,
}

/// How the process of a run ended: its exit code or signal; none if it took too long.
type Status = Option<Result<i32, i32>>;

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    tree::cannot_write(path, error)
}

/// A side file as the package holds it.
pub fn packed(side: &Side) -> Vec<u8> {
    let text = serde_json::to_vec(side).unwrap_or_default();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing into memory does not fail.
    let _ = encoder.write_all(&text);
    encoder.finish().unwrap_or_default()
}

impl<'a> Worker<'a> {
    fn new(plan: &'a Plan, cancelled: Cancelled<'a>) -> Result<Self, Diagnostic> {
        let scripts = Scripts::new(plan, cancelled)?;
        for (name, text) in HARNESS {
            let path = scripts.folder().join(name);
            fs_err::write(&path, text).map_err(|error| failed(&path, &error))?;
        }
        for name in ["overlay", "cache", "ondemand", "scratch"] {
            let path = scripts.folder().join(name);
            fs_err::create_dir_all(&path).map_err(|error| failed(&path, &error))?;
        }
        Ok(Self { scripts, count: 0, written: BTreeMap::new(), server: None })
    }

    /// Writes a candidate's texts and the request, which it gives with the place of the answer.
    fn request(
        &mut self,
        ask: &Ask<'_>,
        plan: &Plan,
        hidden: &[PathBuf],
        serve: Option<&Ready>,
    ) -> Result<(PathBuf, PathBuf), Diagnostic> {
        self.count += 1;
        let folder = self.scripts.folder().to_path_buf();
        let mut overlay = serde_json::Map::new();
        for (path, text) in &ask.texts {
            let name = tree::sha256(format!("{}\0{text}", path.display()).as_bytes());
            let file = folder.join("overlay").join(format!("{name}.py"));
            if !file.is_file() {
                fs_err::write(&file, text).map_err(|error| failed(&file, &error))?;
            }
            overlay.insert(path.to_string_lossy().into_owned(), json!(file.to_string_lossy()));
        }
        let ondemand = folder.join("ondemand");
        for (key, side) in ask.sides.iter().flatten() {
            let text = serde_json::to_string(side).unwrap_or_default();
            let hash = tree::sha256(text.as_bytes());
            if self.written.get(*key) != Some(&hash) {
                let file = ondemand.join(format!("{key}.z"));
                fs_err::write(&file, packed(side)).map_err(|error| failed(&file, &error))?;
                self.written.insert((*key).to_owned(), hash);
            }
        }
        let target = &plan.target;
        let events: Vec<serde_json::Value> = plan
            .events
            .iter()
            .enumerate()
            .filter(|(n, _)| ask.events.as_ref().is_none_or(|wanted| wanted.contains(n)))
            .map(|(_, event)| json!({"event": event.json.get(), "context": event.context}))
            .collect();
        let out = folder.join(format!("out-{}.json", self.count));
        let request = folder.join(format!("request-{}.json", self.count));
        let platform = match target.platform {
            Platform::GoogleCloud => "google-cloud",
            Platform::Azure => "azure",
            _ => "aws-lambda",
        };
        let root = target.code_root.canonicalize().unwrap_or_else(|_| target.code_root.clone());
        let hidden: Vec<String> = hidden.iter().map(|one| one.to_string_lossy().into_owned()).collect();
        let serve = serve.map(|ready| {
            let queue = folder.join("queue");
            json!({"queue": queue.to_string_lossy(), "modules": ready.modules, "changing": ready.changing})
        });
        let text = json!({
            "root": root.to_string_lossy(), "packages": [], "hidden": hidden, "seed": ask.seed.to_string(),
            "entry": target.entry, "platform": platform, "name": target.name, "events": events,
            "out": out.to_string_lossy(), "overlay": overlay, "cache": folder.join("cache").to_string_lossy(),
            "trace": ask.trace, "rounds": ask.rounds.max(1), "scratch": folder.join("scratch").to_string_lossy(),
            "ondemand": ask.sides.as_ref().map(|_| ondemand.to_string_lossy().into_owned()), "serve": serve,
        });
        fs_err::write(&request, text.to_string()).map_err(|error| failed(&request, &error))?;
        Ok((out, request))
    }

    fn words(&self, request: &Path) -> Vec<OsString> {
        vec![self.scripts.folder().join("debloat_run.py").into(), request.into()]
    }

    /// Starts the fork server, and waits until it holds its modules. Gives whether it does.
    fn serve(&mut self, plan: &Plan, hidden: &[PathBuf], ready: &Ready, most: Duration) -> Result<bool, Diagnostic> {
        if self.server.is_some() {
            return Ok(true);
        }
        let (_, request) = self.request(&Ask::default(), plan, hidden, Some(ready))?;
        let queue = self.scripts.folder().join("queue");
        let is_up = queue.with_extension("ready");
        for path in [&queue, &is_up] {
            let _ = std::fs::remove_file(path);
        }
        let words = self.words(&request);
        let mut script = self.scripts.start(&words)?;
        let deadline = Instant::now() + most;
        loop {
            let polled = self.scripts.poll(&mut script, Duration::from_millis(5))?;
            if polled == Polled::Running && is_up.exists() {
                self.server = Some(script);
                return Ok(true);
            }
            if polled != Polled::Running || Instant::now() >= deadline {
                self.scripts.end(script);
                return Ok(false);
            }
        }
    }

    /// Gives the fork server a request. Gives false if it does not take it.
    fn hand_over(&mut self, request: &Path) -> bool {
        use std::os::unix::fs::OpenOptionsExt;
        let queue = self.scripts.folder().join("queue");
        self.scripts.forget();
        let line = format!("{}\n", request.display());
        // Without waiting: a pipe that nobody reads must not hold us.
        let opened = std::fs::File::options().write(true).custom_flags(libc::O_NONBLOCK).open(queue);
        opened.and_then(|mut file| file.write_all(line.as_bytes())).is_ok()
    }

    fn stop(&mut self) -> String {
        self.server.take().map(|script| self.scripts.end(script)).unwrap_or_default()
    }

    /// Looks after a run; gives how it ended, and the end of its log.
    fn poll(&mut self, running: &mut Running, wait: Duration) -> Result<Option<(Status, String)>, Diagnostic> {
        let is_late = Instant::now() >= running.deadline;
        if let Some(mut script) = running.script.take() {
            let polled = self.scripts.poll(&mut script, wait)?;
            let status = match polled {
                Polled::Ended(status) => Some(status),
                Polled::Running if !is_late => {
                    running.script = Some(script);
                    return Ok(None);
                }
                Polled::Running | Polled::Full => None,
            };
            return Ok(Some((status, self.scripts.end(script))));
        }
        let Some(server) = &mut self.server else { return Ok(Some((None, String::new()))) };
        let polled = self.scripts.poll(server, wait)?;
        let ended = running.out.with_extension("ended");
        if let Ok(text) = std::fs::read_to_string(&ended) {
            let _ = std::fs::remove_file(&ended);
            let code: i32 = text.trim().parse().unwrap_or(1);
            let status = if code < 0 { Err(-code) } else { Ok(code) };
            return Ok(Some((Some(status), self.scripts.log())));
        }
        match polled {
            Polled::Running if !is_late => Ok(None),
            Polled::Running | Polled::Full => Ok(Some((None, self.stop()))),
            // The server itself is gone: what killed it killed the run.
            Polled::Ended(status) => Ok(Some((Some(status), self.stop()))),
        }
    }
}

impl<'a> Runner<'a> {
    /// Gets ready, to run as many as `jobs` at a time. `hidden` are folders that the interpreter would look into and must
    /// not.
    ///
    /// # Errors
    /// As [`Scripts::new`]; `cannot-write`.
    pub fn new(plan: &'a Plan, hidden: &[PathBuf], jobs: usize, cancelled: Cancelled<'a>) -> Result<Self, Diagnostic> {
        let workers = vec![Worker::new(plan, cancelled)?];
        let hidden = hidden.to_vec();
        Ok(Self { workers, plan, hidden, jobs: jobs.max(1), cancelled, ready: None, forked: 0 })
    }

    /// From now on candidates are forked from a process that holds these modules.
    pub fn hold_ready(&mut self, ready: Ready) {
        self.ready = (!ready.modules.is_empty()).then_some(ready);
        for worker in &mut self.workers {
            worker.stop();
        }
    }

    /// Whether modules are held ready.
    pub fn holds_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Runs one candidate to its end, or for at most so long.
    ///
    /// # Errors
    /// `interrupted`, `cannot-write`, `cannot-measure`. What the candidate does wrong is in the [`Outcome`].
    pub fn run(&mut self, ask: &Ask<'_>, most: Duration) -> Result<Outcome, Diagnostic> {
        let mut found = self.run_all(&[ask], most)?;
        found.pop().ok_or_else(|| Diagnostic::new(Kind::CannotMeasure, "nothing was run"))
    }

    /// Runs several candidates, each for at most so long, and gives their outcomes in the same order.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_all(&mut self, asks: &[&Ask<'_>], most: Duration) -> Result<Vec<Outcome>, Diagnostic> {
        let wanted = self.jobs.min(asks.len());
        while self.workers.len() < wanted {
            self.workers.push(Worker::new(self.plan, self.cancelled)?);
        }
        let mut outcomes: Vec<Option<Outcome>> = asks.iter().map(|_| None).collect();
        let mut running: Vec<Option<Running>> = self.workers.iter().map(|_| None).collect();
        let mut next = 0;
        loop {
            let mut busy = 0;
            for at in 0..self.workers.len().min(wanted) {
                let idle = running.get(at).is_none_or(Option::is_none);
                if idle && next < asks.len() {
                    if let (Some(ask), Some(place)) = (asks.get(next), running.get_mut(at)) {
                        *place = Some(self.start(at, next, ask, most)?);
                    }
                    next += 1;
                }
                busy += usize::from(running.get(at).is_some_and(Option::is_some));
            }
            if busy == 0 {
                break;
            }
            // One is waited for as long as it takes, several in turn.
            let wait = Duration::from_millis(if busy == 1 { 4 } else { 2 });
            for (worker, place) in self.workers.iter_mut().zip(&mut running) {
                let Some(run) = place else { continue };
                let Some((status, log)) = worker.poll(run, wait)? else { continue };
                let outcome = outcome_of(run, status, &log);
                if let Some(slot) = outcomes.get_mut(run.number) {
                    *slot = Some(outcome);
                }
                *place = None;
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    fn start(&mut self, at: usize, number: usize, ask: &Ask<'_>, most: Duration) -> Result<Running, Diagnostic> {
        let gone = || Diagnostic::new(Kind::CannotMeasure, "there is no worker");
        let is_candidate = !ask.trace && ask.seed == 0 && ask.sides.is_some();
        if is_candidate && let Some(ready) = self.ready.clone() {
            let worker = self.workers.get_mut(at).ok_or_else(gone)?;
            if worker.serve(self.plan, &self.hidden, &ready, most)? {
                let (out, request) = worker.request(ask, self.plan, &self.hidden, None)?;
                if worker.hand_over(&request) {
                    self.forked += 1;
                    return Ok(Running { number, deadline: Instant::now() + most, most, script: None, out, request });
                }
                worker.stop();
            }
            // What cannot be held ready is loaded by every run, as the platform does.
            self.ready = None;
        }
        let worker = self.workers.get_mut(at).ok_or_else(gone)?;
        worker.stop();
        let (out, request) = worker.request(ask, self.plan, &self.hidden, None)?;
        let words = worker.words(&request);
        let script = Some(worker.scripts.start(&words)?);
        Ok(Running { number, deadline: Instant::now() + most, most, script, out, request })
    }
}

/// What a run that ended has left.
fn outcome_of(run: &Running, status: Status, log: &str) -> Outcome {
    let written = std::fs::read(&run.out).ok();
    let _ = std::fs::remove_file(&run.out);
    let _ = std::fs::remove_file(&run.request);
    let read: Option<Result<Run, _>> = written.map(|data| serde_json::from_slice(&data));
    let unread = match &read {
        Some(Err(error)) => Some(format!("what it did cannot be read: {error}")),
        Some(Ok(_)) | None => None,
    };
    let found = read.and_then(Result::ok);
    let fault = match (&found, status) {
        (None, _) if unread.is_some() => unread,
        (Some(run), _) if run.complete => None,
        (Some(run), _) => match run.init.as_ref().and_then(|init| init.error.as_ref()) {
            Some(error) => Some(format!("the handler cannot be loaded: {}: {}", error.kind, error.message)),
            None => Some("it ended before all events were answered".to_owned()),
        },
        (None, None) => Some(format!("it took longer than {:.0} s", run.most.as_secs_f64())),
        (None, Some(Err(signal))) => Some(format!("its process was killed by signal {signal}")),
        (None, Some(Ok(code))) => {
            let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
            Some(format!("its process ended with exit code {code} before all events were answered: {last}"))
        }
    };
    Outcome { run: found.unwrap_or_default(), fault }
}

impl Runner<'_> {
    /// What loading a name of a module on demand costs once the handler is imported: milliseconds, and bytes of anonymous
    /// memory. None if that fails, or the handler's import has loaded it.
    ///
    /// # Errors
    /// `interrupted`, `cannot-measure`.
    pub fn load(&mut self, module: &str, name: &str, most: Duration) -> Result<Option<(f64, f64)>, Diagnostic> {
        let Some(worker) = self.workers.first_mut() else { return Ok(None) };
        worker.stop();
        let folder = worker.scripts.folder().to_path_buf();
        let out = folder.join("load.json");
        let _ = std::fs::remove_file(&out);
        let root = self.plan.target.code_root.canonicalize().unwrap_or_else(|_| self.plan.target.code_root.clone());
        let hidden: Vec<String> = self.hidden.iter().map(|one| one.to_string_lossy().into_owned()).collect();
        let entry = &self.plan.target.entry;
        let entry = entry.rsplit_once('.').map_or(entry.as_str(), |(module, _)| module).replace('/', ".");
        let words: Vec<OsString> = vec![
            folder.join("debloat_load.py").into(),
            root.into(),
            json!(hidden).to_string().into(),
            entry.into(),
            module.into(),
            name.into(),
            out.clone().into(),
        ];
        worker.scripts.run(&words, most)?;
        let found: Option<serde_json::Value> =
            std::fs::read(&out).ok().and_then(|data| serde_json::from_slice(&data).ok());
        Ok(found.and_then(|value| Some((value.get("ms")?.as_f64()?, value.get("bytes")?.as_f64()?))))
    }
}

/// Compiles modules of a package in place, such that their bytecode stays valid whatever a deployment does to times.
///
/// # Errors
/// `cannot-measure` if the interpreter does not do it.
pub fn compile(python: &Path, root: &Path, files: &[PathBuf], scratch: &Path) -> Result<(), Diagnostic> {
    const SCRIPT: &str = "\
import importlib.util, os, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
root = sys.argv[2]
for line in open(sys.argv[1], encoding='utf-8'):
    path = line.rstrip('\\n')
    full = os.path.join(root, path)
    try:
        py_compile.compile(full, importlib.util.cache_from_source(full), path, True, invalidation_mode=mode)
    except Exception as error:
        sys.stderr.write('%s: %s\\n' % (path, error))
";
    let list = scratch.join("compile.txt");
    let text: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    fs_err::write(&list, text).map_err(|error| failed(&list, &error))?;
    let done = std::process::Command::new(python)
        .args(["-I", "-B", "-c", SCRIPT])
        .arg(&list)
        .arg(root)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .output();
    let _ = std::fs::remove_file(&list);
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Diagnostic::new(Kind::CannotMeasure, format!("the package cannot be compiled: {}", said.trim())))
        }
        Err(error) => Err(Diagnostic::new(Kind::CannotMeasure, format!("the package cannot be compiled: {error}"))),
    }
}
