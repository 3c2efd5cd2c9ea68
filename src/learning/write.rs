//! What was learned as a contract file: TOML that `contracts check` accepts, and that people can read and edit.
//!
//! Depends on `contracts`, `callable` and `fit`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::callable::{Entry, Learned, SeenKind};
use super::fit::{self, Data, Model, Options};
use super::quantile;
use super::trace::Trace;
use crate::contracts::{Contracts, Distribution, Origin, Residual};

/// A text in TOML's quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

// ---- results ---------------------------------------------------------------------------------------------------------

/// A short text or number as the kind and sizes that it has.
fn normalized(result: &Json) -> Json {
    match result.get("value") {
        Some(Json::String(text)) => {
            let widest = text.chars().map(u32::from).max().unwrap_or(0);
            let width = if widest < 0x100 {
                1
            } else if widest < 0x1_0000 {
                2
            } else {
                4
            };
            json!({"kind": "str", "features": {"length": text.chars().count(), "width": width}})
        }
        _ => result.clone(),
    }
}

fn kind_of(result: &Json) -> Option<String> {
    if let Some(kind) = result.get("kind").and_then(Json::as_str) {
        return Some(kind.to_owned());
    }
    match result.get("value") {
        Some(Json::Null) => Some("None".to_owned()),
        Some(Json::Bool(_)) => Some("bool".to_owned()),
        Some(Json::Number(number)) if number.to_string().contains(['.', 'e', 'E']) => Some("float".to_owned()),
        Some(Json::Number(_)) => Some("int".to_owned()),
        _ => None,
    }
}

/// A size of the result on each row, as a formula; none if no formula gives it.
fn size(sizes: &Data, values: Vec<Option<f64>>) -> Option<String> {
    let y: Vec<f64> = values.into_iter().collect::<Option<_>>()?;
    let first = *y.first()?;
    if y.iter().all(|value| *value == first) {
        return (first >= 0.0).then(|| format!("{first}"));
    }
    let data = Data { y, ..sizes.clone() };
    let model = fit::fit(&data, Options::SIZE)?;
    let found = model.values(&data.names, &data.rows)?;
    let near = found.iter().zip(&data.y).filter(|(f, y)| (*f - **y).abs() <= 0.02 * **y + 0.51).count();
    (near * 20 >= data.y.len() * 19).then(|| model.formula())
}

fn number(value: Option<&Json>) -> Option<f64> {
    value.and_then(|value| value.to_string().parse().ok())
}

/// What the calls give back, as TOML.
pub fn result(rows: &[&Trace], sizes: &Data) -> String {
    if let Some(declared) = rows.iter().find_map(|trace| trace.declared_result.clone()) {
        return declared;
    }
    let results: Vec<Json> = rows.iter().filter_map(|trace| trace.result.as_ref().map(normalized)).collect();
    if results.len() != rows.len() || results.is_empty() {
        return quoted("unknown");
    }
    let same = |name: &str| -> Option<String> {
        let first = results.first()?.get(name)?.as_str()?;
        results.iter().all(|result| result.get(name).and_then(Json::as_str) == Some(first)).then(|| first.to_owned())
    };
    if let Some(path) = same("same_as") {
        return quoted(&path);
    }
    // Edge sizes may give another kind: nothing to look for, an empty list instead of an array.
    let inner = rows.iter().zip(&results).filter(|(trace, _)| !trace.edge).map(|(_, result)| kind_of(result));
    let kinds: BTreeSet<Option<String>> = inner.collect();
    let (Some(Some(kind)), 1) = (kinds.first(), kinds.len()) else { return quoted("unknown") };
    if kind == "None" {
        return String::new();
    }
    if matches!(kind.as_str(), "int" | "float" | "bool") {
        return quoted(kind);
    }
    let keep: Vec<usize> = (0..rows.len()).filter(|n| kind_of(&results[*n]).as_ref() == Some(kind)).collect();
    let data = Data {
        names: sizes.names.clone(),
        rows: keep.iter().filter_map(|n| sizes.rows.get(*n).cloned()).collect(),
        y: Vec::new(),
        groups: keep.iter().filter_map(|n| sizes.groups.get(*n).copied()).collect(),
    };
    let results: Vec<&Json> = keep.iter().map(|n| &results[*n]).collect();
    let mut members = vec![format!("kind = {}", quoted(kind))];
    let declared = declared_kind(kind);
    let view = {
        let first = results.first().and_then(|result| result.get("view_of")).and_then(Json::as_str);
        first.filter(|path| results.iter().all(|r| r.get("view_of").and_then(Json::as_str) == Some(path)))
    };
    if let Some(path) = view {
        members.push(format!("view = {}", quoted(path)));
    }
    let mut whole = true;
    let shapes: Vec<&Vec<Json>> = results.iter().filter_map(|result| result.get("shape")?.as_array()).collect();
    let mut shaped = false;
    if shapes.len() == results.len()
        && let Some(ndim) = shapes.first().map(|shape| shape.len())
        && shapes.iter().all(|shape| shape.len() == ndim)
    {
        let extents: Option<Vec<String>> =
            (0..ndim).map(|d| size(&data, shapes.iter().map(|shape| number(shape.get(d))).collect())).collect();
        if let Some(extents) = extents {
            let list: Vec<String> = extents.iter().map(|formula| quoted(formula)).collect();
            members.push(format!("shape = [{}]", list.join(", ")));
            shaped = true;
        }
    }
    let names: BTreeSet<&String> =
        results.iter().filter_map(|r| r.get("features")?.as_object()).flat_map(|features| features.keys()).collect();
    for name in names {
        let known = declared.as_ref().is_none_or(|kind| kind.contains(name.as_str()));
        if name == "bytes" || (name == "size" && shaped) || !known {
            continue;
        }
        let values = results.iter().map(|result| number(result.get("features").and_then(|f| f.get(name)))).collect();
        match size(&data, values) {
            Some(formula) => members.push(format!("{name} = {}", quoted(&formula))),
            None => whole = false,
        }
    }
    let texts: BTreeSet<&String> =
        results.iter().filter_map(|r| r.get("texts")?.as_object()).flat_map(|texts| texts.keys()).collect();
    let mut rules = Vec::new();
    for name in texts {
        let values: Vec<Option<&str>> =
            results.iter().map(|result| result.get("texts").and_then(|t| t.get(name)).and_then(Json::as_str)).collect();
        let Some(Some(first)) = values.first() else { continue };
        let is_dtype = name == "dtype" && kind == "numpy.ndarray";
        if values.iter().all(|value| value == &Some(*first)) {
            if is_dtype {
                members.push(format!("dtype = {}", quoted(first)));
            } else if declared.is_none() || declared_texts(kind).contains(name.as_str()) {
                rules.push(format!("{name} = {}", quoted(&format!("'{first}'"))));
            }
            continue;
        }
        // The text of an argument.
        let from = rows.first().into_iter().flat_map(|trace| trace.texts.keys()).find(|key| {
            keep.iter().zip(&values).all(|(n, value)| rows[*n].texts.get(*key).map(String::as_str) == *value)
        });
        if let Some((path, _)) = from.and_then(|key| key.split_once('.')) {
            if is_dtype {
                members.push(format!("dtype = {}", quoted(path)));
            } else {
                rules.push(format!("{name} = {}", quoted(from.map_or("", String::as_str))));
            }
        } else {
            whole = false;
        }
    }
    if !rules.is_empty() {
        members.push(format!("text = {{ {} }}", rules.join(", ")));
    }
    // A dtype says the size of an item.
    if members.iter().any(|member| member.starts_with("dtype")) {
        members.retain(|member| !member.starts_with("itemsize"));
    }
    let by_length = matches!(kind.as_str(), "str" | "bytes" | "bytearray");
    let says_bytes = by_length || declared_bytes(kind);
    let own: Vec<Option<f64>> = keep.iter().map(|n| rows[*n].result_bytes).collect();
    let measured: Vec<usize> = (0..own.len()).filter(|n| own[*n].is_some()).collect();
    if view.is_none() && sizes.names.is_empty() {
        let most = measured.iter().filter_map(|n| own[*n]).max_by(f64::total_cmp);
        members.extend(most.filter(|_| !says_bytes).map(|most| format!("bytes = {}", plain(most.ceil()))));
    } else if view.is_none() && (!says_bytes || !whole) && measured.len() >= 4 {
        let part = Data {
            names: data.names.clone(),
            rows: measured.iter().map(|n| data.rows[*n].clone()).collect(),
            y: measured.iter().filter_map(|n| own[*n]).collect(),
            groups: measured.iter().map(|n| data.groups[*n]).collect(),
        };
        if let Some(model) = fit::fit(&part, Options::REQUESTED) {
            members.push(format!("bytes = {}", quoted(&model.formula())));
        }
    }
    let mut touched: Vec<f64> = keep
        .iter()
        .filter_map(|n| Some((rows[*n].resident_result?, rows[*n].result_bytes?)))
        .filter(|(_, bytes)| *bytes >= 1_048_576.0)
        .map(|(resident, bytes)| resident / bytes)
        .collect();
    touched.sort_by(f64::total_cmp);
    if view.is_none() && touched.len() >= 3 && quantile(&touched, 0.9).is_some_and(|share| share < 0.05) {
        members.push("touched = 0".to_owned());
    }
    format!("{{ {} }}", members.join(", "))
}

/// The sizes of a kind that a declared contract has; none if only learned ones, or none, declare it.
fn declared_kind(kind: &str) -> Option<BTreeSet<String>> {
    let python = ["str", "bytes", "bytearray", "memoryview", "list", "tuple", "set", "frozenset", "dict", "deque"];
    if python.contains(&kind) {
        return Some(["length", "width"].into_iter().map(str::to_owned).collect());
    }
    Contracts::declared_kind(kind).map(|kind| kind.given_features())
}

fn declared_texts(kind: &str) -> BTreeSet<String> {
    Contracts::declared_kind(kind).map(|kind| kind.given_texts()).unwrap_or_default()
}

fn declared_bytes(kind: &str) -> bool {
    Contracts::declared_kind(kind).is_some_and(|kind| kind.has_bytes())
}

// ---- entries -----------------------------------------------------------------------------------------------------------

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e15 { format!("{}", value as i64) } else { format!("{value}") }
}

fn share(value: f64) -> String {
    format!("{}", (value * 1e5).round() / 1e5)
}

fn residual(found: &Residual) -> String {
    let list = |values: &[f64]| values.iter().map(|value| plain(*value)).collect::<Vec<_>>().join(", ");
    let mut text = format!("{{ distribution = {}", quoted(found.distribution.name()));
    let _ = match &found.distribution {
        Distribution::Exact => Ok(()),
        Distribution::Normal { mu, sigma } | Distribution::LogNormal { mu, sigma } => {
            write!(text, ", mu = {}, sigma = {}", plain(*mu), plain(*sigma))
        }
        Distribution::Gamma { shape, rate } => write!(text, ", shape = {}, rate = {}", plain(*shape), plain(*rate)),
        Distribution::Empirical { probabilities, quantiles } => {
            write!(text, ", probabilities = [{}], quantiles = [{}]", list(probabilities), list(quantiles))
        }
    };
    if let Some(ks) = found.ks {
        let _ = write!(text, ", ks = {}", plain(ks));
    }
    let _ = write!(text, ", n = {} }}", found.traces);
    text
}

fn amounts(text: &mut String, entry: &Entry) {
    let peak = entry.peak.formula();
    let needs_name =
        |model: &Model, below: bool| if below { !model.is_below(&entry.peak) } else { !entry.peak.is_below(model) };
    let demand = entry.demand.as_ref().filter(|model| model.formula() != peak);
    let resident = entry.resident.as_ref();
    let named =
        demand.is_some_and(|model| needs_name(model, false)) || resident.is_some_and(|model| needs_name(model, true));
    let peak = if named {
        let _ = writeln!(text, "let = {{ top = {} }}", quoted(&peak));
        "top".to_owned()
    } else {
        peak
    };
    if let Some(model) = demand {
        let formula = model.formula();
        let formula = if needs_name(model, false) { format!("max({formula}, {peak})") } else { formula };
        let _ = writeln!(text, "demand = {}", quoted(&formula));
    }
    let _ = writeln!(text, "peak = {}", quoted(&peak));
    if let Some(model) = resident {
        let formula = model.formula();
        let formula = if needs_name(model, true) { format!("min({formula}, {peak})") } else { formula };
        let _ = writeln!(text, "resident_peak = {}", quoted(&formula));
    }
    if let Some(model) = entry.retained.as_ref().filter(|model| model.formula() != "0") {
        let _ = writeln!(text, "retained = {}", quoted(&model.formula()));
    }
    if let Some((path, model)) = entry.grown.as_ref().filter(|(_, model)| model.formula() != "0") {
        let _ = writeln!(text, "effects = [{{ on = {}, grow = {} }}]", quoted(path), quoted(&model.formula()));
    }
}

fn provenance(learned: &Learned, entry: &Entry) -> String {
    let mut parts = Vec::new();
    for (key, value) in [
        ("library", &learned.library_version),
        ("python", &learned.python),
        ("platform", &learned.platform),
        ("method", &learned.method),
    ] {
        parts.extend(value.as_ref().map(|value| format!("{key} = {}", quoted(value))));
    }
    parts.push(format!("traces = {}", entry.traces));
    let quality = &entry.quality;
    parts.push(format!("heldout = {}", quality.heldout));
    for (key, value) in [
        ("heldout_median_error", quality.median),
        ("heldout_p95_error", quality.p95),
        ("heldout_p99_coverage", quality.coverage),
    ] {
        parts.extend(value.map(|value| format!("{key} = {}", share(value))));
    }
    parts.push(format!("above_mib = {}", quality.above_mib));
    parts.extend(quality.weak.as_ref().map(|reason| format!("weak = {}", quoted(reason))));
    let range: Vec<String> = entry
        .range
        .iter()
        .map(|(name, low, high)| format!("{} = [{}, {}]", quoted(name), plain(*low), plain(*high)))
        .collect();
    parts.push(format!("range = {{ {} }}", range.join(", ")));
    format!("{{ {} }}", parts.join(", "))
}

/// The entries of one callable, as TOML.
pub fn entries(learned: &Learned) -> Vec<String> {
    let mut found = Vec::new();
    for entry in &learned.entries {
        let mut text = String::from("[[callable]]\n");
        let _ = writeln!(text, "name = {}", quoted(&learned.name));
        let parameters: Vec<String> = learned.parameters.iter().map(|parameter| quoted(parameter)).collect();
        if !parameters.is_empty() {
            let _ = writeln!(text, "parameters = [{}]", parameters.join(", "));
        }
        if !entry.when.is_empty() {
            let _ = writeln!(text, "when = {}", entry.when);
        }
        if !learned.externals.is_empty() {
            let all: Vec<String> = learned
                .externals
                .iter()
                .map(|(name, meaning)| format!("{{ name = {}, meaning = {} }}", quoted(name), quoted(meaning)))
                .collect();
            let _ = writeln!(text, "externals = [{}]", all.join(", "));
        }
        if !entry.result.is_empty() {
            let _ = writeln!(text, "result = {}", entry.result);
        }
        amounts(&mut text, entry);
        let all: Vec<String> =
            entry.residuals.iter().map(|(amount, found)| format!("{amount} = {}", residual(found))).collect();
        if !all.is_empty() {
            let _ = writeln!(text, "residual = {{ {} }}", all.join(", "));
        }
        let _ = writeln!(text, "provenance = {}", provenance(learned, entry));
        found.push(text);
    }
    found
}

/// The kinds of objects that entries need and no declared contract has, as TOML.
fn kinds(all: &[&Learned]) -> Vec<(String, String)> {
    let mut merged: BTreeMap<&str, SeenKind> = BTreeMap::new();
    for (name, seen) in all.iter().flat_map(|learned| &learned.kinds) {
        let into = merged.entry(name).or_default();
        into.features.extend(seen.features.iter().cloned());
        into.texts.extend(seen.texts.iter().cloned());
    }
    merged
        .into_iter()
        .filter(|(name, _)| Contracts::declared_kind(name).is_none())
        .map(|(name, seen)| {
            let list = |names: &BTreeSet<String>| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
            let features: BTreeSet<String> =
                seen.features.iter().filter(|name| name.as_str() != "bytes").cloned().collect();
            let mut text = format!("[[kind]]\nname = {}\n", quoted(name));
            if !features.is_empty() {
                let _ = writeln!(text, "features = [{}]", list(&features));
            }
            if !seen.texts.is_empty() {
                let _ = writeln!(text, "texts = [{}]", list(&seen.texts));
            }
            (name.to_owned(), text)
        })
        .collect()
}

/// A table of a contract file that is kept: the callable or kind that it is of, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `callable` or `kind`.
    pub header: String,
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The tables of a contract file that was written by `learn`.
pub fn tables(text: &str) -> Vec<Kept> {
    let mut found: Vec<Kept> = Vec::new();
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let header = match line.trim_end() {
            "[[kind]]" => Some("kind"),
            "[[callable]]" => Some("callable"),
            "[library]" => {
                open = false;
                None
            }
            _ => None,
        };
        if let Some(header) = header {
            found.push(Kept { header: header.to_owned(), name: String::new(), text: String::new() });
            open = true;
        }
        if let (true, Some(last)) = (open, found.last_mut()) {
            last.text.push_str(line);
            if let Some(name) = line.strip_prefix("name = \"").and_then(|rest| rest.trim_end().strip_suffix('"')) {
                last.name = name.to_owned();
            }
        }
    }
    for one in &mut found {
        let end = one.text.trim_end().len();
        one.text.truncate(end);
        one.text.push('\n');
    }
    found
}

/// A contract file of a library: what was learned now, and of an earlier file the callables that were not.
pub fn file(library: &str, all: &[&Learned], earlier: &[Kept]) -> String {
    let version = all.iter().find_map(|learned| learned.library_version.as_deref());
    let mut text = String::from(
        "# Written by `meminterface learn`; docs/LEARNING.md says how. Learned again, entries are written anew.\n\n[library]\n",
    );
    let _ = writeln!(text, "name = {}", quoted(library));
    if let Some(version) = version {
        let minor: Vec<&str> = version.split('.').take(2).collect();
        let _ = writeln!(text, "versions = {}", quoted(&format!(">={}", minor.join("."))));
    }
    let mut all_kinds: BTreeMap<String, String> = kinds(all).into_iter().collect();
    for kept in earlier.iter().filter(|kept| kept.header == "kind") {
        // Features that only the earlier file knows stay.
        let both = all_kinds.get(&kept.name).map_or_else(|| kept.text.clone(), |new| merged(new, &kept.text));
        all_kinds.insert(kept.name.clone(), both);
    }
    for kind in all_kinds.values() {
        text.push('\n');
        text.push_str(kind);
    }
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for kept in earlier.iter().filter(|kept| kept.header == "callable") {
        named.entry(&kept.name).or_default().push(kept.text.clone());
    }
    for learned in all.iter().filter(|learned| !learned.entries.is_empty()) {
        named.insert(&learned.name, entries(learned));
    }
    for entry in named.into_values().flatten() {
        text.push('\n');
        text.push_str(&entry);
    }
    text
}

/// Contract files of one library, each with callables of its own, as one; of an earlier file the callables that are in none.
pub fn joined(library: &str, texts: &[String], earlier: Option<&str>) -> String {
    let mut all: Vec<Kept> = texts.iter().flat_map(|text| tables(text)).collect();
    let learned: BTreeSet<String> =
        all.iter().filter(|kept| kept.header == "callable").map(|kept| kept.name.clone()).collect();
    let earlier = earlier.map(tables).unwrap_or_default();
    all.extend(earlier.into_iter().filter(|kept| kept.header == "kind" || !learned.contains(&kept.name)));
    let whole = file(library, &[], &all);
    let line = |text: &String| text.lines().find(|line| line.starts_with("versions = ")).map(str::to_owned);
    match texts.iter().find_map(line) {
        // The library's version stands after its name, at the top.
        Some(versions) => {
            let name = format!("name = {}\n", quoted(library));
            whole.replacen(&name, &format!("{name}{versions}\n"), 1)
        }
        None => whole,
    }
}

/// Two declarations of one kind as one: the features and texts of both.
fn merged(new: &str, old: &str) -> String {
    let list = |text: &str, key: &str| -> BTreeSet<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = [")?.strip_suffix(']'));
        line.map(|line| line.split(", ").map(str::to_owned).collect()).unwrap_or_default()
    };
    let mut text: String = new
        .lines()
        .filter(|line| line.starts_with("[[") || line.starts_with("name"))
        .map(|l| format!("{l}\n"))
        .collect();
    for key in ["features", "texts"] {
        let both: BTreeSet<String> = list(new, key).union(&list(old, key)).cloned().collect();
        if !both.is_empty() {
            let _ = writeln!(text, "{key} = [{}]", both.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    text
}

/// Whether a declared contract of the program speaks of a callable, so that a learned one stays behind it.
pub fn is_declared(name: &str) -> bool {
    Contracts::shipped().all(name).first().is_some_and(|contract| contract.origin() == Origin::Declared)
}
