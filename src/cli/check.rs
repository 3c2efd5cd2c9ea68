//! `meminterface check`: memory budgets, and what changed since an earlier state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde_json::Value;

use super::recommend::{WishArguments, is_of, need_of_measured, read_measured};
use super::revision::Revision;
use super::{Exit, Output};
use crate::check::analyse::{analyse, names_of};
use crate::check::cache::Cache;
use crate::check::compare::compare;
use crate::check::report::bytes;
use crate::check::{Bounds, Budgets, Given, Profile, Report, Settings, State, render};
use crate::diagnostic::{Diagnostic, Kind};
use crate::memory::cpython::Version;
use crate::project::Sources;
use crate::project::discover::{Handler, discover_with};
use crate::project::events::{self, Form};
use crate::project::source::{STACK_BYTES, read_record, read_text, with_stack};
use crate::recommend::{Need, Sample, recommend};

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with excerpts of the source.
    Text,
    /// JSON with a schema.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit's XML: a case a limit.
    Junit,
    /// A comment for a pull request; nothing if there is nothing to say.
    Markdown,
}

/// What a comment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Behavior {
    /// It replaces the earlier one: its first line is a marker by which a bot finds that.
    Update,
    /// It stands for itself.
    New,
}

/// Hold functions to memory budgets, and say what changed since an earlier state.
///
/// Reads handlers as `predict` does, runs nothing, and needs no network and no account. Exits with 1 if a budget is
/// broken, and only then; with 2 if something could not be read.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Python files, templates, folders or whole repositories.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The handler, whatever else is found: `function`, `module.function` or `Class.method`.
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// The budgets. `meminterface.toml` of the current folder, if it is there and none is named.
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,
    /// Say what changed since this state, which `--write-state` wrote.
    #[arg(long, value_name = "STATE", conflicts_with = "since")]
    against: Option<PathBuf>,
    /// Say what changed since this revision of the git repository. The work tree is not touched.
    #[arg(long, value_name = "GITREF")]
    since: Option<String>,
    /// Write the state of all functions, to compare with later.
    #[arg(long, value_name = "STATE")]
    write_state: Option<PathBuf>,
    /// What `meminterface measure --format json` wrote: times for costs, and footprints that were seen.
    #[arg(long, value_name = "FILE")]
    measured: Vec<PathBuf>,
    /// The version of CPython whose objects are counted; the template's, or else the newest checked, if not given.
    #[arg(long, value_name = "VERSION")]
    python_version: Option<Version>,
    #[command(flatten)]
    wishes: WishArguments,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// What a comment (`--format markdown`) is for.
    #[arg(long, value_enum, default_value_t = Behavior::Update)]
    behavior: Behavior,
    /// Where to write the result. Standard output if not given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Read everything anew, and keep nothing.
    #[arg(long)]
    no_cache: bool,
    /// Threads; as many as there are cores if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// The JSON Schemas of `--format json` and of states.
pub fn json_schemas() -> [(&'static str, Value); 2] {
    [("check", schemars::schema_for!(Report).to_value()), ("state", schemars::schema_for!(State).to_value())]
}

/// The budgets that were asked for, or those of the current folder.
fn budgets(named: Option<&Path>) -> Result<Option<Budgets>, Diagnostic> {
    let usual = Path::new("meminterface.toml");
    let file = match named {
        Some(file) => file,
        None if usual.is_file() => usual,
        None => return Ok(None),
    };
    let text = read_text(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let event = |name: &str| {
        let path = folder.join(name);
        let all = events::read(&path, Form::Any)?;
        let [one] = all.as_slice() else {
            let message = format!("holds {} events; a budget is for one", all.len());
            return Err(Diagnostic::new(Kind::InvalidBudget, message)
                .in_file(&path)
                .help("name a file with one event"));
        };
        serde_json::from_str(one.json.get())
            .map_err(|error| Diagnostic::new(Kind::InvalidEvent, error.to_string()).in_file(&path))
    };
    Budgets::parse(file, &text, event).map(Some)
}

/// Handlers that share file and code root, in the order of their first; each with its place in the list.
fn grouped(handlers: &[Handler]) -> Vec<Vec<usize>> {
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut index: BTreeMap<(&Path, &Path, Option<&str>), usize> = BTreeMap::new();
    for (number, handler) in handlers.iter().enumerate() {
        let key = (handler.file.as_path(), handler.code_root.as_path(), handler.inline.as_deref());
        match index.get(&key).and_then(|at| order.get_mut(*at)) {
            Some(group) => group.push(number),
            None => {
                index.insert(key, order.len());
                order.push(vec![number]);
            }
        }
    }
    order
}

/// What reading is done with.
pub(super) struct Reading<'a> {
    pub(super) settings: Settings,
    pub(super) cache: &'a Cache,
    pub(super) jobs: Option<usize>,
}

/// A cache of this build of the tool in the user's folder of caches.
pub(super) fn cache(off: bool) -> Cache {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("MEMINTERFACE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("meminterface")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache").join("meminterface")))
        .or_else(|| variable("LOCALAPPDATA").map(|folder| folder.join("meminterface")));
    // Builds of one version differ while it is developed.
    let salt = std::env::current_exe()
        .and_then(fs_err::metadata)
        .map(|data| format!("{}-{:?}", data.len(), data.modified().ok()))
        .unwrap_or_default();
    Cache::new(folder.filter(|_| !off).map(|folder| folder.join("check")), salt)
}

/// Reads handlers: each with its profile.
pub(super) fn profiles(
    handlers: &[Handler],
    given: &(dyn Fn(&[&str]) -> Vec<Given> + Sync),
    sources: &Arc<Sources>,
    reading: &Reading<'_>,
    output: &mut Output,
) -> (Vec<(usize, Profile)>, Vec<Diagnostic>) {
    let groups = grouped(handlers);
    let progress = output.progress(groups.len(), "files");
    let read_group = |group: &Vec<usize>| {
        let mine: Vec<(usize, &Handler, Vec<Given>)> = group
            .iter()
            .filter_map(|number| {
                let handler = handlers.get(*number)?;
                let names = names_of(handler, &reading.settings);
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Some((*number, handler, given(&names)))
            })
            .collect();
        let pairs: Vec<(&Handler, &[Given])> =
            mine.iter().map(|(_, handler, given)| (*handler, given.as_slice())).collect();
        let key = reading.cache.key(&pairs, &reading.settings);
        let known = key.as_deref().and_then(|key| reading.cache.get(key));
        let (found, problems): (Vec<Option<Profile>>, Vec<Diagnostic>) = match known {
            Some(known) => (known.into_iter().map(Some).collect(), Vec::new()),
            None => {
                let read = analyse(&pairs, &reading.settings, sources);
                if let Some(key) = &key {
                    reading.cache.put(key, &read);
                }
                (read.profiles, read.diagnostics)
            }
        };
        progress.inc(1);
        let found: Vec<(usize, Profile)> =
            mine.iter().zip(found).filter_map(|((number, ..), profile)| Some((*number, profile?))).collect();
        (found, problems)
    };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(reading.jobs.unwrap_or(0)).stack_size(STACK_BYTES);
    let all = match threads.build() {
        Ok(pool) if groups.len() > 1 && reading.jobs != Some(1) => {
            pool.install(|| groups.par_iter().map(read_group).collect::<Vec<_>>())
        }
        _ => with_stack(|| groups.iter().map(read_group).collect::<Vec<_>>()),
    };
    progress.finish_and_clear();
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (profiles, mut diagnostics) in all {
        found.extend(profiles);
        problems.append(&mut diagnostics);
    }
    (found, problems)
}

/// What a profile says of a handler's footprint, for a recommendation.
pub(super) fn need_of(handler: &Handler, profile: &Profile) -> Need {
    let sample = |name: &str, footprint: Bounds| Sample {
        name: name.to_owned(),
        low_bytes: footprint.min.or(profile.baseline_bytes).unwrap_or(0),
        high_bytes: footprint.max,
        weight: 1.0,
    };
    let samples = if profile.at.is_empty() {
        vec![sample("any event", profile.footprint)]
    } else {
        let of_case = |at: &crate::check::At| {
            // What a handler that raises early needs says nothing of one that works.
            sample(&at.name, Bounds { max: at.footprint.max.filter(|_| at.raises.is_none()), ..at.footprint })
        };
        profile.at.iter().map(of_case).collect()
    };
    Need {
        handler: handler.name(),
        file: profile.file.clone(),
        basis: "predicted",
        samples,
        init_peak_bytes: profile.initial_peak_bytes,
        baseline_bytes: profile.baseline_bytes,
        formula: profile.resident_peak.formula.clone(),
        current_mb: profile.memory_mb,
        ..Need::default()
    }
}

/// Runs the verb.
pub fn run(arguments: &CheckArguments, output: &mut Output) -> Exit {
    let budgets = match budgets(arguments.budget.as_deref()) {
        Ok(budgets) => budgets,
        Err(problem) => {
            output.report(&problem);
            return output.exit();
        }
    };
    // Both of these fail before the long work does.
    let earlier = match &arguments.against {
        Some(file) => match read_record(file).and_then(|text| State::parse(file, &text)) {
            Ok(state) => Some((file.to_string_lossy().into_owned(), state.functions)),
            Err(problem) => {
                output.report(&problem);
                return output.exit();
            }
        },
        None => None,
    };
    let revision = match arguments.since.as_deref().map(Revision::check_out) {
        Some(Ok(revision)) => Some(revision),
        Some(Err(problem)) => {
            output.report(&problem);
            return output.exit();
        }
        None => None,
    };
    let mut measured = Vec::new();
    for file in &arguments.measured {
        match read_measured(file) {
            Ok(document) => measured.push(document),
            Err(problem) => {
                output.report(&problem);
                return output.exit();
            }
        }
    }
    let sources: Arc<Sources> = Arc::default();
    let (handlers, mut problems) = discover_with(&arguments.paths, arguments.handler.as_deref(), &sources);
    let cache = cache(arguments.no_cache);
    let given = |names: &[&str]| budgets.as_ref().map(|budgets| budgets.given(names)).unwrap_or_default();
    let bases = std::env::current_dir().map(|here| vec![(here, String::new())]).unwrap_or_default();
    let platform = arguments.wishes.platform();
    let settings = Settings { bases, version: arguments.python_version, platform: platform.clone() };
    let reading = Reading { settings, cache: &cache, jobs: arguments.jobs };
    let (mut found, more) = profiles(&handlers, &given, &sources, &reading, output);
    problems.extend(more);
    problems.dedup();
    for problem in &problems {
        output.report(problem);
    }
    if let Err(problem) = settle(&mut found, &handlers, &arguments.wishes, &measured) {
        output.report(&problem);
        return output.exit();
    }
    let state = State::new(found.into_iter().map(|(_, profile)| profile).collect());
    if let Some(file) = &arguments.write_state
        && let Err(problem) = super::output::write_file(file, state.to_json())
    {
        output.report(&problem);
    }
    let (verdicts, wrong) = budgets.as_ref().map(|budgets| budgets.verdicts(&state.functions)).unwrap_or_default();
    for problem in &wrong {
        output.report(problem);
    }
    let earlier = match &revision {
        Some(revision) => {
            let paths: Vec<PathBuf> =
                arguments.paths.iter().filter_map(|path| revision.path(path)).filter(|path| path.exists()).collect();
            let sources: Arc<Sources> = Arc::default();
            // What is wrong with the earlier revision is not the user's to mend.
            let (handlers, _) = discover_with(&paths, arguments.handler.as_deref(), &sources);
            let settings = Settings { bases: revision.bases(), version: arguments.python_version, platform };
            // Its folder has another name each time: nothing of it would be found again.
            let none = Cache::new(None, String::new());
            let reading = Reading { settings, cache: &none, jobs: arguments.jobs };
            let (mut found, _) = profiles(&handlers, &given, &sources, &reading, output);
            if let Err(problem) = settle(&mut found, &handlers, &arguments.wishes, &measured) {
                output.report(&problem);
            }
            let state = State::new(found.into_iter().map(|(_, profile)| profile).collect());
            Some((revision.name.clone(), state.functions))
        }
        None => earlier,
    };
    let (since, changes) = match &earlier {
        Some((name, functions)) => (Some(name.clone()), compare(functions, &state.functions)),
        None => (None, Vec::new()),
    };
    let nothing_asked = budgets.is_none() && since.is_none();
    let report = Report::new(state.functions.len(), verdicts, since, changes);
    let lines = |file: &str, line: u32| -> Option<String> {
        let text = read_text(Path::new(file)).ok()?;
        text.lines().nth(line.checked_sub(1)? as usize).map(|line| line.chars().take(300).collect())
    };
    let text = match arguments.format {
        Format::Text if nothing_asked => table(&state.functions),
        Format::Text => render::text(&report, &lines),
        Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
        Format::Sarif => render::sarif(&report),
        Format::Github => render::github(&report),
        Format::Junit => render::junit(&report),
        Format::Markdown => render::markdown(&report, arguments.behavior == Behavior::Update),
    };
    match &arguments.output {
        Some(file) => {
            if let Err(problem) = super::output::write_file(file, &text) {
                output.report(&problem);
            }
        }
        None => output.text(&text),
    }
    match output.exit() {
        Exit::Done if !report.passed => Exit::CheckFailed,
        other => other,
    }
}

/// Adds recommended settings and costs.
fn settle(
    found: &mut [(usize, Profile)],
    handlers: &[Handler],
    wishes: &WishArguments,
    measured: &[Value],
) -> Result<(), Diagnostic> {
    for (number, profile) in found {
        let Some(handler) = handlers.get(*number) else { continue };
        let (platform, wishes) = wishes.of(handler)?;
        let mine: Vec<&Value> = measured.iter().filter(|document| is_of(document, handler, handlers.len())).collect();
        let need = if mine.is_empty() { need_of(handler, profile) } else { need_of_measured(handler, &mine) };
        let found = recommend(&platform, &need, &wishes);
        profile.recommended_mb = found.memory_mb;
        profile.cost_per_million_usd = found.costs.map(|costs| costs.million_usd);
    }
    Ok(())
}

/// What is known of each function, where nothing else was asked.
fn table(functions: &[Profile]) -> String {
    let mut text = String::new();
    for profile in functions {
        let peak = match (&profile.peak.formula, &profile.peak.growth) {
            _ if !profile.complete => "not followed to its end".to_owned(),
            _ if profile.peak.bounds.exact().is_some() => profile.peak.bounds.exact().map(bytes).unwrap_or_default(),
            (Some(formula), _) if formula.chars().count() <= 120 => formula.clone(),
            (_, Some(growth)) if growth.chars().count() <= 120 => format!("in the order of {growth}"),
            _ => "a long formula".to_owned(),
        };
        text.push_str(&format!("{}: peak {peak}\n", profile.id));
    }
    text.push_str("no budget and no earlier state: see `meminterface check --help`\n");
    text
}
