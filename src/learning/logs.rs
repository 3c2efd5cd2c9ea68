//! Logs of a deployed function: REPORT lines of AWS Lambda, as text, as JSON logs, or in an export of CloudWatch, joined
//! with the events by request id; and what they say of a handler's formula: baseline, scale, residual.
//!
//! Depends on `diagnostic`, `formula`, `contracts` (the residual) and `residual`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde_json::Value as Json;

use super::{quantile, residual};
use crate::contracts::Residual;
use crate::diagnostic::{Diagnostic, Kind, Schema, Span};
use crate::formula::{Environment, Formula};

const MB: f64 = 1_048_576.0;

/// One invocation, as its REPORT line has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The request's id.
    pub request: String,
    /// The function's setting, in MB.
    pub memory_size_mb: f64,
    /// What the platform says that was used at most, in MB.
    pub max_memory_used_mb: f64,
    /// Duration in milliseconds.
    pub duration_ms: Option<f64>,
    /// Duration of the initialisation, in milliseconds: only cold starts have one.
    pub init_ms: Option<f64>,
    /// The instance that it ran in, where the log says so.
    pub stream: Option<String>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Logs {
    /// In the order of the files; one a request.
    pub reports: Vec<Report>,
    /// Requests whose reports contradict one another.
    contradictory: BTreeSet<String>,
    /// Events by request id.
    pub events: BTreeMap<String, Json>,
    /// What was left out, and why.
    pub problems: Vec<Diagnostic>,
}

/// Largest log that is read, in bytes.
const MOST_BYTES: u64 = 1 << 30;

fn text_of(file: &Path) -> Result<String, Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
            .in_file(file)
            .help("check the path and its permissions")
    };
    let handle = fs_err::File::open(file).map_err(failed)?;
    let mut bytes = Vec::new();
    handle.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Diagnostic::new(Kind::FileTooLarge, "holds more than 1 GiB of logs").in_file(file));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number behind `name:` in a REPORT line.
fn field(line: &str, name: &str, unit: &str) -> Option<Result<f64, String>> {
    let mut from = 0;
    // `Duration` is part of `Billed Duration` and `Init Duration`.
    loop {
        let at = from + line.get(from..)?.find(name)?;
        let before = line.get(..at)?.trim_end();
        let part =
            ["Billed", "Init", "Restore"].iter().any(|word| before.ends_with(word)) && name.starts_with("Duration");
        if !part {
            let rest = line.get(at + name.len()..)?.trim_start();
            let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
            let after = rest.get(number.len()..)?.trim_start();
            return Some(match number.parse::<f64>() {
                Ok(value) if value < 0.0 => Err(format!("`{}` is negative", name.trim_end_matches(':'))),
                Ok(value) if value.is_finite() && after.starts_with(unit) => Ok(value),
                Ok(_) => Err(format!("`{}` is not in {unit}", name.trim_end_matches(':'))),
                Err(_) => Err(format!("`{}` is no number", name.trim_end_matches(':'))),
            });
        }
        from = at + name.len();
    }
}

/// A REPORT line as text. None if it is none.
fn from_line(line: &str) -> Option<Result<Report, String>> {
    let at = line.find("REPORT RequestId:")?;
    let line = line.get(at..)?;
    let request = line.split_whitespace().nth(2)?.to_owned();
    let needed = |name: &str| match field(line, name, "MB") {
        Some(Ok(value)) => Ok(value),
        Some(Err(reason)) => Err(reason),
        None => Err(format!("`{}` is missing", name.trim_end_matches(':'))),
    };
    let optional = |name: &str| field(line, name, "ms").and_then(Result::ok);
    Some((|| {
        Ok(Report {
            request,
            memory_size_mb: needed("Memory Size:")?,
            max_memory_used_mb: needed("Max Memory Used:")?,
            duration_ms: optional("Duration:"),
            init_ms: optional("Init Duration:"),
            stream: None,
        })
    })())
}

/// A `platform.report` of the JSON log format.
fn from_json(json: &Json) -> Option<Result<Report, String>> {
    if json.get("type").and_then(Json::as_str) != Some("platform.report") {
        return None;
    }
    let record = json.get("record")?;
    let metrics = record.get("metrics").unwrap_or(&Json::Null);
    let number = |name: &str| metrics.get(name).and_then(Json::as_f64);
    let needed = |name: &str| match number(name) {
        Some(value) if value < 0.0 => Err(format!("`{name}` is negative")),
        Some(value) => Ok(value),
        None => Err(format!("`{name}` is missing")),
    };
    Some((|| {
        let request = record.get("requestId").and_then(Json::as_str).ok_or("`requestId` is missing")?;
        Ok(Report {
            request: request.to_owned(),
            memory_size_mb: needed("memorySizeMB")?,
            max_memory_used_mb: needed("maxMemoryUsedMB")?,
            duration_ms: number("durationMs"),
            init_ms: number("initDurationMs"),
            stream: None,
        })
    })())
}

/// One line or message, whatever its form. The second part is the instance's stream.
fn message(text: &str, stream: Option<&str>, depth: usize, found: &mut Vec<Result<Report, String>>) {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '['])
        && depth < 4
        && let Ok(json) = serde_json::from_str::<Json>(trimmed)
    {
        value(&json, stream, depth + 1, found);
        return;
    }
    if let Some(report) = from_line(trimmed) {
        found.push(report.map(|report| Report { stream: stream.map(str::to_owned), ..report }));
    }
}

/// JSON: a platform report, an event of an export (`message`, `logStreamName`), or lists of these.
fn value(json: &Json, stream: Option<&str>, depth: usize, found: &mut Vec<Result<Report, String>>) {
    if depth > 6 {
        return;
    }
    if let Some(report) = from_json(json) {
        found.push(report.map(|report| Report { stream: stream.map(str::to_owned), ..report }));
        return;
    }
    match json {
        Json::Array(items) => {
            // Results of CloudWatch Logs Insights: a list of {"field", "value"}.
            let fields =
                items.iter().filter_map(|item| Some((item.get("field")?.as_str()?, item.get("value")?.as_str()?)));
            let fields: BTreeMap<&str, &str> = fields.collect();
            if let Some(text) = fields.get("@message") {
                message(text, fields.get("@logStream").copied().or(stream), depth + 1, found);
            } else {
                items.iter().for_each(|item| value(item, stream, depth + 1, found));
            }
        }
        Json::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Json::as_str);
            let stream = text("logStreamName").or(text("logStream")).or(text("@logStream")).or(stream);
            if let Some(text) = text("message").or(text("@message")) {
                message(text, stream, depth + 1, found);
            }
            for name in ["events", "logEvents", "results"] {
                if let Some(list) = members.get(name) {
                    value(list, stream, depth + 1, found);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Reads a log into `logs`.
pub fn read(file: &Path, logs: &mut Logs) {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(problem) => {
            logs.problems.push(problem);
            return;
        }
    };
    let mut found: Vec<(usize, Result<Report, String>)> = Vec::new();
    let whole = serde_json::from_str::<Json>(text.trim());
    if let (Ok(json @ (Json::Array(_) | Json::Object(_))), true) =
        (&whole, text.trim().lines().count() > 1 || text.len() > 2)
    {
        let mut reports = Vec::new();
        value(json, None, 0, &mut reports);
        found.extend(reports.into_iter().map(|report| (1, report)));
    } else {
        for (n, line) in text.lines().enumerate() {
            let mut reports = Vec::new();
            message(line, None, 0, &mut reports);
            found.extend(reports.into_iter().map(|report| (n + 1, report)));
        }
    }
    let mut wrong: Vec<(String, usize, usize)> = Vec::new();
    let mut complain = |reason: String, line: usize| match wrong.iter_mut().find(|(known, ..)| *known == reason) {
        Some((.., count)) => *count += 1,
        None => wrong.push((reason, line, 1)),
    };
    if found.is_empty() {
        complain("the log has no REPORT lines".to_owned(), 1);
    }
    for (line, report) in found {
        let report = match report {
            Ok(report) => report,
            Err(reason) => {
                complain(reason, line);
                continue;
            }
        };
        if report.memory_size_mb <= 0.0 || report.max_memory_used_mb <= 0.0 {
            complain("an amount is zero".to_owned(), line);
            continue;
        }
        // The platform counts in whole MB, and stops a function at its setting.
        if report.max_memory_used_mb > report.memory_size_mb + 1.0 {
            complain("more memory is used than the setting allows".to_owned(), line);
            continue;
        }
        if logs.contradictory.contains(&report.request) {
            continue;
        }
        match logs.reports.iter().position(|known| known.request == report.request) {
            None => logs.reports.push(report),
            Some(at) => {
                let known = &logs.reports[at];
                let same = known.max_memory_used_mb == report.max_memory_used_mb
                    && known.memory_size_mb == report.memory_size_mb;
                if !same {
                    complain("two reports of one request say different things".to_owned(), line);
                    logs.contradictory.insert(report.request);
                    logs.reports.remove(at);
                }
            }
        }
    }
    for (reason, line, count) in wrong {
        let lines = if count == 1 { "1 report".to_owned() } else { format!("{count} reports") };
        let message = if reason.starts_with("the log has") { reason } else { format!("{lines} left out: {reason}") };
        logs.problems.push(
            Diagnostic::new(Kind::InvalidLog, message)
                .in_file(file)
                .at(Span::point(u32::try_from(line).unwrap_or(u32::MAX), 1))
                .help("docs/LEARNING.md names the forms of logs that are read"),
        );
    }
}

/// Reads events by request id: JSON lines `{"requestId": …, "event": …}`, or one object by id.
pub fn read_events(file: &Path, logs: &mut Logs) {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(problem) => {
            logs.problems.push(problem);
            return;
        }
    };
    let id = |json: &Json| {
        let names = ["requestId", "request_id", "aws_request_id", "awsRequestId"];
        names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
    };
    let whole = serde_json::from_str::<Json>(text.trim()).ok();
    let mut bad = (0usize, 0usize);
    match whole {
        Some(Json::Object(members)) if !members.contains_key("event") => logs.events.extend(members),
        Some(Json::Array(items)) => {
            for item in items {
                match (id(&item), item.get("event")) {
                    (Some(id), Some(event)) => {
                        logs.events.insert(id, event.clone());
                    }
                    _ => bad = (bad.0 + 1, bad.1.max(1)),
                }
            }
        }
        _ => {
            for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let json = serde_json::from_str::<Json>(line).ok();
                match json.as_ref().and_then(|json| Some((id(json)?, json.get("event")?.clone()))) {
                    Some((id, event)) => {
                        logs.events.insert(id, event);
                    }
                    None => bad = (bad.0 + 1, if bad.1 == 0 { n + 1 } else { bad.1 }),
                }
            }
        }
    }
    if bad.0 > 0 {
        logs.problems.push(
            Diagnostic::new(Kind::InvalidEvent, format!("{} events have no `requestId` and `event`", bad.0))
                .in_file(file)
                .at(Span::point(u32::try_from(bad.1).unwrap_or(u32::MAX), 1))
                .help("a line is {\"requestId\": \"…\", \"event\": {…}}"),
        );
        if let Some(last) = logs.problems.last_mut() {
            last.severity = crate::diagnostic::Severity::Warning;
        }
    }
}

/// What the logs say of a handler.
#[derive(Clone, Debug, Serialize)]
pub struct Calibration {
    /// Name and version of this form.
    pub schema: Schema,
    /// Requests with a report.
    pub reports: usize,
    /// Of them cold starts.
    pub cold: usize,
    /// Of them joined with an event that gives the formula a value.
    pub joined: usize,
    /// The settings that were seen, in MB.
    pub memory_size_mb: Vec<f64>,
    /// Quantiles of `Max Memory Used`, in MB: 50th, 90th, 99th and the largest.
    pub max_memory_used_mb: [f64; 4],
    /// What the process holds whatever the event is, in bytes.
    pub baseline_bytes: f64,
    /// What the formula's bytes are multiplied with; none without a formula.
    pub scale: Option<f64>,
    /// What the calibrated formula leaves over: ratio of `Max Memory Used` to it.
    pub residual: Option<ResidualJson>,
    /// Growth of `Max Memory Used` from an invocation to the next of the same instance, in bytes; none where no instance
    /// was seen twice.
    pub growth_bytes_per_invocation: Option<f64>,
    /// The calibrated formula, in bytes.
    pub formula: String,
    /// What people should know.
    pub notes: Vec<String>,
}

/// A residual, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct ResidualJson {
    /// The family.
    pub distribution: String,
    /// Reports that it rests on.
    pub n: u64,
    /// The Kolmogorov-Smirnov statistic, where a family was fitted.
    pub ks: Option<f64>,
    /// The ratio at 50, 90, 95 and 99 %.
    pub quantiles: [f64; 4],
}

impl From<&Residual> for ResidualJson {
    fn from(found: &Residual) -> Self {
        let digits = |p| (found.quantile(p) * 1e5).round() / 1e5;
        Self {
            distribution: found.distribution.name().to_owned(),
            n: found.traces,
            ks: found.ks,
            quantiles: [digits(0.5), digits(0.9), digits(0.95), digits(0.99)],
        }
    }
}

/// Values of the parts of an event that a formula names: `event["n"]`, `len(event["text"])`, or `event.n`.
fn environment(formula: &Formula, event: &Json) -> Option<Environment> {
    let mut environment = Environment::new();
    for symbol in formula.symbols() {
        let (path, counts) = match symbol.strip_prefix("len(").and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) => (inner, true),
            None => (&*symbol, false),
        };
        let mut at = event;
        let rest = path.strip_prefix("event")?;
        for part in rest.split(['[', '.', ']']).filter(|part| !part.is_empty()) {
            let name = part.trim_matches(['"', '\'']);
            at = match (at, name.parse::<usize>()) {
                (Json::Array(items), Ok(index)) => items.get(index)?,
                _ => at.get(name)?,
            };
        }
        let size = match at {
            Json::String(text) if counts => text.chars().count() as f64,
            Json::Array(items) if counts => items.len() as f64,
            Json::Object(members) if counts => members.len() as f64,
            Json::Number(number) if !counts => number.to_string().parse().ok()?,
            _ => return None,
        };
        let value = Formula::parse(&format!("{size}")).ok()?;
        environment.set(&symbol, value.as_number()?.clone());
    }
    Some(environment)
}

/// Baseline, scale and residual of a handler's formula (in bytes, above the baseline) from its logs.
///
/// # Errors
/// `invalid-formula`; `invalid-log` where no report could be used.
pub fn calibrate(logs: &Logs, formula: Option<&str>) -> Result<Calibration, Diagnostic> {
    let mut used: Vec<f64> = logs.reports.iter().map(|report| report.max_memory_used_mb).collect();
    used.sort_by(f64::total_cmp);
    let Some(most) = used.last().copied() else {
        let mut problem = Diagnostic::new(Kind::InvalidLog, "no report could be used")
            .help("REPORT lines, `platform.report` records, and exports of CloudWatch Logs are read");
        problem.severity = crate::diagnostic::Severity::Error;
        return Err(problem);
    };
    let at = |p: f64| quantile(&used, p).unwrap_or(most);
    let parsed = match formula {
        None => None,
        Some(text) => {
            let found = Formula::parse_permissive(text);
            Some(found.map_err(|error| error.diagnostic(text))?)
        }
    };
    let mut notes = Vec::new();
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    let mut valueless = 0;
    if let Some(formula) = &parsed {
        for report in &logs.reports {
            let Some(event) = logs.events.get(&report.request) else { continue };
            let bytes = environment(formula, event).and_then(|values| formula.evaluate(&values).ok());
            let bytes = bytes.and_then(|value| value.ceil().to_integer().to_string().parse::<f64>().ok());
            match bytes {
                Some(bytes) => pairs.push((bytes, report.max_memory_used_mb * MB)),
                None => valueless += 1,
            }
        }
        if valueless > 0 {
            notes.push(format!("{valueless} events do not have what the formula asks for"));
        }
        if pairs.is_empty() {
            notes.push("no report could be joined with an event: the formula is not used".to_owned());
        }
    }
    let stopped = logs.reports.iter().filter(|report| report.max_memory_used_mb >= report.memory_size_mb).count();
    if stopped > 0 {
        notes.push(format!("{stopped} invocations used all that the setting allows: they may have needed more"));
    }
    let (baseline, scale, predicted): (f64, Option<f64>, Vec<(f64, f64)>) = match line(&pairs) {
        Some((baseline, scale)) => {
            let predicted = pairs.iter().map(|(x, y)| (baseline + scale * x, *y)).collect();
            (baseline, Some(scale), predicted)
        }
        None => {
            let baseline = at(0.5) * MB;
            (baseline, None, used.iter().map(|mb| (baseline, mb * MB)).collect())
        }
    };
    let ratios: Vec<f64> = predicted.iter().filter(|(f, _)| *f > 0.0).map(|(f, y)| y / f).collect();
    let residual = residual::fit(&ratios, 0.0);
    let baseline = (baseline / 1024.0).round() * 1024.0;
    let text = match (&parsed, scale) {
        (Some(formula), Some(scale)) => format!("{baseline:.0} + {}*({formula})", (scale * 1e4).round() / 1e4),
        _ => format!("{baseline:.0}"),
    };
    let mut settings: Vec<f64> = logs.reports.iter().map(|report| report.memory_size_mb).collect();
    settings.sort_by(f64::total_cmp);
    settings.dedup();
    Ok(Calibration {
        schema: Schema { name: "meminterface.learn.logs", version: 1 },
        reports: logs.reports.len(),
        cold: logs.reports.iter().filter(|report| report.init_ms.is_some()).count(),
        joined: pairs.len(),
        memory_size_mb: settings,
        max_memory_used_mb: [at(0.5), at(0.9), at(0.99), most],
        baseline_bytes: baseline,
        scale: scale.map(|scale| (scale * 1e4).round() / 1e4),
        residual: residual.as_ref().map(ResidualJson::from),
        growth_bytes_per_invocation: growth(&logs.reports),
        formula: text,
        notes,
    })
}

/// `y = a + b x` with a and b not negative, robust (Theil and Sen). None where x does not vary.
fn line(pairs: &[(f64, f64)]) -> Option<(f64, f64)> {
    // Slopes of all pairs, or of a thousand points at even distances.
    let step = pairs.len().div_ceil(1000).max(1);
    let points: Vec<(f64, f64)> = pairs.iter().copied().step_by(step).collect();
    let mut slopes = Vec::new();
    for (n, a) in points.iter().enumerate() {
        for b in points.iter().skip(n + 1) {
            if (b.0 - a.0).abs() >= 1.0 {
                slopes.push((b.1 - a.1) / (b.0 - a.0));
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    let slope = quantile(&slopes, 0.5)?.max(0.0);
    let mut rests: Vec<f64> = pairs.iter().map(|(x, y)| y - slope * x).collect();
    rests.sort_by(f64::total_cmp);
    Some((quantile(&rests, 0.5)?.max(0.0), slope))
}

/// The median step of `Max Memory Used` between invocations of one instance, in bytes: what stays behind.
fn growth(reports: &[Report]) -> Option<f64> {
    let mut streams: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for report in reports {
        if let Some(stream) = &report.stream {
            streams.entry(stream).or_default().push(report.max_memory_used_mb);
        }
    }
    let (mut rise, mut count) = (0.0, 0usize);
    for used in streams.values().filter(|used| used.len() > 1) {
        rise += (used.last().unwrap_or(&0.0) - used.first().unwrap_or(&0.0)) * MB;
        count += used.len() - 1;
    }
    (count > 0).then(|| (rise / count as f64).max(0.0).round())
}

impl Calibration {
    /// For people.
    pub fn text(&self) -> String {
        let mb = |bytes: f64| format!("{:.1} MB", bytes / MB);
        let [median, p90, p99, most] = self.max_memory_used_mb;
        let mut text = format!(
            "reports   {} ({} cold starts), {} joined with events\nused      median {median:.0} MB, 90 % {p90:.0} MB, 99 % {p99:.0} MB, at most {most:.0} MB\nbaseline  {}\n",
            self.reports,
            self.cold,
            self.joined,
            mb(self.baseline_bytes)
        );
        if let Some(scale) = self.scale {
            text.push_str(&format!("scale     {scale} × the formula\n"));
        }
        if let Some(residual) = &self.residual {
            let [_, _, p95, p99] = residual.quantiles;
            text.push_str(&format!("residual  {}, × {p95} at 95 %, × {p99} at 99 %\n", residual.distribution));
        }
        if let Some(growth) = self.growth_bytes_per_invocation {
            text.push_str(&format!("growth    {} an invocation of a warm instance\n", mb(growth)));
        }
        text.push_str(&format!("formula   {}\n", self.formula));
        for note in &self.notes {
            text.push_str(&format!("note      {note}\n"));
        }
        text
    }
}
