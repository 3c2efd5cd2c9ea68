//! Competing functions side by side, at the buyer's inputs.
//!
//! Memory is computed from the listings' formulas. Times and costs are those that the listings were measured with: they
//! are told with the inputs that they belong to, and never carried over to others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::document::{Function, Listing, Number};
use super::workload::{SIZES, Workload};
use crate::check::analyse::stands_for;
use crate::check::report::bytes;
use crate::diagnostic::{Diagnostic, Kind, Schema, near_help};
use crate::formula::{Environment, Formula};
use crate::recommend::platform;

/// What a function needs at some inputs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Needs {
    /// The listing.
    pub listing: String,
    /// The function.
    pub function: String,
    /// Peak above the level at entry, in bytes; null if inputs are missing.
    pub peak_bytes: Option<u64>,
    /// What the process holds at the most, in bytes; null if inputs are missing.
    pub footprint_bytes: Option<u64>,
    /// The smallest setting that holds it with the listing's headroom, in MB.
    pub memory_mb: Option<u64>,
    /// Time of a warm request, of the listing's own inputs of this size.
    pub duration_ms: Option<Number>,
    /// USD of a million requests, of the listing's own inputs of this size.
    pub cost_per_million_usd: Option<Number>,
    /// What has no value.
    pub missing: Vec<String>,
}

/// All functions at inputs of one size.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// `small`, `medium` or `large`.
    pub size: String,
    /// The inputs, for people.
    pub inputs: String,
    /// Each function, in the order of the listings.
    pub needs: Vec<Needs>,
}

/// Where one overtakes the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Crossing {
    /// The input.
    pub input: String,
    /// Up to this value the first needs less memory; from there on, the second.
    pub at: u64,
    /// The listing that needs less below.
    pub below: String,
    /// The listing that needs less from there on.
    pub above: String,
}

/// Functions side by side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Name and version of this form.
    pub schema: Schema,
    /// By size of the inputs.
    pub rows: Vec<Row>,
    /// Where one overtakes the other, in peak memory above the level at entry and in the baseline together.
    pub crossings: Vec<Crossing>,
    /// What to know about the figures.
    pub notes: Vec<String>,
}

/// The function of each listing that is compared.
fn chosen<'a>(
    listings: &'a [(String, Listing)],
    wanted: Option<&str>,
) -> Result<Vec<(&'a str, &'a Function)>, Diagnostic> {
    let named = |name: &str| {
        listings
            .iter()
            .map(|(file, listing)| {
                let found = listing.functions.iter().find(|one| one.name == name || one.handler == name);
                found.map(|found| (file.as_str(), found))
            })
            .collect::<Option<Vec<_>>>()
    };
    if let Some(wanted) = wanted {
        return listings
            .iter()
            .map(|(file, listing)| {
                let functions = &listing.functions;
                let found = functions.iter().find(|one| one.name == wanted || one.handler == wanted).or(
                    // A name need fit only where there is a choice.
                    match functions.as_slice() {
                        [one] => Some(one),
                        _ => None,
                    },
                );
                found.map(|one| (file.as_str(), one)).ok_or_else(|| {
                    let names = functions.iter().map(|one| one.name.as_str());
                    let all = || format!("it has: {}", names.clone().collect::<Vec<_>>().join(", "));
                    let help = near_help(wanted, names.clone(), all);
                    Diagnostic::new(Kind::InvalidListing, format!("has no function `{wanted}`"))
                        .in_file(file)
                        .help(help)
                })
            })
            .collect();
    }
    let single: Option<Vec<(&str, &Function)>> = listings
        .iter()
        .map(|(file, listing)| match listing.functions.as_slice() {
            [one] => Some((file.as_str(), one)),
            _ => None,
        })
        .collect();
    if let Some(single) = single {
        return Ok(single);
    }
    let shared = listings.first().and_then(|(_, first)| first.functions.iter().find_map(|one| named(&one.name)));
    shared.ok_or_else(|| {
        let empty = listings.iter().find(|(_, listing)| listing.functions.is_empty());
        let file = empty.or_else(|| listings.iter().find(|(_, listing)| listing.functions.len() > 1));
        let message =
            if empty.is_some() { "lists no function" } else { "lists several functions, and no name is in all" };
        let diagnostic =
            Diagnostic::new(Kind::InvalidListing, message).help("name the functions with `--function NAME`");
        file.map_or(diagnostic.clone(), |(file, _)| diagnostic.in_file(file))
    })
}

/// Values of symbols.
fn bound(formula: &Formula, values: &BTreeMap<String, Json>) -> Formula {
    let mut map = BTreeMap::new();
    for symbol in formula.symbols() {
        for (name, value) in values {
            let length = match value {
                Json::String(text) => Some(text.chars().count()),
                Json::Array(items) => Some(items.len()),
                Json::Object(entries) => Some(entries.len()),
                Json::Null | Json::Bool(_) | Json::Number(_) => None,
            };
            let replaced = match (stands_for(&symbol, name), length) {
                (Some(_), Some(length)) => Some(Formula::integer(length)),
                (Some(_), None) => number(value),
                (None, _) => None,
            };
            if let Some(replaced) = replaced {
                map.insert(symbol.clone(), replaced);
                break;
            }
        }
    }
    formula.substitute(&map)
}

fn number(value: &Json) -> Option<Formula> {
    if let Some(int) = value.as_i64() {
        return Some(Formula::integer(int));
    }
    value.as_f64().and_then(BigRational::from_float).map(Formula::rational)
}

fn whole(formula: &Formula) -> Option<u64> {
    let value = formula.evaluate(&Environment::new()).ok()?;
    value.max(BigRational::zero()).ceil().to_integer().to_u64()
}

fn parsed(text: Option<&String>) -> Option<Formula> {
    Formula::parse(text?).ok()
}

/// Compares the listings, each under its name.
///
/// # Errors
/// `invalid-listing`: no function, or several and none is named.
pub fn compare(
    listings: &[(String, Listing)],
    workload: Option<&Workload>,
    function: Option<&str>,
) -> Result<Comparison, Diagnostic> {
    let functions = chosen(listings, function)?;
    let mut notes = BTreeSet::new();
    let mut rows = Vec::new();
    for (place, (size, _)) in SIZES.iter().enumerate() {
        let given: BTreeMap<String, Json> = workload
            .map(|workload| {
                let pick = |(name, all): (&String, &[Json; 3])| Some((name.clone(), all.get(place)?.clone()));
                workload.values.iter().filter_map(pick).collect()
            })
            .unwrap_or_default();
        let mut needs = Vec::new();
        for (name, function) in &functions {
            let own = function.sizes.iter().find(|one| one.name == *size);
            let values = match (workload, own) {
                (None, Some(own)) => &own.values,
                _ => &given,
            };
            let formula = |text: &Option<String>| parsed(text.as_ref()).map(|formula| bound(&formula, values));
            let of_listing = |number: Option<&Number>| {
                let value = number.and_then(|number| number.value).filter(|value| *value >= 0.0);
                // What a listing was measured with says nothing of other inputs.
                value.filter(|_| workload.is_none()).map(|value| value as u64)
            };
            let peak = formula(&function.peak.bytes);
            let resident = formula(&function.resident_peak.bytes);
            let base = function.baseline_bytes.as_ref().and_then(|number| number.value);
            let above = resident.as_ref().and_then(whole);
            let footprint = of_listing(own.and_then(|own| own.footprint_bytes.as_ref()))
                .or_else(|| Some(above?.saturating_add(base? as u64)));
            let headroom = 1.0 + function.setting.headroom_percent.max(0.0) / 100.0;
            let memory_mb = footprint.and_then(|footprint| {
                let platform = platform(&function.setting.platform).or_else(|| platform("aws-lambda"))?;
                platform.smallest_setting((footprint as f64 * headroom / 1_048_576.0).ceil() as u64)
            });
            let mut missing: BTreeSet<String> = BTreeSet::new();
            for formula in [&peak, &resident].into_iter().flatten() {
                missing.extend(formula.symbols().iter().map(ToString::to_string));
            }
            if !function.complete || function.peak.bytes.is_none() {
                notes.insert(format!("{name}: its listing has no formula of its peak"));
            }
            needs.push(Needs {
                listing: (*name).to_owned(),
                function: function.name.clone(),
                peak_bytes: of_listing(own.and_then(|own| own.peak_bytes.as_ref())).or(peak.as_ref().and_then(whole)),
                footprint_bytes: footprint,
                memory_mb,
                duration_ms: own.and_then(|own| own.duration_ms.clone()).filter(|number| number.value.is_some()),
                cost_per_million_usd: own
                    .and_then(|own| own.cost_per_million_usd.clone())
                    .filter(|number| number.value.is_some()),
                missing: missing.into_iter().collect(),
            });
        }
        let inputs: Vec<String> = given.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let inputs = if inputs.is_empty() { "each listing's own inputs".to_owned() } else { inputs.join(", ") };
        if workload.is_some() && needs.iter().any(|one| one.duration_ms.is_some()) {
            notes.insert("times and costs are those of each listing's own measured inputs".to_owned());
        }
        rows.push(Row { size: (*size).to_owned(), inputs, needs });
    }
    Ok(Comparison {
        schema: Schema::COMPARISON,
        rows,
        crossings: crossings(&functions, workload),
        notes: notes.into_iter().collect(),
    })
}

/// What a function takes, in its own memory and its baseline.
fn total(function: &Function) -> Option<Formula> {
    let formula = parsed(function.resident_peak.bytes.as_ref())?;
    let base = function.baseline_bytes.as_ref().and_then(|number| number.value).unwrap_or(0.0);
    Some(formula + Formula::integer(base as u64))
}

/// Where the functions overtake each other, input by input, with other inputs of middle size.
fn crossings(functions: &[(&str, &Function)], workload: Option<&Workload>) -> Vec<Crossing> {
    let mut found = Vec::new();
    for (n, (first_name, first)) in functions.iter().enumerate() {
        for (second_name, second) in functions.iter().skip(n + 1) {
            let (Some(a), Some(b)) = (total(first), total(second)) else { continue };
            let names: BTreeSet<String> = match workload {
                Some(workload) => workload.values.keys().cloned().collect(),
                None => {
                    let last = |symbol: &str| {
                        let name = symbol.rsplit('[').next().unwrap_or(symbol);
                        name.trim_matches(|c| matches!(c, '"' | '\'' | ']' | ')')).to_owned()
                    };
                    let of = |formula: &Formula| formula.symbols().iter().map(|one| last(one)).collect::<BTreeSet<_>>();
                    of(&a).intersection(&of(&b)).cloned().collect()
                }
            };
            for input in names {
                let others: BTreeMap<String, Json> = workload
                    .map(|workload| {
                        let rest = workload.values.iter().filter(|(name, _)| **name != input);
                        rest.filter_map(|(name, all)| Some((name.clone(), all.get(1)?.clone()))).collect()
                    })
                    .unwrap_or_default();
                let difference = as_function(&bound(&a, &others), &input) - as_function(&bound(&b, &others), &input);
                if let Some((at, rises)) = first_change(&difference) {
                    let (below, above) = if rises { (first_name, second_name) } else { (second_name, first_name) };
                    found.push(Crossing { input, at, below: (*below).to_owned(), above: (*above).to_owned() });
                }
            }
        }
    }
    found
}

/// A formula over one symbol `x` in the place of an input.
fn as_function(formula: &Formula, input: &str) -> Formula {
    let x = Formula::symbol("x");
    let symbols = formula.symbols();
    let mine = symbols.iter().filter(|symbol| stands_for(symbol, input).is_some());
    let map: BTreeMap<Arc<str>, Formula> = mine.map(|symbol| (symbol.clone(), x.clone())).collect();
    formula.substitute(&map)
}

/// Largest input that is looked at.
const MOST: u64 = 1 << 40;

/// The first value from which the sign of a difference changes for good, and whether it rises there. None if it does
/// not, or if it depends on something else.
fn first_change(difference: &Formula) -> Option<(u64, bool)> {
    if difference.symbols().iter().any(|symbol| &**symbol != "x") {
        return None;
    }
    let sign = |x: u64| -> Option<i32> {
        let value = difference.evaluate(&Environment::new().with("x", i64::try_from(x).ok()?)).ok()?;
        Some(match value.cmp(&BigRational::zero()) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        })
    };
    let mut before = (0, sign(0)?);
    let mut x = 1;
    while x <= MOST {
        let now = sign(x)?;
        if before.1 == 0 {
            before = (x, now);
        } else if now != 0 && now != before.1 {
            let (mut low, mut high) = (before.0, x);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if sign(middle)? == now { high = middle } else { low = middle }
            }
            return Some((high, now > 0));
        } else if now == before.1 {
            before = (x, now);
        }
        x *= 2;
    }
    None
}

/// For people.
pub fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    for row in &comparison.rows {
        out.push_str(&format!("{} ({})\n", row.size, row.inputs));
        for one in &row.needs {
            out.push_str(&format!("  {:<32} {}\n", format!("{} {}", one.listing, one.function), cells(one).join("  ")));
            if !one.missing.is_empty() && one.peak_bytes.is_none() {
                let names: Vec<&str> = one.missing.iter().take(6).map(String::as_str).collect();
                out.push_str(&format!("  {:<32} no value for {}\n", "", names.join(", ")));
            }
        }
    }
    for crossing in &comparison.crossings {
        out.push_str(&format!("{}\n", sentence(crossing)));
    }
    for note in &comparison.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    out
}

fn cells(one: &Needs) -> Vec<String> {
    let option = |value: Option<u64>| value.map_or_else(|| "not known".to_owned(), bytes);
    let basis = |number: &Option<Number>, write: fn(f64) -> String| match number {
        Some(Number { value: Some(value), basis, .. }) => format!("{} ({})", write(*value), basis.word()),
        _ => "not known".to_owned(),
    };
    vec![
        format!("peak {}", option(one.peak_bytes)),
        format!("footprint {}", option(one.footprint_bytes)),
        one.memory_mb.map_or_else(|| "setting not known".to_owned(), |mb| format!("{mb} MB")),
        format!("time {}", basis(&one.duration_ms, |ms| format!("{ms:.1} ms"))),
        format!("per million {}", basis(&one.cost_per_million_usd, |usd| format!("${usd:.2}"))),
    ]
}

fn sentence(crossing: &Crossing) -> String {
    format!(
        "below {} = {}, {} needs less memory; from there on, {}",
        crossing.input, crossing.at, crossing.below, crossing.above
    )
}

/// As a table for a page.
pub fn markdown(comparison: &Comparison) -> String {
    let clean = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let mut out = String::from("| inputs | function | peak | footprint | setting | time | per million |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for row in &comparison.rows {
        for one in &row.needs {
            let cells: Vec<String> = cells(one)
                .iter()
                .map(|cell| {
                    let words = ["peak ", "footprint ", "setting ", "time ", "per million "];
                    clean(words.iter().find_map(|word| cell.strip_prefix(word)).unwrap_or(cell))
                })
                .collect();
            out.push_str(&format!(
                "| {} ({}) | {} {} | {} |\n",
                row.size,
                clean(&row.inputs),
                clean(&one.listing),
                clean(&one.function),
                cells.join(" | ")
            ));
        }
    }
    for crossing in &comparison.crossings {
        out.push_str(&format!("\n{}.\n", clean(&sentence(crossing))));
    }
    for note in &comparison.notes {
        out.push_str(&format!("\nNote: {}.\n", clean(note)));
    }
    out
}
