//! Budgets: what a project allows its functions, as TOML, and whether they keep to it. docs/CHECK.md describes the file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use num_traits::ToPrimitive;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::analyse::{Given, stands_for};
use super::profile::{Bounds, Profile, Quantity};
use super::report::{Rule, Status, Verdict, bytes};
use crate::diagnostic::{Diagnostic, Kind, Span, near_help, position};
use crate::formula::{Formula, parse_bytes};
use crate::project::pattern;
use crate::workload::json_of;

/// A size: a number of bytes, or a text with a unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Text(String),
}

/// A name or pattern, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

/// A table `[[budget]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    functions: Option<Spanned<Names>>,
    inputs: Option<Spanned<toml::Table>>,
    event: Option<Spanned<toml::Value>>,
    event_file: Option<Spanned<String>>,
    peak: Option<Spanned<Size>>,
    resident_peak: Option<Spanned<Size>>,
    demand: Option<Spanned<Size>>,
    retained: Option<Spanned<Size>>,
    footprint: Option<Spanned<Size>>,
    growth: Option<BTreeMap<String, Spanned<String>>>,
    #[serde(default)]
    no_retained_growth: Option<Spanned<bool>>,
    #[serde(default)]
    no_unknown: Option<Spanned<bool>>,
    memory_mb: Option<Spanned<u64>>,
    cost_per_million_usd: Option<Spanned<f64>>,
    /// What nothing decides is broken.
    #[serde(default)]
    strict: bool,
    /// It may match no function.
    #[serde(default)]
    optional: bool,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    budget: Vec<Spanned<Entry>>,
}

/// A limit and its place.
#[derive(Clone, Debug)]
struct Limit<T> {
    value: T,
    line: u32,
}

/// A budget that was read.
#[derive(Clone, Debug)]
struct Budget {
    functions: Vec<String>,
    line: u32,
    given: Option<Given>,
    sizes: Vec<(Rule, Limit<u64>)>,
    growth: Vec<(String, Limit<Formula>)>,
    no_retained_growth: Option<Limit<()>>,
    no_unknown: Option<Limit<()>>,
    memory_mb: Option<Limit<u64>>,
    cost: Option<Limit<f64>>,
    strict: bool,
    optional: bool,
    reason: Option<String>,
}

/// The budgets of a file.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    file: String,
    text: String,
    all: Vec<Budget>,
}

/// A diagnostic at a range of a file's text.
fn placed(file: &Path, text: &str, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
    let (line, column) = position(text, range.start);
    let (end_line, end_column) = position(text, range.end.max(range.start));
    let span = Span { line, column, end_line, end_column };
    let diagnostic = Diagnostic::new(Kind::InvalidBudget, message).in_file(file).at(span);
    match text.lines().nth(line.saturating_sub(1) as usize) {
        Some(line) => diagnostic.excerpt(line.chars().take(400).collect::<String>()),
        None => diagnostic,
    }
}

/// What a budget may say, for near names.
const KEYS: [&str; 17] = [
    "functions",
    "inputs",
    "event",
    "event_file",
    "peak",
    "resident_peak",
    "demand",
    "retained",
    "footprint",
    "growth",
    "no_retained_growth",
    "no_unknown",
    "memory_mb",
    "cost_per_million_usd",
    "strict",
    "optional",
    "reason",
];

/// Orders of growth that have a word; `{}` is the input.
const ORDERS: [(&str, &str); 6] = [
    ("constant", "1"),
    ("logarithmic", "log2({})"),
    ("linear", "{}"),
    ("linearithmic", "{}*log2({})"),
    ("quadratic", "{}**2"),
    ("cubic", "{}**3"),
];

impl Budgets {
    /// Reads a file. `read` gives the text of another file that it names, relative to its own folder.
    ///
    /// # Errors
    /// `invalid-budget` with line and column; what `read` gives.
    pub fn parse(
        file: &Path,
        text: &str,
        mut read: impl FnMut(&str) -> Result<Json, Diagnostic>,
    ) -> Result<Self, Diagnostic> {
        let parsed: File = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("is no TOML").to_owned();
            let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
            let other = || "docs/CHECK.md describes the file".to_owned();
            let help = unknown.map_or_else(other, |name| near_help(name, KEYS.iter().copied(), other));
            let message = match unknown {
                Some(name) => format!("a budget has no `{name}`"),
                None => message,
            };
            placed(file, text, &error.span().unwrap_or(0..0), message).help(help)
        })?;
        if parsed.budget.is_empty() {
            return Err(placed(file, text, &(0..0), "holds no `[[budget]]`")
                .help("docs/CHECK.md has an example: `[[budget]]`, `functions = \"*\"`, `peak = \"64 MB\"`"));
        }
        let mut all = Vec::new();
        for entry in parsed.budget {
            all.push(budget(file, text, entry, &mut read)?);
        }
        Ok(Self { file: file.to_string_lossy().replace('\\', "/"), text: text.to_owned(), all })
    }

    /// The inputs that functions of these names are to be looked at with, each once.
    pub fn given(&self, names: &[&str]) -> Vec<Given> {
        let mut found: Vec<Given> = Vec::new();
        for budget in self.all.iter().filter(|budget| budget.matches(names)) {
            if let Some(given) = &budget.given
                && !found.contains(given)
            {
                found.push(given.clone());
            }
        }
        found
    }

    /// Holds functions to their budgets: a verdict for each limit, in the order of the file; and what is wrong with the
    /// file for these functions.
    pub fn verdicts(&self, functions: &[Profile]) -> (Vec<Verdict>, Vec<Diagnostic>) {
        let mut verdicts = Vec::new();
        let mut problems = Vec::new();
        for budget in &self.all {
            for pattern in &budget.functions {
                let is_used = functions.iter().any(|one| one.names().iter().any(|name| pattern::fits(pattern, name)));
                if !is_used && !budget.optional {
                    let names: Vec<&str> = functions.iter().flat_map(Profile::names).collect();
                    let help = near_help(pattern, names, || {
                        "`meminterface handlers` lists the functions; `optional = true` lets it name none".to_owned()
                    });
                    problems.push(self.problem(budget.line, format!("`{pattern}` names no function")).help(help));
                }
            }
            let mine: Vec<&Profile> = functions.iter().filter(|one| budget.matches(&one.names())).collect();
            problems.extend(self.unread_inputs(budget, &mine));
            for profile in mine {
                self.verdicts_of(budget, profile, &mut verdicts);
            }
        }
        (verdicts, problems)
    }

    fn problem(&self, line: u32, message: String) -> Diagnostic {
        let at = self.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or("");
        let end = u32::try_from(at.chars().count()).unwrap_or(0) + 1;
        Diagnostic::new(Kind::InvalidBudget, message)
            .in_file(&self.file)
            .at(Span { line, column: 1, end_line: line, end_column: end })
            .excerpt(at.chars().take(400).collect::<String>())
    }

    /// Inputs and orders of growth in names that none of the functions reads: a slip that would pass silently.
    fn unread_inputs(&self, budget: &Budget, functions: &[&Profile]) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let whole = budget.given.as_ref().is_some_and(|given| given.event.is_some());
        let inputs = budget.given.iter().flat_map(|given| given.inputs.keys()).map(|name| (name, budget.line));
        let inputs = inputs.filter(|_| !whole);
        let growth = budget.growth.iter().map(|(name, limit)| (name, limit.line));
        for (name, line) in inputs.chain(growth) {
            let reads = |profile: &&Profile| {
                let last = name.rsplit(['.', '[']).next().unwrap_or(name).trim_matches(['"', '\'', ']']);
                profile.inputs.iter().any(|key| key == last || key == name)
                    || symbols(profile).iter().any(|symbol| stands_for(symbol, name).is_some())
            };
            if functions.is_empty() || functions.iter().any(reads) {
                continue;
            }
            let mut known: Vec<String> = functions.iter().flat_map(|profile| profile.inputs.clone()).collect();
            known.extend(functions.iter().flat_map(|profile| symbols(profile)));
            known.sort();
            known.dedup();
            let help = near_help(name, known.iter().map(String::as_str), || match known.as_slice() {
                [] => "the function reads no input by a name".to_owned(),
                known => format!("inputs are: {}", known.iter().take(12).cloned().collect::<Vec<_>>().join(", ")),
            });
            problems.push(self.problem(line, format!("no function of this budget reads an input `{name}`")).help(help));
        }
        problems
    }

    fn verdicts_of(&self, budget: &Budget, profile: &Profile, into: &mut Vec<Verdict>) {
        let at = budget.given.as_ref().and_then(|given| profile.at.iter().find(|at| at.name == given.name));
        let inputs = budget.given.as_ref().map(|given| given.name.clone());
        let mut push =
            |rule: Rule, line: u32, status: Status, message: String, limit: String, actual: Option<String>| {
                let status = if status == Status::Undecided && budget.strict { Status::Broken } else { status };
                let place = profile.peak_place().filter(|_| rule.is_of_peak());
                let message = match place {
                    Some(place) if status != Status::Passed => {
                        format!("{message}, from {} ({})", place_text(profile, &place.file, place.line), place.what)
                    }
                    _ => message,
                };
                into.push(Verdict {
                    rule,
                    status,
                    function: profile.id.clone(),
                    name: profile.name.clone(),
                    file: place.map_or_else(|| profile.file.clone(), |place| place.file.clone()),
                    line: place.map_or(profile.line, |place| place.line),
                    message,
                    limit,
                    actual,
                    inputs: inputs.clone(),
                    budget_file: self.file.clone(),
                    budget_line: line,
                    reason: budget.reason.clone(),
                });
            };
        for (rule, limit) in &budget.sizes {
            let for_inputs = inputs.as_ref().map_or_else(String::new, |inputs| format!(" for {inputs}"));
            let allowed = bytes(limit.value);
            let (found, why) = match at {
                Some(at) => {
                    let found = match rule {
                        Rule::Peak => at.peak,
                        Rule::ResidentPeak => at.resident_peak,
                        Rule::Demand => at.demand,
                        Rule::Retained => at.retained,
                        _ => at.footprint,
                    };
                    let why = match (&at.raises, at.unknown.as_slice()) {
                        (Some(name), _) => format!("the handler raises {name} on these inputs"),
                        (None, []) => "nothing bounds it".to_owned(),
                        (None, unknown) => format!("it depends on {}", list(unknown)),
                    };
                    // What a handler that raises early needs says nothing of one that works.
                    (if at.raises.is_some() { Bounds { max: None, ..found } } else { found }, why)
                }
                None => {
                    let quantity = match rule {
                        Rule::Peak => &profile.peak,
                        Rule::Demand => &profile.demand,
                        Rule::Retained => &profile.retained,
                        _ => &profile.resident_peak,
                    };
                    let found = if *rule == Rule::Footprint { profile.footprint } else { quantity.bounds };
                    let why = match (&quantity.formula, profile.complete) {
                        (_, false) => "the function was not followed to its end".to_owned(),
                        (Some(formula), _) => format!("it is {formula}: give `inputs`"),
                        (None, _) => "it depends on inputs: give `inputs`".to_owned(),
                    };
                    (found, why)
                }
            };
            let what = rule.title();
            let (status, message, actual) = match found {
                Bounds { min: Some(min), .. } if min > limit.value => {
                    let least = if found.exact().is_some() { "" } else { "at least " };
                    let text = format!("{what} is {least}{}{for_inputs}, more than the {allowed} allowed", bytes(min));
                    (Status::Broken, text, Some(bytes(min)))
                }
                Bounds { max: Some(max), .. } if max <= limit.value => {
                    (Status::Passed, format!("{what} is at most {}{for_inputs}", bytes(max)), Some(bytes(max)))
                }
                Bounds { max: Some(max), .. } => {
                    let text =
                        format!("{what} may be up to {}{for_inputs}, and {allowed} are allowed: {why}", bytes(max));
                    (Status::Undecided, text, Some(bytes(max)))
                }
                Bounds { max: None, .. } => {
                    (Status::Undecided, format!("{what} is not known{for_inputs}: {why}"), None)
                }
            };
            push(*rule, limit.line, status, message, allowed, actual);
        }
        for (name, limit) in &budget.growth {
            let (status, actual, why) = grows(&profile.peak, name, &limit.value, profile.complete);
            let allowed = limit.value.to_string();
            let message = match (&actual, status) {
                (Some(actual), Status::Broken) => {
                    format!("peak grows as {actual} in `{name}`, and {allowed} is allowed")
                }
                (Some(actual), _) => format!("peak grows as {actual} in `{name}`"),
                (None, _) => format!("how peak grows in `{name}` is not known: {why}"),
            };
            push(Rule::Growth, limit.line, status, message, allowed, actual);
        }
        if let Some(limit) = &budget.no_retained_growth {
            let (status, message) = match (profile.grows.first(), profile.retained.bounds) {
                (Some((file, line, what)), _) => {
                    let place = place_text(profile, file, *line);
                    (Status::Broken, format!("memory stays from one invocation to the next: {what} ({place})"))
                }
                (None, _) if !profile.complete => {
                    let text = "what stays behind is not known: the function was not followed to its end";
                    (Status::Undecided, text.to_owned())
                }
                (None, Bounds { min: Some(min), .. }) if min > 0 => {
                    (Status::Broken, format!("{} stay from one invocation to the next", bytes(min)))
                }
                (None, Bounds { max: Some(0), .. }) => (Status::Passed, "nothing stays behind".to_owned()),
                (None, _) => {
                    let formula = profile.retained.formula.as_deref().unwrap_or("a long formula");
                    (Status::Undecided, format!("what stays behind is {formula}"))
                }
            };
            push(Rule::Retained, limit.line, status, message, "nothing".to_owned(), None);
        }
        if let Some(limit) = &budget.no_unknown {
            let names: Vec<String> = profile
                .unknown
                .iter()
                .map(|one| format!("{} (line {}: {})", one.name, one.line, one.cause))
                .chain(profile.unknown_imports.iter().map(|name| format!("the footprint of `{name}`")))
                .collect();
            let (status, message) = match (names.as_slice(), profile.complete) {
                (_, false) => (Status::Broken, "the function was not followed to its end".to_owned()),
                ([], true) => (Status::Passed, "nothing is unknown".to_owned()),
                (names, true) => (Status::Broken, format!("{} not known: {}", are(names.len()), list(names))),
            };
            push(Rule::Unknown, limit.line, status, message, "nothing".to_owned(), Some(names.len().to_string()));
        }
        if let Some(limit) = &budget.memory_mb {
            let allowed = format!("{} MB", limit.value);
            let (status, message) = match profile.recommended_mb {
                Some(mb) if mb > limit.value => {
                    (Status::Broken, format!("the recommended setting is {mb} MB, and {allowed} are allowed"))
                }
                Some(mb) => (Status::Passed, format!("the recommended setting is {mb} MB")),
                None => {
                    let text = "no setting is recommended: its footprint is not known; give `inputs` or `--measured`";
                    (Status::Undecided, text.to_owned())
                }
            };
            push(
                Rule::Memory,
                limit.line,
                status,
                message,
                allowed,
                profile.recommended_mb.map(|mb| format!("{mb} MB")),
            );
        }
        if let Some(limit) = &budget.cost {
            let allowed = format!("${:.2}", limit.value);
            let (status, message) = match profile.cost_per_million_usd {
                Some(cost) if cost > limit.value => {
                    (Status::Broken, format!("a million requests cost ${cost:.2}, and {allowed} are allowed"))
                }
                Some(cost) => (Status::Passed, format!("a million requests cost ${cost:.2}")),
                None => (Status::Undecided, "the cost is not known: it needs times, from `--measured`".to_owned()),
            };
            let actual = profile.cost_per_million_usd.map(|cost| format!("${cost:.2}"));
            push(Rule::Cost, limit.line, status, message, allowed, actual);
        }
    }
}

/// `line 4`, or `other.py:4` where it is another file than the function's.
pub(super) fn place_text(profile: &Profile, file: &str, line: u32) -> String {
    if file == profile.file { format!("line {line}") } else { format!("{file}:{line}") }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "1 thing is" } else { "several things are" }
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 4 {
        text.push_str(&format!(" and {} more", names.len() - 4));
    }
    text
}

/// The symbols of a function's formulas.
fn symbols(profile: &Profile) -> Vec<String> {
    let all = profile.quantities().into_iter().flat_map(|(_, quantity)| quantity.orders.keys().cloned());
    all.chain(profile.unknown.iter().map(|unknown| unknown.name.clone())).collect()
}

/// How a quantity grows in an input, and whether that is at most what is allowed.
fn grows(quantity: &Quantity, name: &str, allowed: &Formula, complete: bool) -> (Status, Option<String>, String) {
    if !complete {
        return (Status::Undecided, None, "the function was not followed to its end".to_owned());
    }
    if quantity.growth.is_none() {
        return (Status::Undecided, None, "its formula is too long".to_owned());
    }
    let orders: Vec<(&String, &String)> =
        quantity.orders.iter().filter(|(symbol, _)| stands_for(symbol, name).is_some()).collect();
    let mut worst = (Status::Passed, "1".to_owned());
    for (symbol, order) in orders {
        let Ok(order) = Formula::parse(order) else {
            return (Status::Undecided, None, "its order is no formula".to_owned());
        };
        let map = BTreeMap::from([(std::sync::Arc::from(symbol.as_str()), Formula::symbol("n"))]);
        let order = order.substitute(&map);
        let map = BTreeMap::from([(std::sync::Arc::from(name), Formula::symbol("n"))]);
        let limit = allowed.substitute(&map);
        // What the limit dominates adds nothing to it.
        let is_within = (order.clone() + limit.clone()).growth(Some("n")) == limit.growth(Some("n"));
        let shown = order.substitute(&BTreeMap::from([(std::sync::Arc::from("n"), Formula::symbol(name))])).to_string();
        if !is_within {
            return (Status::Broken, Some(shown), String::new());
        }
        if shown.len() > worst.1.len() {
            worst = (Status::Passed, shown);
        }
    }
    (worst.0, Some(worst.1), String::new())
}

impl Budget {
    fn matches(&self, names: &[&str]) -> bool {
        self.functions.iter().any(|pattern| names.iter().any(|name| pattern::fits(pattern, name)))
    }
}

fn budget(
    file: &Path,
    text: &str,
    entry: Spanned<Entry>,
    read: &mut impl FnMut(&str) -> Result<Json, Diagnostic>,
) -> Result<Budget, Diagnostic> {
    let span = entry.span();
    let line_of = |range: &Range<usize>| position(text, range.start).0;
    let start = line_of(&span);
    let entry = entry.into_inner();
    let functions = match &entry.functions {
        None => vec!["*".to_owned()],
        Some(names) => match names.get_ref() {
            Names::One(name) => vec![name.clone()],
            Names::Several(names) => names.clone(),
        },
    };
    let line = entry.functions.as_ref().map_or(start, |names| line_of(&names.span()));
    if functions.is_empty() {
        return Err(placed(file, text, &span, "`functions` is empty").help("leave it out for all functions"));
    }
    let mut sizes = Vec::new();
    let all = [
        (Rule::Peak, &entry.peak),
        (Rule::ResidentPeak, &entry.resident_peak),
        (Rule::Demand, &entry.demand),
        (Rule::Retained, &entry.retained),
        (Rule::Footprint, &entry.footprint),
    ];
    for (rule, size) in all {
        let Some(size) = size else { continue };
        let value = match size.get_ref() {
            Size::Bytes(bytes) => *bytes,
            Size::Text(words) => parse_bytes(words)
                .map_err(|error| error.to_string())
                .and_then(|bytes| bytes.to_u64().ok_or_else(|| "is too large".to_owned()))
                .map_err(|why| placed(file, text, &size.span(), why).help("write it as \"64 MB\""))?,
        };
        sizes.push((rule, Limit { value, line: line_of(&size.span()) }));
    }
    let mut growth = Vec::new();
    for (name, order) in entry.growth.iter().flatten() {
        let words = order.get_ref().trim();
        let known = ORDERS.iter().find(|(word, _)| *word == words);
        let formula = known.map_or_else(|| words.to_owned(), |(_, formula)| formula.replace("{}", "n"));
        let parsed = Formula::parse(&formula).map_err(|error| {
            let names: Vec<&str> = ORDERS.iter().map(|(word, _)| *word).collect();
            placed(file, text, &order.span(), format!("`{words}` is no order of growth: {error}"))
                .help(format!("write a formula in `{name}` (`{name}*log2({name})`), or {}", names.join(", ")))
        })?;
        let parsed = match known {
            Some(_) => parsed.substitute(&BTreeMap::from([(std::sync::Arc::from("n"), Formula::symbol(name))])),
            None => parsed,
        };
        if let Some(other) = parsed.symbols().iter().find(|symbol| stands_for(symbol, name).is_none()) {
            let message = format!("the order of growth in `{name}` speaks of `{other}`");
            return Err(placed(file, text, &order.span(), message).help(format!("use `{name}` alone")));
        }
        growth.push((name.clone(), Limit { value: parsed, line: line_of(&order.span()) }));
    }
    let flag = |value: &Option<Spanned<bool>>| {
        value.as_ref().filter(|value| *value.get_ref()).map(|value| Limit { value: (), line: line_of(&value.span()) })
    };
    let mut given = Given::default();
    let mut names = Vec::new();
    if let (Some(event), Some(_)) = (&entry.event, &entry.event_file) {
        let message = "a budget has either `event` or `event_file`";
        return Err(placed(file, text, &event.span(), message).help("remove one of them"));
    }
    if let Some(event) = &entry.event {
        given.event = Some(json_of(event.get_ref()));
        names.push(format!("the event of line {}", line_of(&event.span())));
    }
    if let Some(path) = &entry.event_file {
        given.event = Some(read(path.get_ref())?);
        names.push(path.get_ref().clone());
    }
    if let Some(inputs) = &entry.inputs {
        for (name, value) in inputs.get_ref() {
            let value = json_of(value);
            names.push(format!("{name} = {}", shortened(&value)));
            given.inputs.insert(name.clone(), value);
        }
    }
    given.name = names.join(", ");
    if let Some(cost) = &entry.cost_per_million_usd
        && !(cost.get_ref().is_finite() && *cost.get_ref() >= 0.0)
    {
        return Err(placed(file, text, &cost.span(), "a cost is a number from 0").help("write it as 2.5"));
    }
    let budget = Budget {
        functions,
        line,
        given: (!names.is_empty()).then_some(given),
        sizes,
        growth,
        no_retained_growth: flag(&entry.no_retained_growth),
        no_unknown: flag(&entry.no_unknown),
        memory_mb: entry.memory_mb.map(|limit| Limit { line: line_of(&limit.span()), value: limit.into_inner() }),
        cost: entry.cost_per_million_usd.map(|limit| Limit { line: line_of(&limit.span()), value: limit.into_inner() }),
        strict: entry.strict,
        optional: entry.optional,
        reason: entry.reason,
    };
    let is_empty = budget.sizes.is_empty()
        && budget.growth.is_empty()
        && budget.no_retained_growth.is_none()
        && budget.no_unknown.is_none()
        && budget.memory_mb.is_none()
        && budget.cost.is_none();
    if is_empty {
        return Err(placed(file, text, &span, "a budget without a limit")
            .help("give it one: peak, demand, footprint, growth, no_retained_growth, no_unknown, memory_mb …"));
    }
    Ok(budget)
}

fn shortened(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(39).chain(['…']).collect() }
}
