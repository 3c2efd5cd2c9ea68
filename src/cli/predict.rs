//! `meminterface predict`: what handlers need for an event, before anything ran.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Exit, Output};
use crate::contracts::Contracts;
use crate::diagnostic::{Diagnostic, Kind, Schema};
use crate::expression::{Text, Value as Plain};
use crate::formula::parse_bytes;
use crate::memory::cpython::Version;
use crate::prediction::{
    self, ALONE_STEPS, Document, EVENT_STEPS, Prediction, Predictor, Sampling, Settings, document,
};
use crate::project::discover::discover;
use crate::project::events::{self, Event, Form};
use crate::workload::{Entry, MOST_SAMPLES, Workload};

/// Events that each get the work of one that is asked for alone.
const FEW_EVENTS: usize = 16;

/// How predictions are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// JSON with a schema.
    Json,
}

/// Say what a handler needs for an event, without running it.
///
/// Reads the handler as `extract` does, follows what each statement allocates and frees on the event, and prints
/// demand, peak, resident peak and what stays behind. What is not known is named, with what would settle it.
#[derive(Args, Debug)]
pub struct PredictArguments {
    /// A Python file, a template or a folder.
    #[arg(required = true, value_name = "PATH")]
    path: PathBuf,
    /// The handler, whatever else is found: `function`, `module.function` or `Class.method`.
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// A file with one JSON event, or with `{"tests": [{"name", "event"}]}`.
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    event: Option<PathBuf>,
    /// A file with an event a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// What is known of inputs and of what is not known: fixed, listed or drawn values (docs/WORKLOAD.md). Gives quantiles.
    #[arg(long, value_name = "FILE")]
    workload: Option<PathBuf>,
    /// How many samples of the workload are drawn; 10,000 if neither this nor the file says.
    #[arg(long, value_name = "N", requires = "workload", value_parser = clap::value_parser!(u64).range(1..=MOST_SAMPLES as u64))]
    samples: Option<u64>,
    /// Where draws begin: the file's, or else 0.
    #[arg(long, value_name = "N", requires = "workload")]
    seed: Option<u64>,
    /// Show where the resident peak comes from: lines with their share, the largest first. Needs an event.
    #[arg(long)]
    explain: bool,
    /// Say for which inputs the handler needs more than a limit, such as 512MB, baseline included.
    #[arg(long, value_name = "SIZE")]
    exceeds: Option<String>,
    /// The value of something that is not known, by its name; may be given several times.
    #[arg(long = "mcv", value_name = "NAME=VALUE")]
    mcvs: Vec<String>,
    /// Keep formulas of learned contracts as they are: without what measurements differ from them by.
    #[arg(long)]
    symbolic: bool,
    /// The version of CPython whose objects are counted: 3.9 to 3.14. The template's, or else the newest that was
    /// checked by running, if not given.
    #[arg(long, value_name = "VERSION")]
    python_version: Option<Version>,
    /// A folder of contract files (*.toml) whose entries win over the shipped ones; may be given several times.
    #[arg(long = "contracts", value_name = "DIR")]
    contracts: Vec<PathBuf>,
    /// How to write the prediction.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The JSON Schema of `predict --format json` for one handler and event.
pub fn json_schema() -> Value {
    schemars::schema_for!(Document).to_value()
}

/// Runs the verb.
pub fn run(arguments: &PredictArguments, output: &mut Output) -> Exit {
    let (handlers, problems) = discover(std::slice::from_ref(&arguments.path), arguments.handler.as_deref());
    for problem in &problems {
        output.report(problem);
    }
    let wanted = match Wanted::of(arguments) {
        Ok(wanted) => wanted,
        Err(problems) => {
            problems.iter().for_each(|problem| output.report(problem));
            return output.exit();
        }
    };
    let mut found: Vec<Prediction> = Vec::new();
    let mut names: BTreeSet<Text> = BTreeSet::new();
    // What no handler asks for is a mistake; what one of them asks for is none.
    let mut strangers: Option<Vec<(usize, Diagnostic)>> = None;
    for handler in &handlers {
        let done = prediction::with(handler, &wanted.settings, |predictor| wanted.predict(predictor));
        match done {
            Ok(one) => {
                names.extend(one.names);
                let before = strangers.take();
                strangers = Some(match before {
                    None => one.strangers,
                    Some(before) => before
                        .into_iter()
                        .filter(|(at, _)| one.strangers.iter().any(|(other, _)| other == at))
                        .collect(),
                });
                found.extend(one.predictions);
            }
            Err(problems) => problems.iter().for_each(|problem| output.report(problem)),
        }
    }
    for (_, problem) in strangers.iter().flatten() {
        output.report(problem);
    }
    if !found.is_empty() {
        for name in wanted.values.keys().filter(|name| !names.contains(*name)) {
            output.report(&prediction::stranger_value(name, names.iter().map(|name| &**name)));
        }
    }
    // What a workload means by a name that nothing asks for nobody knows: its figures would be of something else.
    if strangers.iter().flatten().next().is_some() {
        return output.exit();
    }
    match arguments.format {
        Format::Json => {
            let all: Vec<Document> = found.iter().map(document).collect();
            let document = match all.as_slice() {
                [one] => serde_json::to_value(one),
                all => Ok(json!({"schema": Schema::PREDICTIONS, "predictions": all})),
            };
            output.text(&format!("{:#}\n", document.unwrap_or(Value::Null)));
        }
        Format::Text => {
            output.text(&found.iter().map(Prediction::to_text).collect::<String>());
            if arguments.explain && found.iter().any(|one| one.outcome.moment.is_none() && one.sampled.is_none()) {
                output.note(
                    "`--explain` needs a peak that is a number: pass an event, and --mcv for what is not known\n",
                );
            }
        }
    }
    output.exit()
}

/// What the command line asks for.
struct Wanted {
    settings: Settings,
    values: BTreeMap<Text, Plain>,
    events: Vec<(Option<String>, Value)>,
    workload: Option<(PathBuf, Workload)>,
    sampling: Sampling,
    exceeds: Option<num_bigint::BigInt>,
}

/// What a handler gives.
struct Done {
    predictions: Vec<Prediction>,
    names: BTreeSet<Text>,
    /// Entries of the workload that it does not ask for, by number.
    strangers: Vec<(usize, Diagnostic)>,
}

impl Wanted {
    fn of(arguments: &PredictArguments) -> Result<Self, Vec<Diagnostic>> {
        let one = |problem: Diagnostic| vec![problem];
        let values = mcv_values(&arguments.mcvs).map_err(one)?;
        let events: Vec<Event> = match arguments.event.as_ref().or(arguments.events.as_ref()) {
            None => Vec::new(),
            Some(path) => events::read(path, Form::Any).map_err(one)?,
        };
        let events = events
            .iter()
            .map(|event| Ok((event.name.clone(), prediction::json_of(event)?)))
            .collect::<Result<Vec<_>, Diagnostic>>()
            .map_err(one)?;
        let contracts = match arguments.contracts.as_slice() {
            [] => None,
            folders => Some(Arc::new(Contracts::with(folders)?)),
        };
        let workload = match &arguments.workload {
            None => None,
            Some(path) => Some((path.clone(), read_workload(path).map_err(one)?)),
        };
        let exceeds = match &arguments.exceeds {
            None => None,
            Some(text) => {
                let wrong =
                    |error: crate::formula::UnitError| Diagnostic::new(Kind::Usage, format!("--exceeds: {error}"));
                Some(parse_bytes(text).map_err(|error| one(wrong(error)))?)
            }
        };
        Ok(Self {
            settings: Settings {
                version: arguments.python_version,
                contracts,
                explain: arguments.explain,
                symbolic: arguments.symbolic,
            },
            values,
            events,
            workload,
            sampling: Sampling {
                samples: arguments.samples.and_then(|samples| usize::try_from(samples).ok()),
                seed: arguments.seed,
                ..Sampling::default()
            },
            exceeds,
        })
    }

    fn predict(&self, predictor: &Predictor<'_>) -> Done {
        let mut predictions = Vec::new();
        match &self.workload {
            Some((_, workload)) => {
                let events: Vec<Value> = self.events.iter().map(|(_, event)| event.clone()).collect();
                predictions.push(predictor.predict_workload(&events, &self.values, workload, &self.sampling));
            }
            None if self.events.is_empty() => predictions.push(predictor.predict(None, None, &self.values)),
            None => {
                let steps = if self.events.len() <= FEW_EVENTS { ALONE_STEPS } else { EVENT_STEPS };
                for (name, event) in &self.events {
                    let (event, name) = (Plain::from_json(event), name.clone());
                    predictions.push(predictor.predict_within(&event, name, &self.values, steps));
                }
            }
        }
        if let Some(limit) = &self.exceeds {
            for (at, prediction) in predictions.iter_mut().enumerate() {
                let event = if self.workload.is_some() { None } else { self.events.get(at) };
                prediction.exceeds = Some(predictor.exceeds(event.map(|(_, event)| event), &self.values, limit));
            }
        }
        let outcomes: Vec<_> = predictions.iter().map(|prediction| &prediction.outcome).collect();
        let strangers = match &self.workload {
            None => Vec::new(),
            Some((file, workload)) => {
                let all = predictor.strangers(workload, &outcomes);
                let number = |entry: &Entry| workload.entries.iter().position(|one| one == entry).unwrap_or(0);
                all.into_iter().map(|entry| (number(entry), predictor.stranger(file, entry, &outcomes))).collect()
            }
        };
        let event = self.events.first().map(|(_, event)| Plain::from_json(event));
        let names = predictor.names_beside(self.values.keys().map(|name| &**name), &outcomes, event.as_ref());
        Done { predictions, names, strangers }
    }
}

/// Reads a workload.
///
/// # Errors
/// `cannot-read`, or `invalid-workload` with the place.
pub(super) fn read_workload(path: &Path) -> Result<Workload, Diagnostic> {
    let text = fs_err::read_to_string(path).map_err(|error| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(path).help("check the path")
    })?;
    Workload::parse(path, &text)
}

/// `NAME=VALUE`, where the value is JSON or else a text.
pub(super) fn mcv_values(words: &[String]) -> Result<BTreeMap<Text, Plain>, Diagnostic> {
    words
        .iter()
        .map(|word| {
            let Some((name, value)) = word.split_once('=') else {
                let message = format!("`--mcv {word}` has no value");
                return Err(Diagnostic::new(Kind::Usage, message).help("write it as `--mcv NAME=VALUE`"));
            };
            let value = match value {
                "True" => Plain::Bool(true),
                "False" => Plain::Bool(false),
                "None" => Plain::None,
                other => match serde_json::from_str::<Value>(other) {
                    Ok(json) => Plain::from_json(&json),
                    Err(_) => Plain::text(other),
                },
            };
            Ok((Text::from(name.trim()), value))
        })
        .collect()
}
