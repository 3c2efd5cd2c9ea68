//! All traces of one callable to a contract: which sizes matter, the formulas, what comes back, and how good it is on
//! sizes that it was not fitted to.
//!
//! Depends on `contracts`, `fit`, `residual` and `trace`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::fit::{self, Data, MOST_SIZES, Model, Options};
use super::trace::{Outcome, Trace};
use super::{quantile, residual};
use crate::contracts::Residual;

/// Median relative error on held-back sizes that a contract has to reach.
pub const GOOD_MEDIAN: f64 = 0.03;
/// 95th percentile of the relative error on held-back sizes that a contract has to reach.
pub const GOOD_P95: f64 = 0.10;
/// Median relative error on held-back sizes above which nothing is written if nothing else is said: a name for the unknown
/// says more.
pub const MOST_ERROR: f64 = 0.5;
/// Fewest different sizes that anything is learned from.
const FEWEST: usize = 4;
/// Most combinations of kinds of arguments that get formulas of their own.
const MOST_KINDS: usize = 12;
/// Bytes below which what stays behind, or grows, is not told from noise.
const NOISE: f64 = 4096.0;
/// Peaks from which resident growth is told from what the process had left, in bytes.
const TOUCHED_FROM: f64 = 393_216.0;
const MIB: f64 = 1_048_576.0;

/// Errors on sizes that the formula was not fitted to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Held-back measurements.
    pub heldout: usize,
    /// Median relative error of the peak on them; of those above 1 MiB if there are at least three.
    pub median: Option<f64>,
    /// 95th percentile of it.
    pub p95: Option<f64>,
    /// Share of them below the predicted 99th percentile.
    pub coverage: Option<f64>,
    /// Whether the errors are of peaks above 1 MiB alone.
    pub above_mib: bool,
    /// Why the contract does not reach the stated quality.
    pub weak: Option<String>,
}

/// One entry of a contract file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Conditions, as TOML: empty for the general entry.
    pub when: String,
    /// The result, as TOML.
    pub result: String,
    /// High-water mark of requested bytes.
    pub peak: Model,
    /// Bytes requested, nothing reclaimed.
    pub demand: Option<Model>,
    /// The part of the peak that is touched, where that is not the peak.
    pub resident: Option<Model>,
    /// What stays behind.
    pub retained: Option<Model>,
    /// The argument that grows, and by how much.
    pub grown: Option<(String, Model)>,
    /// What the formulas leave over, by amount.
    pub residuals: Vec<(&'static str, Residual)>,
    /// How good the peak is.
    pub quality: Quality,
    /// Smallest and largest value of each size in the formulas.
    pub range: Vec<(String, f64, f64)>,
    /// Measurements that it rests on.
    pub traces: usize,
}

/// A kind of object that the traces show, and that no declared contract has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenKind {
    /// Sizes.
    pub features: BTreeSet<String>,
    /// Features that are texts.
    pub texts: BTreeSet<String>,
}

/// What was learned of a callable.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// Qualified name.
    pub name: String,
    /// The library and its version.
    pub library: String,
    /// Its version.
    pub library_version: Option<String>,
    /// The interpreter's version.
    pub python: Option<String>,
    /// `linux-x86_64`.
    pub platform: Option<String>,
    /// How requested bytes were measured.
    pub method: Option<String>,
    /// Parameters, as contracts list them.
    pub parameters: Vec<String>,
    /// Sizes from outside: name and meaning.
    pub externals: Vec<(String, String)>,
    /// The general entry first; empty if nothing could be learned.
    pub entries: Vec<Entry>,
    /// Kinds of its arguments and result.
    pub kinds: BTreeMap<String, SeenKind>,
    /// Why nothing was learned.
    pub problem: Option<String>,
    /// Calls that returned.
    pub returned: usize,
    /// Calls that did not, at sizes that are no edges: how each ended, and how often.
    pub failed: BTreeMap<String, usize>,
    /// Calls that did not return at edge sizes.
    pub failed_edges: usize,
    /// What was noticed: `printed`, `left 1 threads` …
    pub notes: BTreeSet<String>,
}

impl Learned {
    /// Whether every entry reaches the stated quality.
    pub fn is_good(&self) -> bool {
        !self.entries.is_empty() && self.entries.iter().all(|entry| entry.quality.weak.is_none())
    }
}

/// The most frequent value.
fn usual<'a>(values: impl Iterator<Item = &'a Option<String>>) -> Option<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for value in values.flatten() {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value.clone())
}

/// The part of a size's name before any dot or bracket: a parameter, `self`, or a size from outside.
fn root(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}

/// Learns from all traces of one callable; nothing if the median relative error on held-back sizes is above `most_error`.
pub fn learn(name: &str, traces: &[&Trace], most_error: f64) -> Learned {
    let mut learned = Learned {
        name: name.to_owned(),
        library: traces.first().map(|trace| trace.library.clone()).unwrap_or_default(),
        library_version: usual(traces.iter().map(|trace| &trace.library_version)),
        python: usual(traces.iter().map(|trace| &trace.python)),
        platform: usual(traces.iter().map(|trace| &trace.platform)),
        method: usual(traces.iter().map(|trace| &trace.method)),
        ..Learned::default()
    };
    for trace in traces {
        learned.notes.extend(trace.notes.iter().cloned());
        match &trace.outcome {
            Outcome::Returned => learned.returned += 1,
            Outcome::Failed(..) if trace.edge => learned.failed_edges += 1,
            Outcome::Failed(how, detail) => {
                let short: String = detail.chars().take(80).collect();
                *learned.failed.entry(format!("{how}: {short}")).or_default() += 1;
            }
        }
    }
    // One version, one way of measuring: others are other functions.
    let rows: Vec<&Trace> = traces
        .iter()
        .copied()
        .filter(|trace| {
            trace.outcome == Outcome::Returned
                && trace.library_version == learned.library_version
                && trace.method == learned.method
        })
        .collect();
    let Some(first) = rows.first() else {
        learned.problem = Some("no call returned".to_owned());
        return learned;
    };
    learned.parameters = first.parameters.clone();
    if learned.parameters.is_empty() {
        let mut names: Vec<String> = Vec::new();
        for feature in first.features.keys().map(|feature| root(feature)).filter(|name| *name != "self") {
            if !names.iter().any(|known| known == feature) {
                names.push(feature.to_owned());
            }
        }
        learned.parameters = names;
    }
    learned.externals = externals(&rows, &learned.parameters);
    learned.kinds = kinds(&rows);
    let parts = by_kind(&rows);
    let split: Vec<Entry> = if parts.len() > 1 {
        parts.iter().filter_map(|(when, rows)| entry(&learned, rows, when.clone(), most_error).ok()).collect()
    } else {
        Vec::new()
    };
    let whole = !split.is_empty() && split.len() == parts.len();
    match entry(&learned, &rows, String::new(), most_error) {
        Ok(general) => {
            let mean = split.iter().map(|entry| entry.peak.cross_validated).sum::<f64>() / split.len().max(1) as f64;
            let kind = |entry: &Entry| entry.result.split(',').next().unwrap_or_default().to_owned();
            let results_differ = split.iter().any(|entry| kind(entry) != kind(&general));
            let pooled = general.peak.cross_validated;
            let worse = pooled > (1.2 * mean).max(mean + 0.005) && pooled > 0.01;
            // Formulas of their own only where one for all says less.
            let apart = whole && (worse || results_differ || general.quality.weak.is_some());
            learned.entries.push(general);
            if apart {
                learned.entries.extend(split);
            }
        }
        // One formula says too little of all kinds together.
        Err(_) if whole => learned.entries = split,
        Err(reason) => learned.problem = Some(reason),
    }
    learned
}

fn externals(rows: &[&Trace], parameters: &[String]) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for trace in rows {
        if let Some(Json::Object(values)) = trace.call.as_ref().and_then(|call| call.get("values")) {
            for name in values.keys() {
                let meaning = trace.externals.get(name).cloned().unwrap_or_else(|| name.replace('_', " "));
                found.entry(name.clone()).or_insert(meaning);
            }
        }
    }
    let taken = |name: &str| parameters.iter().any(|text| parameter_name(text) == name);
    found.into_iter().filter(|(name, _)| !taken(name)).collect()
}

/// The name of a parameter as contracts list it.
fn parameter_name(text: &str) -> &str {
    text.split('=').next().unwrap_or(text).trim().trim_start_matches('*')
}

/// The kinds that arguments and results have, with the features that were seen.
fn kinds(rows: &[&Trace]) -> BTreeMap<String, SeenKind> {
    fn visit(value: &Json, found: &mut BTreeMap<String, SeenKind>, depth: usize) {
        let Json::Object(members) = value else { return };
        if let Some(kind) = members.get("kind").and_then(Json::as_str).filter(|kind| kind.contains('.')) {
            let seen = found.entry(kind.to_owned()).or_default();
            for (key, into) in [("features", &mut seen.features), ("texts", &mut seen.texts)] {
                if let Some(Json::Object(names)) = members.get(key) {
                    into.extend(names.keys().cloned());
                }
            }
        }
        if depth < 3 {
            for key in ["items", "positional"] {
                if let Some(Json::Array(items)) = members.get(key) {
                    items.iter().for_each(|item| visit(item, found, depth + 1));
                }
            }
            if let Some(Json::Object(keywords)) = members.get("keywords") {
                keywords.values().for_each(|item| visit(item, found, depth + 1));
            }
            members.get("self").iter().for_each(|item| visit(item, found, depth + 1));
        }
    }
    let mut found = BTreeMap::new();
    for trace in rows {
        trace.call.iter().chain(&trace.result).for_each(|value| visit(value, &mut found, 0));
    }
    found
}

/// Rows by the texts that tell their arguments apart, with the conditions as TOML. Fewer than two where nothing does.
fn by_kind<'t>(rows: &[&'t Trace]) -> Vec<(String, Vec<&'t Trace>)> {
    let inner: Vec<&&Trace> = rows.iter().filter(|trace| !trace.edge).collect();
    let Some(first) = inner.first() else { return Vec::new() };
    let mut columns: Vec<(&String, Vec<Option<&String>>)> = Vec::new();
    for name in first.texts.keys() {
        let values: Vec<Option<&String>> = inner.iter().map(|trace| trace.texts.get(name)).collect();
        let distinct: BTreeSet<&Option<&String>> = values.iter().collect();
        let writable = values.iter().all(|value| value.is_some_and(|text| condition(name, text).is_some()));
        // Of two that say the same the first one.
        let again = columns.iter().any(|(_, known)| {
            let pairs: BTreeSet<_> = known.iter().zip(&values).collect();
            pairs.len() == distinct.len() && known.iter().collect::<BTreeSet<_>>().len() == distinct.len()
        });
        if (2..=MOST_KINDS).contains(&distinct.len()) && writable && !again {
            columns.push((name, values));
        }
    }
    let mut parts: BTreeMap<Vec<&String>, Vec<&'t Trace>> = BTreeMap::new();
    for trace in rows {
        let key: Option<Vec<&String>> = columns.iter().map(|(name, _)| trace.texts.get(*name)).collect();
        if let Some(key) = key {
            parts.entry(key).or_default().push(trace);
        }
    }
    if columns.is_empty() || parts.len() > MOST_KINDS {
        return Vec::new();
    }
    parts
        .into_iter()
        .map(|(key, rows)| {
            let pairs: Vec<(&str, &str)> =
                columns.iter().zip(&key).map(|((name, _), text)| (name.as_str(), text.as_str())).collect();
            (conditions(&pairs), rows)
        })
        .collect()
}

/// The path that a condition is on, and the condition as TOML.
fn condition(name: &str, text: &str) -> Option<(String, String)> {
    if name.contains('[') {
        return None;
    }
    match name.split_once('.') {
        Some((path, feature)) => {
            Some((path.to_owned(), format!("text = {{ {feature} = {} }}", super::write::quoted(text))))
        }
        None => {
            let literal = match text {
                "True" => "true".to_owned(),
                "False" => "false".to_owned(),
                "None" => return Some((name.to_owned(), "given = false".to_owned())),
                _ => {
                    let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                    super::write::quoted(inner.unwrap_or(text))
                }
            };
            Some((name.to_owned(), format!("literal = {literal}")))
        }
    }
}

fn conditions(pairs: &[(&str, &str)]) -> String {
    let mut by_path: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in pairs.iter().filter_map(|(name, text)| condition(name, text)) {
        by_path.entry(path).or_default().push(text);
    }
    let all: Vec<String> = by_path
        .into_iter()
        .map(|(path, tests)| {
            // Several texts of one object are one table.
            let (texts, others): (Vec<&String>, Vec<&String>) = tests.iter().partition(|test| test.starts_with("text"));
            let inner: Vec<&str> = texts
                .iter()
                .filter_map(|test| test.strip_prefix("text = { ").and_then(|rest| rest.strip_suffix(" }")))
                .collect();
            let mut members: Vec<String> = others.into_iter().cloned().collect();
            if !inner.is_empty() {
                members.push(format!("text = {{ {} }}", inner.join(", ")));
            }
            format!("{path} = {{ {} }}", members.join(", "))
        })
        .collect();
    format!("{{ {} }}", all.join(", "))
}

/// Parameters whose numbers are no amounts of anything: what they are says nothing of memory.
const NO_SIZES: &[&str] = &["seed", "random_state", "rng", "random_seed"];

/// The sizes that vary, without those that say the same as an earlier one; a number a row.
fn table(learned: &Learned, rows: &[&Trace]) -> Data {
    let names: BTreeSet<&String> = rows.iter().flat_map(|trace| trace.features.keys()).collect();
    let known = |name: &str| {
        let root = root(name);
        root == "self"
            || learned.parameters.iter().any(|text| parameter_name(text) == root)
            || learned.externals.iter().any(|(external, _)| external == name)
    };
    let rank = |name: &str| match name.rsplit('.').next() {
        Some("bytes") => 3,
        Some("nbytes") => 2,
        Some("ndim") => 4,
        _ if name.contains("[0].") => 1,
        _ => 0,
    };
    let is_plain = |name: &str| crate::formula::Formula::parse(name).is_ok_and(|formula| formula.as_symbol().is_some());
    let is_size = |name: &str| !NO_SIZES.contains(&root(name));
    let mut order: Vec<&String> =
        names.into_iter().filter(|name| known(name) && is_plain(name) && is_size(name)).collect();
    order.sort_by_key(|name| (rank(name), (*name).clone()));
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for name in order {
        let values: Option<Vec<f64>> = rows.iter().map(|trace| trace.features.get(name).copied()).collect();
        // A size that only some calls have is no size of the callable.
        let Some(values) = values else { continue };
        let varies = values.iter().any(|value| Some(value) != values.first());
        let sensible = values.iter().all(|value| *value >= 0.0);
        // The same but for a factor and a constant: the bytes of a text and its length.
        let same = |known: &[f64]| {
            let pairs = || known.iter().copied().zip(values.iter().copied());
            let low = pairs().min_by(|a, b| a.0.total_cmp(&b.0));
            let high = pairs().max_by(|a, b| a.0.total_cmp(&b.0));
            let (Some(low), Some(high)) = (low, high) else { return false };
            let slope = (high.1 - low.1) / (high.0 - low.0);
            let range = (high.1 - low.1).abs();
            slope.is_finite() && pairs().all(|(a, b)| (low.1 + slope * (a - low.0) - b).abs() <= 1e-6 * range)
        };
        if varies && sensible && !columns.iter().any(|(_, known)| same(known)) {
            columns.push((name.clone(), values));
        }
    }
    if columns.len() > MOST_SIZES {
        let target: Vec<f64> = rows.iter().map(|trace| trace.peak.unwrap_or(0.0).ln_1p()).collect();
        let mut scored: Vec<(f64, usize)> = columns
            .iter()
            .enumerate()
            .map(|(n, (_, values))| {
                (correlation(&values.iter().map(|value| value.ln_1p()).collect::<Vec<_>>(), &target).abs(), n)
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let kept: BTreeSet<usize> = scored.iter().take(MOST_SIZES).map(|(_, n)| *n).collect();
        let mut n = 0;
        columns.retain(|_| {
            n += 1;
            kept.contains(&(n - 1))
        });
    }
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    let mut data = Data { names: columns.iter().map(|(name, _)| name.clone()).collect(), ..Data::default() };
    for (n, trace) in rows.iter().enumerate() {
        let row: Vec<f64> = columns.iter().map(|(_, values)| values[n]).collect();
        let key = if trace.axes.is_empty() { format!("{row:?}") } else { format!("{:?}", trace.axes) };
        let next = groups.len();
        data.groups.push(*groups.entry(key).or_insert(next));
        data.rows.push(row);
    }
    data
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let pairs = || a.iter().zip(b).map(|(a, b)| (a - mean_a, b - mean_b));
    let covariance: f64 = pairs().map(|(a, b)| a * b).sum();
    let (va, vb) = pairs().fold((0.0, 0.0), |(va, vb), (a, b)| (va + a * a, vb + b * b));
    if va > 0.0 && vb > 0.0 { covariance / (va * vb).sqrt() } else { 0.0 }
}

/// Which rows are held back: those in the largest quarter of any size that was varied.
fn held_back(rows: &[&Trace], data: &Data) -> Vec<bool> {
    let axes: Vec<Vec<f64>> = if rows.iter().all(|trace| !trace.axes.is_empty()) {
        let names: BTreeSet<&String> = rows.iter().flat_map(|trace| trace.axes.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| rows.iter().map(|trace| trace.axes.get(name).copied()).collect::<Option<Vec<f64>>>())
            .collect()
    } else {
        (0..data.names.len()).map(|at| data.rows.iter().map(|row| row[at]).collect()).collect()
    };
    let limits: Vec<(Vec<f64>, f64)> = axes
        .into_iter()
        .filter_map(|values| {
            let mut distinct: Vec<f64> =
                values.iter().zip(rows).filter(|(_, trace)| !trace.edge).map(|(value, _)| *value).collect();
            distinct.sort_by(f64::total_cmp);
            distinct.dedup();
            let limit = quantile(&distinct, 0.75)?;
            (distinct.len() >= FEWEST).then_some((values, limit))
        })
        .collect();
    let of = |limits: &[(Vec<f64>, f64)]| -> Vec<bool> {
        (0..rows.len()).map(|n| limits.iter().any(|(values, limit)| values[n] > *limit)).collect()
    };
    let all = of(&limits);
    let left: BTreeSet<usize> =
        (0..rows.len()).filter(|n| !all[*n]).filter_map(|n| data.groups.get(n).copied()).collect();
    // Where too few would be left to learn from, the first size alone decides.
    if left.len() < 8 && limits.len() > 1 { of(&limits[..1]) } else { all }
}

/// An error of the peak, in parts of what was measured.
fn error_of(predicted: f64, measured: f64) -> f64 {
    (predicted - measured).abs() / measured.max(65_536.0)
}

/// Median and 95th percentile of the errors, of peaks above 1 MiB alone if there are at least three.
pub fn errors(pairs: &[(f64, f64)]) -> (Option<f64>, Option<f64>, bool) {
    let large: Vec<f64> = pairs.iter().filter(|(_, y)| *y >= MIB).map(|(f, y)| error_of(*f, *y)).collect();
    let above = large.len() >= 3;
    let mut found = if above { large } else { pairs.iter().map(|(f, y)| error_of(*f, *y)).collect() };
    found.sort_by(f64::total_cmp);
    (quantile(&found, 0.5), quantile(&found, 0.95), above)
}

/// Ratios of measured to predicted, of those large enough to be told from noise.
fn ratios(predicted: &[f64], measured: &[f64]) -> Vec<f64> {
    let of = |least: f64| -> Vec<f64> {
        predicted.iter().zip(measured).filter(|(f, y)| **f > 0.0 && **y >= least).map(|(f, y)| y / f).collect()
    };
    let large = of(65_536.0);
    if large.len() >= 8 { large } else { of(1.0) }
}

fn with(data: &Data, y: impl Fn(usize) -> Option<f64>) -> Option<Data> {
    let values: Vec<Option<f64>> = (0..data.rows.len()).map(y).collect();
    let mut part = data.filter_by(|n| values.get(n).is_some_and(Option::is_some));
    part.y = values.into_iter().flatten().collect();
    (part.y.len() >= FEWEST).then_some(part)
}

impl Data {
    /// As `filter`, before there is anything measured.
    fn filter_by(&self, keep: impl Fn(usize) -> bool) -> Self {
        let indexes: Vec<usize> = (0..self.rows.len()).filter(|n| keep(*n)).collect();
        Self {
            names: self.names.clone(),
            rows: indexes.iter().map(|n| self.rows[*n].clone()).collect(),
            y: indexes.iter().filter_map(|n| self.y.get(*n).copied()).collect(),
            groups: indexes.iter().map(|n| self.groups[*n]).collect(),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A call that no size changes: what it takes at most.
fn constant(rows: &[&Trace], sizes: &Data, when: String) -> Result<Entry, String> {
    let most = |name: fn(&Trace) -> Option<f64>| rows.iter().filter_map(|row| name(row)).max_by(f64::total_cmp);
    let peak = most(|trace| trace.peak).ok_or("too few figures")?;
    Ok(Entry {
        when,
        result: super::write::result(rows, sizes),
        peak: Model::of_constant(peak),
        demand: most(|trace| trace.demand).map(Model::of_constant),
        resident: None,
        retained: most(|trace| trace.retained).filter(|bytes| *bytes >= NOISE).map(Model::of_constant),
        grown: None,
        residuals: Vec::new(),
        quality: Quality::default(),
        range: Vec::new(),
        traces: rows.len(),
    })
}

fn entry(learned: &Learned, rows: &[&Trace], when: String, most_error: f64) -> Result<Entry, String> {
    let sizes = table(learned, rows);
    let distinct = sizes.groups.iter().collect::<BTreeSet<_>>().len();
    if distinct == 1 && sizes.names.is_empty() && rows.iter().all(|trace| trace.axes.is_empty()) {
        return constant(rows, &sizes, when);
    }
    if distinct < FEWEST {
        return Err(format!("{distinct} different sizes are too few"));
    }
    let peaks = with(&sizes, |n| rows[n].peak).ok_or("too few figures")?;
    let held = held_back(rows, &sizes);
    let (train, test) = (peaks.filter(|n| !held[n]), peaks.filter(|n| held[n]));
    let options = Options::REQUESTED;
    let from_small = fit::fit(&train, options);
    let mut quality = Quality { heldout: test.y.len(), ..Quality::default() };
    if let Some(model) = &from_small
        && let Some(predicted) = model.values(&test.names, &test.rows)
    {
        let pairs: Vec<(f64, f64)> = predicted.iter().copied().zip(test.y.iter().copied()).collect();
        (quality.median, quality.p95, quality.above_mib) = errors(&pairs);
        let own = model.values(&train.names, &train.rows).unwrap_or_default();
        if let Some(residual) = residual::fit(&ratios(&own, &train.y), model.cross_validated) {
            let most = residual.quantile(0.99);
            let covered = pairs.iter().filter(|(f, y)| *y <= f * most * 1.001 + NOISE).count();
            quality.coverage = (!pairs.is_empty()).then(|| covered as f64 / pairs.len() as f64);
        }
    }
    let is_good = quality.median.is_some_and(|e| e <= GOOD_MEDIAN) && quality.p95.is_some_and(|e| e <= GOOD_P95);
    let model = match &from_small {
        Some(model) if is_good => fit::refit(model, &peaks, options),
        _ => fit::fit(&peaks, options).or(from_small.clone()).ok_or("no formula fits")?,
    };
    quality.weak = match (quality.median, quality.p95) {
        _ if is_good => None,
        (Some(median), Some(p95)) => Some(format!(
            "on held-back sizes the median error is {}, the 95th percentile {}",
            percent(median),
            percent(p95)
        )),
        _ => Some("no sizes could be held back".to_owned()),
    };
    if quality.median.is_some_and(|median| median > most_error) {
        return Err(format!("the median error on held-back sizes is {}", percent(quality.median.unwrap_or(0.0))));
    }
    let predicted = model.values(&peaks.names, &peaks.rows).unwrap_or_default();
    let mut residuals = Vec::new();
    residuals.extend(residual::fit(&ratios(&predicted, &peaks.y), model.cross_validated).map(|found| ("peak", found)));

    let demand = with(&sizes, |n| rows[n].demand).and_then(|data| {
        let model = fit::fit(&data, options)?;
        let predicted = model.values(&data.names, &data.rows)?;
        residuals
            .extend(residual::fit(&ratios(&predicted, &data.y), model.cross_validated).map(|found| ("demand", found)));
        Some(model)
    });
    // Small calls are served from memory that the process has: their resident growth says nothing of larger ones.
    let tells = |n: usize| rows[n].resident_peak.filter(|_| rows[n].peak.is_some_and(|peak| peak >= TOUCHED_FROM));
    let resident = with(&sizes, tells).and_then(|data| {
        let top = model.values(&data.names, &data.rows)?;
        let share = |part: &[f64]| {
            let found = part.iter().zip(&data.y).map(|(f, y)| (f - y).abs() / (y + Options::RESIDENT.floor));
            found.sum::<f64>() / data.y.len().max(1) as f64
        };
        // Where all of the peak is touched there is nothing to say. What is not touched is a part of the peak, so that
        // its formula has no terms of its own kind: sizes, their products, a constant.
        let own = fit::fit(&data, Options::RESIDENT)
            .and_then(|found| Some((found.values(&data.names, &data.rows)?, found)))
            .filter(|(own, _)| share(&top) > 1.5 * share(own) + 0.05);
        // What is left over is left over by what is written: the smaller of its own formula and the peak's.
        let written: Vec<f64> = match &own {
            Some((own, _)) => own.iter().zip(&top).map(|(own, top)| own.min(*top)).collect(),
            None => top,
        };
        let unseen = own.as_ref().map_or(model.cross_validated, |(_, own)| own.cross_validated);
        residuals.extend(residual::fit(&ratios(&written, &data.y), unseen).map(|found| ("resident_peak", found)));
        own.map(|(_, found)| found)
    });
    let small = |name: fn(&Trace) -> Option<f64>| {
        with(&sizes, |n| name(rows[n])).filter(|data| {
            let mut sorted = data.y.clone();
            sorted.sort_by(f64::total_cmp);
            quantile(&sorted, 0.75).is_some_and(|bytes| bytes >= NOISE)
        })
    };
    let retained = small(|trace| trace.retained).and_then(|data| fit::fit(&data, options));
    let grown = small(|trace| trace.grown).and_then(|data| {
        let path = grows(learned, rows)?;
        Some((path, fit::fit(&data, options)?))
    });
    let result = super::write::result(rows, &sizes);
    let mut range = Vec::new();
    for (at, name) in sizes.names.iter().enumerate() {
        let values = sizes.rows.iter().zip(rows).filter(|(_, trace)| !trace.edge).map(|(row, _)| row[at]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if low.is_finite() {
            range.push((name.clone(), low, high));
        }
    }
    Ok(Entry {
        when,
        result,
        peak: model,
        demand,
        resident,
        retained,
        grown,
        residuals,
        quality,
        range,
        traces: peaks.y.len(),
    })
}

/// The argument that what stays in arguments is put down to: the receiver, or the first that is an object.
fn grows(learned: &Learned, rows: &[&Trace]) -> Option<String> {
    let call = rows.first()?.call.as_ref()?;
    if call.get("self").is_some() {
        return Some("self".to_owned());
    }
    let first = call.get("positional")?.get(0)?;
    let is_object = first.get("kind").and_then(Json::as_str).is_some_and(|kind| !matches!(kind, "str" | "bytes"));
    let name = learned.parameters.first().filter(|text| !text.starts_with('*')).map(|text| parameter_name(text));
    name.filter(|_| is_object).map(str::to_owned)
}
