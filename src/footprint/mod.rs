//! What a process holds: before its first event, while it starts, and above that for an invocation.
//!
//! The one place that puts together shipped footprints of imports, the modules' own objects, imports that functions make
//! and the resident peak of the handler; `recommend`, `validate`, `check` and `listing` all read footprints here. Pure
//! functions over what `project` and `memory` found.

use num_traits::ToPrimitive;

use crate::expression::Text;
use crate::formula::{Environment, Formula};
use crate::memory::Outcome;
use crate::memory::amount::Amount;
use crate::memory::predict::bounds;
use crate::memory::unknown::{Unknown, UnknownKind};
use crate::project::discover::{Handler, Platform as Runs};
use crate::project::imports::Outside;
use crate::recommend::{Baseline, Platform, baseline};

/// A range of bytes; no upper end where nothing bounds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub low: u64,
    /// At the most.
    pub high: Option<u64>,
}

impl Range {
    /// The range of a formula whose unknowns are between their bounds.
    pub fn of(formula: &Formula, unknown: &[Unknown]) -> Self {
        let (low, high) = bounds(formula, unknown);
        Self {
            low: low.and_then(|formula| value(&formula)).unwrap_or(0),
            high: high.and_then(|formula| value(&formula)),
        }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            high: self.high.zip(other.high).map(|(a, b)| a.saturating_add(b)),
        }
    }
}

/// Whole bytes of a formula without symbols.
fn value(formula: &Formula) -> Option<u64> {
    let bytes = formula.evaluate(&Environment::new()).ok()?.ceil().to_integer();
    Some(bytes.to_u64().unwrap_or(if bytes.sign() == num_bigint::Sign::Minus { 0 } else { u64::MAX }))
}

/// What a process holds beside the objects of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Interpreter, runtime client, and what modules import and call while they are imported.
    pub base: Baseline,
    /// What imports and clients within functions add once they are called, in bytes.
    pub later_bytes: u64,
    /// Those imports and clients.
    pub later: Vec<String>,
    /// Top-level packages that nothing is known of, at once or later.
    pub missing: Vec<String>,
}

impl Process {
    /// From a project's imports. None if the shipped footprints cannot be read, which a test excludes.
    pub fn of(outside: &Outside) -> Option<Self> {
        fn names(all: &[String]) -> Vec<&str> {
            all.iter().map(String::as_str).collect()
        }
        let base = baseline(names(&outside.imports), names(&outside.clients))?;
        let all = baseline(
            [names(&outside.imports), names(&outside.later_imports)].concat(),
            [names(&outside.clients), names(&outside.later_clients)].concat(),
        )?;
        let later_bytes = all.resident_bytes.saturating_sub(base.resident_bytes);
        let later = [outside.later_imports.as_slice(), outside.later_clients.as_slice()].concat();
        Some(Self { base, later_bytes, later, missing: all.missing })
    }

    fn imports(&self) -> Range {
        Range { low: self.base.resident_bytes, high: Some(self.base.resident_bytes) }
    }

    /// Before the first event: imports, and the modules' own objects. What a missing package adds nobody knows: then
    /// there is no upper end.
    pub fn baseline(&self, outcome: &Outcome) -> Range {
        let held = self.imports().and(Range::of(&outcome.initial, &outcome.unknown));
        Range { high: held.high.filter(|_| self.missing.is_empty()), ..held }
    }

    /// At the highest while the process starts.
    pub fn initial_peak(&self, outcome: &Outcome) -> Range {
        self.imports().and(Range::of(&outcome.initial_peak, &outcome.unknown))
    }

    /// Of an invocation, above the baseline: its resident peak, and imports within functions.
    pub fn above(&self, resident_peak: &Formula, unknown: &[Unknown]) -> Range {
        let mut peak = Range::of(resident_peak, unknown);
        peak.high = peak.high.map(|high| high.saturating_add(self.later_bytes));
        peak
    }
}

/// The name of the platform that runs a handler, as `recommend::platform` knows it.
pub fn platform_of(handler: &Handler) -> &'static str {
    match handler.platform {
        Runs::AwsLambda | Runs::Unknown => "aws-lambda",
        Runs::GoogleCloud => "google-cloud",
        Runs::Azure => "azure-flex",
    }
}

/// What a template and its platform say of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Most bytes of the event.
    pub bytes: u64,
    /// Most records of an event that has any.
    pub records: Option<u64>,
    /// What was taken from where.
    pub notes: Vec<String>,
}

impl Request {
    /// The largest request that a handler can meet.
    pub fn of(handler: &Handler, platform: &Platform) -> Self {
        let sources = &handler.settings.events;
        let mut found = Self::default();
        let mut all_have_records = !sources.is_empty();
        for source in sources {
            let known = platform.event_source(&source.kind);
            let bytes = known.map_or(platform.payload.synchronous_bytes, |known| known.payload_bytes);
            found.bytes = found.bytes.max(bytes);
            match source.batch_size.or(known.and_then(|known| known.records)) {
                Some(records) => {
                    found.records = Some(found.records.unwrap_or(0).max(records));
                    let whose = if source.batch_size.is_some() { "the template's" } else { "the default" };
                    found
                        .notes
                        .push(format!("a {} event brings at most {records} records ({whose} batch size)", source.kind));
                }
                None => all_have_records = false,
            }
        }
        if !all_have_records {
            found.records = None;
        }
        if sources.is_empty() {
            found.bytes = platform.payload.synchronous_bytes;
        }
        found.notes.push(format!("an event has at most {} bytes, as {} lets through", found.bytes, platform.title));
        found
    }

    /// Bounds of what the event gives, beside those that are known: lengths cannot exceed what a request may hold.
    pub fn bounded(&self, peak: &Formula, unknown: &[Unknown]) -> Vec<Unknown> {
        let mut all = unknown.to_vec();
        for symbol in peak.symbols() {
            let Some(path) = symbol.strip_prefix("len(").and_then(|rest| rest.strip_suffix(')')) else { continue };
            if unknown.iter().any(|one| one.name == symbol) {
                continue;
            }
            let is_records = ["[\"Records\"]", "[\"records\"]"].iter().any(|end| path.ends_with(end));
            let most = match self.records.filter(|_| is_records) {
                Some(records) => records,
                None => self.bytes,
            };
            all.push(Unknown {
                name: Text::clone(&symbol),
                kind: UnknownKind::Input,
                cause: "it is part of the event".to_owned(),
                meaning: symbol.to_string(),
                file: String::new(),
                line: 0,
                least: Amount::ZERO,
                most: Some(Amount::Int(i128::from(most))),
                typical: None,
            });
        }
        all
    }
}
