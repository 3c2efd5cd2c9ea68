//! Reads handlers into [`Profile`]s: formulas over their inputs, and numbers for inputs that are given.
//!
//! Work is bounded by steps, never by time, so that every machine gives the same answer. A function that takes more
//! steps is told as not followed to its end, without formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use serde_json::Value as Json;

use super::fingerprint;
use super::profile::{Allocation, At, Bounds, Profile, Quantity, Unknown};
use crate::calls::{FunctionId, Program};
use crate::diagnostic::Diagnostic;
use crate::expression::{Text, Value as Plain};
use crate::footprint::{Process, Request, platform_of};
use crate::formula::{Environment, Formula};
use crate::memory::cpython::Version;
use crate::memory::predict::bounds;
use crate::memory::{self, Options, Outcome};
use crate::project::discover::{Handler, Origin};
use crate::project::imports::outside;
use crate::project::{LoadOptions, Project, Source, Sources};
use crate::recommend::platform;
pub(crate) use crate::workload::stands_for;
use crate::workload::{keys, put};

/// Steps of a run without an event: statements, and work on formulas.
const SYMBOLIC_STEPS: u64 = 20_000;
/// Steps of a run on an event.
const EVENT_STEPS: u64 = 300_000;
/// Nodes of a formula that is worth printing.
const MOST_SHOWN: u64 = 400;
/// Nodes of a formula whose growth is computed.
const MOST_GROWN: u64 = 1_500;
/// Nodes of a formula into which values are put.
const MOST_SUBSTITUTED: u64 = 20_000;
/// Symbols whose growth is computed one by one.
const MOST_SYMBOLS: usize = 24;
/// Allocations of a function that are told.
const MOST_ALLOCATIONS: usize = 60;
/// Keys of the event that are remembered.
const MOST_INPUTS: usize = 200;

/// Inputs that a function is to be looked at with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// For people: `n = 1000`.
    pub name: String,
    /// The event, if it is given as a whole.
    pub event: Option<Json>,
    /// Values of inputs, by key of the event (`n`, `body.size`), symbol (`len(event["keys"])`) or memory-critical
    /// variable.
    pub inputs: BTreeMap<String, Json>,
}

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Folders that paths are told relative to, the first that fits, and what is put before such a path.
    pub bases: Vec<(PathBuf, String)>,
    /// The version of CPython whose objects are counted; the template's, or else the newest checked, if not given.
    pub version: Option<Version>,
    /// The platform whose largest request bounds the event; the handler's own if not given.
    pub platform: Option<String>,
}

impl Settings {
    /// A path as it is told: relative to the first base that it is below, with `/`.
    pub fn told(&self, path: &Path) -> String {
        let found = self.bases.iter().find_map(|(base, before)| Some((path.strip_prefix(base).ok()?, before.as_str())));
        let (short, before) = found.unwrap_or((path, ""));
        let mut text = before.to_owned();
        for part in short.components().filter(|part| !matches!(part, Component::CurDir)) {
            match part {
                Component::RootDir => text.push('/'),
                other => {
                    if !text.is_empty() && !text.ends_with('/') {
                        text.push('/');
                    }
                    text.push_str(&other.as_os_str().to_string_lossy());
                }
            }
        }
        text
    }
}

/// The names by which budgets know a handler: those of [`Profile::names`].
pub fn names_of(handler: &Handler, settings: &Settings) -> Vec<String> {
    let mut names = vec![
        format!("{}:{}", settings.told(&handler.file), handler.function),
        handler.name(),
        handler.function.rsplit('.').next().unwrap_or(&handler.function).to_owned(),
    ];
    if let Origin::Template { logical_id, .. } = &handler.origin {
        names.push(logical_id.clone());
    }
    names
}

/// What was read of a group of handlers, and which files that rests on.
#[derive(Debug, Default)]
pub struct Read {
    /// Each handler's profile, in order; none where it cannot be read.
    pub profiles: Vec<Option<Profile>>,
    /// What went wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Other files of the project that were read.
    pub files: Vec<PathBuf>,
    /// Modules and packages that would be read if they were there.
    pub absent: Vec<PathBuf>,
}

/// Reads handlers that share file and code root, each with its own inputs. To be called on a thread of
/// [`with_stack`](crate::project::source::with_stack).
pub fn analyse(handlers: &[(&Handler, &[Given])], settings: &Settings, sources: &Arc<Sources>) -> Read {
    let mut read = Read::default();
    let Some((first, _)) = handlers.first() else { return read };
    let source = match first.inline {
        Some(_) => first.source().map(Arc::new),
        None => sources.load(&first.file),
    };
    sources.forget(&first.file);
    let source = match source {
        Ok(source) => source,
        Err(problem) => {
            read.profiles = vec![None; handlers.len()];
            read.diagnostics.push(problem);
            return read;
        }
    };
    let load = LoadOptions {
        roots: vec![first.code_root.clone()],
        sources: Some(Arc::clone(sources)),
        ..LoadOptions::default()
    };
    let (project, diagnostics) = Project::from_sources(vec![(source, first.module.clone())], &load);
    read.diagnostics = diagnostics;
    read.files = project.modules().skip(1).map(|(_, module)| module.source.path.clone()).collect();
    let outside = outside(&project);
    let imports: Vec<&str> = outside.imports.iter().map(String::as_str).collect();
    let later: Vec<&str> = outside.later_imports.iter().map(String::as_str).collect();
    let mut absent: BTreeSet<PathBuf> = BTreeSet::new();
    for name in imports.iter().chain(&later) {
        let mut path = first.code_root.clone();
        for part in name.split('.') {
            path.push(part);
            if !path.exists() {
                absent.insert(path.with_extension("py"));
                absent.insert(path.clone());
                break;
            }
        }
    }
    read.absent = absent.into_iter().collect();
    let program = Program::analyse(&project);
    let packages: BTreeSet<&str> =
        imports.iter().chain(&later).map(|name| name.split('.').next().unwrap_or(name)).collect();
    let packages: Vec<String> = packages.into_iter().map(str::to_owned).collect();
    let reader = Reader {
        imports: packages,
        project: &project,
        program: &program,
        settings,
        statements: statements(&project),
        inputs: inputs(&project),
        process: Process::of(&outside),
    };
    for (handler, given) in handlers {
        match reader.program.handler(handler) {
            Ok(function) => read.profiles.push(Some(reader.profile(handler, function, given))),
            Err(problem) => {
                read.diagnostics.push(problem);
                read.profiles.push(None);
            }
        }
    }
    read
}

/// What a statement calls, or its own text; and the fingerprint of its text.
#[derive(Clone, Debug)]
struct Told {
    what: String,
    statement: String,
}

type Statements = BTreeMap<(PathBuf, u32), Told>;

struct Reader<'p> {
    project: &'p Project,
    program: &'p Program<'p>,
    settings: &'p Settings,
    statements: Statements,
    inputs: Vec<String>,
    process: Option<Process>,
    imports: Vec<String>,
}

impl Reader<'_> {
    fn run(&self, handler: &Handler, function: FunctionId, event: Option<&Plain>, values: Values) -> Outcome {
        let options = Options { values, ..Options::of(&handler.settings, self.settings.version) };
        let steps = if event.is_some() { EVENT_STEPS } else { SYMBOLIC_STEPS };
        memory::run_bounded(self.project, self.program, function, event, Vec::new(), &options, steps)
    }

    fn profile(&self, handler: &Handler, function: FunctionId, given: &[Given]) -> Profile {
        let info = self.program.function(function);
        let file = self.settings.told(&handler.file);
        let line = match info.definition {
            crate::calls::Definition::Function(definition) => {
                self.project.module(info.module).source.line_of(&definition.name)
            }
            crate::calls::Definition::Lambda(_)
            | crate::calls::Definition::ClassBody(_)
            | crate::calls::Definition::Module(_) => 1,
        };
        let outcome = self.run(handler, function, None, Values::new());
        let mut profile = Profile {
            id: format!("{file}:{}", handler.function),
            name: handler.name(),
            logical_id: match &handler.origin {
                Origin::Template { logical_id, .. } => Some(logical_id.clone()),
                Origin::FunctionJson { .. }
                | Origin::Decorator
                | Origin::Signature
                | Origin::Option
                | Origin::Assignment => None,
            },
            file,
            line,
            memory_mb: handler.settings.memory_mb.as_ref().map(|set| set.value),
            baseline_bytes: self.process.as_ref().map(|process| process.baseline(&outcome).low),
            initial_peak_bytes: self.process.as_ref().map(|process| {
                let peak = process.initial_peak(&outcome);
                peak.high.unwrap_or(peak.low)
            }),
            footprint: self.footprint(handler, &outcome),
            unknown_imports: self.process.as_ref().map(|process| process.missing.clone()).unwrap_or_default(),
            imports: self.imports.clone(),
            complete: outcome.complete,
            inputs: self.inputs.clone(),
            ..Profile::default()
        };
        if outcome.complete {
            profile.demand = quantity(&outcome.demand, &outcome.unknown);
            profile.peak = quantity(&outcome.peak, &outcome.unknown);
            profile.resident_peak = quantity(&outcome.resident_peak, &outcome.unknown);
            profile.retained = quantity(&outcome.retained, &outcome.unknown);
            let mut symbols = outcome.peak.symbols();
            symbols.extend(outcome.retained.symbols());
            profile.unknown = outcome
                .unknown
                .iter()
                .filter(|unknown| symbols.contains(&unknown.name))
                .map(|unknown| Unknown {
                    name: unknown.name.to_string(),
                    cause: unknown.cause.clone(),
                    meaning: unknown.meaning.clone(),
                    file: self.settings.told(Path::new(&unknown.file)),
                    line: unknown.line,
                })
                .collect();
        }
        profile.grows = outcome
            .growth
            .iter()
            .map(|(file, line, what)| (self.settings.told(Path::new(file)), *line, what.clone()))
            .collect();
        self.allocations(&mut profile, &outcome);
        for one in given {
            let at = self.at(handler, function, one, &outcome, &mut profile);
            profile.at.push(at);
        }
        profile
    }

    /// On whatever the platform lets through.
    fn footprint(&self, handler: &Handler, outcome: &Outcome) -> Bounds {
        let named = self.settings.platform.as_deref().unwrap_or_else(|| platform_of(handler));
        let (Some(process), Some(platform)) = (&self.process, platform(named)) else { return Bounds::default() };
        let unknown = Request::of(handler, &platform).bounded(&outcome.resident_peak, &outcome.unknown);
        let all = process.baseline(outcome).and(process.above(&outcome.resident_peak, &unknown));
        Bounds { min: Some(all.low), max: all.high.filter(|_| outcome.complete) }
    }

    /// The statements that make memory grow, and which of them the peak's growth comes from.
    fn allocations(&self, profile: &mut Profile, outcome: &Outcome) {
        let mut before: Option<&Formula> = None;
        for (file, line, live) in &outcome.marks {
            let raises = match (before.and_then(Formula::as_number), live.as_number()) {
                (Some(old), Some(new)) => new > old,
                (None, Some(new)) => before.is_none() && !new.is_zero(),
                (_, None) => before != Some(live),
            };
            if raises && profile.allocations.len() < MOST_ALLOCATIONS {
                profile.allocations.extend(self.allocation(file, *line));
            }
            if raises || live.as_number().is_none() {
                before = Some(live);
            }
        }
        // The peak of numbers is where it is first reached; that of formulas where it first grows as it does.
        let wanted = profile.peak.growth.as_ref();
        let place = match outcome.peak.as_number() {
            Some(_) => highest(outcome),
            None => outcome
                .marks
                .iter()
                .filter(|(_, _, live)| live.size() <= MOST_GROWN)
                .find(|(_, _, live)| wanted.is_some_and(|wanted| live.growth(None).to_string() == *wanted))
                .map(|(file, line, _)| (file.clone(), *line)),
        };
        profile.peak_at = place.and_then(|(file, line)| self.index(profile, &file, line));
    }

    fn allocation(&self, file: &str, line: u32) -> Option<Allocation> {
        let told = self.statements.get(&(PathBuf::from(file), line))?;
        Some(Allocation {
            file: self.settings.told(Path::new(file)),
            line,
            what: told.what.clone(),
            statement: told.statement.clone(),
        })
    }

    /// The number of a place among the allocations; it becomes one.
    fn index(&self, profile: &mut Profile, file: &str, line: u32) -> Option<u32> {
        let allocation = self.allocation(file, line)?;
        let known = profile.allocations.iter().position(|one| one == &allocation);
        let at = known.unwrap_or_else(|| {
            profile.allocations.push(allocation);
            profile.allocations.len() - 1
        });
        u32::try_from(at).ok()
    }

    fn at(
        &self,
        handler: &Handler,
        function: FunctionId,
        given: &Given,
        symbolic: &Outcome,
        profile: &mut Profile,
    ) -> At {
        let (event, values) = event_of(given);
        let ran = event.map(|event| self.run(handler, function, Some(&Plain::from_json(&event)), values));
        let mut at = At { name: given.name.clone(), ..At::default() };
        let lacks_key = |name: &str| matches!(name, "KeyError" | "IndexError" | "TypeError");
        let is_whole = given.event.is_some();
        match ran {
            // Some keys alone may not be an event: then the formulas say more.
            Some(outcome) if is_whole || !outcome.raised().is_some_and(lacks_key) => {
                at.raises = outcome.raised().map(str::to_owned);
                if outcome.complete {
                    let formulas = outcome.formulas();
                    fill(&mut at, &formulas.map(Clone::clone), &outcome);
                } else {
                    at.unknown.push("the function was not followed to its end".to_owned());
                }
                at.peak_at = highest(&outcome).and_then(|(file, line)| self.index(profile, &file, line));
            }
            other => {
                let formulas = symbolic.formulas();
                if !symbolic.complete || formulas.iter().any(|formula| formula.size() > MOST_SUBSTITUTED) {
                    at.raises = other.as_ref().and_then(Outcome::raised).map(str::to_owned);
                    at.unknown.push("the function was not followed to its end without a whole event".to_owned());
                } else {
                    let map = substitution(given, &symbolic.peak, &symbolic.demand);
                    let formulas = formulas.map(|formula| formula.substitute(&map));
                    fill(&mut at, &formulas, symbolic);
                }
            }
        }
        if let Some(process) = &self.process {
            let held = process.baseline(symbolic);
            let above = |bytes: Option<u64>| bytes.map(|bytes| bytes.saturating_add(process.later_bytes));
            at.footprint = Bounds {
                min: at.resident_peak.min.map(|bytes| bytes.saturating_add(held.low)),
                max: above(at.resident_peak.max).zip(held.high).map(|(above, held)| above.saturating_add(held)),
            };
        }
        at
    }
}

type Values = BTreeMap<Text, Plain>;

/// Where the largest number of all marks is first reached.
fn highest(outcome: &Outcome) -> Option<(String, u32)> {
    let mut best: Option<(&BigRational, &str, u32)> = None;
    for (file, line, live) in &outcome.marks {
        if let Some(bytes) = live.as_number().filter(|bytes| !bytes.is_zero())
            && best.is_none_or(|(most, _, _)| bytes > most)
        {
            best = Some((bytes, file, *line));
        }
    }
    best.map(|(_, file, line)| (file.to_owned(), line))
}

/// The event that inputs make, and values for what is no part of it. None if no input is a key.
fn event_of(given: &Given) -> (Option<Json>, Values) {
    let mut event = given.event.clone();
    let mut values = Values::new();
    for (name, value) in &given.inputs {
        match keys(name) {
            Some(path) => {
                values.insert(Text::from(name.as_str()), Plain::from_json(value));
                put(event.get_or_insert(Json::Null), &path, value);
            }
            None => {
                values.insert(Text::from(name.as_str()), Plain::from_json(value));
            }
        }
    }
    (event, values)
}

/// What inputs put into the places of symbols.
fn substitution(given: &Given, peak: &Formula, demand: &Formula) -> BTreeMap<Text, Formula> {
    let mut map = BTreeMap::new();
    let mut symbols = peak.symbols();
    symbols.extend(demand.symbols());
    for (name, value) in &given.inputs {
        let length = match value {
            Json::String(text) => Some(text.chars().count()),
            Json::Array(items) => Some(items.len()),
            Json::Object(entries) => Some(entries.len()),
            Json::Null | Json::Bool(_) | Json::Number(_) => None,
        };
        let number =
            value.as_i64().map(Formula::integer).or_else(|| value.as_bool().map(|b| Formula::integer(i64::from(b))));
        for symbol in &symbols {
            let formula = match (stands_for(symbol, name), length, &number) {
                (Some(true), Some(length), _) => Some(Formula::integer(length)),
                (Some(_), None, Some(number)) => Some(number.clone()),
                _ => None,
            };
            if let Some(formula) = formula {
                map.insert(symbol.clone(), formula);
            }
        }
    }
    map
}

/// Whole bytes of a formula without symbols, never below zero.
fn number(formula: Option<Formula>) -> Option<u64> {
    let value = formula?.evaluate(&Environment::new()).ok()?;
    value.max(BigRational::zero()).ceil().to_integer().to_u64()
}

fn bounds_of(formula: &Formula, outcome: &[memory::unknown::Unknown]) -> Bounds {
    if formula.size() > MOST_SUBSTITUTED {
        return Bounds::default();
    }
    let (low, high) = bounds(formula, outcome);
    Bounds { min: number(low), max: number(high) }
}

fn fill(at: &mut At, formulas: &[Formula; 4], outcome: &Outcome) {
    let [demand, peak, resident, retained] = formulas;
    at.demand = bounds_of(demand, &outcome.unknown);
    at.peak = bounds_of(peak, &outcome.unknown);
    at.resident_peak = bounds_of(resident, &outcome.unknown);
    at.retained = bounds_of(retained, &outcome.unknown);
    if peak.size() <= MOST_SUBSTITUTED {
        at.unknown.extend(peak.symbols().iter().map(ToString::to_string));
    }
}

fn quantity(formula: &Formula, unknown: &[memory::unknown::Unknown]) -> Quantity {
    let can_grow = formula.size() <= MOST_GROWN;
    let symbols = if can_grow { formula.symbols() } else { BTreeSet::new() };
    Quantity {
        formula: (formula.size() <= MOST_SHOWN).then(|| formula.to_string()),
        growth: can_grow.then(|| formula.growth(None).to_string()),
        orders: symbols
            .iter()
            .take(MOST_SYMBOLS)
            .map(|symbol| (symbol.to_string(), formula.growth(Some(symbol)).to_string()))
            .collect(),
        bounds: bounds_of(formula, unknown),
    }
}

/// The statements of all modules without statements inside, by the line that they begin in.
fn statements(project: &Project) -> Statements {
    struct Collect<'a> {
        source: &'a Source,
        found: Statements,
    }
    impl<'a> Visitor<'a> for Collect<'a> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            if matches!(statement, Stmt::Expr(inner) if inner.value.is_string_literal_expr()) {
                return;
            }
            if memory::is_simple(statement) {
                let text = one_line(self.source.slice(statement));
                let statement_hash = format!("{:016x}", fingerprint([text.as_bytes()]) as u64);
                let mut call = Call { source: self.source, found: None };
                call.visit_stmt(statement);
                let what = call.found.unwrap_or_else(|| short(&text, 60));
                let key = (self.source.path.clone(), self.source.line_of(statement));
                self.found.entry(key).or_insert(Told { what, statement: statement_hash });
                return;
            }
            walk_stmt(self, statement);
        }
    }
    let mut found = Statements::new();
    for (_, module) in project.modules() {
        let mut collect = Collect { source: &module.source, found };
        for statement in &module.source.ast.body {
            collect.visit_stmt(statement);
        }
        found = collect.found;
    }
    found
}

/// The outermost call of a statement that is worth a name.
struct Call<'a> {
    source: &'a Source,
    found: Option<String>,
}

/// Calls that are hardly why a statement needs memory.
const SMALL: [&str; 12] =
    ["len", "int", "range", "print", "isinstance", "str", "float", "bool", "min", "max", "abs", "round"];

impl<'a> Visitor<'a> for Call<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if self.found.is_some() {
            return;
        }
        if let Expr::Call(call) = expression {
            let name = one_line(self.source.slice(&*call.func));
            if !SMALL.contains(&name.as_str()) {
                self.found = Some(short(&name, 60));
                return;
            }
        }
        walk_expr(self, expression);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The keys that the code reads from anything: `x["n"]`, `x.get("n")`, sorted.
fn inputs(project: &Project) -> Vec<String> {
    struct Keys(BTreeSet<String>);
    impl<'a> Visitor<'a> for Keys {
        fn visit_expr(&mut self, expression: &'a Expr) {
            let key = match expression {
                Expr::Subscript(subscript) => Some(&*subscript.slice),
                Expr::Call(call) => match &*call.func {
                    Expr::Attribute(attribute) if matches!(attribute.attr.as_str(), "get" | "pop") => {
                        call.arguments.args.first()
                    }
                    _ => None,
                },
                _ => None,
            };
            if let Some(Expr::StringLiteral(text)) = key {
                self.0.insert(text.value.to_str().to_owned());
            }
            walk_expr(self, expression);
        }
    }
    let mut keys = Keys(BTreeSet::new());
    for (_, module) in project.modules() {
        for statement in &module.source.ast.body {
            keys.visit_stmt(statement);
        }
    }
    keys.0.into_iter().take(MOST_INPUTS).collect()
}
