//! `meminterface debloat`: a trimmed copy of an application whose handler behaves the same, and the proof.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::measure::{Interrupts, RunArguments, plan_of, table};
use super::{Exit, Output};
use crate::debloat::report::{Figures, Report, Spread};
use crate::debloat::tree::Temporary;
use crate::debloat::{self, Manifest, Options, archive, image, restore};
use crate::diagnostic::{Diagnostic, Kind};
use crate::project::discover::image as dockerfile;
use crate::project::discover::resolve::module_file;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// Files that no run can load.
    Files,
    /// Names of modules: imports, definitions, assignments.
    Attributes,
    /// Bodies of functions that never ran.
    Functions,
}

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// What report.json holds.
    Json,
}

/// Make a trimmed copy of an application whose handler behaves the same, and measure what that gains.
///
/// The handler's code RUNS, with your rights, in a copy: nothing of yours is changed. All events are given to the
/// original several times, then to candidates; what no event touches is loaded on first use instead of at the start.
#[derive(Args, Debug)]
pub struct DebloatArguments {
    #[command(flatten)]
    run: RunArguments,
    /// Where the package goes: a folder, or a zip file if it ends in `.zip`; must not exist. `CODE-debloated` if not given.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// What to take out; all if not given.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    strategy: Vec<Strategy>,
    /// Change only the K modules whose import costs most.
    #[arg(long, value_name = "K")]
    top: Option<usize>,
    /// How many candidates to try at a time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// How long it may take: `90s`, `10m`, `1h`.
    #[arg(long, value_name = "TIME")]
    budget: Option<String>,
    /// A module, or a name of one, that stays; `*` and `?` stand for anything.
    #[arg(long, value_name = "PATTERN")]
    keep: Vec<String>,
    /// A rule of files that is not applied: caches, packaging-tools, tests, stubs, docs, headers, metadata,
    /// other-platforms, in-image.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    keep_files: Vec<String>,
    /// A Python file that every process runs before the handler's module is imported: it puts recordings in the place of
    /// the network. It is no part of the package.
    #[arg(long, value_name = "FILE.py")]
    stubs: Option<PathBuf>,
    /// Use what an earlier run of the same application and events found out.
    #[arg(long)]
    resume: bool,
    /// Leave the loading on demand out: what is needed after all raises an error that says how to keep it.
    #[arg(long)]
    strict: bool,
    /// How many runs of each package the figures rest on; 0 measures nothing.
    #[arg(long, value_name = "N", default_value_t = 10)]
    runs: usize,
    /// Put a module of a trimmed package back as it was; PATH is the package.
    #[arg(long, value_name = "MODULE", conflicts_with = "undo")]
    restore: Vec<String>,
    /// Put all of a trimmed package back; PATH is the package.
    #[arg(long)]
    undo: bool,
    /// Write each step on a line of standard error, in a pipe too.
    #[arg(short, long)]
    verbose: bool,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The JSON Schema of `report.json`.
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

/// The JSON Schema of `manifest.json`.
pub fn manifest_schema() -> serde_json::Value {
    schemars::schema_for!(Manifest).to_value()
}

/// Runs the verb.
pub fn run(arguments: &DebloatArguments, output: &mut Output) -> Exit {
    if arguments.undo || !arguments.restore.is_empty() {
        return back(arguments, output);
    }
    let interrupts = Interrupts::start();
    match make(arguments, output) {
        Ok((report, out)) => {
            let text = match arguments.format {
                Format::Json => {
                    serde_json::to_string_pretty(&report).map_or_else(|_| String::new(), |text| text + "\n")
                }
                Format::Text => text(&report, &out),
            };
            output.text(&text);
            interrupts.finish(Interrupts::came());
            output.exit()
        }
        Err(problem) => {
            output.report(&problem);
            interrupts.finish(problem.kind == Kind::Interrupted);
            Exit::BadInput
        }
    }
}

fn back(arguments: &DebloatArguments, output: &mut Output) -> Exit {
    let package = arguments.run.path();
    if arguments.undo {
        match restore::undo(package) {
            Ok(undone) => {
                output.text(&format!("{} modules and {} files are as they were\n", undone.modules, undone.files));
                if let Some(first) = undone.missing.first() {
                    let text = format!(
                        "{} files are not where they came from any more, such as {first}",
                        undone.missing.len()
                    );
                    output.report(
                        &Diagnostic::new(Kind::CannotRestore, text).help("copy them from the original packages"),
                    );
                }
            }
            Err(problem) => output.report(&problem),
        }
    } else {
        match restore::restore(package, &arguments.restore) {
            Ok(done) => output.text(&format!("as before: {}\n", done.join(", "))),
            Err(problem) => output.report(&problem),
        }
    }
    output.exit()
}

fn usage(message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new(Kind::Usage, message).help(help)
}

/// `90s`, `10m`, `1h`, or seconds.
fn duration(text: &str) -> Option<Duration> {
    let (number, scale) = match text.trim() {
        text if text.ends_with('h') => (text.strip_suffix('h')?, 3600.0),
        text if text.ends_with('m') => (text.strip_suffix('m')?, 60.0),
        text => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds: f64 = number.trim().parse().ok()?;
    let seconds = seconds * scale;
    (seconds > 0.0 && seconds < 1e7).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

/// What PATH stands for.
struct Opened {
    /// The words of the command line, with PATH as the folder or file that it leads to.
    run: RunArguments,
    /// PATH, where it is something that was opened.
    named: Option<PathBuf>,
    /// Whether it holds the packages too, so that those of the interpreter are none of its.
    is_whole: bool,
    is_dockerfile: bool,
    image: Option<image::Image>,
    python: Option<(u8, u8)>,
    notes: Vec<String>,
    /// Where it was unpacked; goes with it.
    _folder: Option<Temporary>,
}

/// Opens packages as they are deployed: zip files and container images are unpacked beside the result, the project of a
/// Dockerfile is read.
fn open(arguments: &DebloatArguments) -> Result<Opened, Diagnostic> {
    let mut opened = Opened {
        run: arguments.run.clone(),
        named: None,
        is_whole: false,
        is_dockerfile: false,
        image: None,
        python: None,
        notes: Vec::new(),
        _folder: None,
    };
    let path = arguments.run.path.clone();
    let beside = || {
        let near = arguments.output.clone().unwrap_or_else(|| path.clone());
        let near = std::path::absolute(&near).unwrap_or(near);
        Temporary::beside(&near.with_extension("unpacked"))
    };
    let is_zip = path.extension().is_some_and(|one| one.eq_ignore_ascii_case("zip")) && path.is_file();
    if is_zip {
        let folder = beside()?;
        archive::unpack(&path, folder.path())?;
        opened.run.path = folder.path().to_path_buf();
        opened.named = Some(path);
        opened.is_whole = true;
        opened._folder = Some(folder);
    } else if image::is_image(&path) {
        let folder = beside()?;
        let found = image::open(&path, folder.path())?;
        opened.run.path = found.code.clone();
        opened.run.handler = opened.run.handler.or_else(|| found.handler.clone());
        opened.named = Some(path);
        opened.is_whole = true;
        opened.python = found.python;
        opened.notes.extend(found.notes.iter().cloned());
        opened.image = Some(found);
        opened._folder = Some(folder);
    } else {
        docker_project(&path, &mut opened);
    }
    Ok(opened)
}

/// The handler and the requirements of a Dockerfile, where nothing else names them.
fn docker_project(path: &Path, opened: &mut Opened) {
    let is_file = |path: &Path| {
        path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Dockerfile"))
    };
    let has_template = ["template.yaml", "template.yml", "serverless.yml"].iter().any(|name| path.join(name).exists());
    let file = match path {
        path if is_file(path) => path.to_path_buf(),
        path if is_file(&path.join("Dockerfile")) && !has_template => path.join("Dockerfile"),
        _ => return,
    };
    let context = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_path_buf();
    let Some(found) = dockerfile::read(&file, &context, None) else { return };
    let handler = opened.run.handler.clone().or(found.handler);
    let Some((module, handler)) = handler.and_then(|all| Some((all.rsplit_once('.')?.0.replace('/', "."), all))) else {
        return;
    };
    let Some(folder) = found.folders.iter().find(|folder| module_file(folder, &module).is_some()) else { return };
    opened.run.path = folder.clone();
    opened.run.handler = Some(handler);
    opened.is_dockerfile = true;
    // The packages of whatever `python3` is here are none of the image's.
    opened.is_whole = opened.run.python == Path::new("python3");
    opened.python = found.runtime;
    if opened.run.venv.is_none() && opened.run.requirements.is_none() && opened.run.layer.is_empty() {
        opened.run.requirements = found.requirements.first().cloned();
        for more in found.requirements.iter().skip(1) {
            opened.notes.push(format!("{} of the Dockerfile is not installed: only the first file is", more.display()));
        }
    }
}

fn make(arguments: &DebloatArguments, output: &mut Output) -> Result<(Report, PathBuf), Diagnostic> {
    let mut said = Vec::new();
    let opened = open(arguments)?;
    let given = &opened.run;
    let planned = plan_of(given, false, &mut said);
    for problem in &said {
        output.report(problem);
    }
    let (mut plan, _) = planned?;
    let out = match &arguments.output {
        Some(out) => out.clone(),
        None => {
            let code = match &opened.named {
                Some(path) if path.is_file() => path.with_extension("").with_extension(""),
                Some(path) => path.clone(),
                None => plan.target.code_root.clone(),
            };
            let code = code.canonicalize().unwrap_or(code);
            let name =
                code.file_name().map_or_else(|| "package".to_owned(), |name| name.to_string_lossy().into_owned());
            PathBuf::from(format!("{name}-debloated"))
        }
    };
    let mut options = Options::new(out.clone());
    if !arguments.strategy.is_empty() {
        options.files = arguments.strategy.contains(&Strategy::Files);
        options.attributes = arguments.strategy.contains(&Strategy::Attributes);
        options.functions = arguments.strategy.contains(&Strategy::Functions);
    }
    if arguments.jobs == 0 || arguments.top == Some(0) {
        return Err(usage("`--jobs` and `--top` count from 1", "leave them out for the defaults"));
    }
    options.top = arguments.top;
    options.jobs = arguments.jobs;
    options.budget = match &arguments.budget {
        None => None,
        Some(text) => {
            let help = "write seconds, minutes or hours: `90s`, `10m`, `1h`";
            Some(duration(text).ok_or_else(|| usage(format!("`--budget {text}` is no time"), help))?)
        }
    };
    options.keep = arguments.keep.clone();
    options.keep_files = arguments.keep_files.clone();
    options.strict = arguments.strict;
    options.resume = arguments.resume;
    options.runs = arguments.runs;
    options.stubs = arguments.stubs.clone();
    options.interpreter_packages = !opened.is_whole || given.venv.is_some() || given.requirements.is_some();
    options.notes = opened.notes.clone();
    options.python = opened.python;
    if let Some(image) = &opened.image {
        options.packages = image.packages.clone();
        options.behind = true;
        let own = std::mem::take(&mut plan.variables);
        plan.variables = image.variables.iter().map(|(name, value)| (name.clone(), value.clone())).chain(own).collect();
        let name = image.name.as_deref().unwrap_or("YOUR-IMAGE");
        let (shown, task) = (out.display(), image.task.trim_end_matches('/'));
        options.notes.push(format!(
            "in a Dockerfile: `FROM {name}` and `COPY {shown}/ {task}/`; the package's own modules come before those of the image"
        ));
    } else if opened.is_dockerfile {
        options.notes.push(format!(
            "in the Dockerfile, in place of `RUN pip install` and of copying the code: `COPY {}/ ${{LAMBDA_TASK_ROOT}}/`",
            out.display()
        ));
    }
    let bar = output.spinner();
    let shown = bar.clone();
    let say = |text: &str| {
        if arguments.verbose {
            output.note(&format!("{text}\n"));
        }
        shown.set_message(text.to_owned());
    };
    let report = debloat::debloat(&plan, &options, &say, &Interrupts::came, &Interrupts::came_again);
    bar.finish_and_clear();
    drop(opened);
    Ok((report?, out))
}

fn text(report: &Report, out: &std::path::Path) -> String {
    let mut text = String::new();
    if let (Some(before), Some(after)) = (&report.before, &report.after) {
        let mut rows = vec![["", "before", "after", "change", "low–high after", ""].map(str::to_owned).to_vec()];
        let mut row = |name: &str, of: &dyn Fn(&Figures) -> Spread, figure: &str, digits: usize, scale: f64| {
            let (a, b) = (of(before), of(after));
            let change =
                if a.median > 0.0 { format!("{:+.1} %", 100.0 * (b.median / a.median - 1.0)) } else { "-".to_owned() };
            let found = report.significance.iter().find(|one| one.figure == figure);
            let chance = found.map_or_else(String::new, |one| match one.verdict.as_str() {
                "no difference" => format!("not more than chance (p = {:.2})", one.p),
                "too few runs to tell" => one.verdict.clone(),
                _ => format!("p = {:.4}", one.p),
            });
            rows.push(vec![
                name.to_owned(),
                format!("{:.digits$}", a.median * scale),
                format!("{:.digits$}", b.median * scale),
                change,
                format!("{:.digits$}–{:.digits$}", b.low * scale, b.high * scale),
                chance,
            ]);
        };
        row("initialisation ms", &|one| one.init_ms, "init_ms", 1, 1.0);
        row("  its CPU time ms", &|one| one.init_cpu_ms, "init_cpu_ms", 1, 1.0);
        row("  of it the import ms", &|one| one.import_ms, "import_ms", 1, 1.0);
        row("memory after import MB", &|one| one.footprint_mb, "footprint_mb", 1, 1.0);
        row("peak MB", &|one| one.peak_mb, "peak_mb", 1, 1.0);
        row("package MB", &|one| one.package_bytes, "", 2, 1.0 / 1_048_576.0);
        row("USD a million cold", &|one| one.cost_per_million_cold_usd, "cost_per_million_cold_usd", 2, 1.0);
        text.push_str(&table(&rows));
        text.push('\n');
    }
    let names: usize = report
        .modules
        .iter()
        .filter(|one| one.loaded)
        .map(|one| one.attributes_before - one.attributes_after.min(one.attributes_before))
        .sum();
    let bodies: usize = report.modules.iter().map(|one| one.bodies).sum();
    text.push_str(&format!(
        "modules    {} of the package's are loaded, {} before; {names} names and {bodies} bodies are loaded on demand\n",
        report.modules_loaded_after, report.modules_loaded_before
    ));
    for rule in &report.rules {
        text.push_str(&format!(
            "files      {}: {} left out, {:.2} MB\n",
            rule.name,
            rule.files,
            rule.bytes as f64 / 1_048_576.0
        ));
    }
    text.push_str(&format!(
        "events     {} give the original's answers, {} of them withheld from the search\n",
        report.events.len(),
        report.withheld.len()
    ));
    text.push_str(&format!("runs       {} in {:.1} s", report.oracle_runs, report.seconds));
    text.push_str(&format!(", and {} of each to measure in {:.1} s\n", report.runs, report.measuring_seconds));
    if let Some(load) = &report.on_demand {
        text.push_str(&format!(
            "on demand  a load takes {:.1} ms ({:.1}–{:.1}) and {:.2} MB ({} measured)\n",
            load.ms.median,
            load.ms.low,
            load.ms.high,
            load.bytes.median / 1_048_576.0,
            load.loads
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note       {note}\n"));
    }
    text.push_str(&format!("result     {}\n", report.verdict));
    text.push_str(&format!("package    {}\n", out.display()));
    text
}
