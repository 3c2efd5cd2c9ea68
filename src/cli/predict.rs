//! `meminterface predict`: what handlers need for an event, before anything ran.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use num_bigint::BigInt;
use num_rational::BigRational;
use serde_json::{Value, json};

use super::{Exit, Output};
use crate::calls::Program;
use crate::contracts::Contracts;
use crate::diagnostic::{Diagnostic, Kind, near_names};
use crate::expression::{Text, Value as Plain};
use crate::formula::{Environment, Formula};
use crate::memory::cpython::Version;
use crate::memory::predict::{Outcome, bounds, resident_bound, typical};
use crate::memory::{self, Options};
use crate::project::discover::{Handler, discover};
use crate::project::events::{self, Event, Form};
use crate::project::source::with_stack;
use crate::project::{LoadOptions, Project};

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
    /// The value of something that is not known, by its name; may be given several times.
    #[arg(long = "mcv", value_name = "NAME=VALUE")]
    mcvs: Vec<String>,
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

/// Runs the verb.
pub fn run(arguments: &PredictArguments, output: &mut Output) -> Exit {
    let (handlers, problems) = discover(std::slice::from_ref(&arguments.path), arguments.handler.as_deref());
    for problem in &problems {
        output.report(problem);
    }
    let values = match mcv_values(&arguments.mcvs) {
        Ok(values) => values,
        Err(problem) => {
            output.report(&problem);
            return output.exit();
        }
    };
    let events: Vec<Option<Event>> = match arguments.event.as_ref().or(arguments.events.as_ref()) {
        None => vec![None],
        Some(path) => match events::read(path, Form::Any) {
            Ok(events) => events.into_iter().map(Some).collect(),
            Err(problem) => {
                output.report(&problem);
                return output.exit();
            }
        },
    };
    let contracts = match arguments.contracts.as_slice() {
        [] => None,
        folders => match Contracts::with(folders) {
            Ok(contracts) => Some(Arc::new(contracts)),
            Err(problems) => {
                for problem in &problems {
                    output.report(problem);
                }
                return output.exit();
            }
        },
    };
    let mut documents = Vec::new();
    let mut used: Vec<Text> = Vec::new();
    for handler in &handlers {
        match with_stack(|| predict(handler, &events, &values, arguments.python_version, contracts.clone())) {
            Ok(predictions) => {
                for one in predictions {
                    used.extend(one.outcome.unknown.iter().map(|unknown| unknown.name.clone()));
                    documents.push(one);
                }
            }
            Err(problems) => {
                for problem in &problems {
                    output.report(problem);
                }
            }
        }
    }
    for name in values.keys().filter(|name| !used.contains(name)) {
        let near = near_names(name, used.iter().map(|name| &**name));
        let help = match near.as_slice() {
            [] => "the prediction's `unknown` list has the names".to_owned(),
            near => format!("is one of these meant: {}?", near.join(", ")),
        };
        output.report(&Diagnostic::new(Kind::Usage, format!("nothing unknown is called {name}")).help(help));
    }
    match arguments.format {
        Format::Json => {
            let all: Vec<Value> = documents.iter().map(Predicted::to_json).collect();
            let document = match all.len() {
                1 => all.into_iter().next().unwrap_or(Value::Null),
                _ => json!({"schema": {"name": "meminterface.predictions", "version": 1}, "predictions": all}),
            };
            output.text(&format!("{document:#}\n"));
        }
        Format::Text => output.text(&documents.iter().map(Predicted::to_text).collect::<String>()),
    }
    output.exit()
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

/// A prediction for a handler and an event.
pub(super) struct Predicted {
    handler: String,
    file: String,
    pub(super) event: Option<String>,
    pub(super) outcome: Outcome,
}

pub(super) fn predict(
    handler: &Handler,
    events: &[Option<Event>],
    values: &BTreeMap<Text, Plain>,
    version: Option<Version>,
    contracts: Option<Arc<Contracts>>,
) -> Result<Vec<Predicted>, Vec<Diagnostic>> {
    let source = Arc::new(handler.source().map_err(|problem| vec![problem])?);
    let load = LoadOptions { roots: vec![handler.code_root.clone()], ..LoadOptions::default() };
    let (project, mut diagnostics) = Project::from_sources(vec![(source, handler.module.clone())], &load);
    let program = Program::analyse(&project);
    let function = match program.handler(handler) {
        Ok(function) => function,
        Err(problem) => {
            diagnostics.push(problem);
            return Err(diagnostics);
        }
    };
    let options = Options { values: values.clone(), contracts, ..Options::of(&handler.settings, version) };
    let mut predictions = Vec::new();
    for event in events {
        let plain = match event {
            Some(event) => match serde_json::from_str::<Value>(event.json.get()) {
                Ok(json) => Some(Plain::from_json(&json)),
                Err(error) => {
                    let message = format!("the event is not JSON: {error}");
                    return Err(vec![Diagnostic::new(Kind::Usage, message)]);
                }
            },
            None => None,
        };
        let outcome = memory::run(&project, &program, function, plain.as_ref(), Vec::new(), &options);
        predictions.push(Predicted {
            handler: program.function(function).qualified_name.clone(),
            file: handler.file.to_string_lossy().into_owned(),
            event: event.as_ref().and_then(|event| event.name.clone()),
            outcome,
        });
    }
    Ok(predictions)
}

/// Bytes rounded up; none where there is no value.
fn bytes(formula: Option<Formula>) -> Option<BigInt> {
    let value = formula?.evaluate(&Environment::new()).ok()?;
    let zero = BigRational::from_integer(0.into());
    Some(value.max(zero).ceil().to_integer())
}

fn number(value: Option<BigInt>) -> Value {
    match value {
        Some(int) => serde_json::from_str(&int.to_string()).unwrap_or(Value::Null),
        None => Value::Null,
    }
}

impl Predicted {
    pub(super) fn range(&self, formula: &Formula) -> (Option<BigInt>, Option<BigInt>) {
        let (low, high) = bounds(formula, &self.outcome.unknown);
        (bytes(low), bytes(high))
    }

    /// The resident peak, with what the upper bound allows for beyond what objects take.
    fn resident_json(&self) -> Value {
        let (low, high) = bounds(&self.outcome.resident_peak, &self.outcome.unknown);
        // What a condition decides may also be less memory where it holds.
        let (low, high) = match (low, high) {
            (Some(low), Some(high)) => {
                (Some(Formula::min(vec![low.clone(), high.clone()])), Some(Formula::max(vec![low, high])))
            }
            other => other,
        };
        let bound = bytes(high.as_ref().map(resident_bound));
        let (low, high) = (bytes(low), bytes(high));
        let usual = || bytes(typical(&self.outcome.resident_peak, &self.outcome.unknown));
        let expected = if low == high { low.clone() } else { usual() };
        json!({"min": number(low), "expected": number(expected), "max": number(bound)})
    }

    fn range_json(&self, formula: &Formula) -> Value {
        let (low, high) = self.range(formula);
        let expected = if low == high { low.clone() } else { None };
        json!({"min": number(low), "expected": number(expected), "max": number(high)})
    }

    fn to_json(&self) -> Value {
        let outcome = &self.outcome;
        json!({
            "schema": {"name": "meminterface.prediction", "version": 1},
            "handler": self.handler,
            "file": self.file,
            "event": self.event,
            "demand_bytes": self.range_json(&outcome.demand),
            "peak_bytes": self.range_json(&outcome.peak),
            "resident_peak_bytes": self.resident_json(),
            "retained_bytes": self.range_json(&outcome.retained),
            "formulas": {
                "demand": outcome.demand.to_string(),
                "peak": outcome.peak.to_string(),
                "resident_peak": outcome.resident_peak.to_string(),
                "retained": outcome.retained.to_string(),
                "initial": outcome.initial.to_string(),
                "initial_peak": outcome.initial_peak.to_string(),
            },
            "baseline_bytes": null,
            "footprint_bytes": null,
            "unknown": outcome.unknown_json(),
            "growth": outcome.growth_json(),
            "assumptions": outcome.assumptions,
        })
    }

    fn to_text(&self) -> String {
        let outcome = &self.outcome;
        let mut text = format!("{} ({})\n", self.handler, self.file);
        if let Some(event) = &self.event {
            text.push_str(&format!("  event {event}\n"));
        }
        let rows = [
            ("demand", &outcome.demand),
            ("peak, requested", &outcome.peak),
            ("peak, resident", &outcome.resident_peak),
            ("retained", &outcome.retained),
        ];
        for (name, formula) in rows {
            let (low, high) = self.range(formula);
            let value = match (low, high) {
                (Some(low), Some(high)) if low == high => people(&low),
                (Some(low), Some(high)) => format!("{} to {}", people(&low), people(&high)),
                (Some(low), None) => format!("{} or more: {}", people(&low), shown(formula)),
                (None, _) => shown(formula),
            };
            text.push_str(&format!("  {name:<16} {value}\n"));
        }
        let unknown: Vec<_> = outcome.unknown_of(&[&outcome.peak]).collect();
        if !unknown.is_empty() {
            text.push_str("  not known:\n");
            for one in unknown {
                text.push_str(&format!(
                    "    {} ({}:{}): {}; pass --mcv {}=…\n",
                    one.name, one.file, one.line, one.cause, one.name
                ));
            }
        }
        for (file, line, what) in &outcome.growth {
            text.push_str(&format!("  grows: {file}:{line}: {what}\n"));
        }
        for assumption in &outcome.assumptions {
            text.push_str(&format!("  assumed: {assumption}\n"));
        }
        text
    }
}

/// A formula for people: one that nobody would read is named by its length.
fn shown(formula: &Formula) -> String {
    let text = formula.to_string();
    match text.chars().count() {
        count if count > 2_000 => format!("a formula of {count} characters (`--format json` has it)"),
        _ => text,
    }
}

/// Bytes in a unit that people read.
fn people(bytes: &BigInt) -> String {
    let text = bytes.to_string();
    match text.parse::<f64>() {
        Ok(value) if value >= 1024.0 * 1024.0 => format!("{:.1} MiB ({text} bytes)", value / 1_048_576.0),
        _ => format!("{text} bytes"),
    }
}
