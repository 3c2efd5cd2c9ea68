//! Traces: one call, its sizes, and what it was seen to take. Reads JSON lines; names what is wrong with a line.
//!
//! Depends on `diagnostic`.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::diagnostic::{Diagnostic, Kind, Span};

/// How a traced call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned; there are figures.
    Returned,
    /// Anything else, by name (`raised`, `timed-out`, `out-of-memory`, `crashed`), with what is known of it.
    Failed(String, String),
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// A hash of the line that it was read from: what the choice of a few of many rests on.
    pub key: u64,
    /// Qualified name.
    pub callable: String,
    /// The library.
    pub library: String,
    /// Its version.
    pub library_version: Option<String>,
    /// The interpreter's version.
    pub python: Option<String>,
    /// `linux-x86_64`.
    pub platform: Option<String>,
    /// How requested bytes were measured.
    pub method: Option<String>,
    /// Sizes of the arguments, by the names that formulas use.
    pub features: BTreeMap<String, f64>,
    /// What tells kinds of arguments apart.
    pub texts: BTreeMap<String, String>,
    /// The sizes that the workload varied, if a workload made it.
    pub axes: BTreeMap<String, f64>,
    /// Whether it is an edge size, at which raising is no surprise.
    pub edge: bool,
    /// Which repetition of the same sizes.
    pub repetition: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes requested, nothing reclaimed.
    pub demand: Option<f64>,
    /// High-water mark of requested bytes, in bytes.
    pub peak: Option<f64>,
    /// What the result holds, in bytes.
    pub result_bytes: Option<f64>,
    /// What stays in the arguments, in bytes.
    pub grown: Option<f64>,
    /// What stays when result and arguments are gone, in bytes.
    pub retained: Option<f64>,
    /// Resident growth at its highest, in bytes.
    pub resident_peak: Option<f64>,
    /// What of the result is resident, in bytes.
    pub resident_result: Option<f64>,
    /// The parameters, as contracts list them.
    pub parameters: Vec<String>,
    /// The call as `contracts apply` reads it.
    pub call: Option<Json>,
    /// What came back, described in the same way.
    pub result: Option<Json>,
    /// The result that the workload declares, as contracts have it.
    pub declared_result: Option<String>,
    /// Meanings of sizes from outside, by name.
    pub externals: BTreeMap<String, String>,
    /// `printed`, `left 1 threads` …
    pub notes: Vec<String>,
    /// Processes that the call started.
    pub children: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Traces {
    /// Good ones, in the order of the files.
    pub traces: Vec<Trace>,
    /// Lines that were left out.
    pub skipped: usize,
    /// Why: one a sort of problem and file, with the first place and how many there are.
    pub problems: Vec<Diagnostic>,
}

/// Largest amount that is believed: 2^50 bytes.
const MOST_BYTES: f64 = 1_125_899_906_842_624.0;

/// Longest line that is read, in bytes.
const MOST_LINE: usize = 16 << 20;

const AMOUNTS: &[&str] = &[
    "demand_bytes",
    "peak_bytes",
    "result_bytes",
    "grown_bytes",
    "retained_bytes",
    "resident_peak_bytes",
    "resident_result_bytes",
    "live_bytes",
    "children_peak_bytes",
];

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn amount(members: &Map<String, Json>, name: &str) -> Result<Option<f64>, String> {
    match members.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => match number(value) {
            Some(bytes) if bytes.is_finite() && bytes < 0.0 => Err(format!("`{name}` is negative")),
            Some(bytes) if bytes.is_finite() && bytes <= MOST_BYTES => Ok(Some(bytes)),
            Some(_) => Err(format!("`{name}` is no amount of memory")),
            None => Err(format!("`{name}` is no number")),
        },
    }
}

fn numbers(members: &Map<String, Json>, name: &str, strict: bool) -> Result<BTreeMap<String, f64>, String> {
    let Some(value) = members.get(name) else { return Ok(BTreeMap::new()) };
    let Json::Object(values) = value else { return Err(format!("`{name}` is no object")) };
    let mut found = BTreeMap::new();
    for (key, value) in values {
        match number(value) {
            Some(size) if size.is_finite() => {
                found.insert(key.clone(), size);
            }
            _ if strict => return Err(format!("`{name}.{key}` is no finite number")),
            _ => {}
        }
    }
    Ok(found)
}

fn texts(members: &Map<String, Json>, name: &str) -> BTreeMap<String, String> {
    match members.get(name) {
        Some(Json::Object(values)) => {
            values.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn text(members: &Map<String, Json>, name: &str) -> Option<String> {
    members.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn strings(members: &Map<String, Json>, name: &str) -> Vec<String> {
    match members.get(name) {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Trace {
    /// Reads one trace.
    ///
    /// # Errors
    /// What is wrong, in words that are the same for all lines with the same problem.
    pub fn read(json: &Json) -> Result<Self, String> {
        let Json::Object(members) = json else { return Err("a line is not an object".to_owned()) };
        let callable = text(members, "callable").filter(|name| !name.is_empty());
        let callable = callable.ok_or("the column `callable` is missing")?;
        if !callable.split('.').all(|part| {
            !part.starts_with(|c: char| c.is_ascii_digit())
                && !part.is_empty()
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        }) {
            return Err("`callable` is not a qualified name".to_owned());
        }
        if let Some(unit) = members.get("unit")
            && unit.as_str() != Some("bytes")
        {
            return Err(format!("`unit` is {unit}: amounts are in bytes"));
        }
        if let Some(other) = members.keys().find(|key| {
            ["_kib", "_kb", "_mib", "_mb", "_gib", "_gb"].iter().any(|unit| key.to_lowercase().ends_with(unit))
        }) {
            return Err(format!("`{other}` is not in bytes: amounts are in bytes, in columns such as `peak_bytes`"));
        }
        let outcome = match text(members, "outcome").as_deref() {
            None | Some("returned") => Outcome::Returned,
            Some(other) => Outcome::Failed(other.to_owned(), text(members, "detail").unwrap_or_default()),
        };
        for name in AMOUNTS {
            amount(members, name)?;
        }
        let get = |name: &str| amount(members, name).ok().flatten();
        let (peak, demand) = (get("peak_bytes"), get("demand_bytes"));
        if outcome == Outcome::Returned {
            if peak.is_none() {
                return Err("the column `peak_bytes` is missing".to_owned());
            }
            if !members.contains_key("features") {
                return Err("the column `features` is missing".to_owned());
            }
        }
        if let (Some(peak), Some(demand)) = (peak, demand)
            && peak > demand
        {
            return Err("`peak_bytes` is above `demand_bytes`".to_owned());
        }
        let library =
            text(members, "library").unwrap_or_else(|| callable.split('.').next().unwrap_or_default().to_owned());
        Ok(Self {
            key: 0,
            library,
            library_version: text(members, "library_version"),
            python: text(members, "python"),
            platform: text(members, "platform"),
            method: text(members, "method"),
            features: numbers(members, "features", true)?,
            texts: texts(members, "texts"),
            axes: numbers(members, "axes", false)?,
            edge: members.get("edge").and_then(Json::as_bool).unwrap_or(false),
            repetition: members.get("repetition").and_then(Json::as_u64).unwrap_or(0),
            outcome,
            demand,
            peak,
            result_bytes: get("result_bytes"),
            grown: get("grown_bytes"),
            retained: get("retained_bytes"),
            resident_peak: get("resident_peak_bytes"),
            resident_result: get("resident_result_bytes"),
            parameters: strings(members, "parameters"),
            call: members.get("call").cloned(),
            result: members.get("result").cloned(),
            declared_result: text(members, "declared_result"),
            externals: texts(members, "externals"),
            notes: strings(members, "notes"),
            children: members.get("children").and_then(Json::as_u64).unwrap_or(0),
            callable,
        })
    }
}

/// Reads the traces of a stream of JSON lines into `into`. `file` names it in complaints.
pub fn read_lines(reader: impl BufRead, file: &Path, into: &mut Traces) {
    let mut traces = std::mem::take(&mut into.traces);
    each_line(reader, file, into, &mut |trace, _| traces.push(trace));
    into.traces = traces;
}

/// The same, giving each trace with its line to `keep`; `into` gets what is wrong alone.
pub fn each_line(reader: impl BufRead, file: &Path, into: &mut Traces, keep: &mut dyn FnMut(Trace, &[u8])) {
    // What is wrong, the first line of it, and how often.
    let mut wrong: Vec<(String, u32, usize)> = Vec::new();
    let mut complain = |message: String, line: usize| match wrong.iter_mut().find(|(known, ..)| *known == message) {
        Some((.., count)) => *count += 1,
        None => wrong.push((message, u32::try_from(line).unwrap_or(u32::MAX), 1)),
    };
    let mut skipped = 0;
    for (n, line) in reader.split(b'\n').enumerate() {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                complain(format!("cannot be read: {error}"), n + 1);
                skipped += 1;
                break;
            }
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = if line.len() > MOST_LINE {
            Err("the line is too long".to_owned())
        } else {
            match serde_json::from_slice::<Json>(&line) {
                Ok(json) => Trace::read(&json),
                // Python writes NaN and Infinity, which JSON does not have.
                Err(_) if [&b"NaN"[..], b"Infinity"].iter().any(|word| contains(&line, word)) => {
                    Err("a value is NaN or infinite".to_owned())
                }
                Err(_) => Err("not JSON".to_owned()),
            }
        };
        match parsed {
            Ok(trace) => keep(Trace { key: hash(&line), ..trace }, &line),
            Err(message) => {
                complain(message, n + 1);
                skipped += 1;
            }
        }
    }
    into.skipped += skipped;
    for (message, line, count) in wrong {
        let lines = if count == 1 { "1 trace".to_owned() } else { format!("{count} traces") };
        let diagnostic = Diagnostic::new(Kind::InvalidTrace, format!("{lines} left out: {message}"))
            .in_file(file)
            .at(Span::point(line, 1))
            .help("docs/LEARNING.md describes traces; the place is the first of them");
        into.problems.push(diagnostic);
    }
}

/// FNV-1a of a line without the white space around it, mixed: the same everywhere.
fn hash(line: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in line.trim_ascii() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

/// The trace files of a folder (`*.jsonl`, `*.parquet`, below it too), sorted; a file is itself.
///
/// # Errors
/// `cannot-read`.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
            .in_file(path)
            .help("`--traces` takes a folder of traces (*.jsonl, *.parquet)")
    };
    if fs_err::metadata(path).map_err(failed)?.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    let mut pending = vec![path.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            if kind.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == "jsonl" || e == "parquet") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Traces {
        let mut traces = Traces::default();
        read_lines(lines.as_bytes(), Path::new("t.jsonl"), &mut traces);
        traces
    }

    #[test]
    fn bad_lines_are_named_counted_and_left_out() {
        let traces = read(concat!(
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}, \"peak_bytes\": 10}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}, \"peak_bytes\": NaN}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}, \"peak_bytes\": -1}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 2}, \"peak_bytes\": -7}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}, \"peak_kib\": 10}\n",
            "{\"callable\": \"m.f\", \"features\": {\"n\": 1}, \"peak_bytes\": 10, \"unit\": \"KiB\"}\n",
            "{\"features\": {\"n\": 1}, \"peak_bytes\": 10}\n",
            "\n",
            "{\"callable\": \"m.f\", \"features\"",
        ));
        assert_eq!(traces.traces.len(), 1);
        assert_eq!(traces.skipped, 8);
        let messages: Vec<&str> = traces.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "1 trace left out: the column `peak_bytes` is missing",
                "1 trace left out: a value is NaN or infinite",
                "2 traces left out: `peak_bytes` is negative",
                "1 trace left out: `peak_kib` is not in bytes: amounts are in bytes, in columns such as `peak_bytes`",
                "1 trace left out: `unit` is \"KiB\": amounts are in bytes",
                "1 trace left out: the column `callable` is missing",
                "1 trace left out: not JSON",
            ]
        );
        assert_eq!(traces.problems[2].span.map(|span| span.line), Some(4));
    }

    #[test]
    fn a_call_that_failed_needs_no_figures() {
        let traces = read("{\"callable\": \"m.f\", \"outcome\": \"raised\", \"detail\": \"ValueError: no\"}\n");
        assert_eq!(traces.traces[0].outcome, Outcome::Failed("raised".to_owned(), "ValueError: no".to_owned()));
    }
}
