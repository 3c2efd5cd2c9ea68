//! What reading a handler tells of its footprint, for `recommend` and `validate`: nothing is run.
//!
//! The baseline of its imports (shipped footprints) and of its modules' own objects, and the resident peak above it: for
//! each event, or, without events, as far as the platform bounds what a request may hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use num_bigint::BigInt;

use crate::debloat::report::predicted_baseline;
use crate::diagnostic::Diagnostic;
use crate::expression::{Text, Value as Plain};
use crate::footprint::{Range, Request};
use crate::formula::Formula;
use crate::memory::Outcome;
use crate::memory::unknown::{Unknown, UnknownKind};
use crate::prediction::{
    self, Boundary, Prediction, Predictor, QUANTILES, Sampled, Sampling, Settings, formula_limits,
};
use crate::project::discover::Handler;
use crate::project::events::Event;
use crate::recommend::{Carries, Driver, Need, Platform, Recommendation, Sample, UnknownInput, Wishes};
use crate::workload::{Recorded, Table, Workload, Writer};

/// What the user says of inputs.
pub(super) struct Inputs {
    /// Events. None: whatever the platform lets through.
    pub(super) events: Vec<Event>,
    /// Values of what is not known, by name.
    pub(super) values: BTreeMap<Text, Plain>,
    /// What is known of inputs, and the file that says so.
    pub(super) workload: Option<(PathBuf, Workload)>,
}

/// Settings that a table of what they carry names, beside the template's own.
const CARRIERS: &[u64] = &[128, 256, 512, 1024, 2048, 4096, 10240];

/// Most inputs for which a table of what settings carry is made.
const MOST_INPUTS: usize = 4;

/// Parts of the largest formula that is written out, and that is looked at again and again.
const LONGEST_FORMULA: u64 = 2_000;

/// Statements, and work on formulas, for each event.
const RECOMMENDED_STEPS: u64 = 1_500_000;

/// Parts of the baseline that are named.
const MOST_PARTS: usize = 6;

/// Events that are named, the largest.
const MOST_EVENTS: usize = 5;

/// All that is predicted.
pub(super) struct Footprint {
    /// The process before its first event.
    pub(super) baseline: Range,
    /// Of each event, the resident peak above the baseline: objects of the invocation, and imports that functions make.
    /// A single one where no events are given.
    pub(super) peaks: Vec<Range>,
    need: Need,
}

impl Footprint {
    /// What a recommendation rests on. A measured baseline takes the place of the estimate, and brings its times.
    pub(super) fn need(&self, measured: Option<&Need>) -> Need {
        let mut need = self.need.clone();
        let Some(measured) = measured else { return need };
        let base = measured.baseline_bytes.unwrap_or(0);
        for (sample, peak) in need.samples.iter_mut().zip(&self.peaks) {
            sample.low_bytes = base.saturating_add(peak.low);
            sample.high_bytes = peak.high.map(|high| base.saturating_add(high));
        }
        need.baseline_bytes = Some(base);
        need.init_peak_bytes = measured.init_peak_bytes;
        need.times = measured.times;
        need.drivers.retain(|driver| driver.meaning != IN_BASELINE);
        need.drivers.insert(
            0,
            Driver {
                name: "baseline".to_owned(),
                bytes: Some(base),
                meaning: "measured: interpreter, imports, module-level objects".to_owned(),
            },
        );
        need.unknown.retain(|one| !one.name.starts_with("import "));
        need.assumptions.retain(|text| !text.starts_with("the baseline is"));
        need.assumptions.insert(0, "the baseline and the times are measured, what is above it is predicted".to_owned());
        need
    }
}

/// The meaning of drivers that are parts of the estimated baseline.
const IN_BASELINE: &str = "in the baseline";

/// Reads a handler and predicts.
///
/// # Errors
/// The handler's file cannot be read or holds no such function.
pub(super) fn footprint(
    handler: &Handler,
    inputs: &Inputs,
    platform: &Platform,
    wishes: &Wishes,
) -> Result<Footprint, Vec<Diagnostic>> {
    prediction::with(handler, &Settings::default(), |predictor| of(predictor, inputs, platform, wishes))?
        .map_err(|problem| vec![problem])
}

fn of(
    predictor: &Predictor<'_>,
    inputs: &Inputs,
    platform: &Platform,
    wishes: &Wishes,
) -> Result<Footprint, Diagnostic> {
    let (handler, process) = (predictor.handler(), predictor.process());
    let mut unknown: Vec<UnknownInput> = process.missing.iter().map(|name| missing_import(name)).collect();
    let mut drivers: Vec<Driver> = process
        .base
        .parts
        .iter()
        .take(MOST_PARTS)
        .map(|(name, bytes)| Driver { name: name.clone(), bytes: Some(*bytes), meaning: IN_BASELINE.to_owned() })
        .collect();
    let later = process.later_bytes;
    if later > 0 {
        drivers.push(Driver {
            name: "imports within functions".to_owned(),
            bytes: Some(later),
            meaning: format!("once they are called: {}", process.later.join(", ")),
        });
    }
    let predictions = predictions(predictor, inputs)?;
    let request = Request::of(handler, platform);
    let mut assumptions = vec![process.base.source.clone()];
    let mut held = Range::default();
    let mut loading = held;
    if let Some(first) = predictions.first() {
        let outcome = &first.outcome;
        let modules = Range::of(&outcome.initial, &outcome.unknown);
        (held, loading) = (first.baseline(), first.initial_peak());
        if modules.low > 1 << 16 {
            let meaning = IN_BASELINE.to_owned();
            drivers.insert(0, Driver { name: "module-level objects".to_owned(), bytes: modules.high, meaning });
        }
        for formula in [&outcome.initial, &outcome.initial_peak] {
            unknowns_of(formula, &outcome.unknown, !inputs.events.is_empty(), &mut unknown);
        }
    }
    // Of a trimmed package its manifest knows more than the imports of the whole one.
    if let Some(bytes) = predicted_baseline(&handler.code_root) {
        held = Range { low: bytes, high: Some(bytes) };
        loading = held;
        drivers.retain(|driver| driver.meaning != IN_BASELINE);
        let meaning = IN_BASELINE.to_owned();
        drivers.insert(0, Driver { name: "trimmed package".to_owned(), bytes: Some(bytes), meaning });
        unknown.retain(|one| !one.name.starts_with("import "));
        assumptions = vec!["the baseline is what the trimmed package's manifest predicts".to_owned()];
    }
    let mut need = Need {
        handler: handler.name(),
        file: handler.file.to_string_lossy().into_owned(),
        basis: "predicted",
        init_peak_bytes: Some(loading.high.unwrap_or(loading.low)),
        baseline_bytes: Some(held.low),
        current_mb: handler.settings.memory_mb.as_ref().map(|memory| memory.value),
        ..Need::default()
    };
    let mut peaks = Vec::new();
    let mut largest = Vec::new();
    for (number, one) in predictions.iter().enumerate() {
        let outcome = &one.outcome;
        if let Some(sampled) = &one.sampled {
            workload_samples(sampled, held, later, &mut need, &mut peaks, &mut drivers);
            sampled.open.iter().for_each(|one| open_input(one, &mut unknown));
            assumptions.extend(sampled.notes.iter().cloned());
            notes(one, &mut assumptions);
            continue;
        }
        let is_given = !inputs.events.is_empty();
        let bounds = |outcome: &Outcome| match is_given {
            true => outcome.unknown.clone(),
            false => request.bounded(&outcome.resident_peak, &outcome.unknown),
        };
        let bounded = bounds(outcome);
        let mut peak = one.above(bounds);
        let name = match &one.event {
            Some(name) => name.clone(),
            None if is_given => format!("event {}", number + 1),
            None => "any event".to_owned(),
        };
        if !outcome.complete {
            // What was not followed may take anything.
            peak.high = None;
            unknown.push(not_followed(&name, &one.file));
        }
        if is_given {
            let bytes = peak.high.map(|high| high.saturating_sub(later));
            largest.push(Driver { name: name.clone(), bytes, meaning: "above the baseline".to_owned() });
        } else {
            inputs_of(&outcome.resident_peak, &bounded, &mut unknown);
            if outcome.complete {
                let base = held.low.saturating_add(later);
                need.carries = carried(&outcome.resident_peak, &bounded, base, handler, platform, wishes);
            }
            if outcome.resident_peak.symbols().iter().any(|symbol| symbol.starts_with("len(")) {
                assumptions.extend(request.notes.iter().cloned());
            }
        }
        if predictions.len() == 1 {
            describe(&mut need, &outcome.resident_peak, &mut assumptions);
        }
        unknowns_of(&outcome.resident_peak, &bounded, is_given, &mut unknown);
        notes(one, &mut assumptions);
        need.samples.push(Sample {
            name,
            low_bytes: held.low.saturating_add(peak.low),
            high_bytes: held.and(peak).high,
            weight: 1.0,
        });
        peaks.push(peak);
    }
    if predictions.len() > 1 {
        assumptions.push("the events come equally often".to_owned());
    }
    // What nobody knows is the largest.
    largest.sort_by_key(|driver| std::cmp::Reverse(driver.bytes.unwrap_or(u64::MAX)));
    drivers.extend(largest.into_iter().take(MOST_EVENTS));
    need.drivers = drivers;
    need.unknown = unknown;
    need.assumptions = assumptions;
    Ok(Footprint { baseline: held, peaks, need })
}

/// A prediction for each event, one for any event, or one for a workload. Work on each is bounded.
fn predictions(predictor: &Predictor<'_>, inputs: &Inputs) -> Result<Vec<Prediction>, Diagnostic> {
    let events: Vec<serde_json::Value> = inputs.events.iter().map(prediction::json_of).collect::<Result<_, _>>()?;
    if let Some((file, workload)) = &inputs.workload {
        let found = predictor.predict_workload(&events, &inputs.values, workload, &Sampling::default());
        return match predictor.strangers(workload, &[&found.outcome]).first() {
            Some(entry) => Err(predictor.stranger(file, entry, &[&found.outcome])),
            None => Ok(vec![found]),
        };
    }
    if events.is_empty() {
        return Ok(vec![predictor.predict(None, None, &inputs.values)]);
    }
    let names = inputs.events.iter().map(|event| event.name.clone());
    Ok(events
        .iter()
        .zip(names)
        .map(|(event, name)| {
            let event = Plain::from_json(event);
            predictor.predict_within(&event, name, &inputs.values, RECOMMENDED_STEPS)
        })
        .collect())
}

/// The samples of a workload as those of a recommendation; quantiles as what drives it.
fn workload_samples(
    sampled: &Sampled,
    held: Range,
    later: u64,
    need: &mut Need,
    peaks: &mut Vec<Range>,
    drivers: &mut Vec<Driver>,
) {
    let [_, _, resident, _] = &sampled.spreads;
    let whole = |bytes: f64| bytes.is_finite().then(|| bytes.ceil() as u64);
    for (low, bytes) in resident.low.iter().zip(&resident.bytes) {
        let peak =
            Range { low: whole(*low).unwrap_or(0), high: whole(*bytes).map(|bytes| bytes.saturating_add(later)) };
        need.samples.push(Sample {
            name: "a sample of the workload".to_owned(),
            low_bytes: held.low.saturating_add(peak.low),
            high_bytes: held.and(peak).high,
            weight: 1.0,
        });
        peaks.push(peak);
    }
    let (count, sorted) = (resident.bytes.len(), resident.sorted());
    for (name, share) in QUANTILES {
        let at = ((count as f64 * share).ceil() as usize).saturating_sub(1);
        if let Some(bytes) = sorted.bytes.get(at) {
            let meaning = format!("of {count} samples of the workload, above the baseline");
            drivers.push(Driver { name: name.to_owned(), bytes: whole(*bytes), meaning });
        }
    }
}

/// What to do about an event that is not predicted.
const MEASURE: &str = "measure it, and pass that with `--measured`";

fn not_followed(name: &str, file: &str) -> UnknownInput {
    UnknownInput {
        name: name.to_owned(),
        cause: "it takes more work to follow than is done: it is not predicted".to_owned(),
        file: file.to_owned(),
        line: 0,
        resolve: MEASURE.to_owned(),
    }
}

/// Adds what a workload leaves open.
fn open_input(one: &Unknown, into: &mut Vec<UnknownInput>) {
    if one.most.is_none() && !into.iter().any(|known| *known.name == *one.name) {
        into.push(UnknownInput {
            name: one.name.to_string(),
            cause: one.cause.clone(),
            file: one.file.clone(),
            line: one.line,
            resolve: "add it to the workload".to_owned(),
        });
    }
}

fn missing_import(name: &str) -> UnknownInput {
    UnknownInput {
        name: format!("import {name}"),
        cause: "no footprint of this package is shipped: its memory is missing in the baseline".to_owned(),
        file: String::new(),
        line: 0,
        resolve: "measure once, and pass it with `--measured`".to_owned(),
    }
}

/// The formula as text, or how long it is.
fn describe(need: &mut Need, formula: &Formula, assumptions: &mut Vec<String>) {
    if formula.size() <= LONGEST_FORMULA {
        need.formula = Some(formula.to_string());
    } else {
        assumptions.push(format!(
            "the formula of the peak has {} parts and is not written here: `meminterface extract` writes it as a program",
            formula.size()
        ));
    }
}

/// Adds what a formula needs and nobody knows, and has no bound.
fn unknowns_of(formula: &Formula, all: &[Unknown], is_given: bool, into: &mut Vec<UnknownInput>) {
    let symbols = formula.symbols();
    for one in all.iter().filter(|one| one.kind != UnknownKind::Input && symbols.contains(&one.name)) {
        let found = UnknownInput {
            name: one.name.to_string(),
            cause: one.cause.clone(),
            file: one.file.clone(),
            line: one.line,
            resolve: if is_given {
                format!("pass --mcv {}=VALUE, or measure once", one.name)
            } else {
                format!("pass --mcv {}=VALUE, or events with --events", one.name)
            },
        };
        if !into.iter().any(|known| known.name == found.name) {
            into.push(found);
        }
    }
}

/// Adds the parts of the event that a formula needs and that nothing bounds.
fn inputs_of(formula: &Formula, all: &[Unknown], into: &mut Vec<UnknownInput>) {
    for symbol in formula.symbols() {
        if !all.iter().any(|one| one.name == symbol) && !into.iter().any(|known| *known.name == *symbol) {
            into.push(UnknownInput {
                name: symbol.to_string(),
                cause: "it is part of the event".to_owned(),
                file: String::new(),
                line: 0,
                resolve: "pass events with --events".to_owned(),
            });
        }
    }
}

fn notes(one: &Prediction, into: &mut Vec<String>) {
    let growth = one.outcome.growth.iter().map(|(file, line, what)| {
        format!("{file}:{line}: {what} stays from one event to the next, and is counted once")
    });
    for text in one.outcome.assumptions.iter().cloned().chain(one.left_over_note()).chain(growth) {
        if !into.contains(&text) {
            into.push(text);
        }
    }
}

/// The largest value of each input, for each setting: the search of `predict --exceeds`.
fn carried(
    peak: &Formula,
    unknown: &[Unknown],
    baseline: u64,
    handler: &Handler,
    platform: &Platform,
    wishes: &Wishes,
) -> Vec<Carries> {
    let mut found: Vec<Carries> = Vec::new();
    if peak.size() > LONGEST_FORMULA {
        return found;
    }
    let current = handler.settings.memory_mb.as_ref().map(|memory| memory.value);
    let mut settings: Vec<u64> =
        CARRIERS.iter().copied().chain(current).filter(|mb| platform.smallest_setting(*mb) == Some(*mb)).collect();
    settings.sort_unstable();
    settings.dedup();
    // Inputs of which all that may come fits: nothing to tell of larger settings.
    let mut done: Vec<String> = Vec::new();
    for memory_mb in &settings {
        let room = *memory_mb as f64 * 1_048_576.0 / (1.0 + wishes.headroom) - baseline as f64;
        if room < 0.0 {
            continue;
        }
        for limit in formula_limits(peak, unknown, &BigInt::from(room as u64)).into_iter().take(MOST_INPUTS) {
            if done.contains(&limit.input) {
                continue;
            }
            let is_bounded = unknown.iter().any(|one| *one.name == *limit.input && one.most.is_some());
            let largest = match limit.boundary {
                // What the platform lets through fits everywhere.
                Boundary::All(_) => {
                    done.push(limit.input.clone());
                    if is_bounded {
                        continue;
                    }
                    None
                }
                Boundary::UpTo(largest) => Some(largest.to_string()),
                // Where it does not grow steadily, the largest is not what people would take it for.
                Boundary::None | Boundary::Uneven(_) | Boundary::Unknown(_) => continue,
            };
            found.push(Carries { memory_mb: *memory_mb, input: limit.input, largest, given: limit.given });
        }
    }
    // By input, in the order of their first; settings rise within.
    let mut order: Vec<String> = Vec::new();
    for one in &found {
        if !order.contains(&one.input) {
            order.push(one.input.clone());
        }
    }
    found.sort_by_key(|one| order.iter().position(|input| *input == one.input));
    found
}

/// A workload to fill in: what a recommendation does not know, ready to be given values.
pub(super) fn workload(found: &Recommendation) -> String {
    let mut writer = Writer::new(&format!(
        "What the memory of {} ({}) depends on. Fill in values as they come, each as often as it comes.",
        found.handler, found.file
    ));
    // What is to be measured is nothing to fill in.
    let is_open = |one: &&UnknownInput| !one.name.starts_with("import ") && one.resolve != MEASURE;
    let open: Vec<&UnknownInput> = found.unknown.iter().filter(is_open).collect();
    if open.is_empty() {
        writer.blank();
        writer.comment("Nothing that is not known.");
    }
    for one in open {
        let place = if one.line > 0 { format!("{}:{}: ", one.file, one.line) } else { String::new() };
        let table = if one.line > 0 { Table::Mcvs } else { Table::Inputs };
        let mut about = vec![format!("{place}{}", one.cause)];
        for carries in found.carries.iter().filter(|carries| carries.input == one.name).take(3) {
            if let Some(largest) = &carries.largest {
                about.push(format!("{} MB hold up to {largest} {}", carries.memory_mb, carries.given));
            }
        }
        writer.entry(table, &one.name, &about, &Recorded::default());
    }
    writer.finish()
}
