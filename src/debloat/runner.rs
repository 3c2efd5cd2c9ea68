//! Runs a candidate: the package with other texts for some modules, all events, in a process as a platform's. Linux only.
//!
//! Depends on `diagnostic`, `measure`, `oracle` and `rewrite`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::oracle::Run;
use super::rewrite::Side;
use super::tree;
use crate::diagnostic::{Diagnostic, Kind};
use crate::measure::{Cancelled, Plan, Scripts};
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

/// Runs candidates, one at a time.
#[derive(Debug)]
pub struct Runner<'a> {
    scripts: Scripts<'a>,
    plan: &'a Plan,
    hidden: Vec<PathBuf>,
    count: usize,
    written: BTreeMap<String, String>,
}

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

impl<'a> Runner<'a> {
    /// Gets ready. `hidden` are folders that the interpreter would look into and must not.
    ///
    /// # Errors
    /// As [`Scripts::new`]; `cannot-write`.
    pub fn new(plan: &'a Plan, hidden: &[PathBuf], cancelled: Cancelled<'a>) -> Result<Self, Diagnostic> {
        let scripts = Scripts::new(plan, cancelled)?;
        for (name, text) in HARNESS {
            let path = scripts.folder().join(name);
            fs_err::write(&path, text).map_err(|error| failed(&path, &error))?;
        }
        for name in ["overlay", "cache", "ondemand", "scratch"] {
            let path = scripts.folder().join(name);
            fs_err::create_dir_all(&path).map_err(|error| failed(&path, &error))?;
        }
        Ok(Self { scripts, plan, hidden: hidden.to_vec(), count: 0, written: BTreeMap::new() })
    }

    /// Runs one candidate to its end, or for at most so long.
    ///
    /// # Errors
    /// `interrupted`, `cannot-write`, `cannot-measure`. What the candidate does wrong is in the [`Outcome`].
    pub fn run(&mut self, ask: &Ask<'_>, most: Duration) -> Result<Outcome, Diagnostic> {
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
            let data = packed(side);
            let hash = tree::sha256(&data);
            if self.written.get(*key) != Some(&hash) {
                let file = ondemand.join(format!("{key}.z"));
                fs_err::write(&file, &data).map_err(|error| failed(&file, &error))?;
                self.written.insert((*key).to_owned(), hash);
            }
        }
        let target = &self.plan.target;
        let events: Vec<serde_json::Value> = self
            .plan
            .events
            .iter()
            .enumerate()
            .filter(|(n, _)| ask.events.as_ref().is_none_or(|wanted| wanted.contains(n)))
            .map(|(_, event)| json!({"event": event.json.get(), "context": event.context}))
            .collect();
        let rounds = ask.rounds.max(1);
        let out = folder.join(format!("out-{}.json", self.count));
        let request = folder.join(format!("request-{}.json", self.count));
        let platform = match target.platform {
            Platform::GoogleCloud => "google-cloud",
            Platform::Azure => "azure",
            _ => "aws-lambda",
        };
        let root = target.code_root.canonicalize().unwrap_or_else(|_| target.code_root.clone());
        let hidden: Vec<String> = self.hidden.iter().map(|one| one.to_string_lossy().into_owned()).collect();
        let text = json!({
            "root": root.to_string_lossy(), "packages": [], "hidden": hidden, "seed": ask.seed.to_string(),
            "entry": target.entry, "platform": platform, "name": target.name, "events": events,
            "out": out.to_string_lossy(), "overlay": overlay, "cache": folder.join("cache").to_string_lossy(),
            "trace": ask.trace, "rounds": rounds, "scratch": folder.join("scratch").to_string_lossy(),
            "ondemand": ask.sides.as_ref().map(|_| ondemand.to_string_lossy().into_owned()),
        });
        fs_err::write(&request, text.to_string()).map_err(|error| failed(&request, &error))?;
        let words: Vec<OsString> = vec![folder.join("debloat_run.py").into(), request.clone().into()];
        let ended = self.scripts.run(&words, most)?;
        let written = std::fs::read(&out).ok();
        let _ = std::fs::remove_file(&out);
        let _ = std::fs::remove_file(&request);
        let run: Option<Run> = written.and_then(|data| serde_json::from_slice(&data).ok());
        let fault = match (&run, ended.status) {
            (Some(run), _) if run.complete => None,
            (Some(run), _) => match run.init.as_ref().and_then(|init| init.error.as_ref()) {
                Some(error) => Some(format!("the handler cannot be loaded: {}: {}", error.kind, error.message)),
                None => Some("it ended before all events were answered".to_owned()),
            },
            (None, None) => Some(format!("it took longer than {:.0} s", most.as_secs_f64())),
            (None, Some(Err(signal))) => Some(format!("its process was killed by signal {signal}")),
            (None, Some(Ok(code))) => {
                let last = ended.log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
                Some(format!("its process ended with exit code {code} before all events were answered: {last}"))
            }
        };
        Ok(Outcome { run: run.unwrap_or_default(), fault })
    }
}

impl Runner<'_> {
    /// What loading a name of a module on demand costs once the handler is imported: milliseconds, and bytes of anonymous
    /// memory. None if that fails, or the handler's import has loaded it.
    ///
    /// # Errors
    /// `interrupted`, `cannot-measure`.
    pub fn load(&mut self, module: &str, name: &str, most: Duration) -> Result<Option<(f64, f64)>, Diagnostic> {
        let folder = self.scripts.folder().to_path_buf();
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
        self.scripts.run(&words, most)?;
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
