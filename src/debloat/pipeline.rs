//! The order of things: copy, run the original, search, make the package, accept, measure, write. Linux only.
//!
//! Depends on every other file of `debloat`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::json;

use super::oracle::{Oracle, Run};
use super::report::{Content, Manifest, ModuleReport, Removed, Report, RuleReport, Trimmed};
use super::runner::{self, Ask, Runner};
use super::search::{Best, Modules, Search, read_modules};
use super::{Options, Progress, SIDE_FOLDER, archive, proof, tree};
use crate::diagnostic::{Diagnostic, Kind, Schema};
use crate::measure::{Cancelled, Interpreter, LimitBy, Plan, Python, Scripts};

fn refused(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::CannotDebloat, message)
}

/// Folders of the standard library, which stays the platform's.
fn is_standard(folder: &Path, interpreter: &Interpreter) -> bool {
    let (major, minor, _) = interpreter.version;
    let is_zip = folder.extension().is_some_and(|extension| extension == "zip");
    let standard = interpreter.base_prefix.join(format!("lib/python{major}.{minor}"));
    let standard64 = interpreter.base_prefix.join(format!("lib64/python{major}.{minor}"));
    is_zip || [standard, standard64].iter().any(|one| folder == one || folder == one.join("lib-dynload"))
}

/// The interpreter without the environment, so that nothing but the package is found.
fn base_program(interpreter: &Interpreter) -> PathBuf {
    let (major, minor, _) = interpreter.version;
    let names = [format!("bin/python{major}.{minor}"), format!("bin/python{major}"), "bin/python".to_owned()];
    names
        .iter()
        .map(|name| interpreter.base_prefix.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| interpreter.executable.clone())
}

fn names_of(plan: &Plan) -> Vec<String> {
    plan.events
        .iter()
        .enumerate()
        .map(|(n, event)| event.name.clone().unwrap_or_else(|| format!("event {}", n + 1)))
        .collect()
}

/// Why an event that fails on the original is refused.
fn failing(run: &Run, names: &[String]) -> Option<Diagnostic> {
    let why = |what: &str, kind: &str, message: &str, traceback: &str| {
        let text = format!("{kind}: {message}");
        let is = |words: &[&str]| words.iter().any(|word| text.contains(word) || traceback.contains(word));
        let help = if is(&[
            "gaierror",
            "NewConnectionError",
            "Name or service not known",
            "Network is unreachable",
            "URLError",
            "EndpointConnectionError",
            "NoCredentialsError",
            "ConnectTimeout",
        ]) {
            "it needs the network, which differs from run to run: answer its requests with recordings (`--stubs FILE.py` runs a file of yours first, in every process), or leave the event out"
        } else if is(&["Errno 30", "Read-only file system"]) {
            "it writes outside of /tmp, which the platform does not allow either: write to /tmp"
        } else {
            "only events that the original answers can tell whether a trimmed package does the same: correct the event, or leave it out with `--test`"
        };
        let shown: Vec<&str> = traceback.lines().rev().take(12).collect();
        let shown: Vec<&str> = shown.into_iter().rev().collect();
        refused(format!("{what} fails on the original: {text}\n{}", shown.join("\n"))).help(help)
    };
    if let Some(error) = run.init.as_ref().and_then(|init| init.error.as_ref()) {
        return Some(why("the import of the handler", &error.kind, &error.message, &error.traceback));
    }
    for (n, step) in run.events.iter().enumerate() {
        if let Some(error) = &step.error {
            let name = names.get(n % names.len().max(1)).cloned().unwrap_or_default();
            return Some(why(&format!("{name:?}"), &error.kind, &error.message, &error.traceback));
        }
    }
    None
}

/// Bytes that fit a path of a package as JSON has it.
fn text_of(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// What is tried to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What was found, with modules that are not loaded as they were; whether rules of files apply.
    Settled(bool),
    /// What was found, as it was run.
    AsFound,
    /// What is found when no event is withheld.
    WithAllEvents,
    /// No module is changed.
    OnlyFiles,
}

/// What is known of the time that is left, and of what has been saved: for people.
struct Clock {
    begin: Instant,
    budget: Option<Duration>,
    /// When it will probably be over.
    end: Cell<Option<Instant>>,
    /// Seconds that come after the step at hand, at least.
    rest: Cell<f64>,
    /// Whether more steps of this kind may follow.
    is_open: Cell<bool>,
    saved: RefCell<String>,
}

impl Clock {
    fn new(budget: Option<Duration>) -> Self {
        let begin = Instant::now();
        let end = Cell::new(None);
        Self { begin, budget, end, rest: Cell::new(0.0), is_open: Cell::new(true), saved: RefCell::default() }
    }

    /// So many seconds from now, and of these so many after the step at hand.
    fn expect(&self, seconds: f64, rest: f64, is_open: bool) {
        self.end.set(Instant::now().checked_add(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()));
        self.rest.set(rest.max(0.0));
        self.is_open.set(is_open);
    }

    /// `12 s, about 40 s left, saved so far: …`.
    fn text(&self) -> String {
        let passed = self.begin.elapsed();
        let mut text = format!("{:.0} s", passed.as_secs_f64());
        if let Some(end) = self.end.get() {
            let mut left = end.saturating_duration_since(Instant::now()).as_secs_f64().max(self.rest.get());
            if let Some(budget) = self.budget {
                left = left.min(budget.saturating_sub(passed).as_secs_f64().max(self.rest.get()));
            }
            let word = if self.is_open.get() { "at least" } else { "about" };
            text.push_str(&format!(", {word} {left:.0} s left"));
        }
        let saved = self.saved.borrow();
        if !saved.is_empty() {
            text.push_str(&format!(", saved so far: {saved}"));
        }
        text
    }
}

struct Work<'a> {
    plan: &'a Plan,
    options: &'a Options,
    progress: Progress<'a>,
    cancelled: Cancelled<'a>,
    insisted: Cancelled<'a>,
    clock: Clock,
    runs: usize,
}

/// Runs it all; see [`super::debloat`].
pub fn run(
    plan: &Plan,
    options: &Options,
    progress: Progress<'_>,
    cancelled: Cancelled<'_>,
    insisted: Cancelled<'_>,
) -> Result<Report, Diagnostic> {
    let out = std::path::absolute(&options.out).unwrap_or_else(|_| options.out.clone());
    if out.symlink_metadata().is_ok() {
        return Err(Diagnostic::new(Kind::CannotWrite, "is there already")
            .in_file(&options.out)
            .help("name another folder with `-o`, or remove this one"));
    }
    if plan.events.is_empty() {
        return Err(refused("no event was given").help("name a file with `--events tests.json`"));
    }
    for name in &options.keep_files {
        if !tree::RULES.iter().any(|rule| rule.name == name) {
            let known: Vec<&str> = tree::RULES.iter().map(|rule| rule.name).collect();
            return Err(Diagnostic::new(Kind::Usage, format!("there is no rule `{name}`"))
                .help(format!("the rules are {}", known.join(", "))));
        }
    }
    if let Some(parent) = out.parent() {
        fs_err::create_dir_all(parent).map_err(|error| tree::cannot_write(parent, &error))?;
    }
    Work { plan, options, progress, cancelled, insisted, clock: Clock::new(options.budget), runs: 0 }.all(&out)
}

impl Work<'_> {
    fn say(&self, text: &str) {
        (self.progress)(&format!("[{}] {text}", self.clock.text()));
    }

    #[allow(clippy::too_many_lines)]
    fn all(&mut self, out: &Path) -> Result<Report, Diagnostic> {
        let options = self.options;
        let (progress, clock) = (self.progress, &self.clock);
        let say_with_time = |text: &str| progress(&format!("[{}] {text}", clock.text()));
        let interpreter = Scripts::new(self.plan, self.cancelled)?.interpreter().clone();
        let mut notes = options.notes.clone();
        let own = (interpreter.version.0, interpreter.version.1);
        if let Some((major, minor)) = options.python.filter(|(a, b)| (u32::from(*a), u32::from(*b)) != own) {
            let text = format!("the image runs Python {major}.{minor}, and this is {}", interpreter.full());
            if options.behind {
                // Its compiled modules are for that version.
                let help = format!("name that version: `--python python{major}.{minor}`");
                return Err(refused(text).help(help));
            }
            notes.push(text);
        }
        // Folders that the interpreter would look into.
        let hidden: Vec<PathBuf> = interpreter
            .folders
            .iter()
            .filter(|folder| folder.is_dir() && !is_standard(folder, &interpreter))
            .cloned()
            .collect();
        let (of_layers, nested) = layer_packages(&self.plan.layers, &interpreter);
        let packages: Vec<PathBuf> = of_layers
            .iter()
            .chain(&options.packages)
            .chain(hidden.iter().filter(|_| options.interpreter_packages))
            .cloned()
            .collect();
        let program = base_program(&interpreter);

        // Copies.
        let code = self.plan.target.code_root.canonicalize().unwrap_or_else(|_| self.plan.target.code_root.clone());
        let entry_file = self.plan.target.file.canonicalize().unwrap_or_else(|_| self.plan.target.file.clone());
        let folder = tree::Temporary::beside(out)?;
        let without: Vec<PathBuf> = std::iter::once(folder.path().to_path_buf())
            .chain(
                packages
                    .iter()
                    .filter_map(|one| one.canonicalize().ok())
                    .filter(|one| code.starts_with(one) || one.starts_with(&code)),
            )
            .filter(|one| *one != code)
            .chain(nested)
            .collect();
        self.say("copying the application and its packages");
        let gathered = tree::gather(&code, &packages, &without)?;
        notes.extend(gathered.notes.iter().cloned());
        for name in ["manifest.json", "report.json", SIDE_FOLDER, "meminterface_ondemand.py"] {
            if gathered.files.iter().any(|file| file.relative.starts_with(name)) {
                return Err(refused(format!("the application holds `{name}`, where the package has its own"))
                    .help("rename it, or leave it out of the package"));
            }
        }
        let original_root = folder.path().join("original");
        tree::copy(&gathered.files, &original_root)?;
        let file = entry_file
            .strip_prefix(&code)
            .map_err(|_| refused("the handler's file is not below the folder of its code"))?
            .to_path_buf();

        // The original.
        let mut plan = self.plan.clone();
        plan.target.code_root = original_root.clone();
        plan.target.file = original_root.join(&file);
        plan.python = Python::Program(program.clone());
        plan.memory_mb = None;
        plan.limit_by = LimitBy::Nothing;
        plan.evict = false;
        // A handler that writes elsewhere than to /tmp must not change anything of the user's.
        plan.sealed = true;
        plan.runs = 1;
        plan.warm = 0;
        plan.isolate = false;
        plan.concurrency = 1;
        plan.layers = rest_of_layers(&self.plan.layers, folder.path(), &mut notes)?;
        if let Some(stubs) = &options.stubs {
            // As a layer: on the path of every process, and part of no package.
            let layer = folder.path().join("stubs");
            let at = layer.join("python/sitecustomize.py");
            let failed = |error: std::io::Error| tree::cannot_write(&at, &error);
            fs_err::create_dir_all(layer.join("python")).map_err(failed)?;
            let text = fs_err::read(stubs).map_err(|error| {
                Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(stubs)
            })?;
            fs_err::write(&at, text).map_err(failed)?;
            plan.layers.push(layer);
            notes.push(format!("{} ran before the handler in every process, the measured ones too", stubs.display()));
        }
        let names = names_of(&plan);
        let count = plan.events.len();
        let rounds = u32::try_from(2 * count).unwrap_or(u32::MAX);
        let longest = plan.init_timeout.saturating_add(plan.timeout.saturating_mul(rounds));
        let mut runner = Runner::new(&plan, &hidden, options.jobs, self.cancelled)?;
        self.say("running the original under observation");
        let traced = runner.run(&Ask { trace: true, rounds: 1, ..Ask::default() }, longest.saturating_mul(4))?;
        self.runs += 1;
        if let Some(problem) = failing(&traced.run, &names) {
            return Err(problem);
        }
        if let Some(fault) = &traced.fault {
            return Err(refused(format!("the original does not answer all events: {fault}")).help(
                "events on which the original hangs, ends or kills its process can prove nothing; leave them out",
            ));
        }
        // Events that are only used to accept.
        let withheld: Vec<usize> = if count >= 4 { (0..count).filter(|n| n % 4 == 3).collect() } else { Vec::new() };
        let given: Vec<usize> = (0..count).filter(|n| !withheld.contains(n)).collect();
        let part_names: Vec<String> = given.iter().filter_map(|n| names.get(*n).cloned()).collect();
        self.say("running the original several times, to see what it does not repeat");
        let part = (!withheld.is_empty()).then(|| given.clone());
        let asks: Vec<Ask<'_>> = [0, 1, 0]
            .into_iter()
            .flat_map(|seed| {
                let full = Ask { rounds: 2, seed, ..Ask::default() };
                let part = part.clone().map(|given| Ask { rounds: 1, seed, events: Some(given), ..Ask::default() });
                std::iter::once(full).chain(part)
            })
            .collect();
        let begin = Instant::now();
        let found = runner.run_all(&asks.iter().collect::<Vec<_>>(), longest)?;
        self.runs += found.len();
        // At least as long as the slowest: all of them together.
        let slowest = begin.elapsed();
        let (mut originals, mut parts) = (Vec::new(), Vec::new());
        for (ask, found) in asks.iter().zip(found) {
            if let Some(problem) = failing(&found.run, &names) {
                return Err(problem);
            }
            if let Some(fault) = found.fault {
                return Err(refused(format!("the original does not answer all events twice: {fault}")));
            }
            if ask.events.is_none() { &mut originals } else { &mut parts }.push(found.run);
        }
        let no_oracle = |why: String| {
            refused(why)
                .help("make the handler's answer depend on its event alone: seed what is random, leave times out")
        };
        let mut oracle = Oracle::learn(&originals, &names).map_err(no_oracle)?;
        let part_oracle =
            if withheld.is_empty() { oracle.clone() } else { Oracle::learn(&parts, &part_names).map_err(no_oracle)? };
        for run in &originals {
            for step in run.init.iter().chain(&run.events) {
                let outside: BTreeSet<&String> = step.files.keys().filter(|path| !path.starts_with("/tmp/")).collect();
                for path in outside {
                    let note = format!("it writes {path}, outside of /tmp");
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
            }
        }

        // The ranking.
        let profile_runs = if options.runs == 0 { 0 } else { 3 };
        // What one run of the original takes, all events twice; later steps are made of such runs.
        let one = slowest.as_secs_f64() / (asks.len().max(1) as f64);
        let parallel = options.jobs.clamp(1, 2) as f64;
        let measuring = if options.runs == 0 { 0.0 } else { one * (2.0 + 2.0 * options.runs as f64) };
        let rest = 2.0 * one / parallel + measuring;
        clock.expect(one * (profile_runs as f64 + 3.0) + rest, rest, true);
        let proof::Profile { ranked, own_bytes, own_ms, page } =
            proof::profile(&plan, profile_runs, &say_with_time, self.cancelled)?;
        let root = original_root.canonicalize().unwrap_or_else(|_| original_root.clone());
        let ours: BTreeSet<&str> = traced
            .run
            .modules
            .iter()
            .filter(|(_, file)| file.as_ref().is_some_and(|file| Path::new(file).starts_with(&root)))
            .map(|(name, _)| name.as_str())
            .collect();
        let ranked: Vec<_> = ranked.into_iter().filter(|one| ours.contains(one.name.as_str())).collect();
        let allowed: Option<BTreeSet<String>> =
            options.top.map(|top| ranked.iter().take(top).map(|one| one.name.clone()).collect());

        let improved = |loaded: &BTreeSet<String>| {
            let gone: Vec<&&str> = ours.iter().filter(|name| !loaded.contains(**name)).collect();
            let mut text = format!("{} of {} modules", gone.len(), ours.len());
            if !own_bytes.is_empty() {
                let not_loaded = |name: &String| !loaded.contains(name);
                let sum = |all: &BTreeMap<String, f64>| -> f64 {
                    all.iter().filter(|(name, _)| not_loaded(name)).map(|(_, value)| *value).sum()
                };
                let mb = sum(&own_bytes) / 1_048_576.0;
                text.push_str(&format!(", about {:.0} ms and {:.1} MB", sum(&own_ms).max(0.0), mb.max(0.0)));
            }
            *clock.saved.borrow_mut() = text;
        };

        // The search.
        clock.expect(one * 3.0 + rest, rest + one, true);
        self.say("reading the modules");
        let modules = read_modules(&traced.run, &root, &options.keep, allowed.as_ref());
        // The rest is for the acceptance; what is over then is for measuring.
        let deadline = options.budget.map(|budget| self.clock.begin + budget.mul_f64(0.6));
        let most = (slowest * 6 + Duration::from_secs(20)).min(longest);
        let memory = Memory::of(&plan, &gathered.files, options);
        let remember = |search: &Search<'_>| memory.save(&Learned::of(search));
        let mut best = Best::default();
        let mut settled = Best::default();
        let mut interrupted = false;
        let mut learned = Learned::default();
        if options.attributes || options.functions {
            let mut search = Search::new(
                &modules,
                part_oracle.clone(),
                &traced.run,
                options,
                given.clone(),
                deadline,
                most,
                &say_with_time,
                &remember,
            );
            search.improved = Some(&improved);
            if options.resume {
                let found = memory.load();
                search.needed.extend(found.needed);
                search.loads.extend(found.loads);
                search.known = found.known;
                search.frozen = found.frozen;
            }
            runner.hold_ready(search.ready(&traced.run, &root));
            let result = search.run(&mut runner, &mut best);
            self.runs += search.tried;
            settled = best.clone();
            search.settle(&mut settled);
            learned = Learned::of(&search);
            memory.save(&learned);
            if runner.forked > 0 {
                self.say(&format!("{} candidates were forked from a process that held modules ready", runner.forked));
            }
            if search.ran_out {
                notes.push("the time was over before the search was: `--resume` goes on".to_owned());
            }
            match result {
                Ok(()) => {}
                Err(problem) if problem.kind == Kind::Interrupted && !best.choices.is_empty() => interrupted = true,
                Err(problem) => return Err(problem),
            }
        }
        drop(runner);
        // Once interrupted, what was found so far is made to the end: that takes a few runs.
        let is_finishing = Cell::new(interrupted);
        let gate = || if is_finishing.get() { (self.insisted)() } else { (self.cancelled)() };
        let cancelled: Cancelled<'_> = &gate;

        // The package, and whether it is accepted.
        let package = folder.path().join("package");
        let mut read: BTreeSet<PathBuf> = BTreeSet::new();
        for path in originals.iter().flat_map(|run| &run.read).chain(&traced.run.read).chain(&best.read) {
            if let Ok(relative) = Path::new(path).strip_prefix(&root) {
                read.insert(relative.to_path_buf());
            }
        }
        // Compiled modules are not read as files are.
        for (_, file) in originals.iter().flat_map(|run| &run.modules).chain(&traced.run.modules) {
            if let Some(relative) = file.as_ref().and_then(|file| Path::new(file).strip_prefix(&root).ok()) {
                read.insert(relative.to_path_buf());
            }
        }
        let tag = format!("cpython-{}{}", interpreter.version.0, interpreter.version.1);
        // What is tried in turn, until the package on the disk gives the original's answers.
        let mut stages = vec![Stage::Settled(options.files)];
        if !best.choices.is_empty() {
            if options.files {
                stages.push(Stage::Settled(false));
            }
            // Modules that were not loaded as the search had them, not as they were.
            stages.push(Stage::AsFound);
            if !withheld.is_empty() {
                stages.push(Stage::WithAllEvents);
            }
        }
        if options.files {
            stages.push(Stage::OnlyFiles);
        }
        let mut accepted = None;
        let mut why = String::new();
        let mut stages = stages.into_iter();
        let mut stage = stages.next();
        while let Some(now) = stage {
            let chosen = match now {
                Stage::Settled(_) => &settled,
                Stage::AsFound | Stage::WithAllEvents => &best,
                Stage::OnlyFiles => &Best::default(),
            };
            let with_rules = matches!(now, Stage::Settled(true) | Stage::OnlyFiles);
            let found = (|| -> Result<_, Diagnostic> {
                let _ = std::fs::remove_dir_all(&package);
                let made =
                    self.make(&gathered.files, &original_root, &package, &modules, chosen, with_rules, &read, &tag)?;
                let loaded: Vec<PathBuf> = made.loaded(&package, chosen, &traced.run, &root);
                runner::compile(&program, &package, &loaded, folder.path())?;
                let after = plan_at(&plan, &package, &file);
                clock.expect(rest, measuring, false);
                self.say("accepting: all events, twice, with two seeds of hashes");
                let mut runner = Runner::new(&after, &hidden, options.jobs, cancelled)?;
                let asks = [0, 1].map(|seed| Ask { rounds: 2, seed, ..Ask::default() });
                let outcomes = runner.run_all(&asks.iter().collect::<Vec<_>>(), longest)?;
                drop(runner);
                let mut demanded = BTreeSet::new();
                let mut final_loaded = BTreeSet::new();
                let mut verdict = Ok(());
                let count = outcomes.len();
                for outcome in outcomes {
                    demanded.extend(outcome.run.ondemand.iter().map(|(module, name, _)| format!("{module}.{name}")));
                    final_loaded.extend(outcome.run.modules.iter().map(|(name, _)| name.clone()));
                    let mut compared = oracle.compare(&outcome.run);
                    if compared.is_err() && oracle.ends_alike(&outcome.run) {
                        self.say("running the original again: has what it says changed?");
                        let mut runner = Runner::new(&plan, &hidden, options.jobs, cancelled)?;
                        let again = runner.run(&Ask { rounds: 2, ..Ask::default() }, longest)?;
                        if again.fault.is_none() && oracle.add(&again.run).map_err(no_oracle)? {
                            compared = oracle.compare(&outcome.run);
                        }
                    }
                    let one = match outcome.fault {
                        Some(fault) => Err(compared.err().unwrap_or(fault)),
                        None => compared,
                    };
                    verdict = verdict.and(one);
                }
                Ok((count, verdict.map(|()| (made, after, demanded, final_loaded))))
            })();
            match found {
                Ok((count, Ok(found))) => {
                    self.runs += count;
                    accepted = Some(found);
                    break;
                }
                Ok((count, Err(problem))) => {
                    self.runs += count;
                    why = problem;
                    self.say(&format!("not accepted: {why}"));
                }
                // The same again: this time to the end.
                Err(problem) if problem.kind == Kind::Interrupted && !is_finishing.get() => {
                    is_finishing.set(true);
                    interrupted = true;
                    continue;
                }
                Err(problem) => return Err(problem),
            }
            match now {
                Stage::Settled(true) => notes.push(format!("files stay: without them {why}")),
                Stage::AsFound if !withheld.is_empty() => {
                    notes.push(format!("all events were needed for the search: {why}"));
                }
                Stage::Settled(false) | Stage::AsFound | Stage::WithAllEvents => {}
                Stage::OnlyFiles => {}
            }
            stage = stages.next();
            if matches!(stage, Some(Stage::WithAllEvents)) {
                let original = plan_at(&plan, &original_root, &file);
                let mut runner = Runner::new(&original, &hidden, options.jobs, cancelled)?;
                let mut search = Search::new(
                    &modules,
                    oracle.clone(),
                    &traced.run,
                    options,
                    (0..count).collect(),
                    deadline,
                    most,
                    &say_with_time,
                    &remember,
                );
                search.improved = Some(&improved);
                search.needed = learned.needed.clone();
                search.loads = learned.loads.clone();
                search.frozen = learned.frozen.clone();
                runner.hold_ready(search.ready(&traced.run, &root));
                best = Best::default();
                let result = search.run(&mut runner, &mut best);
                self.runs += search.tried;
                match result {
                    Ok(()) => {}
                    Err(problem) if problem.kind == Kind::Interrupted => {
                        is_finishing.set(true);
                        interrupted = true;
                    }
                    Err(problem) => return Err(problem),
                }
            }
            if matches!(stage, Some(Stage::OnlyFiles)) {
                notes.push(format!("no module could be changed: {why}"));
            }
        }
        notes.extend(oracle.notes());
        let Some((made, after_plan, demanded, final_loaded)) = accepted else {
            return Err(refused(format!("no trimmed package gives the original's answers: {why}"))
                .help("keep what is named with `--keep`, or try `--strategy files`"));
        };
        let seconds = self.clock.begin.elapsed().as_secs_f64();

        // The price of a load.
        let mut on_demand = None;
        if !interrupted && options.runs > 0 && !options.strict {
            clock.expect(measuring, measuring - one, false);
            self.say("measuring loads on demand");
            let mut runner = Runner::new(&after_plan, &hidden, 1, cancelled)?;
            let (mut ms, mut bytes) = (Vec::new(), Vec::new());
            let loaded =
                made.trimmed.iter().filter(|(name, one)| final_loaded.contains(*name) && !one.names.is_empty());
            let all: Vec<(&String, &Trimmed)> = loaded.collect();
            // Spread over the package: five that can be had, of twenty that are tried.
            let step = (all.len() / 20).max(1);
            for (name, one) in all.iter().step_by(step).take(20) {
                let Some(wanted) = one.names.first() else { continue };
                match runner.load(name, wanted, longest) {
                    Ok(Some((time, memory))) => {
                        ms.push(time);
                        bytes.push(memory);
                    }
                    Ok(None) => {}
                    Err(problem) if problem.kind == Kind::Interrupted => {
                        is_finishing.set(true);
                        interrupted = true;
                        break;
                    }
                    Err(problem) => return Err(problem),
                }
                if ms.len() == 5 {
                    break;
                }
            }
            if !ms.is_empty() {
                on_demand = Some(super::report::OnDemand {
                    loads: ms.len(),
                    ms: super::report::Spread::of(&ms),
                    bytes: super::report::Spread::of(&bytes),
                });
            }
        }

        // The proof.
        let measuring = Instant::now();
        let mut both = None;
        let mut measured = 0;
        if !interrupted && options.runs > 0 {
            let prepare = |plan: &Plan| {
                let mut plan = plan.clone();
                plan.evict = self.plan.evict;
                plan.limit_by = self.plan.limit_by;
                plan
            };
            let (before, after) = (prepare(&plan), prepare(&after_plan));
            let until = options.budget.map(|budget| self.clock.begin + budget);
            let started = Instant::now();
            let say_how_far = |text: &str, done: usize| {
                // From what the measurements so far took.
                let each = if done == 0 { 2.0 * one } else { started.elapsed().as_secs_f64() / done as f64 };
                clock.expect(each * options.runs.saturating_sub(done) as f64, 0.0, false);
                say_with_time(text);
            };
            match proof::measure_both(&before, &after, options.runs, until, &say_how_far, cancelled) {
                Ok((found, done)) => {
                    if done < options.runs {
                        notes.push(format!("the time was over after {done} of {} measurements", options.runs));
                    }
                    measured = done;
                    both = (done > 0).then_some(found);
                }
                Err(problem) if problem.kind == Kind::Interrupted => interrupted = true,
                Err(problem) => return Err(problem),
            }
        }
        let (significance, verdict) = match &both {
            Some((before, after)) => proof::compare(before, after),
            None => (Vec::new(), "not measured".to_owned()),
        };
        let predicted = both.as_ref().map(|(before, _)| {
            // Of what the trimmed package does not import, the standard library's modules too, each one's own.
            let gone = own_bytes.iter().filter(|(name, _)| !final_loaded.contains(*name));
            let gone: f64 = gone.map(|(_, bytes)| *bytes).sum::<f64>().max(0.0);
            (super::report::Spread::of(&before.baseline).median - gone).max(0.0) as u64
        });

        // What is said.
        if interrupted {
            notes.push("interrupted: this is the best that was found so far; `--resume` goes on".to_owned());
        }
        let evidence = traced.run.evidence.clone().unwrap_or_default();
        let in_package = |names: &BTreeSet<String>| names.iter().filter(|name| ours.contains(name.as_str())).count();
        let module_reports: Vec<ModuleReport> = modules
            .all
            .keys()
            .map(|name| {
                let before = evidence.names.get(name).map_or(0, BTreeSet::len);
                let (out, bodies) = made.trimmed.get(name).map_or((0, 0), |one| (one.names.len(), one.bodies.len()));
                let loaded = final_loaded.contains(name);
                let after = if loaded { before.saturating_sub(out) } else { 0 };
                ModuleReport { name: name.clone(), attributes_before: before, attributes_after: after, bodies, loaded }
            })
            .collect();
        let rules = rules_of(&made.removed);
        let report = Report {
            schema: Schema::DEBLOAT,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            handler: self.plan.target.entry.clone(),
            python: interpreter.full(),
            before: both.as_ref().map(|(before, _)| before.figures()),
            after: both.as_ref().map(|(_, after)| after.figures()),
            runs: measured,
            significance,
            verdict,
            predicted_baseline_bytes: predicted,
            modules: module_reports,
            modules_loaded_before: ours.len(),
            modules_loaded_after: in_package(&final_loaded),
            left_alone: modules.left.clone(),
            profile: ranked.iter().take(100).cloned().collect(),
            rules,
            oracle_runs: self.runs,
            events_equal: true,
            events: names.clone(),
            withheld: withheld.iter().filter_map(|n| names.get(*n).cloned()).collect(),
            loaded_on_demand: demanded.into_iter().collect(),
            on_demand,
            seconds,
            measuring_seconds: measuring.elapsed().as_secs_f64(),
            notes,
        };
        if !page.is_empty() {
            let path = package.join(SIDE_FOLDER).join("profile.html");
            fs_err::create_dir_all(package.join(SIDE_FOLDER)).map_err(|error| tree::cannot_write(&path, &error))?;
            fs_err::write(&path, page).map_err(|error| tree::cannot_write(&path, &error))?;
        }
        let mut files = BTreeMap::new();
        for (relative, _) in tree::list(&package) {
            files.insert(text_of(&relative), tree::hash_file(&package.join(&relative))?);
        }
        let content = Content {
            tool_version: report.tool_version.clone(),
            handler: report.handler.clone(),
            strict: options.strict,
            predicted_baseline_bytes: predicted,
            modules: made.trimmed,
            rules: tree::RULES
                .iter()
                .filter(|rule| made.removed.iter().any(|one| one.rule == rule.name))
                .map(|rule| (rule.name.to_owned(), rule.why.to_owned()))
                .collect(),
            removed: made.removed,
            files,
        };
        let manifest = Manifest { schema: Schema::DEBLOAT_MANIFEST, content };
        write_json(&package.join("manifest.json"), &manifest)?;
        write_json(&package.join("report.json"), &report)?;
        self.say("done");
        if is_zip(out) {
            let packed = folder.path().join("package.zip");
            archive::write(&package, &packed)?;
            fs_err::rename(&packed, out).map_err(|error| tree::cannot_write(out, &error))?;
        } else {
            fs_err::rename(&package, out).map_err(|error| tree::cannot_write(out, &error))?;
        }
        drop(folder);
        Ok(report)
    }

    /// Puts a package together.
    #[allow(clippy::too_many_arguments)]
    fn make(
        &self,
        files: &[tree::File],
        original: &Path,
        package: &Path,
        modules: &Modules,
        best: &Best,
        with_rules: bool,
        read: &BTreeSet<PathBuf>,
        tag: &str,
    ) -> Result<Made, Diagnostic> {
        let mut made = Made::default();
        let mut kept = Vec::new();
        let uses = if with_rules { test_folders_in_use(files) } else { BTreeSet::new() };
        let first = |path: &Path| path.components().next().map(|part| part.as_os_str().to_owned());
        let touched: BTreeSet<_> = read.iter().filter_map(|path| first(path)).collect();
        let in_image = tree::RULES.iter().find(|rule| rule.name == "in-image" && self.options.behind);
        let is_behind = |file: &tree::File| {
            let own = first(&file.relative).unwrap_or_default();
            // Libraries that compiled modules are linked to are read by the system, not by Python.
            let name = own.to_string_lossy();
            let is_library = name.ends_with(".libs") || name.contains(".so.");
            !is_library
                && !touched.contains(&own)
                && self.options.packages.iter().any(|folder| file.source.starts_with(folder))
        };
        for file in files {
            let by_place = in_image.filter(|_| is_behind(file));
            let rule = tree::rule_of(&file.relative, tag).or(by_place).filter(|_| with_rules);
            let stays = |rule: &tree::Rule| {
                self.options.keep_files.iter().any(|name| name == rule.name)
                    || rule.name != "caches" && read.contains(&file.relative)
                    || rule.name == "packaging-tools" && is_used(&file.relative, read)
                    || rule.name == "tests" && is_in(&file.relative, &uses)
            };
            match rule {
                Some(rule) if !stays(rule) => made.removed.push(Removed {
                    file: text_of(&file.relative),
                    rule: rule.name.to_owned(),
                    bytes: file.bytes,
                    source: file.source.to_string_lossy().into_owned(),
                }),
                _ => kept.push(tree::File { source: original.join(&file.relative), ..file.clone() }),
            }
        }
        tree::copy(&kept, package)?;
        if best.choices.is_empty() {
            return Ok(made);
        }
        let sides = package.join(SIDE_FOLDER).join("ondemand");
        fs_err::create_dir_all(&sides).map_err(|error| tree::cannot_write(&sides, &error))?;
        let originals = package.join(SIDE_FOLDER).join("originals");
        fs_err::create_dir_all(&originals).map_err(|error| tree::cannot_write(&originals, &error))?;
        let real = original.canonicalize().unwrap_or_else(|_| original.to_path_buf());
        let one =
            |(name, choice): (&String, &super::rewrite::Choice)| -> Result<Option<(String, Trimmed)>, Diagnostic> {
                let Some((path, module)) = modules.all.get(name) else { return Ok(None) };
                let Ok(relative) = path.strip_prefix(&real) else { return Ok(None) };
                let rewritten = crate::project::source::with_stack(|| module.rewrite(choice, name));
                let to = package.join(relative);
                let data = fs_err::read(path).map_err(|error| tree::cannot_write(path, &error))?;
                if rewritten.text.as_bytes() == data {
                    return Ok(None);
                }
                // A text in another encoding says so in a line that stays: it is written in UTF-8, and must not say so.
                let text = with_utf8(&rewritten.text);
                fs_err::write(&to, &text).map_err(|error| tree::cannot_write(&to, &error))?;
                if !self.options.strict {
                    let side = sides.join(format!("{name}.z"));
                    fs_err::write(&side, runner::packed(&rewritten.side))
                        .map_err(|error| tree::cannot_write(&side, &error))?;
                    let kept = originals.join(format!("{name}.z"));
                    fs_err::write(&kept, super::restore::pack(&data))
                        .map_err(|error| tree::cannot_write(&kept, &error))?;
                }
                let trimmed = Trimmed {
                    file: text_of(relative),
                    original_sha256: tree::sha256(&data),
                    names: rewritten.names.iter().cloned().collect(),
                    bodies: choice
                        .functions
                        .iter()
                        .filter_map(|n| module.functions.get(*n))
                        .map(|one| one.qualified.clone())
                        .collect(),
                    why: "no event touched it; references load it on demand".to_owned(),
                };
                Ok(Some((name.clone(), trimmed)))
            };
        let found: Vec<Option<(String, Trimmed)>> = best.choices.par_iter().map(one).collect::<Result<_, _>>()?;
        made.trimmed.extend(found.into_iter().flatten());
        let runtime = package.join("meminterface_ondemand.py");
        let text = if self.options.strict {
            runner::ONDEMAND.replace("STRICT = False", "STRICT = True")
        } else {
            runner::ONDEMAND.to_owned()
        };
        fs_err::write(&runtime, text).map_err(|error| tree::cannot_write(&runtime, &error))?;
        Ok(made)
    }
}

/// Folders of packages in layers, in the order in which the platform looks into them, and those of them that lie within
/// another.
fn layer_packages(layers: &[PathBuf], interpreter: &Interpreter) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut all, mut nested) = (Vec::new(), Vec::new());
    for layer in layers.iter().filter_map(|layer| layer.canonicalize().ok()) {
        let (plain, inner) =
            (layer.join("python"), layer.join(format!("python/lib/python{}/site-packages", interpreter.minor())));
        if inner.is_dir() {
            all.push(inner.clone());
            nested.push(inner);
        }
        if plain.is_dir() {
            all.push(plain);
        }
    }
    (all, nested)
}

/// What layers hold besides packages, which the package takes in: commands, libraries, extensions.
fn rest_of_layers(layers: &[PathBuf], folder: &Path, notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut rest = Vec::new();
    for (n, layer) in layers.iter().enumerate() {
        if !layer.is_dir() {
            rest.push(layer.clone());
            continue;
        }
        let is_package = |relative: &Path| relative.starts_with("python");
        let (inside, outside): (Vec<_>, Vec<_>) = tree::list(layer).into_iter().partition(|(path, _)| is_package(path));
        if !inside.is_empty() {
            let what = if outside.is_empty() {
                "take the layer off the function, or leave it: the package comes first"
            } else {
                "the layer holds more than packages, and stays"
            };
            notes.push(format!("packages of the layer {} are in the package, trimmed: {what}", layer.display()));
        }
        if !outside.is_empty() {
            let copy = folder.join("layers").join(n.to_string());
            let files: Vec<tree::File> = outside
                .into_iter()
                .map(|(relative, bytes)| tree::File { source: layer.join(&relative), relative, bytes })
                .collect();
            tree::copy(&files, &copy)?;
            rest.push(copy);
        }
    }
    Ok(rest)
}

/// Whether a package is to be written as a zip file.
fn is_zip(out: &Path) -> bool {
    out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

fn plan_at(plan: &Plan, root: &Path, file: &Path) -> Plan {
    let mut plan = plan.clone();
    plan.target.code_root = root.to_path_buf();
    plan.target.file = root.join(file);
    plan
}

/// A text whose declared encoding, if any, is UTF-8.
fn with_utf8(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let is_declaration = n < 2 && line.trim_start().starts_with('#') && line.contains("coding");
        let is_utf8 = line.to_lowercase().contains("utf-8") || line.to_lowercase().contains("utf8");
        if is_declaration && !is_utf8 {
            out.push_str("# -*- coding: utf-8 -*-");
            out.push_str(if line.ends_with('\n') { "\n" } else { "" });
        } else {
            out.push_str(line);
        }
    }
    out
}

/// A package as it was put together.
#[derive(Default)]
struct Made {
    trimmed: BTreeMap<String, Trimmed>,
    removed: Vec<Removed>,
}

impl Made {
    /// Source files that the package loads, from its root.
    fn loaded(&self, package: &Path, best: &Best, original: &Run, root: &Path) -> Vec<PathBuf> {
        let is_loaded = |name: &String| best.loaded.is_empty() || best.loaded.contains(name);
        let mut all: Vec<PathBuf> = original
            .modules
            .iter()
            .filter(|(name, _)| is_loaded(name))
            .filter_map(|(_, file)| Some(Path::new(file.as_ref()?).strip_prefix(root).ok()?.to_path_buf()))
            .filter(|file| file.extension().is_some_and(|extension| extension == "py") && package.join(file).is_file())
            .collect();
        if package.join("meminterface_ondemand.py").is_file() {
            all.push(PathBuf::from("meminterface_ondemand.py"));
        }
        all.sort();
        all.dedup();
        all
    }
}

/// Whether any run read something of the same package.
fn is_used(relative: &Path, read: &BTreeSet<PathBuf>) -> bool {
    let first = relative.components().next();
    read.iter()
        .any(|path| path.components().next() == first && path.extension().is_some_and(|one| one == "py" || one == "so"))
}

/// Folders of tests that code outside of them imports, by their path.
fn test_folders_in_use(files: &[tree::File]) -> BTreeSet<PathBuf> {
    let mut used = BTreeSet::new();
    let is_test = |part: &std::ffi::OsStr| part == "tests" || part == "test";
    for file in files {
        let is_python = file.relative.extension().is_some_and(|extension| extension == "py");
        let inside = file.relative.parent().is_some_and(|folder| folder.iter().skip(1).any(is_test));
        if !is_python || inside || file.bytes > 4 << 20 {
            continue;
        }
        let Ok(data) = std::fs::read(&file.source) else { continue };
        let text = String::from_utf8_lossy(&data);
        for line in
            text.lines().map(str::trim_start).filter(|line| line.starts_with("from ") || line.starts_with("import "))
        {
            let mut words = line.split_whitespace();
            let (Some(keyword), Some(module)) = (words.next(), words.next()) else { continue };
            let module = module.trim_end_matches([',', ';']);
            let parts: Vec<&str> = module.trim_start_matches('.').split('.').collect();
            let dots = module.len() - module.trim_start_matches('.').len();
            let base: PathBuf = if dots > 0 {
                let mut base = file.relative.parent().map(Path::to_path_buf).unwrap_or_default();
                for _ in 1..dots {
                    base.pop();
                }
                base
            } else {
                PathBuf::new()
            };
            let mut all = base.clone();
            for part in &parts {
                all.push(part);
                if matches!(*part, "tests" | "test") {
                    used.insert(all.clone());
                }
            }
            if keyword == "from" {
                for name in line.split(" import ").nth(1).unwrap_or_default().split([',', '(', ')', ' ']) {
                    if matches!(name, "tests" | "test") {
                        used.insert(all.join(name));
                    }
                }
            }
        }
    }
    used
}

fn is_in(relative: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    relative.ancestors().any(|folder| folders.contains(folder))
}

fn rules_of(removed: &[Removed]) -> Vec<RuleReport> {
    let mut rules: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for one in removed {
        let entry = rules.entry(one.rule.as_str()).or_default();
        entry.0 += 1;
        entry.1 += one.bytes;
    }
    rules
        .into_iter()
        .map(|(name, (files, bytes))| RuleReport {
            name: name.to_owned(),
            why: tree::RULES.iter().find(|rule| rule.name == name).map_or_else(String::new, |rule| rule.why.to_owned()),
            files,
            bytes,
        })
        .collect()
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Diagnostic> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Diagnostic::new(Kind::CannotWrite, error.to_string()).in_file(path))?;
    fs_err::write(path, text + "\n").map_err(|error| tree::cannot_write(path, &error))
}

/// What a search found out.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Learned {
    needed: BTreeMap<String, BTreeSet<String>>,
    loads: BTreeMap<String, BTreeSet<usize>>,
    known: BTreeMap<String, bool>,
    #[serde(default)]
    frozen: BTreeSet<String>,
}

impl Learned {
    fn of(search: &Search<'_>) -> Self {
        Self {
            needed: search.needed.clone(),
            loads: search.loads.clone(),
            known: search.known.clone(),
            frozen: search.frozen.clone(),
        }
    }
}

/// Where it is remembered: by the content of all that it rests on.
struct Memory {
    path: PathBuf,
}

impl Memory {
    fn of(plan: &Plan, files: &[tree::File], options: &Options) -> Self {
        let described: Vec<String> = files
            .iter()
            .map(|file| {
                let hash = if file.relative.extension().is_some_and(|one| one == "py") {
                    tree::hash_file(&file.source).unwrap_or_default()
                } else {
                    String::new()
                };
                format!("{} {} {hash}", file.relative.display(), file.bytes)
            })
            .collect();
        let events: Vec<&str> = plan.events.iter().map(|event| event.json.get()).collect();
        let text = json!([
            described,
            events,
            plan.target.entry,
            options.keep,
            options.attributes,
            options.functions,
            env!("CARGO_PKG_VERSION")
        ]);
        let key = tree::sha256(text.to_string().as_bytes());
        Self { path: plan.cache.join("debloat").join(format!("{key}.json")) }
    }

    fn load(&self) -> Learned {
        std::fs::read(&self.path).ok().and_then(|data| serde_json::from_slice(&data).ok()).unwrap_or_default()
    }

    /// A cache that cannot be written is none: nothing is lost but time.
    fn save(&self, learned: &Learned) {
        let Some(folder) = self.path.parent() else { return };
        let part = self.path.with_extension(format!("{}.part", std::process::id()));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&part, serde_json::to_vec(learned).unwrap_or_default()))
            .and_then(|()| std::fs::rename(&part, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
    }
}
