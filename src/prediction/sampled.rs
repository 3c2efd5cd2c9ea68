//! Predictions for a workload: quantiles of demand, peak, resident peak and retained bytes.
//!
//! Two ways. *By formula*: the handler is run once for each event that is given, what the workload draws stays a symbol, and
//! the formulas are evaluated for all samples; a few samples are run one by one to see whether the formulas hold. *By runs*:
//! each sample is run on its own event, as far as the bound on work reaches. The first is taken where it can be and agrees.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::Value as Json;

use super::exceeds::resized;
use super::{EVENT_STEPS, FAST_STEPS, LEFT_OVER, Predictor, SYMBOLIC_STEPS, Values, listed};
use crate::diagnostic::{Diagnostic, Kind, Span, near_help};
use crate::expression::{Text, Value as Plain};
use crate::formula::{Environment, Formula};
use crate::memory::predict::{Outcome, bounds_over, resident_bound, typical_over};
use crate::memory::ratios::{Ratio, Ratios};
use crate::memory::unknown::{Unknown, UnknownKind};
use crate::workload::{Drawn, Entry, SAMPLES, Source, Table, Workload, input_path, number_of, part, put, stands_for};

/// The shares of samples whose bytes are told, by name.
pub const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// Most samples that are run one by one.
const MOST_RUNS: usize = 2_000;

/// Statements, and work on formulas, of all of these together.
const RUN_STEPS: u64 = 40_000_000;

/// Samples that are run to see whether the formulas hold, and how far these may be off.
const CHECKED: [f64; 4] = [0.05, 0.5, 0.9, 1.0];
const MOST_OFF: f64 = 0.03;

/// What a difference of figures is held against at the least, in bytes.
const LEAST_COMPARED: f64 = 65_536.0;

/// Samples whose columns are made at a time.
const CHUNK: usize = 1 << 16;

/// How a workload was predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Formulas over what is drawn, evaluated for each sample.
    Formula,
    /// A run for each sample.
    Runs,
}

/// How much is drawn, and how much work that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// How many samples; the workload's number, or else 10,000, if not given.
    pub samples: Option<usize>,
    /// Where draws begin, if not where the workload says.
    pub seed: Option<u64>,
    /// Most different samples that are run one by one.
    pub most_runs: usize,
    /// Statements, and work on formulas, of all of these together.
    pub most_steps: u64,
    /// Whether what learned contracts leave over is drawn; else it is at its median.
    pub draws_ratios: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { samples: None, seed: None, most_runs: MOST_RUNS, most_steps: RUN_STEPS, draws_ratios: true }
    }
}

/// Bytes of every sample, in the samples' order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// The least that each may be.
    pub low: Vec<f64>,
    /// What is expected where something says so, and else the largest; infinite where nothing bounds it.
    pub bytes: Vec<f64>,
}

impl Spread {
    /// Whether something bounds each of them.
    fn is_bounded(&self) -> bool {
        self.bytes.iter().all(|bytes| bytes.is_finite())
    }

    /// The same from the least to the largest, each for itself.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let mut spread = self.clone();
        spread.low.sort_by(f64::total_cmp);
        spread.bytes.sort_by(f64::total_cmp);
        spread
    }
}

/// What a workload gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// How many samples there are.
    pub samples: usize,
    /// How many were asked for.
    pub wanted: usize,
    /// Where draws began.
    pub seed: u64,
    /// How it was done.
    pub method: Method,
    /// How often the machine ran.
    pub runs: usize,
    /// Of the samples that were run beside formulas, how far the formulas were off at the most.
    pub off: Option<f64>,
    /// Demand, peak, resident peak, retained.
    pub spreads: [Spread; 4],
    /// What is not known and what the workload does not give.
    pub open: Vec<Unknown>,
    /// What was taken for granted, beside what the runs say.
    pub notes: Vec<String>,
}

/// The parts of what is drawn for a sample.
struct Sample {
    event: Option<Json>,
    values: Values,
}

/// A symbol of formulas, and what gives its values.
struct Column<'w> {
    symbol: Text,
    draw: Draw<'w>,
}

/// What gives the values of a symbol.
enum Draw<'w> {
    /// An entry of the workload: what it gives, or the length of that.
    Entry(&'w Entry, bool),
    /// What a learned contract leaves over.
    Ratio(&'w Ratio),
}

impl Column<'_> {
    fn at(&self, seed: u64, sample: usize) -> f64 {
        let (entry, length) = match &self.draw {
            Draw::Ratio(ratio) => return ratio.drawn(seed, sample),
            Draw::Entry(entry, length) => (*entry, *length),
        };
        if matches!(entry.source, Source::Numbers { .. }) {
            return entry.number(seed, sample).unwrap_or(f64::NAN);
        }
        let drawn = entry.draw(seed, sample);
        length_or_number(&drawn, length).unwrap_or(f64::NAN)
    }

    /// Whether each draw is a number for this symbol.
    fn is_numeric(&self) -> bool {
        let (entry, is_length) = match &self.draw {
            Draw::Ratio(_) => return true,
            Draw::Entry(entry, length) => (*entry, *length),
        };
        match &entry.source {
            Source::Open => false,
            Source::Fixed(drawn) => length_or_number(drawn, is_length).is_some(),
            Source::Listed { items, .. } | Source::Rows(items) => {
                items.iter().all(|item| length_or_number(item, is_length).is_some())
            }
            Source::Numbers { length, .. } => *length || !is_length || entry.name.trim().starts_with("len("),
        }
    }
}

fn length_or_number(drawn: &Drawn, length: bool) -> Option<f64> {
    match (drawn, length) {
        (Drawn::Value(Json::String(text)), true) => Some(text.chars().count() as f64),
        (Drawn::Value(Json::Array(items)), true) => Some(items.len() as f64),
        (Drawn::Value(Json::Object(entries)), true) => Some(entries.len() as f64),
        (Drawn::Value(_), true) => None,
        (drawn, _) => number_of(drawn),
    }
}

/// The values of all samples by a run's formulas, or why not.
type ByFormula = [Spread; 4];

/// The least and the expected bytes of demand, peak, resident peak and retained memory.
type Figures = [(f64, f64); 4];

/// What runs give.
struct ByRuns {
    /// The bytes of each sample.
    spreads: [Spread; 4],
    /// Of the last sample; formulas as they are.
    outcome: Outcome,
    /// Samples.
    done: usize,
    runs: usize,
    /// Exceptions, with how often they come.
    raising: BTreeMap<String, usize>,
    /// The callables whose learned contracts leave something over.
    callables: Vec<Text>,
}

/// What is taken for what learned contracts leave over in a sample.
fn ratios_of(draws: bool, seed: u64, sample: usize) -> Ratios {
    if draws { Ratios::Drawn { seed, sample } } else { Ratios::At(LEFT_OVER[1]) }
}

/// What is assumed of draws of what learned contracts leave over.
fn drawn_note(callables: &[Text], draws: bool) -> Option<String> {
    let names = listed(callables);
    match (callables, draws) {
        ([], _) => None,
        (_, true) => Some(format!(
            "each sample draws what learned contracts leave over ({names}): once for all calls of a callable, independently for \
             different callables"
        )),
        (_, false) => Some(format!("what learned contracts leave over ({names}) is not drawn")),
    }
}

impl Predictor<'_> {
    /// What a workload gives. `events` are those that its draws change; without any, an event is made of its inputs.
    ///
    /// # Errors
    /// An entry that a handler does not ask for, with its place in `file`.
    pub fn sample(
        &self,
        events: &[Json],
        values: &Values,
        workload: &Workload,
        sampling: &Sampling,
    ) -> (Sampled, Outcome) {
        let count = sampling.samples.or(workload.samples).unwrap_or(SAMPLES).max(1);
        let seed = sampling.seed.unwrap_or(workload.seed);
        let mut notes: Vec<String> = workload
            .open()
            .map(|entry| {
                format!("`{}` has no values in the workload (line {}): it stays unknown", entry.name, entry.line)
            })
            .collect();
        let has_inputs = workload.of(Table::Inputs).next().is_some();
        // With an event, what its draws change is no symbol: then each sample is an event of its own.
        let mut formula = match events.is_empty() || !has_inputs {
            true => self.by_formula(events, values, workload, (count, seed), sampling.draws_ratios),
            false => None,
        };
        let by_formula = |spreads, outcomes, runs, off, notes| {
            self.by_formula_done(spreads, outcomes, workload, (count, seed, runs, off), sampling.draws_ratios, notes)
        };
        let mut off = None;
        let mut kept: Option<(ByFormula, Vec<Outcome>)> = None;
        // Parts of the event that the workload does not give may be missing in it: only runs can say what is then.
        let lacks = |outcome: &Outcome| self.open(outcome, workload).iter().any(|one| one.line == 0);
        let is_partial = has_inputs && formula.as_ref().is_some_and(|(_, outcomes)| outcomes.iter().any(lacks));
        let unheeded = self.unheeded(events, values, workload, seed);
        let is_bounded = |(spreads, _): &mut (ByFormula, Vec<Outcome>)| spreads.iter().all(Spread::is_bounded);
        if !unheeded.is_empty()
            && let Some((spreads, outcomes)) = formula.take_if(is_bounded)
        {
            let runs = outcomes.len();
            return by_formula(spreads, outcomes, runs, None, notes);
        }
        notes.extend(
            unheeded.iter().map(|name| format!("`{name}` is not asked for where the events of the workload are run")),
        );
        if is_partial {
            kept = formula;
        } else if let Some((spreads, outcomes)) = formula {
            match self.check(events, values, workload, (count, seed), sampling.draws_ratios, &spreads) {
                Some((worst, _)) if worst > MOST_OFF => {
                    off = Some(worst);
                    kept = Some((spreads, outcomes));
                }
                checked => {
                    let off = checked.map(|(worst, _)| worst);
                    let runs = outcomes.len() + checked.map_or(0, |(_, runs)| runs);
                    return by_formula(spreads, outcomes, runs, off, notes);
                }
            }
        }
        if let Some(found) = self.by_runs(events, values, workload, count, seed, sampling) {
            let ByRuns { spreads, outcome, done, runs, raising, callables } = found;
            if let Some((spreads, outcomes)) =
                kept.take_if(|_| is_partial && raising.keys().any(|name| lacks_part(name)))
            {
                let runs = outcomes.len() + runs;
                return by_formula(spreads, outcomes, runs, None, notes);
            }
            if is_partial {
                notes.push("what the workload does not give is not in the event".to_owned());
            }
            if let Some(off) = off {
                notes.push(format!("formulas were off by {:.0} %: each sample was run instead", off * 100.0));
            }
            if done < count {
                notes.push(format!("{done} samples of {count} were run: more is more work than is done"));
            }
            notes.extend(drawn_note(&callables, sampling.draws_ratios && !self.symbolic));
            for (name, times) in raising {
                notes.push(format!("in {times} of {done} samples the handler raises {name}"));
            }
            let open = self.open(&outcome, workload);
            let sampled = Sampled {
                samples: done,
                wanted: count,
                seed,
                method: Method::Runs,
                runs,
                off: None,
                spreads,
                open,
                notes,
            };
            return (sampled, outcome);
        }
        match kept {
            Some((spreads, outcomes)) => {
                let runs = outcomes.len();
                by_formula(spreads, outcomes, runs, off, notes)
            }
            None => {
                let outcome = self.outcome(events.first().map(Plain::from_json).as_ref(), values, FAST_STEPS);
                notes.push("the handler is not followed to its end: nothing bounds what it takes".to_owned());
                let open = self.open(&outcome, workload);
                let spread = || Spread { low: vec![0.0; count], bytes: vec![f64::INFINITY; count] };
                let spreads = [spread(), spread(), spread(), spread()];
                let sampled = Sampled {
                    samples: count,
                    wanted: count,
                    seed,
                    method: Method::Runs,
                    runs: 1,
                    off: None,
                    spreads,
                    open,
                    notes,
                };
                (sampled, outcome)
            }
        }
    }

    /// Variables of the workload that runs of its events would not ask for: what an event leaves out may be what they
    /// stand for (the item size of an array whose `dtype` the event may give). Then only formulas speak of them.
    fn unheeded<'w>(&self, events: &[Json], values: &Values, workload: &'w Workload, seed: u64) -> Vec<&'w str> {
        let mut names = workload.of(Table::Mcvs).map(|entry| entry.name.trim()).peekable();
        if !events.is_empty() || names.peek().is_none() {
            return Vec::new();
        }
        let event = self.drawn(events, values, workload, 0, seed).and_then(|sample| sample.event);
        let Some(event) = event.as_ref().map(Plain::from_json) else { return Vec::new() };
        let asked = self.names(&[&self.outcome(Some(&event), &Values::new(), FAST_STEPS)]);
        names.filter(|name| !asks_for(&asked, name)).collect()
    }

    fn by_formula_done(
        &self,
        spreads: ByFormula,
        mut outcomes: Vec<Outcome>,
        workload: &Workload,
        (count, seed, runs, off): (usize, u64, usize, Option<f64>),
        draws_ratios: bool,
        mut notes: Vec<String>,
    ) -> (Sampled, Outcome) {
        let mut open: Vec<Unknown> = Vec::new();
        for outcome in &outcomes {
            for one in self.open(outcome, workload) {
                if !open.iter().any(|known| known.name == one.name) {
                    open.push(one);
                }
            }
        }
        let callables: BTreeSet<Text> = outcomes.iter().flat_map(super::callables).collect();
        let callables: Vec<Text> = callables.into_iter().collect();
        notes.extend(drawn_note(&callables, draws_ratios && !self.symbolic));
        let first = outcomes.swap_remove(0);
        let method = Method::Formula;
        (Sampled { samples: count, wanted: count, seed, method, runs, off, spreads, open, notes }, first)
    }

    /// The entries that give a formula's symbols.
    fn columns<'w>(&self, symbols: &BTreeSet<Text>, unknown: &[Unknown], workload: &'w Workload) -> Vec<Column<'w>> {
        let mut columns = Vec::new();
        for symbol in symbols {
            let is_unknown = unknown.iter().any(|one| one.name == *symbol && one.kind != UnknownKind::Input);
            let of = |entry: &'w Entry| -> Option<Column<'w>> {
                let name = entry.name.trim();
                if is_unknown {
                    let length = **symbol == *format!("len_{name}");
                    let is_it = **symbol == *name || length && entry.has_lengths();
                    return is_it.then(|| Column { symbol: symbol.clone(), draw: Draw::Entry(entry, length) });
                }
                let length = stands_for(symbol, name)?;
                Some(Column { symbol: symbol.clone(), draw: Draw::Entry(entry, length) })
            };
            let of_table = |table| workload.of(table).find_map(of);
            let (first, second) = if is_unknown { (Table::Mcvs, Table::Inputs) } else { (Table::Inputs, Table::Mcvs) };
            columns.extend(of_table(first).or_else(|| of_table(second)));
        }
        columns
    }

    /// Unknowns of an outcome's formulas that the workload does not give, with the parts of the event among them.
    fn open(&self, outcome: &Outcome, workload: &Workload) -> Vec<Unknown> {
        let formulas = outcome.formulas();
        let symbols: BTreeSet<Text> = formulas.iter().flat_map(|formula| formula.symbols()).collect();
        let given: BTreeSet<Text> =
            self.columns(&symbols, &outcome.unknown, workload).into_iter().map(|column| column.symbol).collect();
        symbols
            .into_iter()
            .filter(|symbol| !given.contains(symbol))
            .map(|symbol| match outcome.unknown.iter().find(|one| one.name == symbol) {
                Some(unknown) => unknown.clone(),
                None => Unknown {
                    meaning: symbol.to_string(),
                    name: symbol,
                    kind: UnknownKind::Input,
                    cause: "it is part of the event, and the workload does not give it".to_owned(),
                    file: String::new(),
                    line: 0,
                    least: crate::memory::amount::Amount::ZERO,
                    most: None,
                    typical: None,
                },
            })
            .collect()
    }

    /// All samples by the formulas of a run for each event. None where that cannot be.
    fn by_formula(
        &self,
        events: &[Json],
        values: &Values,
        workload: &Workload,
        (count, seed): (usize, u64),
        draws_ratios: bool,
    ) -> Option<(ByFormula, Vec<Outcome>)> {
        let mut values = values.clone();
        // A value that is no number and always the same is known from the beginning.
        for entry in workload.of(Table::Mcvs) {
            if let Source::Fixed(Drawn::Value(value)) = &entry.source {
                values.insert(Text::from(entry.name.trim()), Plain::from_json(value));
            }
        }
        let outcomes: Vec<Outcome> = match events {
            [] => vec![self.outcome(None, &values, SYMBOLIC_STEPS)],
            events => {
                events.iter().map(|event| self.outcome(Some(&Plain::from_json(event)), &values, FAST_STEPS)).collect()
            }
        };
        if outcomes.iter().any(|outcome| !outcome.complete) {
            return None;
        }
        // Where learned contracts leave something over, formulas with symbols for that are evaluated, and those without
        // are told.
        let ratios = if draws_ratios { Ratios::Symbols } else { Ratios::At(LEFT_OVER[1]) };
        let evaluated_ones: Vec<Cow<'_, Outcome>> = outcomes
            .iter()
            .enumerate()
            .map(|(at, outcome)| {
                if outcome.ratios.is_empty() {
                    return Cow::Borrowed(outcome);
                }
                let event = events.get(at).map(Plain::from_json);
                let steps = if event.is_some() { FAST_STEPS } else { SYMBOLIC_STEPS };
                Cow::Owned(self.outcome_with(event.as_ref(), &values, steps, ratios))
            })
            .collect();
        if evaluated_ones.iter().any(|outcome| !outcome.complete) {
            return None;
        }
        let mut spreads: ByFormula = std::array::from_fn(|_| Spread { low: vec![0.0; count], bytes: vec![0.0; count] });
        for (at, outcome) in evaluated_ones.iter().enumerate() {
            let formulas = outcome.formulas();
            let symbols: BTreeSet<Text> = formulas.iter().flat_map(|formula| formula.symbols()).collect();
            let mut columns = self.columns(&symbols, &outcome.unknown, workload);
            let ratios = outcome.ratios.iter().filter(|ratio| symbols.contains(&ratio.symbol));
            columns.extend(ratios.map(|ratio| Column { symbol: ratio.symbol.clone(), draw: Draw::Ratio(ratio) }));
            if columns.iter().any(|column| !column.is_numeric()) {
                return None;
            }
            // Without an event the samples are all there is to say of inputs.
            let own: Vec<usize> = (at..count).step_by(evaluated_ones.len()).collect();
            for (formula, spread) in formulas.into_iter().zip(&mut spreads) {
                let [low, bytes] = evaluated(formula, &outcome.unknown, &columns, seed, &own)?;
                for ((sample, low), bytes) in own.iter().zip(low).zip(bytes) {
                    if let (Some(to_low), Some(to_bytes)) = (spread.low.get_mut(*sample), spread.bytes.get_mut(*sample))
                    {
                        (*to_low, *to_bytes) = (low.min(bytes), bytes.max(low));
                    }
                }
            }
        }
        drop(evaluated_ones);
        Some((spreads, outcomes))
    }

    /// What is drawn for a sample, as an event and values. None where an input cannot be put into an event.
    fn drawn(&self, events: &[Json], values: &Values, workload: &Workload, sample: usize, seed: u64) -> Option<Sample> {
        let mut event = match events {
            [] => None,
            events => events.get(sample % events.len()).cloned(),
        };
        let mut values = values.clone();
        for entry in workload.of(Table::Mcvs) {
            let name = entry.name.trim();
            match entry.draw(seed, sample) {
                Drawn::Value(value) => {
                    values.insert(Text::from(name), Plain::from_json(&value));
                }
                Drawn::Length(length) => {
                    values.insert(Text::from(format!("len_{name}")), Plain::int(length));
                    let is_name = self.known.iter().any(|known| *known.name == *name);
                    // A quantity by that name is the length itself.
                    if !is_name || name.starts_with("len_") {
                        values.insert(Text::from(name), Plain::int(length));
                    }
                }
            }
        }
        for entry in workload.of(Table::Inputs) {
            let Some(path) = input_path(&entry.name) else {
                // What is no place of the event is a variable that stands in the wrong table.
                if let Drawn::Value(value) = entry.draw(seed, sample) {
                    values.insert(Text::from(entry.name.trim()), Plain::from_json(&value));
                }
                continue;
            };
            let is_one = path.keys.len() == 1
                && self.known.iter().any(|known| Some(&*known.name) == path.keys.first().map(String::as_str));
            let event = event.get_or_insert_with(|| Json::Object(serde_json::Map::new()));
            let old = part(event, &path.keys);
            let value = match entry.draw(seed, sample) {
                Drawn::Value(value) if !path.length => value,
                Drawn::Value(value) => resized(old?, value.as_u64()?)?,
                Drawn::Length(length) => resized(old?, length)?,
            };
            if is_one && old.is_none() {
                values.insert(Text::from(entry.name.trim()), Plain::from_json(&value));
            }
            put(event, &path.keys, &value);
        }
        Some(Sample { event, values })
    }

    /// How far formulas are off for a few samples, and how many were run. None if none can be run.
    fn check(
        &self,
        events: &[Json],
        values: &Values,
        workload: &Workload,
        (count, seed): (usize, u64),
        draws_ratios: bool,
        spreads: &ByFormula,
    ) -> Option<(f64, usize)> {
        let resident = spreads.get(2)?;
        let mut order: Vec<usize> = (0..count).collect();
        let key = |at: &usize| resident.bytes.get(*at).copied().unwrap_or(0.0);
        order.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
        let mut worst: Option<f64> = None;
        let mut runs = 0;
        let mut looked: Vec<usize> = Vec::new();
        for share in CHECKED {
            let at = ((count - 1) as f64 * share) as usize;
            let Some(sample) = order.get(at).copied().filter(|sample| !looked.contains(sample)) else { continue };
            looked.push(sample);
            let formula = key(&sample);
            if !formula.is_finite() {
                continue;
            }
            let drawn = self.drawn(events, values, workload, sample, seed)?;
            let event = drawn.event.as_ref().map(Plain::from_json);
            // Without an event that is whole there is nothing to hold the formulas against.
            event.as_ref()?;
            let ratios = ratios_of(draws_ratios, seed, sample);
            let outcome = self.outcome_with(event.as_ref(), &drawn.values, FAST_STEPS, ratios);
            runs += 1;
            if outcome.raised().is_some_and(lacks_part) {
                return None;
            }
            if !outcome.complete {
                continue;
            }
            let (_, bytes) = bytes_of(&outcome.resident_peak, &outcome.unknown);
            if bytes.is_finite() {
                let difference = (formula - bytes).abs() / bytes.max(LEAST_COMPARED);
                worst = Some(worst.map_or(difference, |worst| worst.max(difference)));
            }
        }
        worst.map(|worst| (worst, runs))
    }

    /// A run for each sample that differs from the others, as far as the bound on work reaches.
    fn by_runs(
        &self,
        events: &[Json],
        values: &Values,
        workload: &Workload,
        count: usize,
        seed: u64,
        sampling: &Sampling,
    ) -> Option<ByRuns> {
        let mut known: BTreeMap<String, (Figures, Option<String>)> = BTreeMap::new();
        let mut spreads: [Spread; 4] = Default::default();
        let mut raising: BTreeMap<String, usize> = BTreeMap::new();
        let (mut steps, mut done, mut runs) = (0_u64, 0, 0);
        let mut callables: BTreeSet<Text> = BTreeSet::new();
        let mut last = None;
        // Whether the work is one event's, or that of many.
        let each =
            if workload.entries.iter().all(|entry| entry.variety().is_some()) { EVENT_STEPS } else { FAST_STEPS };
        for sample in 0..count {
            let drawn = self.drawn(events, values, workload, sample, seed)?;
            let mut key = drawn.event.as_ref().map(Json::to_string).unwrap_or_default();
            for (name, value) in &drawn.values {
                key.push_str(&format!("\n{name}={value:?}"));
            }
            let (figures, raises) = match known.get(&key) {
                Some(found) => found.clone(),
                None => {
                    if runs >= sampling.most_runs || steps > sampling.most_steps {
                        break;
                    }
                    runs += 1;
                    let event = drawn.event.as_ref().map(Plain::from_json);
                    let ratios = ratios_of(sampling.draws_ratios, seed, sample);
                    let outcome = self.outcome_with(event.as_ref(), &drawn.values, each, ratios);
                    steps = steps.saturating_add(outcome.steps.max(1_000));
                    let formulas = outcome.formulas();
                    let figures = formulas.map(|formula| match outcome.complete {
                        true => bytes_of(formula, &outcome.unknown),
                        false => (bytes_of(formula, &outcome.unknown).0, f64::INFINITY),
                    });
                    let found = (figures, outcome.raised().map(str::to_owned));
                    callables.extend(super::callables(&outcome));
                    // With draws of its own, a sample is like no other.
                    if outcome.ratios.is_empty() || !sampling.draws_ratios {
                        known.insert(key, found.clone());
                    }
                    last = Some((event, drawn.values.clone(), outcome));
                    found
                }
            };
            for (spread, (low, bytes)) in spreads.iter_mut().zip(figures) {
                spread.low.push(low);
                spread.bytes.push(bytes);
            }
            if let Some(name) = raises {
                *raising.entry(name).or_insert(0) += 1;
            }
            done += 1;
        }
        let (event, values, outcome) = last?;
        // What is told are formulas as they are.
        let outcome = match outcome.ratios.is_empty() {
            true => outcome,
            false => self.outcome(event.as_ref(), &values, each),
        };
        Some(ByRuns { spreads, outcome, done, runs, raising, callables: callables.into_iter().collect() })
    }

    /// What entries of a workload mean nothing to this handler.
    pub fn strangers<'w>(&self, workload: &'w Workload, outcomes: &[&Outcome]) -> Vec<&'w Entry> {
        let given = workload.of(Table::Mcvs).map(|entry| entry.name.trim());
        let names = self.names_beside(given, outcomes, None);
        let keys = self.keys();
        let is_input = |name: &str| {
            input_path(name)
                .is_some_and(|path| path.keys.iter().all(|key| keys.contains(key) || key.parse::<usize>().is_ok()))
        };
        workload
            .entries
            .iter()
            .filter(|entry| {
                let name = entry.name.trim();
                match entry.table {
                    Table::Mcvs => !asks_for(&names, name),
                    Table::Inputs => !is_input(name) && !asks_for(&names, name),
                }
            })
            .collect()
    }

    /// The error for an entry that no handler asks for.
    pub fn stranger(&self, file: &std::path::Path, entry: &Entry, outcomes: &[&Outcome]) -> Diagnostic {
        let names = self.names(outcomes);
        let keys = self.keys();
        let message = match entry.table {
            Table::Mcvs => format!("nothing unknown is called `{}`", entry.name),
            Table::Inputs => format!("nothing reads `{}` from an event", entry.name),
        };
        let wanted = match (entry.table, input_path(&entry.name)) {
            (Table::Inputs, Some(path)) => path.keys.iter().find(|key| !keys.contains(*key)).cloned(),
            _ => None,
        };
        let wanted = wanted.unwrap_or_else(|| entry.name.clone());
        let other = || "`predict` without a workload lists what is not known".to_owned();
        let help = match entry.table {
            Table::Mcvs => near_help(&wanted, names.iter().map(|name| &**name), other),
            Table::Inputs => near_help(&wanted, keys.iter().map(String::as_str), other),
        };
        let at = Span::point(entry.line, entry.column);
        Diagnostic::new(Kind::InvalidWorkload, message).in_file(file).at(at).help(help)
    }
}

/// Whether a name, or the length of it, is among those that are asked for.
fn asks_for(names: &BTreeSet<Text>, name: &str) -> bool {
    names.contains(name) || names.contains(&*format!("len_{name}"))
}

/// Whether an exception says that an event is not whole.
fn lacks_part(name: &str) -> bool {
    matches!(name, "KeyError" | "IndexError" | "TypeError" | "AttributeError")
}

/// Bytes of a formula over unknowns: the least, and what is expected or else the largest.
fn bytes_of(formula: &Formula, unknown: &[Unknown]) -> (f64, f64) {
    let number = |formula: Option<Formula>| -> Option<f64> {
        use num_traits::ToPrimitive as _;
        let value = formula?.evaluate(&Environment::new()).ok()?.ceil().to_integer().to_f64()?;
        Some(value.max(0.0))
    };
    let (low, high) = bounds_over(formula, unknown, &BTreeSet::new());
    let low = number(low).unwrap_or(0.0);
    let usual = typical_over(formula, unknown, &BTreeSet::new());
    let bytes = number(usual).or_else(|| number(high)).unwrap_or(f64::INFINITY);
    (low.min(bytes), bytes.max(low))
}

/// What the upper bound of a sample's resident peak is, from its bytes.
pub(super) fn with_allowance(bytes: f64) -> f64 {
    use num_traits::ToPrimitive as _;
    match num_rational::BigRational::from_float(bytes) {
        Some(exact) => {
            let bound = resident_bound(&Formula::rational(exact), false);
            let value = bound.evaluate(&Environment::new()).ok().and_then(|value| value.to_f64());
            value.map_or(f64::INFINITY, f64::ceil)
        }
        None => f64::INFINITY,
    }
}

/// The least, and the expected or largest bytes of samples. None where a formula cannot be compiled.
fn evaluated(
    formula: &Formula,
    unknown: &[Unknown],
    columns: &[Column<'_>],
    seed: u64,
    samples: &[usize],
) -> Option<[Vec<f64>; 2]> {
    let stay: BTreeSet<Text> = columns.iter().map(|column| column.symbol.clone()).collect();
    let (low, high) = bounds_over(formula, unknown, &stay);
    let high = typical_over(formula, unknown, &stay).or(high);
    let compile = |formula: Option<Formula>| -> Option<Option<(crate::formula::Program, Vec<usize>)>> {
        let Some(formula) = formula else { return Some(None) };
        let used = formula.symbols();
        let places: Vec<usize> =
            columns.iter().enumerate().filter(|(_, c)| used.contains(&c.symbol)).map(|(at, _)| at).collect();
        let names: Vec<Text> = places.iter().filter_map(|at| columns.get(*at)).map(|c| c.symbol.clone()).collect();
        formula.compile(&names).ok().map(|program| Some((program, places)))
    };
    let programs = [compile(low)?, compile(high)?];
    let mut out = [vec![0.0; samples.len()], vec![0.0; samples.len()]];
    for (program, (out, missing)) in programs.iter().zip(out.iter_mut().zip([0.0, f64::INFINITY])) {
        let Some((program, places)) = program else {
            out.fill(missing);
            continue;
        };
        out.par_chunks_mut(CHUNK).zip(samples.par_chunks(CHUNK)).for_each(|(out, samples)| {
            let drawn: Vec<Vec<f64>> = places
                .iter()
                .filter_map(|at| columns.get(*at))
                .map(|column| samples.iter().map(|sample| column.at(seed, *sample)).collect())
                .collect();
            let slices: Vec<&[f64]> = drawn.iter().map(Vec::as_slice).collect();
            program.run_columns(&slices, out);
            for value in out {
                *value = if value.is_nan() { f64::INFINITY } else { value.max(0.0).ceil() };
            }
        });
    }
    Some(out)
}
