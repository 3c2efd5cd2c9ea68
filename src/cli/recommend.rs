//! `meminterface recommend`: the memory setting to deploy with, its cost, and why.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::footprint::{Inputs, footprint, workload};
use super::{Exit, Output};
use crate::diagnostic::{Diagnostic, Kind, Schema};
use crate::footprint::platform_of;
use crate::project::discover::{Handler, discover};
use crate::project::events::{self, Form};
use crate::recommend::{
    Driver, Need, Platform, Recommendation, Sample, Strategy, Times, Unbounded, Usage, Wishes, html, platform,
    platform_names, recommend, table, text,
};

/// How recommendations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// JSON with a schema.
    Json,
}

/// What decides among settings that are large enough.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StrategyOption {
    /// The least money.
    Cost,
    /// The least time.
    Speed,
    /// Both alike.
    Balanced,
}

/// What to do about what nothing bounds.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AssumeOption {
    /// It needs the largest setting.
    Worst,
    /// It needs the least that is known.
    Ignore,
}

/// Recommend a memory setting, with its cost and the reasons.
///
/// Without `--measured` nothing is run: the footprint is the baseline of the handler's imports and what its events or
/// bounds need above it. A number is given only where inputs or bounds are known.
#[derive(Args, Debug)]
pub struct RecommendArguments {
    /// A Python file, a template or a folder.
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,
    /// The handler, where there are several: `function`, `module.function` or `Class.method`.
    #[arg(long, value_name = "NAME")]
    pub(super) handler: Option<String>,
    /// A file with one JSON event, or with `{"tests": [{"name", "event"}]}`: what is predicted for it decides.
    #[arg(long, value_name = "FILE")]
    event: Vec<PathBuf>,
    /// A file with events in any form, such as one a line.
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,
    /// The value of something that is not known, by its name; may be given several times.
    #[arg(long = "mcv", value_name = "NAME=VALUE")]
    mcvs: Vec<String>,
    /// What is known of inputs and of what is not known: fixed, listed or drawn values (docs/WORKLOAD.md). Its draws change
    /// the events, if there are any.
    #[arg(long, value_name = "FILE")]
    workload: Option<PathBuf>,
    /// Write a workload to fill in: everything that the handler's memory depends on and that is not known.
    #[arg(long, value_name = "FILE")]
    write_workload: Option<PathBuf>,
    /// What `meminterface measure --format json` wrote: its figures take the place of estimates. With events too, its
    /// baseline and times do, and the events are predicted.
    #[arg(long, value_name = "FILE")]
    measured: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) wishes: WishArguments,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the setting into the template: `MemorySize` or `memorySize`, and nothing else.
    #[arg(long)]
    apply: bool,
    /// Draw cost and time over memory, as a page.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// What is wanted; shared with `validate`.
#[derive(Args, Debug)]
pub struct WishArguments {
    /// What decides among settings that are large enough.
    #[arg(long, value_enum, value_name = "STRATEGY", default_value_t = StrategyOption::Cost)]
    strategy: StrategyOption,
    /// How many of a hundred requests must fit.
    #[arg(long, value_name = "P", default_value_t = 99.9)]
    percentile: f64,
    /// What is kept free, in per cent of the footprint.
    #[arg(long, value_name = "PERCENT", default_value = "10%")]
    headroom: String,
    /// Requests a month, for the price's tier and the bill.
    #[arg(long, value_name = "N", default_value_t = 1_000_000.0)]
    requests_per_month: f64,
    /// The share of requests that meet a cold start, 0 to 1.
    #[arg(long, value_name = "R", default_value_t = 0.01)]
    cold_start_rate: f64,
    /// `x86_64` or `arm64`; the template's if not given.
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// The region, for its prices.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// `aws-lambda`, `google-cloud`, `azure-consumption` or `azure-flex`; the handler's own if not given.
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// The step between two settings.
    #[arg(long, value_name = "MB", default_value_t = 1)]
    step: u64,
    /// What to do about what nothing bounds. Without, there is no number then.
    #[arg(long, value_enum, value_name = "HOW")]
    assume_unknown: Option<AssumeOption>,
}

fn usage(message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new(Kind::Usage, message).help(help)
}

impl WishArguments {
    /// The platform that was named.
    pub(super) fn platform(&self) -> Option<String> {
        self.platform.clone()
    }

    /// The platform and the wishes for a handler.
    pub(super) fn of(&self, handler: &Handler) -> Result<(Platform, Wishes), Diagnostic> {
        let name = self.platform.as_deref().unwrap_or(platform_of(handler));
        let platform = platform(name).ok_or_else(|| {
            let names: Vec<&str> = platform_names().collect();
            usage(format!("`{name}` is no platform"), &format!("there are: {}", names.join(", ")))
        })?;
        if !(self.percentile > 0.0 && self.percentile <= 100.0) {
            return Err(usage("`--percentile` is more than 0 and at most 100", "99.9 is common"));
        }
        if !(0.0..=1.0).contains(&self.cold_start_rate) {
            return Err(usage("`--cold-start-rate` is a share from 0 to 1", "0.01 is one request of a hundred"));
        }
        if !(self.requests_per_month >= 0.0 && self.requests_per_month.is_finite()) {
            return Err(usage("`--requests-per-month` is a number from 0", "1000000 is the default"));
        }
        let headroom: f64 = self.headroom.trim().trim_end_matches('%').trim().parse().unwrap_or(f64::NAN);
        if !(0.0..=1000.0).contains(&headroom) {
            return Err(usage("`--headroom` is a number of per cent", "write it as 10%"));
        }
        if self.step == 0 {
            return Err(usage("`--step` counts from 1", "leave it out for steps of 1 MB"));
        }
        let wanted = self.arch.clone().or_else(|| handler.settings.architecture.clone());
        let architecture = match wanted {
            Some(arch) => {
                let arch = if arch == "x86" { "x86_64".to_owned() } else { arch };
                if platform.price(&arch).is_none() {
                    let known: Vec<&str> = platform.prices.iter().map(|price| price.architecture.as_str()).collect();
                    let help = format!("{} has {}", platform.title, known.join(" and "));
                    return Err(usage(format!("`{arch}` has no price there"), &help));
                }
                arch
            }
            None => platform.prices.first().map_or_else(String::new, |price| price.architecture.clone()),
        };
        let wishes = Wishes {
            strategy: match self.strategy {
                StrategyOption::Cost => Strategy::Cost,
                StrategyOption::Speed => Strategy::Speed,
                StrategyOption::Balanced => Strategy::Balanced,
            },
            percentile: self.percentile,
            headroom: headroom / 100.0,
            usage: Usage {
                requests_per_month: self.requests_per_month,
                cold_start_rate: self.cold_start_rate,
                region: self.region.clone(),
            },
            architecture,
            step_mb: self.step,
            unbounded: match self.assume_unknown {
                None => Unbounded::Refuse,
                Some(AssumeOption::Worst) => Unbounded::Worst,
                Some(AssumeOption::Ignore) => Unbounded::Ignore,
            },
        };
        Ok((platform, wishes))
    }
}

/// The JSON Schema of `recommend --format json` for one handler.
pub fn json_schema() -> Value {
    schemars::schema_for!(Recommendation).to_value()
}

/// Runs the verb.
pub fn run(arguments: &RecommendArguments, output: &mut Output) -> Exit {
    let (handlers, problems) = discover(std::slice::from_ref(&arguments.path), arguments.handler.as_deref());
    for problem in &problems {
        output.report(problem);
    }
    if handlers.is_empty() && problems.is_empty() {
        let none = Diagnostic::new(Kind::NoHandler, "holds no handler").in_file(&arguments.path);
        output.report(&none.help("name it with `--handler module.function`"));
    }
    let mut measured = Vec::new();
    for file in &arguments.measured {
        match read_measured(file) {
            Ok(document) => measured.push((file.clone(), document)),
            Err(problem) => {
                output.report(&problem);
                return Exit::BadInput;
            }
        }
    }
    let inputs = match inputs(arguments) {
        Ok(inputs) => inputs,
        Err(problem) => {
            output.report(&problem);
            return Exit::BadInput;
        }
    };
    let mut found: Vec<(usize, Recommendation)> = Vec::new();
    let mut used = vec![false; measured.len()];
    for (number, handler) in handlers.iter().enumerate() {
        let (platform, wishes) = match arguments.wishes.of(handler) {
            Ok(both) => both,
            Err(problem) => {
                output.report(&problem);
                return Exit::BadInput;
            }
        };
        let mine: Vec<&Value> = measured
            .iter()
            .zip(&mut used)
            .filter(|((_, document), _)| is_of(document, handler, handlers.len()))
            .map(|((_, document), used)| {
                *used = true;
                document
            })
            .collect();
        // Inputs are for prediction; without any, what was measured is all that is needed.
        let measured = (!mine.is_empty()).then(|| need_of_measured(handler, &mine));
        let is_asked = !inputs.events.is_empty() || !inputs.values.is_empty() || inputs.workload.is_some();
        let need = match measured {
            Some(measured) if !is_asked => Ok(measured),
            measured => footprint(handler, &inputs, &platform, &wishes).map(|found| found.need(measured.as_ref())),
        };
        match need {
            Ok(need) => found.push((number, recommend(&platform, &need, &wishes))),
            Err(problems) => problems.iter().for_each(|problem| output.report(problem)),
        }
    }
    for ((file, document), _) in measured.iter().zip(&used).filter(|(_, used)| !**used) {
        let entry = document["handler"]["entry"].as_str().unwrap_or("?");
        output.report(
            &usage(format!("it measured `{entry}`, which is no handler here"), "name the file that was measured")
                .in_file(file),
        );
    }
    let all: Vec<Recommendation> = found.iter().map(|(_, one)| one.clone()).collect();
    if let Some(file) = &arguments.write_workload {
        let written = match all.as_slice() {
            [one] => super::output::write_file(file, workload(one)),
            all => {
                let message = format!("`--write-workload` writes one handler's, and there are {}", all.len());
                Err(usage(message, "name it with `--handler`"))
            }
        };
        if let Err(problem) = written {
            output.report(&problem);
        }
    }
    if let Some(file) = &arguments.plot
        && let Err(problem) = super::output::write_file(file, html(&all))
    {
        output.report(&problem);
    }
    match arguments.format {
        Format::Json => {
            let document = match all.as_slice() {
                [one] => serde_json::to_value(one),
                all => Ok(json!({"schema": Schema::RECOMMENDATIONS, "recommendations": all})),
            };
            output.text(&format!("{:#}\n", document.unwrap_or(Value::Null)));
        }
        Format::Text => {
            if all.len() > 1 {
                output.text(&(table(&all) + "\n"));
            }
            output.text(&all.iter().map(text).collect::<Vec<_>>().join("\n"));
            for one in all.iter().filter(|one| !one.unknown.is_empty() && one.basis == "predicted") {
                output.text(&format!("\n{}", workload(one)));
            }
        }
    }
    if arguments.apply {
        let wanted: Vec<(&Handler, u64)> =
            found.iter().filter_map(|(number, one)| Some((handlers.get(*number)?, one.memory_mb?))).collect();
        match super::apply::apply(&wanted, &arguments.path) {
            Ok(notes) => notes.iter().for_each(|note| output.note(&format!("{note}\n"))),
            Err(problem) => output.report(&problem),
        }
        for (_, one) in found.iter().filter(|(_, one)| one.memory_mb.is_none()) {
            output.note(&format!("{}: no setting is recommended, and none was written\n", one.handler));
        }
    }
    output.exit()
}

/// Reads what `measure` wrote.
pub(super) fn read_measured(file: &Path) -> Result<Value, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::new(Kind::InvalidEvent, format!("is no measurement: {why}"))
            .in_file(file)
            .help("write one with `meminterface measure … --format json -o FILE`")
    };
    let text = fs_err::read_to_string(file)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(file))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if document["schema"]["name"] != "meminterface.measure" || document["schema"]["version"] != 1 {
        return Err(wrong("it has another schema".to_owned()));
    }
    if document["outcome"] != "ok" {
        let said = document["message"].as_str().unwrap_or("");
        return Err(wrong(format!(
            "its outcome is {} ({said}), so that its figures are not those of a request",
            document["outcome"]
        )));
    }
    Ok(document)
}

/// Whether a measurement is of this handler.
pub(super) fn is_of(document: &Value, handler: &Handler, handlers: usize) -> bool {
    let measured = &document["handler"];
    if measured["entry"].as_str() != Some(handler.entry.as_str()) {
        return false;
    }
    let name = |path: &str| Path::new(path).file_name().map(|name| name.to_os_string());
    let same_file =
        measured["file"].as_str().and_then(name) == handler.file.file_name().map(|name| name.to_os_string());
    handlers == 1 || same_file
}

fn number(value: &Value) -> f64 {
    value.as_f64().filter(|number| number.is_finite() && *number >= 0.0).unwrap_or(0.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => (value + values.get(middle.wrapping_sub(1)).unwrap_or(value)) / 2.0,
        (None, _) => 0.0,
    }
}

/// What measurements say of a handler: of each event the most of all runs.
pub(super) fn need_of_measured(handler: &Handler, measured: &[&Value]) -> Need {
    let mut samples: Vec<Sample> = Vec::new();
    let mut keys: Vec<(usize, u64)> = Vec::new();
    let mut assumptions = Vec::new();
    let (mut walls, mut cpus, mut inits, mut init_cpus) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut init_peak, mut base) = (0, Vec::new());
    for (number_of_file, document) in measured.iter().enumerate() {
        let none = Vec::new();
        let restarts = document["restarts"].as_array().unwrap_or(&none);
        for start in std::iter::once(&document["init"]).chain(restarts) {
            inits.push(number(&start["wall_ms"]));
            init_cpus.push(number(&start["cpu_ms"]));
            init_peak = init_peak.max(start["peak_resident_bytes"].as_u64().unwrap_or(0));
            base.push(number(&start["end_resident_bytes"]));
        }
        for one in document["invocations"].as_array().unwrap_or(&none) {
            let key = (number_of_file, one["event"].as_u64().unwrap_or(0));
            let bytes = one["peak_resident_bytes"].as_u64().unwrap_or(0);
            // Several at a time share an instance, and its processors.
            let concurrent = number(&one["concurrent"]).max(1.0);
            walls.push(number(&one["wall_ms"]));
            cpus.push(number(&one["cpu_ms"]) / concurrent);
            match keys.iter().position(|known| *known == key).and_then(|at| samples.get_mut(at)) {
                Some(sample) => {
                    sample.low_bytes = sample.low_bytes.max(bytes);
                    sample.high_bytes = Some(sample.low_bytes);
                }
                None => {
                    let name = one["name"].as_str().map_or_else(|| format!("event {}", key.1), str::to_owned);
                    keys.push(key);
                    samples.push(Sample { name, low_bytes: bytes, high_bytes: Some(bytes), weight: 1.0 });
                }
            }
        }
        if document["limit"]["enforced"] != true {
            assumptions.push("the measurement had no real limit: what memory pressure does is not in it".to_owned());
        }
        if document["client"]["name"] == "minimal" {
            assumptions
                .push("the minimal runtime client ran the handler (see docs/MEASURE.md for the difference)".to_owned());
        }
    }
    assumptions.dedup();
    let baseline_bytes = median(base) as u64;
    let mut drivers = vec![Driver {
        name: "baseline".to_owned(),
        bytes: Some(baseline_bytes),
        meaning: "interpreter, imports, module-level objects".to_owned(),
    }];
    let mut largest: Vec<&Sample> = samples.iter().collect();
    largest.sort_by(|a, b| b.low_bytes.cmp(&a.low_bytes).then_with(|| a.name.cmp(&b.name)));
    for sample in largest.iter().take(3) {
        drivers.push(Driver {
            name: sample.name.clone(),
            bytes: Some(sample.low_bytes.saturating_sub(baseline_bytes)),
            meaning: "above the baseline".to_owned(),
        });
    }
    if samples.len() > 1 {
        assumptions.push("the events come equally often".to_owned());
    }
    Need {
        handler: handler.name(),
        file: handler.file.to_string_lossy().into_owned(),
        basis: "measured",
        samples,
        init_peak_bytes: Some(init_peak),
        baseline_bytes: Some(baseline_bytes),
        formula: None,
        times: Some(Times {
            init_wall_ms: median(inits),
            init_cpu_ms: median(init_cpus),
            wall_ms: median(walls),
            cpu_ms: median(cpus),
        }),
        drivers,
        carries: Vec::new(),
        unknown: Vec::new(),
        assumptions,
        current_mb: handler.settings.memory_mb.as_ref().map(|memory| memory.value),
    }
}

fn inputs(arguments: &RecommendArguments) -> Result<Inputs, Diagnostic> {
    let mut events = Vec::new();
    for file in arguments.event.iter().chain(&arguments.events) {
        events.extend(events::read(file, Form::Any)?);
    }
    let workload = match &arguments.workload {
        None => None,
        Some(path) => Some((path.clone(), super::predict::read_workload(path)?)),
    };
    Ok(Inputs { events, values: super::predict::mcv_values(&arguments.mcvs)?, workload })
}
