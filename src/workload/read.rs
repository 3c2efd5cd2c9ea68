//! Reads workloads, TOML or JSON.
//!
//! Both become [`Raw`], which knows where each name and value stands; what it means is said once, for both.

use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use toml::Spanned;

use super::{Distribution, Drawn, Entry, MOST_SAMPLES, Source, Table, Workload, input_path};
use crate::diagnostic::{Diagnostic, Kind, Span, near_help, position};
use crate::formula::normalize;

/// Keys of an entry.
const KEYS: &[&str] = &[
    "value",
    "values",
    "lengths",
    "weights",
    "none",
    "distribution",
    "min",
    "max",
    "mean",
    "deviation",
    "mu",
    "median",
    "sigma",
    "scale",
    "shape",
    "integer",
    "of",
    "small",
    "medium",
    "large",
];

/// Distributions, with the parameters that each must have.
const DISTRIBUTIONS: &[(&str, &[&str])] = &[
    ("fixed", &["value"]),
    ("empirical", &[]),
    ("uniform", &["min", "max"]),
    ("normal", &["mean", "deviation"]),
    ("lognormal", &["sigma"]),
    ("poisson", &["mean"]),
    ("pareto", &["scale", "shape"]),
];

const HELP: &str = "docs/WORKLOAD.md describes workloads: `[inputs.n]`, `values = [10, 1000, 100000]`";

/// A value and the bytes that it was read from.
type Placed<T> = (T, Range<usize>);

/// The fields of a table, in order.
type Written = Vec<(Placed<String>, Placed<Json>)>;

#[derive(Default)]
struct Raw {
    schema: Option<Placed<Json>>,
    seed: Option<Placed<Json>>,
    samples: Option<Placed<Json>>,
    tables: Vec<(Table, Placed<String>, Written)>,
}

type TomlEntry = IndexMap<Spanned<String>, Spanned<toml::Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlFile {
    schema: Option<Spanned<toml::Value>>,
    seed: Option<Spanned<toml::Value>>,
    samples: Option<Spanned<toml::Value>>,
    #[serde(default)]
    inputs: IndexMap<Spanned<String>, TomlEntry>,
    #[serde(default)]
    mcvs: IndexMap<Spanned<String>, TomlEntry>,
}

/// The file that is read, for messages.
struct At<'a> {
    file: &'a Path,
    text: &'a str,
}

impl At<'_> {
    fn error(&self, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        let (line, column) = position(self.text, range.start);
        let diagnostic =
            Diagnostic::new(Kind::InvalidWorkload, message).in_file(self.file).at(Span::point(line, column)).help(HELP);
        match self.text.lines().nth(line.saturating_sub(1) as usize) {
            Some(line) => diagnostic.excerpt(line.chars().take(400).collect::<String>()),
            None => diagnostic,
        }
    }
}

impl Workload {
    /// Reads the text of a file; `file` is for messages. A text that begins with `{` is JSON, any other TOML.
    ///
    /// # Errors
    /// `invalid-workload`, with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let at = At { file, text };
        let raw = if text.trim_start().starts_with('{') { json(&at)? } else { toml(&at)? };
        meaning(&at, &raw)
    }
}

fn placed_json(value: Spanned<toml::Value>) -> Placed<Json> {
    let range = value.span();
    (json_of(value.get_ref()), range)
}

/// A value of TOML as JSON. A date is its text.
pub(crate) fn json_of(value: &toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::String(text.clone()),
        toml::Value::Integer(int) => Json::from(*int),
        toml::Value::Float(float) => serde_json::Number::from_f64(*float).map_or(Json::Null, Json::Number),
        toml::Value::Boolean(is) => Json::Bool(*is),
        toml::Value::Datetime(date) => Json::String(date.to_string()),
        toml::Value::Array(items) => Json::Array(items.iter().map(json_of).collect()),
        toml::Value::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.clone(), json_of(value))).collect())
        }
    }
}

fn toml(at: &At<'_>) -> Result<Raw, Diagnostic> {
    let parsed: TomlFile = toml::from_str(at.text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("is no TOML").to_owned();
        at.error(&error.span().unwrap_or(0..0), message)
    })?;
    let mut raw = Raw {
        schema: parsed.schema.map(placed_json),
        seed: parsed.seed.map(placed_json),
        samples: parsed.samples.map(placed_json),
        tables: Vec::new(),
    };
    let inputs = parsed.inputs.into_iter().map(|entry| (Table::Inputs, entry));
    for (table, (name, entry)) in inputs.chain(parsed.mcvs.into_iter().map(|entry| (Table::Mcvs, entry))) {
        let range = name.span();
        let entry = entry
            .into_iter()
            .map(|(key, value)| {
                let range = key.span();
                ((key.into_inner(), range), placed_json(value))
            })
            .collect();
        raw.tables.push((table, (name.into_inner(), range), entry));
    }
    Ok(raw)
}

fn json(at: &At<'_>) -> Result<Raw, Diagnostic> {
    type Members<'a> = IndexMap<String, &'a RawValue>;
    let start = at.text.as_ptr() as usize;
    // Raw values are slices of the text.
    let range_of = |value: &RawValue| {
        let from = (value.get().as_ptr() as usize).saturating_sub(start);
        from..from + value.get().len()
    };
    // A name stands in front of its value.
    let before = |name: &str, range: &Range<usize>| {
        let quoted = Json::String(name.to_owned()).to_string();
        let place = at.text.get(..range.start).and_then(|text| text.rfind(&quoted)).unwrap_or(range.start);
        place..range.start
    };
    let failed = |error: &serde_json::Error, from: usize| {
        // Lines and columns of the error count from where its text begins.
        let (line, column) = position(at.text, from);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("is no JSON").to_owned();
        let line_of = line + u32::try_from(error.line()).unwrap_or(1).saturating_sub(1);
        let of = u32::try_from(error.column()).unwrap_or(1).max(1);
        let column = if error.line() <= 1 { column + of - 1 } else { of };
        Diagnostic::new(Kind::InvalidWorkload, message).in_file(at.file).at(Span::point(line_of, column)).help(HELP)
    };
    let value = |raw: &RawValue| -> Result<Placed<Json>, Diagnostic> {
        let range = range_of(raw);
        serde_json::from_str(raw.get()).map(|json| (json, range.clone())).map_err(|error| failed(&error, range.start))
    };
    let table = |name: &str, raw: &RawValue| -> Result<(), Diagnostic> {
        match raw.get().starts_with('{') {
            true => Ok(()),
            false => Err(at.error(&range_of(raw), format!("`{name}` is a table: `{{\"n\": {{\"values\": […]}}}}`"))),
        }
    };
    let members: Members<'_> = serde_json::from_str(at.text).map_err(|error| failed(&error, 0))?;
    let mut raw = Raw::default();
    for (name, part) in &members {
        match name.as_str() {
            "schema" => raw.schema = Some(value(part)?),
            "seed" => raw.seed = Some(value(part)?),
            "samples" => raw.samples = Some(value(part)?),
            "inputs" | "mcvs" => {
                table(name, part)?;
                let which = if name == "inputs" { Table::Inputs } else { Table::Mcvs };
                let start = range_of(part).start;
                let entries: Members<'_> = serde_json::from_str(part.get()).map_err(|error| failed(&error, start))?;
                for (name, entry) in &entries {
                    table(name, entry)?;
                    let range = range_of(entry);
                    let fields: Members<'_> =
                        serde_json::from_str(entry.get()).map_err(|error| failed(&error, range.start))?;
                    let mut found = Vec::new();
                    for (key, field) in &fields {
                        found.push(((key.clone(), before(key, &range_of(field))), value(field)?));
                    }
                    raw.tables.push((which, (name.clone(), before(name, &range)), found));
                }
            }
            other => {
                let range = before(other, &range_of(part));
                return Err(unknown_key(
                    at,
                    &range,
                    other,
                    "a workload",
                    &["inputs", "mcvs", "samples", "schema", "seed"],
                ));
            }
        }
    }
    // Inputs first, as in TOML.
    raw.tables.sort_by_key(|(table, _, _)| *table);
    Ok(raw)
}

fn unknown_key(at: &At<'_>, range: &Range<usize>, name: &str, of: &str, known: &[&str]) -> Diagnostic {
    let help = near_help(name, known.iter().copied(), || format!("there are: {}", known.join(", ")));
    at.error(range, format!("`{name}` is no key of {of}")).help(help)
}

fn meaning(at: &At<'_>, raw: &Raw) -> Result<Workload, Diagnostic> {
    if let Some((schema, range)) = &raw.schema
        && (schema["name"] != "meminterface.workload" || schema["version"].as_i64() != Some(1))
    {
        return Err(at.error(range, "is no workload: its schema is not `meminterface.workload`, version 1"));
    }
    let seed = match &raw.seed {
        None => 0,
        Some((seed, range)) => {
            seed.as_u64().ok_or_else(|| at.error(range, "`seed` is a whole number from 0 to 2^64 - 1"))?
        }
    };
    let samples = match &raw.samples {
        None => None,
        Some((samples, range)) => {
            let count = samples.as_u64().and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| (1..=MOST_SAMPLES).contains(count));
            let message = || format!("`samples` is a whole number from 1 to {MOST_SAMPLES}");
            Some(count.ok_or_else(|| at.error(range, message()))?)
        }
    };
    if raw.tables.is_empty() {
        return Err(at.error(&(0..0), "holds no inputs"));
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen: Vec<(Table, String)> = Vec::new();
    for (table, (name, range), fields) in &raw.tables {
        let same = match (table, input_path(name)) {
            (Table::Inputs, Some(path)) => format!("{}{:?}", if path.length { "len " } else { "" }, path.keys),
            _ => normalize(name),
        };
        if seen.contains(&(*table, same.clone())) {
            return Err(at.error(range, format!("`{name}` is there twice, in other words")));
        }
        seen.push((*table, same));
        let (line, column) = position(at.text, range.start);
        let source = Fields { at, name, range, fields, table: *table }.source()?;
        let size = |key: &str| fields.iter().find(|((name, _), _)| name == key).map(|(_, (value, _))| value.clone());
        let sizes = match (size("small"), size("medium"), size("large")) {
            (Some(small), Some(medium), Some(large)) => Some([small, medium, large]),
            _ => None,
        };
        entries.push(Entry { table: *table, name: name.clone(), line, column, source, sizes });
    }
    Ok(Workload { seed, samples, entries })
}

struct Fields<'a> {
    at: &'a At<'a>,
    name: &'a str,
    range: &'a Range<usize>,
    fields: &'a [(Placed<String>, Placed<Json>)],
    table: Table,
}

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Placed<Json>> {
        self.fields.iter().find(|((name, _), _)| name == key).map(|(_, value)| value)
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.at.error(self.range, message)
    }

    /// A parameter as a number.
    fn number(&self, key: &str) -> Result<Option<f64>, Diagnostic> {
        let Some((value, range)) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.at.error(range, format!("`{key}` is a number")))
    }

    fn list(&self, key: &str) -> Result<Option<Placed<&[Json]>>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some((Json::Array(items), range)) => Ok(Some((items.as_slice(), range.clone()))),
            Some((_, range)) => Err(self.at.error(range, format!("`{key}` is a list"))),
        }
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, Diagnostic> {
        match self.get(key) {
            None => Ok(default),
            Some((Json::Bool(is), _)) => Ok(*is),
            Some((_, range)) => Err(self.at.error(range, format!("`{key}` is true or false"))),
        }
    }

    fn source(&self) -> Result<Source, Diagnostic> {
        for ((key, range), _) in self.fields {
            if !KEYS.contains(&key.as_str()) {
                return Err(unknown_key(self.at, range, key, "an entry", KEYS));
            }
        }
        for (one, other) in [("value", "values"), ("value", "lengths"), ("mu", "median")] {
            if self.has(one) && self.has(other) {
                return Err(self.error(format!("`{}` has both `{one}` and `{other}`", self.name)));
            }
        }
        let is_length = match self.get("of") {
            None => false,
            Some((Json::String(of), _)) if of == "value" => false,
            Some((Json::String(of), _)) if of == "length" => true,
            Some((_, range)) => return Err(self.at.error(range, "`of` is `value` or `length`")),
        };
        // The name may say so too.
        let is_length =
            is_length || (self.table == Table::Inputs && input_path(self.name).is_some_and(|path| path.length));
        let has_parameter =
            ["mean", "deviation", "mu", "median", "sigma", "scale", "shape"].iter().any(|key| self.has(key));
        let name = match self.get("distribution") {
            Some((Json::String(name), range)) => {
                let known = DISTRIBUTIONS.iter().map(|(name, _)| *name);
                if !known.clone().any(|known| known == name) {
                    let all = || format!("there are: {}", known.clone().collect::<Vec<_>>().join(", "));
                    let help = near_help(name, known.clone(), all);
                    return Err(self.at.error(range, format!("`{name}` is no distribution")).help(help));
                }
                name.as_str()
            }
            Some((_, range)) => return Err(self.at.error(range, "`distribution` is a name")),
            None if self.has("value") => "fixed",
            None if self.has("values") || self.has("lengths") || self.has("small") => "empirical",
            None if has_parameter => {
                return Err(self.error(format!("`{}` does not say which `distribution` it has", self.name)));
            }
            None if self.has("min") || self.has("max") => "uniform",
            None => return Err(self.error(format!("`{}` has no values", self.name))),
        };
        let wanted = DISTRIBUTIONS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, wanted)| *wanted);
        if let Some(missing) = wanted.iter().find(|key| !self.has(key)) {
            return Err(self.error(format!("`{}` is {name} and lacks `{missing}`", self.name)));
        }
        let (min, max) = (self.number("min")?, self.number("max")?);
        if let (Some(low), Some(high)) = (min, max)
            && low > high
        {
            let range = self.get("min").map_or(self.range, |(_, range)| range);
            return Err(self.at.error(range, "`min` is larger than `max`"));
        }
        let integer = self.flag("integer", true)?;
        let number = |key: &str| self.number(key).map(Option::unwrap_or_default);
        let distribution = match name {
            "fixed" => {
                let drawn = match self.get("value") {
                    Some(placed) if is_length => self.length(placed)?,
                    Some((value, _)) => Drawn::Value(value.clone()),
                    None => Drawn::Value(Json::Null),
                };
                return Ok(Source::Fixed(drawn));
            }
            "empirical" => return self.listed(is_length),
            "uniform" => Ok(Distribution::uniform(min.unwrap_or(0.0), max.unwrap_or(0.0), integer)),
            "normal" => Distribution::normal(number("mean")?, number("deviation")?, min, max),
            "lognormal" => {
                let mu = match (self.number("mu")?, self.number("median")?) {
                    (Some(mu), _) => mu,
                    (None, Some(median)) if median > 0.0 => median.ln(),
                    (None, Some(_)) => return Err(self.error(format!("`{}`: its median is not above 0", self.name))),
                    (None, None) => {
                        return Err(self.error(format!("`{}` is lognormal and lacks `mu` or `median`", self.name)));
                    }
                };
                Distribution::lognormal(mu, number("sigma")?, min, max)
            }
            "poisson" => Distribution::poisson(number("mean")?, min, max),
            _ => Distribution::pareto(number("scale")?, number("shape")?, min, max),
        };
        match distribution {
            Ok(distribution) => Ok(Source::Numbers { distribution, integer, length: is_length }),
            Err(why) => Err(self.error(format!("`{}`: {why}", self.name))),
        }
    }

    fn length(&self, (value, range): &Placed<Json>) -> Result<Drawn, Diagnostic> {
        value.as_u64().map(Drawn::Length).ok_or_else(|| self.at.error(range, "a length is a whole number from 0"))
    }

    fn listed(&self, is_length: bool) -> Result<Source, Diagnostic> {
        let mut items: Vec<Drawn> = Vec::new();
        for key in ["small", "medium", "large"] {
            items.extend(self.get(key).map(|(value, _)| Drawn::Value(value.clone())));
        }
        if let Some((values, range)) = self.list("values")? {
            for value in values {
                let placed = (value.clone(), range.clone());
                items.push(if is_length { self.length(&placed)? } else { Drawn::Value(placed.0) });
            }
        }
        if let Some((lengths, range)) = self.list("lengths")? {
            for length in lengths {
                items.push(self.length(&(length.clone(), range.clone()))?);
            }
        }
        let weights: Vec<f64> = match self.list("weights")? {
            None => vec![1.0; items.len()],
            Some((weights, range)) if weights.len() != items.len() => {
                let message = format!("`weights` has {} items for {} values", weights.len(), items.len());
                return Err(self.at.error(&range, message));
            }
            Some((weights, range)) => {
                let weights: Option<Vec<f64>> =
                    weights.iter().map(|weight| weight.as_f64().filter(|w| w.is_finite() && *w >= 0.0)).collect();
                match weights.filter(|weights| weights.iter().sum::<f64>() > 0.0) {
                    Some(weights) => weights,
                    None => return Err(self.at.error(&range, "weights are numbers from 0, of which one is above 0")),
                }
            }
        };
        let none = self.number("none")?.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&none) {
            let range = self.get("none").map_or(self.range, |(_, range)| range);
            return Err(self.at.error(range, "`none` is a share from 0 to 1"));
        }
        if items.is_empty() && none == 0.0 {
            return Ok(Source::Open);
        }
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let mut shares = Vec::with_capacity(items.len() + 1);
        if none > 0.0 {
            items.insert(0, Drawn::Value(Json::Null));
            shares.push(none);
            sum = none;
        }
        let rest = 1.0 - none;
        for weight in &weights {
            sum += if total > 0.0 { weight / total * rest } else { 0.0 };
            shares.push(sum);
        }
        if let Some(last) = shares.last_mut() {
            *last = 1.0;
        }
        Ok(Source::Listed { items, shares })
    }
}
