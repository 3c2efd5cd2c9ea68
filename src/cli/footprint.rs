//! What reading a handler tells of its footprint, for `recommend` and `validate`: nothing is run.
//!
//! The baseline of its imports (shipped footprints) and of its modules' own objects, and the resident peak above it: for
//! each event, or, without events, as far as the platform bounds what a request may hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use num_bigint::BigInt;

use super::predict::{self, Predicted};
use crate::diagnostic::Diagnostic;
use crate::expression::{Text, Value as Plain};
use crate::footprint::{Process, Range, Request};
use crate::formula::{Environment, EvaluateError, Formula};
use crate::memory::amount::Amount;
use crate::memory::unknown::{Unknown, UnknownKind};
use crate::project::discover::Handler;
use crate::project::events::Event;
use crate::project::imports::outside;
use crate::project::source::with_stack;
use crate::project::{LoadOptions, Project};
use crate::recommend::{Carries, Driver, Need, Platform, Recommendation, Sample, UnknownInput, Wishes};

/// What the user says of inputs.
pub(super) struct Inputs {
    /// Events. None: whatever the platform lets through.
    pub(super) events: Vec<Event>,
    /// Values of what is not known, by name.
    pub(super) values: BTreeMap<Text, Plain>,
}

/// Settings that a table of what they carry names, beside the template's own.
const CARRIERS: &[u64] = &[128, 256, 512, 1024, 2048, 4096, 10240];

/// Most inputs for which a table of what settings carry is made.
const MOST_INPUTS: usize = 4;

/// Parts of the largest formula that is written out, and that is looked at again and again.
const LONGEST_FORMULA: u64 = 2_000;

/// Largest value of an input that is looked at, as a power of two.
const MOST_BITS: u32 = 62;

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
    with_stack(|| {
        let source = Arc::new(handler.source().map_err(|problem| vec![problem])?);
        let load = LoadOptions { roots: vec![handler.code_root.clone()], ..LoadOptions::default() };
        let (project, _) = Project::from_sources(vec![(source, handler.module.clone())], &load);
        let outside = outside(&project);
        let process = Process::of(&outside).unwrap_or_default();
        let later = process.later_bytes;
        let mut unknown: Vec<UnknownInput> = process.missing.iter().map(|name| missing_import(name)).collect();
        let mut drivers: Vec<Driver> = process
            .base
            .parts
            .iter()
            .take(MOST_PARTS)
            .map(|(name, bytes)| Driver { name: name.clone(), bytes: Some(*bytes), meaning: IN_BASELINE.to_owned() })
            .collect();
        if later > 0 {
            let names = [outside.later_imports, outside.later_clients].concat().join(", ");
            drivers.push(Driver {
                name: "imports within functions".to_owned(),
                bytes: Some(later),
                meaning: format!("once they are called: {names}"),
            });
        }
        let given: Vec<Option<Event>> = match inputs.events.as_slice() {
            [] => vec![None],
            events => events.iter().cloned().map(Some).collect(),
        };
        // A workload's distributions would be drawn from here: `predict::predict` gives formulas over its inputs.
        let predictions = predict::predict(handler, &given, &inputs.values, None, None)?;
        let request = Request::of(handler, platform);
        let mut assumptions = vec![process.base.source.clone()];
        let mut held = Range::default();
        let mut loading = held;
        if let Some(first) = predictions.first() {
            let outcome = &first.outcome;
            let modules = Range::of(&outcome.initial, &outcome.unknown);
            held = process.baseline(outcome);
            loading = process.initial_peak(outcome);
            if modules.low > 1 << 16 {
                let meaning = IN_BASELINE.to_owned();
                drivers.insert(0, Driver { name: "module-level objects".to_owned(), bytes: modules.high, meaning });
            }
            for formula in [&outcome.initial, &outcome.initial_peak] {
                unknowns_of(formula, &outcome.unknown, !inputs.events.is_empty(), &mut unknown);
            }
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
            let is_given = given.get(number).is_some_and(Option::is_some);
            let bounded = if is_given {
                outcome.unknown.clone()
            } else {
                request.bounded(&outcome.resident_peak, &outcome.unknown)
            };
            let peak = process.above(&outcome.resident_peak, &bounded);
            let name = match &one.event {
                Some(name) => name.clone(),
                None if is_given => format!("event {}", number + 1),
                None => "any event".to_owned(),
            };
            if is_given {
                let bytes = peak.high.map(|high| high.saturating_sub(later));
                largest.push(Driver { name: name.clone(), bytes, meaning: "above the baseline".to_owned() });
            } else {
                inputs_of(&outcome.resident_peak, &bounded, &mut unknown);
                need.carries = carried(
                    &outcome.resident_peak,
                    &bounded,
                    held.low.saturating_add(later),
                    handler,
                    platform,
                    wishes,
                );
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
        if peaks.len() > 1 {
            assumptions.push("the events come equally often".to_owned());
        }
        // What nobody knows is the largest.
        largest.sort_by_key(|driver| std::cmp::Reverse(driver.bytes.unwrap_or(u64::MAX)));
        drivers.extend(largest.into_iter().take(MOST_EVENTS));
        need.drivers = drivers;
        need.unknown = unknown;
        need.assumptions = assumptions;
        Ok(Footprint { baseline: held, peaks, need })
    })
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

fn notes(one: &Predicted, into: &mut Vec<String>) {
    let growth = one.outcome.growth.iter().map(|(file, line, what)| {
        format!("{file}:{line}: {what} stays from one event to the next, and is counted once")
    });
    for text in one.outcome.assumptions.iter().cloned().chain(growth) {
        if !into.contains(&text) {
            into.push(text);
        }
    }
}

/// The largest value of each input, for each setting. Memory only grows with sizes and counts (docs/MEMORY.md), so that
/// the largest is found by bisection. What else is not known has its largest value where it has one, and else its least.
fn carried(
    peak: &Formula,
    unknown: &[Unknown],
    baseline: u64,
    handler: &Handler,
    platform: &Platform,
    wishes: &Wishes,
) -> Vec<Carries> {
    let mut found = Vec::new();
    if peak.size() > LONGEST_FORMULA {
        return found;
    }
    let known = |symbol: &str| unknown.iter().find(|one| *one.name == *symbol);
    // The event's own parts first, then sizes and counts that have no bound.
    let mut inputs: Vec<Text> = Vec::new();
    let symbols = peak.symbols();
    inputs.extend(
        symbols.iter().filter(|symbol| known(symbol).is_none_or(|one| one.kind == UnknownKind::Input)).cloned(),
    );
    let is_open = |one: &Unknown| match one.kind {
        UnknownKind::Size | UnknownKind::TripCount | UnknownKind::Result => one.most.is_none(),
        UnknownKind::Condition | UnknownKind::Memory | UnknownKind::Input => false,
    };
    inputs.extend(symbols.iter().filter(|symbol| known(symbol).is_some_and(is_open)).cloned());
    let current = handler.settings.memory_mb.as_ref().map(|memory| memory.value);
    let mut settings: Vec<u64> =
        CARRIERS.iter().copied().chain(current).filter(|mb| platform.smallest_setting(*mb) == Some(*mb)).collect();
    settings.sort_unstable();
    settings.dedup();
    for input in inputs.iter().take(MOST_INPUTS) {
        let mut others: BTreeMap<crate::formula::Text, Formula> = BTreeMap::new();
        let mut at_least = Vec::new();
        for symbol in symbols.iter().filter(|symbol| *symbol != input) {
            let most = known(symbol).and_then(|one| one.most.as_ref()).map(Amount::to_formula);
            let value = most.filter(|most| most.symbols().is_empty()).unwrap_or_else(|| {
                at_least.push(symbol.to_string());
                known(symbol).map_or_else(|| Formula::from(0), |one| one.least.to_formula())
            });
            others.insert(symbol.clone(), value);
        }
        let formula = peak.substitute(&others);
        if formula.symbols().iter().any(|symbol| symbol != input) {
            continue;
        }
        let given = match at_least.as_slice() {
            [] => String::new(),
            [one] => format!("with {one} at its least"),
            [first, rest @ ..] => format!("with {first} and {} more at their least", rest.len()),
        };
        for memory_mb in &settings {
            let room = *memory_mb as f64 * 1_048_576.0 / (1.0 + wishes.headroom) - baseline as f64;
            if room < 0.0 {
                continue;
            }
            match largest(&formula, input, &BigInt::from(room as u64)) {
                // What the platform lets through fits everywhere: nothing to tell.
                Largest::Value(largest)
                    if known(input)
                        .and_then(|one| one.most.as_ref()?.as_usize())
                        .is_some_and(|most| most as u64 <= largest) =>
                {
                    break;
                }
                Largest::Value(largest) => found.push(Carries {
                    memory_mb: *memory_mb,
                    input: input.to_string(),
                    largest: Some(largest.to_string()),
                    given: given.clone(),
                }),
                Largest::Any => {
                    found.push(Carries {
                        memory_mb: *memory_mb,
                        input: input.to_string(),
                        largest: None,
                        given: given.clone(),
                    });
                    break;
                }
                Largest::None => {}
            }
        }
    }
    found
}

enum Largest {
    /// This is the largest that fits.
    Value(u64),
    /// Whatever its value, it fits.
    Any,
    /// None fits, or it cannot be told.
    None,
}

fn largest(formula: &Formula, input: &str, room: &BigInt) -> Largest {
    let fits = |n: u64| match formula.evaluate(&Environment::new().with(input, BigInt::from(n))) {
        Ok(value) => Some(value.ceil().to_integer() <= *room),
        // A sum of very many rounds, and a number of very many digits, are above any setting.
        Err(EvaluateError::TooManySteps | EvaluateError::TooLarge(_)) => Some(false),
        // Such as `log2` of a size that is still zero.
        Err(_) => None,
    };
    let mut low = match (fits(0), fits(1)) {
        (_, Some(true)) => 1_u64,
        (Some(true), Some(false)) => return Largest::Value(0),
        (_, _) => return Largest::None,
    };
    let mut high = low;
    loop {
        high = high.saturating_mul(2);
        match fits(high) {
            Some(true) if high >> MOST_BITS != 0 => return Largest::Any,
            Some(true) => low = high,
            Some(false) => break,
            None => return Largest::None,
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match fits(middle) {
            Some(true) => low = middle,
            Some(false) => high = middle,
            None => return Largest::None,
        }
    }
    Largest::Value(low)
}

/// A workload to fill in: what a recommendation does not know, ready to be given values.
pub(super) fn workload(found: &Recommendation) -> String {
    let mut text = format!(
        "# What the memory of {} ({}) depends on. Fill in values as they come, each as often as it comes.\n\
         schema = {{ name = \"meminterface.workload\", version = 1 }}\nseed = 0\n",
        found.handler, found.file
    );
    let open: Vec<&UnknownInput> = found.unknown.iter().filter(|one| !one.name.starts_with("import ")).collect();
    if open.is_empty() {
        text.push_str("\n# Nothing that is not known.\n");
    }
    for one in open {
        let place = if one.line > 0 { format!("{}:{}: ", one.file, one.line) } else { String::new() };
        let table = if one.line > 0 { "mcvs" } else { "inputs" };
        text.push_str(&format!("\n# {place}{}\n", one.cause.replace(['\n', '\r'], " ")));
        for carries in found.carries.iter().filter(|carries| carries.input == one.name).take(3) {
            if let Some(largest) = &carries.largest {
                let line = format!("# {} MB hold up to {largest} {}", carries.memory_mb, carries.given);
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        let name = serde_json::Value::String(one.name.clone()).to_string();
        text.push_str(&format!("[{table}.{name}]\ndistribution = \"empirical\"\nvalues = []\n"));
    }
    text
}
