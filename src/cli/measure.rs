//! `meminterface measure`: runs a handler in a real process, under a real limit, and says what it needed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Exit, Output};
use crate::diagnostic::{Diagnostic, Kind, near_names};
use crate::measure::imports::{self, Imports};
use crate::measure::report::{Figures, Init, Invocation, MB};
use crate::measure::{self, LimitBy, Measurement, Outcome, Plan, Python, RuntimeClient, Target};
use crate::project::discover::{EnvValue, Handler, Settings, discover};
use crate::project::events::{self, Event, Form};

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The platform's own REPORT lines and a table by phase.
    Text,
    /// JSON with a schema.
    Json,
    /// A page with a picture; with `--imports`.
    Html,
}

/// Which runtime client runs the handler.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClientOption {
    /// `awslambdaric` if it is installed or can be, else the minimal one.
    Auto,
    /// `awslambdaric` from PyPI, kept in the cache if the environment does not have it.
    Awslambdaric,
    /// The one of this tool, which needs nothing.
    Minimal,
}

/// What holds the run to its limit.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LimitOption {
    /// A cgroup, else systemd, else nothing; the output says which.
    Auto,
    /// A memory cgroup of our own, or an error.
    Cgroup,
    /// A scope of the user's systemd, or an error.
    Systemd,
    /// Nothing.
    None,
}

/// What runs a handler, and on what; shared with `validate`.
#[derive(Args, Clone, Debug)]
pub struct RunArguments {
    /// A Python file, a template or a folder that holds the handler.
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,
    /// The handler, where there are several: `function`, `module.function`, `Class.method`, or a template's name for it.
    #[arg(long, value_name = "NAME")]
    pub(super) handler: Option<String>,
    /// A file with one JSON event, or with `{"tests": [{"name", "event", "context"}]}`.
    #[arg(long, value_name = "FILE")]
    event: Vec<PathBuf>,
    /// A file with events in any form, such as one a line.
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Only the test of this name.
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    /// What enforces the memory setting.
    #[arg(long, value_enum, value_name = "HOW", default_value_t = LimitOption::Auto)]
    limit_by: LimitOption,
    /// The interpreter.
    #[arg(long, value_name = "PY", default_value = "python3", conflicts_with = "venv")]
    pub(super) python: PathBuf,
    /// The virtual environment.
    #[arg(long, value_name = "DIR", conflicts_with = "requirements")]
    pub(super) venv: Option<PathBuf>,
    /// Requirements to install into an environment of this tool's own, in its cache.
    #[arg(long, value_name = "FILE")]
    pub(super) requirements: Option<PathBuf>,
    /// The runtime client that runs the handler.
    #[arg(long, value_enum, value_name = "CLIENT", default_value_t = ClientOption::Auto)]
    runtime_client: ClientOption,
    /// A file with variables of the function, a `NAME=value` a line.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// A variable of the function.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Variables of yours to pass on, such as credentials.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pass_env: Vec<String>,
    /// A folder with the content of a layer.
    #[arg(long, value_name = "DIR")]
    pub(super) layer: Vec<PathBuf>,
    /// Seconds that an invocation may take; the template's, else 60.
    #[arg(long, value_name = "S")]
    timeout: Option<f64>,
    /// Seconds that the initialisation may take.
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    init_timeout: f64,
    /// Size of `/tmp`; the template's, else 512.
    #[arg(long, value_name = "MB")]
    tmp: Option<u64>,
    /// Leave the page cache as it is.
    #[arg(long)]
    keep_page_cache: bool,
}

impl RunArguments {
    /// The path that was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Run a handler in a real process, under a real limit, and measure its memory.
///
/// The handler's code RUNS, with your rights. It runs in your interpreter, in a process of its own whose environment
/// holds nothing of yours but a stated list, and which is gone with all that it started when the command ends.
/// Exits with 1 unless the outcome is `ok`.
#[derive(Args, Debug)]
pub struct MeasureArguments {
    #[command(flatten)]
    run: RunArguments,
    /// The memory setting, in MB; the template's if not given. `0` measures without a limit.
    #[arg(long, value_name = "MB")]
    memory: Option<u64>,
    /// Do all of it this often, each time in a fresh process.
    #[arg(long, value_name = "N", default_value_t = 1)]
    runs: usize,
    /// Give each event this often again, to the warm process.
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm: usize,
    /// Give that many events at a time to one instance, events again where there are fewer.
    #[arg(long, value_name = "N", default_value_t = 1)]
    concurrency: usize,
    /// Give each event to a fresh process.
    #[arg(long)]
    isolate: bool,
    /// Measure what each imported module costs instead; needs no event.
    #[arg(long, conflicts_with_all = ["event", "events", "flamegraph"])]
    imports: bool,
    /// Draw a flame graph of allocations by memray, from one more run; memray must be in the environment.
    #[arg(long, value_name = "FILE")]
    flamegraph: Option<PathBuf>,
    /// Write a workload: the values of the memory-critical variables as they came, from one more run.
    #[arg(long, value_name = "FILE", conflicts_with = "imports")]
    record_mcvs: Option<PathBuf>,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write it. Standard output if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(arguments: &MeasureArguments, output: &mut Output) -> Exit {
    let (plan, diagnostics) = plan(arguments);
    for diagnostic in &diagnostics {
        output.report(diagnostic);
    }
    let Some((plan, handler)) = plan else { return Exit::BadInput };
    let interrupts = Interrupts::start();
    let result = if arguments.imports {
        measure::measure_imports(&plan, &Interrupts::came).map(|found| (write_imports(&found, arguments.format), true))
    } else {
        measure::measure(&plan, &Interrupts::came).map(|found| {
            let text = match arguments.format {
                Format::Json => json(&found),
                Format::Text | Format::Html => text(&found),
            };
            (text, found.outcome == Outcome::Ok)
        })
    };
    let (text, is_ok) = match result {
        Ok(result) => result,
        Err(diagnostic) => {
            output.report(&diagnostic);
            interrupts.finish(diagnostic.kind == Kind::Interrupted);
            return Exit::BadInput;
        }
    };
    if let Some(file) = &arguments.record_mcvs {
        let written = super::record::workload(&plan, &handler, &Interrupts::came)
            .and_then(|text| super::output::write_file(file, &text));
        if let Err(diagnostic) = written {
            output.report(&diagnostic);
            interrupts.finish(diagnostic.kind == Kind::Interrupted);
            return Exit::BadInput;
        }
    }
    match &arguments.output {
        Some(file) => {
            if let Err(diagnostic) = super::output::write_file(file, &text) {
                output.report(&diagnostic);
                return Exit::BadInput;
            }
        }
        None => output.text(&text),
    }
    if is_ok { output.exit() } else { Exit::CheckFailed }
}

/// Ctrl-C and its kin, remembered while a run goes on.
pub(super) struct Interrupts {
    #[cfg(target_os = "linux")]
    _endings: measure::Endings,
}

impl Interrupts {
    pub(super) fn start() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            _endings: measure::Endings::remember(),
        }
    }

    pub(super) fn came() -> bool {
        #[cfg(target_os = "linux")]
        {
            measure::Endings::asked().is_some()
        }
        #[cfg(not(target_os = "linux"))]
        {
            false
        }
    }

    /// Whether it came again.
    pub(super) fn came_again() -> bool {
        #[cfg(target_os = "linux")]
        {
            measure::Endings::asked_again()
        }
        #[cfg(not(target_os = "linux"))]
        {
            false
        }
    }

    /// Ends as the signal would have: a shell's loop must see it.
    pub(super) fn finish(self, interrupted: bool) {
        #[cfg(target_os = "linux")]
        if let (true, Some(signal)) = (interrupted, measure::Endings::asked()) {
            measure::Endings::die_of(signal);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = interrupted;
    }
}

fn usage(message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new(Kind::Usage, message).help(help)
}

/// What the words of the command line ask for.
fn plan(arguments: &MeasureArguments) -> (Option<(Plan, Handler)>, Vec<Diagnostic>) {
    let mut said = Vec::new();
    match try_plan(arguments, &mut said) {
        Ok(plan) => (Some(plan), said),
        Err(error) => {
            said.push(error);
            (None, said)
        }
    }
}

fn try_plan(arguments: &MeasureArguments, said: &mut Vec<Diagnostic>) -> Result<(Plan, Handler), Diagnostic> {
    if arguments.format == Format::Html && !arguments.imports {
        return Err(usage("only `--imports` has a page to show", "use `--format text` or `--format json`"));
    }
    if arguments.runs == 0 || arguments.concurrency == 0 {
        return Err(usage("`--runs` and `--concurrency` count from 1", "leave them out for one"));
    }
    let (mut plan, handler) = plan_of(&arguments.run, arguments.imports, said)?;
    plan.memory_mb = match arguments.memory {
        Some(0) => None,
        Some(mb) => Some(mb),
        None => handler.settings.memory_mb.as_ref().map(|memory| memory.value),
    };
    plan.runs = arguments.runs;
    plan.warm = arguments.warm;
    plan.concurrency = arguments.concurrency;
    plan.isolate = arguments.isolate;
    plan.flamegraph = arguments.flamegraph.clone();
    Ok((plan, handler))
}

/// A plan of one run without a limit, and the handler that it runs. `said` gets what is no error.
pub(super) fn plan_of(
    arguments: &RunArguments,
    without_events: bool,
    said: &mut Vec<Diagnostic>,
) -> Result<(Plan, Handler), Diagnostic> {
    let handler = handler(arguments, said)?;
    if handler.inline.is_some() {
        return Err(usage("the handler's code stands in its template", "put it into a file to measure it"));
    }
    let mut all = Vec::new();
    if !without_events {
        for file in &arguments.event {
            all.extend(events::read(file, Form::Document)?);
        }
        for file in &arguments.events {
            all.extend(events::read(file, Form::Any)?);
        }
        if all.is_empty() {
            return Err(usage("no event was given", "name a file with `--event E.json` or `--events F.jsonl`"));
        }
        select(&mut all, &arguments.test)?;
    }
    let caller: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let python = match (&arguments.venv, &arguments.requirements) {
        (Some(venv), _) => Python::Environment(venv.clone()),
        (None, Some(file)) => Python::Requirements(file.clone(), arguments.python.clone()),
        (None, None) => Python::Program(arguments.python.clone()),
    };
    let settings = &handler.settings;
    let target = Target {
        file: handler.file.clone(),
        entry: handler.entry.clone(),
        code_root: handler.code_root.clone(),
        platform: handler.platform,
        name: name(&handler, &all),
    };
    let mut plan = Plan::new(target, python, all, cache_folder(&caller));
    plan.limit_by = match arguments.limit_by {
        LimitOption::Auto => LimitBy::Auto,
        LimitOption::Cgroup => LimitBy::Cgroup,
        LimitOption::Systemd => LimitBy::Systemd,
        LimitOption::None => LimitBy::Nothing,
    };
    plan.client = match arguments.runtime_client {
        ClientOption::Auto => RuntimeClient::Auto,
        ClientOption::Awslambdaric => RuntimeClient::Real,
        ClientOption::Minimal => RuntimeClient::Minimal,
    };
    plan.timeout = match arguments.timeout {
        Some(seconds) => seconds_of(seconds, "--timeout")?,
        None => Duration::from_secs(settings.timeout_s.as_ref().map_or(60, |timeout| timeout.value.max(1))),
    };
    plan.init_timeout = seconds_of(arguments.init_timeout, "--init-timeout")?;
    plan.tmp_mb = arguments.tmp.or(settings.ephemeral_storage_mb.as_ref().map(|size| size.value)).unwrap_or(512);
    plan.variables = variables(arguments, settings, without_events, said)?;
    plan.passed = arguments.pass_env.clone();
    plan.layers = arguments.layer.clone();
    plan.evict = !arguments.keep_page_cache;
    plan.caller = caller;
    // A folder that `sam build` still has to turn into a layer is none yet.
    let is_layer = |folder: &Path| ["python", "bin", "lib", "extensions"].iter().any(|one| folder.join(one).is_dir());
    for layer in settings.layers.iter().filter(|_| arguments.layer.is_empty()) {
        let folder = settings.layer_folders.get(layer);
        if let Some(folder) = folder.filter(|folder| is_layer(folder)) {
            plan.layers.push(folder.clone());
            continue;
        }
        let help = match folder {
            Some(folder) => {
                format!(
                    "{} has no `python` folder: `sam build`, and name what it makes with `--layer DIR`",
                    folder.display()
                )
            }
            None => "unpack it and name its folder with `--layer DIR`".to_owned(),
        };
        said.push(
            Diagnostic::new(Kind::MissingLayer, format!("the layer `{layer}` of the template is not measured"))
                .help(help),
        );
    }
    Ok((plan, handler))
}

/// The one handler that is meant.
fn handler(arguments: &RunArguments, said: &mut Vec<Diagnostic>) -> Result<Handler, Diagnostic> {
    let (mut handlers, diagnostics) = discover(std::slice::from_ref(&arguments.path), arguments.handler.as_deref());
    let (errors, others): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(Diagnostic::is_error);
    said.extend(others);
    match handlers.len() {
        1 => {
            said.extend(errors);
            Ok(handlers.remove(0))
        }
        0 => {
            let mut errors = errors.into_iter();
            let first = errors.next();
            said.extend(errors);
            Err(first.unwrap_or_else(|| {
                Diagnostic::new(Kind::NoHandler, "holds no handler")
                    .in_file(&arguments.path)
                    .help("name it with `--handler module.function`")
            }))
        }
        _ => {
            let names: Vec<String> = handlers.iter().map(Handler::name).collect();
            Err(usage(
                format!("{} handlers are there: {}", names.len(), names.join(", ")),
                "name one with `--handler NAME`",
            ))
        }
    }
}

/// The function's name: the template's, or what the first event's context says, or the handler's.
fn name(handler: &Handler, events: &[Event]) -> String {
    use crate::project::discover::Origin;
    if let Origin::Template { logical_id, .. } = &handler.origin {
        return logical_id.clone();
    }
    let context = events.iter().find_map(|event| event.context.as_ref()?.get("function_name")?.as_str());
    context.map_or_else(|| handler.function.replace('.', "-"), str::to_owned)
}

/// Keeps the tests of these names, in their order.
fn select(all: &mut Vec<Event>, wanted: &[String]) -> Result<(), Diagnostic> {
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = all.iter().filter_map(|event| event.name.clone()).collect();
    for name in wanted {
        if !names.contains(name) {
            let near = near_names(name, names.iter().map(String::as_str));
            let near = if near.is_empty() { names.iter().take(5).map(String::as_str).collect() } else { near };
            return Err(usage(format!("no test is named `{name}`"), &format!("there are: {}", near.join(", "))));
        }
    }
    all.retain(|event| event.name.as_ref().is_some_and(|name| wanted.contains(name)));
    Ok(())
}

fn seconds_of(seconds: f64, option: &str) -> Result<Duration, Diagnostic> {
    let wrong = || usage(format!("`{option}` is a number of seconds, more than 0"), "900 is the most that AWS allows");
    let most = 86_400.0;
    if seconds > 0.0 && seconds <= most {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

/// Variables of the function: the template's, the file's, those of the command line; the later wins.
fn variables(
    arguments: &RunArguments,
    settings: &Settings,
    without_events: bool,
    said: &mut Vec<Diagnostic>,
) -> Result<Vec<(String, String)>, Diagnostic> {
    let mut all = Vec::new();
    let mut unresolved = Vec::new();
    for (name, value) in &settings.environment {
        match value {
            EnvValue::Literal(text) => all.push((name.clone(), text.clone())),
            EnvValue::Unresolved(_) => unresolved.push(name.clone()),
        }
    }
    if let Some(file) = &arguments.env_file {
        let text = fs_err::read_to_string(file)
            .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(file))?;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            all.push(variable(line).map_err(|error| {
                let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
                error.in_file(file).at(crate::diagnostic::Span::point(line, 1))
            })?);
        }
    }
    for word in &arguments.env {
        all.push(variable(word)?);
    }
    unresolved.retain(|name| !all.iter().any(|(set, _)| set == name) && !arguments.pass_env.contains(name));
    if !unresolved.is_empty() && !without_events {
        said.push(
            Diagnostic::new(
                Kind::UnsetVariable,
                format!("only a deployment decides the variables {}: they are not set", unresolved.join(", ")),
            )
            .help("set them with `--env NAME=VALUE` or `--env-file FILE`"),
        );
    }
    Ok(all)
}

fn variable(text: &str) -> Result<(String, String), Diagnostic> {
    let (name, value) = text.split_once('=').unwrap_or(("", ""));
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.contains('\0');
    if !is_name {
        return Err(usage(format!("`{text}` is no variable"), "write NAME=value"));
    }
    let value = value.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Ok((name.to_owned(), quoted.unwrap_or(value).to_owned()))
}

/// Where environments and runs are kept: the user's cache.
fn cache_folder(caller: &BTreeMap<OsString, OsString>) -> PathBuf {
    let get = |name: &str| caller.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
    get("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| get("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("meminterface")
}

// Writing.

/// The JSON Schema of `measure --format json`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Measurement).to_value()
}

/// The JSON Schema of `measure --imports --format json`.
pub fn imports_schema() -> serde_json::Value {
    schemars::schema_for!(Imports).to_value()
}

fn json(found: &Measurement) -> String {
    serde_json::to_string_pretty(found).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |text| text + "\n")
}

fn mb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MB as f64)
}

/// The largest of two, rounded up to whole MB as the platform does.
fn whole_mb(bytes: u64) -> u64 {
    bytes.div_ceil(MB)
}

/// The platform's own line, with true numbers.
fn report_line(found: &Measurement, one: &Invocation, init_ms: Option<f64>) -> String {
    let duration = one.figures.wall_ms;
    // Since August 2025 the initialisation is billed as well.
    let billed = (duration + init_ms.unwrap_or(0.0)).ceil();
    let size = found.limit.memory_mb.map_or_else(|| "none".to_owned(), |mb| format!("{mb} MB"));
    let used = match found.max_memory_used_estimate_mb {
        Some(mb) => format!("{mb} MB (estimate)"),
        None => format!("{} MB (resident)", whole_mb(one.figures.peak_resident_bytes)),
    };
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {duration:.2} ms\tBilled Duration: {billed:.0} ms\tMemory Size: {size}\tMax \
         Memory Used: {used}",
        one.request_id
    );
    if let Some(init) = init_ms {
        line.push_str(&format!("\tInit Duration: {init:.2} ms"));
    }
    line.push('\n');
    line
}

/// The platform's line of a start that failed.
fn init_report_line(found: &Measurement, init: &Init) -> String {
    let outcome = init.outcome.unwrap_or(Outcome::Ok);
    let status = if outcome == Outcome::Timeout { "timeout" } else { "error" };
    let kind = init.error.as_ref().map_or("", |fault| fault.kind.as_str());
    let used = whole_mb(found.peak.peak_resident_bytes);
    format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: init\tStatus: {status}\tError Type: {kind}\tMax Memory Used: {used} \
         MB (resident)\n",
        init.figures.wall_ms
    )
}

fn text(found: &Measurement) -> String {
    let mut text = String::new();
    for (number, init) in found.starts().enumerate() {
        if init.outcome != Some(Outcome::Ok) {
            text.push_str(&init_report_line(found, init));
        }
        for (n, one) in found.invocations.iter().filter(|one| one.start == number).enumerate() {
            // The first of its process waits for the start, and is billed for it.
            text.push_str(&report_line(found, one, (n == 0).then_some(init.figures.wall_ms)));
        }
    }
    text.push('\n');
    let mut rows = vec![
        ["phase", "wall ms", "CPU ms", "anonymous", "resident", "charged", "end resident", "outcome"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let row = |name: String, figures: &Figures, outcome: &str| {
        vec![
            name,
            format!("{:.1}", figures.wall_ms),
            format!("{:.1}", figures.cpu_ms),
            mb(figures.peak_anonymous_bytes),
            mb(figures.peak_resident_bytes),
            figures.peak_charged_bytes.map_or_else(|| "-".to_owned(), mb),
            mb(figures.end_resident_bytes),
            outcome.to_owned(),
        ]
    };
    let many = found.restarts.iter().any(|init| init.run > 1);
    let of_run = |run: usize| if many { format!(" (run {run})") } else { String::new() };
    for (number, init) in found.starts().enumerate() {
        for phase in &init.phases {
            let is_last = phase.name == "import";
            let outcome = init.outcome.filter(|_| is_last).map_or("", Outcome::word);
            rows.push(row(format!("{}{}", phase.name.replace('-', " "), of_run(init.run)), &phase.figures, outcome));
        }
        for one in found.invocations.iter().filter(|one| one.start == number) {
            let name = one.name.clone().unwrap_or_else(|| format!("event {}", one.event));
            let state = if one.cold { "" } else { ", warm" };
            let others = if one.concurrent > 1 { format!(" ({} at a time)", one.concurrent) } else { String::new() };
            rows.push(row(format!("{name}{state}{others}{}", of_run(one.run)), &one.figures, one.outcome.word()));
        }
    }
    text.push_str(&table(&rows));
    text.push_str("(memory in MB: peaks of the phase, then what was resident when it was over)\n\n");
    let peak = &found.peak;
    text.push_str(&format!(
        "peak      {} MB anonymous, {} MB resident, {}\n",
        mb(peak.peak_anonymous_bytes),
        mb(peak.peak_resident_bytes),
        peak.peak_charged_bytes
            .map_or_else(|| "charged unknown".to_owned(), |bytes| format!("{} MB charged", mb(bytes)))
    ));
    text.push_str(&format!("limit     {}\n", found.limit.meaning));
    let client = &found.client;
    let version = client.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    text.push_str(&format!(
        "client    {}{version} ({}), Python {}\n",
        client.name, client.reason, found.python.version
    ));
    text.push_str(&format!("/tmp      {}\n", found.tmp.meaning));
    let cache = &found.page_cache;
    let stayed = match cache.still_cached_bytes {
        0 => String::new(),
        bytes => format!(", {} MB stayed cached", mb(bytes)),
    };
    text.push_str(&format!("cache     {}: {} files looked at{stayed}\n", cache.state, cache.files));
    for note in &found.notes {
        text.push_str(&format!("note      {note}\n"));
    }
    text.push_str(&format!("outcome   {}\n", found.outcome.word()));
    if found.outcome != Outcome::Ok {
        text.push_str(&format!("          {}\n", found.message));
        // The runtime client of AWS ends its lines with carriage returns, so that a log entry is one line there.
        let lines: Vec<&str> = found.log.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
        if !lines.is_empty() {
            text.push_str("\nthe end of its log:\n");
        }
        for line in lines.iter().skip(lines.len().saturating_sub(15)) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// Columns that stand under each other: the first and the last to the left, numbers to the right.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            let is_text = column == 0 || column + 1 == columns;
            let gap = if column == 0 { "" } else { "  " };
            if is_text {
                line.push_str(&format!("{gap}{cell:<width$}"));
            } else {
                line.push_str(&format!("{gap}{cell:>width$}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn write_imports(found: &Imports, format: Format) -> String {
    match format {
        Format::Html => imports::html(found),
        Format::Json => serde_json::to_string_pretty(found).map_or_else(|_| String::new(), |text| text + "\n"),
        Format::Text => imports_text(found),
    }
}

/// Modules below this in both memory and time are summed up in a line.
const SMALL_BYTES: i64 = 256 * 1024;
const SMALL_MS: f64 = 3.0;

fn imports_text(found: &Imports) -> String {
    let signed = |bytes: i64| format!("{:.2}", bytes as f64 / MB as f64);
    let mut rows = vec![
        ["module", "own MB", "cumulative MB", "marginal MB", "resident MB", "own ms", "cumulative ms", "file"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut hidden = 0;
    for module in &found.modules {
        let is_small = module.cumulative_anonymous_bytes.abs() < SMALL_BYTES
            && module.cumulative_resident_bytes.abs() < 2 * SMALL_BYTES
            && module.cumulative_ms < SMALL_MS;
        if is_small && module.depth > 0 {
            hidden += 1;
            continue;
        }
        rows.push(vec![
            format!(
                "{}{}{}",
                "  ".repeat(module.depth.min(40)),
                module.name,
                if module.failed { " (raised)" } else { "" }
            ),
            signed(module.own_anonymous_bytes),
            signed(module.cumulative_anonymous_bytes),
            signed(module.marginal_anonymous_bytes),
            signed(module.cumulative_resident_bytes),
            format!("{:.1}", module.own_ms),
            format!("{:.1}", module.cumulative_ms),
            module
                .file
                .as_deref()
                .and_then(|file| Path::new(file).file_name())
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        ]);
    }
    let mut text = table(&rows);
    if hidden > 0 {
        text.push_str(&format!("and {hidden} modules below 0.25 MB and 3 ms each\n"));
    }
    text.push_str(&format!(
        "\nown: its own code; cumulative: with what it brought, in this order; marginal: what would go if it went; all \
         anonymous memory\nbut `resident` (cumulative). Before the first import: {} MB anonymous, {} MB resident. Page \
         cache: {}.\n",
        signed(found.start_anonymous_bytes),
        signed(found.start_resident_bytes),
        found.page_cache
    ));
    text
}
