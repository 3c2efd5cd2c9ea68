//! `meminterface learn`: traces of library calls into contracts; logs of a deployed function into its calibration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde_json::json;

use super::measure::{Interrupts, table};
use super::output::write_file;
use super::{Exit, Output};
use crate::contracts::{Contracts, Origin, check};
use crate::diagnostic::{Diagnostic, Kind};
use crate::learning::callable::{GOOD_MEDIAN, GOOD_P95, Learned, MOST_ERROR, learn};
use crate::learning::compare::{Comparison, compare};
use crate::learning::summary::{MOST_TRACES, reduced, tolerance};
use crate::learning::trace::{self, Outcome, Trace, Traces};
use crate::learning::{engine, logs, shipped_workloads, write};

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What learns on more machines than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Dask: `pip install "dask[distributed]"` into the interpreter that --python names.
    Dask,
}

/// Learn what library calls take: run them, measure them, fit formulas, write contracts.
///
/// WORKLOADS are names of workload files that ship (`networkx`), or paths of your own; `all` are all that ship, as is nothing
/// without --traces. Each call runs in a process of its own, with your rights, in the interpreter that --python
/// names. docs/LEARNING.md describes workloads, traces and what comes out.
#[derive(Args, Debug)]
pub struct LearnArguments {
    /// Workload files: names of shipped ones, `all` of them, or paths.
    workloads: Vec<String>,
    /// The interpreter, with the libraries in it (and memray, so that native allocations are seen).
    #[arg(long, value_name = "PY", default_value = "python3")]
    python: PathBuf,
    /// Where traces are kept, and found again; alone: learn from the traces that are there (JSON lines or Parquet).
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// Only callables whose name contains this; `*` stands for anything. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Say what would be traced, and trace nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many callables to trace at a time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Fewer sizes and no repetitions: for CI.
    #[arg(long)]
    quick: bool,
    /// Write nothing; compare the contracts in force with the traces, and exit with 1 if one does not fit any more.
    #[arg(long)]
    check: bool,
    /// Compare what is learned with the contracts of an earlier run, and with those in force.
    #[arg(long)]
    diff: bool,
    /// Rename the new file over that of an earlier run (which stays as `.toml.old`).
    #[arg(long)]
    replace: bool,
    /// Folder of contract files that win over the shipped ones, for --check and --diff.
    #[arg(long, value_name = "DIR")]
    contracts: Vec<PathBuf>,
    /// Of a callable with more traces so many stand for all, chosen by a hash of their lines, and those at the ends.
    #[arg(long, value_name = "N", default_value_t = MOST_TRACES as u64, value_parser = clap::value_parser!(u64).range(16..))]
    most_traces: u64,
    /// Write nothing of a callable whose median error on held-back sizes is above this.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0 * MOST_ERROR)]
    most_error: f64,
    /// Learn from --traces on a cluster: files are parted by callable, callables fitted apart, contracts joined.
    #[arg(long, value_enum, requires = "traces", conflicts_with_all = ["workloads", "check", "diff", "partition"])]
    engine: Option<Engine>,
    /// The scheduler of a cluster that runs, for --engine; else --jobs workers are started on this machine.
    #[arg(long, value_name = "ADDRESS", requires = "engine")]
    scheduler: Option<String>,
    /// Learn nothing: write the traces of --traces by callable into a folder, at most --most-traces of each. A step of --engine.
    #[arg(long, value_name = "DIR", requires = "traces", conflicts_with_all = ["workloads", "check", "diff"])]
    partition: Option<PathBuf>,
    /// The name of the files that --partition writes.
    #[arg(long, value_name = "NAME", requires = "partition", default_value = "part")]
    part: String,
    /// Where contract files go.
    #[arg(short, long, value_name = "DIR", default_value = "learned")]
    output: PathBuf,
    /// How long a call may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    limit: u64,
    /// How much memory a call may take, in MB.
    #[arg(long, value_name = "MB", default_value_t = 4096)]
    call_memory: u64,
    /// Logs of a deployed function: REPORT lines, JSON logs, or an export of CloudWatch.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workloads", "traces"])]
    from_logs: Vec<PathBuf>,
    /// The events by request id, for --from-logs: JSON lines with `requestId` and `event`.
    #[arg(long, value_name = "FILE", requires = "from_logs")]
    events: Option<PathBuf>,
    /// The interface of the handler (`extract --format json`'s formula of the peak), as a formula over parts of the event.
    #[arg(long, value_name = "FORMULA", requires = "from_logs")]
    formula: Option<String>,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the verb.
pub fn run(arguments: &LearnArguments, output: &mut Output) -> Exit {
    if !arguments.from_logs.is_empty() {
        return from_logs(arguments, output);
    }
    let interrupts = Interrupts::start();
    match learn_all(arguments, output) {
        Ok(exit) => {
            interrupts.finish(Interrupts::came());
            if output.exit() == Exit::Done { exit } else { output.exit() }
        }
        Err(problem) => {
            output.report(&problem);
            interrupts.finish(problem.kind == Kind::Interrupted);
            Exit::BadInput
        }
    }
}

fn usage(message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new(Kind::Usage, message).help(help)
}

/// Whether a name is meant: it contains the text, or fits it where it has `*`.
fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        return name.contains(pattern);
    }
    let parts: Vec<&str> = pattern.split('*').collect();
    let mut rest = name;
    for (n, part) in parts.iter().enumerate() {
        if n == 0 {
            match rest.strip_prefix(part) {
                Some(after) => rest = after,
                None => return false,
            }
        } else if n + 1 == parts.len() && !part.is_empty() {
            return rest.ends_with(part);
        } else {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    parts.last().is_some_and(|last| last.is_empty()) || rest.is_empty()
}

/// Whether one of the patterns means a name; without any, all are meant.
fn wanted(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, name))
}

/// The diagnostics that leave something out: they make the exit code 1.
struct LeftOut(Vec<Diagnostic>);

fn learn_all(arguments: &LearnArguments, output: &mut Output) -> Result<Exit, Diagnostic> {
    if arguments.jobs == 0 {
        return Err(usage("`--jobs` counts from 1", "leave it out for one at a time"));
    }
    let mut left_out = LeftOut(Vec::new());
    let only_traces = arguments.workloads.is_empty() && arguments.traces.is_some();
    let mut traces = Traces::default();
    if only_traces {
        let place = arguments.traces.clone().unwrap_or_default();
        let files = trace::files(&place)?;
        if files.is_empty() {
            return Err(Diagnostic::new(Kind::CannotRead, "the folder has no traces").in_file(&place).help(
                "traces are *.jsonl and *.parquet files; `meminterface learn WORKLOAD --traces DIR` makes some",
            ));
        }
        match (&arguments.partition, arguments.engine) {
            (Some(folder), _) => return part(arguments, &files, folder, output),
            (None, Some(Engine::Dask)) => return on_cluster(arguments, files, output),
            (None, None) => {}
        }
        read(&files, &arguments.python, &mut traces)?;
    } else {
        match make(arguments, output, &mut left_out)? {
            Some(files) => read(&files, &arguments.python, &mut traces)?,
            None => return Ok(if left_out.report(output) { Exit::CheckFailed } else { Exit::Done }),
        }
    }
    left_out.0.append(&mut traces.problems);
    let mut groups: BTreeMap<(String, String), Vec<&Trace>> = BTreeMap::new();
    for trace in &traces.traces {
        if wanted(&arguments.only, &trace.callable) {
            groups.entry((trace.library.clone(), trace.callable.clone())).or_default().push(trace);
        }
    }
    if groups.is_empty() {
        left_out.report(output);
        return Err(usage(
            "there is nothing to learn from",
            "`--only` may leave everything out; `--dry-run` names what would be traced",
        ));
    }
    let most = most_traces(arguments);
    for ((_, name), group) in &mut groups {
        let all = group.len();
        *group = reduced(std::mem::take(group), most, |trace| trace);
        if group.len() < all {
            let off = 100.0 * tolerance(most);
            output.note(&format!(
                "{name}: {} of {all} traces stand for all; shares are known to {off:.1} %\n",
                group.len()
            ));
        }
    }
    let contracts = match Contracts::with(&arguments.contracts) {
        Ok(contracts) => contracts,
        Err(diagnostics) => {
            diagnostics.iter().for_each(|diagnostic| output.report(diagnostic));
            return Ok(Exit::BadInput);
        }
    };
    if arguments.check {
        return Ok(check_in_force(arguments, &groups, &contracts, left_out, output));
    }
    let bar = output.progress(groups.len(), "fitting");
    let jobs: Vec<(&(String, String), &Vec<&Trace>)> = groups.iter().collect();
    let learned: Vec<Learned> = jobs
        .par_iter()
        .map(|((_, name), traces)| {
            let learned = learn(name, traces, arguments.most_error / 100.0);
            bar.inc(1);
            learned
        })
        .collect();
    bar.finish_and_clear();
    for one in &learned {
        left_out.0.extend(missed(one));
    }
    let written = write_all(arguments, &learned, &mut left_out, output);
    let earlier = if arguments.diff { compared(arguments, &groups, &written, &contracts) } else { BTreeMap::new() };
    match arguments.format {
        Format::Text => output.text(&text(&learned, &earlier, &written)),
        Format::Json => output.text(&as_json(&learned, &earlier, &written, &left_out)),
    }
    Ok(if left_out.report(output) { Exit::CheckFailed } else { Exit::Done })
}

impl LeftOut {
    /// Reports everything; says whether there was anything.
    fn report(&self, output: &mut Output) -> bool {
        self.0.iter().for_each(|problem| output.report(problem));
        if !self.0.is_empty() {
            let count = self.0.len();
            output.note(&format!("{count} {} left out\n", if count == 1 { "thing was" } else { "things were" }));
        }
        !self.0.is_empty()
    }
}

/// What of a callable's calls is not in what was learned.
fn missed(learned: &Learned) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (how, count) in &learned.failed {
        let calls = if *count == 1 { "call".to_owned() } else { format!("{count} calls") };
        found.push(
            Diagnostic::new(Kind::NotTraced, format!("{}: {calls} did not return: {how}", learned.name))
                .help("its sizes are not in what was learned; correct the workload, or its range"),
        );
    }
    if let Some(problem) = &learned.problem {
        found.push(
            Diagnostic::new(Kind::NotTraced, format!("{}: nothing was learned: {problem}", learned.name))
                .help("a contract needs calls that return, of at least four sizes"),
        );
    }
    found
}

pub(super) fn read(files: &[PathBuf], python: &Path, traces: &mut Traces) -> Result<(), Diagnostic> {
    let mut found = std::mem::take(&mut traces.traces);
    for file in files {
        each_line_of(file, python, traces, &mut |trace, _| found.push(trace))?;
    }
    traces.traces = found;
    Ok(())
}

/// Gives each trace of a file, of lines or Parquet, to `keep`.
fn each_line_of(
    file: &Path,
    python: &Path,
    problems: &mut Traces,
    keep: &mut dyn FnMut(Trace, &[u8]),
) -> Result<(), Diagnostic> {
    if file.extension().is_some_and(|extension| extension == "parquet") {
        return each_row(file, python, problems, keep);
    }
    match fs_err::File::open(file) {
        Ok(open) => trace::each_line(std::io::BufReader::new(open), file, problems, keep),
        Err(error) => problems.problems.push(
            Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
                .in_file(file)
                .help("check the path and its permissions"),
        ),
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn each_row(
    file: &Path,
    python: &Path,
    problems: &mut Traces,
    keep: &mut dyn FnMut(Trace, &[u8]),
) -> Result<(), Diagnostic> {
    use crate::learning::harness::{Folder, parquet};
    let folder = Folder::new()?;
    match parquet(python, &folder, file) {
        Ok(lines) => trace::each_line(lines.as_slice(), file, problems, keep),
        Err(problem) => problems.problems.push(problem),
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn each_row(file: &Path, _: &Path, problems: &mut Traces, _: &mut dyn FnMut(Trace, &[u8])) -> Result<(), Diagnostic> {
    problems.problems.push(
        Diagnostic::new(Kind::NeedsLinux, "Parquet traces are read on Linux").in_file(file).help("give JSON lines"),
    );
    Ok(())
}

/// Traces what is asked for; gives the files with the traces. None for `--dry-run`.
#[cfg(not(target_os = "linux"))]
fn make(_: &LearnArguments, _: &mut Output, _: &mut LeftOut) -> Result<Option<Vec<PathBuf>>, Diagnostic> {
    Err(Diagnostic::new(Kind::NeedsLinux, "library calls are traced on Linux").help(
        "docker run --rm -it -v \"$PWD:/code\" -w /code python:3.12 bash; `--traces DIR` alone learns from traces anywhere",
    ))
}

/// Traces what is asked for; gives the files with the traces. None for `--dry-run`.
#[cfg(target_os = "linux")]
fn make(
    arguments: &LearnArguments,
    output: &mut Output,
    left_out: &mut LeftOut,
) -> Result<Option<Vec<PathBuf>>, Diagnostic> {
    use crate::learning::harness::{self, Ask, Folder};
    let folder = Folder::new()?;
    let files = workload_files(arguments, &folder)?;
    let traces = arguments.traces.clone().unwrap_or_else(|| arguments.output.join("traces"));
    // The harness runs in folders of its own.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let python =
        if arguments.python.components().count() > 1 { absolute(&arguments.python) } else { arguments.python.clone() };
    let ask = Ask {
        python,
        files: files.iter().map(|file| absolute(file)).collect(),
        quick: arguments.quick,
        traces: absolute(&traces),
        jobs: arguments.jobs,
        limit: arguments.limit.max(1),
        memory: arguments.call_memory.saturating_mul(1 << 20),
    };
    let cancelled: &(dyn Fn() -> bool + Sync) = &Interrupts::came;
    let mut listing = harness::list(&ask, &folder, cancelled)?;
    for problem in &listing.problems {
        let name = problem.file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let help = match &problem.missing {
            Some(missing) => format!("install {missing} into the interpreter that `--python` names"),
            None => "correct the workload file".to_owned(),
        };
        left_out.0.push(
            Diagnostic::new(Kind::NotTraced, format!("the workload {name} was left out: {}", problem.problem))
                .help(help),
        );
    }
    listing.workloads.retain(|workload| wanted(&arguments.only, &workload.callable));
    let listing = listing;
    let files: BTreeSet<PathBuf> =
        listing.workloads.iter().map(|workload| harness::trace_file(&ask.traces, workload)).collect();
    let work: Vec<_> = listing
        .workloads
        .iter()
        .map(|workload| (workload.clone(), harness::open_jobs(&ask, &listing, workload)))
        .collect();
    let calls: usize = work.iter().map(|(_, jobs)| jobs.len()).sum();
    if arguments.dry_run {
        let mut rows =
            vec![vec!["callable", "library", "points", "open calls"].into_iter().map(str::to_owned).collect()];
        for (workload, jobs) in &work {
            let library = format!("{} {}", workload.library, workload.library_version.as_deref().unwrap_or("?"));
            rows.push(vec![
                workload.callable.clone(),
                library,
                workload.points.len().to_string(),
                jobs.len().to_string(),
            ]);
        }
        output.text(&table(&rows));
        output.text(&format!("{} workloads, {calls} calls to trace into {}\n", work.len(), traces.display()));
        return Ok(None);
    }
    if !listing.memray {
        output.report(
            &Diagnostic::new(Kind::NotTraced, "memray is not installed: native allocations are not seen")
                .help("install memray into the interpreter that `--python` names"),
        );
    }
    let work: Vec<_> = work.into_iter().filter(|(_, jobs)| !jobs.is_empty()).collect();
    let bar = output.progress(calls, "calls");
    let found = harness::run(
        &ask,
        &folder,
        work,
        &|name| {
            bar.set_message(name.to_owned());
            bar.inc(1);
        },
        cancelled,
    );
    bar.finish_and_clear();
    left_out.0.extend(found?);
    Ok(Some(files.into_iter().filter(|file| file.is_file()).collect()))
}

/// The files of the workloads that are asked for; shipped ones are written into the run's folder.
#[cfg(target_os = "linux")]
fn workload_files(
    arguments: &LearnArguments,
    folder: &crate::learning::harness::Folder,
) -> Result<Vec<PathBuf>, Diagnostic> {
    let shipped = shipped_workloads();
    let mut files = Vec::new();
    let all: Vec<String>;
    let names = if arguments.workloads.is_empty() || arguments.workloads == ["all"] {
        all = shipped.iter().map(|(name, _)| (*name).to_owned()).collect();
        &all
    } else {
        &arguments.workloads
    };
    for name in names {
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "py") || path.components().count() > 1 {
            if !path.is_file() {
                return Err(Diagnostic::new(Kind::CannotRead, "there is no such workload file")
                    .in_file(path)
                    .help("name a file, or a workload that ships"));
            }
            files.push(path.to_path_buf());
        } else if let Some((name, text)) = shipped.iter().find(|(known, _)| known == name) {
            files.push(folder.write(&format!("workloads/{name}.py"), text)?);
        } else {
            let known: Vec<&str> = shipped.iter().map(|(name, _)| *name).collect();
            let near = crate::diagnostic::near_names(name, known.iter().copied());
            let help = match near.first() {
                Some(near) => {
                    format!("did you mean `{near}`? A file of your own is named with its path: `./{name}.py`")
                }
                None => format!("shipped are: {}", known.join(", ")),
            };
            return Err(usage(format!("no workload is called `{name}`"), &help));
        }
    }
    Ok(files)
}

// ---- writing -----------------------------------------------------------------------------------------------------------

/// A contract file that was written.
struct Written {
    library: String,
    path: PathBuf,
    /// The file of an earlier run that is still there.
    beside: Option<PathBuf>,
}

fn write_all(
    arguments: &LearnArguments,
    learned: &[Learned],
    left_out: &mut LeftOut,
    output: &mut Output,
) -> Vec<Written> {
    let mut libraries: BTreeMap<&str, Vec<&Learned>> = BTreeMap::new();
    for one in learned.iter().filter(|one| !one.entries.is_empty()) {
        libraries.entry(&one.library).or_default().push(one);
    }
    let mut written = Vec::new();
    for (library, mut all) in libraries {
        let path = arguments.output.join(format!("{library}.toml"));
        let present = std::fs::read_to_string(&path).ok();
        let earlier = present.as_deref().map(write::tables).unwrap_or_default();
        let new_path = match &present {
            Some(_) => arguments.output.join(format!("{library}.toml.new")),
            None => path.clone(),
        };
        // An entry that the format refuses is left out, and named; the others are written.
        loop {
            let text = write::file(library, &all, &earlier);
            if let Err(problem) = write_file(&new_path, &text) {
                output.report(&problem);
                break;
            }
            let complaints: Vec<Diagnostic> = check(&[&new_path]).into_iter().filter(Diagnostic::is_error).collect();
            if complaints.is_empty() {
                written.push(settle(arguments, library, &path, &new_path, present.as_deref(), &text, output));
                break;
            }
            let bad: BTreeSet<String> = complaints
                .iter()
                .filter_map(|complaint| {
                    let line = usize::try_from(complaint.span?.line).ok()?;
                    let lines: Vec<&str> = text.lines().take(line).collect();
                    let name = lines.iter().rev().find_map(|line| line.strip_prefix("name = \""));
                    // The name stands at the top of its entry, or in the line after a complaint about its header.
                    let after = text.lines().nth(line).and_then(|line| line.strip_prefix("name = \""));
                    let header = lines.last().is_some_and(|line| line.starts_with("[["));
                    (if header { after } else { name }).map(|name| name.trim_end_matches('"').to_owned())
                })
                .collect();
            let before = all.len();
            all.retain(|one| !bad.contains(&one.name));
            for complaint in &complaints {
                left_out.0.push(Diagnostic::new(
                    Kind::NotTraced,
                    format!("{library}: a contract was left out: {}", complaint.message),
                ));
            }
            if all.len() == before || all.is_empty() {
                let _ = std::fs::remove_file(&new_path);
                complaints.iter().for_each(|complaint| output.report(complaint));
                break;
            }
        }
    }
    written
}

/// A new contract file, written and right: where it stays.
fn settle(
    arguments: &LearnArguments,
    library: &str,
    path: &Path,
    new_path: &Path,
    present: Option<&str>,
    text: &str,
    output: &mut Output,
) -> Written {
    let library = library.to_owned();
    if present == Some(text) {
        let _ = std::fs::remove_file(new_path);
        return Written { library, path: path.to_path_buf(), beside: None };
    }
    if present.is_some() && arguments.replace {
        let old = arguments.output.join(format!("{library}.toml.old"));
        let renamed = std::fs::rename(path, &old).and_then(|()| std::fs::rename(new_path, path));
        if let Err(error) = renamed {
            let message = format!("cannot be renamed: {error}");
            output.report(&Diagnostic::new(Kind::CannotWrite, message).in_file(new_path));
        }
        return Written { library, path: path.to_path_buf(), beside: Some(old) };
    }
    let beside = present.is_some().then(|| path.to_path_buf());
    Written { library, path: new_path.to_path_buf(), beside }
}

// ---- many machines -----------------------------------------------------------------------------------------------------

fn most_traces(arguments: &LearnArguments) -> usize {
    usize::try_from(arguments.most_traces).unwrap_or(usize::MAX)
}

/// A library's or callable's name as that of a file: no other characters than those of names, and not too long.
fn file_name(name: &str) -> String {
    let clean = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let text: String = name.chars().map(clean).take(80).collect();
    if text.chars().all(|c| c == '.') { format!("_{text}") } else { text }
}

/// Writes the traces of files by callable, as lines in their order.
fn part(arguments: &LearnArguments, files: &[PathBuf], folder: &Path, output: &mut Output) -> Result<Exit, Diagnostic> {
    let mut problems = Traces::default();
    let mut groups: BTreeMap<(String, String), Vec<(Trace, String)>> = BTreeMap::new();
    let most = most_traces(arguments);
    for file in files {
        let mut keep = |trace: Trace, line: &[u8]| {
            if wanted(&arguments.only, &trace.callable) {
                let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
                let group = groups.entry((trace.library.clone(), trace.callable.clone())).or_default();
                group.push((trace, line));
                // What stands for all is chosen as often as it doubles: memory is bounded by what is kept.
                if group.len() > most.saturating_mul(2).saturating_add(64) {
                    *group = reduced(std::mem::take(group), most, |(trace, _)| trace);
                }
            }
        };
        each_line_of(file, &arguments.python, &mut problems, &mut keep)?;
    }
    let mut folders = Vec::new();
    for ((library, name), group) in groups {
        let place = folder.join(file_name(&library)).join(file_name(&name));
        let text: String = reduced(group, most, |(trace, _)| trace).into_iter().map(|(_, line)| line + "\n").collect();
        write_file(&place.join(format!("{}.jsonl", file_name(&arguments.part))), &text)?;
        folders.push(place);
    }
    folders.sort();
    folders.dedup();
    let left_out = LeftOut(problems.problems);
    match arguments.format {
        Format::Text => output.text(&format!("{} callables in {}\n", folders.len(), folder.display())),
        Format::Json => {
            let document = json!({"schema": {"name": "meminterface.learn.partition", "version": 1}, "folders": folders,
                                  "left_out": left_out.0});
            output.text(&format!("{document:#}\n"));
        }
    }
    Ok(if left_out.report(output) { Exit::CheckFailed } else { Exit::Done })
}

/// Learns on a cluster, and joins what its workers wrote.
fn on_cluster(arguments: &LearnArguments, files: Vec<PathBuf>, output: &mut Output) -> Result<Exit, Diagnostic> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let command = std::env::current_exe()
        .map_err(|error| usage(format!("this command does not know where it is: {error}"), "start it by its path"))?;
    let name = arguments.python.components().count() > 1;
    let folder = absolute(&arguments.output).join(format!(".parts-{}", std::process::id()));
    let ask = engine::Ask {
        python: if name { absolute(&arguments.python) } else { arguments.python.clone() },
        command,
        scheduler: arguments.scheduler.clone(),
        jobs: arguments.jobs,
        most: most_traces(arguments),
        most_error: arguments.most_error,
        files: files.iter().map(|file| absolute(file)).collect(),
        only: arguments.only.clone(),
        folder: folder.clone(),
    };
    let answer = engine::run(&ask);
    let written = answer.as_ref().map(|answer| join(arguments, answer, output)).unwrap_or_default();
    let _ = std::fs::remove_dir_all(&folder);
    let answer = answer?;
    if answer.callables.is_empty() {
        return Err(usage("there is nothing to learn from", "`--only` may leave everything out"));
    }
    let left_out = LeftOut(answer.left_out.iter().map(engine::diagnostic).collect());
    match arguments.format {
        Format::Text => {
            let mut rows: Vec<Vec<String>> =
                vec![["callable", "peak", "median", "p95", "points", "verdict"].map(str::to_owned).to_vec()];
            for one in &answer.callables {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let entry = &one["entries"][0];
                rows.push(vec![
                    text(&one["name"]),
                    shortened(&text(&entry["peak"]), 60),
                    percent(entry["heldout_median_error"].as_f64()),
                    percent(entry["heldout_p95_error"].as_f64()),
                    entry["traces"].to_string(),
                    text(&one["verdict"]),
                ]);
            }
            let mut text = table(&rows);
            let workers = answer.workers;
            text.push_str(&format!("{} callables on {workers} workers\n", answer.callables.len()));
            written.iter().for_each(|one| text.push_str(&format!("{}: {}\n", one.library, one.path.display())));
            output.text(&text);
        }
        Format::Json => {
            let files: Vec<_> = written.iter().map(|one| json!({"library": one.library, "file": one.path})).collect();
            let document = json!({"schema": {"name": "meminterface.learn", "version": 1}, "callables": answer.callables,
                                  "files": files, "left_out": left_out.0});
            output.text(&format!("{document:#}\n"));
        }
    }
    Ok(if left_out.report(output) { Exit::CheckFailed } else { Exit::Done })
}

/// One contract file for each library, of those of its callables.
fn join(arguments: &LearnArguments, answer: &engine::Answer, output: &mut Output) -> Vec<Written> {
    let mut libraries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in &answer.files {
        let library = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match fs_err::read_to_string(file) {
            Ok(text) => libraries.entry(library).or_default().push(text),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                output.report(&Diagnostic::new(Kind::CannotRead, message).in_file(file).help("a worker wrote it"));
            }
        }
    }
    let mut written = Vec::new();
    for (library, texts) in libraries {
        let path = arguments.output.join(format!("{library}.toml"));
        let present = std::fs::read_to_string(&path).ok();
        let new_path = match &present {
            Some(_) => arguments.output.join(format!("{library}.toml.new")),
            None => path.clone(),
        };
        let text = write::joined(&library, &texts, present.as_deref());
        if let Err(problem) = write_file(&new_path, &text) {
            output.report(&problem);
            continue;
        }
        let complaints: Vec<Diagnostic> = check(&[&new_path]).into_iter().filter(Diagnostic::is_error).collect();
        if complaints.is_empty() {
            written.push(settle(arguments, &library, &path, &new_path, present.as_deref(), &text, output));
        }
        complaints.iter().for_each(|complaint| output.report(complaint));
    }
    written
}

/// The contracts of an earlier run, and those in force, on the same traces.
fn compared(
    arguments: &LearnArguments,
    groups: &BTreeMap<(String, String), Vec<&Trace>>,
    written: &[Written],
    contracts: &Contracts,
) -> BTreeMap<String, (Option<Comparison>, Comparison)> {
    let has_earlier = written.iter().any(|one| one.beside.is_some());
    let earlier = has_earlier.then(|| Contracts::with(std::slice::from_ref(&arguments.output)).ok()).flatten();
    groups
        .iter()
        .map(|((_, name), traces)| {
            let before = earlier.as_ref().map(|contracts| compare(name, traces, contracts));
            (name.clone(), (before, compare(name, traces, contracts)))
        })
        .collect()
}

fn percent(error: Option<f64>) -> String {
    error.map_or_else(|| "-".to_owned(), |error| format!("{:.2} %", 100.0 * error))
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn verdict(learned: &Learned) -> String {
    let mut words = Vec::new();
    match learned.entries.first() {
        None => return learned.problem.clone().unwrap_or_else(|| "nothing was learned".to_owned()),
        Some(_) if learned.is_good() => words.push("good".to_owned()),
        Some(_) => words.push("weak".to_owned()),
    }
    if write::is_declared(&learned.name) {
        words.push("a declared contract is in force".to_owned());
    }
    words.extend(learned.notes.iter().cloned());
    words.join("; ")
}

fn text(
    learned: &[Learned],
    earlier: &BTreeMap<String, (Option<Comparison>, Comparison)>,
    written: &[Written],
) -> String {
    let mut head = vec!["callable", "peak", "median", "p95", "p99 covers", "points", "verdict"];
    if !earlier.is_empty() {
        head.splice(6..6, ["earlier", "in force"]);
    }
    let mut rows: Vec<Vec<String>> = vec![head.into_iter().map(str::to_owned).collect()];
    for one in learned {
        let entries: Vec<Option<&crate::learning::callable::Entry>> =
            if one.entries.is_empty() { vec![None] } else { one.entries.iter().map(Some).collect() };
        for entry in entries {
            let quality = entry.map(|entry| entry.quality.clone()).unwrap_or_default();
            let name = match entry.filter(|entry| !entry.when.is_empty()) {
                Some(entry) => format!("  {}", shortened(&entry.when, 44)),
                None => one.name.clone(),
            };
            let mut row = vec![
                name,
                entry.map_or_else(String::new, |entry| shortened(&entry.peak.formula(), 60)),
                percent(quality.median),
                percent(quality.p95),
                quality.coverage.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
                entry.map_or(one.returned, |entry| entry.traces).to_string(),
                verdict(one),
            ];
            if !earlier.is_empty() {
                let found = earlier.get(&one.name);
                let before = found.and_then(|(before, _)| before.as_ref()).and_then(|before| before.median);
                let force = found.and_then(|(_, force)| force.median);
                row.splice(6..6, [percent(before), percent(force)]);
            }
            rows.push(row);
        }
    }
    let mut text = table(&rows);
    let good = learned.iter().filter(|one| one.is_good()).count();
    let with = learned.iter().filter(|one| !one.entries.is_empty()).count();
    let mut medians: Vec<f64> = learned.iter().filter_map(|one| one.entries.first()?.quality.median).collect();
    medians.sort_by(f64::total_cmp);
    let middle = crate::learning::quantile(&medians, 0.5);
    text.push_str(&format!(
        "{with} callables learned, {good} of them good (held back: median at most {:.0} %, 95th percentile at most {:.0} %); \
         median of their medians {}\n",
        100.0 * GOOD_MEDIAN,
        100.0 * GOOD_P95,
        percent(middle)
    ));
    for one in written {
        text.push_str(&format!("{}: {}", one.library, one.path.display()));
        if let Some(beside) = &one.beside {
            text.push_str(&format!(" beside {}; `--replace` renames it", beside.display()));
        }
        text.push('\n');
    }
    text
}

fn comparison_json(found: &Comparison) -> serde_json::Value {
    json!({"origin": found.origin.map(Origin::as_str), "traces": found.traces, "unanswered": found.unanswered,
           "median_error": found.median, "p95_error": found.p95, "above_mib": found.above_mib, "problem": found.problem})
}

fn as_json(
    learned: &[Learned],
    earlier: &BTreeMap<String, (Option<Comparison>, Comparison)>,
    written: &[Written],
    left_out: &LeftOut,
) -> String {
    let callables: Vec<serde_json::Value> = learned
        .iter()
        .map(|one| {
            let entries: Vec<serde_json::Value> = one
                .entries
                .iter()
                .map(|entry| {
                    let range: serde_json::Map<String, serde_json::Value> =
                        entry.range.iter().map(|(name, low, high)| (name.clone(), json!([low, high]))).collect();
                    json!({"when": entry.when, "peak": entry.peak.formula(), "terms": entry.peak.count(),
                           "demand": entry.demand.as_ref().map(crate::learning::fit::Model::formula),
                           "resident_peak": entry.resident.as_ref().map(crate::learning::fit::Model::formula),
                           "traces": entry.traces, "heldout": entry.quality.heldout,
                           "heldout_median_error": entry.quality.median, "heldout_p95_error": entry.quality.p95,
                           "heldout_p99_coverage": entry.quality.coverage, "above_mib": entry.quality.above_mib,
                           "weak": entry.quality.weak, "range": range})
                })
                .collect();
            let compared = earlier.get(&one.name);
            json!({"name": one.name, "library": one.library, "library_version": one.library_version,
                   "verdict": verdict(one), "returned": one.returned, "failed": one.failed,
                   "failed_edges": one.failed_edges, "notes": one.notes, "problem": one.problem, "entries": entries,
                   "earlier": compared.and_then(|(before, _)| before.as_ref()).map(comparison_json),
                   "in_force": compared.map(|(_, force)| comparison_json(force))})
        })
        .collect();
    let files: Vec<_> = written.iter().map(|one| json!({"library": one.library, "file": one.path})).collect();
    let document = json!({"schema": {"name": "meminterface.learn", "version": 1}, "callables": callables, "files": files,
                          "left_out": left_out.0});
    format!("{document:#}\n")
}

/// Largest median error that a contract in force may have on new traces before `--check` fails.
const MOST_MEDIAN: f64 = 0.10;
/// Largest 95th percentile of the error that a contract in force may have on new traces before `--check` fails.
const MOST_P95: f64 = 0.30;

fn check_in_force(
    arguments: &LearnArguments,
    groups: &BTreeMap<(String, String), Vec<&Trace>>,
    contracts: &Contracts,
    left_out: LeftOut,
    output: &mut Output,
) -> Exit {
    let mut rows: Vec<Vec<String>> =
        vec![["callable", "origin", "median", "p95", "calls", "verdict"].map(str::to_owned).to_vec()];
    let mut documents = Vec::new();
    let mut unfit = 0;
    let mut tried = 0;
    for ((_, name), traces) in groups {
        let found = compare(name, traces, contracts);
        let returned = traces.iter().filter(|trace| trace.outcome == Outcome::Returned).count();
        // What the contract itself calls weak is held to what it claims.
        let claimed = contracts.all(name).first().and_then(|contract| contract.provenance.clone());
        let allowance = |least: f64, claimed: Option<f64>| claimed.map_or(least, |claimed| least.max(1.5 * claimed));
        let most = allowance(MOST_MEDIAN, claimed.as_ref().and_then(|one| one.heldout_median_error));
        let most_p95 = allowance(MOST_P95, claimed.as_ref().and_then(|one| one.heldout_p95_error));
        let (fits, verdict) = match (&found.origin, found.median, found.p95) {
            (None, ..) => (true, "no contract".to_owned()),
            (_, Some(median), Some(p95)) if median <= most && p95 <= most_p95 => (true, "fits".to_owned()),
            (_, Some(_), Some(_)) => (false, "does not fit".to_owned()),
            _ if returned == 0 => (true, "no call returned".to_owned()),
            _ => (true, found.problem.clone().unwrap_or_else(|| "asks for more than the traces say".to_owned())),
        };
        unfit += usize::from(!fits);
        tried += usize::from(found.median.is_some());
        documents.push(json!({"name": name, "fits": fits, "verdict": verdict, "comparison": comparison_json(&found)}));
        rows.push(vec![
            name.clone(),
            found.origin.map_or_else(|| "-".to_owned(), |origin| origin.as_str().to_owned()),
            percent(found.median),
            percent(found.p95),
            found.traces.to_string(),
            verdict,
        ]);
    }
    match arguments.format {
        Format::Text => {
            output.text(&table(&rows));
            output.text(&format!("{tried} contracts tried, {unfit} do not fit\n"));
        }
        Format::Json => {
            let document = json!({"schema": {"name": "meminterface.learn.check", "version": 1}, "contracts": documents,
                                  "left_out": left_out.0});
            output.text(&format!("{document:#}\n"));
        }
    }
    if left_out.report(output) || unfit > 0 || tried == 0 { Exit::CheckFailed } else { Exit::Done }
}

// ---- logs --------------------------------------------------------------------------------------------------------------

fn from_logs(arguments: &LearnArguments, output: &mut Output) -> Exit {
    let mut read = logs::Logs::default();
    for file in &arguments.from_logs {
        logs::read(file, &mut read);
    }
    if let Some(events) = &arguments.events {
        logs::read_events(events, &mut read);
    }
    let calibration = match logs::calibrate(&read, arguments.formula.as_deref()) {
        Ok(found) => found,
        Err(problem) => {
            read.problems.iter().for_each(|problem| output.report(problem));
            output.report(&problem);
            return Exit::BadInput;
        }
    };
    match arguments.format {
        Format::Text => output.text(&calibration.text()),
        Format::Json => {
            output.text(&serde_json::to_string_pretty(&calibration).map_or_else(|_| String::new(), |text| text + "\n"));
        }
    }
    read.problems.iter().for_each(|problem| output.report(problem));
    if output.exit() != Exit::Done {
        output.exit()
    } else if read.problems.is_empty() {
        Exit::Done
    } else {
        Exit::CheckFailed
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_are_parts_of_names_or_have_stars() {
        assert!(fits("linalg", "numpy.linalg.inv"));
        assert!(fits("numpy.*.inv", "numpy.linalg.inv"));
        assert!(fits("numpy.*", "numpy.linalg.inv"));
        assert!(fits("*inv", "numpy.linalg.inv"));
        assert!(!fits("numpy.*.inv", "numpy.linalg.pinvert"));
        assert!(!fits("scipy.*", "numpy.linalg.inv"));
    }
}
